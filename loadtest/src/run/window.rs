//! The measured time of a phase: the recorder's times and messages in total, and for each second.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::recorder::{Slot, growing};
use super::shared::Shared;
use crate::message::Moment;
use crate::outcome::{Interval, Series};
use crate::plan::Metric;

/// The length of an interval.
const INTERVAL: Duration = Duration::from_secs(1);

/// Whether each interval keeps its times, or only its number of messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IntervalTimes {
    Kept,
    Dropped,
}

/// When the measured time ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WindowEnd {
    Now,
    /// When a message was last counted in it.
    LastMessage,
}

pub(super) struct Window {
    interval_times: IntervalTimes,
    start: Moment,
    taken: Moment,
    measured: Duration,
    metrics: Vec<Measured>,
}

/// The records of a metric until now.
struct Measured {
    all: Slot,
    intervals: Vec<Interval>,
    latest_rate: f64,
    latest_p99: Option<Duration>,
}

impl Measured {
    fn new() -> Self {
        Self {
            all: Slot { histogram: growing(), messages: 0 },
            intervals: Vec::new(),
            latest_rate: 0.0,
            latest_p99: None,
        }
    }
}

impl Window {
    pub(super) fn new(interval_times: IntervalTimes, now: Moment) -> Self {
        let metrics = Metric::ALL.iter().map(|_| Measured::new()).collect();
        Self { interval_times, start: now, taken: now, measured: Duration::ZERO, metrics }
    }

    /// Begins the measured time now, and drops all earlier records.
    pub(super) fn begin(&mut self, shared: &Shared) {
        let now = shared.clock.now();
        *self = Self::new(self.interval_times, now);
        shared.recorder.begin(now);
        shared.progressed(now);
    }

    /// Takes an interval from the recorder, if a second has passed since the last one.
    pub(super) fn tick(&mut self, shared: &Shared) {
        if shared.clock.now().since(self.taken) >= INTERVAL {
            self.take(shared);
        }
    }

    /// Ends the measured time.
    pub(super) fn end(&mut self, shared: &Shared, end: WindowEnd) {
        let now = shared.clock.now();
        shared.recorder.end(now);
        let end = match end {
            WindowEnd::Now => now,
            WindowEnd::LastMessage => shared.recorder.last(),
        };
        self.measured = end.since(self.start);
        self.take(shared);
    }

    /// Takes the calls that were due or under way within the measured time and ended later, as one more interval.
    pub(super) fn take_rest(&mut self, shared: &Shared) {
        self.take(shared);
        for measured in &mut self.metrics {
            measured
                .intervals
                .pop_if(|rest| rest.messages == 0 && rest.histogram.as_ref().is_none_or(Histogram::is_empty));
        }
    }

    pub(super) fn measured(&self) -> Duration {
        self.measured
    }

    /// The messages taken so far.
    pub(super) fn messages(&self, metric: Metric) -> u64 {
        self.of(metric).all.messages
    }

    pub(super) fn latest_rate(&self, metric: Metric) -> f64 {
        self.of(metric).latest_rate
    }

    pub(super) fn latest_p99(&self, metric: Metric) -> Option<Duration> {
        self.of(metric).latest_p99
    }

    /// Removes and returns the series of these metrics that have any times. The series of `owed` is returned even if it
    /// is empty.
    pub(super) fn series(&mut self, metrics: &[Metric], owed: Option<Metric>) -> Vec<Series> {
        let mut series = Vec::new();
        if self.measured.is_zero() {
            return series;
        }
        for (metric, measured) in Metric::ALL.into_iter().zip(&mut self.metrics) {
            let is_there = owed == Some(metric) || !measured.all.histogram.is_empty();
            if metrics.contains(&metric) && is_there {
                let Measured { all, intervals, .. } = std::mem::replace(measured, Measured::new());
                let Slot { histogram, messages } = all;
                series.push(Series { metric, messages, measured: self.measured, histogram, intervals });
            }
        }
        series
    }

    fn of(&self, metric: Metric) -> &Measured {
        let place = Metric::ALL.iter().position(|other| *other == metric);
        &self.metrics[place.expect("all are listed")]
    }

    fn take(&mut self, shared: &Shared) {
        let now = shared.clock.now();
        let (start, length) = (self.taken.since(self.start), now.since(self.taken));
        self.taken = now;
        for (metric, measured) in Metric::ALL.into_iter().zip(&mut self.metrics) {
            let Slot { histogram, messages } = shared.recorder.take(metric);
            measured.all.histogram.add(&histogram).expect("a growing histogram takes all");
            measured.all.messages += messages;
            measured.latest_rate = messages as f64 / length.as_secs_f64().max(1e-9);
            measured.latest_p99 =
                (!histogram.is_empty()).then(|| Duration::from_nanos(histogram.value_at_quantile(0.99)));
            let histogram = (self.interval_times == IntervalTimes::Kept).then_some(histogram);
            measured.intervals.push(Interval { start, length, messages, histogram });
        }
    }
}
