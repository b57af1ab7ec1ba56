//! The account of a run: which messages were sent, which were acknowledged, and which were received, at which
//! destination and how often. Each message has one bit for each of these facts: a hundred million messages take 12.5 MB
//! a fact.
//!
//! - One producer numbers a stream from 0 without gaps.
//! - A message is *lost* if it was acknowledged and was not received at a destination that should get it. A message
//!   whose call had no result is *uncertain*: it may be received or not.
//! - A message is *duplicated* each time that it is received again, unless the consumer that held it had not settled it
//!   when the visibility timeout ended, or its settle failed.
//! - A message is *reordered* if its first receipt comes after that of a later message of its stream.
//!
//! [`Account::breaches`] decides which of these facts break what the target has promised.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::message::{Corrupt, Moment, Stamp};
use crate::target::Promise;

/// The facts about all messages of a run.
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

/// The sending side of a stream.
#[derive(Debug, Default)]
struct Sent {
    attempted: u64,
    acknowledged: Bits,
    refused: u64,
    /// The messages whose call failed.
    doubted: HashSet<u64>,
}

/// The receiving side of a stream at one destination.
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

/// The kind of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// The first receipt of the message at this destination.
    First,
    /// A later receipt.
    Again,
    /// The message is damaged, of another run, never sent, or not for this destination.
    Wrong,
}

/// The totals of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Messages that producers tried to send.
    pub attempted: u64,
    /// Messages that the target acknowledged.
    pub acknowledged: u64,
    /// Messages that the target refused.
    pub refused: u64,
    /// Messages whose call failed, or had no result when the run ended.
    pub uncertain: u64,
    /// First receipts, at all destinations together.
    pub received: u64,
    /// Whether the run looked for all acknowledged messages. If not, `lost` is 0.
    pub verified: bool,
    /// Acknowledged messages that were not received, at all destinations together.
    pub lost: u64,
    /// Receipts that count as duplicates.
    pub duplicated: u64,
    /// Bodies that differ from what was sent.
    pub corrupted: u64,
    /// First receipts after those of later messages of the stream.
    pub reordered: u64,
    /// Receipts at a destination whose filter the message does not pass.
    pub misrouted: u64,
    /// Messages that this run never sent.
    pub unknown: u64,
    /// Deliveries before their delay was over.
    pub early: u64,
}

impl Account {
    /// The facts that break the promise, one sentence each. Empty if the target kept it.
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

    /// The run that a message must name to be counted.
    #[must_use]
    pub fn run(&self) -> u32 {
        self.run
    }

    /// The lot of a message: under [`Routing::Lots`] the number of the one destination that gets it.
    #[must_use]
    pub fn lot(&self, sequence: u64) -> u32 {
        u32::try_from(sequence % self.received.len() as u64).expect("less than the destinations")
    }

    /// The number of destinations that get a message.
    #[must_use]
    pub fn copies(&self) -> usize {
        match self.routing {
            Routing::Copies => self.received.len(),
            Routing::Lots => 1,
        }
    }

    /// Returns the next number of a stream, for a message that is about to be sent. The caller reports the result with
    /// [`Self::acknowledge`], [`Self::refuse`] or [`Self::doubt`]; without one the message stays uncertain.
    pub fn attempt(&self, stream: u32) -> u64 {
        let mut sent = lock(&self.sent[stream as usize]);
        let sequence = sent.attempted;
        sent.attempted += 1;
        sequence
    }

    /// Records that the target acknowledged a message.
    pub fn acknowledge(&self, stream: u32, sequence: u64) {
        lock(&self.sent[stream as usize]).acknowledged.set(sequence);
    }

    /// Records that the target refused a message.
    pub fn refuse(&self, stream: u32) {
        lock(&self.sent[stream as usize]).refused += 1;
    }

    /// Records that a message's call failed, so that the target may have taken it or not.
    pub fn doubt(&self, stream: u32, sequence: u64) {
        lock(&self.sent[stream as usize]).doubted.insert(sequence);
    }

    /// Whether [`Self::doubt`] was called for the message.
    #[must_use]
    pub fn is_doubted(&self, stamp: &Stamp) -> bool {
        self.sent.get(stamp.stream as usize).is_some_and(|sent| lock(sent).doubted.contains(&stamp.sequence))
    }

    /// Records a message that was received at `now`. Other consumers may get it from `visible` on, unless it is settled
    /// before.
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

    /// Records that a received message was settled. Each later receipt is a duplicate.
    pub fn settle(&self, destination: u32, stamp: &Stamp) {
        if let Some(received) = self.received[destination as usize].get(stamp.stream as usize) {
            lock(received).held.remove(&stamp.sequence);
        }
    }

    /// Records that a received message could not be settled. A later receipt is no duplicate.
    pub fn release(&self, destination: u32, stamp: &Stamp) {
        if let Some(received) = self.received[destination as usize].get(stamp.stream as usize) {
            lock(received).held.insert(stamp.sequence, Moment::from_nanos(0));
        }
    }

    /// Records a message that was received before its delay ended.
    pub fn early(&self) {
        self.early.fetch_add(1, Ordering::Relaxed);
    }

    /// Acknowledged messages that were not received yet, at all destinations together. Reads all entries: linear in the
    /// number of messages.
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

/// A set of numbers, one bit for each from 0 to the greatest.
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

    /// The size of the difference: numbers in this set and not in the other.
    fn without(&self, other: &Self) -> u64 {
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(others).map(|(here, there)| u64::from((here & !there).count_ones())).sum()
    }
}

/// Locks. Ignores poisoning: a worker that panicked left at most one message uncounted.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
