//! Records the times of all workers of a run.
//!
//! The throughput counts the messages whose call ended within the measured time. The histograms have more calls, so
//! that a target that stalls cannot push its slow responses out of the measurement (coordinated omission). With a fixed
//! rate they have all calls that were *due* within the measured time, however late they ended. Without one they have
//! the calls that ended within it, and those that were under way when it ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

use crate::message::Moment;
use crate::plan::Metric;

/// The longest time of a histogram: an hour, in nanoseconds. Longer times are recorded as this one.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// Significant digits of a recorded time.
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

/// An empty histogram that resizes itself when others are added.
pub(super) fn growing() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("three digits are few enough")
}

/// Which calls belong to the measured time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribution {
    /// Calls that were due within it. For plans with a fixed rate.
    ByDue,
    /// Calls that ended within it, or were under way when it ended. For plans without a rate.
    ByEnd,
}

/// From when a call was due or made to when it ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: Moment,
    pub(super) to: Moment,
}

/// The numbers that a span adds to its metric.
#[derive(Clone, Copy)]
struct Counted {
    /// Entries of the histogram.
    times: u64,
    /// Messages, which count only if the span ends within the measured time.
    messages: u64,
}

impl Span {
    fn nanos(self) -> u64 {
        u64::try_from(self.to.since(self.from).as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

/// Collects the times of all workers.
pub(super) struct Recorder {
    attribution: Attribution,
    start: AtomicU64,
    end: AtomicU64,
    /// The end of the latest call whose messages were counted.
    last: AtomicU64,
    /// Worker `n` writes to shard `n` modulo their number, which keeps contention low.
    shards: Vec<Mutex<Vec<Slot>>>,
}

impl Recorder {
    pub(super) fn new(attribution: Attribution, shards: usize) -> Self {
        let slots = || Mutex::new(Metric::ALL.iter().map(|_| Slot::new()).collect());
        let shards = (0..shards).map(|_| slots()).collect();
        let never = || AtomicU64::new(u64::MAX);
        Self { attribution, start: never(), end: never(), last: AtomicU64::new(0), shards }
    }

    /// Begins the measured time, and drops all earlier records.
    pub(super) fn begin(&self, now: Moment) {
        self.end.store(u64::MAX, Ordering::Relaxed);
        self.start.store(now.nanos(), Ordering::Relaxed);
        self.last.store(now.nanos(), Ordering::Relaxed);
        for metric in Metric::ALL {
            drop(self.take(metric));
        }
    }

    /// The end of the latest call whose messages were counted. The start of the measured time if there was none.
    pub(super) fn last(&self) -> Moment {
        Moment::from_nanos(self.last.load(Ordering::Relaxed))
    }

    /// Ends the measured time. Calls that were due or under way within it are still recorded.
    pub(super) fn end(&self, now: Moment) {
        self.end.store(now.nanos(), Ordering::Relaxed);
    }

    /// Whether the moment is within the measured time.
    pub(super) fn covers(&self, moment: Moment) -> bool {
        (self.start.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed)).contains(&moment.nanos())
    }

    /// Records a call of `worker` for so many messages.
    pub(super) fn record(&self, worker: usize, metric: Metric, call: Span, messages: usize) {
        let times = u64::from(self.is_timed(call));
        self.add(worker, metric, call, Counted { times, messages: messages as u64 });
    }

    /// Records a message that was due to be sent at `due`, to become visible at `late.from`, and that came at
    /// `late.to`.
    pub(super) fn record_late(&self, worker: usize, due: Moment, late: Span) {
        let times = u64::from(self.is_timed(Span { from: due, to: late.to }));
        self.add(worker, Metric::Late, late, Counted { times, messages: 1 });
    }

    /// Records so many calls or messages that have waited for all of `wait` and have not ended.
    pub(super) fn record_waiting(&self, worker: usize, metric: Metric, wait: Span, times: u64) {
        self.add(worker, metric, wait, Counted { times, messages: 0 });
    }

    fn is_timed(&self, call: Span) -> bool {
        self.covers(call.from) || (self.attribution == Attribution::ByEnd && self.covers(call.to))
    }

    fn add(&self, worker: usize, metric: Metric, call: Span, counted: Counted) {
        let messages = if self.covers(call.to) { counted.messages } else { 0 };
        if counted.times == 0 && messages == 0 {
            return;
        }
        let mut shard = lock(&self.shards[worker % self.shards.len()]);
        let slot = &mut shard[place(metric)];
        if counted.times > 0 {
            slot.histogram.saturating_record_n(call.nanos(), counted.times);
        }
        slot.messages += messages;
        if messages > 0 {
            self.last.fetch_max(call.to.nanos(), Ordering::Relaxed);
        }
    }

    /// Removes and returns the records since the last call.
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
    fn counted(attribution: Attribution, (from, to): (u64, u64)) -> (u64, u64) {
        let recorder = Recorder::new(attribution, 2);
        recorder.begin(Moment::from_nanos(100));
        recorder.end(Moment::from_nanos(200));
        recorder.record(1, Metric::Send, Span { from: Moment::from_nanos(from), to: Moment::from_nanos(to) }, 1);
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
            assert_eq!(counted(Attribution::ByDue, call), with_rate, "{call:?}, with a rate");
            assert_eq!(counted(Attribution::ByEnd, call), without, "{call:?}, without");
        }
    }

    #[test]
    fn all_shards_are_taken_once() {
        let recorder = Recorder::new(Attribution::ByEnd, 3);
        recorder.begin(Moment::from_nanos(0));
        for worker in 0..10 {
            recorder.record(
                worker,
                Metric::Settle,
                Span { from: Moment::from_nanos(5), to: Moment::from_nanos(10) },
                2,
            );
        }
        let slot = recorder.take(Metric::Settle);
        assert_eq!((slot.messages, slot.histogram.len(), slot.histogram.max()), (20, 10, 5));
        assert_eq!(recorder.take(Metric::Settle).messages, 0);
    }
}
