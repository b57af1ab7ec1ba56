//! Conducts the phases of a run. A phase ends when its time is over, when its messages are through, or early, because
//! of the target or the user.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::consumer::{ServedDestination, WAIT};
use super::producer::ProducerWorker;
use super::shared::Shared;
use super::usage::Usage;
use super::window::{IntervalTimes, Window, WindowEnd};
use super::workers::{end, make_producers, open_consumers, open_producers, start_consumers, start_producers};
use super::{Stop, between};
use crate::ledger::Verification;
use crate::live::{Live, Observer, Phase};
use crate::outcome::{Generator, Series};
use crate::plan::{Extent, Metric, Work};
use crate::target::{Failure, Kind};

/// How often a phase checks whether it is over.
const TICK: Duration = Duration::from_millis(20);
/// How often the observer is called.
const LOOK: Duration = Duration::from_millis(250);
/// How much longer than the timeout preparing may take, for each destination.
const PREPARE_EACH: Duration = Duration::from_millis(100);
/// How many timeouts removing may take. A broker may have to remove message by message.
const REMOVE_TIMEOUTS: u32 = 6;
/// How long workers may take to end after the run ended early.
const GIVEN_UP: Duration = Duration::from_millis(500);
/// How long removing may take after the run ended early or failed.
const GIVEN_UP_REMOVE: Duration = Duration::from_secs(1);
/// How long consumers may take to settle their last messages.
const LAST_SETTLES: Duration = Duration::from_millis(100);
/// The most consumers that verify a run of `send`.
const VERIFIERS_MAX: usize = 64;
/// How long after the visibility timeout a message of a broken connection may become visible.
const HIDDEN: Duration = Duration::from_secs(2);
/// The reason in the outcome of a run that the user stopped.
const STOPPED: &str = "stopped by the user";

/// The results of the phases.
pub(super) struct Findings {
    pub(super) series: Vec<Series>,
    pub(super) verification: Verification,
    pub(super) ended_early: Option<String>,
    pub(super) generator: Generator,
}

/// Conducts all phases, and removes the queues and topics unless the plan keeps them.
///
/// # Errors
///
/// The [`Failure`] that prevented a measurement.
pub(super) async fn conduct(
    shared: &Arc<Shared>,
    observer: &mut dyn Observer,
    stop: &Stop,
) -> Result<Findings, Failure> {
    let interval_times = if shared.plan.intervals { IntervalTimes::Kept } else { IntervalTimes::Dropped };
    let verification = Verification::Incomplete;
    let mut conductor = Conductor {
        shared,
        observer,
        stop,
        window: Window::new(interval_times, shared.clock.now()),
        findings: Findings { series: Vec::new(), verification, ended_early: None, generator: Generator::default() },
        missing: Cell::new((u64::MAX, Instant::now(), Duration::ZERO)),
        target_failed: false,
    };
    let done = conductor.conduct().await;
    if !shared.plan.keep {
        conductor.remove(&done).await;
    }
    done.map(|()| conductor.findings)
}

struct Conductor<'a> {
    shared: &'a Arc<Shared>,
    observer: &'a mut dyn Observer,
    stop: &'a Stop,
    window: Window,
    findings: Findings,
    /// The ledger's last count of what is missing, when it was made, and what it took.
    missing: Cell<(u64, Instant, Duration)>,
    /// Whether the target ended a phase early.
    target_failed: bool,
}

/// The reason for which a phase ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Its time is over.
    InTime,
    /// Its messages are through, or no more messages arrive.
    Through,
    /// The target failed or the user stopped the run.
    Early,
}

impl Ended {
    /// The end of the phase's measured time. A phase whose messages are through may have waited after the last one.
    fn window_end(self) -> WindowEnd {
        match self {
            Self::Through => WindowEnd::LastMessage,
            Self::InTime | Self::Early => WindowEnd::Now,
        }
    }
}

/// The progress of a phase.
enum Progress {
    /// It goes on. The share that is done, if it is known.
    On(Option<f64>),
    Done,
}

impl Conductor<'_> {
    /// Conducts all phases but the removal. An error means that nothing was measured.
    async fn conduct(&mut self) -> Result<(), Failure> {
        let shared = self.shared;
        self.look(Phase::Preparing, Duration::ZERO, None);
        self.bounded(shared.target.prepare(&shared.layout)).await?;
        let producers = self.bounded(open_producers(shared)).await?;
        let producers = make_producers(shared, producers)?;
        if shared.plan.work.fills_first() {
            self.fill_and_drain(producers).await;
            return Ok(());
        }
        let consumers = if shared.plan.work == Work::Send {
            Vec::new()
        } else {
            self.bounded(open_consumers(shared, shared.plan.consumers)).await?
        };
        self.all_at_once(producers, consumers).await;
        Ok(())
    }

    /// Conducts work whose producers and consumers, if it has any, work at the same time.
    async fn all_at_once(&mut self, producers: Vec<ProducerWorker>, consumers: Vec<Vec<ServedDestination>>) {
        let shared = self.shared;
        let quota = match shared.plan.extent {
            Extent::Messages(messages) => messages,
            Extent::Seconds(_) => u64::MAX,
        };
        let start = || (start_consumers(shared, consumers), start_producers(shared, producers));
        let (mut ended, consumers, producers);
        if shared.plan.warm_up.is_zero() {
            shared.set_quota(quota);
            (ended, (consumers, producers)) = self.measure(start).await;
        } else {
            self.window.begin(shared);
            (consumers, producers) = start();
            ended = self.phase(Phase::WarmUp, Some(shared.plan.warm_up), |_| Progress::On(None)).await;
            if ended != Ended::Early {
                shared.set_quota(quota);
                (ended, ()) = self.measure(|| ()).await;
            }
        }
        self.end_producers(producers, ended).await;
        let goes_on = ended != Ended::Early && self.findings.ended_early.is_none();
        let paced = shared.plan.rate.is_some();
        if shared.plan.work == Work::Send {
            if goes_on && shared.promise.keeps && shared.plan.verify {
                self.verify().await;
            }
        } else {
            if goes_on && shared.promise.keeps && (shared.plan.verify || paced) {
                self.drain().await;
            }
            self.end_consumers(consumers).await;
        }
        self.window.take_rest(shared);
        self.findings.series = self.window.series(shared.plan.work.metrics(), self.owed());
    }

    /// Conducts work that fills a queue and then drains it.
    async fn fill_and_drain(&mut self, producers: Vec<ProducerWorker>) {
        let shared = self.shared;
        let mut goes_on = true;
        if shared.promise.keeps || shared.plan.work == Work::Backlog {
            goes_on = self.fill(producers).await;
        } else {
            drop(producers);
        }
        if !goes_on || !self.between().await {
            return;
        }
        // Consumers connect after the queue is filled: a server may push messages to them at once, or close idle
        // connections.
        let Some(consumers) = self.late_consumers(shared.plan.consumers).await else { return };
        let (ended, consumers) = self.measure(|| start_consumers(shared, consumers)).await;
        if ended != Ended::Early && shared.promise.keeps && shared.plan.verify {
            self.drain().await;
        }
        self.end_consumers(consumers).await;
        self.window.take_rest(shared);
        let series = self.window.series(shared.plan.work.metrics(), self.owed());
        self.findings.series.extend(series);
    }

    /// Fills the queue. Returns whether the run goes on.
    async fn fill(&mut self, producers: Vec<ProducerWorker>) -> bool {
        let shared = self.shared;
        shared.set_quota(shared.plan.fill);
        self.window.begin(shared);
        let producers = start_producers(shared, producers);
        let fill = shared.plan.fill as f64;
        let ended = self
            .phase(Phase::Filling, None, |conductor| {
                let sent = conductor.window.messages(Metric::Send) as f64;
                if conductor.all_sent() { Progress::Done } else { Progress::On(Some(sent / fill)) }
            })
            .await;
        self.window.end(shared, ended.window_end());
        self.end_producers(producers, ended).await;
        if shared.plan.work == Work::Backlog {
            self.window.take_rest(shared);
            self.findings.series = self.window.series(&[Metric::Send], None);
        }
        self.findings.ended_early.is_none()
    }

    /// Runs the command of the plan, if it has one. Returns whether the run goes on.
    async fn between(&mut self) -> bool {
        let Some(command) = &self.shared.plan.between else { return true };
        self.look(Phase::Between, Duration::ZERO, None);
        let ended = between::run(command, self.stop).await;
        self.findings.ended_early = ended.err();
        self.findings.ended_early.is_none()
    }

    /// Calls `start` and conducts the measured phase. Returns how the phase ended, and the result of `start`.
    async fn measure<T>(&mut self, start: impl FnOnce() -> T) -> (Ended, T) {
        let shared = self.shared;
        let limit = match shared.plan.extent {
            Extent::Seconds(limit) if shared.plan.work != Work::Backlog => Some(limit),
            _ => None,
        };
        self.window.begin(shared);
        let usage = Usage::look();
        let calls = shared.calls.load(Ordering::Relaxed);
        let started = start();
        let ended = self.phase(Phase::Measuring, limit, Self::measured).await;
        let used = usage.until_now();
        self.window.end(shared, ended.window_end());
        self.findings.generator = Generator {
            threads: shared.plan.threads,
            measured: self.window.measured(),
            cpu: used.cpu,
            busiest_thread: used.busiest_thread,
            calls: shared.calls.load(Ordering::Relaxed) - calls,
            signature_seconds: shared.target.signature_seconds(),
            machine: used.machine,
        };
        (ended, started)
    }

    /// The progress of the measured phase. It is done when its messages are through or no more arrive.
    fn measured(&self) -> Progress {
        let shared = self.shared;
        let messages = match shared.plan.extent {
            _ if shared.plan.work.fills_first() => shared.plan.fill,
            Extent::Messages(messages) => messages,
            Extent::Seconds(_) => return Progress::On(None),
        };
        let throughput = self.window.messages(shared.plan.work.throughput());
        let through = if shared.plan.work.fills_first() {
            if shared.promise.keeps { self.missing() == 0 } else { throughput >= messages && self.is_counted() }
        } else {
            let receives = shared.plan.work != Work::Send && shared.promise.keeps;
            self.all_sent() && (!receives || self.missing() == 0)
        };
        // The drain waits for messages that are still missing, and then counts them as lost.
        let given_up = shared.last_progress_ago() > shared.plan.drain.max(self.patience()) + self.delay();
        if through || given_up { Progress::Done } else { Progress::On(Some(throughput as f64 / messages as f64)) }
    }

    /// The metric that is reported even if it has no times: a target that keeps messages and delivers none has a rate
    /// of 0.
    fn owed(&self) -> Option<Metric> {
        self.shared.promise.keeps.then(|| self.shared.plan.work.throughput())
    }

    /// Whether all producers have used up their quota.
    fn all_sent(&self) -> bool {
        self.shared.active_producers.load(Ordering::Relaxed) == 0
    }

    /// Whether the measured phase ends after a number of messages.
    fn is_counted(&self) -> bool {
        let plan = &self.shared.plan;
        plan.work == Work::Backlog || matches!(plan.extent, Extent::Messages(_))
    }

    /// Receives all messages of a run of `send`.
    async fn verify(&mut self) {
        let shared = self.shared;
        let Some(places) = self.late_consumers(shared.plan.producers.min(VERIFIERS_MAX)).await else { return };
        let consumers = start_consumers(shared, places);
        self.drain().await;
        self.end_consumers(consumers).await;
    }

    /// Opens consumers after something was measured. If that fails, the run ends early and `None` is returned.
    async fn late_consumers(&mut self, count: usize) -> Option<Vec<Vec<ServedDestination>>> {
        let opened = self.bounded(open_consumers(self.shared, count)).await;
        let why = match opened {
            Ok(places) => return Some(places),
            Err(_) if self.stop.is_requested() => STOPPED.to_owned(),
            Err(failure) => format!("what was sent could not be received: the target {failure}"),
        };
        self.findings.ended_early = Some(why);
        None
    }

    /// Lets the consumers receive until no message is missing, or no more arrive.
    async fn drain(&mut self) {
        let shared = self.shared;
        shared.progressed(shared.clock.now());
        let whole = shared.ledger.missing().max(1) as f64;
        let ended = self
            .phase(Phase::Draining, None, |conductor| {
                let missing = conductor.missing();
                // Messages of a broken connection stay invisible for the visibility timeout.
                let hidden =
                    if shared.troubles.count() > 0 { shared.plan.visibility_timeout + HIDDEN } else { Duration::ZERO };
                let given_up = shared.last_progress_ago() > shared.plan.drain.max(hidden) + conductor.delay();
                if missing == 0 || given_up { Progress::Done } else { Progress::On(Some(1.0 - missing as f64 / whole)) }
            })
            .await;
        if ended == Ended::Through {
            self.findings.verification = Verification::Complete;
        }
    }

    /// The number of missing messages, at most a while old. Counting reads the whole ledger. It is repeated after ten
    /// times as long as the last count took.
    fn missing(&self) -> u64 {
        let (missing, counted, took) = self.missing.get();
        if missing != u64::MAX && counted.elapsed() < took * 10 {
            return missing;
        }
        let start = Instant::now();
        let missing = self.shared.ledger.missing();
        self.missing.set((missing, Instant::now(), start.elapsed()));
        missing
    }

    fn delay(&self) -> Duration {
        if let Kind::Delay(delay) = self.shared.layout.kind { delay } else { Duration::ZERO }
    }

    /// Conducts a phase until it is over: `limit` has passed, `progress` says that it is done, or the run ends early.
    async fn phase(&mut self, phase: Phase, limit: Option<Duration>, progress: impl Fn(&Self) -> Progress) -> Ended {
        let start = Instant::now();
        let mut looked = start;
        self.shared.allow_time();
        loop {
            let left = limit.map_or(TICK, |limit| limit.saturating_sub(start.elapsed()));
            tokio::time::sleep(left.min(TICK)).await;
            if let Some(reason) = self.reason_to_end() {
                self.findings.ended_early = Some(reason);
                self.target_failed = !self.stop.is_requested();
                return Ended::Early;
            }
            let elapsed = start.elapsed();
            let share = match progress(self) {
                Progress::Done => return Ended::Through,
                Progress::On(share) => share,
            };
            if limit.is_some_and(|limit| elapsed >= limit) {
                return Ended::InTime;
            }
            if phase != Phase::Draining {
                self.window.tick(self.shared);
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                let timed = limit.map(|limit| elapsed.as_secs_f64() / limit.as_secs_f64());
                self.look(phase, elapsed, timed.into_iter().chain(share).reduce(f64::max));
            }
        }
    }

    /// Why the run ends early, if it does.
    fn reason_to_end(&self) -> Option<String> {
        let shared = self.shared;
        if self.stop.is_requested() {
            return Some(STOPPED.into());
        }
        if let Some(failure) = shared.troubles.final_failure() {
            return Some(format!("the target {failure}"));
        }
        let silence = shared.clock.now().since(shared.last_success());
        (silence > self.patience()).then(|| {
            let last = shared.troubles.all().into_iter().next();
            let failure = last.map_or_else(String::new, |(failure, _)| format!("; it {failure}"));
            format!("the target has answered no call for {:.1} s{failure}", silence.as_secs_f64())
        })
    }

    /// How long the run goes on without a successful call: the plan's timeout, the time between two calls at the fixed
    /// rate, and the wait of a receive.
    fn patience(&self) -> Duration {
        let plan = &self.shared.plan;
        let between = plan.rate.map_or(0.0, |rate| plan.batch as f64 / rate);
        plan.timeout + WAIT + Duration::from_secs_f64(between.min(1e9))
    }

    /// How long making queues, topics and connections may take.
    fn prepare_limit(&self) -> Duration {
        self.shared.plan.timeout + PREPARE_EACH * self.shared.layout.kind.destinations()
    }

    /// Awaits a step of the preparation. Fails if it takes longer than `prepare_limit`, or the user stops the run.
    async fn bounded<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let limit = self.prepare_limit();
        tokio::select! {
            done = work => done,
            () = stopped(self.stop) => {
                Err(Failure::Refused("nothing: stopped by the user before anything was measured".into()))
            }
            () = tokio::time::sleep(limit) => {
                Err(Failure::Unreachable(format!("no answer within {:.1} s", limit.as_secs_f64())))
            }
        }
    }

    /// Stops the producers after their phase ended, and waits for their last calls. After an early end it does not wait
    /// for a timeout, and does not report calls without an answer.
    async fn end_producers(&mut self, producers: JoinSet<()>, ended: Ended) {
        self.shared.stop_producers();
        let goes_on = ended != Ended::Early;
        let grace = if goes_on { self.shared.plan.timeout } else { GIVEN_UP };
        let stop = self.stop;
        let patience = async {
            tokio::select! {
                () = tokio::time::sleep(grace) => {}
                () = stopped(stop), if goes_on => {}
            }
        };
        let left = end(producers, patience).await;
        if left > 0 && goes_on {
            let unanswered = format!("{left} calls had no answer within {:.1} s of the end", grace.as_secs_f64());
            let reason = if self.stop.is_requested() { STOPPED.to_owned() } else { unanswered };
            self.findings.ended_early.get_or_insert(reason);
        }
    }

    /// Stops the consumers. Most of them wait in a receive, which is dropped.
    async fn end_consumers(&mut self, consumers: JoinSet<()>) {
        self.shared.stop_consumers();
        end(consumers, tokio::time::sleep(LAST_SETTLES)).await;
    }

    /// Removes what was made. A failure to remove is noted if the phases are `done` and the target still answers:
    /// otherwise the run reports why it came to nothing or ended early.
    async fn remove(&self, done: &Result<(), Failure>) {
        let shared = self.shared;
        let is_stopped = self.stop.is_requested();
        let is_given_up = is_stopped || self.target_failed || done.is_err();
        let limit = if is_given_up { GIVEN_UP_REMOVE } else { shared.plan.timeout * REMOVE_TIMEOUTS };
        let removed = tokio::select! {
            removed = shared.target.remove(&shared.layout) => removed,
            () = tokio::time::sleep(limit) => {
                let (made, seconds) = (&shared.layout.prefix, limit.as_secs_f64());
                Err(Failure::Refused(format!("`{made}…`, what the run had made, was not removed within {seconds:.1} s")))
            }
            () = stopped(self.stop), if !is_stopped => Ok(()),
        };
        if let (Err(failure), true) = (removed, done.is_ok() && !self.target_failed) {
            shared.troubles.note(failure);
        }
    }

    fn look(&mut self, phase: Phase, elapsed: Duration, done: Option<f64>) {
        let work = self.shared.plan.work;
        let (metric, latency) =
            if phase == Phase::Filling { (Metric::Send, Metric::Send) } else { (work.throughput(), work.latency()) };
        self.observer.look(&Live {
            phase,
            elapsed,
            done: done.map(|done| done.clamp(0.0, 1.0)),
            rate: self.window.latest_rate(metric),
            p99: self.window.latest_p99(latency),
            failures: self.shared.troubles.count(),
        });
    }
}

/// Returns when the user stops the run.
async fn stopped(stop: &Stop) {
    while !stop.is_requested() {
        tokio::time::sleep(TICK).await;
    }
}
