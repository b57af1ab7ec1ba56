//! The state that all workers of a run share: target, ledger, recorder, clock, and the signals to stop.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::ledger::{Ledger, Routing};
use crate::message::{Clock, Moment};
use crate::plan::{Plan, Work};
use crate::run::recorder::{Attribution, Recorder};
use crate::target::{Failure, Kind, Layout, Promise, Target};

/// Messages of a call that is not measured: filling for `receive`, and verifying `send`.
const BATCH_UNMEASURED: usize = 10;
/// The most bytes of such a call: the limit of SQS.
const BATCH_UNMEASURED_BYTES: usize = 1024 * 1024;
/// Different failures that are counted separately. Further ones are counted together.
const KINDS_MAX: usize = 20;

/// The state that the workers of a run share.
pub(super) struct Shared {
    pub(super) target: Arc<dyn Target>,
    /// The queues and topics of the run.
    pub(super) layout: Layout,
    /// The same layout with the batches of producers and of consumers.
    pub(super) sending: Layout,
    pub(super) receiving: Layout,
    pub(super) plan: Plan,
    pub(super) promise: Promise,
    pub(super) clock: Clock,
    pub(super) ledger: Ledger,
    pub(super) recorder: Recorder,
    pub(super) flow: Flow,
    pub(super) troubles: Troubles,
    /// Messages that producers may still send.
    quota: AtomicU64,
    /// Producers that have not used up their quota.
    pub(super) active_producers: AtomicUsize,
    /// Messages that were due and not sent at the end.
    pub(super) overdue: AtomicU64,
    /// Successful calls, and when the last one ended.
    pub(super) calls: AtomicU64,
    last_success: AtomicU64,
    /// When a message was last acknowledged, or received for the first time.
    last_progress: AtomicU64,
    producing: watch::Sender<bool>,
    consuming: watch::Sender<bool>,
}

/// Limits how far producers run ahead of consumers, and the reverse.
pub(super) struct Flow {
    /// Deliveries that may still be sent before others are received. `None` if producers do not wait for consumers.
    pub(super) room: Option<Semaphore>,
    /// Messages that may be received from a target that returns constants. `None` for a target that keeps messages.
    pub(super) arrived: Option<Semaphore>,
}

impl Flow {
    fn new(plan: &Plan, promise: Promise, copies: usize) -> Self {
        let at_once = !matches!(plan.work, Work::Send) && !plan.work.fills_first();
        let bounded = at_once && plan.rate.is_none();
        Self {
            room: bounded.then(|| Semaphore::new(plan.outstanding * copies)),
            arrived: (at_once && !promise.keeps).then(|| Semaphore::new(0)),
        }
    }

    /// Gives back the room of deliveries that were received or will not be.
    pub(super) fn release(&self, deliveries: usize) {
        if let Some(room) = &self.room {
            room.add_permits(deliveries);
        }
    }
}

impl Shared {
    pub(super) fn new(target: Arc<dyn Target>, plan: &Plan, promise: Promise, run: u32, clock: Clock) -> Self {
        let layout = plan.layout(run);
        let unmeasured = Layout {
            batch: if layout.body_bytes_max * BATCH_UNMEASURED <= BATCH_UNMEASURED_BYTES {
                layout.batch.max(BATCH_UNMEASURED)
            } else {
                layout.batch
            },
            receives: true,
            ..layout.clone()
        };
        let streams = match plan.work {
            Work::Fifo => plan.groups,
            _ => u32::try_from(plan.producers).expect("checked by the plan"),
        };
        let routing = match layout.kind {
            Kind::Fanout { filtered: true, .. } => Routing::Lots,
            Kind::Queue | Kind::Fifo | Kind::Delay(_) | Kind::Fanout { filtered: false, .. } => Routing::Copies,
        };
        let ledger = Ledger::new(run, streams, layout.kind.destinations(), routing);
        let attribution = if plan.rate.is_some() { Attribution::ByDue } else { Attribution::ByEnd };
        Self {
            flow: Flow::new(plan, promise, ledger.copies()),
            sending: if plan.work == Work::Receive { unmeasured.clone() } else { layout.clone() },
            receiving: if plan.work == Work::Send { unmeasured } else { layout.clone() },
            target,
            layout,
            promise,
            clock,
            ledger,
            recorder: Recorder::new(attribution, plan.threads.min(8)),
            troubles: Troubles::default(),
            quota: AtomicU64::new(u64::MAX),
            active_producers: AtomicUsize::new(0),
            overdue: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            last_success: AtomicU64::new(clock.now().nanos()),
            last_progress: AtomicU64::new(clock.now().nanos()),
            producing: watch::Sender::new(true),
            consuming: watch::Sender::new(true),
            plan: plan.clone(),
        }
    }

    /// Sets how many messages producers may send from now on.
    pub(super) fn set_quota(&self, messages: u64) {
        self.quota.store(messages, Ordering::Relaxed);
    }

    /// Takes up to `wanted` messages from the quota. Returns how many it took.
    pub(super) fn take_quota(&self, wanted: usize) -> usize {
        let wanted = wanted as u64;
        let before =
            self.quota.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(wanted)));
        let (Ok(left) | Err(left)) = before;
        usize::try_from(left.min(wanted)).expect("no more than was wanted")
    }

    /// Records a successful call.
    pub(super) fn succeeded(&self, now: Moment) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.last_success.fetch_max(now.nanos(), Ordering::Relaxed);
    }

    /// When the last successful call ended, or the phase began if that is later.
    pub(super) fn last_success(&self) -> Moment {
        Moment::from_nanos(self.last_success.load(Ordering::Relaxed))
    }

    /// Counts the time without a successful call from now on. Called at the start of a phase.
    pub(super) fn allow_time(&self) {
        self.last_success.fetch_max(self.clock.now().nanos(), Ordering::Relaxed);
    }

    /// Records that a message was acknowledged, or received for the first time.
    pub(super) fn progressed(&self, now: Moment) {
        self.last_progress.fetch_max(now.nanos(), Ordering::Relaxed);
    }

    /// The time since the last call of [`Self::progressed`].
    pub(super) fn last_progress_ago(&self) -> Duration {
        self.clock.now().since(Moment::from_nanos(self.last_progress.load(Ordering::Relaxed)))
    }

    pub(super) fn producers(&self) -> watch::Receiver<bool> {
        self.producing.subscribe()
    }

    pub(super) fn consumers(&self) -> watch::Receiver<bool> {
        self.consuming.subscribe()
    }

    pub(super) fn stop_producers(&self) {
        self.producing.send_replace(false);
    }

    pub(super) fn stop_consumers(&self) {
        self.consuming.send_replace(false);
    }
}

/// Returns when the workers are to stop.
pub(super) async fn stopped(working: &mut watch::Receiver<bool>) {
    // `wait_for` fails if the sender was dropped. Stop then, too.
    drop(working.wait_for(|working| !working).await);
}

/// Whether the workers are to go on.
pub(super) fn goes_on(working: &watch::Receiver<bool>) -> bool {
    *working.borrow()
}

/// The failed calls, counted by kind of failure.
#[derive(Default)]
pub(super) struct Troubles(Mutex<Vec<(Failure, u64)>>);

impl Troubles {
    /// Records a failed call.
    pub(super) fn note(&self, failure: Failure) {
        let mut kinds = self.lock();
        let is_known = kinds.len() < KINDS_MAX || kinds.iter().any(|(known, _)| *known == failure);
        let failure = if is_known { failure } else { Failure::Refused("failures of other kinds".into()) };
        match kinds.iter_mut().find(|(known, _)| *known == failure) {
            Some((_, count)) => *count += 1,
            None => kinds.push((failure, 1)),
        }
    }

    /// The number of failed calls.
    pub(super) fn count(&self) -> u64 {
        self.lock().iter().map(|(_, count)| count).sum()
    }

    /// A failure that ends the run: every further call would fail in the same way.
    pub(super) fn final_failure(&self) -> Option<Failure> {
        self.lock().iter().find(|(failure, _)| failure.is_final()).map(|(failure, _)| failure.clone())
    }

    /// All kinds with their counts, the most frequent first.
    pub(super) fn all(&self) -> Vec<(Failure, u64)> {
        let mut kinds = self.lock().clone();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        kinds
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Failure, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
