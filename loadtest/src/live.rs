//! What a run tells while it goes on.

use std::time::Duration;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Queues are made and connections opened.
    Preparing,
    /// Messages are put there that are to be received later.
    Filling,
    /// Everything goes on as later, unmeasured.
    WarmUp,
    /// What the report is made of.
    Measuring,
    /// What is still there is received, and counted.
    Draining,
}

/// A look at a run that goes on.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// Where it is.
    pub phase: Phase,
    /// Time in this phase.
    pub elapsed: Duration,
    /// How much of the phase is done, 0 to 1; `None` where its end is not known.
    pub done: Option<f64>,
    /// Messages a second since the last look.
    pub rate: f64,
    /// The 99th percentile of the work's latency since the last look.
    pub p99: Option<Duration>,
    /// Calls that have failed so far.
    pub failures: u64,
}

/// Somebody who watches runs.
pub trait Observer {
    /// A run begins: its target's name, and what is to be said beside it (a round).
    fn begin(&mut self, name: &str, note: &str);
    /// A look, a few times a second.
    fn look(&mut self, live: &Live);
    /// The run is over.
    fn end(&mut self);
}

/// Nobody.
#[derive(Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn begin(&mut self, _name: &str, _note: &str) {}
    fn look(&mut self, _live: &Live) {}
    fn end(&mut self) {}
}
