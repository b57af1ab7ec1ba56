//! Applying events: the only place where durable state changes, live and in replay alike.
//!
//! Applying an event first advances its queue to the event's time. A message whose visibility timeout ended before is
//! then ready, no matter when the queue was advanced last.
//!
//! While a checkpoint is read back, some queues and messages have not been read yet. What an event says about them is
//! skipped (see `checkpoint`). At any other time a missing queue or message means that the event does not follow from
//! those before it, and the event is refused.

mod checkpoint;
mod clock;
mod damaged;
mod messages;
mod pages;
mod producers;
mod published;
mod queues;
mod registry;
mod topics;

use posthouse_model::{MessageKey, QueueId, Timestamp};

use crate::event::Event;
use crate::journal::{Journal, Position};
use crate::malformed::Malformed;
use crate::queue::Queue;
use crate::queue::lanes::Turn;
use crate::state::State;

const NO_QUEUE: Malformed = "its queue does not exist";
const NO_POSITION: Malformed = "its position is too large";
const NO_MESSAGE: Malformed = "its message does not exist";

impl State {
    /// Applies the event at `position`.
    ///
    /// # Errors
    /// If the event does not follow from those before it. The state is of no use then.
    pub(crate) fn apply(
        &mut self,
        position: Position,
        event: &Event<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        if position <= self.end {
            return Err("it lies before the event that it follows");
        }
        let first = self.end == Position::ZERO;
        self.end = position;
        self.close_producer(event);
        if !event.follows() {
            self.deliveries.take_unfinished();
        }
        if !self.deliveries.is_empty() {
            event.queues().into_iter().for_each(|queue| self.catch_up(queue, journal));
        }
        match event {
            Event::Enqueued(event) => self.enqueued(position, event, journal),
            Event::Received(event) => self.received(position, event, journal),
            Event::Deleted(event) => {
                self.removed(position, event, journal)?;
                self.count(event.queue, |counters| counters.deleted += event.messages.len() as u64);
                Ok(())
            }
            Event::Expired(event) => {
                self.removed(position, event, journal)?;
                self.count(event.queue, |counters| counters.expired += event.messages.len() as u64);
                Ok(())
            }
            Event::VisibilityChanged(event) => self.visibility_changed(position, event, journal),
            Event::SetAside(event) => self.set_aside(position, event, journal),
            Event::DamagedDropped(event) => self.damaged_dropped(event, journal),
            Event::GivenBack(event) => self.given_back(position, event, journal),
            Event::DeadLettered(event) => self.dead_lettered(position, event, journal),
            Event::MoveTaskStarted(event) => self.move_task_started(position, event),
            Event::Moved(event) => self.moved(position, event, journal),
            Event::Copied(event) => self.copied(position, event, journal),
            Event::MoveTaskEnded(event) => self.move_task_ended(event),
            Event::QueueCreated(event) => self.queue_created(position, event),
            Event::QueueDeleted(event) => self.queue_deleted(*event),
            Event::AttributesChanged(event) => self.attributes_changed(position, event),
            Event::TagsChanged(event) => self.tags_changed(position, event),
            Event::Purged(event) => self.purged(position, *event),
            Event::Published(event) => self.published(position, event, journal),
            Event::ProducerNoted(event) => self.producer_noted(event),
            Event::NumberedEnqueued(event) => {
                self.enqueued(position, event, journal)?;
                self.numbered_enqueued(position, event)
            }
            Event::NumberedPublished(event) => {
                self.published(position, event, journal)?;
                self.numbered_published(position, event)
            }
            Event::ProducerForgotten(event) => {
                self.producer_forgotten(event);
                Ok(())
            }
            Event::ProducersKept(event) => self.producers_kept(event),
            Event::MissedKept(event) => self.missed_kept(event),
            Event::TopicSet(event) => self.topic_set(position, event),
            Event::TopicDeleted(event) => self.topic_deleted(event),
            Event::SubscriptionSet(event) => self.subscription_set(position, event),
            Event::SubscriptionDeleted(event) => self.subscription_deleted(event),
            Event::RegistrySet(event) => self.registry_set(position, event),
            Event::RegistryDeleted(event) => self.registry_deleted(position, event),
            Event::ClockSet(event) => {
                self.clock_set(position, *event);
                Ok(())
            }
            Event::CheckpointBegan(event) => {
                if first {
                    self.checkpoint_began(position, *event);
                }
                Ok(())
            }
            Event::QueueKept(event) => self.queue_kept(position, event),
            Event::OriginalsKept(event) => self.originals_kept(event),
            Event::AttemptsKept(event) => self.attempts_kept(event),
            Event::MessagesKept(event) => self.messages_kept(event, journal),
            Event::DamagedKept(event) => self.damaged_kept(event, journal),
            Event::PageStored(event) => self.page_stored(position, event, journal),
            Event::PageKept(event) => self.page_kept(event, journal),
            Event::WindowMoved(event) => self.window_moved(*event, journal),
            Event::GroupsKept(event) => self.groups_kept(event),
            Event::NamesKept(event) => {
                self.names_kept(event);
                Ok(())
            }
            Event::CheckpointEnded(event) => {
                self.checkpoint_ended(*event);
                Ok(())
            }
        }
    }

    /// Returns the queue of an event and adds it to `changed_queues`. `None` only while a checkpoint is read back and
    /// the queue's `QueueKept` has not been read.
    ///
    /// # Errors
    /// If the queue does not exist at any other time.
    fn queue_for_change(&mut self, queue: QueueId) -> Result<Option<&mut Queue>, Malformed> {
        if self.get(queue).is_none() {
            return if self.restoring.is_some() { Ok(None) } else { Err(NO_QUEUE) };
        }
        if self.changed_queues.last() != Some(&queue) {
            self.changed_queues.push(queue);
        }
        Ok(self.get_mut(queue))
    }

    /// Skips what an event says about something that does not exist. Succeeds only while a checkpoint is read back,
    /// which may still bring it.
    ///
    /// # Errors
    /// `reason` at any other time.
    fn skip(&self, reason: Malformed) -> Result<(), Malformed> {
        if self.restoring.is_some() { Ok(()) } else { Err(reason) }
    }

    /// The turn that the item `index` of the event at `position` gives to its lane.
    fn turn(at: Timestamp, position: Position, index: usize) -> Result<Turn, Malformed> {
        let item = position.item(index as u64).ok_or(NO_POSITION)?;
        Ok(Turn { at, key: item.message_key() })
    }

    fn count(&mut self, queue: QueueId, change: impl FnOnce(&mut crate::overview::Counters)) {
        if let Some(queue) = self.get_mut(queue) {
            change(&mut queue.counters);
        }
    }

    /// The key of the message that the event at `position` puts into a queue as its item `index`.
    fn item_key(&mut self, position: Position, index: usize) -> Result<MessageKey, Malformed> {
        self.end = position.item(index as u64).ok_or(NO_POSITION)?;
        Ok(self.end.message_key())
    }
}
