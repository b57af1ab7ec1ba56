//! Records that cannot be read: what a receive answers, and what stays set aside.

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use posthouse_core::{Clock, Environment, Incident, Options};
use posthouse_model::operation::{DamageCause, DeleteMessage, ReceivedMessage};
use posthouse_model::{Reply, Request, Timestamp};

use super::{Broker, Channel, Switched, WallClock, options, presented, queue};

/// A clock that a test sets forward.
#[derive(Clone, Default)]
struct ShiftedClock(Arc<AtomicU64>);

impl ShiftedClock {
    /// Sets the clock forward by more than the visibility timeout of 30 seconds.
    fn end_visibility_timeout(&self) {
        self.0.fetch_add(31, Ordering::Relaxed);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        WallClock.now() + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

struct Shifted;

impl Environment for Shifted {
    type Disk = Switched;
    type Clock = ShiftedClock;
    type Responder = Channel;
}

/// Options of a loop whose memory holds the latest records only, and nothing of what was read.
fn forgetful() -> Options {
    let mut options = options();
    options.log.tail_bytes = 64 << 10;
    options.log.chunk_bytes = 64 << 10;
    options.log.read_cache_bytes = 0;
    options
}

/// Sends and deletes messages until all before have left the memory.
fn push_out(broker: &Broker) {
    let filler = "f".repeat(30_000);
    for _ in 0..10 {
        broker.send(&filler);
    }
    let mut left = 10;
    while left > 0 {
        for message in broker.receive(5).into_iter().filter(|message| message.message.body() == filler) {
            let delete = DeleteMessage { queue: queue(), handle: Ok(presented(message.handle)) };
            assert_eq!(broker.ask(Request::DeleteMessage(delete)), Ok(Reply::Done));
            left -= 1;
        }
    }
}

fn shown(messages: &[ReceivedMessage]) -> Vec<(&str, u32)> {
    messages.iter().map(|message| (message.message.body(), message.receive_count)).collect()
}

/// A broker whose message `cold` was received once, is visible again, and is on the disk alone.
fn with_a_cold_message(directory: &Path) -> (Broker, ShiftedClock) {
    let clock = ShiftedClock::default();
    let broker = Broker::start_with::<Shifted>(directory, forgetful(), clock.clone());
    broker.create();
    broker.send("cold");
    assert_eq!(shown(&broker.receive(0)), [("cold", 1)]);
    push_out(&broker);
    clock.end_visibility_timeout();
    (broker, clock)
}

/// Too many open files say nothing of the messages: they come back, and the failed receives do not count.
#[test]
fn a_read_that_fails_for_another_reason_than_damage_undoes_the_receive() {
    const EMFILE: i32 = 24;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (broker, clock) = with_a_cold_message(directory.path());
    for _ in 0..3 {
        broker.read_errno.store(EMFILE, Ordering::Relaxed);
        assert_eq!(shown(&broker.receive(0)), []);
        let incident = broker.running.incidents.next();
        assert!(matches!(&incident, Some(Incident::Unavailable { queue: q, .. }) if *q == queue()), "{incident:?}");
        broker.read_errno.store(0, Ordering::Relaxed);
        assert_eq!(shown(&broker.receive(0)), [], "it is hidden for a time, so that a fault costs no more than that");
        clock.end_visibility_timeout();
    }
    assert_eq!(shown(&broker.receive(0)), [("cold", 2)]);
    assert_eq!(broker.damaged(), []);
    broker.stop();
}

/// A sector that cannot be read is damage, as a wrong checksum is.
#[test]
fn a_record_on_a_bad_sector_is_set_aside_and_stays_so() {
    const EIO: i32 = 5;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (broker, clock) = with_a_cold_message(directory.path());
    broker.send("warm");
    broker.read_errno.store(EIO, Ordering::Relaxed);
    assert_eq!(shown(&broker.receive(0)), [("warm", 1)], "what can be read is delivered");
    let Some(Incident::SetAside(message)) = broker.running.incidents.next() else { panic!("it is reported") };
    assert_eq!((&message.queue, message.cause, message.receive_count), (&queue(), DamageCause::Unreadable, 1));
    assert!(message.record.file.as_ref().is_some_and(|(file, offset)| file.ends_with(".segment") && *offset > 0));
    assert_eq!(broker.damaged(), core::slice::from_ref(&message));
    broker.read_errno.store(0, Ordering::Relaxed);
    clock.end_visibility_timeout();
    assert_eq!(shown(&broker.receive(0)), [("warm", 2)]);
    broker.stop();

    let broker = Broker::start_with::<Shifted>(directory.path(), forgetful(), clock);
    assert_eq!(broker.damaged(), [message]);
    broker.stop();
}
