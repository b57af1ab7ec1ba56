//! `SendMessage` and `SendMessageBatch`.

use std::borrow::Cow;

use posthouse_model::operation::{BatchReply, GivenIds, Reply, SendMessage, SendMessageBatch, Sent};
use posthouse_model::{Action, Caller, Delay, Fault, QueueId, SequenceNumber, StoredMessage};

use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::decision::numbering::Numbers;
use crate::event::Event;
use crate::event::enqueued::Enqueued;
use crate::journal::Position;
use crate::queue::Queue;
use crate::queue::deduplication::Original;
use crate::quota::Load;
use crate::refusal::Refusal;

pub(super) fn one(decision: &mut Decision<'_>, caller: &Caller, request: &SendMessage) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::SendMessage, &request.queue)?;
    check_ids(decision.queue(queue), GivenIds::of(&request.message)).map_err(|refusal| match refusal {
        // Of a single message SQS says that a parameter is missing.
        Refusal::GroupMissing => Fault::missing("MessageGroupId"),
        other => other.of_queue(),
    })?;
    let (sent, after) = send(decision, queue, request.delay, &request.message).map_err(Refusal::of_queue)?;
    Ok(Answered { reply: Reply::SendMessage(sent), after })
}

pub(super) fn batch(decision: &mut Decision<'_>, caller: &Caller, request: &SendMessageBatch) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::SendMessageBatch, request.queue())?;
    // One entry without its ids refuses the whole batch (recorded from AWS).
    for (_, entry) in request.entries().iter() {
        check_ids(decision.queue(queue), entry.ids()).map_err(Refusal::of_queue)?;
    }
    let mut last = Position::ZERO;
    let mut results = Vec::with_capacity(request.entries().iter().len());
    for (id, entry) in request.entries().iter() {
        let message = entry.message().map_err(Clone::clone);
        let result =
            message.and_then(|message| send(decision, queue, entry.delay(), message).map_err(Refusal::of_queue));
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

/// Checks that a message has the ids that its queue requires. A standard queue requires none.
///
/// # Errors
/// [`Refusal::GroupMissing`] or [`Refusal::DeduplicationIdMissing`].
pub(super) fn check_ids(queue: &Queue, ids: GivenIds) -> Result<(), Refusal> {
    if !queue.is_fifo() {
        return Ok(());
    }
    if !ids.group {
        return Err(Refusal::GroupMissing);
    }
    if !ids.deduplication && !queue.attributes.content_based_deduplication {
        return Err(Refusal::DeduplicationIdMissing);
    }
    Ok(())
}

/// Sends one message, which [`check_ids`] accepted. Returns the reply and the position that it waits for.
fn send(
    decision: &mut Decision<'_>,
    id: QueueId,
    delay: Option<Delay>,
    message: &StoredMessage,
) -> Result<(Sent, Position), Refusal> {
    let fifo = decision.queue(id).is_fifo();
    let (id, key) = match enqueue(decision, id, (delay, message), &mut Sender::Client)? {
        Taken::Stored(position) => (message.id(), position.message_key()),
        // The answer waits until the original is durable.
        Taken::Duplicate(original) => (original.id, original.message),
    };
    let sequence_number = fifo.then(|| SequenceNumber::in_queue(key));
    Ok((Sent { id, digests: message.digests(), sequence_number }, Position::of(key)))
}

/// Who sends a message.
pub(super) enum Sender<'a> {
    Client,
    /// A native producer, which numbers its messages.
    Producer(&'a mut Numbers),
}

/// What came of a message that is not refused.
pub(super) enum Taken {
    /// It is in the queue, put there by the event at this position.
    Stored(Position),
    /// The FIFO queue got this message with the same deduplication id in the last five minutes.
    Duplicate(Original),
}

/// Puts one message, which [`check_ids`] accepted, into a queue.
///
/// # Errors
/// Why the queue does not take it.
pub(super) fn enqueue(
    decision: &mut Decision<'_>,
    id: QueueId,
    (delay, message): (Option<Delay>, &StoredMessage),
    sender: &mut Sender<'_>,
) -> Result<Taken, Refusal> {
    let queue = decision.queue(id);
    let bytes_max = queue.attributes.maximum_message_size.get();
    if message.size_bytes() > bytes_max {
        return Err(Refusal::TooLong { bytes_max });
    }
    let fifo = queue.is_fifo();
    if fifo {
        // SQS refuses a delay of a single message in a FIFO queue (API reference, `SendMessage`, `DelaySeconds`). It
        // accepts an explicit zero.
        if let Some(delay) = delay.filter(|delay| *delay != Delay::ZERO) {
            return Err(Refusal::Delayed { seconds: delay.seconds().get() });
        }
        let key = message.deduplication_key().expect("a message for a FIFO queue is laid out with a key");
        if let Some(original) = queue.deduplication.find(key, message.group(), decision.now) {
            return Ok(Taken::Duplicate(*original));
        }
        decision.check_ids(id)?;
    }
    let sent = decision.now;
    // In a FIFO queue an explicit zero delay counts as none given.
    let delay = delay.filter(|_| !fifo).unwrap_or(queue.attributes.delay);
    let visible = sent + delay.seconds();
    let event = Enqueued { queue: id, sent, visible, message: Cow::Borrowed(message) };
    let load = Load { messages: 1, bytes: u64::from(event.length()) };
    decision.check_messages(queue.address.account, load)?;
    Ok(Taken::Stored(match sender {
        Sender::Client => decision.emit(&Event::Enqueued(event)),
        Sender::Producer(numbers) => decision.emit_numbered(numbers, &Event::NumberedEnqueued(event)),
    }))
}
