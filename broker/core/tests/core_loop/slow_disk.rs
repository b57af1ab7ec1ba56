//! A disk whose large writes are slow: what waits for it is bounded by the time that it takes.
//!
//! No write takes long in fact. It is held until the test lets it through, and says then that it took the time of its
//! bytes at the rate of the disk.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::thread;

use posthouse_disk::{Completion, Operation, OperationId};
use posthouse_model::Reply;

use super::{Broker, Options, PATIENCE, options, send};

const MIB: u64 = 1024 * 1024;

/// Shorter writes are neither held nor slow: those of the superblock, and the first ones of a log.
const LARGE_BYTES_MIN: u64 = 256 * 1024;

/// What the test says of the writes.
#[derive(Default)]
pub(crate) struct Gate {
    /// Bytes that the disk writes in a second. Zero: as the disk of this machine does.
    rate: AtomicU64,
    /// Slow writes that may complete.
    passes: AtomicUsize,
}

impl Gate {
    fn take_pass(&self) -> bool {
        self.passes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |passes| passes.checked_sub(1)).is_ok()
    }
}

/// The slow writes of a disk.
pub(crate) struct SlowWrites {
    gate: Arc<Gate>,
    /// The bytes of those under way.
    large: BTreeMap<OperationId, u64>,
    held: Vec<Completion>,
}

impl SlowWrites {
    pub(crate) const fn new(gate: Arc<Gate>) -> Self {
        Self { gate, large: BTreeMap::new(), held: Vec::new() }
    }

    /// Notes a write.
    pub(crate) fn note(&mut self, id: OperationId, operation: &Operation) {
        if let Operation::Write { data, .. } = operation
            && self.gate.rate.load(Ordering::SeqCst) > 0
        {
            let bytes = data.iter().map(|slice| slice.len() as u64).sum();
            if bytes >= LARGE_BYTES_MIN {
                self.large.insert(id, bytes);
            }
        }
    }

    /// Takes the completions of slow writes out, and puts those back in that may pass.
    pub(crate) fn hold(&mut self, completions: &mut Vec<Completion>) {
        let rate = self.gate.rate.load(Ordering::SeqCst);
        for place in (0..completions.len()).rev() {
            let Some(bytes) = self.large.remove(&completions[place].id) else { continue };
            let mut completion = completions.remove(place);
            completion.elapsed = Duration::from_micros(bytes * 1_000_000 / rate);
            self.held.push(completion);
        }
        while !self.held.is_empty() && self.gate.take_pass() {
            completions.push(self.held.remove(0));
        }
    }
}

impl Broker {
    /// The bytes that wait for the disk, after the requests of this turn of the loop.
    fn backlog(&self) -> u64 {
        let (sender, inspected) = mpsc::channel();
        self.inbox().inspect(Box::new(move |view| sender.send(view.log.unsynced_bytes).expect("the test listens")));
        inspected.recv_timeout(PATIENCE).expect("inspected")
    }

    /// Waits until so many bytes wait for the disk. Returns how many there are some turns later.
    fn backlog_of(&self, least: u64) -> u64 {
        let reached = (0..5_000).any(|_| {
            self.backlog() >= least || {
                thread::sleep(Duration::from_millis(1));
                false
            }
        });
        assert!(reached, "{} bytes wait for the disk, and not {least}", self.backlog());
        (0..10).map(|_| self.backlog()).max().expect("ten")
    }
}

#[test]
fn what_waits_for_a_slow_disk_is_bounded_by_time() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let wait = Duration::from_millis(500);
    let options = Options { inbox_length: 64, unsynced_bytes_max: 64 * MIB, unsynced_wait_max: wait, ..options() };
    let broker = Broker::start(directory.path(), options);
    broker.create();
    broker.gate.rate.store(40 * MIB, Ordering::SeqCst);
    let body = "x".repeat(1_000_000);
    let senders: Vec<_> = (0..64).map(|_| broker.submit(send(&body))).collect();
    // Nothing is known of the disk. A request is taken while less waits than the bound, so that one exceeds it.
    let unknown = broker.backlog_of(8 * MIB);
    assert!(unknown < 9 * MIB, "{unknown} bytes");
    // The first commit says that the disk writes 20 MiB in half a second, at most: a part of what it writes is padding.
    broker.gate.passes.store(1, Ordering::SeqCst);
    let known = broker.backlog_of(18 * MIB);
    assert!(known < 21 * MIB, "{known} bytes");
    broker.gate.passes.store(usize::MAX, Ordering::SeqCst);
    for sender in senders {
        let answer = sender.recv_timeout(PATIENCE).expect("answered");
        assert!(matches!(answer, Ok(Reply::SendMessage(_))), "{answer:?}");
    }
    broker.stop();
}
