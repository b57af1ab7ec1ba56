//! What is sent through one protocol comes through every other as it was sent, and can be settled there: cases that run
//! over each pair of protocols of one broker.

use std::collections::BTreeMap;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::shared::Carrier;
use crate::support::peer::Through;
use crate::support::queue::Message;
use crate::support::topic::envelope;
use crate::support::{Client, PROTOCOLS, Queue, eventually};

/// A case: sends through the first caller, receives through the second. Fails by panicking.
type Case = fn(&Client, &Client);

macro_rules! cases {
    ($($case:ident,)*) => {
        const CASES: &[(&str, Case)] = &[$((stringify!($case), $case),)*];
    };
}

cases! {
    messages_arrive_as_they_were_sent,
    fifo_messages_arrive_as_they_were_sent,
    a_duplicate_is_one_over_all_protocols,
    what_one_received_another_settles,
    notifications_arrive_as_they_were_published,
    a_dead_letter_says_where_it_comes_from,
}

/// A protocol of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// The protocol over HTTP with this index.
    Http(usize),
    Native(Carrier),
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Http(index) => PROTOCOLS[index].name(),
            Self::Native(native) => native.name(),
        }
    }

    /// A caller at the broker that speaks `at`.
    fn client(self, at: Carrier) -> Client {
        match self {
            Self::Http(index) => at.broker().client(PROTOCOLS[index]),
            Self::Native(native) => native.client(Through::Links),
        }
    }
}

/// The protocols of each broker.
const BROKERS: [&[Side]; 2] = [
    &[Side::Http(0), Side::Http(1), Side::Native(Carrier::Tcp)],
    &[Side::Http(0), Side::Http(1), Side::Native(Carrier::Tls), Side::Native(Carrier::Quic)],
];

/// Each case over each pair of protocols of which one at least is native.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for sides in BROKERS {
        let native = sides.iter().find_map(|side| if let Side::Native(native) = side { Some(*native) } else { None });
        let at = native.expect("each broker of the list speaks the native protocol");
        for &from in sides {
            for &to in sides {
                if matches!((from, to), (Side::Http(_), Side::Http(_))) {
                    continue;
                }
                for &(name, case) in CASES {
                    let name = format!("across::{name}::from-{}-to-{}", from.name(), to.name());
                    trials.push(Trial::test(name, move || {
                        case(&from.client(at), &to.client(at));
                        Ok(())
                    }));
                }
            }
        }
    }
    trials
}

/// Messages of all forms: what their senders say, without the members that only FIFO queues take.
fn forms() -> Vec<Value> {
    let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
    vec![
        json!({ "MessageBody": "x" }),
        json!({ "MessageBody": "ü 漢 😀 \u{FFFD} \u{E000} \u{10FFFF}\t\r\n \"quoted\" \\ <a href='x'>&amp;</a> ]]>" }),
        json!({ "MessageBody": "large".repeat(20_000) }),
        json!({ "MessageBody": "empty members", "MessageAttributes": {}, "MessageSystemAttributes": {} }),
        json!({ "MessageBody": "delayed by nothing", "DelaySeconds": 0 }),
        json!({ "MessageBody": "of a tenant", "MessageGroupId": "tenant-1!\"#" }),
        json!({ "MessageBody": "traced", "MessageSystemAttributes": { "AWSTraceHeader": text("Root=1-5759e988") } }),
        json!({ "MessageBody": "with attributes", "MessageAttributes": {
            "text": text("ü <&> \"q\""),
            "label.ed": { "DataType": "String.json", "StringValue": "{}" },
            "number": { "DataType": "Number", "StringValue": "-1.5e3" },
            "whole-number_2": { "DataType": "Number.int", "StringValue": "42" },
            "bytes": { "DataType": "Binary", "BinaryValue": "AAH+/w==" },
            "picture": { "DataType": "Binary.png", "BinaryValue": "iVA=" },
        } }),
    ]
}

/// Sends messages, the first half one by one and the second half as a batch. Returns the results in order.
#[track_caller]
fn send(queue: &Queue, messages: &[Value]) -> Vec<Value> {
    let (single, batch) = messages.split_at(messages.len() / 2);
    let mut results: Vec<Value> = single.iter().map(|message| queue.ok("SendMessage", message.clone())).collect();
    let with_id = |(index, message): (usize, &Value)| {
        let mut entry = message.clone();
        entry["Id"] = json!(format!("entry-{index}"));
        entry
    };
    let entries: Vec<Value> = batch.iter().enumerate().map(with_id).collect();
    let output = queue.ok("SendMessageBatch", json!({ "Entries": entries }));
    let successful = output["Successful"].as_array().cloned().unwrap_or_default();
    let by_id: BTreeMap<String, Value> =
        successful.into_iter().map(|result| (result["Id"].as_str().expect("an id").to_owned(), result)).collect();
    assert_eq!(by_id.len(), batch.len(), "{output}");
    results.extend((0..batch.len()).map(|index| by_id[&format!("entry-{index}")].clone()));
    results
}

/// Receives as many messages, by their bodies. They stay in flight.
#[track_caller]
fn receive(queue: &Queue, count: usize) -> BTreeMap<String, Message> {
    let mut received = BTreeMap::new();
    eventually(&format!("{count} messages in {}", queue.name), || {
        for message in queue.receive_with(&json!({ "WaitTimeSeconds": 1 })) {
            let before = received.insert(message.body.clone(), message);
            assert!(before.is_none(), "{before:?} came twice");
        }
        (received.len() >= count).then_some(())
    });
    received
}

/// Fails unless a received message is what its sender said.
#[track_caller]
fn is_as_sent(received: &Message, sent: &Value, result: &Value) {
    let whole = &received.whole;
    assert_eq!(json!(received.body), sent["MessageBody"]);
    assert_eq!(whole["MessageId"], result["MessageId"]);
    assert_eq!(whole["MD5OfBody"], result["MD5OfMessageBody"]);
    let has_attributes = sent["MessageAttributes"].as_object().is_some_and(|attributes| !attributes.is_empty());
    let expected = if has_attributes { &sent["MessageAttributes"] } else { &Value::Null };
    assert_eq!(&whole["MessageAttributes"], expected, "{whole}");
    assert_eq!(whole["MD5OfMessageAttributes"], result["MD5OfMessageAttributes"], "{whole}");
    let shown = &whole["Attributes"];
    assert_eq!(shown["MessageGroupId"], sent["MessageGroupId"], "{whole}");
    assert_eq!(shown["MessageDeduplicationId"], sent["MessageDeduplicationId"], "{whole}");
    assert_eq!(shown["AWSTraceHeader"], sent["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"], "{whole}");
    assert_eq!(shown["SequenceNumber"], result["SequenceNumber"], "{whole}");
    assert_eq!(received.receive_count(), 1);
    let time = |name: &str| received.attribute(name).parse::<u64>().expect("milliseconds");
    assert!(time("SentTimestamp") <= time("ApproximateFirstReceiveTimestamp"), "{whole}");
}

fn messages_arrive_as_they_were_sent(from: &Client, to: &Client) {
    let queue = from.queue();
    let sent = forms();
    let results = send(&queue, &sent);
    let there = queue.as_seen_by(to);
    let received = receive(&there, sent.len());
    for (message, result) in sent.iter().zip(&results) {
        is_as_sent(&received[message["MessageBody"].as_str().expect("a body")], message, result);
    }
    there.send("from the other side");
    let other = &receive(&queue, 1)["from the other side"];
    let senders = received.values().chain([other]).map(|message| message.attribute("SenderId"));
    let senders: Vec<&str> = senders.collect();
    assert!(senders.iter().all(|sender| *sender == senders[0]), "{senders:?}");
    there.delete_all(&received.into_values().collect::<Vec<_>>());
    assert_eq!(queue.counts(), [0, 1, 0]);
}

fn fifo_messages_arrive_as_they_were_sent(from: &Client, to: &Client) {
    let queue = from.fifo(&[]);
    let mut sent = forms();
    sent.retain(|message| message["DelaySeconds"].is_null());
    for (index, message) in sent.iter_mut().enumerate() {
        message["MessageGroupId"] = json!(format!("g-{}", index % 2));
        message["MessageDeduplicationId"] = json!(format!("d-{index}"));
    }
    let results = send(&queue, &sent);
    let received = queue.as_seen_by(to).receive();
    assert_eq!(received.len(), sent.len());
    for group in ["g-0", "g-1"] {
        let of_group = |message: &&Value| message["MessageGroupId"] == json!(group);
        let expected: Vec<&Value> = sent.iter().filter(of_group).map(|message| &message["MessageBody"]).collect();
        let came = received.iter().filter(|message| message.attribute("MessageGroupId") == group);
        let came: Vec<Value> = came.map(|message| json!(message.body)).collect();
        assert_eq!(came.iter().collect::<Vec<_>>(), expected);
    }
    for message in &received {
        let index = sent.iter().position(|sent| sent["MessageBody"] == json!(message.body)).expect("it was sent");
        is_as_sent(message, &sent[index], &results[index]);
    }
}

fn a_duplicate_is_one_over_all_protocols(from: &Client, to: &Client) {
    let queue = from.fifo(&[]);
    let there = queue.as_seen_by(to);
    let first = queue.send_to_group("g", "m");
    for queue in [&there, &queue] {
        let again = queue.send_to_group("g", "m");
        assert_eq!(again["MessageId"], first["MessageId"]);
        assert_eq!(again["SequenceNumber"], first["SequenceNumber"]);
    }
    there.gives(&["m"]);
    queue.gives(&[]);
}

fn what_one_received_another_settles(from: &Client, to: &Client) {
    let queue = from.queue();
    let there = queue.as_seen_by(to);
    queue.send_all(&["deleted", "given back", "kept"]);
    let received = queue.gives(&["deleted", "given back", "kept"]);
    there.delete(&received[0]);
    there.change_visibility(&received[1], 0);
    there.change_visibility(&received[2], 3_600);
    assert_eq!(queue.counts(), [1, 1, 0]);
    let again = there.gives(&["given back"]);
    assert_eq!(again[0].receive_count(), 2);
    queue.delete_all(&again);
    queue.delete(&received[2]);
    assert_eq!(there.counts(), [0, 0, 0]);
}

fn notifications_arrive_as_they_were_published(from: &Client, to: &Client) {
    let (topic, raw, wrapped) = (from.topic(), from.queue(), from.queue());
    topic.subscribe_raw(&raw);
    topic.subscribe_queue(&wrapped);
    let attributes = json!({
        "text": { "DataType": "String", "StringValue": "ü <&>" },
        "bytes": { "DataType": "Binary", "BinaryValue": "AAECA/8=" },
    });
    let message = json!({ "Message": "ü 漢 <&>", "Subject": "a subject", "MessageAttributes": attributes });
    let id = topic.publish_with(message)["MessageId"].clone();
    let per_protocol = json!({ "default": "for all", "sqs": "for queues" }).to_string();
    let entries = json!([
        { "Id": "a", "Message": per_protocol, "MessageStructure": "json", "MessageGroupId": "tenant" },
        { "Id": "b", "Message": "the last" },
    ]);
    let output = topic.ok("PublishBatch", json!({ "PublishBatchRequestEntries": entries }));
    assert_eq!(output["Successful"].as_array().map(Vec::len), Some(2), "{output}");
    let received = receive(&raw.as_seen_by(to), 3);
    assert_eq!(received["ü 漢 <&>"].whole["MessageAttributes"], attributes);
    assert_eq!(received["for queues"].attribute("MessageGroupId"), "tenant");
    assert!(received.contains_key("the last"), "{received:?}");
    let envelopes = receive(&wrapped.as_seen_by(to), 3);
    let envelope = envelopes.values().map(envelope).find(|envelope| envelope["MessageId"] == id).expect("published");
    assert_eq!((&envelope["Message"], &envelope["Subject"]), (&json!("ü 漢 <&>"), &json!("a subject")));
    assert_eq!(envelope["MessageAttributes"]["bytes"], json!({ "Type": "Binary", "Value": "AAECA/8=" }));
}

fn a_dead_letter_says_where_it_comes_from(from: &Client, to: &Client) {
    let (queue, dead) = (from.queue(), from.queue());
    queue.redrive_to(&dead, 1_000);
    let sent = queue.send("m");
    let there = queue.as_seen_by(to);
    let message = there.receive_one();
    if to.dead_letter(&message.handle) {
        assert_eq!(there.counts(), [0, 0, 0]);
    } else {
        // SQS moves a message when it is received more often than the policy says.
        there.redrive_to(&dead, 1);
        there.change_visibility(&message, 0);
        there.gives(&[]);
    }
    let moved = dead.receive_one();
    assert_eq!(moved.whole["MessageId"], sent["MessageId"]);
    assert_eq!(moved.attribute("DeadLetterQueueSourceArn"), queue.arn());
    let there = dead.as_seen_by(to);
    there.change_visibility(&moved, 0);
    assert_eq!(there.receive_one().attribute("DeadLetterQueueSourceArn"), queue.arn());
}
