//! What follows for subscriptions from the attributes of their topic: the rate at which messages are pushed, and the push
//! target.
//!
//! The subscriptions of a changed topic are visited in slices, the first in the turn of the change
//! ([`Decision::visit_changed`]). Until its slice a subscription is pushed to as before.

use posthouse_model::delivery_policy::DeliveryPolicy;
use posthouse_model::{SubscriptionId, SubscriptionProtocol, TopicAddress};

use super::Decision;
use crate::event::Event;
use crate::event::queue::{AttributesChanged, Settings};
use crate::queue::internal;

impl Decision<'_> {
    /// Visits the next subscriptions of topics that have changed, up to the limit of one tick.
    pub(crate) fn visit_changed(&mut self) {
        let mut left = self.state.options.visited_per_tick;
        while left > 0
            && let Some((address, mut visit)) = self.state.changed_topics.take()
        {
            let Some(topic) = self.state.topics.find(&address) else { continue };
            let next = topic.subscriptions_after(visit.after).take(left);
            let slice: Vec<_> =
                next.map(|subscription| (subscription.definition.id, subscription.definition.queue)).collect();
            let is_last = slice.len() < left;
            left = left.saturating_sub(slice.len().max(1));
            for (subscription, queue) in slice {
                self.settle_rate(&address, subscription);
                self.state.changed_targets.extend(queue);
                visit.after = Some(subscription);
            }
            if is_last {
                self.state.changed_topics.end(address, visit);
            } else {
                self.state.changed_topics.put_back(address, visit);
            }
        }
    }

    /// Sets the receive rate of the internal queue of a subscription to what its effective delivery policy says.
    pub(crate) fn settle_rate(&mut self, address: &TopicAddress, id: SubscriptionId) {
        let topic = self.topic(address);
        let Some(subscription) = topic.subscription(id) else { return };
        let definition = &subscription.definition;
        if !has_delivery_policy(definition.endpoint.protocol()) {
            return;
        }
        let (of_topic, own) = (topic.definition.attributes.delivery_policy(), definition.attributes.delivery_policy());
        let rate = DeliveryPolicy::effective(of_topic, own).max_receives_per_second();
        let Some(queue) = definition.queue.and_then(|queue| self.state().get(queue)) else { return };
        let attributes = internal::attributes(rate);
        if queue.attributes.receive_rate != attributes.receive_rate {
            let (queue, time, settings) = (queue.id, self.now, Settings::of(&attributes));
            self.emit(&Event::AttributesChanged(AttributesChanged { queue, time, settings }));
        }
    }
}

/// Whether delivery policies apply to a protocol (SNS Developer Guide, "Amazon SNS message delivery retries").
pub(crate) const fn has_delivery_policy(protocol: SubscriptionProtocol) -> bool {
    matches!(protocol, SubscriptionProtocol::Http | SubscriptionProtocol::Https)
}
