//! `SendMessages`: a native producer's batch. What was sent before is answered as then.

use posthouse_model::fault::NativeFault;
use posthouse_model::operation::{MessagesSent, Reply, SendEntry, SendException, SendMessages};
use posthouse_model::{Action, Caller, Fault, QueueId, SequenceNumber};

use super::send_message::{Sender, Taken, check_ids, enqueue};
use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::decision::numbering::Numbers;
use crate::producer::{Exception, NumberedTarget, Recalled};
use crate::refusal::Refusal;

pub(super) fn send(decision: &mut Decision<'_>, caller: &Caller, request: &SendMessages) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::SendMessage, request.queue())?;
    let is_fifo = decision.queue(queue).is_fifo();
    let mut numbers = Numbers::new(NumberedTarget::Queue(queue), request.numbering(), &caller.identity);
    decision.begin_numbers(&mut numbers)?;
    let mut sent = MessagesSent::default();
    for (index, entry) in request.entries().iter().enumerate() {
        let outcome = match decision.recall(&numbers, index) {
            Some(recalled) => recalled,
            None => take(decision, queue, entry, &mut numbers),
        };
        let key = match outcome {
            Recalled::Taken(key) => key,
            Recalled::Excepted(Exception::Duplicate { message, id }) => {
                sent.exceptions.push((index, SendException::Duplicate(id)));
                Some(message)
            }
            Recalled::Excepted(Exception::Refused(refusal)) => {
                sent.exceptions.push((index, SendException::Refused(fault(entry, refusal))));
                None
            }
            Recalled::Excepted(Exception::Unheard) | Recalled::Forgotten => {
                let fault = Fault::Native(NativeFault::OutcomeUnknown);
                sent.exceptions.push((index, SendException::Refused(fault)));
                None
            }
        };
        if is_fifo {
            sent.sequence_numbers.push(key.map(SequenceNumber::in_queue));
        }
    }
    decision.end_numbers(&mut numbers);
    Ok(Answered::done(decision, Reply::MessagesSent(sent)))
}

/// Decides a message that was not sent before.
fn take(decision: &mut Decision<'_>, queue: QueueId, entry: &SendEntry, numbers: &mut Numbers) -> Recalled {
    let taken = match entry.message() {
        Ok(message) => check_ids(decision.queue(queue), entry.ids())
            .and_then(|()| enqueue(decision, queue, (entry.delay(), message), &mut Sender::Producer(numbers))),
        Err(_) => Err(Refusal::Invalid),
    };
    let exception = match taken {
        Ok(Taken::Stored(position)) => return Recalled::Taken(Some(position.message_key())),
        Ok(Taken::Duplicate(original)) => Exception::Duplicate { message: original.message, id: original.id },
        Err(refusal) => Exception::Refused(refusal),
    };
    numbers.except(exception);
    Recalled::Excepted(exception)
}

/// The fault of a message that was not taken. One that breaks a rule of its own has it with it, as when it was first sent.
fn fault(entry: &SendEntry, refusal: Refusal) -> Fault {
    match (refusal, entry.message()) {
        (Refusal::Invalid, Err(fault)) => fault.clone(),
        _ => refusal.of_queue(),
    }
}
