//! `SettleMessages`: a native consumer says what becomes of the messages that it has received.
//!
//! A message is deleted by the rules of `DeleteMessage`: in a standard queue any receive of the last twelve hours may
//! delete it, and deleting what does not exist succeeds. Everything else needs the message to be in flight from this
//! receive, so that a consumer that was too slow takes nothing from the one that has received the message since.
//!
//! All settlements of one kind are one event.

use std::borrow::Cow;

use posthouse_model::operation::{DeliverySettlement, Reply, SettleMessages, Unsettled};
use posthouse_model::{Action, Caller, Fault, MessageKey, QueueId, ReceiptHandle, Timestamp, VisibilityTimeout};

use super::delete_message::{Expired, deletable};
use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::event::Event;
use crate::event::removed::Removed;
use crate::event::visibility_changed::VisibilityChanged;
use crate::queue::Queue;
use crate::queue::message::Message;

/// Messages that one event moves to the dead-letter queue at most, as many as one receive does.
const DEAD_LETTERS_MAX: usize = 100;

/// What the settlements of one request come to.
#[derive(Default)]
struct Settled {
    deleted: Vec<MessageKey>,
    hidden: Vec<(MessageKey, Timestamp)>,
    dead: Vec<MessageKey>,
    unsettled: Vec<(usize, Unsettled)>,
}

pub(super) fn settle(decision: &mut Decision<'_>, caller: &Caller, request: &SettleMessages) -> DecisionResult {
    let queue = authorize(decision, caller, request)?;
    let (now, target) = (decision.now, decision.redrive(queue).map(|(target, _)| target));
    let mut settled = Settled::default();
    let repeated = repeated(request.settlements());
    for (index, (handle, settlement)) in request.settlements().iter().enumerate() {
        let result = if handle.queue != queue || repeated.binary_search(&index).is_ok() {
            Err(Unsettled::NotInFlight)
        } else if *settlement == DeliverySettlement::DeadLetter && target.is_none() {
            Err(Unsettled::NoDeadLetterQueue)
        } else {
            settled.add(decision.queue(queue), *handle, *settlement, now)
        };
        if let Err(why) = result {
            settled.unsettled.push((index, why));
        }
    }
    let Settled { deleted, hidden, dead, unsettled } = settled;
    if !hidden.is_empty() {
        let messages = Cow::Owned(hidden);
        decision.emit(&Event::VisibilityChanged(VisibilityChanged { queue, time: now, messages }));
    }
    if let Some(target) = target {
        for dead in dead.chunks(DEAD_LETTERS_MAX) {
            decision.dead_letter(queue, target, dead.iter().map(|key| (*key, None)));
        }
    }
    if !deleted.is_empty() {
        decision.emit(&Event::Deleted(Removed { queue, time: now, messages: Cow::Owned(deleted) }));
    }
    Ok(Answered::done(decision, Reply::MessagesSettled(unsettled)))
}

/// Checks that the caller may do what the request asks.
fn authorize(decision: &mut Decision<'_>, caller: &Caller, request: &SettleMessages) -> Result<QueueId, Fault> {
    let changes = |settlement: &DeliverySettlement| match settlement {
        DeliverySettlement::Delete | DeliverySettlement::DeadLetter => false,
        DeliverySettlement::Release(_) | DeliverySettlement::Extend(_) => true,
    };
    let changes = request.settlements().iter().filter(|(_, settlement)| changes(settlement)).count();
    let mut queue = None;
    if changes > 0 {
        queue = Some(decision.authorize_queue(caller, Action::ChangeMessageVisibility, request.queue())?);
    }
    if changes < request.settlements().len() {
        queue = Some(decision.authorize_queue(caller, Action::DeleteMessage, request.queue())?);
    }
    Ok(queue.expect("a request has a settlement"))
}

/// The indices, in ascending order, of settlements whose message an earlier one of the request names too.
fn repeated(settlements: &[(ReceiptHandle, DeliverySettlement)]) -> Vec<usize> {
    // A consumer settles in the order in which it received, and messages are received in the order of their keys.
    if settlements.is_sorted_by(|(one, _), (other, _)| one.message < other.message) {
        return Vec::new();
    }
    let mut by_message: Vec<_> =
        settlements.iter().enumerate().map(|(index, (handle, _))| (handle.message, index)).collect();
    by_message.sort_unstable();
    let same = by_message.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let mut repeated: Vec<_> = same.map(|pair| pair[1].1).collect();
    repeated.sort_unstable();
    repeated
}

impl Settled {
    /// Decides one settlement.
    ///
    /// # Errors
    /// Why nothing is done.
    fn add(
        &mut self,
        queue: &Queue,
        handle: ReceiptHandle,
        settlement: DeliverySettlement,
        now: Timestamp,
    ) -> Result<(), Unsettled> {
        match settlement {
            DeliverySettlement::Delete => {
                let key = deletable(queue, handle, now).map_err(|Expired| Unsettled::NotInFlight)?;
                self.deleted.extend(key);
            }
            DeliverySettlement::Release(span) | DeliverySettlement::Extend(span) => {
                let (message, until) = (in_flight(queue, handle)?, now + span.seconds());
                // As `ChangeMessageVisibility` counts them.
                if until > message.received + VisibilityTimeout::MAX.seconds() {
                    return Err(Unsettled::TooLong);
                }
                self.hidden.push((handle.message, until));
            }
            DeliverySettlement::DeadLetter => {
                in_flight(queue, handle)?;
                self.dead.push(handle.message);
            }
        }
        Ok(())
    }
}

/// The message that is in flight from this receive.
fn in_flight(queue: &Queue, handle: ReceiptHandle) -> Result<&Message, Unsettled> {
    let message = queue.messages.touched(handle.message).filter(|message| message.is_in_flight_from(handle.generation));
    message.ok_or(Unsettled::NotInFlight)
}
