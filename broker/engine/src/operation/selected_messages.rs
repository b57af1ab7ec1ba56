//! `DeleteSelectedMessages`, `MoveSelectedMessages` and `CopySelectedMessages`: one event each.
//!
//! Messages are moved and copied as a move task moves them: with their groups, without their receives, under new ids.

use std::borrow::Cow;

use posthouse_model::fault::{InvalidValue, MissingResource};
use posthouse_model::operation::{
    CopySelectedMessages, DeleteSelectedMessages, InFlightRule, MessageName, MoveSelectedMessages, Reply, Selected,
    SelectedOutcome,
};
use posthouse_model::{Action, Caller, Fault, MessageKey, QueueAddress, QueueId};

use super::{Answered, DecisionResult};
use crate::access::Resource;
use crate::decision::Decision;
use crate::event::Event;
use crate::event::move_task::Moved;
use crate::event::removed::Removed;
use crate::queue::message::MessageState;
use crate::quota::Load;
use crate::refusal::Refusal;

pub(super) fn delete(decision: &mut Decision<'_>, caller: &Caller, request: &DeleteSelectedMessages) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::DeleteMessage, &request.queue)?;
    let (keys, outcomes) = found(decision, queue, &request.messages, request.in_flight);
    if !keys.is_empty() {
        let messages = Cow::Borrowed(&*keys);
        decision.emit(&Event::Deleted(Removed { queue, time: decision.now, messages }));
    }
    Ok(Answered::done(decision, Reply::Selected(outcomes)))
}

pub(super) fn move_some(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &MoveSelectedMessages,
) -> DecisionResult {
    let source = decision.authorize_queue(caller, Action::ReceiveMessage, &request.queue)?;
    decision.authorize_queue(caller, Action::DeleteMessage, &request.queue)?;
    let destination = destination(decision, caller, source, &request.destination)?;
    let (keys, outcomes) = found(decision, source, &request.messages, request.in_flight);
    if !keys.is_empty() {
        let messages = keys.iter().map(|key| decision.moved(source, destination, *key)).collect();
        decision.emit(&Event::Moved(Moved { source, time: decision.now, task: request.seed, messages }));
    }
    Ok(Answered::done(decision, Reply::Selected(outcomes)))
}

pub(super) fn copy(decision: &mut Decision<'_>, caller: &Caller, request: &CopySelectedMessages) -> DecisionResult {
    let source = decision.authorize_queue(caller, Action::ReceiveMessage, &request.queue)?;
    let destination = destination(decision, caller, source, &request.destination)?;
    let (keys, outcomes) = found(decision, source, &request.messages, InFlightRule::Take);
    if !keys.is_empty() {
        let messages: Vec<_> = keys.iter().map(|key| decision.moved(source, destination, *key)).collect();
        let bytes = messages.iter().map(|message| u64::from(message.body.length)).sum();
        let account = decision.queue(destination).address.account;
        let load = Load { messages: messages.len() as u64, bytes };
        decision.check_messages(account, load).map_err(Refusal::of_queue)?;
        decision.emit(&Event::Copied(Moved { source, time: decision.now, task: request.seed, messages }));
    }
    Ok(Answered::done(decision, Reply::Selected(outcomes)))
}

/// The queue that messages go to, if the caller may send to it and it takes messages of this one: it must be of the same
/// account and the same type.
fn destination(
    decision: &mut Decision<'_>,
    caller: &Caller,
    source: QueueId,
    address: &QueueAddress,
) -> Result<QueueId, Fault> {
    let found = decision.state().find(address);
    decision.authorize(caller, Action::SendMessage, Resource::Queue(address, found))?;
    let of_account = decision.queue(source).address.account == address.account;
    let missing = || Fault::ResourceNotFound(MissingResource::Queue { parameter: "Destination" });
    let found = found.filter(|_| of_account).ok_or_else(missing)?;
    if decision.queue(found).is_fifo() != decision.queue(source).is_fifo() {
        return Err(Fault::invalid(InvalidValue::QueueTypesDiffer));
    }
    Ok(found)
}

/// The messages that something is done with, and what becomes of each that was named.
fn found(
    decision: &Decision<'_>,
    id: QueueId,
    selected: &Selected,
    rule: InFlightRule,
) -> (Vec<MessageKey>, Vec<SelectedOutcome>) {
    let queue = decision.queue(id);
    let outcome = |name: &MessageName| match queue.messages.get(name.message).filter(|_| name.queue == id) {
        Some(message) => match (message.state, rule) {
            (MessageState::InFlight(_), InFlightRule::Leave) => SelectedOutcome::InFlight,
            (MessageState::InFlight(_), InFlightRule::Take) => SelectedOutcome::Done,
            (MessageState::Ready | MessageState::Delayed(_), _) => SelectedOutcome::Done,
        },
        None if name.queue == id && queue.damaged.contains(name.message) => SelectedOutcome::Damaged,
        None => SelectedOutcome::NotFound,
    };
    let outcomes: Vec<SelectedOutcome> = selected.names().iter().map(outcome).collect();
    let done = selected.names().iter().zip(&outcomes).filter(|(_, outcome)| **outcome == SelectedOutcome::Done);
    (done.map(|(name, _)| name.message).collect(), outcomes)
}
