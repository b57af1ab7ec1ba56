//! How large a publication may be.

use serde_json::json;

use super::INVALID;
use crate::support::Client;

super::cases! {
    a_message_is_not_empty,
    a_quarter_of_a_mebibyte_is_the_default,
    a_topic_may_take_up_to_a_mebibyte,
    a_topic_may_take_less,
    attributes_count,
    a_batch_has_the_limit_of_its_topic,
}

const DEFAULT: usize = 256 * 1024;
const MOST: usize = 1024 * 1024;

fn a_message_is_not_empty(client: &Client) {
    client.topic().refused("Publish", json!({ "Message": "" })).expect(INVALID).saying("Empty message");
}

fn a_quarter_of_a_mebibyte_is_the_default(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    topic.publish(&"m".repeat(DEFAULT));
    let refusal = topic.refused("Publish", json!({ "Message": "m".repeat(DEFAULT + 1) }));
    refusal.expect(INVALID).saying("Message too long");
    // The size is in bytes, not characters.
    topic.refused("Publish", json!({ "Message": "ü".repeat(DEFAULT / 2 + 1) })).expect(INVALID);
    assert_eq!(queue.receive_one().body.len(), DEFAULT);
    queue.gives(&[]);
    client.sns().refused("Publish", &json!({ "PhoneNumber": "+15550100100", "Message": "m".repeat(DEFAULT + 1) }));
}

fn a_topic_may_take_up_to_a_mebibyte(client: &Client) {
    let (topic, queue, wrapped) = (client.topic(), client.queue(), client.queue());
    topic.set("MaximumMessageSize", &MOST.to_string());
    topic.subscribe_raw(&queue);
    topic.publish(&"m".repeat(MOST));
    assert_eq!(queue.receive_one().body.len(), MOST);
    topic.refused("Publish", json!({ "Message": "m".repeat(MOST + 1) })).expect(INVALID);
    // In its envelope the message is larger than the largest that SendMessage takes. It still arrives.
    topic.subscribe_queue(&wrapped);
    topic.publish(&"\"".repeat(MOST));
    assert!(wrapped.receive_one().body.len() > 2 * MOST);
}

fn a_topic_may_take_less(client: &Client) {
    let topic = client.topic();
    topic.set("MaximumMessageSize", "1024");
    topic.publish(&"m".repeat(1024));
    topic.refused("Publish", json!({ "Message": "m".repeat(1025) })).expect(INVALID).saying("Message too long");
    let entries = json!([{ "Id": "a", "Message": "m".repeat(1025) }, { "Id": "b", "Message": "m" }]);
    topic.refused("PublishBatch", json!({ "PublishBatchRequestEntries": entries })).expect("BatchRequestTooLong");
}

fn attributes_count(client: &Client) {
    let topic = client.topic();
    let publish = |message: usize| {
        let attribute = json!({ "DataType": "String", "StringValue": "v".repeat(1000) });
        json!({ "Message": "m".repeat(message), "MessageAttributes": { "name": attribute } })
    };
    let attribute = "name".len() + "String".len() + 1000;
    topic.publish_with(publish(DEFAULT - attribute));
    topic.refused("Publish", publish(DEFAULT - attribute + 1)).expect(INVALID);
}

fn a_batch_has_the_limit_of_its_topic(client: &Client) {
    let topic = client.topic();
    topic.set("MaximumMessageSize", &MOST.to_string());
    let entries = |bytes: usize| {
        let entry = |number: usize| json!({ "Id": number.to_string(), "Message": "m".repeat(bytes) });
        json!({ "PublishBatchRequestEntries": (0..4).map(entry).collect::<Vec<_>>() })
    };
    let output = topic.ok("PublishBatch", entries(MOST / 4));
    assert_eq!(output["Successful"].as_array().map(Vec::len), Some(4), "{output}");
    topic.refused("PublishBatch", entries(MOST / 4 + 1)).expect("BatchRequestTooLong");
}
