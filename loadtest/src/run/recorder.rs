//! The times of a run, as its workers take them down.
//!
//! Messages count where their call ended: what ended in the measured time makes the throughput. Times count so that a
//! target that stalls cannot push its slow answers out of the measurement (coordinated omission): with a fixed rate, all
//! of what was *due* in the measured time, however late it ended; without one, what ended in it, and what was under way
//! when it was over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

use crate::message::Moment;
use crate::plan::Metric;

/// The longest time that is told apart from longer ones: an hour, in nanoseconds.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// Three significant digits: times are right to a thousandth.
const DIGITS: u8 = 3;

/// The times and messages of a metric.
pub(super) struct Slot {
    pub(super) histogram: Histogram<u64>,
    pub(super) messages: u64,
}

impl Slot {
    fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("bounds of a histogram");
        Self { histogram, messages: 0 }
    }
}

/// An empty histogram that grows as others are added to it.
pub(super) fn growing() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("three digits are few enough")
}

/// Takes times from many workers.
pub(super) struct Recorder {
    /// Whether calls belong to the time in which they were due.
    by_due: bool,
    start: AtomicU64,
    end: AtomicU64,
    /// When messages were last counted.
    last: AtomicU64,
    /// Each is written by a few workers, so that they seldom wait for one another.
    shards: Vec<Mutex<Vec<Slot>>>,
}

impl Recorder {
    pub(super) fn new(by_due: bool, shards: usize) -> Self {
        let slots = || Mutex::new(Metric::ALL.iter().map(|_| Slot::new()).collect());
        let shards = (0..shards).map(|_| slots()).collect();
        let never = || AtomicU64::new(u64::MAX);
        Self { by_due, start: never(), end: never(), last: AtomicU64::new(0), shards }
    }

    /// From now on is measured; what was taken down before is forgotten.
    pub(super) fn begin(&self, now: Moment) {
        self.end.store(u64::MAX, Ordering::Relaxed);
        self.start.store(now.nanos(), Ordering::Relaxed);
        self.last.store(now.nanos(), Ordering::Relaxed);
        for metric in Metric::ALL {
            drop(self.take(metric));
        }
    }

    /// When messages were last counted; the beginning, if none were.
    pub(super) fn last(&self) -> Moment {
        Moment::from_nanos(self.last.load(Ordering::Relaxed))
    }

    /// The measured time is over. Times of what was due or under way in it are still taken down.
    pub(super) fn end(&self, now: Moment) {
        self.end.store(now.nanos(), Ordering::Relaxed);
    }

    /// Whether something due then is within the measured time.
    pub(super) fn covers(&self, moment: Moment) -> bool {
        (self.start.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed)).contains(&moment.nanos())
    }

    /// Takes down a call for so many messages: when it was due or made, and when it ended.
    pub(super) fn record(&self, worker: usize, metric: Metric, from: Moment, now: Moment, messages: usize) {
        self.add(worker, metric, from, now, (self.is_timed(from, now), messages));
    }

    /// Takes down how late a message came that was due to be sent then, and to be visible later.
    pub(super) fn record_late(&self, worker: usize, due: Moment, visible: Moment, now: Moment) {
        self.add(worker, Metric::Late, visible, now, (self.is_timed(due, now), 1));
    }

    /// Takes down what has waited until now without an end, so many times.
    pub(super) fn record_waiting(&self, worker: usize, metric: Metric, from: Moment, now: Moment, times: u64) {
        let mut shard = lock(&self.shards[worker % self.shards.len()]);
        shard[place(metric)].histogram.saturating_record_n(nanos(from, now), times);
    }

    fn is_timed(&self, from: Moment, now: Moment) -> bool {
        self.covers(from) || (!self.by_due && self.covers(now))
    }

    fn add(&self, worker: usize, metric: Metric, from: Moment, now: Moment, (is_timed, messages): (bool, usize)) {
        let messages = if self.covers(now) { messages } else { 0 };
        if !is_timed && messages == 0 {
            return;
        }
        let mut shard = lock(&self.shards[worker % self.shards.len()]);
        let slot = &mut shard[place(metric)];
        if is_timed {
            slot.histogram.saturating_record(nanos(from, now));
        }
        slot.messages += messages as u64;
        if messages > 0 {
            self.last.fetch_max(now.nanos(), Ordering::Relaxed);
        }
    }

    /// What was taken down since the last time.
    pub(super) fn take(&self, metric: Metric) -> Slot {
        let mut all = Slot { histogram: growing(), messages: 0 };
        for shard in &self.shards {
            let mut shard = lock(shard);
            let slot = &mut shard[place(metric)];
            if slot.histogram.is_empty() && slot.messages == 0 {
                continue;
            }
            all.histogram.add(&slot.histogram).expect("a growing histogram takes all");
            all.messages += slot.messages;
            slot.histogram.reset();
            slot.messages = 0;
        }
        all
    }
}

fn nanos(from: Moment, now: Moment) -> u64 {
    u64::try_from(now.since(from).as_nanos()).unwrap_or(u64::MAX).max(1)
}

fn place(metric: Metric) -> usize {
    Metric::ALL.iter().position(|other| *other == metric).expect("all are listed")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times and messages of a call, in the measured time from 100 to 200.
    fn counted(by_due: bool, (from, now): (u64, u64)) -> (u64, u64) {
        let recorder = Recorder::new(by_due, 2);
        recorder.begin(Moment::from_nanos(100));
        recorder.end(Moment::from_nanos(200));
        recorder.record(1, Metric::Send, Moment::from_nanos(from), Moment::from_nanos(now), 1);
        let slot = recorder.take(Metric::Send);
        (slot.histogram.len(), slot.messages)
    }

    #[test]
    fn times_count_by_due_and_messages_by_end() {
        let table = [
            // From, to; times and messages with a rate, and without.
            ((100, 150), (1, 1), (1, 1)),
            ((99, 150), (0, 1), (1, 1)),
            ((150, 5000), (1, 0), (1, 0)),
            ((200, 210), (0, 0), (0, 0)),
            ((10, 20), (0, 0), (0, 0)),
            ((10, 5000), (0, 0), (0, 0)),
        ];
        for (call, with_rate, without) in table {
            assert_eq!(counted(true, call), with_rate, "{call:?}, with a rate");
            assert_eq!(counted(false, call), without, "{call:?}, without");
        }
    }

    #[test]
    fn all_shards_are_taken_once() {
        let recorder = Recorder::new(false, 3);
        recorder.begin(Moment::from_nanos(0));
        for worker in 0..10 {
            recorder.record(worker, Metric::Settle, Moment::from_nanos(5), Moment::from_nanos(10), 2);
        }
        let slot = recorder.take(Metric::Settle);
        assert_eq!((slot.messages, slot.histogram.len(), slot.histogram.max()), (20, 10, 5));
        assert_eq!(recorder.take(Metric::Settle).messages, 0);
    }
}
