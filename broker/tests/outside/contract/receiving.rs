//! Receiving: the number of messages, the wait, and the attributes that are shown.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::client::INVALID_VALUE;
use crate::support::digest::attributes_md5;
use crate::support::queue::{bodies, messages};
use crate::support::{Client, sleep_ms};

super::cases! {
    one_message_unless_more_are_asked_for,
    parameters_have_ranges,
    an_empty_queue_gives_nothing,
    a_long_poll_ends_with_a_message,
    a_long_poll_ends_without_one,
    the_queue_may_wait_for_its_receivers,
    a_delayed_message_wakes_a_long_poll,
    one_message_wakes_one_poll,
    many_consumers_share_a_queue,
    nothing_is_shown_unless_asked_for,
    system_attributes,
    system_attributes_are_chosen_by_name,
    message_attributes_are_chosen_by_name_and_prefix,
    handles_are_base64,
}

fn one_message_unless_more_are_asked_for(client: &Client) {
    let queue = client.queue();
    queue.send_all(&["a", "b", "c"]);
    let default = messages(&queue.ok("ReceiveMessage", json!({})));
    assert_eq!(bodies(&default), ["a"]);
    assert_eq!(bodies(&queue.receive_with(&json!({ "MaxNumberOfMessages": 10 }))), ["b", "c"]);
}

/// Clients put handles between separators such as `-`. A handle in the alphabet of earlier versions still opens.
fn handles_are_base64(client: &Client) {
    let queue = client.queue();
    let sent: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    queue.send_all(&sent.iter().map(String::as_str).collect::<Vec<_>>());
    // Each receive makes another handle.
    for _ in 0..10 {
        for message in queue.receive_with(&json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 0 })) {
            STANDARD.decode(&message.handle).expect("padded base64 of the standard alphabet");
        }
    }
    for message in queue.receive_with(&json!({ "MaxNumberOfMessages": 10 })) {
        let handle = message.handle.replace('+', "-").replace('/', "_");
        queue.ok("DeleteMessage", json!({ "ReceiptHandle": handle }));
    }
    assert_eq!(queue.counts(), [0, 0, 0]);
}

fn parameters_have_ranges(client: &Client) {
    let queue = client.queue();
    for (name, low, high) in
        [("MaxNumberOfMessages", 1, 10), ("WaitTimeSeconds", 0, 20), ("VisibilityTimeout", 0, 43_200)]
    {
        for value in [low - 1, high + 1] {
            queue.refused("ReceiveMessage", json!({ name: value })).expect(INVALID_VALUE).saying(name);
        }
    }
    queue.send("m");
    for (name, value) in [("MaxNumberOfMessages", 10), ("WaitTimeSeconds", 20)] {
        let received = queue.receive_with(&json!({ name: value, "VisibilityTimeout": 0 }));
        assert_eq!(bodies(&received), ["m"], "{name}");
    }
    queue.receive_with(&json!({ "VisibilityTimeout": 43_200 }));
}

fn an_empty_queue_gives_nothing(client: &Client) {
    let output = client.queue().ok("ReceiveMessage", json!({ "WaitTimeSeconds": 0 }));
    assert!(messages(&output).is_empty());
}

fn a_long_poll_ends_with_a_message(client: &Client) {
    let queue = client.queue();
    std::thread::scope(|scope| {
        let poll = scope.spawn(|| queue.receive_with(&json!({ "WaitTimeSeconds": 20 })));
        sleep_ms(300);
        queue.send("m");
        assert_eq!(bodies(&poll.join().expect("no panic")), ["m"]);
    });
}

fn a_long_poll_ends_without_one(client: &Client) {
    assert!(client.queue().receive_with(&json!({ "WaitTimeSeconds": 1 })).is_empty());
}

fn the_queue_may_wait_for_its_receivers(client: &Client) {
    let queue = client.queue_with(&[("ReceiveMessageWaitTimeSeconds", "20")]);
    std::thread::scope(|scope| {
        let poll = scope.spawn(|| queue.receive());
        sleep_ms(300);
        assert!(queue.receive_with(&json!({ "WaitTimeSeconds": 0 })).is_empty(), "a call's own time goes first");
        queue.send("m");
        assert_eq!(bodies(&poll.join().expect("no panic")), ["m"]);
    });
}

fn a_delayed_message_wakes_a_long_poll(client: &Client) {
    let queue = client.queue();
    queue.ok("SendMessage", json!({ "MessageBody": "m", "DelaySeconds": 1 }));
    assert_eq!(bodies(&queue.receive_with(&json!({ "WaitTimeSeconds": 20 }))), ["m"]);
}

fn one_message_wakes_one_poll(client: &Client) {
    let queue = client.queue();
    std::thread::scope(|scope| {
        let polls: Vec<_> =
            (0..3).map(|_| scope.spawn(|| queue.receive_with(&json!({ "WaitTimeSeconds": 2 })))).collect();
        sleep_ms(300);
        queue.send_all(&["a", "b"]);
        let received: Vec<_> = polls.into_iter().map(|poll| poll.join().expect("no panic")).collect();
        let mut all: Vec<&str> = received.iter().flat_map(|messages| bodies(messages)).collect();
        all.sort_unstable();
        assert_eq!(all, ["a", "b"], "each once");
    });
}

fn many_consumers_share_a_queue(client: &Client) {
    const MESSAGES: usize = 200;
    let queue = client.queue();
    std::thread::scope(|scope| {
        for sender in 0..4 {
            let queue = &queue;
            scope.spawn(move || {
                for number in (sender..MESSAGES).step_by(4) {
                    queue.send(&format!("{number:03}"));
                }
            });
        }
        let consumers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut taken = Vec::new();
                    loop {
                        let received = queue.receive_with(&json!({ "WaitTimeSeconds": 2 }));
                        if received.is_empty() {
                            return taken;
                        }
                        queue.delete_all(&received);
                        taken.extend(received.into_iter().map(|message| message.body));
                    }
                })
            })
            .collect();
        let mut all: Vec<String> =
            consumers.into_iter().flat_map(|consumer| consumer.join().expect("no panic")).collect();
        all.sort();
        let expected: Vec<String> = (0..MESSAGES).map(|number| format!("{number:03}")).collect();
        assert_eq!(all, expected, "each message once");
    });
}

fn nothing_is_shown_unless_asked_for(client: &Client) {
    let queue = client.queue();
    let attributes = json!({ "a": { "DataType": "String", "StringValue": "x" } });
    queue.ok("SendMessage", json!({ "MessageBody": "m", "MessageAttributes": attributes }));
    let received = messages(&queue.ok("ReceiveMessage", json!({}))).remove(0).whole;
    for member in ["Attributes", "MessageAttributes", "MD5OfMessageAttributes"] {
        assert_eq!(received[member], Value::Null, "{member} in {received}");
    }
}

fn system_attributes(client: &Client) {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
    let queue = client.queue();
    let before = now();
    queue.send("m");
    sleep_ms(20);
    let first = queue.receive_with(&json!({ "VisibilityTimeout": 0 })).remove(0);
    let after = now();
    let time = |name: &str| first.attribute(name).parse::<u128>().expect("milliseconds");
    let (sent, received) = (time("SentTimestamp"), time("ApproximateFirstReceiveTimestamp"));
    assert!(before <= sent && sent < received && received <= after, "{before} {sent} {received} {after}");
    assert_eq!(first.receive_count(), 1);
    assert!(!first.attribute("SenderId").is_empty());
    let second = queue.receive_one();
    assert_eq!(second.receive_count(), 2);
    for kept in ["SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId"] {
        assert_eq!(second.attribute(kept), first.attribute(kept), "{kept}");
    }
    assert_ne!(second.handle, first.handle, "every receive has its own handle");
}

fn system_attributes_are_chosen_by_name(client: &Client) {
    let queue = client.queue_with(&[("VisibilityTimeout", "0")]);
    queue.send("m");
    for parameter in ["AttributeNames", "MessageSystemAttributeNames"] {
        let shown = |names: Value| {
            let output = queue.ok("ReceiveMessage", json!({ parameter: names }));
            let attributes = messages(&output).remove(0).whole["Attributes"].clone();
            let map = attributes.as_object().cloned().unwrap_or_default();
            map.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(shown(json!(["SenderId"])), ["SenderId"], "{parameter}");
        let two = ["ApproximateReceiveCount", "SentTimestamp"];
        assert_eq!(shown(json!(["SentTimestamp", "ApproximateReceiveCount"])), two, "{parameter}");
        let all = ["ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp"];
        assert_eq!(shown(json!(["All"])), all, "{parameter}");
        assert_eq!(shown(json!(["SequenceNumber"])), [""; 0], "{parameter}: a standard queue has none");
        queue.refused("ReceiveMessage", json!({ parameter: ["Colour"] })).expect("InvalidAttributeName");
    }
}

fn message_attributes_are_chosen_by_name_and_prefix(client: &Client) {
    let queue = client.queue_with(&[("VisibilityTimeout", "0")]);
    let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
    let attributes =
        json!({ "order.id": text("1"), "order.line.id": text("2"), "customer": text("3"), "x": text("4") });
    queue.ok("SendMessage", json!({ "MessageBody": "m", "MessageAttributes": attributes }));
    for (filter, expected) in [
        (json!(["All"]), &["customer", "order.id", "order.line.id", "x"][..]),
        (json!([".*"]), &["customer", "order.id", "order.line.id", "x"]),
        (json!(["*"]), &["customer", "order.id", "order.line.id", "x"]),
        (json!(["x"]), &["x"]),
        (json!(["order.*"]), &["order.id", "order.line.id"]),
        (json!(["order.line.*", "x"]), &["order.line.id", "x"]),
        (json!(["order"]), &[]),
        (json!(["X"]), &[]),
        (json!(["nothing", "x"]), &["x"]),
    ] {
        let output = queue.ok("ReceiveMessage", json!({ "MessageAttributeNames": filter }));
        let received = messages(&output).remove(0).whole;
        let shown = &received["MessageAttributes"];
        let names: Vec<String> = shown.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
        assert_eq!(names, expected, "{filter}");
        if !expected.is_empty() {
            // SDKs compare the digest with the attributes that they received.
            assert_eq!(received["MD5OfMessageAttributes"], json!(attributes_md5(shown)), "{filter}");
        }
    }
}
