//! Asking the core loop: one request in, one reply out.
//!
//! Each part of this crate that asks something of the core loop does it here: the listeners for their clients, push
//! delivery and the declarations for the broker itself.
//!
//! A listener's receive takes room for its messages on the core loop ([`ReplySender::reserve`]). If there is no room for
//! the first of them, [`receive`] waits for it and asks again.
//!
//! A caller that stops waiting cancels its request: dropping the future of [`call`] closes the channel of the reply and
//! sends the core loop a note, so that a receive whose client has disconnected takes no messages.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use posthouse_core::{Inbox, Refused, RequestToken, Responder};
use posthouse_model::fault::Unavailable;
use posthouse_model::{Call, Caller, Fault, Operation, ReceiveWait, Reply, Request, WaitTime};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::answer_budget::{AnswerAccount, AnswerRoom, Kind};

/// What a request is answered.
pub type Answer = Result<Reply, Fault>;

/// An answer to come. Dropping it cancels the request.
pub type PendingAnswer = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What answers requests: the core loop, or a table in tests.
pub trait CoreClient: Send + Sync + 'static {
    /// Submits a request. If it cannot be taken, the answer is the fault that says why.
    fn call(&self, call: Call) -> PendingAnswer;
}

impl CoreClient for Inbox<ReplySender> {
    fn call(&self, request: Call) -> PendingAnswer {
        let inbox = self.clone();
        Box::pin(async move { call(&inbox, request).await })
    }
}

/// Asks for one operation and waits for its reply.
///
/// # Errors
/// The fault that the operation is refused with; those of [`CoreClient::call`] if it cannot be taken.
pub(crate) async fn ask<O: Operation>(core: &dyn CoreClient, caller: Caller, operation: O) -> Result<O::Reply, Fault> {
    let reply = core.call(Call { caller, request: operation.into() }).await?;
    Ok(O::read_reply(reply).unwrap_or_else(|reply| panic!("{} is answered with {reply:?}", O::ACTION)))
}

/// Where the core loop sends the answer to one request.
pub struct ReplySender {
    sender: oneshot::Sender<Delivery>,
    /// The room of a receive's answer. `None` if the caller bounds by other means what it is given.
    room: Option<AnswerRoom>,
}

/// What the core loop sends.
enum Delivery {
    /// The answer, and the room that was reserved for it.
    Answer(Answer, Option<AnswerRoom>),
    /// Nothing was received for want of room: the length of the first message's record.
    NoRoom { bytes: u64 },
    /// Nothing was received, because none of the messages that were found could be read.
    Unreadable,
}

impl ReplySender {
    fn send(sender: oneshot::Sender<Delivery>, delivery: Delivery) {
        // The error says that the caller no longer waits. Nothing is left to do then.
        let _ = sender.send(delivery);
    }
}

impl Responder for ReplySender {
    fn respond(self, answer: Answer) {
        Self::send(self.sender, Delivery::Answer(answer, self.room));
    }

    fn reserve(&mut self, lengths: &[u32]) -> usize {
        self.room.as_mut().map_or(lengths.len(), |room| room.fit(lengths))
    }

    fn waits(&mut self) {
        if let Some(room) = &mut self.room {
            room.clear();
        }
    }

    fn lacks_room(self, bytes: u64) {
        Self::send(self.sender, Delivery::NoRoom { bytes });
    }

    fn found_unreadable(self) {
        Self::send(self.sender, Delivery::Unreadable);
    }

    fn is_abandoned(&self) -> bool {
        self.sender.is_closed()
    }
}

/// Submits a request and waits for its answer. [`CoreClient::call`] without an allocation.
///
/// # Errors
/// What the request is refused with: [`Fault::Throttled`] if the inbox is full, [`Fault::Unavailable`] if the core loop
/// has stopped.
pub(crate) async fn call(inbox: &Inbox<ReplySender>, call: Call) -> Answer {
    match submit(inbox, call, None).await {
        Delivery::Answer(answer, _) => answer,
        Delivery::Unreadable => nothing(),
        Delivery::NoRoom { .. } => unreachable!("only a receive that has an account lacks room"),
    }
}

/// How long a receive waits for room in its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// When the request arrived.
    pub(crate) began: Instant,
    /// How long after that it waits at least. A receive that may wait longer for messages waits as long for room.
    pub(crate) at_least: Duration,
}

/// How often a receive is made again that found only messages which cannot be read. Each time they are set aside, so
/// that the next one finds others.
const UNREADABLE_MAX: usize = 10;

/// Receives messages for a client. Waits for room in the answer where there is none, and goes on behind messages that
/// cannot be read. Returns the answer and its room.
///
/// # Errors
/// Those of [`call`]. [`Fault::Throttled`] also if there was no room in time: an empty answer would say that the queue
/// has no messages.
pub(crate) async fn receive(
    inbox: &Inbox<ReplySender>,
    mut call: Call,
    account: &Arc<AnswerAccount>,
    patience: Patience,
) -> (Answer, AnswerRoom) {
    let Patience { began, at_least } = patience;
    let mut room = account.no_room(Kind::Messages);
    let mut unreadable = 0;
    loop {
        let again = call.clone();
        let bytes = match submit(inbox, call, Some(room)).await {
            Delivery::Answer(answer, room) => {
                return (answer, room.unwrap_or_else(|| account.no_room(Kind::Messages)));
            }
            Delivery::Unreadable if unreadable >= UNREADABLE_MAX => {
                return (nothing(), account.no_room(Kind::Messages));
            }
            Delivery::Unreadable => {
                unreadable += 1;
                room = account.no_room(Kind::Messages);
                // A wait that the queue gives begins anew.
                let gives = matches!(&again.request, Request::ReceiveMessage(receive) if receive.wait.is_none());
                call = if gives { again } else { after(again, began.elapsed()) };
                continue;
            }
            Delivery::NoRoom { bytes } => bytes,
        };
        let deadline = began + at_least.max(longest_wait(&again));
        match account.room_for_record(bytes, deadline).await {
            Some(more) if Instant::now() < deadline => room = more,
            Some(_) | None => return (Err(Fault::Throttled), account.no_room(Kind::Messages)),
        }
        call = after(again, began.elapsed());
    }
}

/// The answer to a receive that found nothing.
const fn nothing() -> Answer {
    Ok(Reply::ReceiveMessage(Vec::new()))
}

/// How long a receive says that it waits for messages.
fn longest_wait(call: &Call) -> Duration {
    let Request::ReceiveMessage(receive) = &call.request else { return Duration::ZERO };
    match receive.wait {
        Some(ReceiveWait::AtMost(wait)) => wait.seconds().duration(),
        Some(ReceiveWait::Forever) | None => Duration::ZERO,
    }
}

/// A receive that is asked for again `elapsed` after the first time: it waits for the rest of its time only.
fn after(mut call: Call, elapsed: Duration) -> Call {
    let rest = longest_wait(&call).saturating_sub(elapsed).as_secs();
    if let Request::ReceiveMessage(receive) = &mut call.request {
        let rest = i64::try_from(rest).ok().and_then(|rest| WaitTime::new(rest).ok());
        receive.wait = Some(rest.map_or(ReceiveWait::ZERO, ReceiveWait::AtMost));
    }
    call
}

/// Submits a request and waits for what the core loop sends.
async fn submit(inbox: &Inbox<ReplySender>, call: Call, room: Option<AnswerRoom>) -> Delivery {
    let (sender, answer) = oneshot::channel();
    match inbox.submit(call, ReplySender { sender, room }) {
        Ok(token) => Waiting { inbox, token, answer, answered: false }.answer().await,
        Err(Refused::Full(_)) => Delivery::Answer(Err(Fault::Throttled), None),
        Err(Refused::Stopped(_)) => Delivery::Answer(Err(stopping()), None),
    }
}

/// Cancels its request in the core loop when dropped, unless the answer came first.
struct Waiting<'a> {
    inbox: &'a Inbox<ReplySender>,
    token: RequestToken,
    answer: oneshot::Receiver<Delivery>,
    answered: bool,
}

impl Waiting<'_> {
    async fn answer(mut self) -> Delivery {
        let answer = (&mut self.answer).await;
        self.answered = true;
        answer.unwrap_or_else(|_| Delivery::Answer(Err(stopping()), None))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            // In this order: the core loop may read the note before the request, whose closed channel then says that
            // it is abandoned.
            self.answer.close();
            self.inbox.cancel(self.token);
        }
    }
}

fn stopping() -> Fault {
    Fault::Unavailable(Unavailable::ShuttingDown)
}
