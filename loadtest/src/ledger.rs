//! The account of a run: which messages were sent, which were acknowledged, and which came, at which destination and how
//! often. A bit for each message and fact, so that a hundred million messages take some tens of megabytes.
//!
//! - A stream is numbered by one producer from 0 without gaps.
//! - A message is *lost* if it was acknowledged and is not there at a destination that should have it. One whose fate its
//!   producer never heard of (*uncertain*) may come or not.
//! - A message is *duplicated* each time that it comes again, unless it was somebody's who had not settled it when the
//!   visibility timeout was over, or whose settling failed.
//! - It is *reordered* if it comes for the first time after one of its stream that was sent later.
//!
//! What of all this is a breach depends on what the target has promised.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::message::{Corrupt, Moment, Stamp};
use crate::target::Promise;

/// Who sent what, and what came of it.
#[derive(Debug)]
pub struct Ledger {
    run: u32,
    routing: Routing,
    sent: Vec<Mutex<Sent>>,
    /// By destination, then by stream.
    received: Vec<Vec<Mutex<Received>>>,
    corrupted: AtomicU64,
    unknown: AtomicU64,
    early: AtomicU64,
}

/// Which destinations are to get a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// All of them.
    Copies,
    /// The one whose number is the message's lot.
    Lots,
}

/// Whether the run has looked for all acknowledged messages before its account is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It has: a message that is missing is lost.
    Complete,
    /// It has not: a message that is missing may still be at the target.
    Incomplete,
}

/// What a producer knows of its stream.
#[derive(Debug, Default)]
struct Sent {
    attempted: u64,
    acknowledged: Bits,
    refused: u64,
    /// Those whose call failed.
    doubted: HashSet<u64>,
}

/// What has come of a stream at a destination.
#[derive(Debug, Default)]
struct Received {
    seen: Bits,
    highest: Option<u64>,
    /// Received and not settled, and until when they are invisible to others.
    held: HashMap<u64, Moment>,
    duplicated: u64,
    reordered: u64,
    misrouted: u64,
}

/// What a received message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// It comes for the first time.
    First,
    /// It was here before.
    Again,
    /// It is damaged, of another run, never sent, or not for this destination.
    Wrong,
}

/// The totals of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Messages that producers have tried to send.
    pub attempted: u64,
    /// Those that the target has acknowledged.
    pub acknowledged: u64,
    /// Those that it has refused.
    pub refused: u64,
    /// Those whose fate is not known: the call failed, or the run ended in the middle.
    pub uncertain: u64,
    /// Deliveries that came for the first time.
    pub received: u64,
    /// Whether everything that was acknowledged was looked for.
    pub verified: bool,
    /// Acknowledged, and not there.
    pub lost: u64,
    /// Deliveries that came again.
    pub duplicated: u64,
    /// Bodies that are not what was sent.
    pub corrupted: u64,
    /// Deliveries that came after later ones of their stream.
    pub reordered: u64,
    /// Deliveries to a destination whose filter they do not pass.
    pub misrouted: u64,
    /// Messages that this run never sent.
    pub unknown: u64,
    /// Deliveries before their delay was over.
    pub early: u64,
}

impl Account {
    /// What the target has done that it promised not to do, one sentence each.
    #[must_use]
    pub fn breaches(&self, promise: &Promise) -> Vec<String> {
        if !promise.keeps {
            return Vec::new();
        }
        let rules = [
            (self.verified, self.lost, "acknowledged and lost"),
            (true, self.corrupted, "corrupted"),
            (promise.once, self.duplicated, "duplicated"),
            (promise.ordered, self.reordered, "out of order"),
            (true, self.misrouted, "delivered to a queue whose filter does not let them pass"),
            (true, self.unknown, "received, but never sent"),
            (true, self.early, "delivered before the delay was over"),
        ];
        let broken = rules.into_iter().filter(|(forbidden, count, _)| *forbidden && *count > 0);
        let sentence = |(_, count, what)| format!("{count} {} {what}", if count == 1 { "message" } else { "messages" });
        broken.map(sentence).collect()
    }
}

impl Ledger {
    /// A ledger without entries.
    #[must_use]
    pub fn new(run: u32, streams: u32, destinations: u32, routing: Routing) -> Self {
        Self {
            run,
            routing,
            sent: (0..streams).map(|_| Mutex::default()).collect(),
            received: (0..destinations).map(|_| (0..streams).map(|_| Mutex::default()).collect()).collect(),
            corrupted: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            early: AtomicU64::new(0),
        }
    }

    /// The run that messages must say they are of.
    #[must_use]
    pub fn run(&self) -> u32 {
        self.run
    }

    /// The lot of a message: under [`Routing::Lots`] the number of the one destination that gets it.
    #[must_use]
    pub fn lot(&self, sequence: u64) -> u32 {
        u32::try_from(sequence % self.received.len() as u64).expect("less than the destinations")
    }

    /// How many deliveries a message is to have.
    #[must_use]
    pub fn copies(&self) -> usize {
        match self.routing {
            Routing::Copies => self.received.len(),
            Routing::Lots => 1,
        }
    }

    /// Takes the next number of a stream: a message that is about to be sent.
    pub fn attempt(&self, stream: u32) -> u64 {
        let mut sent = lock(&self.sent[stream as usize]);
        let sequence = sent.attempted;
        sent.attempted += 1;
        sequence
    }

    /// The target has acknowledged a message.
    pub fn acknowledge(&self, stream: u32, sequence: u64) {
        lock(&self.sent[stream as usize]).acknowledged.set(sequence);
    }

    /// The target has refused a message.
    pub fn refuse(&self, stream: u32) {
        lock(&self.sent[stream as usize]).refused += 1;
    }

    /// A message's call failed: nobody knows whether it will come.
    pub fn doubt(&self, stream: u32, sequence: u64) {
        lock(&self.sent[stream as usize]).doubted.insert(sequence);
    }

    /// Whether a message's call has failed.
    #[must_use]
    pub fn is_doubted(&self, stamp: &Stamp) -> bool {
        self.sent.get(stamp.stream as usize).is_some_and(|sent| lock(sent).doubted.contains(&stamp.sequence))
    }

    /// Takes down a message that came now, and that others may get from `visible` on if it is not settled by then.
    pub fn receive(
        &self,
        destination: u32,
        message: &Result<Stamp, Corrupt>,
        now: Moment,
        visible: Moment,
    ) -> Reception {
        let Ok(stamp) = message else {
            self.corrupted.fetch_add(1, Ordering::Relaxed);
            return Reception::Wrong;
        };
        let streams = &self.received[destination as usize];
        let known = stamp.run == self.run
            && self.sent.get(stamp.stream as usize).is_some_and(|sent| stamp.sequence < lock(sent).attempted);
        let Some(received) = streams.get(stamp.stream as usize).filter(|_| known) else {
            self.unknown.fetch_add(1, Ordering::Relaxed);
            return Reception::Wrong;
        };
        let mut received = lock(received);
        if self.routing == Routing::Lots && self.lot(stamp.sequence) != destination {
            received.misrouted += 1;
            return Reception::Wrong;
        }
        received.take(stamp.sequence, now, visible)
    }

    /// A received message was settled: it must not come again.
    pub fn settle(&self, destination: u32, stamp: &Stamp) {
        if let Some(received) = self.received[destination as usize].get(stamp.stream as usize) {
            lock(received).held.remove(&stamp.sequence);
        }
    }

    /// A received message could not be settled: it may come again at any time.
    pub fn release(&self, destination: u32, stamp: &Stamp) {
        if let Some(received) = self.received[destination as usize].get(stamp.stream as usize) {
            lock(received).held.insert(stamp.sequence, Moment::from_nanos(0));
        }
    }

    /// A message came before its delay was over.
    pub fn early(&self) {
        self.early.fetch_add(1, Ordering::Relaxed);
    }

    /// Acknowledged deliveries that have not come yet. Looks through all of the entries.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let mut missing = 0;
        for (stream, sent) in self.sent.iter().enumerate() {
            let sent = lock(sent);
            for (destination, received) in self.received.iter().enumerate() {
                missing += self.missing_at(destination, &sent, &lock(&received[stream]));
            }
        }
        missing
    }

    fn missing_at(&self, destination: usize, sent: &Sent, received: &Received) -> u64 {
        if self.routing == Routing::Copies {
            return sent.acknowledged.without(&received.seen);
        }
        let lots = self.received.len() as u64;
        let numbers = (destination as u64..sent.attempted).step_by(usize::try_from(lots).unwrap_or(usize::MAX));
        numbers.filter(|number| sent.acknowledged.has(*number) && !received.seen.has(*number)).count() as u64
    }

    /// The totals. Messages are counted as lost only after a complete verification.
    #[must_use]
    pub fn account(&self, verification: Verification) -> Account {
        let verified = verification == Verification::Complete;
        let mut account = Account {
            verified,
            lost: if verified { self.missing() } else { 0 },
            corrupted: self.corrupted.load(Ordering::Relaxed),
            unknown: self.unknown.load(Ordering::Relaxed),
            early: self.early.load(Ordering::Relaxed),
            ..Account::default()
        };
        for sent in &self.sent {
            let sent = lock(sent);
            account.attempted += sent.attempted;
            account.acknowledged += sent.acknowledged.count();
            account.refused += sent.refused;
        }
        account.uncertain = account.attempted - account.acknowledged - account.refused;
        for received in self.received.iter().flatten() {
            let received = lock(received);
            account.received += received.seen.count();
            account.duplicated += received.duplicated;
            account.reordered += received.reordered;
            account.misrouted += received.misrouted;
        }
        account
    }
}

impl Received {
    fn take(&mut self, sequence: u64, now: Moment, visible: Moment) -> Reception {
        let held_until = self.held.insert(sequence, visible);
        if self.seen.has(sequence) {
            if held_until.is_none_or(|until| now < until) {
                self.duplicated += 1;
            }
            return Reception::Again;
        }
        self.seen.set(sequence);
        if self.highest.is_some_and(|highest| highest > sequence) {
            self.reordered += 1;
        }
        self.highest = self.highest.max(Some(sequence));
        Reception::First
    }
}

/// A set of numbers from 0, a bit each.
#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn place(number: u64) -> (usize, u64) {
        (usize::try_from(number / 64).expect("memory ends before addresses do"), 1 << (number % 64))
    }

    fn set(&mut self, number: u64) {
        let (word, bit) = Self::place(number);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    fn has(&self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many are here and not there.
    fn without(&self, other: &Self) -> u64 {
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(others).map(|(here, there)| u64::from((here & !there).count_ones())).sum()
    }
}

/// Locks; a panic of another worker has left nothing half done that matters to a count.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
