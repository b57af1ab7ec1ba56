//! `OpenProducer`.

use super::{MessageNumber, ProducerId};
use crate::name::QueueAddress;
use crate::topic_name::TopicAddress;

/// Where a producer's messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProducerTarget {
    /// A queue.
    Queue(QueueAddress),
    /// A topic.
    Topic(TopicAddress),
}

/// Asks whether the caller may send to a queue or publish to a topic, and what is remembered of a producer. It changes
/// nothing. Access is checked as for `SendMessage` or `Publish`.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenProducer {
    /// The queue or topic.
    pub target: ProducerTarget,
    /// The producer.
    pub producer: ProducerId,
}

/// What a producer needs to know before it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerOpened {
    /// The number of the producer's last message that was decided. `None` if the producer is not known: its first
    /// message has the number 1.
    pub last: Option<MessageNumber>,
    /// Whether the producer would be known if it had sent a message within [`PRODUCER_SECONDS`](crate::limits::PRODUCER_SECONDS):
    /// no producer of this queue or topic that is younger can have been forgotten for want of room.
    pub remembers_all: bool,
    /// Whether the queue or topic is FIFO.
    pub fifo: bool,
    /// Whether a FIFO queue or topic takes a message without a deduplication id, and takes one from its body.
    pub content_based_deduplication: bool,
    /// `MaximumMessageSize` of the queue or topic, in bytes.
    pub message_bytes_max: u32,
    /// How many messages the producer may have sent and not seen answered. Of more, the engine might not remember how it
    /// answered them.
    pub window_messages: u32,
}
