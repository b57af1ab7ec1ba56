//! `WatchPushTargets` and `SettlePushes`: the operations of push delivery. Other callers are refused.

use posthouse_model::operation::{Reply, SettlePushes, WatchPushTargets};
use posthouse_model::{Action, Caller};

use super::{Answered, DecisionResult};
use crate::access::Resource;
use crate::answer::{Outcome, RequestToken};
use crate::decision::Decision;
use crate::journal::Position;

pub(super) fn watch(decision: &mut Decision<'_>, caller: &Caller, token: RequestToken, request: &WatchPushTargets) {
    match decision.authorize(caller, Action::WatchPushTargets, Resource::Broker) {
        Ok(()) => decision.watch_deliveries(token, request.seen),
        Err(fault) => decision.answer(token, Outcome::Reply(Err(fault)), Position::ZERO),
    }
}

/// Applies the results of pushes. The reply does not wait until they are durable: a crash then repeats a delivery, as
/// SNS may.
pub(super) fn settle(decision: &mut Decision<'_>, caller: &Caller, request: &SettlePushes) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::SettlePushes, &request.queue)?;
    decision.settle_deliveries(queue, request);
    Ok(Answered { reply: Reply::Done, after: Position::ZERO })
}
