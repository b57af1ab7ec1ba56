//! Applying events about native producers, and the numbers of the messages that other events bring.

use posthouse_model::{MessageKey, Timestamp, TopicAddress};

use super::NO_QUEUE;
use crate::event::Event;
use crate::event::enqueued::Enqueued;
use crate::event::producer::{MissedKept, ProducerForgotten, ProducerNoted, ProducersKept};
use crate::event::published::{Part, Published};
use crate::journal::Position;
use crate::malformed::Malformed;
use crate::producer::{KeysKept, NumberedTarget};
use crate::state::State;

const NO_PRODUCER: Malformed = "its producer was not noted";

impl State {
    /// Ends the numbered messages of a producer, unless the event goes on with them.
    pub(super) fn close_producer(&mut self, event: &Event<'_>) {
        let goes_on = match event {
            Event::NumberedEnqueued(_) | Event::NumberedPublished(_) => true,
            Event::Published(event) => matches!(event.part, Part::First | Part::Middle),
            _ => false,
        };
        if !goes_on {
            self.producers.close();
        }
    }

    pub(super) fn producer_noted(&mut self, event: &ProducerNoted) -> Result<(), Malformed> {
        let keys = match &event.target {
            NumberedTarget::Queue(queue) => self.get(*queue).map(|queue| keys_kept(queue.is_fifo())),
            NumberedTarget::Topic(topic) => self.topics.find(topic).map(|_| keys_kept(topic.name.is_fifo())),
        };
        let Some(keys) = keys else { return self.skip(NO_QUEUE) };
        self.producers.note((&event.target, event.key), (event.next, event.time), &event.runs, keys);
        Ok(())
    }

    /// Counts a message that was put into a queue, if its queue is known.
    pub(super) fn numbered_enqueued(&mut self, position: Position, event: &Enqueued<'_>) -> Result<(), Malformed> {
        let Some(queue) = self.get(event.queue) else { return Ok(()) };
        let keys = keys_kept(queue.is_fifo());
        let is_queue = |target: &NumberedTarget| *target == NumberedTarget::Queue(event.queue);
        self.count_numbered(is_queue, (position.message_key(), event.sent), keys)
    }

    /// Counts a publication to a topic, if the topic is known. `first` is the position of its first part.
    pub(super) fn numbered_published(&mut self, first: Position, event: &Published<'_>) -> Result<(), Malformed> {
        let topic = event.topic().ok_or("a publication to no topic has no number")?;
        if self.topics.find(topic).is_none() {
            return self.skip("its topic does not exist");
        }
        let is_topic =
            |target: &NumberedTarget| matches!(target, NumberedTarget::Topic(found) if TopicAddress::eq(found, topic));
        self.count_numbered(is_topic, (first.message_key(), event.time), keys_kept(topic.name.is_fifo()))
    }

    fn count_numbered(
        &mut self,
        is_target: impl FnOnce(&NumberedTarget) -> bool,
        message: (MessageKey, Timestamp),
        keys: KeysKept,
    ) -> Result<(), Malformed> {
        // While a checkpoint is read back, the producer's `ProducerNoted` may lie before its queue.
        if self.producers.taken(is_target, message, keys) { Ok(()) } else { self.skip(NO_PRODUCER) }
    }

    pub(super) fn producer_forgotten(&mut self, event: &ProducerForgotten) {
        self.producers.forget(&event.target, event.key);
    }

    pub(super) fn producers_kept(&mut self, event: &ProducersKept) -> Result<(), Malformed> {
        if !self.restores(event.began) {
            return Ok(());
        }
        for producer in &event.producers {
            if !self.has_target(&producer.target) {
                return Err(NO_QUEUE);
            }
            self.producers.restore(producer.clone());
        }
        Ok(())
    }

    pub(super) fn missed_kept(&mut self, event: &MissedKept) -> Result<(), Malformed> {
        if !self.restores(event.began) {
            return Ok(());
        }
        for (target, until) in &event.missed {
            if !self.has_target(target) {
                return Err(NO_QUEUE);
            }
            self.producers.restore_missed(target, *until);
        }
        Ok(())
    }

    fn has_target(&self, target: &NumberedTarget) -> bool {
        match target {
            NumberedTarget::Queue(queue) => self.get(*queue).is_some(),
            NumberedTarget::Topic(topic) => self.topics.find(topic).is_some(),
        }
    }
}

fn keys_kept(fifo: bool) -> KeysKept {
    if fifo { KeysKept::Latest } else { KeysKept::None }
}
