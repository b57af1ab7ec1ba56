//! Asking the core loop: one request in, one reply out.
//!
//! Each part of this crate that asks something of the core loop does it here or through a [`Shard`](crate::shard::Shard),
//! which does it for the connections of one thread: the listeners for their clients, push delivery and the declarations
//! for the broker itself.
//!
//! A caller that stops waiting cancels its request: dropping the future of [`CoreClient::call`] closes the channel of the
//! reply and sends the core loop a note, so that a receive whose client has disconnected takes no messages.

mod delivery;
mod outbox;
mod reply_sender;

use std::future::Future;
use std::pin::Pin;

use posthouse_core::{Inbox, Refused, RequestToken};
use posthouse_model::{Call, Caller, Fault, Operation, Reply};
use tokio::sync::oneshot;

pub(crate) use delivery::{Delivery, nothing};
pub(crate) use outbox::{Letter, LoopEnded, Slot};
pub use outbox::{Mailbox, Outbox, ShardNumber};
pub use reply_sender::ReplySender;
pub(crate) use reply_sender::{Mark, ShardCaller};

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
        Box::pin(async move { call(&inbox, request).await.into_answer() })
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

/// Submits a request and waits for what the core loop responds.
async fn call(inbox: &Inbox<ReplySender>, call: Call) -> Delivery {
    let (sender, answer) = oneshot::channel();
    match inbox.submit(call, ReplySender::alone(sender)) {
        Ok(token) => Waiting { inbox, token, answer, answered: false }.answer().await,
        Err(refused) => refusal(&refused),
    }
}

/// The response to a request that the inbox did not take: [`Fault::Throttled`] if it is full, [`Fault::Unavailable`] if
/// the core loop has ended.
pub(crate) fn refusal(refused: &Refused<ReplySender>) -> Delivery {
    match refused {
        Refused::Full(_) => Delivery::of(Err(Fault::Throttled)),
        Refused::Stopped(_) => Delivery::stopping(),
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
        answer.unwrap_or_else(|_| Delivery::stopping())
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
