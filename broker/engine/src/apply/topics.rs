//! Applying events about topics and subscriptions.
//!
//! While a checkpoint is read back, a subscription may come before its topic. It is then put into a topic without
//! attributes, which the topic's `TopicSet` fills or its `TopicDeleted` removes. See `crate::checkpoint`.

use std::sync::Arc;

use posthouse_model::attributes::DeduplicationScope;
use posthouse_model::operation::Service;
use posthouse_model::topic_attributes::FifoThroughputScope;
use posthouse_model::{QueueAddress, QueueAttributes, QueueId, QueueName, Timestamp, TopicAddress};
use posthouse_policy::Policy;

use crate::event::topic::{SubscriptionDeleted, SubscriptionSet, TopicDeleted, TopicSet};
use crate::journal::Position;
use crate::malformed::Malformed;
use crate::producer::NumberedTarget;
use crate::queue::Queue;
use crate::queue::internal;
use crate::queue::lanes::QueueKind;
use crate::state::State;
use crate::topic::subscription::Subscription;

impl State {
    pub(super) fn topic_set(&mut self, position: Position, event: &TopicSet) -> Result<(), Malformed> {
        let TopicSet(definition) = event;
        if definition.deduplication_queue.is_some() != definition.address.name.is_fifo() {
            return Err("its deduplication queue does not fit its topic's type");
        }
        let policy = definition.attributes.policy().map(|text| Policy::parse(Service::Sns, text)).transpose();
        let policy = policy.map_err(|_| "a policy is invalid")?;
        if let Some(queue) = definition.deduplication_queue {
            let name = internal::name_for_topic(queue);
            self.internal_queue(position, queue, &definition.address, name, (definition.created, QueueKind::Fifo))?;
            let scope = match definition.attributes.fifo_throughput_scope() {
                FifoThroughputScope::Topic => DeduplicationScope::Queue,
                FifoThroughputScope::MessageGroup => DeduplicationScope::MessageGroup,
            };
            if let Some(queue) = self.get_mut(queue) {
                queue.attributes.deduplication_scope = scope;
            }
        }
        let topic = self.topics.entry(&definition.address);
        if topic.definition.deduplication_queue.is_some_and(|queue| definition.deduplication_queue != Some(queue)) {
            return Err("it changes the deduplication queue of its topic");
        }
        let shows = topic.definition.attributes != definition.attributes;
        topic.define(definition.clone(), policy, position);
        if shows {
            let address = Arc::clone(&topic.definition.address);
            self.changed_topics.add(address);
        }
        Ok(())
    }

    pub(super) fn topic_deleted(&mut self, event: &TopicDeleted) -> Result<(), Malformed> {
        let Some(topic) = self.topics.remove(&event.topic) else {
            return self.skip("its topic does not exist");
        };
        self.producers.forget_target(&NumberedTarget::Topic(topic.address));
        if let Some(queue) = topic.deduplication_queue {
            self.remove(queue, event.time);
        }
        let at_once = if self.deliveries.go_in_slices() { self.options.forgotten_per_tick } else { usize::MAX };
        self.forget_some(at_once);
        Ok(())
    }

    pub(super) fn subscription_set(&mut self, position: Position, event: &SubscriptionSet) -> Result<(), Malformed> {
        let SubscriptionSet(definition) = event;
        let topic = self.topics.find(&definition.topic);
        if topic.and_then(|topic| topic.subscription(definition.id)).is_some_and(|old| old.definition == *definition) {
            return Ok(());
        }
        if definition.queue.is_some() != definition.endpoint.protocol().is_pushed() {
            return Err("its queue does not fit its protocol");
        }
        if topic.is_none() {
            self.skip("its topic does not exist")?;
        }
        if self.topics.of_subscription(definition.id).is_some_and(|topic| **topic != *definition.topic) {
            return Err("its subscription belongs to another topic");
        }
        if let Some(queue) = definition.queue {
            let name = internal::name_for_subscription(definition.id);
            self.internal_queue(position, queue, &definition.topic, name, (definition.created, QueueKind::Standard))?;
        }
        if !self.topics.entry(&definition.topic).may_put(definition) {
            return Err("its endpoint or its queue is not that of its subscription");
        }
        let target = definition.endpoint.queue().and_then(|queue| self.find(queue));
        self.topics.put(Subscription::new(definition.clone(), position), target);
        if let Some(queue) = definition.queue {
            self.push_target_changed(queue);
        }
        Ok(())
    }

    pub(super) fn subscription_deleted(&mut self, event: &SubscriptionDeleted) -> Result<(), Malformed> {
        let Some(subscription) = self.topics.take(&event.topic, event.id) else {
            return self.skip("its subscription does not exist");
        };
        if let Some(topic) = self.topics.get_mut(&event.topic) {
            topic.deleted += 1;
        }
        if let Some(queue) = subscription.definition.queue {
            self.remove(queue, event.time);
            self.push_target_changed(queue);
        }
        Ok(())
    }

    /// Notes that the push target of an internal queue has changed, or that the queue was created or deleted. Push
    /// delivery learns it from here only.
    fn push_target_changed(&mut self, queue: QueueId) {
        self.changed_targets.push_back(queue);
    }

    /// Creates the internal queue of a topic or a subscription, unless its number was given before. In that case the
    /// queue exists, or comes with the checkpoint that is being read.
    fn internal_queue(
        &mut self,
        position: Position,
        id: QueueId,
        topic: &TopicAddress,
        name: QueueName,
        (created, kind): (Timestamp, QueueKind),
    ) -> Result<(), Malformed> {
        let address = QueueAddress { region: topic.region.clone(), account: topic.account, name };
        if id < self.next_queue() {
            let known = match self.get(id) {
                Some(queue) => *queue.address == address,
                None => self.restoring.is_some(),
            };
            return if known { Ok(()) } else { Err(super::NO_QUEUE) };
        }
        self.take_queue(id)?;
        if self.find(&address).is_some() {
            return Err("its queue exists already");
        }
        // The deduplication queue of a FIFO topic is a FIFO queue. The queue of a subscription is a standard queue, so
        // its messages are pushed in the order of publication without blocking each other.
        let attributes = QueueAttributes { fifo: kind.is_fifo(), ..internal::attributes(None) };
        self.insert(Queue {
            created,
            modified: created,
            changed: position,
            ..Queue::new(id, address, attributes, self.options.seed)
        });
        self.changed_queues.push(id);
        Ok(())
    }
}
