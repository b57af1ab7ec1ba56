//! The worker of one push target: it receives from the target's queue, delivers within the target's window, and
//! settles.
//!
//! An idle worker is a task that waits for one receive. Deliveries under way are bounded by the window, and their bytes
//! by the target's share of the [byte limit](super::byte_limit) that all workers share. A received message that waits
//! longer than [`MEMORY_PATIENCE`] for memory or for a place among all [connections](super::sockets) goes back to its queue, and that does not count as an attempt. Receives
//! and settlements go on while deliveries are under way. Each settlement takes all deliveries that have ended by then:
//! several under load, one otherwise.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use posthouse_model::limits::BATCH_ENTRIES_MAX;
use posthouse_model::operation::{PushSource, PushTarget, ReceivedMessage, Settlement};
use posthouse_model::{Fault, MessageKey, QueueAddress, ReceiptHandle, Seconds, SqsMessageCount, VisibilityTimeout};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::board::{Entered, Entry, LatestAttempt, State};
use super::byte_limit::Share;
use super::content::Attempt;
use super::outcome::{AttemptResult, Outcome, UNMADE_PAUSE};
use super::target::Target;
use super::window::Window;
use super::{Shared, requests};
use crate::clock;
use crate::metrics::EndedAttempt;
use crate::shutdown::Stopping;

/// Settlements of one target that may be under way.
const SETTLING_MAX: usize = 16;
/// How long a received message stays invisible beyond the deadline of its attempt: time to wait for memory, and to
/// settle.
const SLACK: Duration = Duration::from_secs(5);
/// How long a received message may wait for memory and for a place among the connections: part of the slack.
const MEMORY_PATIENCE: Duration = Duration::from_secs(2);
/// Messages of one target for which receives without an attempt are counted. If there are more, the count of the oldest
/// is dropped, and such a message has as many attempts less.
const SPARED_MAX: usize = 1024;
/// How long a worker waits after a receive that failed.
const PAUSE: Duration = Duration::from_secs(1);

type Received = Result<Vec<ReceivedMessage>, Fault>;
type Receiving = Pin<Box<dyn Future<Output = Received> + Send>>;

/// A delivery that has ended.
struct Ended {
    handle: ReceiptHandle,
    settlement: Settlement,
    /// `None` if it was not attempted.
    arrived: Option<AttemptResult>,
}

/// A target's worker.
pub(super) struct Worker {
    shared: Arc<Shared>,
    queue: Arc<QueueAddress>,
    target: Arc<Target>,
    window: Window,
    share: Share,
    /// Receives without an attempt, by message.
    spared: BTreeMap<MessageKey, u32>,
    attempts: JoinSet<Ended>,
    settling: JoinSet<()>,
    /// Where the admin API looks.
    place: Entered,
    /// Whether all deliveries that wait are to be tried once no settlement is under way.
    retry_asked: bool,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, queue: QueueAddress, push: Arc<PushTarget>) -> Self {
        let place = shared.board.enter(&queue);
        place.entry.note(|state| describe(state, &push.source));
        let target = Arc::new(Target::new(&shared, push));
        let window = Window::new(shared.connections_per_endpoint);
        Self {
            share: shared.memory.share(),
            queue: Arc::new(queue),
            spared: BTreeMap::new(),
            attempts: JoinSet::new(),
            settling: JoinSet::new(),
            place,
            retry_asked: false,
            shared,
            target,
            window,
        }
    }

    /// Delivers until the target is removed or the broker stops, then finishes the deliveries that are under way.
    pub(super) async fn run(mut self, mut targets: watch::Receiver<Arc<PushTarget>>, mut stopping: Stopping) {
        let _counted = self.shared.metrics.target();
        let mut receiving = None;
        let mut expiry = None;
        let entry = Arc::clone(&self.place.entry);
        loop {
            let (window, under_way) = (self.window.size(), self.attempts.len());
            entry.note(|state| (state.window, state.under_way) = (window, under_way));
            if receiving.is_none() {
                receiving = self.receive();
            }
            tokio::select! {
                received = wanted(&mut receiving) => receiving = self.take(received),
                Some(ended) = self.attempts.join_next() => {
                    self.settle(ended);
                    expiry = self.target.expire(&self.shared);
                }
                Some(_) = self.settling.join_next() => {
                    if self.retry_asked {
                        self.try_now();
                    }
                }
                () = sleep_until(expiry) => expiry = self.target.expire(&self.shared),
                changed = targets.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let push = Arc::clone(&targets.borrow_and_update());
                    entry.note(|state| describe(state, &push.source));
                    self.target = Arc::new(Target::new(&self.shared, push));
                }
                () = entry.retry.notified() => self.try_now(),
                () = stopping.requested() => break,
            }
        }
        drop(receiving);
        while let Some(ended) = self.attempts.join_next().await {
            self.settle(ended);
        }
        while self.settling.join_next().await.is_some() {}
    }

    /// Begins to deliver what was received. After a fault, returns a pause to wait for before the next receive.
    fn take(&mut self, received: Received) -> Option<Receiving> {
        match received {
            Ok(messages) => {
                messages.into_iter().for_each(|message| self.begin(message));
                None
            }
            Err(fault) => {
                // If the queue was deleted, the next reply to `WatchPushTargets` removes this target and ends the
                // worker.
                tracing::debug!(queue = %self.queue, fault = fault.name(), "nothing can be received");
                Some(Box::pin(async {
                    tokio::time::sleep(PAUSE).await;
                    Ok(Vec::new())
                }))
            }
        }
    }

    /// A receive of as many messages as there is room for; `None` without room.
    fn receive(&self) -> Option<Receiving> {
        let room = self.window.room(self.attempts.len()).min(self.share.messages_max());
        if room == 0 || self.settling.len() >= SETTLING_MAX {
            return None;
        }
        let messages_max = i64::try_from(room).ok().and_then(|room| SqsMessageCount::new(room).ok());
        let messages_max = messages_max.unwrap_or(SqsMessageCount::MAX).into();
        let (shared, queue) = (Arc::clone(&self.shared), Arc::clone(&self.queue));
        let visibility = shared.timeout + SLACK;
        let visibility = i64::try_from(visibility.as_secs()).ok().and_then(|secs| VisibilityTimeout::new(secs).ok());
        let visibility = visibility.unwrap_or(VisibilityTimeout::MAX);
        Some(Box::pin(async move {
            shared.memory.open().await;
            requests::receive(&*shared.core, &queue, messages_max, visibility).await
        }))
    }

    /// Gives all deliveries back to the queue that wait for their next attempt: once no settlement is under way, because one
    /// that says later could come after this.
    fn try_now(&mut self) {
        self.retry_asked = !self.settling.is_empty();
        if self.retry_asked {
            return;
        }
        self.window.reopen();
        let now = |handle| (handle, Settlement::Retry(Seconds::new(0)));
        let waiting: Vec<_> = self.place.entry.take_waiting().into_iter().map(now).collect();
        waiting.chunks(BATCH_ENTRIES_MAX).for_each(|batch| self.send(batch.to_vec()));
    }

    fn begin(&mut self, mut message: ReceivedMessage) {
        self.place.entry.waits_no_more(message.handle.message);
        let spared = self.spared.get(&message.handle.message).copied().unwrap_or(0);
        message.receive_count = message.receive_count.saturating_sub(spared).max(1);
        let (shared, target) = (Arc::clone(&self.shared), Arc::clone(&self.target));
        let room = self.share.take(message.message.size_bytes());
        let entry = Arc::clone(&self.place.entry);
        self.attempts.spawn(attempt(shared, target, entry, Arc::new(message), room));
    }

    /// Settles `first` and all other deliveries that have ended.
    fn settle(&mut self, first: Result<Ended, tokio::task::JoinError>) {
        let mut settled = Vec::with_capacity(BATCH_ENTRIES_MAX);
        let mut next = Some(first);
        while let Some(ended) = next {
            match ended {
                Ok(Ended { handle, settlement, arrived }) => {
                    match arrived {
                        Some(AttemptResult::Delivered) => self.window.succeeded(),
                        Some(AttemptResult::Later) => self.window.failed(),
                        // The endpoint responds, so its window stays.
                        Some(AttemptResult::Never) => {}
                        Some(AttemptResult::Unmade) | None => self.spare(handle.message),
                    }
                    match &settlement {
                        Settlement::Retry(after) => self.place.entry.waits(handle, clock::now() + after.duration()),
                        Settlement::Delivered | Settlement::Failed(_) => drop(self.spared.remove(&handle.message)),
                    }
                    settled.push((handle, settlement));
                }
                // The message becomes visible again after its visibility timeout.
                Err(error) => tracing::error!(queue = %self.queue, %error, "a delivery broke"),
            }
            if settled.len() == BATCH_ENTRIES_MAX {
                self.send(std::mem::take(&mut settled));
            }
            next = self.attempts.try_join_next();
        }
        if !settled.is_empty() {
            self.send(settled);
        }
    }

    /// Counts a receive without an attempt.
    fn spare(&mut self, message: MessageKey) {
        *self.spared.entry(message).or_default() += 1;
        if self.spared.len() > SPARED_MAX {
            self.spared.pop_first();
        }
    }

    fn send(&mut self, settled: Vec<(ReceiptHandle, Settlement)>) {
        let (shared, queue) = (Arc::clone(&self.shared), Arc::clone(&self.queue));
        self.settling.spawn(async move { requests::settle(&*shared.core, &queue, settled).await });
    }
}

/// Says whose messages are pushed where.
fn describe(state: &mut State, source: &PushSource) {
    (state.name, state.protocol, state.endpoint) = match source {
        PushSource::Subscription { subscription, endpoint } => {
            (subscription.to_string(), endpoint.protocol().as_str(), endpoint.shown().into_owned())
        }
        PushSource::Direct { region, account } => {
            (format!("arn:aws:sns:{region}:{account}:direct"), "direct", String::new())
        }
    };
}

/// The result of the receive that is under way. Never resolves without one.
async fn wanted(receiving: &mut Option<Receiving>) -> Received {
    match receiving {
        Some(receiving) => receiving.await,
        None => std::future::pending().await,
    }
}

/// Waits until `at`; for ever if it is `None`.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Makes one attempt to deliver a message. `_share` is its room in the target's share of the byte limit.
async fn attempt(
    shared: Arc<Shared>,
    target: Arc<Target>,
    entry: Arc<Entry>,
    message: Arc<ReceivedMessage>,
    _share: OwnedSemaphorePermit,
) -> Ended {
    let handle = message.handle;
    let room = {
        let _waiting = shared.metrics.waiting();
        let both =
            async { (shared.memory.take(message.message.size_bytes()).await, shared.client.sockets.take().await) };
        tokio::time::timeout(MEMORY_PATIENCE, both).await
    };
    let Ok((_room, _place)) = room else {
        tracing::warn!(
            subscription = target.name(),
            "no memory or no connection is free for a delivery: it goes back, untried"
        );
        return Ended { handle, settlement: Settlement::Retry(UNMADE_PAUSE), arrived: None };
    };
    let _under_way = shared.metrics.attempt();
    let started = Instant::now();
    let deadline = started + shared.timeout;
    let outcome = tokio::time::timeout_at(deadline, target.deliver(&shared, Attempt::new(&message, deadline))).await;
    let outcome = outcome.unwrap_or_else(|_| Outcome::later("it took too long"));
    let settlement = outcome.settlement(target.schedule(), message.receive_count);
    if outcome.result == AttemptResult::Unmade {
        return Ended { handle, settlement, arrived: None };
    }
    let took = started.elapsed();
    shared.metrics.ended(&EndedAttempt {
        protocol: target.protocol(&message),
        counted: outcome.counted(&settlement),
        number: message.receive_count,
        took,
    });
    log(&target, &message, &outcome, &settlement, took);
    let delivered = outcome.result == AttemptResult::Delivered;
    entry.note(|state| {
        let (status, reason) = (outcome.status, outcome.reason.into_owned());
        state.latest = Some(LatestAttempt { at: clock::now(), delivered, status, reason, took });
        state.failures = if delivered { 0 } else { state.failures + 1 };
    });
    Ended { handle, settlement, arrived: Some(outcome.result) }
}

fn log(target: &Target, message: &ReceivedMessage, outcome: &Outcome, settlement: &Settlement, took: Duration) {
    macro_rules! report {
        ($level:ident, $text:literal, $($more:tt)*) => {
            tracing::$level!(
                subscription = target.name(),
                protocol = %target.protocol(message),
                message_id = %message.id,
                attempt = message.receive_count,
                status = outcome.status,
                milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                $($more)*
                $text
            )
        };
    }
    match settlement {
        Settlement::Delivered => report!(debug, "delivered",),
        Settlement::Retry(after) => {
            report!(info, "not delivered, and tried again", reason = &*outcome.reason, after_seconds = after.get(),);
        }
        Settlement::Failed(_) => report!(warn, "not delivered, and given up", reason = &*outcome.reason,),
    }
}
