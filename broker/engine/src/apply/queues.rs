//! Applying events about queues.

use std::sync::Arc;

use posthouse_model::{QueueAttributes, Service};
use posthouse_policy::Policy;

use crate::event::queue::{AttributesChanged, Emptied, QueueCreated, TagsChanged};
use crate::journal::Position;
use crate::malformed::Malformed;
use crate::queue::Queue;
use crate::queue::bucket::Bucket;
use crate::queue::deduplication::Deduplication;
use crate::queue::lanes::QueueKind;
use crate::queue::messages::Messages;
use crate::state::State;

impl State {
    pub(super) fn queue_created(&mut self, position: Position, event: &QueueCreated) -> Result<(), Malformed> {
        if event.queue < self.next_queue() || self.find(&event.address).is_some() {
            return Err("its queue exists already");
        }
        self.take_queue(event.queue)?;
        let attributes = event.settings.0.clone();
        self.insert(Queue {
            policy: policy_of(&attributes)?,
            tags: event.tags.clone(),
            created: event.time,
            modified: event.time,
            changed: position,
            bucket: attributes.receive_rate.map(|rate| Bucket::full(rate, event.time)),
            ..Queue::new(event.queue, event.address.clone(), attributes, self.options.seed)
        });
        self.changed_queues.push(event.queue);
        Ok(())
    }

    pub(super) fn queue_deleted(&mut self, event: Emptied) -> Result<(), Malformed> {
        if self.queue_for_change(event.queue)?.is_some() {
            self.remove(event.queue, event.time);
        }
        Ok(())
    }

    pub(super) fn attributes_changed(
        &mut self,
        position: Position,
        event: &AttributesChanged,
    ) -> Result<(), Malformed> {
        if self.queue_for_change(event.queue)?.is_none() {
            return Ok(());
        }
        self.unlink(event.queue);
        if let Some(queue) = self.queue_for_change(event.queue)? {
            queue.advance(event.time);
            let attributes = event.settings.0.clone();
            if attributes.fifo != queue.attributes.fifo {
                return Err("it changes the type of its queue");
            }
            queue.bucket = match (queue.attributes.receive_rate, attributes.receive_rate, queue.bucket) {
                (_, None, _) => None,
                (Some(old), Some(new), Some(bucket)) => Some(bucket.changed(old, new, event.time)),
                (_, Some(new), _) => Some(Bucket::full(new, event.time)),
            };
            queue.policy = policy_of(&attributes)?;
            queue.attributes = attributes;
            queue.modified = event.time;
            queue.changed = position;
        }
        self.link(event.queue);
        Ok(())
    }

    pub(super) fn tags_changed(&mut self, position: Position, event: &TagsChanged) -> Result<(), Malformed> {
        if let Some(queue) = self.queue_for_change(event.queue)? {
            queue.tags = event.tags.clone();
            queue.changed = position;
        }
        Ok(())
    }

    pub(super) fn purged(&mut self, position: Position, event: Emptied) -> Result<(), Malformed> {
        let (seed, budget) = (self.options.seed, Arc::clone(&self.budget));
        let Some(queue) = self.queue_for_change(event.queue)? else { return Ok(()) };
        queue.advance(event.time);
        queue.purged = Some(event.time);
        queue.changed = position;
        let tally = queue.messages.count_nowhere();
        let mut empty = Messages::new(QueueKind::of(&queue.attributes), queue.messages.lanes_since(), seed);
        empty.keep_within(&budget);
        empty.count_in(tally);
        let messages = core::mem::replace(&mut queue.messages, empty);
        let damaged = core::mem::take(&mut queue.damaged);
        // A purge forgets what was sent and received (recorded from AWS): an id may be used again at once.
        let deduplication = core::mem::replace(&mut queue.deduplication, Deduplication::new(seed));
        let attempts = core::mem::take(&mut queue.attempts);
        self.discard_remembered(deduplication, attempts);
        self.damaged_changed(event.queue);
        self.defer_release(messages, damaged);
        Ok(())
    }
}

pub(super) fn policy_of(attributes: &QueueAttributes) -> Result<Option<Policy>, Malformed> {
    let policy = attributes.policy.as_deref().map(|text| Policy::parse(Service::Sqs, text));
    policy.transpose().map_err(|_| "a policy is invalid")
}
