//! The operations that take a queue and nothing else: `DeleteQueue`, `GetQueueUrl`, `PurgeQueue`.

use crate::name::QueueAddress;

/// Deletes a queue with all its messages.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteQueue {
    /// The queue.
    pub queue: QueueAddress,
}

/// Finds a queue by its name and, for another account's queue, its owner.
#[derive(Clone, Debug, PartialEq)]
pub struct GetQueueUrl {
    /// The queue.
    pub queue: QueueAddress,
}

/// Deletes all messages of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct PurgeQueue {
    /// The queue.
    pub queue: QueueAddress,
}
