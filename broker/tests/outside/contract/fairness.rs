//! Fair queues: standard queues whose messages have groups.

use serde_json::json;

use crate::support::Client;
use crate::support::queue::bodies;

super::cases! {
    a_group_is_kept_on_a_standard_queue,
    a_busy_group_does_not_hold_up_a_quiet_one,
    groups_do_not_block_on_a_standard_queue,
}

fn a_group_is_kept_on_a_standard_queue(client: &Client) {
    let queue = client.queue();
    queue.ok("SendMessage", json!({ "MessageBody": "m", "MessageGroupId": "tenant-1" }));
    assert_eq!(queue.receive_one().attribute("MessageGroupId"), "tenant-1");
}

fn a_busy_group_does_not_hold_up_a_quiet_one(client: &Client) {
    let queue = client.queue();
    let send =
        |group: &str, body: &str| queue.ok("SendMessage", json!({ "MessageBody": body, "MessageGroupId": group }));
    for number in 0..60 {
        send("busy", &format!("busy {number}"));
    }
    for _ in 0..2 {
        assert_eq!(queue.receive().len(), 10, "the busy group gets much in flight");
    }
    send("quiet", "quiet");
    let next = queue.receive();
    assert!(bodies(&next).contains(&"quiet"), "{:?}", bodies(&next));
}

fn groups_do_not_block_on_a_standard_queue(client: &Client) {
    let queue = client.queue();
    for body in ["1", "2", "3"] {
        queue.ok("SendMessage", json!({ "MessageBody": body, "MessageGroupId": "g" }));
    }
    queue.receive_one();
    assert_eq!(queue.receive().len(), 2);
}
