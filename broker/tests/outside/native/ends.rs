//! What becomes of links when clients leave, do not read or are silent, and when the broker stops.

use posthouse_wire::{AtEnd, FaultCode, FromBroker, TargetKind, Verb};

use super::{linked, open};
use crate::support::{Launch, Native, eventually};

pub(super) fn a_connection_that_breaks_gives_back_what_is_unsettled() {
    let (_, queue) = open();
    let mut native = linked(&queue);
    native.send(1, 1, &["settled", "unsettled", "unread"]).expect("stored");
    native.credit(2, 3);
    let settled = native.messages(3).iter().find(|message| message.body == "settled").expect("delivered").number;
    assert_eq!(native.settle(2, &[(Verb::Delete, settled, 1)]), Ok(vec![]));
    drop(native);
    eventually("the messages are visible", || (queue.counts() == [2, 0, 0]).then_some(()));
    queue.gives(&["unsettled", "unread"]);
    queue.send("none waits for it");
    queue.gives(&["none waits for it"]);
}

pub(super) fn a_link_may_keep_what_is_unsettled() {
    let (mut native, queue) = open();
    native.consumer(2, &queue.name, AtEnd::KeepInFlight).expect("it exists");
    native.credit(2, 1);
    queue.send("kept");
    native.messages(1);
    native.close(2);
    assert_eq!(queue.counts(), [0, 1, 0]);
    native.consumer(2, &queue.name, AtEnd::GiveBack).expect("its number is free");
    native.credit(2, 1);
    queue.send("given back");
    native.messages(1);
    native.close(2);
    assert_eq!(queue.counts(), [1, 1, 0]);
}

pub(super) fn a_client_that_never_reads_is_sent_what_its_link_may_hold() {
    const MESSAGES: u64 = 200;
    let broker =
        Launch::new().configured("[native]\nlink_bytes_max = 1048576\n[limits]\nwrite_seconds_max = 2").start();
    let queue = broker.json_client().queue();
    let body = "x".repeat(100_000);
    let mut sender = Native::open(broker.native);
    sender.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    for first in (1..=MESSAGES).step_by(10) {
        sender.send(1, first, &[body.as_str(); 10]).expect("stored");
    }
    let mut idle = Native::open(broker.native);
    idle.consumer(2, &queue.name, AtEnd::GiveBack).expect("it exists");
    idle.credit(2, 1_000_000);
    let in_flight = || queue.counts()[1];
    eventually("messages are on their way", || (in_flight() > 0).then_some(()));
    let mut reader = Native::open(broker.native);
    reader.consumer(2, &queue.name, AtEnd::GiveBack).expect("it exists");
    reader.credit(2, 20);
    reader.messages(20);
    assert!(in_flight() < MESSAGES, "a client that does not read gets no more than its link and the sockets hold");
    eventually("the client is disconnected", || {
        broker.metrics().contains("native_connections_not_reading_total 1").then_some(())
    });
    drop(reader);
    eventually("everything is visible again", || (queue.counts() == [MESSAGES, 0, 0]).then_some(()));
}

pub(super) fn a_stopping_broker_says_so_and_lets_clients_finish() {
    let mut broker = Launch::new().start();
    let queue = broker.json_client().queue();
    let mut native = Native::open(broker.native);
    native.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    native.consumer(2, &queue.name, AtEnd::GiveBack).expect("it exists");
    native.send(1, 1, &["settled late", "never settled"]).expect("stored");
    native.credit(2, 10);
    let messages = native.messages(2);
    broker.terminate();
    let frame = native.answer().expect("no refusal");
    let FromBroker::GoAway(away) = FromBroker::decode(&frame).expect("well formed") else { panic!("{frame:?}") };
    assert!(away.grace_ms > 0);
    let settled = messages.iter().find(|message| message.body == "settled late").expect("delivered").number;
    assert_eq!(native.settle(2, &[(Verb::Delete, settled, 1)]), Ok(vec![]));
    drop(native);
    let status = broker.await_exit();
    assert!(status.success(), "{status}");
    broker.restart();
    queue.gives(&["never settled"]);
}

pub(super) fn silent_clients_are_asked_and_then_disconnected() {
    let broker = Launch::new().configured("[native]\nheartbeat_seconds = 1\nsilence_seconds_max = 2").start();
    let mut native = Native::open(broker.native);
    let refused = native.refusal();
    assert_eq!(refused.code, FaultCode::Timeout);
    native.is_closed();
    assert!(broker.metrics().contains("native_faults_total{fault=\"Timeout\"} 1"), "{}", broker.metrics());
}
