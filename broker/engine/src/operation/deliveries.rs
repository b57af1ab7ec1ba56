//! `WatchPushTargets` and `SettlePushes`: what push delivery asks of the engine, and nobody else may.

use posthouse_model::operation::{Reply, SettlePushes, WatchPushTargets};
use posthouse_model::{Action, Caller};

use super::{Answered, Decision};
use crate::access::Resource;
use crate::answer::{Outcome, Token};
use crate::engine::turn::Turn;
use crate::journal::Position;

pub(super) fn watch(turn: &mut Turn<'_>, caller: &Caller, token: Token, request: &WatchPushTargets) {
    match turn.authorize(caller, Action::WatchPushTargets, Resource::Broker) {
        Ok(()) => turn.watch_deliveries(token, request.seen),
        Err(fault) => turn.answer(token, Outcome::Reply(Err(fault)), Position::ZERO),
    }
}

/// A delivery may be told to have arrived before that is durable: a crash repeats it, as AWS may.
pub(super) fn settle(turn: &mut Turn<'_>, caller: &Caller, request: &SettlePushes) -> Decision {
    let queue = turn.authorize_queue(caller, Action::SettlePushes, &request.queue)?;
    turn.settle_deliveries(queue, request);
    Ok(Answered { reply: Reply::Done, after: Position::ZERO })
}
