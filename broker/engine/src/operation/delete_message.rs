//! `DeleteMessage` and `DeleteMessageBatch`.
//!
//! A receipt handle deletes its message if it is that of the message's latest receive. In a standard queue the
//! visibility timeout may have ended. In a FIFO queue the handle expires with it. An older handle deletes nothing; in a
//! standard queue the request still succeeds (SQS API reference, `DeleteMessage`: "the request succeeds, but the
//! message might not be deleted"). Deleting a message that does not exist succeeds.

use std::borrow::Cow;

use posthouse_model::operation::{BatchReply, DeleteMessage, DeleteMessageBatch, Reply};
use posthouse_model::{Action, Caller, Fault, MessageKey, QueueId, ReceiptHandle};

use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::event::Event;
use crate::event::removed::Removed;
use crate::queue::messages::MessageState;

pub(super) fn one(decision: &mut Decision<'_>, caller: &Caller, request: &DeleteMessage) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::DeleteMessage, &request.queue)?;
    if let Some(key) = deletable(decision, queue, request.handle)? {
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
        let result = handle.and_then(|handle| deletable(decision, queue, *handle)).map(|key| {
            // Two entries may name the same message.
            keys.extend(key.filter(|key| !keys.contains(key)));
        });
        results.push((id.clone(), result));
    }
    delete(decision, queue, &keys);
    Ok(Answered::done(decision, Reply::Batch(BatchReply::collect(results))))
}

/// The message that a receipt handle deletes. `None` if there is nothing to delete and the request succeeds.
///
/// # Errors
/// If the handle is of another queue, or if it has expired in a FIFO queue.
fn deletable(decision: &Decision<'_>, id: QueueId, handle: ReceiptHandle) -> Result<Option<MessageKey>, Fault> {
    if handle.queue != id {
        return Err(Fault::ReceiptHandleIsInvalid(None));
    }
    let queue = decision.queue(id);
    let Some(message) = queue.messages.get(handle.message) else { return Ok(None) };
    // The handle has a later generation than the message if a crash lost the receive. A receive need not be durable
    // before it is answered.
    let lost = handle.generation > message.generation;
    let latest = handle.generation == message.generation;
    let in_time = matches!(message.state, MessageState::InFlight(_)) || !queue.is_fifo();
    if lost || (latest && in_time) {
        Ok(Some(handle.message))
    } else if queue.is_fifo() {
        Err(Fault::ReceiptHandleExpired)
    } else {
        Ok(None)
    }
}

fn delete(decision: &mut Decision<'_>, queue: QueueId, keys: &[MessageKey]) {
    if !keys.is_empty() {
        decision.emit(&Event::Deleted(Removed { queue, time: decision.now, messages: Cow::Borrowed(keys) }));
    }
}
