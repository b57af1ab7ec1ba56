//! `WatchPushTargets` and `SettlePushes`: what push delivery asks of the engine, and nobody else may.

use posthouse_model::fault::Denied;
use posthouse_model::operation::{Reply, SettlePushes, WatchPushTargets};
use posthouse_model::{Action, Caller, Fault, Identity};

use super::{Answered, Decision};
use crate::answer::{Outcome, Token};
use crate::engine::turn::Turn;
use crate::journal::Position;

pub(super) fn watch(turn: &mut Turn<'_>, caller: &Caller, token: Token, request: &WatchPushTargets) {
    if caller.identity == Identity::Broker {
        turn.watch_deliveries(token, request.seen);
    } else {
        let fault = Fault::AccessDenied(Denied::NotBroker { action: Action::WatchPushTargets.as_str() });
        turn.answer(token, Outcome::Reply(Err(fault)), Position::ZERO);
    }
}

/// A delivery may be told to have arrived before that is durable: a crash repeats it, as AWS may.
pub(super) fn settle(turn: &mut Turn<'_>, caller: &Caller, request: &SettlePushes) -> Decision {
    let queue = turn.authorize(caller, Action::SettlePushes, &request.queue)?;
    turn.settle_deliveries(queue, request);
    Ok(Answered { reply: Reply::Done, after: Position::ZERO })
}
