//! `PublishBatch`: faults of one entry, and faults of the whole batch.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::INVALID;
use crate::support::Client;

super::cases! {
    every_entry_is_published,
    an_entry_fails_alone,
    ids_have_rules,
    ids_are_distinct,
    a_batch_has_one_to_ten_entries,
    entries_carry_everything_a_publish_does,
    a_fifo_batch_keeps_its_order,
    required_members_are_required,
}

fn batch(entries: impl Into<Value>) -> Value {
    let entries: Value = entries.into();
    json!({ "PublishBatchRequestEntries": entries })
}

fn ids(list: &Value) -> Vec<String> {
    let id = |entry: &Value| entry["Id"].as_str().expect("an id").to_owned();
    list.as_array().map(|entries| entries.iter().map(id).collect()).unwrap_or_default()
}

fn every_entry_is_published(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    let bodies: Vec<String> = (0..10).map(|number| format!("m{number}")).collect();
    let entries: Vec<Value> =
        bodies.iter().enumerate().map(|(index, body)| json!({ "Id": index.to_string(), "Message": body })).collect();
    let output = topic.ok("PublishBatch", batch(json!(entries)));
    assert_eq!(ids(&output["Successful"]), (0..10).map(|index| index.to_string()).collect::<Vec<_>>());
    assert_eq!(ids(&output["Failed"]), [""; 0]);
    let message_ids: BTreeSet<&str> =
        output["Successful"].as_array().expect("a list").iter().filter_map(|e| e["MessageId"].as_str()).collect();
    assert_eq!(message_ids.len(), 10, "each has an id of its own");
    queue.gives(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
}

fn an_entry_fails_alone(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    let entries = json!([
        { "Id": "good", "Message": "1" },
        { "Id": "empty", "Message": "" },
        { "Id": "subject", "Message": "2", "Subject": "a\nb" },
        { "Id": "attribute", "Message": "3",
          "MessageAttributes": { "a": { "DataType": "Number", "StringValue": "many" } } },
        { "Id": "long", "Message": "m".repeat(256 * 1024 + 1) },
        { "Id": "also-good", "Message": "4" },
    ]);
    let output = topic.ok("PublishBatch", batch(entries));
    assert_eq!(ids(&output["Successful"]), ["good", "also-good"], "{output}");
    assert_eq!(ids(&output["Failed"]), ["empty", "subject", "attribute", "long"]);
    for failed in output["Failed"].as_array().expect("a list") {
        assert_eq!(failed["SenderFault"], json!(true), "{failed}");
        assert!([INVALID, "ParameterValueInvalid"].contains(&failed["Code"].as_str().expect("a code")), "{failed}");
        assert!(failed["Message"].as_str().is_some_and(|message| !message.is_empty()), "{failed}");
    }
    queue.gives(&["1", "4"]);
}

fn ids_have_rules(client: &Client) {
    let topic = client.topic();
    let longest = "i".repeat(80);
    topic.ok("PublishBatch", batch(json!([{ "Id": longest, "Message": "m" }, { "Id": "A-z_09", "Message": "m" }])));
    for id in [&*format!("{longest}i"), "a b", "ü", "a.b"] {
        topic.refused("PublishBatch", batch(json!([{ "Id": id, "Message": "m" }]))).expect("InvalidBatchEntryId");
    }
}

fn ids_are_distinct(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    let entries = json!([{ "Id": "a", "Message": "1" }, { "Id": "a", "Message": "2" }]);
    topic.refused("PublishBatch", batch(entries)).expect("BatchEntryIdsNotDistinct");
    queue.gives(&[]);
}

fn a_batch_has_one_to_ten_entries(client: &Client) {
    let topic = client.topic();
    let entries: Vec<Value> = (0..11).map(|index| json!({ "Id": index.to_string(), "Message": "m" })).collect();
    topic.refused("PublishBatch", batch(json!(entries))).expect("TooManyEntriesInBatchRequest");
    let refusal = topic.refused("PublishBatch", batch(json!([])));
    // A form cannot express an empty list. The list is missing instead.
    assert!(["EmptyBatchRequest", INVALID, "ValidationError"].contains(&refusal.code.as_str()), "{refusal:?}");
    assert_eq!(refusal.status, 400);
}

fn entries_carry_everything_a_publish_does(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_queue(&queue);
    let attributes = json!({ "colour": { "DataType": "String", "StringValue": "red" } });
    let entries = json!([{ "Id": "a", "Message": "m", "Subject": "s", "MessageAttributes": attributes }]);
    topic.ok("PublishBatch", batch(entries));
    let envelope = crate::support::topic::envelope(&queue.receive_one());
    assert_eq!(envelope["Subject"], json!("s"));
    assert_eq!(envelope["MessageAttributes"]["colour"]["Value"], json!("red"));
}

fn a_fifo_batch_keeps_its_order(client: &Client) {
    let (topic, queue) = (client.fifo_topic(&[("ContentBasedDeduplication", "true")]), client.fifo(&[]));
    topic.subscribe_raw(&queue);
    let entry =
        |number: usize| json!({ "Id": number.to_string(), "Message": number.to_string(), "MessageGroupId": "g" });
    let entries: Vec<Value> = (0..10).map(entry).collect();
    let output = topic.ok("PublishBatch", batch(json!(entries)));
    let numbers: Vec<u128> = output["Successful"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["SequenceNumber"].as_str().and_then(|text| text.parse().ok()).expect("a sequence number"))
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    queue.gives(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    let without_group = json!([{ "Id": "a", "Message": "x" }, { "Id": "b", "Message": "y", "MessageGroupId": "h" }]);
    let output = topic.ok("PublishBatch", batch(without_group));
    assert_eq!((ids(&output["Failed"]), ids(&output["Successful"])), (vec!["a".into()], vec!["b".into()]));
}

fn required_members_are_required(client: &Client) {
    let topic = client.topic();
    for entry in [json!({ "Message": "m" }), json!({ "Id": "a" })] {
        match topic.call("PublishBatch", batch(json!([entry]))) {
            Ok(output) => assert_eq!(output["Failed"].as_array().map(Vec::len), Some(1), "{entry}: {output}"),
            Err(refusal) => assert_eq!(refusal.status, 400, "{entry}: {refusal:?}"),
        }
    }
}
