//! The result of a run: the numbers from which tables, JSON, charts and histogram logs are made.

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
    /// Whether the target is a limit of the machine, not a broker.
    pub limit: bool,
    /// The user's label of the target's durability.
    pub durability: Option<String>,
    /// The plan of the run.
    pub plan: Plan,
    /// When it began.
    pub started: SystemTime,
    /// One series for each metric of the work that occurred.
    pub series: Vec<Series>,
    /// The messages that were sent and received.
    pub account: Account,
    /// Messages that were due at the fixed rate and not sent when the run's time ended. The series have the times that
    /// they had waited until then.
    pub overdue: u64,
    /// The promise of the target.
    pub promise: Promise,
    /// Each kind of failed call with its count, the most frequent first.
    pub failures: Vec<(Failure, u64)>,
    /// Why the run ended before its time.
    pub ended_early: Option<String>,
    /// The CPU time and load of the load test itself.
    pub generator: Generator,
}

/// The times of one metric.
#[derive(Clone, Debug)]
pub struct Series {
    /// The metric.
    pub metric: Metric,
    /// Messages whose call ended within the measured time. Each message of a batch counts.
    pub messages: u64,
    /// The measured time.
    pub measured: Duration,
    /// The times of calls (send, receive, settle) or of messages (end to end, late), in nanoseconds. Calls that were
    /// due or under way within the measured time are included, even if they ended later or had no result.
    pub histogram: Histogram<u64>,
    /// The same for each second.
    pub intervals: Vec<Interval>,
}

/// About a second of a series.
#[derive(Clone, Debug)]
pub struct Interval {
    /// From the start of the measured time to that of the interval.
    pub start: Duration,
    /// Its length.
    pub length: Duration,
    /// Messages whose call ended in it.
    pub messages: u64,
    /// The times, in nanoseconds; `None` unless [`Plan::intervals`] is set.
    pub histogram: Option<Histogram<u64>>,
}

/// The load test itself in the measured time.
#[derive(Clone, Debug, Default)]
pub struct Generator {
    /// The threads that the workers shared.
    pub threads: usize,
    /// The measured time.
    pub measured: Duration,
    /// CPU time of those threads and of the threads of client libraries; `None` if the system does not report it.
    pub cpu: Option<Duration>,
    /// The share of the measured time in which the busiest of them had a core.
    pub busiest_thread: Option<f64>,
    /// Calls of the target: sends, receives and settles. A batch is one call.
    pub calls: u64,
    /// CPU seconds that one signature takes; `None` where nothing is signed.
    pub signature_seconds: Option<f64>,
    /// The load of all cores, with that of other processes; `None` if the system does not report it.
    pub machine: Option<Machine>,
}

/// The load of the whole machine.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Number of cores.
    pub cores: usize,
    /// The share of their time that processes used, 0 to 1.
    pub busy: f64,
    /// The share that the host of a virtual machine withheld (steal), 0 to 1.
    pub stolen: f64,
}

/// A thread of the generator that had a core for more than this share of the time counts as the bottleneck.
const THREAD_FULL: f64 = 0.9;
/// A machine whose cores are busy or stolen for more than this share of the time counts as full.
const MACHINE_FULL: f64 = 0.95;

impl Machine {
    /// Whether no core had time to spare.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.busy + self.stolen > MACHINE_FULL
    }
}

impl Generator {
    /// Whether the generator may have limited the run: one of its threads was full, or the machine was full and the
    /// generator had more than half of it.
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

    /// The series of the work's latency: see [`crate::plan::Work::latency`]. The series of sends for a target that
    /// delivers nothing.
    #[must_use]
    pub fn latency(&self) -> Option<&Series> {
        self.series(self.plan.work.latency()).or_else(|| self.series(Metric::Send))
    }

    /// The facts of the account that break the target's promise, one sentence each.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.account.breaches(&self.promise)
    }

    /// Whether the run went to its end, no call failed and the promise was kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.ended_early.is_none() && self.failures.is_empty() && self.breaches().is_empty()
    }
}
