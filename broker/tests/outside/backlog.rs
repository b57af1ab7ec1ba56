//! A backlog that lies on the disk: it is drained whole after a restart, by large reads, and `/metrics` says how.

use serde_json::{Value, json};

use crate::support::broker::sample;
use crate::support::queue::messages;
use crate::support::{Broker, Launch, Queue};

crate::cases! {
    a_cold_backlog_is_drained_whole_and_by_large_reads,
}

/// Little memory for what was read and for the log's end.
const SMALL: &str = "[storage]\nsegment_bytes = 8388608\ntail_bytes = 1048576\nread_cache_bytes_max = 4194304";

/// Messages of each queue.
const MESSAGES: usize = 400;

fn body(queue: usize, number: usize) -> String {
    let beginning = format!("{queue} {number} ");
    let rest = 4000 - beginning.len();
    beginning + &"x".repeat(rest)
}

/// Sends the messages of all queues in turn, so that they lie between each other in the log.
fn fill(queues: &[Queue]) {
    for first in (0..MESSAGES).step_by(10) {
        for (index, queue) in queues.iter().enumerate() {
            let entries: Vec<Value> = (first..first + 10)
                .map(|number| json!({ "Id": format!("m{number}"), "MessageBody": body(index, number) }))
                .collect();
            queue.ok("SendMessageBatch", json!({ "Entries": entries }));
        }
    }
}

/// Receives and deletes all messages of a queue, which come in their order.
fn drain(index: usize, queue: &Queue) {
    let mut number = 0;
    while number < MESSAGES {
        let output = queue.ok("ReceiveMessage", json!({ "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5 }));
        let received = messages(&output);
        assert!(!received.is_empty(), "after {number} of queue {index}");
        for message in &received {
            assert_eq!(message.body, body(index, number));
            number += 1;
        }
        queue.delete_all(&received);
    }
    queue.gives(&[]);
}

fn value(broker: &Broker, name: &str, labels: &[&str]) -> f64 {
    let metrics = broker.metrics();
    sample(&metrics, name, labels).unwrap_or_else(|| panic!("no {name} in:\n{metrics}"))
}

fn a_cold_backlog_is_drained_whole_and_by_large_reads() {
    let mut broker = Launch::new().configured(SMALL).start();
    let client = broker.json_client();
    let queues = [(); 3].map(|()| client.queue());
    fill(&queues);
    broker.kill();
    broker.restart();
    let live = value(&broker, "posthouse_log_bytes", &[r#"state="live""#]);
    let bodies = (queues.len() * MESSAGES * 4000) as f64;
    assert!(live > bodies && live < bodies * 1.2, "{live} live bytes");
    for (index, queue) in queues.iter().enumerate() {
        drain(index, &queue.as_seen_by(&broker.json_client()));
    }
    let records = (queues.len() * MESSAGES) as f64;
    let reads = value(&broker, "posthouse_log_cold_reads_total", &[]);
    assert!(reads < records / 5.0, "{reads} reads for {records} messages");
    let hits = value(&broker, "posthouse_log_cold_records_total", &[r#"outcome="hit""#]);
    assert!(hits > records / 2.0, "{hits} of {records} were there when they were asked for");
    assert!(value(&broker, "posthouse_log_read_ahead_bytes_total", &[]) > bodies / 2.0);
    assert!(value(&broker, "posthouse_log_read_cache_bytes", &[]) <= 4_194_304.0);
    assert!(value(&broker, "posthouse_log_bytes", &[r#"state="live""#]) < bodies / 100.0, "all is deleted");
    broker.stop();
}
