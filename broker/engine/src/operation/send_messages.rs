//! `SendMessages`: a native producer's batch.

use posthouse_model::fault::InvalidValue;
use posthouse_model::operation::{MessagesSent, Reply, SendEntry, SendException, SendMessages};
use posthouse_model::{Action, Caller, Fault, QueueId, SequenceNumber};

use super::send_message::{MissingId, Taken, check_ids, enqueue};
use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::journal::Position;

pub(super) fn send(decision: &mut Decision<'_>, caller: &Caller, request: &SendMessages) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::SendMessage, request.queue())?;
    let fifo = decision.queue(queue).is_fifo();
    let (mut sent, mut after) = (MessagesSent::default(), Position::ZERO);
    for (index, entry) in request.entries().iter().enumerate() {
        let taken = take(decision, queue, entry);
        let number = match taken {
            Ok(Taken::Stored(position)) => {
                after = after.max(position);
                Some(SequenceNumber::in_queue(position.message_key()))
            }
            Ok(Taken::Duplicate(original)) => {
                after = after.max(Position::of(original.message));
                sent.exceptions.push((index, SendException::Duplicate(original.id)));
                Some(SequenceNumber::in_queue(original.message))
            }
            Err(fault) => {
                sent.exceptions.push((index, SendException::Refused(fault)));
                None
            }
        };
        if fifo {
            sent.sequence_numbers.push(number);
        }
    }
    Ok(Answered { reply: Reply::MessagesSent(sent), after })
}

/// Decides one message.
fn take(decision: &mut Decision<'_>, queue: QueueId, entry: &SendEntry) -> Result<Taken, Fault> {
    check_ids(decision.queue(queue), entry.ids()).map_err(|missing| {
        Fault::invalid(match missing {
            MissingId::Group => InvalidValue::GroupIdMissing,
            MissingId::Deduplication => InvalidValue::DeduplicationIdMissing,
        })
    })?;
    let message = entry.message().map_err(Clone::clone)?;
    enqueue(decision, queue, entry.delay(), message)
}
