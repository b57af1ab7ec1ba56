//! The state of a consumer, over all connections: deliveries that the program has not taken, and settlements.
//!
//! Invariants: at most `prefetch` deliveries are neither settled nor given back, and the broker is never granted more. A
//! delivery belongs to one connection: numbers of another one are never settled.

mod link;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use posthouse_wire::{DeliveryNumber, Request, Verb};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::connection::Signal;
use crate::consumer::alive::{Alive, Rule};
use crate::consumer::content::Content;
use crate::consumer::settlements::{Settlements, Settling};
use crate::error::{Error, ErrorKind, Result};

/// While fewer SETTLE frames than this are unanswered, a settlement is written at once. With more, settlements gather
/// until an answer arrives or there are [`SETTLEMENTS_EAGER`], for the reason that messages do.
const FRAMES_EAGER: usize = 2;
/// So many settlements are worth a frame of their own.
const SETTLEMENTS_EAGER: usize = 256;
/// Bytes of deliveries that are granted ahead of settlements: the broker's own limit of a link.
const PREFETCH_BYTES: u64 = 4 << 20;

/// What a consumer wants.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) queue: String,
    pub(crate) prefetch: u32,
    pub(crate) visibility_s: Option<u32>,
    pub(crate) extend_up_to: Option<Duration>,
    pub(crate) rate_limit: Option<posthouse_wire::RateLimit>,
    pub(crate) on_disconnect: OnDisconnect,
}

/// What becomes of deliveries that are not settled when the connection breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDisconnect {
    /// They are visible at once, to any consumer.
    #[default]
    Release,
    /// They stay in flight until their visibility timeout passes: the program may finish its work on them without another
    /// consumer doing it, too, but cannot settle them any more.
    KeepInFlight,
}

/// What the broker said when it opened the link.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) is_fifo: bool,
    pub(crate) visibility: Duration,
    pub(crate) arn: String,
}

/// The consumer's end of its link.
pub(crate) struct Core {
    options: Options,
    /// Notified when something was settled, and when the consumer has ended.
    progress: Notify,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    signal: Option<Signal>,
    is_raised: bool,
    /// The number of the connection, from 1: deliveries of an older one have ended.
    epoch: u64,
    /// The next delivery of this connection.
    next: DeliveryNumber,
    buffered: VecDeque<Buffered>,
    /// Deliveries of this connection that are neither settled nor given back, buffered ones among them.
    unsettled: u32,
    /// Deliveries and bytes of this connection that have ended, which is what credit is granted for.
    ended: Credit,
    granted: Credit,
    settlements: Settlements,
    alive: Option<Alive>,
    visibility: Duration,
    handles: Handles,
    reader: Option<Waker>,
    failure: Option<Error>,
    opened: Option<oneshot::Sender<Result<Terms>>>,
    is_finishing: bool,
}

/// Deliveries and bytes of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Credit {
    messages: u64,
    bytes: u64,
}

/// Requests for receipt handles.
#[derive(Default)]
struct Handles {
    waiting: VecDeque<(DeliveryNumber, oneshot::Sender<Result<String>>)>,
    unanswered: Vec<(Request, oneshot::Sender<Result<String>>)>,
}

/// How far the link is on the present connection.
#[derive(Clone, Debug)]
enum Phase {
    /// There is no connection.
    Detached,
    /// The connection is new.
    Unopened,
    Opening(Request),
    Open,
    Closing,
    Ended,
}

/// A delivery that the program has not taken.
struct Buffered {
    number: DeliveryNumber,
    bytes: usize,
    arrived: Instant,
    content: Content,
}

/// A delivery as the program holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    epoch: u64,
    pub(crate) number: DeliveryNumber,
    /// Its share of the bytes of its frame.
    bytes: usize,
}

impl Core {
    /// A consumer that is not attached to a connection. `opened` is sent what the broker says when it opens the link.
    pub(crate) fn new(options: Options, opened: oneshot::Sender<Result<Terms>>) -> Arc<Self> {
        let state = State {
            phase: Phase::Detached,
            signal: None,
            is_raised: false,
            epoch: 0,
            next: DeliveryNumber::FIRST,
            buffered: VecDeque::new(),
            unsettled: 0,
            ended: Credit::default(),
            granted: Credit::default(),
            settlements: Settlements::default(),
            alive: options.extend_up_to.map(|_| Alive::default()),
            visibility: Duration::ZERO,
            handles: Handles::default(),
            reader: None,
            failure: None,
            opened: Some(opened),
            is_finishing: false,
        };
        Arc::new(Self { options, progress: Notify::new(), state: Mutex::new(state) })
    }

    /// The next delivery; `None` when the consumer was closed. A failure is returned once, and then `None`.
    pub(crate) fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Result<(Place, Content)>>> {
        let mut state = self.lock();
        while let Some(buffered) = state.buffered.pop_front() {
            let Buffered { number, bytes, arrived, content } = buffered;
            let place = Place { epoch: state.epoch, number, bytes };
            let is_in_flight = state.visibility.is_zero() || arrived.elapsed() < state.visibility;
            if is_in_flight || self.options.extend_up_to.is_some() {
                return Poll::Ready(Some(Ok((place, content))));
            }
            // The broker has given it to another consumer by now.
            tracing::debug!(queue = self.options.queue, %number, "a delivery was not taken within its visibility timeout");
            state.forget(place);
            state.raise_if_writable(&self.options);
        }
        if let Some(failure) = state.failure.take() {
            return Poll::Ready(Some(Err(failure)));
        }
        if state.is_finishing || matches!(state.phase, Phase::Ended) {
            return Poll::Ready(None);
        }
        match &mut state.reader {
            Some(waker) => waker.clone_from(context.waker()),
            None => state.reader = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Ends a delivery. Returns whether its connection is still there.
    pub(crate) fn settle(&self, place: Place, verb: Verb) -> bool {
        let mut state = self.lock();
        if !state.is_current(place) {
            tracing::debug!(queue = self.options.queue, number = %place.number, "a delivery of a lost connection is settled");
            return false;
        }
        state.settle(place, verb);
        state.raise_if_writable(&self.options);
        true
    }

    /// The same. The result of the settlement can be waited for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::DeliveryEnded`] if its connection was lost.
    pub(crate) fn settle_watched(&self, place: Place, verb: Verb) -> Result<Arc<Settling>> {
        let mut state = self.lock();
        if !state.is_current(place) {
            return Err(delivery_ended());
        }
        state.settle(place, verb);
        let settling = state.settlements.watch();
        state.raise_if_writable(&self.options);
        Ok(settling)
    }

    /// Leaves a delivery in flight without settling it. It makes room for another one.
    pub(crate) fn keep(&self, place: Place) {
        let mut state = self.lock();
        if state.is_current(place) {
            state.forget(place);
            state.raise_if_writable(&self.options);
        }
    }

    /// Lets the visibility timeout of a delivery begin again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::DeliveryEnded`] if its connection was lost.
    pub(crate) fn extend(&self, place: Place, seconds: u32) -> Result<Arc<Settling>> {
        let mut state = self.lock();
        if !state.is_current(place) {
            return Err(delivery_ended());
        }
        state.settlements.push(Verb::Extend { seconds }, place.number, 1);
        let settling = state.settlements.watch();
        state.raise_if_writable(&self.options);
        Ok(settling)
    }

    /// Asks for the receipt handle of a delivery.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::DeliveryEnded`] if its connection was lost.
    pub(crate) fn ask_handle(&self, place: Place) -> Result<oneshot::Receiver<Result<String>>> {
        let mut state = self.lock();
        if !state.is_current(place) {
            return Err(delivery_ended());
        }
        let (sender, receiver) = oneshot::channel();
        state.handles.waiting.push_back((place.number, sender));
        state.raise();
        Ok(receiver)
    }

    /// Extends the visibility timeouts that have run for a third of their time.
    pub(crate) fn extend_due(&self, up_to: Duration) {
        let mut state = self.lock();
        let seconds = u32::try_from(state.visibility.as_secs()).unwrap_or(u32::MAX);
        let rule = Rule { after: state.visibility / 3, up_to };
        let now = Instant::now();
        let runs = state.alive.as_mut().map(|alive| alive.due(rule, now)).unwrap_or_default();
        for run in runs {
            state.settlements.push(Verb::Extend { seconds }, run.first, run.count);
        }
        state.raise_if_writable(&self.options);
    }

    /// Gives back what is buffered, and takes nothing more.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.is_finishing = true;
        let epoch = state.epoch;
        for Buffered { number, bytes, .. } in std::mem::take(&mut state.buffered) {
            state.settle(Place { epoch, number, bytes }, Verb::Release { seconds: 0 });
        }
        state.raise();
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Waits until all settlements that were made are answered, or their connection is lost.
    pub(crate) async fn settled(&self) {
        self.wait(|state| state.settlements.is_idle()).await;
    }

    /// Waits until the consumer has ended.
    pub(crate) async fn closed(&self) {
        self.wait(|state| matches!(state.phase, Phase::Ended)).await;
    }

    async fn wait(&self, is_over: impl Fn(&State) -> bool) {
        loop {
            let mut progress = std::pin::pin!(self.progress.notified());
            progress.as_mut().enable();
            if is_over(&self.lock()) {
                return;
            }
            progress.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_current(&self, place: Place) -> bool {
        place.epoch == self.epoch && matches!(self.phase, Phase::Open)
    }

    /// Ends a delivery with a settlement.
    fn settle(&mut self, place: Place, verb: Verb) {
        self.settlements.push(verb, place.number, 1);
        self.forget(place);
    }

    /// Ends a delivery: it makes room for another one.
    fn forget(&mut self, place: Place) {
        if let Some(alive) = &mut self.alive {
            alive.remove(place.number);
        }
        self.unsettled = self.unsettled.saturating_sub(1);
        self.ended.messages += 1;
        self.ended.bytes += place.bytes as u64;
    }

    /// The credit to grant now, if it is worth a frame: at least a quarter of the prefetch.
    fn due_credit(&self, options: &Options) -> Option<Credit> {
        if self.is_finishing {
            return None;
        }
        let target = Credit {
            messages: self.ended.messages + u64::from(options.prefetch),
            bytes: self.ended.bytes + PREFETCH_BYTES,
        };
        let is_due = target.messages - self.granted.messages >= u64::from(options.prefetch / 4).max(1)
            || target.bytes - self.granted.bytes >= PREFETCH_BYTES / 4;
        is_due.then_some(target)
    }

    /// Whether settlements are to be written now.
    fn are_settlements_due(&self) -> bool {
        let waiting = self.settlements.waiting_count();
        waiting > 0
            && (self.settlements.unanswered_count() < FRAMES_EAGER
                || (waiting >= SETTLEMENTS_EAGER && self.settlements.unanswered_count() < SETTLES_MAX))
    }

    fn is_writable(&self, options: &Options) -> bool {
        matches!(self.phase, Phase::Open)
            && (self.are_settlements_due() || self.due_credit(options).is_some() || !self.handles.waiting.is_empty())
    }

    fn raise_if_writable(&mut self, options: &Options) {
        if !self.is_raised && self.is_writable(options) {
            self.raise();
        }
    }

    fn raise(&mut self) {
        if let (Some(signal), false) = (&self.signal, self.is_raised) {
            self.is_raised = true;
            signal.raise();
        }
    }
}

/// Extends visibility timeouts until the consumer is dropped or has ended.
pub(crate) async fn extend_automatically(core: Weak<Core>, up_to: Duration) {
    loop {
        let Some(every) = core.upgrade().and_then(|core| core.extension_interval()) else { return };
        tokio::time::sleep(every).await;
        let Some(core) = core.upgrade() else { return };
        core.extend_due(up_to);
    }
}

impl Core {
    /// A third of the visibility timeout; `None` when the consumer has ended.
    fn extension_interval(&self) -> Option<Duration> {
        let state = self.lock();
        let is_ended = matches!(state.phase, Phase::Ended);
        (!is_ended).then(|| (state.visibility / 3).max(EXTENSION_INTERVAL_MIN))
    }
}

/// No visibility timeout is extended more often than this.
const EXTENSION_INTERVAL_MIN: Duration = Duration::from_millis(300);
/// SETTLE frames of one consumer that may be unanswered, so that a broker that does not answer costs no more memory.
const SETTLES_MAX: usize = 64;

/// The error of a delivery whose connection was lost.
fn delivery_ended() -> Error {
    Error::new(ErrorKind::DeliveryEnded, "the connection of the delivery was lost: the message will be delivered again")
}
