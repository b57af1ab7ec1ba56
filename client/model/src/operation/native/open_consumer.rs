//! `OpenConsumer`.

use crate::name::QueueAddress;
use crate::ranges::VisibilityTimeout;

/// Asks whether the caller may receive from a queue and delete from it. It changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenConsumer {
    /// The queue.
    pub queue: QueueAddress,
}

/// What a consumer needs to know before it receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerOpened {
    /// The visibility timeout of a receive that does not name one.
    pub visibility_timeout: VisibilityTimeout,
    /// Whether the queue is FIFO.
    pub fifo: bool,
    /// Whether the queue has a dead-letter queue that exists.
    pub has_dead_letter_queue: bool,
}
