//! The calls of a client: every operation of SQS and SNS that has no frame of its own. They are an endpoint of link 0.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use posthouse_wire::{Call, Cancel, Encoded, FaultCode, Frame, FromBroker, Request, Text};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, oneshot};

use crate::connection::{Attachment, Endpoint, Line, Pace, Progress, Reaction, Signal, refusal};
use crate::error::{Error, ErrorKind, Result};

/// Calls of one client that are under way at once. More wait for their turn.
const CALLS_MAX: usize = 256;

/// The calls of a client.
pub(crate) struct Calls {
    room: Semaphore,
    state: Mutex<State>,
    /// Notified when a call needs a connection and there is none.
    change: Arc<Notify>,
}

#[derive(Default)]
struct State {
    signal: Option<Signal>,
    is_raised: bool,
    /// Calls that no connection has carried, and calls to be cancelled.
    waiting: VecDeque<Waiting>,
    unanswered: HashMap<Request, Unanswered>,
    next_id: u64,
    ended: Option<Error>,
}

struct Waiting {
    id: u64,
    payload: Encoded,
    reply: oneshot::Sender<Result<Bytes>>,
}

struct Unanswered {
    call: Waiting,
    cancelled: Cancelled,
}

/// How far the cancellation of a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancelled {
    No,
    Asked,
    Written,
}

impl Calls {
    pub(crate) fn new(change: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { room: Semaphore::new(CALLS_MAX), state: Mutex::default(), change })
    }

    /// Makes a call, and waits for its reply.
    ///
    /// # Errors
    ///
    /// The broker's refusal. [`ErrorKind::OutcomeUnknown`] if the connection was lost after the call was written.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the call is not made or is cancelled; it may have taken effect.
    pub(crate) async fn call(self: &Arc<Self>, operation: &str, parameters: Bytes) -> Result<Bytes> {
        let too_long =
            |error| Error::with_source(ErrorKind::InvalidArgument, "the operation's name is too long", error);
        let payload = Call::encode(Text::new(operation).map_err(too_long)?, &parameters);
        let permit = self.room.acquire().await.map_err(|_| Error::closed("client"))?;
        let (sender, receiver) = oneshot::channel();
        let id = self.begin(payload, sender)?;
        Pending { calls: self, id, receiver, is_done: false, _permit: permit }.await
    }

    fn begin(&self, payload: Encoded, reply: oneshot::Sender<Result<Bytes>>) -> Result<u64> {
        let mut state = self.lock();
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        let id = state.next_id;
        state.next_id += 1;
        state.waiting.push_back(Waiting { id, payload, reply });
        if state.signal.is_none() {
            self.change.notify_one();
        }
        state.raise();
        Ok(id)
    }

    fn cancel(&self, id: u64) {
        let mut state = self.lock();
        state.waiting.retain(|call| call.id != id);
        let unanswered = state.unanswered.values_mut().find(|unanswered| unanswered.call.id == id);
        if let Some(unanswered) = unanswered {
            unanswered.cancelled = Cancelled::Asked;
            state.raise();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn raise(&mut self) {
        if let (Some(signal), false) = (&self.signal, self.is_raised) {
            self.is_raised = true;
            signal.raise();
        }
    }
}

/// A call that waits for its reply.
struct Pending<'a> {
    calls: &'a Calls,
    id: u64,
    receiver: oneshot::Receiver<Result<Bytes>>,
    is_done: bool,
    _permit: SemaphorePermit<'a>,
}

impl Future for Pending<'_> {
    type Output = Result<Bytes>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Bytes>> {
        let received = std::task::ready!(Pin::new(&mut self.receiver).poll(context));
        self.is_done = true;
        Poll::Ready(received.unwrap_or_else(|_| Err(Error::closed("client"))))
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.calls.cancel(self.id);
        }
    }
}

impl Endpoint for Calls {
    fn attach(&self, attachment: Attachment) {
        let mut state = self.lock();
        state.signal = Some(attachment.signal);
        state.is_raised = true;
    }

    fn write(&self, line: &mut Line<'_>, pace: Pace) -> Progress {
        let mut state = self.lock();
        let asked = state.unanswered.iter_mut().find(|(_, unanswered)| unanswered.cancelled == Cancelled::Asked);
        if let Some((request, unanswered)) = asked {
            unanswered.cancelled = Cancelled::Written;
            line.send_about(*request, &Cancel);
            return Progress::Wrote;
        }
        match (pace, state.waiting.pop_front()) {
            (Pace::Full, Some(call)) => {
                let request = line.ask_encoded(&call.payload);
                state.unanswered.insert(request, Unanswered { call, cancelled: Cancelled::No });
                Progress::Wrote
            }
            (Pace::Finishing, Some(call)) => {
                state.waiting.push_front(call);
                state.is_raised = false;
                Progress::Idle
            }
            (_, None) => {
                state.is_raised = false;
                Progress::Idle
            }
        }
    }

    fn read(&self, frame: &Frame, content: FromBroker<'_>) -> Result<Reaction> {
        let mut state = self.lock();
        let Some(Unanswered { call, cancelled }) = state.unanswered.remove(&frame.address().request) else {
            return Ok(Reaction::Continue);
        };
        match content {
            FromBroker::Reply(reply) => {
                let _ = call.reply.send(Ok(frame.share(reply.output)));
            }
            // The call was not looked at: the next connection carries it.
            FromBroker::Fault(fault) if fault.code() == Some(FaultCode::GoingAway) && cancelled == Cancelled::No => {
                state.waiting.push_front(call);
            }
            FromBroker::Fault(fault) => {
                let _ = call.reply.send(Err(refusal(&fault)));
            }
            _ => return Err(Error::protocol(format!("a {} answers a call", frame.header.kind))),
        }
        Ok(Reaction::Continue)
    }

    fn detach(&self, why: &Error) {
        let mut state = self.lock();
        state.signal = None;
        for (_, unanswered) in state.unanswered.drain() {
            let text = format!("the call may or may not have taken effect: {why}");
            let _ = unanswered.call.reply.send(Err(Error::with_source(ErrorKind::OutcomeUnknown, text, why.clone())));
        }
    }

    fn end(&self, why: &Error) {
        self.detach(why);
        let mut state = self.lock();
        state.ended = Some(why.clone());
        for call in state.waiting.drain(..) {
            let _ = call.reply.send(Err(why.clone()));
        }
    }

    fn is_idle(&self) -> bool {
        self.lock().unanswered.is_empty()
    }

    fn needs_connection(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    fn finish(&self) {}
}
