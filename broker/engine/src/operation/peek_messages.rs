//! `PeekMessages`: it shows as much as `ReceiveMessage`, and needs the same permission.

use posthouse_model::operation::PeekMessages;
use posthouse_model::{Action, Caller};

use crate::answer::{Outcome, RequestToken};
use crate::decision::{Decision, peeking};
use crate::journal::Position;

/// The answer waits until what it shows is durable.
pub(super) fn peek(decision: &mut Decision<'_>, caller: &Caller, token: RequestToken, request: &PeekMessages) {
    let (outcome, after) = match decision.authorize_queue(caller, Action::ReceiveMessage, &request.queue) {
        Ok(queue) => (peeking::peek(decision.queue(queue), request, None, decision.now), decision.end()),
        Err(fault) => (Outcome::Reply(Err(fault)), Position::ZERO),
    };
    decision.answer(token, outcome, after);
}
