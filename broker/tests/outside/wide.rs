//! Topics whose publications take several turns of the core loop: other clients are answered meanwhile, and a crash
//! leaves nothing half done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::support::{Launch, PROTOCOLS, Queue};

crate::cases! {
    costly_policies_are_matched_beside_other_requests,
    a_publication_to_many_queues_outlives_a_crash_whole,
}

/// Each policy has 150 conditions that are evaluated one by one, and no two share one.
fn costly_policies_are_matched_beside_other_requests() {
    let broker = Launch::new().start();
    let client = broker.client(PROTOCOLS[0]);
    let (topic, queue, other) = (client.topic(), client.queue(), client.queue());
    for number in 0..150 {
        let place = |place: usize| json!({ "anything-but": { "prefix": format!("{number}-{place}") } });
        let policy = json!({ "kind": (0..150).map(place).collect::<Vec<_>>() }).to_string();
        let arn = if number == 0 { queue.arn() } else { format!("{}-{number}", queue.arn()) };
        topic.subscribe("sqs", &arn, &[("RawMessageDelivery", "true"), ("FilterPolicy", &policy)]);
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut sent = 0;
            while !is_over.load(Ordering::Relaxed) || sent < 10 {
                other.send("answered");
                sent += 1;
            }
        });
        for number in 0..10 {
            let attributes = json!({ "kind": { "DataType": "String", "StringValue": "x" } });
            topic.publish_with(json!({ "Message": number.to_string(), "MessageAttributes": attributes }));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    queue.gives(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

/// The broker is killed as soon as it has answered, while copies are still put into queues.
fn a_publication_to_many_queues_outlives_a_crash_whole() {
    let mut broker = Launch::new().start();
    let client = broker.client(PROTOCOLS[0]);
    let topic = client.topic();
    let queues: Vec<Queue> = (0..1_010)
        .map(|_| {
            let queue = client.queue();
            topic.subscribe_raw(&queue);
            queue
        })
        .collect();
    topic.publish("to all");
    broker.kill();
    broker.restart();
    for queue in queues.iter().step_by(101).chain(queues.last()) {
        queue.gives(&["to all"]);
    }
}
