//! Asking the core loop: one request in, one reply out.
//!
//! Each part of this crate that asks something of the core loop does it here: the listeners for their clients, push
//! delivery and the declarations for the broker itself.
//!
//! A caller that stops waiting cancels its request: dropping the future of [`call`] closes the channel of the reply and
//! sends the core loop a note, so that a receive whose client has disconnected takes no messages.

use std::future::Future;
use std::pin::Pin;

use posthouse_core::{Inbox, Refused, RequestToken, Responder};
use posthouse_model::fault::Unavailable;
use posthouse_model::{Call, Caller, Fault, Operation, Reply};
use tokio::sync::oneshot;

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
#[derive(Debug)]
pub struct ReplySender(oneshot::Sender<Answer>);

impl Responder for ReplySender {
    fn respond(self, answer: Answer) {
        // The error says that the caller no longer waits. Nothing is left to do then.
        let _ = self.0.send(answer);
    }

    fn is_abandoned(&self) -> bool {
        self.0.is_closed()
    }
}

/// Submits a request and waits for its answer. [`CoreClient::call`] without an allocation.
///
/// # Errors
/// What the request is refused with: [`Fault::Throttled`] if the inbox is full, [`Fault::Unavailable`] if the core loop
/// has stopped.
pub(crate) async fn call(inbox: &Inbox<ReplySender>, call: Call) -> Answer {
    let (sender, answer) = oneshot::channel();
    match inbox.submit(call, ReplySender(sender)) {
        Ok(token) => Waiting { inbox, token, answer, answered: false }.answer().await,
        Err(Refused::Full(_)) => Err(Fault::Throttled),
        Err(Refused::Stopped(_)) => Err(stopping()),
    }
}

/// Cancels its request in the core loop when dropped, unless the answer came first.
struct Waiting<'a> {
    inbox: &'a Inbox<ReplySender>,
    token: RequestToken,
    answer: oneshot::Receiver<Answer>,
    answered: bool,
}

impl Waiting<'_> {
    async fn answer(mut self) -> Answer {
        let answer = (&mut self.answer).await;
        self.answered = true;
        answer.unwrap_or_else(|_| Err(stopping()))
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
