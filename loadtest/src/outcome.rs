//! What a run has found: the numbers that tables, JSON, charts and histogram logs are made of.

use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;

use crate::ledger::Account;
use crate::plan::{Metric, Plan};
use crate::target::{Failure, Promise};

/// A finished run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The target's name in reports.
    pub name: String,
    /// Its URL, without a password.
    pub address: String,
    /// Whether it is the machine's limit that was measured, and no broker.
    pub limit: bool,
    /// What the user says of the target's durability.
    pub durability: Option<String>,
    /// What was done.
    pub plan: Plan,
    /// When it began.
    pub started: SystemTime,
    /// What was measured. A metric that does not occur in the work has no series.
    pub series: Vec<Series>,
    /// What was sent and what came.
    pub account: Account,
    /// Messages that were due at the fixed rate and not sent before the run's time was over, because the target did not
    /// keep up. Their times so far are in the series.
    pub overdue: u64,
    /// What the target owed.
    pub promise: Promise,
    /// Calls that failed, each kind once with its count, the most frequent first.
    pub failures: Vec<(Failure, u64)>,
    /// Why the run ended before its time.
    pub ended_early: Option<String>,
    /// What the generator itself did.
    pub generator: Generator,
}

/// The times of one metric.
#[derive(Clone, Debug)]
pub struct Series {
    /// What was timed.
    pub metric: Metric,
    /// Messages whose call ended within the measured time: those of a batch count one each.
    pub messages: u64,
    /// The measured time.
    pub measured: Duration,
    /// The times of single calls (send, receive, settle) or messages (end to end, late), in nanoseconds: also of those
    /// that were due or under way in the measured time and ended later, or not at all.
    pub histogram: Histogram<u64>,
    /// The same, second by second.
    pub intervals: Vec<Interval>,
}

/// About a second of a series.
#[derive(Clone, Debug)]
pub struct Interval {
    /// When it began, since the measured time did.
    pub start: Duration,
    /// How long it was.
    pub length: Duration,
    /// Messages.
    pub messages: u64,
    /// The times, in nanoseconds; `None` unless the plan keeps those of single seconds.
    pub histogram: Option<Histogram<u64>>,
}

/// What the generator itself did in the measured time.
#[derive(Clone, Debug, Default)]
pub struct Generator {
    /// The threads that the workers shared.
    pub threads: usize,
    /// The measured time.
    pub measured: Duration,
    /// CPU time of those threads and of client libraries' own; `None` where the system does not tell.
    pub cpu: Option<Duration>,
    /// The share of the measured time in which the busiest of them had a core.
    pub busiest_thread: Option<f64>,
    /// Calls of the target: sends, receives and settles, however many messages each had.
    pub calls: u64,
    /// CPU seconds that one signature takes; `None` where nothing is signed.
    pub signature_seconds: Option<f64>,
    /// Share of all cores' time that was used by anybody, and that was stolen by the host of a virtual machine.
    pub machine: Option<Machine>,
}

/// How busy the whole machine was.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// The cores.
    pub cores: usize,
    /// The share of their time that was used, 0 to 1.
    pub busy: f64,
    /// The share that a virtual machine's host gave to others, 0 to 1.
    pub stolen: f64,
}

/// A thread of the generator that had a core for more than this share of the time was the bottleneck.
const THREAD_FULL: f64 = 0.9;
/// A machine of which more than this share is used has nothing left for anybody.
const MACHINE_FULL: f64 = 0.95;

impl Machine {
    /// Whether there was nothing left of it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.busy + self.stolen > MACHINE_FULL
    }
}

impl Generator {
    /// Whether the generator may have been what limited the run: one of its threads was full, or it had half of a full
    /// machine.
    #[must_use]
    pub fn saturated(&self) -> bool {
        let has_half = |machine: &Machine| {
            let cores = self.cpu.map_or(0.0, |cpu| cpu.as_secs_f64()) / self.measured.as_secs_f64().max(1e-9);
            machine.is_full() && cores > machine.cores as f64 / 2.0
        };
        self.busiest_thread.is_some_and(|share| share > THREAD_FULL) || self.machine.as_ref().is_some_and(has_half)
    }

    /// CPU time of a call, in seconds, signatures included.
    #[must_use]
    pub fn cpu_seconds_per_call(&self) -> Option<f64> {
        self.cpu.filter(|_| self.calls > 0).map(|cpu| cpu.as_secs_f64() / self.calls as f64)
    }
}

impl Series {
    /// Messages a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let seconds = self.measured.as_secs_f64();
        if seconds > 0.0 { self.messages as f64 / seconds } else { 0.0 }
    }
}

impl Outcome {
    /// The series of a metric.
    #[must_use]
    pub fn series(&self, metric: Metric) -> Option<&Series> {
        self.series.iter().find(|series| series.metric == metric)
    }

    /// Messages a second of the work: see [`crate::plan::Work::throughput`].
    #[must_use]
    pub fn throughput(&self) -> Option<f64> {
        self.series(self.plan.work.throughput()).map(Series::rate)
    }

    /// The times that stand for the work: see [`crate::plan::Work::latency`]. A target that gives nothing back has only
    /// those of sending.
    #[must_use]
    pub fn latency(&self) -> Option<&Series> {
        self.series(self.plan.work.latency()).or_else(|| self.series(Metric::Send))
    }

    /// What the target did that it promised not to do.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.account.breaches(&self.promise)
    }

    /// Whether the run went to its end, with every promise kept and no call failed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.ended_early.is_none() && self.failures.is_empty() && self.breaches().is_empty()
    }
}
