//! `ChangeMessageVisibility` and `ChangeMessageVisibilityBatch`.
//!
//! In a standard queue the handle of any receive changes the message, also after the visibility timeout, up to twelve
//! hours after that receive (recorded from AWS). A message that is visible by then is hidden again: AWS answers that the
//! change was made, so it is made, unless as many messages are in flight as may be: `ReceiveMessage` fails there too. In a
//! FIFO queue only the handle of the latest receive changes its message, while that is in flight.

use std::borrow::Cow;

use posthouse_model::fault::{InvalidValue, Limit};
use posthouse_model::operation::{BatchReply, ChangeMessageVisibility, ChangeMessageVisibilityBatch, Reply};
use posthouse_model::{Action, Caller, Fault, MessageKey, PresentedHandle, QueueId, Timestamp, VisibilityTimeout};

use super::receipt::{HANDLE_VALIDITY, of_queue};
use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::event::Event;
use crate::event::visibility_changed::VisibilityChanged;
use crate::queue::message::MessageState;

pub(super) fn one(decision: &mut Decision<'_>, caller: &Caller, request: &ChangeMessageVisibility) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::ChangeMessageVisibility, &request.queue)?;
    let handle = request.handle.as_ref().map_err(Clone::clone)?;
    let change = changeable(decision, queue, handle, request.visibility_timeout, &mut room(decision, queue))?;
    change_all(decision, queue, &[change]);
    Ok(Answered::done(decision, Reply::Done))
}

pub(super) fn batch(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &ChangeMessageVisibilityBatch,
) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::ChangeMessageVisibilityBatch, &request.queue)?;
    let mut changes = Vec::with_capacity(request.entries.iter().len());
    let mut results = Vec::with_capacity(request.entries.iter().len());
    let mut room = room(decision, queue);
    for (id, entry) in request.entries.iter() {
        let change = entry.as_ref().map_err(Clone::clone);
        let result = change.and_then(|(handle, timeout)| changeable(decision, queue, handle, *timeout, &mut room));
        results.push((id.clone(), result.map(|change| changes.push(change))));
    }
    change_all(decision, queue, &changes);
    Ok(Answered::done(decision, Reply::Batch(BatchReply::collect(results))))
}

/// How many more messages of a queue can be in flight.
fn room(decision: &Decision<'_>, queue: QueueId) -> usize {
    decision.state().options.in_flight_max.saturating_sub(decision.queue(queue).messages.in_flight())
}

/// The message of a receipt handle and the time at which it becomes visible. A visible message that is hidden takes one from
/// `room`, which is how many more can be in flight.
///
/// # Errors
/// If the handle is of another queue or has expired, if the message does not exist or a FIFO queue does not have it in
/// flight from the handle's receive, if the total visibility timeout would exceed twelve hours, or if there is no room.
fn changeable(
    decision: &Decision<'_>,
    id: QueueId,
    presented: &PresentedHandle,
    timeout: VisibilityTimeout,
    room: &mut usize,
) -> Result<(MessageKey, Timestamp), Fault> {
    let handle = of_queue(id, presented)?;
    let not_changeable = || Fault::invalid(InvalidValue::NotChangeable { handle: presented.text().into() });
    let queue = decision.queue(id);
    let message = queue.messages.get(handle.message).ok_or_else(not_changeable)?;
    if queue.is_fifo() && !message.is_in_flight_from(handle.generation) {
        return Err(not_changeable());
    }
    let until = decision.now + timeout.seconds();
    if let Some(received) = message.received_by(handle.generation) {
        if received + HANDLE_VALIDITY <= decision.now {
            return Err(Fault::ReceiptHandleExpired(presented.text().into()));
        }
        // The twelve hours count from the receive (SQS Developer Guide, "Amazon SQS visibility timeout").
        let limit = VisibilityTimeout::MAX;
        if until > message.received + limit.seconds() {
            return Err(Fault::invalid(InvalidValue::InFlightTooLong {
                seconds: timeout.seconds().get(),
                seconds_max: limit.seconds().get(),
            }));
        }
    }
    if until > decision.now && !matches!(message.state, MessageState::InFlight(_)) {
        *room = room.checked_sub(1).ok_or(Fault::OverLimit(Limit::MessagesInFlight))?;
    }
    Ok((handle.message, until))
}

fn change_all(decision: &mut Decision<'_>, queue: QueueId, messages: &[(MessageKey, Timestamp)]) {
    if !messages.is_empty() {
        let messages = Cow::Borrowed(messages);
        decision.emit(&Event::VisibilityChanged(VisibilityChanged { queue, time: decision.now, messages }));
    }
}
