//! The progress of a run, as an [`Observer`] sees it.

use std::time::Duration;

/// The phase of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Queues are made and connections opened.
    Preparing,
    /// Producers send the messages that are received later.
    Filling,
    /// The command of the user runs, before the messages are received.
    Between,
    /// Workers do the measured work before it is measured.
    WarmUp,
    /// The phase that the report is about.
    Measuring,
    /// Consumers receive the messages that are left, unmeasured.
    Draining,
}

/// The state of a run at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// The phase.
    pub phase: Phase,
    /// Time since the phase began.
    pub elapsed: Duration,
    /// The share of the phase that is done, 0 to 1; `None` if its end is not known.
    pub done: Option<f64>,
    /// Messages a second since the last look.
    pub rate: f64,
    /// The 99th percentile of the work's latency since the last look.
    pub p99: Option<Duration>,
    /// Calls that have failed so far.
    pub failures: u64,
}

/// Is called while runs go on, to show their progress.
pub trait Observer {
    /// A run begins: the target's name, and a note such as the round.
    fn begin(&mut self, name: &str, note: &str);
    /// The run goes on. Called four times a second.
    fn look(&mut self, live: &Live);
    /// The run is over.
    fn end(&mut self);
}

/// An observer that shows nothing.
#[derive(Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn begin(&mut self, _name: &str, _note: &str) {}
    fn look(&mut self, _live: &Live) {}
    fn end(&mut self) {}
}
