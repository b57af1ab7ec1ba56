//! Writing checkpoints: the whole state as events, in slices, while requests go on.
//!
//! A checkpoint is `CheckpointBegan` at a position B, the registry, the topics with their subscriptions, the queues one
//! after the other, the names of deleted queues, and `CheckpointEnded`. Each queue is a `QueueKept` at a position D.
//! After it come, in slices, the originals of its deduplication, its receive attempts and its messages, from the
//! highest key below D to the lowest, its damaged messages in the same order, and for a FIFO queue the turns of its
//! groups. Other events may lie between any
//! two of these. Replay may begin at B. It ends in the same state as replay from the first event, for these reasons:
//!
//! 1. *Queues.* A queue that exists at B is kept, unless it is deleted before its slice; then no event after B needs
//!    it. A queue that is created after B is known from its `QueueCreated` and is not kept, because its number is not
//!    below the next number at B. Numbers are never reused, so the two cannot be confused. Events about a queue are
//!    skipped until its `QueueKept`. At D its attributes, tags, bucket and tasks are as they were, and later events
//!    change them as they did then.
//! 2. *Messages.* Consider one message of a queue kept at D. If its key is above D, the event that put it there lies
//!    after D and holds all of it (`DeadLettered` and `Moved` do not need the queue that the message came from). If its
//!    key is below D and the message still exists when the slice S that covers the key is written, it is in S. Events
//!    about it before S are skipped, because a missing key is skipped while a checkpoint is read back. Events after S
//!    find the message as it was at S. The slices cover all keys below D, each once.
//!    *Damaged messages* of the queue follow its messages. Consider one whose key is below D and that is set aside. Before
//!    S, that is skipped, and the message is in the slice of damaged messages that covers its key, unless it was dropped
//!    before. After S, replay has the message from S and sets it aside as it was; if the slice of damaged messages has it
//!    too, it is known already. Dropping is skipped where the message is not known yet, and then no slice has it.
//!    *Stored pages.* A message is fresh or touched by the same rule in replay as live: it is fresh from its arrival until the
//!    first event about it, and never again. (`MessagesKept` says of a message that is ready and never received whether it
//!    is touched.) So an event that stores a page finds the same fresh messages between its first key and its last in each
//!    replay that knows the queue's messages. No page of a queue is stored from its `QueueKept` until all of its messages
//!    are kept, so that no replay meets such an event while it knows only some of them. Directly before a `QueueKept` its whole
//!    pages are stored, so that a message is written once and not by each checkpoint. A stored page that exists before the
//!    slices is one part of them: `PageKept` takes the place of its messages, and the touched messages between its first key and
//!    its last follow in the same step. Consider a message of the page. Before the step, events about it are skipped. After
//!    it, replay has the page as it was then. A page ends by the removal of messages, which is the same in replay; it ends
//!    before its step as a whole, and its messages are then kept as others are. Whether a page is in memory is no part of
//!    the state: replay reads a page before it applies an event that needs one.
//!    *Windows.* The end of a queue's window is a fact of its own, `WindowMoved`. It follows `QueueKept` in the same step, so
//!    that replay knows of each message that it meets whether it is behind the window. Consider a message that enters the
//!    window between D and S. Replay does not know it at that event and finds it in the window at S, where a slice puts it
//!    into its lane. A message that enters after S is known, and enters as it did.
//! 3. *Deduplication and attempts.* The same holds for the originals and attempts before D. An id that was used again
//!    after D has replaced the older entry before S, so no slice brings the older one back.
//! 4. *Turns.* After the last slice of messages, replay knows each message of the queue in its state, so that it knows
//!    which groups can be served. The turn of a group may differ until then, because events about messages that were not
//!    known yet were skipped. The slices that follow set the turn of each group that could be served when they began,
//!    in the order of the turns. A group that takes a new turn after that takes it from an event after the last slice
//!    of messages, in replay too. A group whose turn is that of its first message's arrival is not kept: it has not been
//!    served since, so that putting its messages back gives it that turn.
//!    If the clock is set in between, the slices begin again.
//! 5. *Between queues.* Events that concern two queues (`DeadLettered`, `Moved`) are applied to each of them
//!    independently by the rules above. The effect of an event on one queue does not depend on the state of another.
//! 6. *References.* A body is retained when its message is put into a queue and released when the message is removed.
//!    Replay puts each message that it knows into its queue once, from its own event or from a slice, so the references
//!    are those of the messages.
//! 7. *Names* of deleted queues are kept last. A queue that replay never knew was deleted before that, and its name is
//!    among them.
//! 8. *The registry* is kept first, entry by entry in the order of its keys, as `RegistrySet`, the event that sets an
//!    entry, with the whole value. Consider one entry. If a `RegistrySet` or `RegistryDeleted` lies after B, the last
//!    of them decides. Otherwise the entry is as at B, and its slice sets it. Setting an entry again changes nothing,
//!    so these events need not name their checkpoint. While a checkpoint is read back, two things are skipped: deleting
//!    an entry that does not exist, because it was deleted before its slice, and setting an endpoint whose application
//!    does not exist, because the slices of the application and then of the endpoint are still to come. Tokens do not
//!    collide on the way: the entries that replay knows at a position existed together at that position, and no two of
//!    them had the same token.
//! 9. *Topics and subscriptions* are kept as `TopicSet` and `SubscriptionSet`, which hold the whole definition: each
//!    topic in the order of the addresses, and after it its subscriptions in the order of their ids. What is said of
//!    the registry holds for them, with three additions. *Order:* a `SubscriptionSet` after B may come before the slice
//!    of its topic. Replay then makes a topic without attributes, which that slice fills, or which a `TopicDeleted`
//!    removes with all its subscriptions. *Internal queues:* whether an event creates the internal queue that it names
//!    depends on the number alone. A number that was not given before is new, in replay from the first event, in replay
//!    from B and live alike, because replay from B begins with the next number at B and every event that gives a number
//!    is replayed. A smaller number is that of a queue that exists, or that existed at B and is kept by rule 1, unless
//!    it was deleted before its slice. It is then deleted with its subscription or topic, by an event that removes it
//!    in each case. For that reason topics come before queues: every `SubscriptionDeleted` after a `QueueKept` finds
//!    the subscription that names the queue. *Derived data:* endpoints do not collide on the way, as tokens do not.
//!    Slots and the queues that they cache follow from the queues and subscriptions that exist.
//!
//! 10. *The clock.* `ClockSet` moves each time by a rule that depends on that time alone. A part that is kept before it
//!     holds times that replay moves, and one that is kept after it holds times that were moved.
//!
//! 11. *Native producers* are kept last, each whole, in the order of their targets and keys. Consider one. What
//!     `ProducerNoted` and the numbered events say of it before the slice that covers it is replaced by that slice. If it
//!     was forgotten before, no slice has it: replay forgets it by the same event, with its queue or topic, or by time. A
//!     `ProducerNoted` about a queue or topic that is not known yet is skipped with the numbers after it, which only count
//!     in the queue that they are about. A slice ends the numbered messages of a producer, so that the next one is noted
//!     anew: replay from a checkpoint reads the note. Until when producers are *missing* follows them. Replay knows it of the
//!     producers that it has seen forgotten; the slice that covers a target has the latest time of all, and a later
//!     `ProducerForgotten` is about a producer that replay knows by then.
//!
//! A publication to many queues is put into them in slices, and so are the times of queues moved with the clock
//! (`crate::state::deliveries`). A queue is caught up before each slice about it, so that what the slices say is what replay
//! would have.
//!
//! Replay ignores the parts of other checkpoints than the one that it began with, and a checkpoint that did not end
//! changes nothing.

use std::collections::BTreeMap;

use posthouse_model::{MessageKey, QueueAddress, QueueId, SubscriptionId, Timestamp, TopicAddress};

use crate::event::checkpoint::{
    AttemptKept, AttemptsKept, CheckpointBegan, CheckpointEnded, GroupsKept, MessageKept, MessagesKept, NamesKept,
    OriginalsKept, QueueKept,
};
use crate::event::damaged_kept::DamagedKept;
use crate::event::pages::PageKept;
use crate::event::producer::{MissedKept, ProducersKept};
use crate::event::queue::Settings;
use crate::event::registry::RegistrySet;
use crate::event::topic::{SubscriptionSet, TopicSet};
use crate::event::window_moved::WindowMoved;
use crate::event::{Event, kind};
use crate::journal::{Journal, Position};
use crate::producer::{NumberedTarget, ProducerKey};
use crate::queue::Queue;
use crate::queue::lanes::Turn;
use crate::queue::message::Message;
use crate::queue::messages::{Kept, KeptMessage};
use crate::queue::pages::stored::PageSummary;
use crate::registry::Key;
use crate::state::State;

/// Items of one event at most: they stay well below a megabyte.
const SLICE_MAX: usize = 1024;
/// Bytes of the registry, a topic or a subscription that cost as much of the budget as one message.
const SETTING_BYTES: usize = 64;
/// Items of a producer's lists that cost as much of the budget as one message.
const PRODUCER_ITEMS: usize = 4;
/// What a stored page costs of the budget, in messages.
const PAGE_COST: usize = 4;
/// Messages that are stored in a page in the time that one takes which is kept.
const STORED_MESSAGES: usize = 8;
/// What a queue without messages costs of the budget, in messages.
const QUEUE_COST: usize = 8;

/// How far a checkpoint has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointStep {
    /// There is more to write: call again.
    More,
    /// All of it is written. Once that is durable, replay may begin at `replay_from`.
    Done {
        /// Where the checkpoint began.
        replay_from: Position,
    },
}

/// A checkpoint that is being written.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Position,
    /// Queues from this number on were created after the beginning.
    end: QueueId,
    part: Part,
}

/// What is written next.
#[derive(Clone, Debug)]
enum Part {
    /// The registry after this key.
    Registry(Option<Key>),
    /// The topic after this one.
    Topic(Option<TopicAddress>),
    /// The subscription of a topic after this one.
    Subscription(TopicAddress, Option<SubscriptionId>),
    /// The first queue whose number is at least this.
    Queue(QueueId),
    /// The originals among messages below the key.
    Originals(QueueId, Position, MessageKey),
    /// The attempts before the second position.
    Attempts(QueueId, Position, Position),
    /// The messages below the key.
    Messages(QueueId, Position, MessageKey),
    /// The damaged messages below the key.
    Damaged(QueueId, MessageKey),
    /// The turns of groups after the first turn, up to the second.
    Groups(QueueId, Option<Turn>, Turn),
    /// The names after this one.
    Names(Option<QueueAddress>),
    /// The producers after this one.
    Producers(Option<(NumberedTarget, ProducerKey)>),
    /// Until when producers may be missing, of the targets after this one.
    Missed(Option<NumberedTarget>),
    End,
}

impl Part {
    /// The queue that it is about.
    fn queue(&self, state: &State) -> Option<QueueId> {
        match self {
            Self::Queue(from) => state.first_from(*from),
            Self::Originals(queue, ..)
            | Self::Attempts(queue, ..)
            | Self::Messages(queue, ..)
            | Self::Damaged(queue, _)
            | Self::Groups(queue, ..) => Some(*queue),
            Self::Registry(_)
            | Self::Topic(_)
            | Self::Subscription(..)
            | Self::Names(_)
            | Self::Producers(_)
            | Self::Missed(_)
            | Self::End => None,
        }
    }
}

/// The checkpoint that is being written, if one is.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint(Option<Progress>);

impl Checkpoint {
    /// Writes the next slice, of about `budget` messages. Begins a checkpoint if none is being written.
    pub(crate) fn write(
        &mut self,
        state: &mut State,
        now: Timestamp,
        journal: &mut dyn Journal,
        budget: usize,
    ) -> CheckpointStep {
        // Replay may begin or go on with the events that follow.
        state.producers.close();
        let Some(progress) = self.0.take() else {
            self.0 = Some(Progress::begin(state, now, journal));
            return CheckpointStep::More;
        };
        let mut slice = Slice { progress, state, journal };
        let mut left = budget.max(1);
        while left > 0 {
            let Some(cost) = slice.keep_next(left.min(SLICE_MAX)) else {
                let began = slice.progress.began;
                slice.note(&Event::CheckpointEnded(CheckpointEnded { began }));
                return CheckpointStep::Done { replay_from: began };
            };
            left = left.saturating_sub(cost);
        }
        self.0 = Some(slice.progress);
        CheckpointStep::More
    }
}

impl Checkpoint {
    /// The queue that is being kept. None of its pages may be stored.
    pub(crate) fn queue_under_way(&self) -> Option<QueueId> {
        match self.0.as_ref()?.part {
            Part::Originals(queue, ..)
            | Part::Attempts(queue, ..)
            | Part::Messages(queue, ..)
            | Part::Damaged(queue, _)
            | Part::Groups(queue, ..) => Some(queue),
            Part::Registry(_)
            | Part::Topic(_)
            | Part::Subscription(..)
            | Part::Queue(_)
            | Part::Names(_)
            | Part::Producers(_)
            | Part::Missed(_)
            | Part::End => None,
        }
    }

    /// Notes that the clock was set, which may have changed the order of turns: those of the queue that is being kept are
    /// kept again from the first.
    pub(crate) fn clock_set(&mut self, state: &mut State, journal: &mut dyn Journal) {
        if let Some(Progress { part, .. }) = &mut self.0
            && let Part::Groups(queue, ..) = part
        {
            let queue = *queue;
            state.catch_up(queue, journal);
            let last = state.get(queue).and_then(|queue| queue.messages.last_turn());
            *part = match last {
                Some(last) => Part::Groups(queue, None, last),
                None => Part::Queue(queue.next().unwrap_or(QueueId::MAX)),
            };
        }
    }
}

/// One slice of a checkpoint while it is written. Each `keep_…` function writes at most one event, moves
/// `progress.part` on, and returns what the event cost of the budget.
struct Slice<'a> {
    progress: Progress,
    state: &'a mut State,
    journal: &'a mut dyn Journal,
}

impl Slice<'_> {
    /// Writes the next event, with up to `items` items. `None` if everything is written but the end.
    fn keep_next(&mut self, items: usize) -> Option<usize> {
        let part = self.progress.part.clone();
        if let Some(queue) = part.queue(self.state) {
            self.state.catch_up(queue, self.journal);
        }
        let cost = match part {
            Part::Registry(after) => self.keep_registry(after.as_ref()),
            Part::Topic(after) => self.keep_topic(after.as_ref()),
            Part::Subscription(topic, after) => self.keep_subscription(topic, after),
            Part::Queue(from) => self.keep_queue(from),
            Part::Originals(queue, defined, below) => self.keep_originals(queue, defined, below, items),
            Part::Attempts(queue, defined, before) => self.keep_attempts(queue, defined, before, items),
            Part::Messages(queue, defined, below) => self.keep_messages(queue, defined, below, items),
            Part::Damaged(queue, below) => self.keep_damaged(queue, below, items),
            Part::Groups(queue, after, last) => self.keep_groups(queue, after, last, items),
            Part::Names(after) => self.keep_names(after.as_ref(), items),
            Part::Producers(after) => self.keep_producers(after.as_ref(), items),
            Part::Missed(after) => self.keep_missed(after.as_ref(), items),
            Part::End => return None,
        };
        Some(cost)
    }

    /// Appends an event that changes nothing but the end of the journal. Returns its position.
    fn note(&mut self, event: &Event<'_>) -> Position {
        let bytes = encoded(event);
        self.append(event.kind(), &bytes)
    }

    fn append(&mut self, kind: u8, payload: &[u8]) -> Position {
        self.state.end = self.journal.append(kind, &[payload]);
        self.state.end
    }

    /// Appends the event that sets one thing. It may be long, so it costs by its bytes.
    fn keep_setting(&mut self, event: &Event<'_>) -> usize {
        let bytes = encoded(event);
        self.append(event.kind(), &bytes);
        1 + bytes.len() / SETTING_BYTES
    }

    /// Keeps one entry of the registry.
    fn keep_registry(&mut self, after: Option<&Key>) -> usize {
        let Some(entry) = self.state.registry.entries(after).next() else {
            self.progress.part = Part::Topic(None);
            return 0;
        };
        self.progress.part = Part::Registry(Some(entry.key()));
        self.keep_setting(&Event::RegistrySet(RegistrySet(entry)))
    }

    fn keep_topic(&mut self, after: Option<&TopicAddress>) -> usize {
        let next = self.state.topics.from(after).find(|topic| Some(&*topic.definition.address) != after);
        let Some(topic) = next else {
            self.progress.part = Part::Queue(QueueId::new(0));
            return 0;
        };
        self.progress.part = Part::Subscription((*topic.definition.address).clone(), None);
        let event = Event::TopicSet(TopicSet(topic.definition.clone()));
        self.keep_setting(&event)
    }

    fn keep_subscription(&mut self, address: TopicAddress, after: Option<SubscriptionId>) -> usize {
        // A topic that was deleted meanwhile has no subscriptions left to keep.
        let topic = self.state.topics.find(&address);
        let Some(subscription) = topic.and_then(|topic| topic.subscriptions_after(after).next()) else {
            self.progress.part = Part::Topic(Some(address));
            return 0;
        };
        let event = Event::SubscriptionSet(SubscriptionSet(subscription.definition.clone()));
        self.progress.part = Part::Subscription(address, Some(subscription.definition.id));
        self.keep_setting(&event)
    }

    fn keep_queue(&mut self, from: QueueId) -> usize {
        let Some(next) = self.state.first_from(from).filter(|queue| *queue < self.progress.end) else {
            self.progress.part = Part::Names(None);
            return 0;
        };
        // Whole pages that were filled in memory before the checkpoint are stored now: it and later ones refer to them. Those
        // that are filled meanwhile are left to the next one, so that this one ends however fast messages come.
        if let Some(messages) = self.state.store_page(next, self.progress.began.message_key(), self.journal) {
            return 1 + messages / STORED_MESSAGES;
        }
        let Some(queue) = self.state.get(next) else {
            self.skip(next);
            return 1;
        };
        let (id, event) = (queue.id, Event::QueueKept(queue_kept(queue, self.progress.began)));
        let window = queue.messages.window_through();
        let defined = self.note(&event);
        if let Some(through) = window {
            self.note(&Event::WindowMoved(WindowMoved { queue: id, time: Timestamp::EPOCH, through }));
        }
        self.progress.part = Part::Originals(id, defined, defined.message_key());
        QUEUE_COST
    }

    fn keep_originals(&mut self, id: QueueId, defined: Position, below: MessageKey, items: usize) -> usize {
        let Some(queue) = self.state.get(id) else { return self.skip(id) };
        let originals: Vec<_> = queue.deduplication.below(below).take(items).copied().collect();
        let Some(last) = originals.last() else {
            self.progress.part = Part::Attempts(id, defined, defined);
            return 0;
        };
        self.progress.part = Part::Originals(id, defined, last.message);
        let cost = originals.len();
        self.note(&Event::OriginalsKept(OriginalsKept { began: self.progress.began, queue: id, originals }));
        cost
    }

    fn keep_attempts(&mut self, id: QueueId, defined: Position, before: Position, items: usize) -> usize {
        let Some(queue) = self.state.get(id) else { return self.skip(id) };
        let kept = queue.attempts.before(before).take(items).map(|(attempt_id, attempt)| AttemptKept {
            id: attempt_id,
            position: attempt.position,
            began: attempt.began,
            until: attempt.until,
            messages: (&*attempt.messages).into(),
        });
        let attempts: Vec<_> = kept.collect();
        let Some(last) = attempts.last() else {
            self.progress.part = Part::Messages(id, defined, defined.message_key());
            return 0;
        };
        self.progress.part = Part::Attempts(id, defined, last.position);
        let cost = attempts.len();
        let event = Event::AttemptsKept(AttemptsKept { began: self.progress.began, queue: id, attempts });
        let (kind, bytes) = (event.kind(), encoded(&event));
        self.append(kind, &bytes);
        cost
    }

    fn keep_messages(&mut self, id: QueueId, defined: Position, below: MessageKey, items: usize) -> usize {
        let Some(queue) = self.state.get(id) else { return self.skip(id) };
        let (mut messages, mut page) = (Vec::new(), None);
        for kept in queue.messages.below(below).take(items) {
            match kept {
                Kept::Message(key, message) => messages.push((key, message)),
                Kept::Page(next) => {
                    page = Some(next).filter(|_| messages.is_empty()).map(|page| page.summary(&*self.journal));
                    break;
                }
            }
        }
        if let Some(page) = page {
            drop(messages);
            return self.keep_page(id, defined, page);
        }
        let Some((last, _)) = messages.last() else {
            self.progress.part = Part::Damaged(id, defined.message_key());
            return 0;
        };
        self.progress.part = Part::Messages(id, defined, *last);
        let (cost, bytes) = (messages.len(), messages_kept(self.progress.began, queue, &messages));
        self.append(kind::MessagesKept, &bytes);
        cost
    }

    /// Keeps a stored page, and in the same step the touched messages among those of the page: no event that makes one of
    /// its messages a touched one lies between the two.
    fn keep_page(&mut self, id: QueueId, defined: Position, page: PageSummary) -> usize {
        let (began, first, mut last) = (self.progress.began, page.first, page.last);
        self.progress.part = Part::Messages(id, defined, first);
        self.note(&Event::PageKept(PageKept { began, queue: id, page }));
        let mut cost = PAGE_COST;
        while let Some(queue) = self.state.get(id) {
            let touched = queue.messages.touched_between(first, last).take(SLICE_MAX);
            let touched: Vec<_> = touched.map(|(key, message)| (key, KeptMessage::Touched(message))).collect();
            let Some((lowest, _)) = touched.last() else { break };
            // The first key is that of a message of the page.
            last = MessageKey::new(lowest.get() - 1);
            cost += touched.len();
            let bytes = messages_kept(began, queue, &touched);
            self.append(kind::MessagesKept, &bytes);
        }
        cost
    }

    fn keep_damaged(&mut self, id: QueueId, below: MessageKey, items: usize) -> usize {
        let Some(queue) = self.state.get(id) else { return self.skip(id) };
        let damaged = queue.damaged.below(below).take(items);
        let messages: Vec<_> = damaged.map(|(key, damaged)| (key, damaged.clone())).collect();
        let Some((last, _)) = messages.last() else {
            let Some(last) = queue.messages.last_turn() else { return self.skip(id) };
            self.progress.part = Part::Groups(id, None, last);
            return 0;
        };
        self.progress.part = Part::Damaged(id, *last);
        let cost = messages.len();
        self.note(&Event::DamagedKept(DamagedKept { began: self.progress.began, queue: id, messages }));
        cost
    }

    fn keep_groups(&mut self, id: QueueId, after: Option<Turn>, last: Turn, items: usize) -> usize {
        let Some(queue) = self.state.get(id) else { return self.skip(id) };
        let seen = queue.messages.turns_after(after, items);
        let Some(next) = seen.last.filter(|_| after.is_none_or(|after| after < last)) else { return self.skip(id) };
        self.progress.part = Part::Groups(id, Some(next), last);
        let (cost, groups) = (seen.lanes, seen.turns);
        if !groups.is_empty() {
            let event = Event::GroupsKept(GroupsKept { began: self.progress.began, queue: id, groups });
            let (kind, bytes) = (event.kind(), encoded(&event));
            self.append(kind, &bytes);
        }
        cost
    }

    fn keep_names(&mut self, after: Option<&QueueAddress>, items: usize) -> usize {
        use core::ops::Bound::{Excluded, Unbounded};
        let range = (after.map_or(Unbounded, Excluded), Unbounded);
        let names = self.state.deleted.range::<QueueAddress, _>(range).take(items);
        let names: Vec<_> = names.map(|(address, deleted)| (address.clone(), *deleted)).collect();
        self.progress.part = names.last().map_or(Part::Producers(None), |(last, _)| Part::Names(Some(last.clone())));
        let cost = names.len();
        if cost > 0 {
            self.note(&Event::NamesKept(NamesKept { began: self.progress.began, names }));
        }
        cost
    }

    /// Keeps producers that together cost `items` or little more: the lists of one may be long.
    fn keep_producers(&mut self, after: Option<&(NumberedTarget, ProducerKey)>, items: usize) -> usize {
        let (mut producers, mut cost) = (Vec::new(), 0);
        for producer in self.state.producers.after(after) {
            if cost >= items {
                break;
            }
            cost += 1 + (producer.runs.len() + producer.keys.len()) / PRODUCER_ITEMS;
            producers.push(producer.clone());
        }
        let Some(last) = producers.last() else {
            self.progress.part = Part::Missed(None);
            return 0;
        };
        self.progress.part = Part::Producers(Some((last.target.clone(), last.key)));
        self.note(&Event::ProducersKept(ProducersKept { began: self.progress.began, producers }));
        cost
    }

    fn keep_missed(&mut self, after: Option<&NumberedTarget>, items: usize) -> usize {
        let missed = self.state.producers.missed_after(after).take(items);
        let missed: Vec<_> = missed.map(|(target, until)| (target.clone(), until)).collect();
        self.progress.part = missed.last().map_or(Part::End, |(last, _)| Part::Missed(Some(last.clone())));
        let cost = missed.len();
        if cost > 0 {
            self.note(&Event::MissedKept(MissedKept { began: self.progress.began, missed }));
        }
        cost
    }

    /// Goes on with the queue after this one. Costs nothing.
    fn skip(&mut self, queue: QueueId) -> usize {
        self.progress.part = Part::Queue(queue.next().unwrap_or(QueueId::MAX));
        0
    }
}

/// The payload of the event that keeps these messages of a queue.
fn messages_kept(began: Position, queue: &Queue, messages: &[(MessageKey, KeptMessage<'_>)]) -> Vec<u8> {
    let mut sources = Sources::default();
    let kept = messages.iter().map(|(key, kept)| {
        let message = kept.message();
        let source = message.origin.as_ref().and_then(|origin| origin.source.as_deref());
        let source = sources.index(source);
        let mut kept_message = message_kept(*key, message, queue.messages.group(*key, message), source);
        kept_message.returned = kept.is_touched() && kept_message.is_fresh();
        kept_message
    });
    let messages = kept.collect();
    encoded(&Event::MessagesKept(MessagesKept { began, queue: queue.id, sources: sources.list, messages }))
}

/// The payload of an event that has no tail.
fn encoded(event: &Event<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    bytes
}

impl Progress {
    /// Appends the event that begins a checkpoint.
    fn begin(state: &mut State, now: Timestamp, journal: &mut dyn Journal) -> Self {
        let next_queue = state.next_queue();
        let event = Event::CheckpointBegan(CheckpointBegan { time: now, next_queue });
        state.end = journal.append(event.kind(), &[&encoded(&event)]);
        Self { began: state.end, end: next_queue, part: Part::Registry(None) }
    }
}

/// The sources of one slice, each once.
#[derive(Default)]
struct Sources {
    list: Vec<QueueAddress>,
    index: BTreeMap<QueueAddress, u16>,
}

impl Sources {
    fn index(&mut self, source: Option<&QueueAddress>) -> Option<u16> {
        let source = source?;
        if let Some(index) = self.index.get(source) {
            return Some(*index);
        }
        let index = u16::try_from(self.list.len()).expect("a slice has fewer messages than 2^16");
        self.index.insert(source.clone(), index);
        self.list.push(source.clone());
        Some(index)
    }
}

/// A queue without its messages, as a checkpoint keeps it.
pub(crate) fn queue_kept(queue: &Queue, began: Position) -> QueueKept {
    QueueKept {
        began,
        queue: queue.id,
        created: queue.created,
        modified: queue.modified,
        purged: queue.purged,
        bucket: queue.bucket,
        lanes_since: queue.messages.lanes_since(),
        address: (*queue.address).clone(),
        settings: Settings(queue.attributes.clone()),
        tags: queue.tags.clone(),
        move_tasks: queue.move_tasks.iter().cloned().collect(),
    }
}

/// A message, as a checkpoint keeps it. The caller says whether it is a returned one.
pub(crate) fn message_kept<'a>(
    key: MessageKey,
    message: &Message,
    group: Option<&'a str>,
    source: Option<u16>,
) -> MessageKept<'a> {
    MessageKept {
        key,
        body: message.body,
        state: message.state,
        sent: message.sent,
        received: message.received,
        first_received: message.first_received,
        generation: message.generation,
        inherited: message.inherited,
        source,
        renamed: message.origin.as_ref().and_then(|origin| origin.renamed),
        entered: message.origin.as_ref().and_then(|origin| origin.entered),
        failure: message.origin.as_ref().and_then(|origin| origin.failure.clone()),
        returned: false,
        group: group.unwrap_or_default(),
    }
}
