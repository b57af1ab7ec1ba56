//! `ReceiveMessage`: a receive that finds nothing may wait in its queue's line.

use posthouse_model::fault::Limit;
use posthouse_model::operation::ReceiveMessage;
use posthouse_model::{Action, Caller, Fault, Identity, ReceiveWait};

use crate::answer::{Outcome, Token};
use crate::engine::serve::Share;
use crate::engine::turn::Turn;
use crate::engine::waits::Receive;
use crate::journal::Position;

pub(super) fn receive(turn: &mut Turn<'_>, caller: &Caller, token: Token, request: &ReceiveMessage) {
    if let Err(fault) = decide(turn, caller, token, request) {
        turn.answer(token, Outcome::Reply(Err(fault)), Position::ZERO);
    }
}

fn decide(turn: &mut Turn<'_>, caller: &Caller, token: Token, request: &ReceiveMessage) -> Result<(), Fault> {
    let id = turn.authorize_queue(caller, Action::ReceiveMessage, &request.queue)?;
    let receive = Receive {
        messages_max: request.messages_max,
        visibility_timeout: request.visibility_timeout,
        attempt: request.attempt.clone(),
        ours: caller.identity == Identity::Broker,
    };
    if turn.queue(id).is_fifo()
        && let Some(deliveries) = turn.repeat(id, &receive)
    {
        turn.deliver(token, deliveries);
        return Ok(());
    }
    // Those who came first may have something due by now.
    turn.serve(id);
    let queue = turn.queue(id);
    let wait = request.wait.unwrap_or(queue.attributes.receive_wait.into());
    // A FIFO queue, and a long poll on any, says nothing about the limit and finds nothing.
    let full = queue.messages.in_flight() >= turn.state().options.in_flight_max;
    if full && wait == ReceiveWait::ZERO && !queue.is_fifo() {
        return Err(Fault::OverLimit(Limit::MessagesInFlight));
    }
    let has_line = turn.engine.waits.line_length(id) > 0;
    let deliveries = if has_line { Vec::new() } else { turn.take(id, &receive, Share::ALL) };
    if !deliveries.is_empty() || wait == ReceiveWait::ZERO {
        turn.deliver(token, deliveries);
        return Ok(());
    }
    if turn.engine.waits.len() >= turn.state().options.waiters_max && !receive.ours {
        return Err(Fault::Throttled);
    }
    let deadline = wait.deadline(turn.now);
    turn.engine.waits.push(id, token, receive, deadline);
    let starved = turn.is_dry(id);
    turn.engine.waits.set_starved(id, starved);
    turn.engine.schedule(id, turn.now);
    Ok(())
}
