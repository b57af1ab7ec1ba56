//! Every action as botocore writes it, in JSON (1.44) and in Query (1.31, the last with that protocol): both read as
//! the same request. `requests.txt` has the bytes: action, JSON body, form.

use posthouse_model::fault::{InvalidValue, RangedParameter};
use posthouse_model::message::{AttributeValue, ClientId, MessageAttribute, MessageDraft, TraceHeader};
use posthouse_model::operation::*;
use posthouse_model::{
    AttributeChanges, Identity, MessageCount, MessageId, MessageKey, OutOfRange, PageSize, PresentedHandle,
    QueueAddress, QueueAttributeName, QueueId, ReceiptHandle, ReceiveWait, RegionSource, SqsMessageCount,
    StoredMessage, Transport, WaitTime,
};

use super::*;
use crate::protocol::Protocol;
use crate::protocol::host::Host;

const REQUESTS: &str = include_str!("requests.txt");

pub(super) fn queue() -> QueueAddress {
    ARN.parse().expect("valid")
}

pub(super) fn handle() -> ReceiptHandle {
    ReceiptHandle { queue: QueueId::new(1), message: MessageKey::new(1), generation: 1 }
}

fn presented() -> PresentedHandle {
    PresentedHandle::new(handle(), HandleKey::new(KEY).seal(handle()))
}

pub(super) fn message<'a>(
    id: u8,
    body: &'a str,
    attributes: &[(&'a str, &'a str, AttributeValue<'a>)],
    change: impl FnOnce(&mut MessageDraft<'a>),
) -> StoredMessage {
    let attributes = attributes.iter().map(|(name, data_type, value)| MessageAttribute {
        name: (*name).into(),
        data_type: (*data_type).into(),
        value: value.clone(),
    });
    let mut draft = MessageDraft {
        id: MessageId::from_random([id; 16]),
        body,
        attributes: attributes.collect(),
        trace_header: None,
        group: None,
        deduplication: None,
        fifo: false,
        sender: "123456789012",
    };
    change(&mut draft);
    draft.seal().expect("a valid message")
}

/// A number of a request, in the range of its type.
fn in_range<T: TryFrom<i64, Error = OutOfRange>>(number: i64) -> T {
    T::try_from(number).expect("in its range")
}

/// What each action's bytes say.
fn expected(action: Action) -> Request {
    let label = || PermissionLabel::parse("alice").expect("valid");
    let queue = queue();
    let account = |text: &str| text.parse().expect("valid");
    let forged = || Fault::ReceiptHandleIsInvalid("forged".into());
    let after = Some("o".parse().expect("valid"));
    match action {
        Action::AddPermission => Request::AddPermission(AddPermission {
            queue,
            label: label(),
            accounts: vec![account("111111111111"), account("222222222222")],
            actions: vec!["SendMessage".into(), "*".into()],
        }),
        Action::CancelMessageMoveTask => Request::CancelMessageMoveTask(CancelMessageMoveTask {
            handle: MoveTaskHandle { task: MoveTaskId::from_bytes(*b"0123456789abcdef"), source: queue },
        }),
        Action::ChangeMessageVisibility => Request::ChangeMessageVisibility(ChangeMessageVisibility {
            queue,
            handle: Ok(presented()),
            visibility_timeout: in_range(60),
        }),
        Action::ChangeMessageVisibilityBatch => Request::ChangeMessageVisibilityBatch(ChangeMessageVisibilityBatch {
            queue,
            entries: Batch::new(
                Action::ChangeMessageVisibilityBatch,
                vec![("a", Ok((presented(), in_range(0)))), ("b", Err(forged()))],
            )
            .expect("valid"),
        }),
        Action::CreateQueue => Request::CreateQueue(CreateQueue {
            name: "q".parse().expect("valid"),
            attributes: AttributeChanges::parse([("DelaySeconds", "5"), ("VisibilityTimeout", "60")]).expect("valid"),
            tags: Tags::parse([("team", "a&b")]).expect("valid"),
        }),
        Action::DeleteMessage => Request::DeleteMessage(DeleteMessage { queue, handle: Ok(presented()) }),
        Action::DeleteMessageBatch => Request::DeleteMessageBatch(DeleteMessageBatch {
            queue,
            entries: Batch::new(Action::DeleteMessageBatch, vec![("a", Ok(presented())), ("b", Err(forged()))])
                .expect("valid"),
        }),
        Action::DeleteQueue => Request::DeleteQueue(DeleteQueue { queue }),
        Action::GetQueueAttributes => Request::GetQueueAttributes(GetQueueAttributes {
            queue,
            names: [QueueAttributeName::DelaySeconds, QueueAttributeName::QueueArn].into(),
        }),
        Action::GetQueueUrl => {
            Request::GetQueueUrl(GetQueueUrl { queue: QueueAddress { account: account("111111111111"), ..queue } })
        }
        Action::ListDeadLetterSourceQueues => {
            Request::ListDeadLetterSourceQueues(ListDeadLetterSourceQueues { queue, results_max: in_range(2), after })
        }
        Action::ListMessageMoveTasks => {
            Request::ListMessageMoveTasks(ListMessageMoveTasks { source: queue, results_max: in_range(3) })
        }
        Action::ListQueueTags => Request::ListQueueTags(ListQueueTags { queue }),
        Action::ListQueues => Request::ListQueues(ListQueues { prefix: "o".into(), results_max: in_range(2), after }),
        Action::PurgeQueue => Request::PurgeQueue(PurgeQueue { queue }),
        Action::ReceiveMessage => Request::ReceiveMessage(ReceiveMessage {
            queue,
            messages_max: SqsMessageCount::MAX.into(),
            visibility_timeout: Some(in_range(5)),
            wait: Some(ReceiveWait::AtMost(WaitTime::MAX)),
            attempt: Some(ClientId::receive_attempt("try-1").expect("valid")),
        }),
        Action::RemovePermission => Request::RemovePermission(RemovePermission { queue, label: label() }),
        Action::SendMessage => Request::SendMessage(SendMessage {
            queue,
            delay: Some(in_range(3)),
            message: message(
                1,
                "hi & \"bye\"\nü",
                &[
                    ("n", "Number.int", AttributeValue::Text("42".into())),
                    ("b", "Binary", AttributeValue::Binary(b"\xff\xfe".into())),
                ],
                |draft| {
                    draft.trace_header = Some(TraceHeader::Attribute("Root=1-5"));
                    draft.group = Some("g");
                },
            ),
        }),
        Action::SendMessageBatch => {
            let too_long = Fault::invalid(InvalidValue::OutOfRange {
                parameter: RangedParameter::DelaySeconds,
                range: OutOfRange { value: 901, min: 0, max: 900 },
            });
            let third = message(3, "three", &[("x", "String", AttributeValue::Text("y".into()))], |_| {});
            let entries = Batch::new(
                Action::SendMessageBatch,
                vec![
                    ("a", SendEntry::new(None, message(1, "one", &[], |_| {}))),
                    ("b", SendEntry::refused(3, GivenIds::default(), too_long)),
                    ("c", SendEntry::new(None, third)),
                ],
            );
            Request::SendMessageBatch(SendMessageBatch::new(queue, entries.expect("valid")).expect("small"))
        }
        Action::SetQueueAttributes => Request::SetQueueAttributes(SetQueueAttributes {
            queue,
            changes: AttributeChanges::parse([("DelaySeconds", "5"), ("Policy", "")]).expect("valid"),
        }),
        Action::StartMessageMoveTask => Request::StartMessageMoveTask(StartMessageMoveTask {
            task: MoveTaskId::from_bytes([1; 16]),
            source: queue.clone(),
            destination: Some(QueueAddress { name: "q2".parse().expect("valid"), ..queue }),
            rate_per_second: Some(in_range(50)),
        }),
        Action::TagQueue => {
            Request::TagQueue(TagQueue { queue, tags: Tags::parse([("team", "a"), ("empty", "")]).expect("valid") })
        }
        Action::UntagQueue => {
            Request::UntagQueue(UntagQueue { queue, keys: TagKeys::parse(["team", "empty"]).expect("valid") })
        }
        other => panic!("{other} is not of SQS"),
    }
}

/// The engine reports a queue that does not exist before a bad handle.
#[test]
fn a_forged_handle_is_a_part_of_its_request() {
    let long = "x".repeat(1_000_000);
    for (action, more) in [("DeleteMessage", ""), ("ChangeMessageVisibility", r#","VisibilityTimeout":1"#)] {
        let body = format!(r#"{{"QueueUrl":"{URL}","ReceiptHandle":"{long}"{more}}}"#);
        let handle = match decode_json(action, &body).expect("a request").call.request {
            Request::DeleteMessage(request) => request.handle,
            Request::ChangeMessageVisibility(request) => request.handle,
            other => panic!("{other:?}"),
        };
        let Err(Fault::ReceiptHandleIsInvalid(text)) = handle else { panic!("{handle:?}") };
        assert!(text.len() <= 1024 && long.starts_with(&*text), "{text}");
    }
}

#[test]
fn both_protocols_decode_to_the_same_request() {
    assert_eq!(HandleKey::new(KEY).seal(handle()).as_str(), HANDLE);
    let mut seen = Vec::new();
    for row in REQUESTS.split_terminator("\n\n") {
        let lines: Vec<&str> = row.lines().collect();
        let [name, json, form] = lines[..] else { panic!("three lines: {row}") };
        let action = Action::find(Service::Sqs, name).expect("an action");
        seen.push(action);
        for decoded in [decode_json(name, json), decode_query(form)] {
            let decoded = decoded.unwrap_or_else(|refused| panic!("{name}: {}", body(refused.response)));
            assert_eq!(decoded.call.request, expected(action), "{:?}", decoded.encoder.protocol());
            assert_eq!(decoded.encoder.action(), action);
            let caller = Caller {
                identity: Identity::root("123456789012".parse().expect("valid")),
                region: "eu-west-1".parse().expect("valid"),
                region_source: RegionSource::Surroundings,
                source: arrival().source,
                transport: Transport::Plain,
            };
            assert_eq!(decoded.call.caller, caller);
        }
    }
    assert_eq!(seen, actions(), "every action has its bytes");
}

#[test]
fn a_missing_member_has_its_default() {
    for (action, members, expected) in [
        (
            "ListQueues",
            String::new(),
            Request::ListQueues(ListQueues { prefix: "".into(), results_max: PageSize::MAX, after: None }),
        ),
        (
            "ReceiveMessage",
            format!(r#""QueueUrl":"{URL}""#),
            Request::ReceiveMessage(ReceiveMessage {
                queue: queue(),
                messages_max: MessageCount::MIN,
                visibility_timeout: None,
                wait: None,
                attempt: None,
            }),
        ),
        (
            "GetQueueAttributes",
            format!(r#""QueueUrl":"{URL}""#),
            Request::GetQueueAttributes(GetQueueAttributes { queue: queue(), names: [].into() }),
        ),
        ("GetQueueUrl", r#""QueueName":"q""#.into(), Request::GetQueueUrl(GetQueueUrl { queue: queue() })),
        (
            "ListMessageMoveTasks",
            format!(r#""SourceArn":"{ARN}""#),
            Request::ListMessageMoveTasks(ListMessageMoveTasks { source: queue(), results_max: PageSize::ONE }),
        ),
    ] {
        let decoded = decode_json(action, &format!("{{{members}}}")).expect(action);
        assert_eq!(decoded.call.request, expected);
    }
}

#[test]
fn all_attributes_are_spelled_out() {
    let body = format!(r#"{{"QueueUrl":"{URL}","AttributeNames":["All","QueueArn"]}}"#);
    let Request::GetQueueAttributes(request) = decode_json("GetQueueAttributes", &body).expect("valid").call.request
    else {
        panic!("another action");
    };
    assert_eq!(request.names.len(), QueueAttributeName::ALL.len());
}

#[test]
fn a_query_may_be_in_the_url_and_name_its_queue_by_the_path() {
    let purge = Request::PurgeQueue(PurgeQueue { queue: queue() });
    for (method, url, content_type, body) in [
        ("GET", "/123456789012/q?Action=PurgeQueue&Version=2012-11-05", None, ""),
        ("GET", "/123456789012/q?Action=PurgeQueue", None, "Action=DeleteQueue"),
        ("POST", "/123456789012/q", Some("application/x-www-form-urlencoded"), "Action=PurgeQueue"),
        ("POST", "/123456789012/q?Action=PurgeQueue", None, ""),
        ("POST", "/123456789012/q", None, "Action=PurgeQueue"),
        ("POST", "/123456789012/other", None, "Action=PurgeQueue&QueueUrl=http://h/123456789012/q"),
        ("POST", "/123456789012/q", None, "Action=PurgeQueue&QueueUrl="),
        ("GET", "/123456789012/q/?Action=PurgeQueue", None, ""),
        ("GET", "/eu-west-1/123456789012/q?Action=PurgeQueue", None, ""),
        ("GET", "/queue/eu-west-1/123456789012/q?Action=PurgeQueue", None, ""),
        ("GET", "/queue/q?Action=PurgeQueue", None, ""),
        ("GET", "/q?Action=PurgeQueue", None, ""),
    ] {
        let headers: Vec<_> = content_type.map(|value| ("content-type", value)).into_iter().collect();
        let decoded = decode(&request(&headers, method, url), body).expect(url);
        assert_eq!(decoded.call.request, purge, "{method} {url} {body}");
    }
}

/// The region of the path, else of the signature, else of the URL's host, else of the request's host, else the configured
/// one.
#[test]
fn the_region_of_a_queue() {
    let signed = "AWS4-HMAC-SHA256 Credential=123456789012/20150830/us-west-2/sqs/aws4_request";
    let unsigned = "AWS4-HMAC-SHA256 Credential=123456789012";
    for (authorization, host, url, region) in [
        (signed, "sqs.us-gov-west-1.x", "http://sqs.sa-east-1.x/ap-south-1/123456789012/q", "ap-south-1"),
        (signed, "sqs.us-gov-west-1.x", "http://sqs.sa-east-1.x/123456789012/q", "us-west-2"),
        (signed, "sqs.us-gov-west-1.x", "q", "us-west-2"),
        (unsigned, "sqs.us-gov-west-1.x", "http://sqs.sa-east-1.x/ap-south-1/123456789012/q", "ap-south-1"),
        (unsigned, "sqs.us-gov-west-1.x", "http://sqs.sa-east-1.x/123456789012/q", "sa-east-1"),
        (unsigned, "sqs.us-gov-west-1.x", "http://localhost/123456789012/q", "us-gov-west-1"),
        (unsigned, "sqs.us-gov-west-1.x", "q", "us-gov-west-1"),
        (unsigned, "localhost", "q", "eu-west-1"),
    ] {
        let mut parts = json_request("PurgeQueue");
        parts.headers.insert("authorization", authorization.parse().expect("valid"));
        parts.headers.insert("host", host.parse().expect("valid"));
        let decoded = decode(&parts, &format!(r#"{{"QueueUrl":"{url}"}}"#)).expect(url);
        let queue = QueueAddress { region: region.parse().expect("valid"), ..queue() };
        assert_eq!(decoded.call.request, Request::PurgeQueue(PurgeQueue { queue }), "{host} {url}");
    }
}

#[test]
fn the_sender_is_the_user_or_the_account() {
    let sqs = secured();
    let (parts, ()) = HttpRequest::post("/").header("host", "h").body(()).expect("valid").into_parts();
    let form = Bytes::from("Action=SendMessage&QueueUrl=http://h/123456789012/q&MessageBody=x");
    let decoded = whole(&sqs, &parts, &form, &arrival(), &mut || [1; 16]).expect("anonymous");
    assert_eq!(decoded.call.caller.identity, Identity::Anonymous);
    let Request::SendMessage(send) = decoded.call.request else { panic!("another action") };
    assert_eq!(send.message.sender(), "anonymous");

    for (name, sender) in [("root", "000000000042"), ("alice", "alice"), (&*"ü".repeat(100), &*"ü".repeat(64))] {
        let caller = Caller {
            identity: Identity::user("000000000042".parse().expect("valid"), name),
            ..decoded.call.caller.clone()
        };
        let context = Context {
            caller: &caller,
            protocol: Protocol::Query,
            host: Host::UNNAMED,
            path: "/",
            trace: None,
            public_url: None,
            handle_key: HandleKey::new(KEY),
            signer: &crate::envelope::Signer::awaiting(),
            random: &mut || [0; 16],
        };
        assert_eq!(context.sender(), sender);
    }
}
