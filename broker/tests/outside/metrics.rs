//! Probes and scrapes: what they say, and that they hold up nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::support::broker::sample;
use crate::support::{Broker, Launch};

crate::cases! {
    sums_count_what_is_not_listed,
    sends_go_on_while_clients_probe_and_scrape,
}

#[track_caller]
fn says(broker: &Broker, expected: &[(&str, Option<f64>)]) {
    let metrics = broker.metrics();
    for (name, value) in expected {
        assert_eq!(sample(&metrics, name, &[]), *value, "{name} in:\n{metrics}");
    }
}

fn sums_count_what_is_not_listed() {
    let broker = Launch::new().configured("[limits]\nmetrics_queues_max = 1").start();
    let client = broker.json_client();
    let queues = [(); 3].map(|()| client.queue());
    for queue in &queues {
        queue.send_all(&["a", "b"]);
        queue.gives(&["a", "b"]);
        queue.send_all(&["c"]);
    }
    queues[2].ok("SendMessage", json!({ "MessageBody": "later", "DelaySeconds": 900 }));
    let metrics = broker.metrics();
    let listed = metrics.lines().filter(|line| line.starts_with("posthouse_queue_messages_visible{"));
    assert_eq!(listed.count(), 1, "{metrics}");
    let label = format!("queue=\"{}\"", queues[0].name);
    assert!(sample(&metrics, "posthouse_queue_messages_visible", &[&label]).is_some(), "the first queue is listed");
    let totals = [
        ("posthouse_queues", Some(3.0)),
        ("posthouse_queues_unlisted", Some(2.0)),
        ("posthouse_messages_visible", Some(3.0)),
        ("posthouse_messages_delayed", Some(1.0)),
        ("posthouse_messages_sent_total", Some(10.0)),
        ("posthouse_messages_received_total", Some(6.0)),
    ];
    says(&broker, &totals);
    queues[2].ok("DeleteQueue", json!({}));
    says(
        &broker,
        &[
            ("posthouse_queues", Some(2.0)),
            ("posthouse_messages_visible", Some(2.0)),
            ("posthouse_messages_delayed", Some(0.0)),
            ("posthouse_messages_sent_total", Some(10.0)),
            ("posthouse_topics", Some(0.0)),
        ],
    );
}

fn sends_go_on_while_clients_probe_and_scrape() {
    let broker = Launch::new().start();
    let queue = broker.json_client().queue();
    let done = AtomicBool::new(false);
    let answers: usize = thread::scope(|scope| {
        let clients: Vec<_> = ["/healthz", "/readyz", "/metrics", "/metrics"]
            .map(|path| {
                let (broker, done) = (&broker, &done);
                scope.spawn(move || {
                    let mut answers = 0;
                    while !done.load(Ordering::Relaxed) {
                        assert_eq!(broker.admin_get(path).expect("an answer").status, 200, "{path}");
                        answers += 1;
                    }
                    answers
                })
            })
            .into();
        for number in 0..200 {
            queue.ok("SendMessage", json!({ "MessageBody": number.to_string() }));
        }
        done.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().expect("each probe is answered")).sum()
    });
    assert!(answers > 0);
    assert_eq!(queue.counts()[0], 200);
}
