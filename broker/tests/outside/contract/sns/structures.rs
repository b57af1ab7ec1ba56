//! `MessageStructure` `json`: another body for each protocol.

use serde_json::json;

use super::INVALID;
use crate::support::topic::envelope;
use crate::support::{Client, Topic};

super::cases! {
    each_protocol_gets_its_own_body,
    a_protocol_without_one_gets_the_default,
    wrong_structures_are_refused,
    bodies_are_filtered_by_what_was_published,
    a_body_may_be_there_twice,
    batches_have_structures_entry_by_entry,
}

fn publish(topic: &Topic, message: &str) {
    topic.publish_with(json!({ "Message": message, "MessageStructure": "json" }));
}

fn each_protocol_gets_its_own_body(client: &Client) {
    let topic = client.topic();
    let (raw, wrapped) = (client.queue(), client.queue());
    topic.subscribe_raw(&raw);
    topic.subscribe_queue(&wrapped);
    publish(
        &topic,
        r#"{"default":"for all","sqs":"for queues: ü","http":"for endpoints","unknown":"for no protocol"}"#,
    );
    raw.gives(&["for queues: ü"]);
    let envelope = envelope(&wrapped.receive_one());
    assert_eq!(envelope["Message"], json!("for queues: ü"));
}

fn a_protocol_without_one_gets_the_default(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    publish(&topic, r#"{"default":"for all","email":"for readers"}"#);
    queue.gives(&["for all"]);
}

fn wrong_structures_are_refused(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    for (structure, message, reason) in [
        ("json", "not JSON", "Invalid parameter: Message Structure - JSON message body failed to parse"),
        ("json", r#"{"default":"x"} }"#, "Invalid parameter: Message Structure - JSON message body failed to parse"),
        ("json", "[]", "Invalid parameter: Message Structure - JSON message body failed to parse"),
        ("json", r#"{"sqs":"x"}"#, "Invalid parameter: Message Structure - No default entry in JSON message body"),
        (
            "json",
            r#"{"default":{"object":"test"}}"#,
            "Invalid parameter: Message Structure - No default entry in JSON message body",
        ),
        ("xml", "<a/>", ""),
    ] {
        let refusal = topic.refused("Publish", json!({ "Message": message, "MessageStructure": structure }));
        assert_eq!(refusal.code, INVALID, "{structure} {message}: {refusal:?}");
        refusal.saying(reason);
    }
    queue.gives(&[]);
}

/// Filters see the publication's attributes, whichever body a subscriber gets.
fn bodies_are_filtered_by_what_was_published(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let policy = ("FilterPolicy", r#"{"colour":["red"]}"#);
    topic.subscribe("sqs", &queue.arn(), &[("RawMessageDelivery", "true"), policy]);
    for colour in ["red", "green"] {
        let attributes = json!({ "colour": { "DataType": "String", "StringValue": colour } });
        let message = json!({ "default": "d", "sqs": colour }).to_string();
        topic.publish_with(json!({ "Message": message, "MessageStructure": "json", "MessageAttributes": attributes }));
    }
    queue.gives(&["red"]);
}

fn a_body_may_be_there_twice(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    publish(&topic, r#"{"default":"first","default":"second"}"#);
    queue.gives(&["second"]);
}

fn batches_have_structures_entry_by_entry(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    let structured = r#"{"default":"d","sqs":"q"}"#;
    let entries = json!([
        { "Id": "a", "Message": structured, "MessageStructure": "json" },
        { "Id": "b", "Message": structured },
    ]);
    topic.ok("PublishBatch", json!({ "PublishBatchRequestEntries": entries }));
    queue.gives(&["q", structured]);
}
