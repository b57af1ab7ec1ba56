//! A backlog that lies on the disk: receives by several consumers, a restart, and how little of it reaches the disk.

use std::sync::mpsc;

use posthouse_core::{Inspection, Options};
use posthouse_model::operation::ReceiveMessage;
use posthouse_model::operation::ReceivedMessage;
use posthouse_model::{ReceiveWait, Reply, Request, SqsMessageCount, WaitTime};

use super::{Broker, PATIENCE, options, queue};

const MESSAGES: usize = 300;

/// Options of a loop that keeps little of the log's end.
fn forgetful() -> Options {
    let mut options = options();
    options.log.tail_bytes = 64 << 10;
    options.log.chunk_bytes = 64 << 10;
    options
}

fn body(number: usize) -> String {
    format!("{number} {}", "b".repeat(2000 + number % 500))
}

fn receive_ten() -> Request {
    Request::ReceiveMessage(ReceiveMessage {
        queue: queue(),
        messages_max: SqsMessageCount::MAX.into(),
        visibility_timeout: None,
        wait: Some(ReceiveWait::AtMost(WaitTime::new(0).expect("in range"))),
        attempt: None,
    })
}

fn inspection(broker: &Broker) -> std::sync::Arc<Inspection> {
    let (sender, receiver) = mpsc::channel();
    broker.inbox().inspect(Box::new(move |inspection| {
        // The error says that the test has ended.
        let _ = sender.send(inspection);
    }));
    receiver.recv_timeout(PATIENCE).expect("inspected")
}

#[test]
fn receives_that_wait_together_share_the_reads_of_a_cold_backlog() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), forgetful());
    broker.create();
    for number in 0..MESSAGES {
        broker.send(&body(number));
    }
    broker.stop();

    let broker = Broker::start(directory.path(), forgetful());
    // Five consumers at a time, whose messages lie next to each other.
    let mut received: Vec<ReceivedMessage> = Vec::new();
    while received.len() < MESSAGES {
        let answers = [(); 5].map(|()| broker.submit(receive_ten()));
        for answer in answers {
            match answer.recv_timeout(PATIENCE).expect("answered") {
                Ok(Reply::ReceiveMessage(messages)) => received.extend(messages),
                other => panic!("{other:?}"),
            }
        }
    }
    let expected: Vec<String> = (0..MESSAGES).map(body).collect();
    assert_eq!(received.iter().map(|message| message.message.body()).collect::<Vec<_>>(), expected);
    let view = inspection(&broker);
    let log = &view.log;
    assert!(log.cold_records > 200, "{log:?}");
    assert!(log.cold_reads < log.cold_records / 5, "{log:?}");
    assert!(log.read_ahead_bytes > 0, "{log:?}");
    let lengths: u64 = expected.iter().map(|body| body.len() as u64).sum();
    assert!((lengths..lengths * 11 / 10).contains(&log.live_bytes), "{log:?}");
    let start = &view.core.start;
    assert!(start.records > MESSAGES as u64 && start.bytes > lengths, "{start:?}");
    broker.stop();
}
