//! Every reply in both protocols. `replies.txt` has the bytes: the name of the reply, the JSON body, the XML body, an
//! empty line. botocore's parsers read the same values from both bodies.

use posthouse_model::message::{AttributeValue, StoredMessage};
use posthouse_model::operation::*;
use posthouse_model::ranges::MoveRate;
use posthouse_model::{MessageId, QueueAddress, QueueAttributeName, SequenceNumber, Transport};

use super::requests::{handle, message, queue};
use super::*;
use crate::aws::tests::replies::{self, check_replies};

const REPLIES: &str = include_str!("replies.txt");

fn named(name: &str) -> QueueAddress {
    QueueAddress { name: name.parse().expect("valid"), ..queue() }
}

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
}

pub(super) fn received(message: StoredMessage) -> ReceivedMessage {
    ReceivedMessage {
        handle: handle(),
        id: message.id(),
        message,
        sent: at(0),
        receive_count: 2,
        first_received: at(60),
        sequence_number: None,
        dead_letter_source: None,
        notification: None,
        failure: None,
    }
}

fn plain() -> StoredMessage {
    message(1, "plain", &[], |_| {})
}

/// A message with every attribute, and a body that both protocols must escape.
fn full() -> ReceivedMessage {
    let attributes = [
        ("a", "String", AttributeValue::Text("<1>".into())),
        ("b.x", "Binary.png", AttributeValue::Binary(b"\xff\xfe".into())),
        ("c", "Number", AttributeValue::Text("3".into())),
    ];
    let message = message(2, "\t<a href=\"x\">\\ & ü 🚀", &attributes, |draft| {
        draft.fifo = true;
        draft.group = Some("g");
        draft.deduplication = Some("d");
        draft.trace_header = Some(posthouse_model::message::TraceHeader::Attribute("Root=1-5"));
    });
    ReceivedMessage {
        sequence_number: Some(SequenceNumber::in_queue(posthouse_model::MessageKey::new(18))),
        dead_letter_source: Some(named("source.fifo")),
        ..received(message)
    }
}

fn sent(message: &StoredMessage, sequence_number: Option<SequenceNumber>) -> Sent {
    Sent { id: message.id(), digests: message.digests(), sequence_number }
}

fn task(status: MoveTaskStatus) -> MoveTaskView {
    MoveTaskView {
        handle: None,
        status,
        source: named("dead"),
        destination: None,
        rate_per_second: None,
        moved: 7,
        to_move: 9,
        failure: None,
        started: at(0),
    }
}

/// The members of a JSON request, and the reply to it.
fn cases() -> Vec<(&'static str, Action, String, Reply)> {
    let queue_url = |more: &str| format!(r#""QueueUrl":"{URL}"{more}"#);
    let id = |text| BatchEntryId::parse(text).expect("valid");
    let batch = || {
        Reply::Batch(BatchReply::collect([
            (id("a"), Ok(())),
            (id("b"), Err(Fault::ReceiptHandleIsInvalid("<x>".into()))),
            (id("c"), Err(Fault::Internal)),
            (id("d"), Err(Fault::ReceiptHandleExpired("h".into()))),
            (id("e"), Err(Fault::ReceiptHandleOfOtherQueue("h".into()))),
        ]))
    };
    let handle_json = format!(r#","ReceiptHandle":"{HANDLE}""#);
    let entries = format!(r#","Entries":[{{"Id":"a","ReceiptHandle":"{HANDLE}","VisibilityTimeout":1}}]"#);
    let page = |more| Reply::Queues(QueuePage { queues: vec![named("one"), named("two")], more });
    let nothing = || Reply::Queues(QueuePage { queues: vec![], more: false });
    let move_handle = MoveTaskHandle { task: MoveTaskId::from_bytes(*b"0123456789abcdef"), source: named("dead") };
    let source_arn = format!(r#""SourceArn":"{ARN}""#);
    let all = r#","MessageSystemAttributeNames":["All"],"MessageAttributeNames":["All"]"#;
    let some = r#","AttributeNames":["MessageGroupId"],"MessageAttributeNames":["c","b.*"]"#;
    let none = r#","MessageAttributeNames":["z"],"AttributeNames":["AWSTraceHeader"]"#;
    vec![
        ("done", Action::DeleteMessage, queue_url(&handle_json), Reply::Done),
        ("tasks were moved", Action::CancelMessageMoveTask, r#""TaskHandle":"eyJ0YXNrSWQiOiIzMDMxMzIzMy0zNDM1LTM2MzctMzgzOS02MTYyNjM2NDY1NjYiLCJzb3VyY2VBcm4iOiJhcm46YXdzOnNxczpldS13ZXN0LTE6MTIzNDU2Nzg5MDEyOnEifQ==""#.into(), Reply::CancelMessageMoveTask(5)),
        ("visibility batch", Action::ChangeMessageVisibilityBatch, queue_url(&entries), batch()),
        ("delete batch", Action::DeleteMessageBatch, queue_url(&entries), batch()),
        (
            "visibility batch without failures",
            Action::ChangeMessageVisibilityBatch,
            queue_url(&entries),
            Reply::Batch(BatchReply::collect([(id("a"), Ok(()))])),
        ),
        (
            "delete batch without successes",
            Action::DeleteMessageBatch,
            queue_url(&entries),
            Reply::Batch(BatchReply::collect([(id("c"), Err(Fault::Internal))])),
        ),
        ("created", Action::CreateQueue, r#""QueueName":"one""#.into(), Reply::Queue(named("one"))),
        ("found", Action::GetQueueUrl, r#""QueueName":"one""#.into(), Reply::Queue(named("one"))),
        (
            "attributes",
            Action::GetQueueAttributes,
            queue_url(""),
            Reply::Attributes(
                [
                    (QueueAttributeName::DelaySeconds, "5".into()),
                    (QueueAttributeName::Policy, r#"{"Version":"2012-10-17"}"#.into()),
                ]
                .into(),
            ),
        ),
        ("no attributes", Action::GetQueueAttributes, queue_url(""), Reply::Attributes([].into())),
        ("queues", Action::ListQueues, String::new(), page(true)),
        ("a page of queues", Action::ListQueues, r#""MaxResults":2"#.into(), page(true)),
        ("the last page of queues", Action::ListQueues, r#""MaxResults":2"#.into(), page(false)),
        ("no queues", Action::ListQueues, String::new(), nothing()),
        ("a page of sources", Action::ListDeadLetterSourceQueues, queue_url(r#","MaxResults":2"#), page(true)),
        ("no sources", Action::ListDeadLetterSourceQueues, queue_url(""), nothing()),
        (
            "tasks",
            Action::ListMessageMoveTasks,
            source_arn.clone(),
            Reply::MoveTasks(vec![
                MoveTaskView {
                    handle: Some(move_handle.clone()),
                    destination: Some(named("to")),
                    rate_per_second: MoveRate::new(50).ok(),
                    ..task(MoveTaskStatus::Running)
                },
                MoveTaskView { failure: Some("AWS.SimpleQueueService.NonExistentQueue".into()), ..task(MoveTaskStatus::Failed) },
            ]),
        ),
        ("no tasks", Action::ListMessageMoveTasks, source_arn.clone(), Reply::MoveTasks(vec![])),
        ("a task started", Action::StartMessageMoveTask, source_arn, Reply::StartMessageMoveTask(move_handle)),
        (
            "tags",
            Action::ListQueueTags,
            queue_url(""),
            Reply::Tags(Tags::parse([("<k>", "\"v\""), ("team", "")]).expect("valid")),
        ),
        ("no tags", Action::ListQueueTags, queue_url(""), Reply::Tags(Tags::default())),
        ("sent", Action::SendMessage, queue_url(r#","MessageBody":"x""#), Reply::SendMessage(sent(&plain(), None))),
        (
            "sent with everything",
            Action::SendMessage,
            queue_url(r#","MessageBody":"x""#),
            Reply::SendMessage(sent(&full().message, Some(SequenceNumber::in_queue(posthouse_model::MessageKey::new(18))))),
        ),
        (
            "sent batch",
            Action::SendMessageBatch,
            queue_url(r#","Entries":[{"Id":"a","MessageBody":"x"}]"#),
            Reply::SendMessageBatch(BatchReply::collect([
                (id("a"), Ok(sent(&plain(), None))),
                (id("b"), Err(Fault::InvalidMessageContents)),
            ])),
        ),
        (
            "sent batch without failures",
            Action::SendMessageBatch,
            queue_url(r#","Entries":[{"Id":"a","MessageBody":"x"}]"#),
            Reply::SendMessageBatch(BatchReply::collect([(id("a"), Ok(sent(&plain(), None)))])),
        ),
        ("no messages", Action::ReceiveMessage, queue_url(all), Reply::ReceiveMessage(vec![])),
        (
            "messages without attributes",
            Action::ReceiveMessage,
            queue_url(""),
            Reply::ReceiveMessage(vec![received(plain()), full()]),
        ),
        (
            "messages with all attributes",
            Action::ReceiveMessage,
            queue_url(all),
            Reply::ReceiveMessage(vec![received(plain()), full()]),
        ),
        (
            "messages with some attributes",
            Action::ReceiveMessage,
            queue_url(some),
            Reply::ReceiveMessage(vec![received(plain()), full()]),
        ),
        (
            "messages with attributes that they do not have",
            Action::ReceiveMessage,
            queue_url(none),
            Reply::ReceiveMessage(vec![received(plain())]),
        ),
        (
            "a moved message with its new id",
            Action::ReceiveMessage,
            queue_url(""),
            Reply::ReceiveMessage(vec![ReceivedMessage {
                id: MessageId::from_random([9; 16]),
                ..received(plain())
            }]),
        ),
    ]
}

/// The encoders of one request in both protocols. `members` is the JSON of its members.
pub(super) fn encoders(action: Action, members: &str) -> [Encoder; 2] {
    replies::encoders(decode_json(action.as_str(), &format!("{{{members}}}")))
}

#[test]
fn replies_are_these_bytes() {
    let encoded = |(name, action, members, reply): (_, _, String, _)| (name, encoders(action, &members), reply);
    check_replies(REPLIES, cases().into_iter().map(encoded).collect());
}

#[test]
fn a_large_clean_body_is_the_slice_that_was_stored() {
    let text = "x".repeat(100_000);
    let stored = message(1, &text, &[], |_| {});
    let slice = stored.body_bytes();
    let reply = Ok(Reply::ReceiveMessage(vec![received(stored), received(plain())]));
    for encoder in encoders(Action::ReceiveMessage, &format!(r#""QueueUrl":"{URL}""#)) {
        let response = encoder.encode(&reply);
        let length = response.body().remaining_bytes();
        let segments: Vec<Bytes> = response.into_body().collect();
        assert_eq!(segments.len(), 3);
        assert_eq!(segments[1].as_ptr(), slice.as_ptr());
        assert_eq!(segments.iter().map(|segment| segment.len() as u64).sum::<u64>(), length);
    }
}

#[test]
fn urls_follow_the_host_unless_a_public_one_is_configured() {
    let public = || Some("https://queues.example.com/sqs".parse().expect("valid"));
    for (public_url, host, transport, base) in [
        (None, Some("broker:9324"), Transport::Plain, "http://broker:9324"),
        (None, Some("broker"), Transport::Tls, "https://broker"),
        (None, None, Transport::Plain, "http://localhost"),
        (public(), Some("broker:9324"), Transport::Plain, "https://queues.example.com/sqs"),
    ] {
        let sqs = Aws::new(Options { public_url, ..options() });
        let mut parts = json_request("GetQueueUrl");
        parts.headers.remove("host");
        if let Some(host) = host {
            parts.headers.insert("host", host.parse().expect("valid"));
        } else {
            parts.version = http::Version::HTTP_10;
        }
        let body = Bytes::from(r#"{"QueueName":"one"}"#);
        let arrival = Arrival { transport, ..arrival() };
        let decoded = whole(&sqs, &parts, &body, &arrival, &mut || [0; 16]).expect("valid");
        let response = decoded.encoder.encode(&Ok(Reply::Queue(named("one"))));
        assert_eq!(super::body(response), format!(r#"{{"QueueUrl":"{base}/123456789012/one"}}"#));
    }
}

#[test]
fn json_1_1_is_answered_in_kind() {
    let mut parts = json_request("ListQueues");
    parts.headers.insert("content-type", "application/x-amz-json-1.1".parse().expect("valid"));
    let decoded = decode(&parts, "{}").expect("valid");
    let response = decoded.encoder.encode(&Ok(Reply::Queues(QueuePage { queues: vec![], more: false })));
    assert_eq!(shown(response), "200 application/x-amz-json-1.1\n{}");
}
