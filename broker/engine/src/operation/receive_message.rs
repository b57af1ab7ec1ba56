//! `ReceiveMessage`. A receive that finds nothing may wait in its queue's line.

use posthouse_model::fault::Limit;
use posthouse_model::operation::ReceiveMessage;
use posthouse_model::{Action, Caller, Fault, Identity, ReceiveWait};

use crate::answer::{Outcome, RequestToken};
use crate::decision::Decision;
use crate::decision::serve::{Share, Taken};
use crate::decision::waits::Receive;
use crate::journal::Position;
use crate::refusal::Refusal;

pub(super) fn receive(decision: &mut Decision<'_>, caller: &Caller, token: RequestToken, request: &ReceiveMessage) {
    if let Err(fault) = decide(decision, caller, token, request) {
        decision.answer(token, Outcome::Reply(Err(fault)), Position::ZERO);
    }
}

fn decide(
    decision: &mut Decision<'_>,
    caller: &Caller,
    token: RequestToken,
    request: &ReceiveMessage,
) -> Result<(), Fault> {
    let id = decision.authorize_queue(caller, Action::ReceiveMessage, &request.queue)?;
    let is_internal = caller.identity == Identity::Broker;
    let receive = Receive {
        messages_max: request.messages_max,
        visibility_timeout: request.visibility_timeout,
        attempt: request.attempt.clone(),
        is_internal,
        is_standing: !is_internal && request.wait == Some(ReceiveWait::Forever),
    };
    if decision.queue(id).is_fifo() {
        let repeated = decision.repeat(id, token, &receive)?;
        if answer(decision, token, repeated) {
            return Ok(());
        }
    }
    if receive.attempt.is_some() && decision.queue(id).is_fifo() {
        decision.check_ids(id).map_err(Refusal::of_queue)?;
    }
    // Receives that came earlier are served first.
    decision.serve(id);
    let queue = decision.queue(id);
    let wait = request.wait.unwrap_or(queue.attributes.receive_wait.into());
    // At the limit a FIFO queue returns no error but an empty reply, and so does a long poll of any queue (SQS
    // Developer Guide, "Amazon SQS message quotas").
    let full = queue.messages.in_flight() >= decision.state().options.in_flight_max;
    if full && wait == ReceiveWait::ZERO && !queue.is_fifo() {
        return Err(Fault::OverLimit(Limit::MessagesInFlight));
    }
    let has_line = decision.volatile.waits.line_length(id) > 0;
    let taken = if has_line { Taken::Nothing } else { decision.take(id, token, &receive, Share::ALL) };
    if answer(decision, token, taken) {
        return Ok(());
    }
    if wait == ReceiveWait::ZERO {
        decision.answer_receive(token, Vec::new());
        return Ok(());
    }
    if decision.volatile.waits.len() >= decision.state().options.waiters_max && !receive.is_internal {
        return Err(Fault::Throttled);
    }
    let deadline = wait.deadline(decision.now);
    decision.volatile.waits.push(id, token, receive, deadline);
    let lack = decision.lack(id);
    decision.volatile.waits.set_lack(id, lack);
    decision.schedule(id);
    Ok(())
}

/// Answers a receive with what it has taken. Returns `false` if that is nothing: the receive is then not answered.
fn answer(decision: &mut Decision<'_>, token: RequestToken, taken: Taken) -> bool {
    match taken {
        Taken::Nothing => return false,
        Taken::Messages(received) => decision.answer_receive(token, received),
        Taken::NoRoom { bytes } => decision.answer_without_room(token, bytes),
    }
    true
}
