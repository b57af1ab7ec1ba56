//! `SendMessage` and `SendMessageBatch`.

use std::borrow::Cow;

use posthouse_model::fault::InvalidValue;
use posthouse_model::message::too_long;
use posthouse_model::operation::{BatchReply, Reply, SendMessage, SendMessageBatch, Sent};
use posthouse_model::{Action, Caller, Delay, Fault, QueueId, StoredMessage};

use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::event::Event;
use crate::event::enqueued::Enqueued;
use crate::journal::Position;

pub(super) fn one(decision: &mut Decision<'_>, caller: &Caller, request: &SendMessage) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::SendMessage, &request.queue)?;
    let (sent, after) = enqueue(decision, queue, request.delay, &request.message)?;
    Ok(Answered { reply: Reply::SendMessage(sent), after })
}

pub(super) fn batch(decision: &mut Decision<'_>, caller: &Caller, request: &SendMessageBatch) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::SendMessageBatch, request.queue())?;
    let mut last = Position::ZERO;
    let mut results = Vec::with_capacity(request.entries().iter().len());
    for (id, entry) in request.entries().iter() {
        let message = entry.message().map_err(Clone::clone);
        let result = message.and_then(|message| enqueue(decision, queue, entry.delay(), message));
        results.push((
            id.clone(),
            result.map(|(sent, after)| {
                last = last.max(after);
                sent
            }),
        ));
    }
    Ok(Answered { reply: Reply::SendMessageBatch(BatchReply::collect(results)), after: last })
}

/// Puts one message into a queue. Returns the reply and the position that it waits for.
fn enqueue(
    decision: &mut Decision<'_>,
    id: QueueId,
    delay: Option<Delay>,
    message: &StoredMessage,
) -> Result<(Sent, Position), Fault> {
    let queue = decision.queue(id);
    let limit = queue.attributes.maximum_message_size.get();
    if message.size_bytes() > limit {
        return Err(too_long(limit));
    }
    let fifo = queue.is_fifo();
    if fifo && let Some(duplicate) = check_fifo(decision, id, delay, message)? {
        return Ok(duplicate);
    }
    let sent = decision.now;
    // In a FIFO queue an explicit zero delay counts as none given.
    let delay = delay.filter(|_| !fifo).unwrap_or(queue.attributes.delay);
    let visible = sent + delay.seconds();
    let position =
        decision.emit(&Event::Enqueued(Enqueued { queue: id, sent, visible, message: Cow::Borrowed(message) }));
    let sequence_number = fifo.then_some(position.message_key().sequence_number());
    Ok((Sent { id: message.id(), digests: message.digests(), sequence_number }, position))
}

/// Checks the parameters that a FIFO queue requires. Returns the answer of the original if the message is a duplicate
/// of one in the last five minutes; it waits until the original is durable.
///
/// # Errors
/// If the group or the deduplication id is missing, or a delay is given.
fn check_fifo(
    decision: &Decision<'_>,
    id: QueueId,
    delay: Option<Delay>,
    message: &StoredMessage,
) -> Result<Option<(Sent, Position)>, Fault> {
    let queue = decision.queue(id);
    let Some(group) = message.group() else { return Err(Fault::missing("MessageGroupId")) };
    // SQS refuses a delay of a single message in a FIFO queue (API reference, `SendMessage`, `DelaySeconds`). It
    // accepts an explicit zero.
    if let Some(delay) = delay.filter(|delay| *delay != Delay::ZERO) {
        return Err(Fault::invalid(InvalidValue::DelayOfFifoQueue { seconds: delay.seconds().get() }));
    }
    let deduplicates = message.deduplication_is_explicit() || queue.attributes.content_based_deduplication;
    let Some(key) = message.deduplication_key().filter(|_| deduplicates) else {
        return Err(Fault::invalid(InvalidValue::DeduplicationIdMissing));
    };
    let original = queue.deduplication.find(queue.scoped(key, Some(group)), decision.now);
    Ok(original.map(|original| {
        let sequence_number = Some(original.message.sequence_number());
        let sent = Sent { id: original.id, digests: message.digests(), sequence_number };
        (sent, Position::of(original.message))
    }))
}
