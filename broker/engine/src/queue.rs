//! One queue: its attributes, its tags and its messages.
//!
//! Everything here is durable state. It changes when an event is applied, and when time passes ([`Queue::advance`]).
//! The effect of time does not depend on when or how often it is computed. Receives that wait for messages are
//! elsewhere (`decision::waits`).

pub(crate) mod attempts;
pub(crate) mod bucket;
pub(crate) mod damaged;
pub(crate) mod deduplication;
pub(crate) mod group_names;
pub(crate) mod internal;
pub(crate) mod lanes;
pub(crate) mod message;
pub(crate) mod messages;
pub(crate) mod move_task;
pub(crate) mod origin;
pub(crate) mod pages;
pub(crate) mod select;
mod turns;

use std::collections::VecDeque;
use std::sync::Arc;

use posthouse_model::attributes::DeduplicationScope;
use posthouse_model::message::DeduplicationKey;
use posthouse_model::operation::Tags;
use posthouse_model::{QueueAddress, QueueAttributes, QueueId, Timestamp};
use posthouse_policy::Policy;

use crate::hash::Seed;
use crate::journal::Position;
use crate::overview::Counters;
use crate::shift::Shift;
use attempts::Attempts;
use bucket::Bucket;
use damaged::DamagedMessages;
use deduplication::{Deduplication, Original, ScopedKey};
use lanes::QueueKind;
use messages::Messages;
use messages::window::WindowStep;
use move_task::MoveTask;

/// One queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) id: QueueId,
    pub(crate) address: Arc<QueueAddress>,
    pub(crate) attributes: QueueAttributes,
    pub(crate) policy: Option<Policy>,
    pub(crate) tags: Tags,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) purged: Option<Timestamp>,
    /// The last event about the queue itself, for answers that show what it says.
    pub(crate) changed: Position,
    pub(crate) messages: Messages,
    /// Messages whose records cannot be read. None of them is in `messages`.
    pub(crate) damaged: DamagedMessages,
    pub(crate) deduplication: Deduplication,
    pub(crate) attempts: Attempts,
    /// `None` if the queue has no `MaxReceiveRate`.
    pub(crate) bucket: Option<Bucket>,
    /// The latest first, at most ten; only the first may be running.
    pub(crate) move_tasks: VecDeque<MoveTask>,
    /// Not durable: the latest publication under way that it has been caught up with (`crate::state::deliveries`).
    pub(crate) caught_up: Position,
    /// Not durable: counts since the start.
    pub(crate) counters: Counters,
    /// Not durable: whether a page of its messages is being read.
    pub(crate) awaits_page: bool,
    /// Not durable: when the queue's timer fires. `Timestamp::NEVER` if it has none.
    pub(crate) due: Timestamp,
}

impl Queue {
    /// An empty queue that was created at the epoch by no event. The caller fills in what its event says.
    pub(crate) fn new(id: QueueId, address: QueueAddress, attributes: QueueAttributes, seed: Seed) -> Self {
        Self {
            id,
            address: Arc::new(address),
            policy: None,
            tags: Tags::default(),
            created: Timestamp::EPOCH,
            modified: Timestamp::EPOCH,
            purged: None,
            changed: Position::ZERO,
            messages: Messages::new(QueueKind::of(&attributes), None, seed),
            damaged: DamagedMessages::default(),
            deduplication: Deduplication::new(seed),
            attempts: Attempts::default(),
            bucket: None,
            move_tasks: VecDeque::new(),
            caught_up: Position::ZERO,
            counters: Counters::default(),
            awaits_page: false,
            due: Timestamp::NEVER,
            attributes,
        }
    }

    pub(crate) const fn is_fifo(&self) -> bool {
        self.attributes.fifo
    }

    /// Applies the effects of time up to `now`: ends of delays, visibility timeouts, deduplication and attempts.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.messages.advance(now, usize::MAX);
        self.deduplication.advance(now);
        self.attempts.advance(now);
    }

    /// How many times [`Queue::shift`] has to move, about.
    pub(crate) fn times(&self) -> usize {
        self.messages.times() + self.deduplication.len() + self.attempts.len()
    }

    /// Moves every time of the queue with the clock, which was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        self.advance(shift.from);
        self.created = shift.corrected(self.created);
        self.modified = shift.corrected(self.modified);
        self.purged = self.purged.map(|purged| shift.moved(purged));
        self.messages.shift(shift);
        self.damaged.shift(shift);
        self.deduplication.shift(shift);
        self.attempts.shift(shift);
        if let Some(bucket) = &mut self.bucket {
            bucket.at = shift.moved(bucket.at);
        }
        for task in &mut self.move_tasks {
            task.started = shift.corrected(task.started);
            task.next = shift.moved(task.next);
        }
    }

    /// Panics unless the invariants of the queue and its parts hold.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        self.messages.check();
        let damaged = self.damaged.after(None);
        assert!(damaged.into_iter().all(|(key, _)| self.messages.get(key).is_none()), "a damaged message is set aside");
        self.deduplication.check();
        self.attempts.check();
        assert_eq!(self.attributes.receive_rate.is_some(), self.bucket.is_some(), "a bucket meters a rate");
        assert!(self.move_tasks.iter().skip(1).all(|task| !task.is_running()), "only the first task may be running");
    }

    /// Remembers a message that was just sent, by its deduplication key in the scope that the queue has now.
    pub(crate) fn remember(
        &mut self,
        key: DeduplicationKey,
        group: Option<&str>,
        original: impl FnOnce(ScopedKey) -> Original,
    ) {
        let scope = self.attributes.deduplication_scope;
        let key = match scope {
            DeduplicationScope::Queue => ScopedKey::new(key, None),
            DeduplicationScope::MessageGroup => ScopedKey::new(key, group),
        };
        self.deduplication.insert(original(key), scope);
    }

    /// How many deduplication ids and receive attempts it remembers.
    pub(crate) fn remembered(&self) -> usize {
        self.deduplication.len() + self.attempts.len()
    }

    /// The task that moves messages out of this queue now.
    pub(crate) fn running_task(&self) -> Option<&MoveTask> {
        self.move_tasks.front().filter(|task| task.is_running())
    }

    /// When the next thing is due in the queue, apart from the receives that wait for it. No message expires before
    /// `expiry_from`.
    pub(crate) fn next_deadline(&self, expiry_from: Timestamp) -> Option<Timestamp> {
        let expiry = self.messages.oldest().map(|sent| sent + self.attributes.message_retention.seconds());
        // What needs a page that is being read goes on when it was read.
        let expiry = expiry.map(|expiry| expiry.max(expiry_from)).filter(|_| !self.awaits_page);
        let task = self.running_task().filter(|task| !self.awaits_page && !self.messages.is_held_up(task.until));
        let task = task.map(|task| task.next);
        let window = self.messages.window_step();
        let window = window.filter(|step| !self.awaits_page || !matches!(step, WindowStep::Read(_)));
        let deadlines = [
            self.messages.next_deadline(),
            expiry,
            task,
            window.map(|_| Timestamp::EPOCH),
            self.deduplication.next_deadline(),
            self.attempts.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }
}
