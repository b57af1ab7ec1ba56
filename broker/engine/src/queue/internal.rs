//! Internal queues: their names and their attributes.
//!
//! The engine creates a queue of its own for each pushed subscription, for each FIFO topic, and for what an account
//! publishes in a region to phone numbers and platform endpoints. No listing shows them, and only the broker may use
//! them.

use posthouse_model::ranges::{ReceiveRate, RetentionPeriod};
use posthouse_model::{QueueAttributes, QueueId, QueueName, SubscriptionId};

/// The part of the name that the queue for phone numbers and platform endpoints has to itself.
pub(crate) const DIRECT: &str = "direct";

/// The name of the queue in which a FIFO topic remembers deduplication ids.
pub(crate) fn name_for_topic(queue: QueueId) -> QueueName {
    QueueName::internal(&format!("topic-{:08x}", queue.get()))
}

/// The name of the queue from which a subscription's messages are pushed.
pub(crate) fn name_for_subscription(id: SubscriptionId) -> QueueName {
    QueueName::internal(&format!("subscription-{id}"))
}

/// The attributes of an internal queue. It keeps messages for the longest retention period that SQS allows.
/// `receives_per_second_max` is `throttlePolicy.maxReceivesPerSecond` of a delivery policy (SNS Developer Guide,
/// "Amazon SNS message delivery retries"); `None` does not meter receives.
pub(crate) fn attributes(receives_per_second_max: Option<u32>) -> QueueAttributes {
    QueueAttributes {
        message_retention: RetentionPeriod::MAX,
        receive_rate: receives_per_second_max.map(ReceiveRate::at_most),
        ..QueueAttributes::default()
    }
}
