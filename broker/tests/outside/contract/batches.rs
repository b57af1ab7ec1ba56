//! Batches: a result for each entry, and faults of the whole batch.

use serde_json::{Value, json};

use crate::support::queue::bodies;
use crate::support::{Client, Queue};

super::cases! {
    every_entry_has_its_result,
    an_entry_may_fail_alone,
    one_message_and_an_entry_are_refused_in_their_own_words,
    batches_are_refused_whole,
    a_batch_has_a_size,
    deleting_in_a_batch,
    a_fifo_batch_keeps_its_order,
    an_entry_without_its_ids_refuses_a_fifo_batch,
}

const BATCH: &str = "AWS.SimpleQueueService";

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().map(|list| list.iter().filter_map(|entry| entry["Id"].as_str()).collect()).unwrap_or_default()
}

fn send(queue: &Queue, entries: &Value) -> Value {
    queue.ok("SendMessageBatch", json!({ "Entries": entries }))
}

fn every_entry_has_its_result(client: &Client) {
    let queue = client.queue();
    let entries: Vec<Value> =
        (0..10).map(|number| json!({ "Id": format!("id-{number}"), "MessageBody": format!("m{number}") })).collect();
    let output = send(&queue, &json!(entries));
    let expected: Vec<String> = (0..10).map(|number| format!("id-{number}")).collect();
    assert_eq!(ids(&output["Successful"]), expected);
    assert_eq!(ids(&output["Failed"]), [""; 0]);
    let received = queue.receive();
    for entry in output["Successful"].as_array().expect("a list") {
        let message = received.iter().find(|message| entry["MessageId"] == json!(message.id())).expect("it was sent");
        assert_eq!(entry["MD5OfMessageBody"], message.whole["MD5OfBody"]);
    }
}

fn an_entry_may_fail_alone(client: &Client) {
    let queue = client.queue_with(&[("MaximumMessageSize", "1024")]);
    let output = send(
        &queue,
        &json!([
            { "Id": "good", "MessageBody": "good" },
            { "Id": "character", "MessageBody": "\u{1}" },
            { "Id": "large", "MessageBody": "x".repeat(1025) },
            { "Id": "delay", "MessageBody": "m", "DelaySeconds": 901 },
            { "Id": "attribute", "MessageBody": "m",
              "MessageAttributes": { "a": { "DataType": "Colour", "StringValue": "red" } } },
            { "Id": "also-good", "MessageBody": "also good" },
        ]),
    );
    assert_eq!(ids(&output["Successful"]), ["good", "also-good"], "{output}");
    assert_eq!(ids(&output["Failed"]), ["character", "large", "delay", "attribute"], "{output}");
    for failed in output["Failed"].as_array().expect("a list") {
        assert_eq!(failed["SenderFault"], json!(true), "{failed}");
        assert!(failed["Message"].as_str().is_some_and(|message| !message.is_empty()), "{failed}");
    }
    assert_eq!(output["Failed"][0]["Code"], json!("InvalidMessageContents"));
    assert_eq!(output["Failed"][1]["Code"], json!("InvalidParameterValue"));
    assert_eq!(bodies(&queue.receive()), ["good", "also good"]);
}

fn one_message_and_an_entry_are_refused_in_their_own_words(client: &Client) {
    let queue = client.queue_with(&[("MaximumMessageSize", "1024")]);
    let large = "x".repeat(1025);
    let output = send(&queue, &json!([{ "Id": "large", "MessageBody": large }]));
    assert_eq!(
        output["Failed"][0]["Message"],
        json!("One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.")
    );
    queue
        .refused("SendMessage", json!({ "MessageBody": large }))
        .worded("One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.");
}

fn batches_are_refused_whole(client: &Client) {
    let queue = client.queue();
    queue.send("m");
    let handle = queue.receive_one().handle;
    let entry = |id: &str| json!({ "Id": id, "MessageBody": "m", "ReceiptHandle": handle, "VisibilityTimeout": 1 });
    let eleven: Vec<Value> = (0..11).map(|number| entry(&number.to_string())).collect();
    for (entries, code) in [
        (json!([]), "EmptyBatchRequest"),
        (json!(eleven), "TooManyEntriesInBatchRequest"),
        (json!([entry("a"), entry("a")]), "BatchEntryIdsNotDistinct"),
        (json!([entry("a.b")]), "InvalidBatchEntryId"),
        (json!([entry("")]), "InvalidBatchEntryId"),
        (json!([entry(&"i".repeat(81))]), "InvalidBatchEntryId"),
    ] {
        for (action, members) in [
            ("SendMessageBatch", &["Id", "MessageBody"][..]),
            ("DeleteMessageBatch", &["Id", "ReceiptHandle"]),
            ("ChangeMessageVisibilityBatch", &["Id", "ReceiptHandle", "VisibilityTimeout"]),
        ] {
            let entries: Vec<Value> = entries
                .as_array()
                .expect("a list")
                .iter()
                .map(|entry| members.iter().map(|member| ((*member).to_owned(), entry[member].clone())).collect())
                .map(Value::Object)
                .collect();
            let refusal = queue.refused(action, json!({ "Entries": entries }));
            refusal.expect(&format!("{BATCH}.{code}"));
            if code == "EmptyBatchRequest" {
                refusal.worded(&format!("There should be at least one {action}RequestEntry in the request."));
            }
        }
    }
    assert_eq!(queue.counts(), [0, 1, 0], "nothing was sent or deleted");
}

fn a_batch_has_a_size(client: &Client) {
    let queue = client.queue();
    let entry = |id: &str, bytes: usize| json!({ "Id": id, "MessageBody": "x".repeat(bytes) });
    let half = 524_288;
    let refusal =
        queue.refused("SendMessageBatch", json!({ "Entries": [entry("a", half), entry("b", half), entry("c", 1)] }));
    refusal.expect(&format!("{BATCH}.BatchRequestTooLong")).saying("1048576");
    assert_eq!(queue.counts(), [0, 0, 0]);
    send(&queue, &json!([entry("a", half), entry("b", half)]));
    assert_eq!(queue.counts(), [2, 0, 0]);
}

fn deleting_in_a_batch(client: &Client) {
    let queue = client.queue();
    queue.send_all(&["a", "b"]);
    let received = queue.gives(&["a", "b"]);
    let output = queue.ok(
        "DeleteMessageBatch",
        json!({ "Entries": [
            { "Id": "first", "ReceiptHandle": received[0].handle },
            { "Id": "forged", "ReceiptHandle": "not a handle" },
            { "Id": "second", "ReceiptHandle": received[1].handle },
        ]}),
    );
    assert_eq!(ids(&output["Successful"]), ["first", "second"]);
    assert_eq!(ids(&output["Failed"]), ["forged"]);
    assert_eq!(output["Failed"][0]["Code"], json!("ReceiptHandleIsInvalid"));
    assert_eq!(queue.counts(), [0, 0, 0]);
}

fn a_fifo_batch_keeps_its_order(client: &Client) {
    let queue = client.fifo(&[("ContentBasedDeduplication", "true")]);
    let entries: Vec<Value> = (0..10)
        .map(|number| json!({ "Id": format!("i{number}"), "MessageBody": format!("m{number}"), "MessageGroupId": "g" }))
        .collect();
    let output = send(&queue, &json!(entries));
    let numbers: Vec<&str> = output["Successful"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["SequenceNumber"].as_str().expect("a FIFO queue numbers its messages"))
        .collect();
    assert!(numbers.is_sorted() && numbers.iter().all(|number| number.len() == 20), "{numbers:?}");
    queue.gives(&["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"]);
}

fn an_entry_without_its_ids_refuses_a_fifo_batch(client: &Client) {
    let queue = client.fifo(&[]);
    let whole = json!({ "Id": "whole", "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "whole" });
    for (entry, message) in [
        (
            json!({ "Id": "a", "MessageBody": "m", "MessageDeduplicationId": "a" }),
            "The request must contain the parameter MessageGroupId.",
        ),
        // The ids are asked of every entry before its message is looked at.
        (
            json!({ "Id": "a", "MessageBody": "\u{1}", "MessageDeduplicationId": "a" }),
            "The request must contain the parameter MessageGroupId.",
        ),
        (
            json!({ "Id": "a", "MessageBody": "m", "MessageGroupId": "g" }),
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
    ] {
        for entries in [json!([whole, entry]), json!([entry, whole])] {
            queue
                .refused("SendMessageBatch", json!({ "Entries": entries }))
                .expect("InvalidParameterValue")
                .worded(message);
        }
    }
    assert_eq!(queue.counts(), [0, 0, 0], "nothing was sent");
    queue
        .refused("SendMessage", json!({ "MessageBody": "m", "MessageDeduplicationId": "a" }))
        .expect("MissingParameter")
        .worded("The request must contain the parameter MessageGroupId.");
}
