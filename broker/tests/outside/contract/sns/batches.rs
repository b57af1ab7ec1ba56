//! `PublishBatch`: what fails one entry, and what fails the whole batch.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::INVALID;
use crate::support::Client;

super::cases! {
    every_entry_is_published,
    a_bad_subject_fails_its_entry_alone,
    any_other_fault_fails_the_batch,
    a_fifo_topic_refuses_a_batch_as_a_whole,
    a_batch_is_as_large_as_a_message,
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

fn a_bad_subject_fails_its_entry_alone(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    let entries = json!([
        { "Id": "good", "Message": "1" },
        { "Id": "subject", "Message": "2", "Subject": "a\nb" },
        { "Id": "also-good", "Message": "4" },
    ]);
    let output = topic.ok("PublishBatch", batch(entries));
    assert_eq!(ids(&output["Successful"]), ["good", "also-good"], "{output}");
    let failed = &output["Failed"].as_array().expect("a list")[..];
    let [failed] = failed else { panic!("{failed:?}") };
    assert_eq!((&failed["Id"], &failed["Code"]), (&json!("subject"), &json!(INVALID)));
    assert_eq!((&failed["Message"], &failed["SenderFault"]), (&json!("Invalid parameter: Subject"), &json!(true)));
    queue.gives(&["1", "4"]);
}

fn any_other_fault_fails_the_batch(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    for (entry, code, message) in [
        (json!({ "Id": "b", "Message": "" }), INVALID, "Invalid parameter: Empty message"),
        (
            json!({ "Id": "b", "Message": "m", "MessageAttributes": { "a.": { "DataType": "String", "StringValue": "x" } } }),
            "ParameterValueInvalid",
            "Invalid message attribute name ending with character '.' was found.",
        ),
        (
            json!({ "Id": "b", "Message": "m", "MessageAttributes": { "k": { "StringValue": "x" } } }),
            "ValidationError",
            "1 validation error detected: Value null at 'publishBatchRequestEntries.2.member.messageAttributes.k.member.dataType' failed to satisfy constraint: Member must not be null",
        ),
        (
            json!({ "Id": "b", "Message": "x", "MessageStructure": "json" }),
            INVALID,
            "Invalid parameter: Message Structure - JSON message body failed to parse",
        ),
    ] {
        let refusal = topic.refused("PublishBatch", batch(json!([{ "Id": "a", "Message": "1" }, entry])));
        assert_eq!((refusal.code.as_str(), refusal.message.as_str()), (code, message));
    }
    queue.gives(&[]);
}

fn a_fifo_topic_refuses_a_batch_as_a_whole(client: &Client) {
    let (topic, queue) = (client.fifo_topic(&[]), client.fifo(&[]));
    topic.subscribe_raw(&queue);
    let good = |id: &str| json!({ "Id": id, "Message": id, "MessageGroupId": "g", "MessageDeduplicationId": id });
    for (entry, message) in [
        (
            json!({ "Id": "c", "Message": "m", "MessageDeduplicationId": "c" }),
            "The MessageGroupId parameter is required for FIFO topics",
        ),
        (
            json!({ "Id": "c", "Message": "m", "MessageGroupId": "g" }),
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
        (
            json!({ "Id": "c", "Message": "{}", "MessageStructure": "json" }),
            "Message Structure - No default entry in JSON message body",
        ),
    ] {
        let refusal = topic.refused("PublishBatch", batch(json!([good("a"), good("b"), entry])));
        assert_eq!(refusal.expect(INVALID).message, format!("Invalid parameter: {message}"));
    }
    queue.gives(&[]);
}

fn a_batch_is_as_large_as_a_message(client: &Client) {
    let topic = client.topic();
    let attributes = json!({ "k": { "DataType": "String", "StringValue": "v" } });
    let two = |bytes: [usize; 2]| {
        let entry = |id: &str, bytes: usize| json!({ "Id": id, "Message": "m".repeat(bytes) });
        batch(json!([entry("a", bytes[0]), entry("b", bytes[1])]))
    };
    topic.ok("PublishBatch", two([131_072, 131_072]));
    let text = "The length of all the messages put together is more than the limit.";
    let refusal = topic.refused("PublishBatch", two([131_072, 131_073]));
    assert_eq!(refusal.expect("BatchRequestTooLong").message, text);
    let entry = json!({ "Id": "a", "Message": "m".repeat(262_144 - 7), "MessageAttributes": attributes });
    topic.refused("PublishBatch", batch(json!([entry]))).expect("BatchRequestTooLong");
}

fn ids_have_rules(client: &Client) {
    let topic = client.topic();
    let longest = "i".repeat(80);
    topic.ok("PublishBatch", batch(json!([{ "Id": longest, "Message": "m" }, { "Id": "A-z_09", "Message": "m" }])));
    let too_long = format!("{longest}i");
    for (id, rule) in [
        (&*too_long, "is too long"),
        ("a b", "contains an impermissible character"),
        ("ü", "contains an impermissible character"),
        ("message.id", "contains an impermissible character"),
        ("msg@123#test", "contains an impermissible character"),
    ] {
        let refusal = topic.refused("PublishBatch", batch(json!([{ "Id": id, "Message": "m" }])));
        let text = format!("The Id of a batch entry in the batch request {rule}: {id}");
        assert_eq!(refusal.expect("InvalidBatchEntryId").message, text);
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
    let refusal = topic.refused("PublishBatch", batch(json!(entries)));
    let text = "The batch request contains more entries than permissible.";
    assert_eq!(refusal.expect("TooManyEntriesInBatchRequest").message, text);
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
