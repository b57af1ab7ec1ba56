//! `ListDamagedMessages` and `DropDamagedMessages`: the operations of the admin listener. Other callers are refused.

use posthouse_model::operation::{DropDamagedMessages, ListDamagedMessages, Page, Reply};
use posthouse_model::{Action, Caller};

use super::{Answered, DecisionResult};
use crate::access::Resource;
use crate::answer::{Outcome, RequestToken};
use crate::decision::Decision;
use crate::journal::Position;

/// The answer waits until what it lists is durable.
pub(super) fn list(decision: &mut Decision<'_>, caller: &Caller, token: RequestToken, request: &ListDamagedMessages) {
    if let Err(fault) = decision.authorize(caller, Action::ListDamagedMessages, Resource::Broker) {
        decision.answer(token, Outcome::Reply(Err(fault)), Position::ZERO);
        return;
    }
    let results_max = request.results_max.get() as usize;
    let mut items: Vec<_> = decision.state().damaged_after(request.after).take(results_max + 1).collect();
    let more = items.len() > results_max;
    items.truncate(results_max);
    let next = items.last().filter(|_| more).map(|last| last.id);
    let after = decision.end();
    decision.answer(token, Outcome::Damaged(Page { items, next }), after);
}

pub(super) fn drop_some(decision: &mut Decision<'_>, caller: &Caller, request: &DropDamagedMessages) -> DecisionResult {
    decision.authorize(caller, Action::DropDamagedMessages, Resource::Broker)?;
    let dropped = decision.drop_damaged(request.ids());
    Ok(Answered::done(decision, Reply::DroppedMessages(dropped)))
}
