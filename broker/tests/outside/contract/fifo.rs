//! FIFO queues: order, groups, deduplication, sequence numbers, receive attempts.

use serde_json::json;

use crate::support::client::{INVALID_VALUE, MISSING};
use crate::support::queue::bodies;
use crate::support::{Client, sleep_ms};

super::cases! {
    messages_come_in_order,
    a_group_waits_for_what_is_in_flight,
    what_is_in_flight_holds_back_what_is_behind_it,
    groups_take_turns,
    a_message_given_back_does_not_starve_other_groups,
    a_group_given_back_comes_after_the_others,
    what_comes_back_comes_first,
    several_of_a_group_may_be_received_at_once,
    a_group_is_required,
    a_deduplication_id_is_required_unless_content_serves,
    ids_have_rules,
    an_id_is_taken_once,
    an_id_is_remembered_beyond_its_message,
    content_may_be_the_id,
    an_explicit_id_goes_before_content,
    ids_may_be_a_groups_own,
    duplicates_within_a_batch_are_one_message,
    sequence_numbers_grow,
    only_the_queue_delays,
    system_attributes_hold_group_and_deduplication_id,
    an_attempt_may_be_repeated,
    an_attempt_whose_messages_changed_is_refused,
    a_purge_forgets_ids,
    a_change_of_the_scope_forgets_no_id,
    an_expired_handle_does_not_delete,
    purging_frees_the_groups,
}

fn messages_come_in_order(client: &Client) {
    let queue = client.fifo(&[]);
    for number in 0..25 {
        queue.send_to_group("g", &format!("{number:02}"));
    }
    let mut all = Vec::new();
    while all.len() < 25 {
        let received = queue.receive();
        assert!(!received.is_empty(), "after {all:?}");
        queue.delete_all(&received);
        all.extend(received.into_iter().map(|message| message.body));
    }
    let expected: Vec<String> = (0..25).map(|number| format!("{number:02}")).collect();
    assert_eq!(all, expected);
}

fn a_group_waits_for_what_is_in_flight(client: &Client) {
    let queue = client.fifo(&[]);
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3"), ("b", "b2")] {
        queue.send_to_group(group, body);
    }
    let a1 = queue.receive_one();
    assert_eq!(a1.body, "a1");
    let b1 = queue.receive_one();
    assert_eq!(b1.body, "b1", "group a is blocked, group b is not");
    queue.gives(&[]);
    queue.delete(&b1);
    assert_eq!(queue.receive_one().body, "b2");
    queue.delete(&a1);
    queue.gives(&["a2", "a3"]);
}

fn what_is_in_flight_holds_back_what_is_behind_it(client: &Client) {
    let queue = client.fifo(&[("VisibilityTimeout", "1")]);
    for body in ["m1", "m2", "m3"] {
        queue.send_to_group("g", body);
    }
    let received = queue.gives(&["m1", "m2", "m3"]);
    queue.change_visibility(&received[1], 60);
    sleep_ms(1500);
    queue.gives(&["m1"]);
}

fn groups_take_turns(client: &Client) {
    let queue = client.fifo(&[]);
    for (group, body) in [("g1", "g1-m1"), ("g2", "g2-m1"), ("g2", "g2-m2"), ("g3", "g3-m1"), ("g1", "g1-m2")] {
        queue.send_to_group(group, body);
    }
    let first = queue.receive_with(&json!({ "MaxNumberOfMessages": 3, "VisibilityTimeout": 0 }));
    assert_eq!(bodies(&first), ["g1-m1", "g1-m2", "g2-m1"]);
    let second = queue.receive_with(&json!({ "VisibilityTimeout": 0 }));
    assert_eq!(bodies(&second), ["g3-m1", "g1-m1", "g1-m2", "g2-m1", "g2-m2"]);
}

fn a_message_given_back_does_not_starve_other_groups(client: &Client) {
    let queue = client.fifo(&[]);
    queue.send_to_group("a", "poison");
    queue.send_to_group("b", "b1");
    for expected in ["poison", "b1", "poison", "b1"] {
        let message = queue.receive_one();
        assert_eq!(message.body, expected);
        queue.change_visibility(&message, 0);
    }
}

fn a_group_given_back_comes_after_the_others(client: &Client) {
    let queue = client.fifo(&[]);
    for (group, body) in [("g1", "g1-m1"), ("g1", "g1-m2"), ("g2", "g2-m1")] {
        queue.send_to_group(group, body);
    }
    let received = queue.receive_with(&json!({ "MaxNumberOfMessages": 2 }));
    assert_eq!(bodies(&received), ["g1-m1", "g1-m2"]);
    queue.change_visibility(&received[0], 0);
    queue.gives(&["g2-m1", "g1-m1"]);
}

fn what_comes_back_comes_first(client: &Client) {
    let queue = client.fifo(&[]);
    for body in ["1", "2", "3"] {
        queue.send_to_group("g", body);
    }
    let first = queue.receive_one();
    queue.change_visibility(&first, 0);
    let again = queue.gives(&["1", "2", "3"]);
    assert_eq!(again[0].receive_count(), 2);
    assert_eq!(again[1].receive_count(), 1);
}

fn several_of_a_group_may_be_received_at_once(client: &Client) {
    let queue = client.fifo(&[]);
    for (group, body) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("b", "b2")] {
        queue.send_to_group(group, body);
    }
    let received = queue.receive();
    let of =
        |group: &str| -> Vec<&str> { bodies(&received).into_iter().filter(|body| body.starts_with(group)).collect() };
    assert_eq!((of("a"), of("b")), (vec!["a1", "a2"], vec!["b1", "b2"]));
    // After the first is deleted, the group is still blocked by the second, which is in flight.
    queue.send_to_group("a", "a3");
    queue.delete(received.iter().find(|message| message.body == "a1").expect("received"));
    queue.gives(&[]);
}

fn a_group_is_required(client: &Client) {
    let queue = client.fifo(&[("ContentBasedDeduplication", "true")]);
    queue.refused("SendMessage", json!({ "MessageBody": "m" })).expect(MISSING).saying("MessageGroupId");
}

fn a_deduplication_id_is_required_unless_content_serves(client: &Client) {
    let input = json!({ "MessageBody": "m", "MessageGroupId": "g" });
    client.fifo(&[]).refused("SendMessage", input.clone()).expect(INVALID_VALUE).saying("MessageDeduplicationId");
    client.fifo(&[("ContentBasedDeduplication", "true")]).ok("SendMessage", input);
}

fn ids_have_rules(client: &Client) {
    let queue = client.fifo(&[]);
    let longest = "i".repeat(128);
    for (group, id, valid) in [
        (&*longest, &*longest, true),
        ("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", true),
        ("", "d", false),
        ("g", "", false),
        ("a b", "d", false),
        ("g", "ü", false),
        (&"i".repeat(129), "d", false),
        ("g", &"i".repeat(129), false),
    ] {
        let input = json!({ "MessageBody": "m", "MessageGroupId": group, "MessageDeduplicationId": id });
        match queue.call("SendMessage", input) {
            Ok(_) => assert!(valid, "{group} {id}"),
            Err(refusal) => assert!(!valid && refusal.status == 400, "{group} {id}: {refusal:?}"),
        }
    }
}

fn an_id_is_taken_once(client: &Client) {
    let queue = client.fifo(&[]);
    let send = |body: &str, group: &str| {
        let input = json!({ "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": "d" });
        queue.ok("SendMessage", input)
    };
    let first = send("first", "g");
    for (body, group) in [("first", "g"), ("other body", "g"), ("first", "other-group")] {
        let again = send(body, group);
        assert_eq!(again["MessageId"], first["MessageId"], "{body} {group}");
        assert_eq!(again["SequenceNumber"], first["SequenceNumber"], "{body} {group}");
    }
    queue.gives(&["first"]);
}

fn an_id_is_remembered_beyond_its_message(client: &Client) {
    let queue = client.fifo(&[]);
    queue.send_to_group("g", "m");
    queue.delete(&queue.receive_one());
    queue.send_to_group("g", "m");
    queue.gives(&[]);
}

fn content_may_be_the_id(client: &Client) {
    let queue = client.fifo(&[("ContentBasedDeduplication", "true")]);
    let send = |body: &str, attribute: &str| {
        let attributes = json!({ "a": { "DataType": "String", "StringValue": attribute } });
        let input = json!({ "MessageBody": body, "MessageGroupId": "g", "MessageAttributes": attributes });
        queue.ok("SendMessage", input)["MessageId"].clone()
    };
    let first = send("same", "x");
    assert_eq!(send("same", "y"), first, "attributes are not content");
    assert_ne!(send("other", "x"), first);
    let received = queue.gives(&["same", "other"]);
    let sha256_of_same = "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5";
    assert_eq!(received[0].attribute("MessageDeduplicationId"), sha256_of_same);
}

fn an_explicit_id_goes_before_content(client: &Client) {
    let queue = client.fifo(&[("ContentBasedDeduplication", "true")]);
    for id in ["one", "two"] {
        queue.ok("SendMessage", json!({ "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": id }));
    }
    queue.gives(&["m", "m"]);
}

fn ids_may_be_a_groups_own(client: &Client) {
    let queue = client.fifo(&[("DeduplicationScope", "messageGroup"), ("FifoThroughputLimit", "perMessageGroupId")]);
    for (group, body) in [("a", "a1"), ("b", "b1"), ("a", "again")] {
        let input = json!({ "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": "d" });
        queue.ok("SendMessage", input);
    }
    let received = queue.receive();
    let mut received = bodies(&received);
    received.sort_unstable();
    assert_eq!(received, ["a1", "b1"]);
}

fn duplicates_within_a_batch_are_one_message(client: &Client) {
    let queue = client.fifo(&[("ContentBasedDeduplication", "true")]);
    let output = queue.ok(
        "SendMessageBatch",
        json!({ "Entries": [
            { "Id": "a", "MessageBody": "same", "MessageGroupId": "g" },
            { "Id": "b", "MessageBody": "same", "MessageGroupId": "g" },
        ]}),
    );
    let successful = &output["Successful"];
    assert_eq!(successful[0]["MessageId"], successful[1]["MessageId"]);
    queue.gives(&["same"]);
}

fn sequence_numbers_grow(client: &Client) {
    let queue = client.fifo(&[]);
    let sent: Vec<String> = (0..5)
        .map(|number| queue.send_to_group(&format!("g{}", number % 2), &number.to_string()))
        .map(|output| output["SequenceNumber"].as_str().expect("a number").to_owned())
        .collect();
    assert!(sent.windows(2).all(|pair| pair[0] < pair[1]), "{sent:?}");
    assert!(sent.iter().all(|number| number.len() == 20 && number.bytes().all(|b| b.is_ascii_digit())), "{sent:?}");
    for message in queue.receive() {
        let index: usize = message.body.parse().expect("a number");
        assert_eq!(message.attribute("SequenceNumber"), sent[index]);
    }
}

fn only_the_queue_delays(client: &Client) {
    let queue = client.fifo(&[("DelaySeconds", "2")]);
    let input = json!({
        "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 3
    });
    queue.refused("SendMessage", input).expect(INVALID_VALUE).saying("DelaySeconds");
    queue.send_to_group("g", "m");
    queue.gives(&[]);
    sleep_ms(2200);
    queue.gives(&["m"]);
}

fn system_attributes_hold_group_and_deduplication_id(client: &Client) {
    let queue = client.fifo(&[]);
    queue.ok("SendMessage", json!({ "MessageBody": "m", "MessageGroupId": "g-1", "MessageDeduplicationId": "d-1" }));
    let message = queue.receive_one();
    assert_eq!(message.attribute("MessageGroupId"), "g-1");
    assert_eq!(message.attribute("MessageDeduplicationId"), "d-1");
}

fn an_attempt_may_be_repeated(client: &Client) {
    let queue = client.fifo(&[]);
    for body in ["1", "2", "3"] {
        queue.send_to_group(body, body);
    }
    let attempt = |id: &str, most: u32| {
        let input = json!({ "ReceiveRequestAttemptId": id, "MaxNumberOfMessages": most });
        queue.receive_with(&input)
    };
    let first = attempt("try-1", 2);
    assert_eq!(first.len(), 2);
    let again = attempt("try-1", 2);
    assert_eq!(bodies(&again), bodies(&first), "a repeated attempt gives the same messages");
    let other = attempt("try-2", 2);
    assert_eq!(other.len(), 1);
    queue.delete_all(&again);
    queue.delete_all(&other);
    assert_eq!(queue.counts(), [0, 0, 0]);
    queue.refused("ReceiveMessage", json!({ "ReceiveRequestAttemptId": "a b" })).expect(INVALID_VALUE);
}

fn an_attempt_whose_messages_changed_is_refused(client: &Client) {
    let queue = client.fifo(&[]);
    queue.send_to_group("a", "a");
    queue.send_to_group("b", "b");
    let attempt = |id: &str| json!({ "ReceiveRequestAttemptId": id, "MaxNumberOfMessages": 1 });
    let deleted = queue.receive_with(&attempt("deleted")).remove(0);
    let changed = queue.receive_with(&attempt("changed")).remove(0);
    queue.delete(&deleted);
    queue.change_visibility(&changed, 60);
    for id in ["deleted", "changed"] {
        queue.refused("ReceiveMessage", attempt(id)).expect(INVALID_VALUE).saying(id);
    }
    assert!(queue.receive_with(&attempt("other")).is_empty());
}

fn a_purge_forgets_ids(client: &Client) {
    let queue = client.fifo(&[]);
    let send = |body: &str| {
        let input = json!({ "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": "d" });
        queue.ok("SendMessage", input)
    };
    let before = send("before");
    queue.ok("PurgeQueue", json!({}));
    assert_ne!(send("after")["MessageId"], before["MessageId"]);
    queue.gives(&["after"]);
}

fn a_change_of_the_scope_forgets_no_id(client: &Client) {
    let queue = client.fifo(&[]);
    let send = |body: &str, group: &str| {
        let input = json!({ "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": "d" });
        queue.ok("SendMessage", input)["MessageId"].clone()
    };
    let first = send("first", "g");
    queue.set(&[("DeduplicationScope", "messageGroup")]);
    assert_eq!(send("again", "g"), first);
    assert_eq!(send("again", "other"), first);
    queue.ok("PurgeQueue", json!({}));
    let second = send("second", "g");
    queue.set(&[("DeduplicationScope", "queue")]);
    assert_eq!(send("again", "g"), second);
    assert_ne!(send("third", "other"), second);
    queue.gives(&["second", "third"]);
}

fn an_expired_handle_does_not_delete(client: &Client) {
    let queue = client.fifo(&[("VisibilityTimeout", "1")]);
    queue.send_to_group("g", "m");
    let message = queue.receive_one();
    sleep_ms(1200);
    let refusal = queue.refused("DeleteMessage", json!({ "ReceiptHandle": message.handle }));
    refusal.expect(INVALID_VALUE);
    let handle = &message.handle;
    assert_eq!(
        refusal.message,
        format!("Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")
    );
    let entries = json!({ "Entries": [{ "Id": "e", "ReceiptHandle": handle }] });
    let failed = queue.ok("DeleteMessageBatch", entries)["Failed"][0].clone();
    assert_eq!(failed["Code"], json!("ReceiptHandleIsInvalid"));
    assert_eq!(failed["Message"], json!("The receipt handle has expired"));
    let again = queue.gives(&["m"]);
    queue.delete(&again[0]);
    assert_eq!(queue.counts(), [0, 0, 0]);
}

fn purging_frees_the_groups(client: &Client) {
    let queue = client.fifo(&[]);
    queue.send_to_group("g", "1");
    queue.send_to_group("g", "2");
    queue.receive_one();
    queue.ok("PurgeQueue", json!({}));
    queue.gives(&[]);
    queue.send_to_group("g", "3");
    queue.gives(&["3"]);
}
