//! A clock that is set, or wrong at a start: deadlines and dates.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use posthouse_core::{Clock, ClockStep, Environment};
use posthouse_model::operation::{ReceiveMessage, ReceivedMessage};
use posthouse_model::{Reply, Request, Timestamp, VisibilityTimeout};

use super::{Answered, Broker, Channel, PATIENCE, Switched, WallClock, options, receive};

/// A clock that is ahead of this machine's by some milliseconds, or behind it.
#[derive(Clone, Default)]
struct SetClock {
    ahead: Arc<AtomicI64>,
    /// What it is ahead by once the loop has set it.
    next: Arc<AtomicI64>,
}

impl SetClock {
    fn ahead_by(millis: i64) -> Self {
        Self { ahead: Arc::new(millis.into()), next: Arc::new(millis.into()) }
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let millis = WallClock.now().as_millis();
        Timestamp::from_millis(millis.checked_add_signed(self.ahead.load(Ordering::SeqCst)).expect("after 1970"))
    }

    fn step(&self) -> Option<ClockStep> {
        let next = self.next.load(Ordering::SeqCst);
        if next == self.ahead.load(Ordering::SeqCst) {
            return None;
        }
        let from = self.now();
        self.ahead.store(next, Ordering::SeqCst);
        Some(ClockStep { from, to: self.now() })
    }
}

struct Set;

impl Environment for Set {
    type Disk = Switched;
    type Clock = SetClock;
    type Responder = Channel;
}

const THREE_DAYS: i64 = 3 * 24 * 60 * 60 * 1000;

fn receive_for_a_second(wait: u32) -> Request {
    let Request::ReceiveMessage(request) = receive(wait) else { unreachable!("a receive") };
    let visibility_timeout = Some(VisibilityTimeout::new(1).expect("in range"));
    Request::ReceiveMessage(ReceiveMessage { visibility_timeout, ..request })
}

/// The only message of an answer.
#[track_caller]
fn only(answer: Answered) -> ReceivedMessage {
    match answer {
        Ok(Reply::ReceiveMessage(mut messages)) if messages.len() == 1 => messages.remove(0),
        other => panic!("{other:?}"),
    }
}

/// The true time of a message is near now, whatever the clock was when it was sent.
#[track_caller]
fn was_sent_now(message: &ReceivedMessage) {
    let now = WallClock.now();
    let off = now.since(message.sent).max(message.sent.since(now));
    assert!(off < PATIENCE, "sent at {:?}, and it is {now:?}", message.sent);
}

#[test]
fn a_clock_that_is_set_moves_no_deadline() {
    for millis in [THREE_DAYS, -THREE_DAYS] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let clock = SetClock::default();
        let broker = Broker::start_with::<Set>(directory.path(), options(), clock.clone());
        broker.create();
        broker.send("m");
        only(broker.ask(receive_for_a_second(0)));
        clock.next.store(millis, Ordering::SeqCst);
        assert_eq!(broker.ask(receive(0)), Ok(Reply::ReceiveMessage(Vec::new())), "it is still in flight");
        let again = only(broker.ask(receive_for_a_second(10)));
        assert_eq!(again.receive_count, 2);
        clock.next.store(0, Ordering::SeqCst);
        was_sent_now(&only(broker.ask(receive(10))));
        broker.stop();
    }
}

#[test]
fn a_log_from_the_future_is_corrected_by_the_start() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start_with::<Set>(directory.path(), options(), SetClock::ahead_by(THREE_DAYS));
    broker.create();
    broker.send("m");
    only(broker.ask(receive_for_a_second(0)));
    broker.stop();
    for _ in 0..2 {
        let broker = Broker::start_with::<Set>(directory.path(), options(), SetClock::default());
        was_sent_now(&only(broker.ask(receive_for_a_second(10))));
        broker.stop();
    }
}
