//! Events that concern many queues and have not reached all of these queues yet: publications, and that the clock was set.
//!
//! The event of a publication decides which queues have the message from its position on. To put it into 100,000 queues
//! takes longer than other requests may wait. So the running engine puts it into them in slices, one each tick, and
//! into a queue that is looked at or changed before its slice at that time ([`State::catch_up`]). No answer and no event
//! therefore depends on the slices, and the journal says nothing about them: in replay a publication is put into all its
//! queues when its event is applied. The times of a queue move with the clock in the same way.
//!
//! Invariants: whatever reads or changes the messages of a queue, or its times, calls [`State::catch_up`] for the queue
//! first; the events that a queue lacks reach it in their order; the bodies of a publication are retained from its event
//! on until it is in all its queues, besides the references of the copies.

use core::ops::Range;
use std::collections::VecDeque;

use posthouse_model::message::DeduplicationKey;
use posthouse_model::{MessageId, MessageKey, QueueId, Timestamp};

use super::State;
use crate::event::published::Published;
use crate::journal::{BodyRef, Journal, Position};
use crate::malformed::Malformed;
use crate::queue::Queue;
use crate::queue::deduplication::Original;
use crate::queue::message::{Message, MessageState};
use crate::queue::messages::End;
use crate::shift::Shift;

/// Events that may be under way at once before a publication waits. A queue that is looked at is searched in each of them.
const UNDER_WAY_MAX: usize = 16;

/// Queues of all events under way, from which on the next publication waits: 16 MiB of queue numbers.
const QUEUES_UNDER_WAY_MAX: usize = 4 * 1024 * 1024;

/// Times of a queue that are moved in the time that it takes to put a message into a queue.
const TIMES_A_COPY: usize = 64;

/// What all copies of one publication have in common.
#[derive(Debug)]
pub(crate) struct Copies {
    /// The position of the publication's first event.
    first: Position,
    id: MessageId,
    time: Timestamp,
    group: Option<Box<str>>,
    deduplication: Option<DeduplicationKey>,
    on_fifo_topic: bool,
}

impl Copies {
    /// The copies of the publication whose first event is at `first`.
    pub(crate) fn of(first: Position, event: &Published<'_>) -> Self {
        Self {
            first,
            id: event.message.id(),
            time: event.time,
            group: event.message.group().map(Into::into),
            deduplication: event.message.deduplication_key(),
            on_fifo_topic: event.deduplication_queue.is_some(),
        }
    }

    /// Puts a copy into a queue. The caller retains its body.
    pub(crate) fn put(&self, queue: &mut Queue, key: MessageKey, body: BodyRef) {
        queue.advance(self.time);
        // All copies have one deduplication id. The queue remembers it once.
        if queue.is_fifo() && Position::of(key) == body.position {
            self.remember(queue, key);
        }
        let mut message = Message::new(body, self.time);
        let visible = self.time + queue.attributes.delay.seconds();
        if visible > self.time {
            message.state = MessageState::Delayed(visible);
        }
        queue.counters.sent += 1;
        // Messages of an internal queue are pushed in their order, without regard to groups. A standard queue does not
        // know the groups of a FIFO topic.
        let is_grouped = queue.is_fifo() || !self.on_fifo_topic;
        let group = self.group.as_deref().filter(|_| is_grouped && !queue.address.name.is_internal());
        queue.messages.insert(key, message, group, End::Back);
    }

    /// Has a FIFO queue remember the publication as the message with this key, if it has a deduplication id.
    pub(crate) fn remember(&self, queue: &mut Queue, message: MessageKey) {
        if let Some(deduplication) = self.deduplication {
            queue.advance(self.time);
            let (id, sent) = (self.id, self.time);
            queue.remember(deduplication, self.group.as_deref(), |key| Original { message, key, id, sent });
        }
    }
}

/// A publication to many queues.
#[derive(Debug)]
pub(crate) struct Wide {
    copies: Copies,
    parts: Vec<WidePart>,
    /// In ascending order. A queue that gets several copies is there as often.
    queues: Vec<QueueId>,
}

/// One event of a publication.
#[derive(Clone, Copy, Debug)]
struct WidePart {
    body: BodyRef,
    /// The place in the publication's queues of the first that this event lists.
    start: usize,
}

impl Wide {
    /// A publication whose parts are to be added.
    pub(crate) const fn new(copies: Copies) -> Self {
        Self { copies, parts: Vec::new(), queues: Vec::new() }
    }

    /// Whether it is the publication with this id.
    pub(crate) fn is_of(&self, id: &MessageId) -> bool {
        self.copies.id == *id
    }

    /// Adds the event at a position, whose queues follow those of the parts before.
    ///
    /// # Errors
    /// If its queues do not ascend.
    pub(crate) fn add_part(
        &mut self,
        position: Position,
        length: u32,
        queues: impl Iterator<Item = QueueId>,
    ) -> Result<(), Malformed> {
        let start = self.queues.len();
        self.parts.push(WidePart { body: BodyRef { position, length }, start });
        self.queues.extend(queues);
        let from = start.saturating_sub(1);
        if self.queues[from..].is_sorted() { Ok(()) } else { Err("its queues do not ascend") }
    }

    /// The position of the last key that it gives.
    ///
    /// # Errors
    /// If that exceeds the range.
    pub(crate) fn last_key(&self) -> Result<Position, Malformed> {
        let last = self.parts.last().expect("a publication has a part");
        let queues = &self.queues[last.start..];
        let copies = queues.chunk_by(|one, other| one == other).map(<[_]>::len).max().unwrap_or(1);
        last.body.position.item(copies as u64 - 1).ok_or("its position is too large")
    }

    /// Its queues, each once.
    pub(crate) fn queues(&self) -> impl Iterator<Item = QueueId> {
        self.queues.chunk_by(|one, other| one == other).map(|copies| copies[0])
    }

    /// The position of its first event.
    fn position(&self) -> Position {
        self.copies.first
    }

    /// Puts all copies that a queue gets into it.
    pub(crate) fn put_into(&self, queue: &mut Queue, journal: &mut dyn Journal) {
        for place in self.places_of(queue.id) {
            let part = self.parts[self.parts.partition_point(|part| part.start <= place) - 1];
            let before = self.places_of(queue.id).start.max(part.start);
            let key = part.body.position.item((place - before) as u64).expect("`last_key` is in the range");
            self.copies.put(queue, key.message_key(), part.body);
            journal.retain(part.body);
        }
    }

    /// The places of a queue in `queues`.
    fn places_of(&self, queue: QueueId) -> Range<usize> {
        let start = self.queues.partition_point(|other| *other < queue);
        let copies = self.queues[start..].iter().take_while(|other| **other == queue).count();
        start..start + copies
    }
}

/// An event that has not reached all its queues.
#[derive(Debug)]
struct UnderWay {
    change: Change,
    /// The place of the next queue among those that it concerns.
    next: usize,
}

#[derive(Debug)]
enum Change {
    Publication(Box<Wide>),
    Clock(Box<ClockChange>),
}

/// The clock was set.
#[derive(Debug)]
struct ClockChange {
    /// The position of its event.
    position: Position,
    shift: Shift,
    /// The queues that there were, in ascending order.
    queues: Vec<QueueId>,
}

impl UnderWay {
    /// The position of its first event.
    fn position(&self) -> Position {
        match &self.change {
            Change::Publication(wide) => wide.position(),
            Change::Clock(clock) => clock.position,
        }
    }

    /// The queues that it concerns. A queue that gets several copies is there as often.
    fn queues(&self) -> &[QueueId] {
        match &self.change {
            Change::Publication(wide) => &wide.queues,
            Change::Clock(clock) => &clock.queues,
        }
    }

    /// Takes the next queue.
    fn take_next(&mut self) -> Option<QueueId> {
        let queue = self.queues().get(self.next).copied()?;
        self.next += 1;
        Some(queue)
    }

    /// Changes a queue as the event says, if it concerns the queue.
    fn reach(&self, queue: &mut Queue, journal: &mut dyn Journal) -> Reached {
        match &self.change {
            Change::Publication(wide) => {
                let length = queue.messages.len();
                wide.put_into(queue, journal);
                if queue.messages.len() > length { Reached::Changed { copies: 1 } } else { Reached::Unchanged }
            }
            Change::Clock(clock) if clock.queues.binary_search(&queue.id).is_ok() => {
                let copies = 1 + queue.times() / TIMES_A_COPY;
                queue.shift(clock.shift);
                Reached::Changed { copies }
            }
            Change::Clock(_) => Reached::Unchanged,
        }
    }
}

/// What an event has done to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Unchanged,
    /// In the time that it takes to put a message into so many queues.
    Changed {
        copies: usize,
    },
}

/// The events that have not reached all their queues yet, in their order.
#[derive(Debug)]
pub(crate) struct Deliveries {
    /// Recipients up to which a publication is put into its queues at once.
    at_once_max: usize,
    under_way: VecDeque<UnderWay>,
    /// The parts of a publication whose last part is still to come.
    unfinished: Option<Box<Wide>>,
}

impl Deliveries {
    /// No publications. Each that comes is put into all its queues at once until [`Deliveries::begin_slices`].
    pub(crate) const fn new() -> Self {
        Self { at_once_max: usize::MAX, under_way: VecDeque::new(), unfinished: None }
    }

    /// From now on a publication with more recipients than `at_once_max` goes to its queues in slices.
    pub(crate) fn begin_slices(&mut self, at_once_max: usize) {
        self.at_once_max = at_once_max;
        self.unfinished = None;
    }

    /// Whether the engine runs, and does in slices what would hold up other requests.
    pub(crate) const fn go_in_slices(&self) -> bool {
        self.at_once_max < usize::MAX
    }

    /// Recipients up to which a publication is put into its queues at once.
    pub(crate) const fn at_once_max(&self) -> usize {
        self.at_once_max
    }

    /// Whether every event has reached all its queues.
    pub(crate) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether one more publication to this number of recipients may be under way.
    pub(crate) fn has_room(&self, recipients: usize) -> bool {
        let queues: usize = self.under_way.iter().map(|under_way| under_way.queues().len()).sum();
        self.under_way.is_empty() || self.under_way.len() < UNDER_WAY_MAX && queues + recipients <= QUEUES_UNDER_WAY_MAX
    }

    /// Takes the parts whose last part is still to come. An event that is no such part follows none of them, so that
    /// they have no effect.
    pub(crate) const fn take_unfinished(&mut self) -> Option<Box<Wide>> {
        self.unfinished.take()
    }

    /// Keeps parts until the next one comes.
    pub(crate) fn put_unfinished(&mut self, wide: Box<Wide>) {
        self.unfinished = Some(wide);
    }

    /// The bodies of the publications that are not in all their queues yet.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = BodyRef> {
        let publications = self.under_way.iter().filter_map(|under_way| match &under_way.change {
            Change::Publication(wide) => Some(wide),
            Change::Clock(_) => None,
        });
        publications.flat_map(|wide| wide.parts.iter()).map(|part| part.body)
    }

    /// Adds a publication, behind all others.
    pub(crate) fn add(&mut self, wide: Box<Wide>, journal: &mut dyn Journal) {
        wide.parts.iter().for_each(|part| journal.retain(part.body));
        self.under_way.push_back(UnderWay { change: Change::Publication(wide), next: 0 });
    }

    /// Adds that the clock was set, behind all others, for these queues, which ascend.
    pub(crate) fn add_clock(&mut self, position: Position, shift: Shift, queues: Vec<QueueId>) {
        let clock = Box::new(ClockChange { position, shift, queues });
        self.under_way.push_back(UnderWay { change: Change::Clock(clock), next: 0 });
    }

    /// Whether there are queues whose times are still to be moved with the clock.
    pub(crate) fn is_clock_under_way(&self) -> bool {
        self.under_way.iter().any(|under_way| matches!(under_way.change, Change::Clock(_)))
    }
}

impl State {
    /// Has the events reach a queue that have not reached it yet. Does nothing if the queue does not exist.
    pub(crate) fn catch_up(&mut self, id: QueueId, journal: &mut dyn Journal) {
        if !self.deliveries.is_empty() {
            self.catch_up_queue(id, journal);
        }
    }

    /// Returns how many copies could have been put into queues in the same time.
    #[inline(never)]
    fn catch_up_queue(&mut self, id: QueueId, journal: &mut dyn Journal) -> usize {
        let under_way = core::mem::take(&mut self.deliveries.under_way);
        let mut done = 0;
        if let Some(queue) = self.get_mut(id)
            && let Some(newest) = under_way.back().map(UnderWay::position)
            && queue.caught_up < newest
        {
            let since = core::mem::replace(&mut queue.caught_up, newest);
            for event in under_way.iter().filter(|event| event.position() > since) {
                if let Reached::Changed { copies } = event.reach(queue, journal) {
                    done += copies;
                }
            }
            if done > 0 {
                self.changed_queues.push(id);
            }
        }
        self.deliveries.under_way = under_way;
        done
    }

    /// Has events reach queues, in the time that it takes to put a message into `budget` queues, those of the oldest event
    /// first. Returns how many copies that were.
    pub(crate) fn deliver_some(&mut self, budget: usize, journal: &mut dyn Journal) -> usize {
        let mut done = 0;
        while done < budget
            && let Some(oldest) = self.deliveries.under_way.front_mut()
        {
            if let Some(queue) = oldest.take_next() {
                done += self.catch_up_queue(queue, journal).max(1);
                continue;
            }
            if let Some(UnderWay { change: Change::Publication(wide), .. }) = self.deliveries.under_way.pop_front() {
                wide.parts.iter().for_each(|part| journal.release(part.body));
            }
        }
        done
    }
}
