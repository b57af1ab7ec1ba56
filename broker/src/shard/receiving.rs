//! Receives of clients: they wait for room in their answers, and go on behind messages that cannot be read.

use std::sync::Arc;
use std::time::Duration;

use posthouse_core::Response;
use posthouse_model::{Call, Fault, ReceiveWait, Request, WaitTime};
use tokio::time::Instant;

use super::Shard;
use crate::answer_budget::{AnswerAccount, AnswerRoom, Kind};
use crate::core_client::{Answer, nothing};

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

impl Shard {
    /// Receives messages for a client, whose answers `account` bounds. Returns the answer and its room. The core loop
    /// takes the room when it has found messages, so that a receive that waits holds none; if there is none for the first
    /// message, this waits for it and asks again. Dropping the future cancels the receive, as with [`Shard::call`].
    ///
    /// # Errors
    /// Those of [`Shard::call`]. [`Fault::Throttled`] also if there was no room in time: an empty answer would say that the
    /// queue has no messages.
    pub(crate) async fn receive(
        &self,
        mut call: Box<Call>,
        account: &Arc<AnswerAccount>,
        patience: Patience,
    ) -> (Answer, AnswerRoom) {
        let Patience { began, at_least } = patience;
        let mut room = account.no_room(Kind::Messages);
        let mut unreadable = 0;
        loop {
            let again = call.clone();
            let delivery = self.submit(call, Some(room)).await;
            let bytes = match delivery.response {
                Response::Answer(answer) => {
                    return (answer, delivery.room.unwrap_or_else(|| account.no_room(Kind::Messages)));
                }
                Response::Unreadable if unreadable >= UNREADABLE_MAX => {
                    return (nothing(), account.no_room(Kind::Messages));
                }
                Response::Unreadable => {
                    unreadable += 1;
                    room = account.no_room(Kind::Messages);
                    // A wait that the queue gives begins anew.
                    let gives = matches!(&again.request, Request::ReceiveMessage(receive) if receive.wait.is_none());
                    call = if gives { again } else { after(again, began.elapsed()) };
                    continue;
                }
                Response::NoRoom { bytes } => bytes,
            };
            // What the answer holds must be free while it waits for more.
            drop(delivery.room);
            let deadline = began + at_least.max(longest_wait(&again));
            match account.room_for_record(bytes, deadline).await {
                Some(more) if Instant::now() < deadline => room = more,
                Some(_) | None => return (Err(Fault::Throttled), account.no_room(Kind::Messages)),
            }
            call = after(again, began.elapsed());
        }
    }
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
fn after(mut call: Box<Call>, elapsed: Duration) -> Box<Call> {
    let rest = longest_wait(&call).saturating_sub(elapsed).as_secs();
    if let Request::ReceiveMessage(receive) = &mut call.request {
        let rest = i64::try_from(rest).ok().and_then(|rest| WaitTime::new(rest).ok());
        receive.wait = Some(rest.map_or(ReceiveWait::ZERO, ReceiveWait::AtMost));
    }
    call
}
