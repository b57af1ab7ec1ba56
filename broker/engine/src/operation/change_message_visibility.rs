//! `ChangeMessageVisibility` and `ChangeMessageVisibilityBatch`.

use std::borrow::Cow;

use posthouse_model::fault::InvalidValue;
use posthouse_model::operation::{BatchReply, ChangeMessageVisibility, ChangeMessageVisibilityBatch, Reply};
use posthouse_model::{Action, Caller, Fault, MessageKey, QueueId, ReceiptHandle, Timestamp, VisibilityTimeout};

use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::event::Event;
use crate::event::visibility_changed::VisibilityChanged;
use crate::queue::messages::MessageState;

pub(super) fn one(decision: &mut Decision<'_>, caller: &Caller, request: &ChangeMessageVisibility) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::ChangeMessageVisibility, &request.queue)?;
    let change = changeable(decision, queue, request.handle, request.visibility_timeout)?;
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
    for (id, entry) in request.entries.iter() {
        let change = entry.as_ref().map_err(Clone::clone);
        let result = change.and_then(|(handle, timeout)| changeable(decision, queue, *handle, *timeout));
        results.push((id.clone(), result.map(|change| changes.push(change))));
    }
    change_all(decision, queue, &changes);
    Ok(Answered::done(decision, Reply::Batch(BatchReply::collect(results))))
}

/// The message of a receipt handle and the time at which it becomes visible.
///
/// # Errors
/// If the handle is of another queue, if the message does not exist or is not in flight from the handle's receive, or
/// if the total visibility timeout would exceed twelve hours.
fn changeable(
    decision: &Decision<'_>,
    id: QueueId,
    handle: ReceiptHandle,
    timeout: VisibilityTimeout,
) -> Result<(MessageKey, Timestamp), Fault> {
    if handle.queue != id {
        return Err(Fault::ReceiptHandleIsInvalid(None));
    }
    let Some(message) = decision.queue(id).messages.get(handle.message) else {
        return Err(Fault::invalid(InvalidValue::MessageMissing));
    };
    if message.generation != handle.generation || !matches!(message.state, MessageState::InFlight(_)) {
        return Err(Fault::MessageNotInflight);
    }
    // The twelve hours count from the receive (SQS Developer Guide, "Amazon SQS visibility timeout").
    let limit = VisibilityTimeout::MAX;
    let until = decision.now + timeout.seconds();
    if until > message.received + limit.seconds() {
        return Err(Fault::invalid(InvalidValue::InFlightTooLong {
            seconds: timeout.seconds().get(),
            seconds_max: limit.seconds().get(),
        }));
    }
    Ok((handle.message, until))
}

fn change_all(decision: &mut Decision<'_>, queue: QueueId, messages: &[(MessageKey, Timestamp)]) {
    if !messages.is_empty() {
        let messages = Cow::Borrowed(messages);
        decision.emit(&Event::VisibilityChanged(VisibilityChanged { queue, time: decision.now, messages }));
    }
}
