//! `DeleteMessage` and `DeleteMessageBatch`.
//!
//! In a standard queue the handle of any receive deletes the message, also after the visibility timeout, up to twelve
//! hours after that receive (recorded from AWS). In a FIFO queue only the handle of the latest receive does, until the
//! visibility timeout ends. Deleting a message that does not exist succeeds.

use std::borrow::Cow;

use posthouse_model::operation::{BatchReply, DeleteMessage, DeleteMessageBatch, Reply};
use posthouse_model::{Action, Caller, Fault, MessageKey, PresentedHandle, QueueId, ReceiptHandle, Timestamp};

use super::receipt::{HANDLE_VALIDITY, of_queue};
use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::event::Event;
use crate::event::removed::Removed;
use crate::queue::Queue;

pub(super) fn one(decision: &mut Decision<'_>, caller: &Caller, request: &DeleteMessage) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::DeleteMessage, &request.queue)?;
    let handle = request.handle.as_ref().map_err(Clone::clone)?;
    if let Some(key) = presented(decision, queue, handle)? {
        delete(decision, queue, &[key]);
    }
    Ok(Answered::done(decision, Reply::Done))
}

pub(super) fn batch(decision: &mut Decision<'_>, caller: &Caller, request: &DeleteMessageBatch) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::DeleteMessageBatch, &request.queue)?;
    let mut keys = Vec::with_capacity(request.entries.iter().len());
    let mut results = Vec::with_capacity(request.entries.iter().len());
    for (id, entry) in request.entries.iter() {
        let handle = entry.as_ref().map_err(Clone::clone);
        let result = handle.and_then(|handle| presented(decision, queue, handle)).map(|key| {
            // Two entries may name the same message.
            keys.extend(key.filter(|key| !keys.contains(key)));
        });
        results.push((id.clone(), result));
    }
    delete(decision, queue, &keys);
    Ok(Answered::done(decision, Reply::Batch(BatchReply::collect(results))))
}

/// The message that a presented handle deletes. `None` if there is nothing to delete and the request succeeds.
///
/// # Errors
/// If the handle is of another queue or has expired.
fn presented(decision: &Decision<'_>, id: QueueId, presented: &PresentedHandle) -> Result<Option<MessageKey>, Fault> {
    let handle = of_queue(id, presented)?;
    deletable(decision.queue(id), handle, decision.now)
        .map_err(|Expired| Fault::ReceiptHandleExpired(presented.text().into()))
}

/// A receipt handle is no longer valid.
pub(super) struct Expired;

/// The message that a receipt handle of this queue deletes. `None` if there is nothing to delete and the request
/// succeeds.
///
/// # Errors
/// If the handle has expired.
pub(super) fn deletable(queue: &Queue, handle: ReceiptHandle, now: Timestamp) -> Result<Option<MessageKey>, Expired> {
    let Some(message) = queue.messages.get(handle.message) else {
        // A consumer that got the message before its record was damaged is done with it.
        return Ok(Some(handle.message).filter(|key| queue.damaged.contains(*key)));
    };
    let is_valid = match message.received_by(handle.generation) {
        None => true,
        Some(_) if queue.is_fifo() => message.is_in_flight_from(handle.generation),
        Some(received) => received + HANDLE_VALIDITY > now,
    };
    if is_valid { Ok(Some(handle.message)) } else { Err(Expired) }
}

fn delete(decision: &mut Decision<'_>, queue: QueueId, keys: &[MessageKey]) {
    if !keys.is_empty() {
        decision.emit(&Event::Deleted(Removed { queue, time: decision.now, messages: Cow::Borrowed(keys) }));
    }
}
