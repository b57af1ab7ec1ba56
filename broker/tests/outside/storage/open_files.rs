//! A broker that has no descriptor left says so once, loses nothing, and goes on by itself. What connections may take
//! leaves descriptors for the log.

use serde_json::json;

use crate::support::http::Connection;
use crate::support::{Endpoint, Launch, eventually};

use super::failures::{lines, readiness, says_once, settled};

pub(super) fn connections_that_cannot_be_accepted_wait() {
    let broker = settled(Launch::new());
    let queue = broker.json_client().queue();
    broker.limit_open_files(Some(0));
    // Some descriptors may have become free since the limit was counted.
    let waiting: Vec<_> = (0..16).map(|_| Connection::open(broker.sqs).expect("the kernel accepts it")).collect();
    says_once(&broker, "ERROR", &["connections cannot be accepted", "the AWS API", "errno=24"]);
    queue.send("over a connection that is open");
    broker.limit_open_files(None);
    drop(waiting);
    eventually("the line that it is over", || {
        drop(Connection::open(broker.sqs));
        let over = lines(&broker, "INFO", &["connections are accepted again", "the AWS API"]);
        (over.len() == 1).then_some(())
    });
    queue.gives(&["over a connection that is open"]);
}

/// With one attempt only, a message is lost if a connection that the broker cannot open counts as one.
pub(super) fn a_push_without_a_descriptor_is_no_attempt() {
    let broker = settled(Launch::new());
    let (endpoint, topic) = (Endpoint::start(), broker.json_client().topic());
    let once = r#"{"healthyRetryPolicy":{"numRetries":0,"minDelayTarget":1,"maxDelayTarget":1}}"#;
    topic.subscribe_endpoint(&endpoint, "/", &[("DeliveryPolicy", once)]);
    // The connection of the confirmation is kept for one second.
    let other = Endpoint::start();
    topic.subscribe_endpoint(&other, "/", &[("DeliveryPolicy", once)]);
    broker.limit_open_files(Some(0));
    for number in 0..12 {
        topic.publish(&number.to_string());
    }
    says_once(&broker, "ERROR", &["push delivery gets no file for a connection", "errno=24"]);
    broker.limit_open_files(None);
    for endpoint in [&endpoint, &other] {
        endpoint.await_notifications("/", 12);
    }
    assert_eq!(lines(&broker, "WARN", &["given up"]).len(), 0, "{}", broker.log());
}

pub(super) fn a_log_without_a_descriptor_is_not_a_full_disk() {
    let mut broker = settled(Launch::new().configured("[storage]\nsegment_bytes = 8388608"));
    let queue = broker.json_client().queue();
    let body = "x".repeat(500_000);
    broker.limit_open_files(Some(0));
    let mut sent = 0;
    let refusal = loop {
        match queue.call("SendMessage", json!({ "MessageBody": body })) {
            Ok(_) => sent += 1,
            Err(refusal) => break refusal,
        }
        assert!(sent < 100, "the log needs another file");
    };
    assert_eq!((refusal.status, refusal.code.as_str()), (503, "ServiceUnavailable"), "{refusal:?}");
    refusal.saying("gets no further file");
    refusal.saying("Too many open files");
    let received = queue.receive();
    assert!(!received.is_empty(), "receives go on");
    queue.delete_all(&received);
    says_once(&broker, "ERROR", &["the log cannot get another file", "errno=24", "creating"]);
    assert!(lines(&broker, "", &["is full"]).is_empty(), "{}", broker.log());
    broker.limit_open_files(None);
    eventually("a send", || queue.call("SendMessage", json!({ "MessageBody": "again" })).ok());
    eventually("the line that it is over", || {
        (lines(&broker, "INFO", &["the log has its files again"]).len() == 1).then_some(())
    });
    assert_eq!(readiness(&broker).0, 200);
    assert_eq!(queue.counts().iter().sum::<u64>(), (sent + 1 - received.len()) as u64);
    broker.stop();
    broker.restart();
    assert_eq!(queue.counts().iter().sum::<u64>(), (sent + 1 - received.len()) as u64);
}

/// Of 500 files and with one I/O shard, connections get 112: the log, the admin listener and lookups keep theirs.
pub(super) fn connections_leave_descriptors_for_the_log() {
    let broker = settled(Launch::new().flag("worker-threads", "1").open_files_max(500));
    assert_eq!(lines(&broker, "WARN", &["fewer connections", "files=500", "clients=79", "push=33"]).len(), 1);
    let queue = broker.json_client().queue();
    let connections: Vec<_> = (0..150).map(|_| Connection::open(broker.sqs)).collect();
    queue.send("x");
    assert_eq!(readiness(&broker).0, 200);
    assert!(lines(&broker, "ERROR", &[]).is_empty(), "{}", broker.log());
    drop(connections);
}
