//! Visibility: messages in flight, and how long their handles are valid.

use serde_json::json;

use crate::support::client::INVALID_VALUE;
use crate::support::queue::bodies;
use crate::support::{Client, sleep_ms};

super::cases! {
    a_message_in_flight_is_not_given_again,
    what_is_not_deleted_comes_back,
    a_receive_may_have_its_own_timeout,
    zero_makes_a_message_visible_at_once,
    a_timeout_may_be_extended,
    changing_in_a_batch,
    twelve_hours_are_the_most,
    a_deleted_message_stays_deleted,
    deleting_after_the_timeout_still_deletes,
    an_older_handle_changes_and_deletes,
    a_late_handle_hides_a_visible_message,
    a_deleted_message_cannot_be_changed,
    forged_handles_are_refused,
    a_handle_belongs_to_its_queue,
    visible_again_wakes_a_long_poll,
    counts_follow_the_messages,
}

fn a_message_in_flight_is_not_given_again(client: &Client) {
    let queue = client.queue();
    queue.send("m");
    queue.gives(&["m"]);
    queue.gives(&[]);
}

fn what_is_not_deleted_comes_back(client: &Client) {
    let queue = client.queue_with(&[("VisibilityTimeout", "1")]);
    queue.send("m");
    assert_eq!(queue.receive_one().receive_count(), 1);
    sleep_ms(1200);
    assert_eq!(queue.receive_one().receive_count(), 2);
}

fn a_receive_may_have_its_own_timeout(client: &Client) {
    let queue = client.queue();
    queue.send("m");
    assert_eq!(queue.receive_with(&json!({ "VisibilityTimeout": 2 })).len(), 1);
    queue.gives(&[]);
    sleep_ms(2200);
    queue.gives(&["m"]);
    assert_eq!(queue.receive_with(&json!({ "VisibilityTimeout": 1 })).len(), 0, "now the queue's 30 seconds");
}

fn zero_makes_a_message_visible_at_once(client: &Client) {
    let queue = client.queue();
    queue.send("m");
    let first = queue.receive_one();
    queue.change_visibility(&first, 0);
    let second = queue.receive_one();
    assert_eq!((second.body.as_str(), second.receive_count()), ("m", 2));
    for count in 3..6 {
        let received = queue.receive_with(&json!({ "VisibilityTimeout": 0 }));
        assert_eq!(received.len(), usize::from(count > 3), "at {count}");
        if count == 3 {
            queue.change_visibility(&second, 0);
        }
    }
}

fn a_timeout_may_be_extended(client: &Client) {
    let queue = client.queue_with(&[("VisibilityTimeout", "2")]);
    queue.send_all(&["extended", "not"]);
    let received = queue.gives(&["extended", "not"]);
    queue.change_visibility(&received[0], 60);
    sleep_ms(2200);
    queue.gives(&["not"]);
    queue.delete(&received[0]);
    assert_eq!(queue.counts()[1], 1, "the one that came back");
}

fn changing_in_a_batch(client: &Client) {
    let queue = client.queue();
    queue.send_all(&["a", "b", "c"]);
    let received = queue.gives(&["a", "b", "c"]);
    let output = queue.ok(
        "ChangeMessageVisibilityBatch",
        json!({ "Entries": [
            { "Id": "zero", "ReceiptHandle": received[0].handle, "VisibilityTimeout": 0 },
            { "Id": "long", "ReceiptHandle": received[1].handle, "VisibilityTimeout": 43_201 },
            { "Id": "forged", "ReceiptHandle": "no handle", "VisibilityTimeout": 0 },
            { "Id": "also-zero", "ReceiptHandle": received[2].handle, "VisibilityTimeout": 0 },
        ]}),
    );
    let ids = |list: &str| {
        let list = output[list].as_array().cloned().unwrap_or_default();
        list.iter().map(|entry| entry["Id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("Successful"), ["zero", "also-zero"], "{output}");
    assert_eq!(ids("Failed"), ["long", "forged"], "{output}");
    assert_eq!(output["Failed"][0]["Code"], json!(INVALID_VALUE));
    assert_eq!(output["Failed"][1]["Code"], json!("ReceiptHandleIsInvalid"));
    let again = queue.receive();
    let mut again = bodies(&again);
    again.sort_unstable();
    assert_eq!(again, ["a", "c"]);
}

fn twelve_hours_are_the_most(client: &Client) {
    let queue = client.queue();
    queue.send("m");
    let message = queue.receive_one();
    let change = |seconds: i64| {
        queue.call("ChangeMessageVisibility", json!({ "ReceiptHandle": message.handle, "VisibilityTimeout": seconds }))
    };
    for seconds in [43_201, -1] {
        change(seconds).expect_err("out of range").expect(INVALID_VALUE);
    }
    change(43_100).expect("within twelve hours of the receive");
    sleep_ms(2_100);
    change(43_200).expect_err("more than twelve hours after the receive").expect(INVALID_VALUE);
    change(43_100).expect("still within");
}

fn a_deleted_message_stays_deleted(client: &Client) {
    let queue = client.queue_with(&[("VisibilityTimeout", "1")]);
    queue.send("m");
    let message = queue.receive_one();
    queue.delete(&message);
    queue.delete(&message);
    sleep_ms(1200);
    queue.gives(&[]);
}

fn deleting_after_the_timeout_still_deletes(client: &Client) {
    let queue = client.queue();
    queue.send("m");
    let message = queue.receive_one();
    queue.change_visibility(&message, 0);
    queue.delete(&message);
    queue.gives(&[]);
    assert_eq!(queue.counts(), [0, 0, 0]);
}

fn an_older_handle_changes_and_deletes(client: &Client) {
    let queue = client.queue();
    queue.send("m");
    let old = queue.receive_with(&json!({ "VisibilityTimeout": 0 })).remove(0);
    queue.receive_one();
    queue.gives(&[]);
    queue.change_visibility(&old, 0);
    queue.receive_one();
    queue.delete(&old);
    assert_eq!(queue.counts(), [0, 0, 0]);
}

fn a_late_handle_hides_a_visible_message(client: &Client) {
    let queue = client.queue();
    queue.send("m");
    let message = queue.receive_with(&json!({ "VisibilityTimeout": 1 })).remove(0);
    sleep_ms(1200);
    queue.change_visibility(&message, 60);
    queue.gives(&[]);
    queue.delete(&message);
    assert_eq!(queue.counts(), [0, 0, 0]);
}

fn a_deleted_message_cannot_be_changed(client: &Client) {
    let queue = client.queue();
    queue.send("m");
    let message = queue.receive_one();
    queue.delete(&message);
    let sentence = format!(
        "Value {} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for \
         visibility timeout change.",
        message.handle
    );
    let input = json!({ "ReceiptHandle": message.handle, "VisibilityTimeout": 5 });
    let refusal = queue.refused("ChangeMessageVisibility", input);
    refusal.expect(INVALID_VALUE);
    assert_eq!(refusal.message, sentence);
}

fn forged_handles_are_refused(client: &Client) {
    let queue = client.queue();
    queue.send("m");
    let handle = queue.receive_one().handle;
    let changed = format!("{}{}", if handle.starts_with('B') { "C" } else { "B" }, &handle[1..]);
    for handle in ["x", "AAAA", &changed, &handle[1..], &format!("{handle}A"), &"h".repeat(10_000)] {
        queue.refused("DeleteMessage", json!({ "ReceiptHandle": handle })).expect("ReceiptHandleIsInvalid");
        let input = json!({ "ReceiptHandle": handle, "VisibilityTimeout": 1 });
        queue.refused("ChangeMessageVisibility", input).expect("ReceiptHandleIsInvalid");
    }
    assert_eq!(queue.counts(), [0, 1, 0]);
}

fn a_handle_belongs_to_its_queue(client: &Client) {
    let (one, other) = (client.queue(), client.queue());
    one.send("m");
    other.send("m");
    let handle = one.receive_one().handle;
    other.receive_one();
    other.refused("DeleteMessage", json!({ "ReceiptHandle": handle })).expect("ReceiptHandleIsInvalid");
    let entries = json!({ "Entries": [{ "Id": "e", "ReceiptHandle": handle }] });
    let failed = other.ok("DeleteMessageBatch", entries)["Failed"][0].clone();
    assert_eq!(failed["Code"], json!("ReceiptHandleIsInvalid"));
    assert_eq!(failed["Message"], json!(format!("The receipt handle \"{handle}\" is not valid for this queue.")));
    assert_eq!((one.counts(), other.counts()), ([0, 1, 0], [0, 1, 0]));
}

fn visible_again_wakes_a_long_poll(client: &Client) {
    let queue = client.queue_with(&[("VisibilityTimeout", "1")]);
    queue.send("m");
    queue.gives(&["m"]);
    assert_eq!(bodies(&queue.receive_with(&json!({ "WaitTimeSeconds": 20 }))), ["m"]);
}

fn counts_follow_the_messages(client: &Client) {
    let queue = client.queue();
    queue.send_all(&["a", "b", "c"]);
    queue.ok("SendMessage", json!({ "MessageBody": "d", "DelaySeconds": 900 }));
    assert_eq!(queue.counts(), [3, 0, 1]);
    let message = queue.receive_one();
    assert_eq!(queue.counts(), [2, 1, 1]);
    queue.delete(&message);
    assert_eq!(queue.counts(), [2, 0, 1]);
}
