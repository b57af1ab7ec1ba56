//! Messages whose records cannot be read: which are set aside, which come back later, and which messages a record has.
//!
//! The owner of the journal reads records, so it is the owner that meets damage, after the receive was decided. Since
//! then the message may have been deleted, or received by another consumer. So each message is looked up again here, in
//! one decision with the event that concerns it:
//!
//! * a message that was deleted meanwhile needs nothing;
//! * a message that is in flight from another receive is left to that receive: its consumer may have got the message
//!   from memory, and in a FIFO queue the group must wait for it;
//! * any other is set aside.

use std::borrow::Cow;

use posthouse_model::operation::{DamageCause, DamagedId, DamagedMessage, RecordPlace};
use posthouse_model::{MessageKey, QueueId, ReceiptHandle, Timestamp};

use super::Decision;
use crate::event::Event;
use crate::event::given_back::GivenBack;
use crate::event::removed::Removed;
use crate::event::set_aside::{SetAside, SetAsideMessage};
use crate::journal::{BodyRef, Position};
use crate::queue::Queue;
use crate::queue::damaged::Damaged;
use crate::queue::message::{Message, MessageState};
use crate::state::State;

/// A message whose record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The message.
    pub id: DamagedId,
    /// The generation of the receive that met the damage, which no consumer gets. `None` if no receive did.
    pub receive: Option<u32>,
    /// Why the record cannot be read.
    pub cause: DamageCause,
}

/// Records of which none is empty and no two overlap, in the order of their positions, each from its position to the
/// end of its bytes.
pub type RecordRanges = [(Position, Position)];

/// The message that a search for messages looks at next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchFrom(QueueId, MessageKey);

impl SearchFrom {
    /// Before the first message.
    pub const START: Self = Self(QueueId::new(0), MessageKey::MIN);
}

impl Decision<'_> {
    /// Sets messages of any queues aside that cannot be read, each queue's in one event. Returns those that were.
    pub(crate) fn set_aside(&mut self, unreadable: &[Unreadable]) -> Vec<DamagedMessage> {
        let mut done = Vec::new();
        for of_queue in unreadable.chunk_by(|a, b| a.id.queue == b.id.queue) {
            let id = of_queue[0].id.queue;
            self.advance(id);
            let Some(queue) = self.state.get(id) else { continue };
            let mut messages: Vec<SetAsideMessage> = Vec::with_capacity(of_queue.len());
            for unreadable in of_queue {
                let key = unreadable.id.message;
                let Some(message) = queue.messages.get(key) else { continue };
                if !is_free(&message, unreadable.receive) || messages.iter().any(|other| other.key == key) {
                    continue;
                }
                messages.push(SetAsideMessage {
                    key,
                    receive_count: receives_before(&message, unreadable.receive),
                    cause: unreadable.cause,
                });
            }
            if messages.is_empty() {
                continue;
            }
            let keys: Vec<MessageKey> = messages.iter().map(|message| message.key).collect();
            self.emit(&Event::SetAside(SetAside { queue: id, time: self.now, messages }));
            let queue = self.queue(id);
            done.extend(
                keys.iter().filter_map(|key| queue.damaged.get(*key).map(|damaged| view(queue, *key, damaged))),
            );
        }
        done
    }

    /// Gives back messages of one receive that cannot be read for now: as if they had not been received, and hidden
    /// until `until`. Handles of another receive than the latest are skipped.
    pub(crate) fn give_back(&mut self, handles: &[ReceiptHandle], until: Timestamp) {
        for of_queue in handles.chunk_by(|a, b| a.queue == b.queue) {
            let id = of_queue[0].queue;
            self.advance(id);
            let Some(queue) = self.state.get(id) else { continue };
            let is_latest = |handle: &&ReceiptHandle| {
                queue.messages.touched(handle.message).is_some_and(|found| found.is_in_flight_from(handle.generation))
            };
            let keys: Vec<MessageKey> = of_queue.iter().filter(is_latest).map(|handle| handle.message).collect();
            if !keys.is_empty() {
                let messages = Cow::Owned(keys);
                self.emit(&Event::GivenBack(GivenBack { queue: id, time: self.now, until, messages }));
            }
        }
    }

    /// Drops damaged messages. Returns those that were there.
    pub(crate) fn drop_damaged(&mut self, ids: &[DamagedId]) -> Vec<DamagedId> {
        let is_there =
            |id: &&DamagedId| self.state.get(id.queue).is_some_and(|queue| queue.damaged.contains(id.message));
        let mut ids: Vec<DamagedId> = ids.iter().filter(is_there).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        for of_queue in ids.chunk_by(|a, b| a.queue == b.queue) {
            let messages = Cow::Owned(of_queue.iter().map(|id| id.message).collect());
            let queue = of_queue[0].queue;
            self.emit(&Event::DamagedDropped(Removed { queue, time: self.now, messages }));
        }
        ids
    }
}

impl State {
    /// The damaged messages after `after`, in the order of their ids.
    pub(crate) fn damaged_after(&self, after: Option<DamagedId>) -> impl Iterator<Item = DamagedMessage> {
        let first = after.map_or(QueueId::new(0), |after| after.queue);
        self.damaged_from(first).flat_map(move |queue| {
            let within = after.filter(|after| after.queue == queue.id).map(|after| after.message);
            queue.damaged.after(within).map(|(key, damaged)| view(queue, key, damaged))
        })
    }

    /// Looks for messages whose bodies begin in one of these ranges, from `from` on, and appends them to `found`. It
    /// looks at about `budget` messages. Returns where to go on; `None` at the end.
    ///
    /// Messages of pages that are not in memory are left out: their next receive meets the damage.
    ///
    /// Messages that were only sent are found by their keys. All others are looked at, because a message that was moved
    /// has another key than the position of its body.
    pub(crate) fn search_bodies(
        &self,
        ranges: &RecordRanges,
        from: SearchFrom,
        budget: usize,
        found: &mut Vec<(DamagedId, BodyRef)>,
    ) -> Option<SearchFrom> {
        let SearchFrom(mut at, mut after) = from;
        let mut left = budget.max(1);
        while let Some(id) = self.first_from(at) {
            if id != at {
                after = MessageKey::MIN;
            }
            let Some(queue) = self.get(id) else {
                (at, after, left) = (id.next()?, MessageKey::MIN, left.saturating_sub(1));
                if left == 0 {
                    return Some(SearchFrom(at, after));
                }
                continue;
            };
            if after == MessageKey::MIN {
                for (start, end) in ranges {
                    let fresh = queue.messages.fresh_between(start.message_key(), end.message_key());
                    found.extend(fresh.map(|(message, body)| (DamagedId { queue: queue.id, message }, body)));
                }
                left = left.saturating_sub(ranges.len().max(1));
            }
            for (message, body) in queue.messages.others_from(after) {
                if left == 0 {
                    return Some(SearchFrom(queue.id, message));
                }
                left -= 1;
                let before = ranges.partition_point(|(start, _)| *start <= body.position);
                if before.checked_sub(1).is_some_and(|index| body.position < ranges[index].1) {
                    found.push((DamagedId { queue: queue.id, message }, body));
                }
            }
            at = queue.id.next()?;
            after = MessageKey::MIN;
            if left == 0 {
                return Some(SearchFrom(at, after));
            }
        }
        None
    }
}

/// Whether no consumer has a message: it is not in flight, or in flight from the receive that could not be answered.
fn is_free(message: &Message, receive: Option<u32>) -> bool {
    match message.state {
        MessageState::Ready | MessageState::Delayed(_) => true,
        MessageState::InFlight(_) => receive == Some(message.generation),
    }
}

/// How often consumers got a message: all of its receives but the one that could not be answered.
fn receives_before(message: &Message, receive: Option<u32>) -> u32 {
    let unanswered = u32::from(receive == Some(message.generation));
    message.inherited.saturating_add(message.generation).saturating_sub(unanswered)
}

/// A damaged message as listings show it. The owner of the journal adds the file.
fn view(queue: &Queue, key: MessageKey, damaged: &Damaged) -> DamagedMessage {
    DamagedMessage {
        id: DamagedId { queue: queue.id, message: key },
        queue: (*queue.address).clone(),
        cause: damaged.cause,
        found: damaged.found,
        sent: damaged.sent,
        receive_count: damaged.receive_count,
        group: damaged.group.clone(),
        record: RecordPlace { position: damaged.body.position.get(), length: damaged.body.length, file: None },
    }
}
