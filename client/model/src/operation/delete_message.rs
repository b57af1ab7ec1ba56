//! `DeleteMessage` and `DeleteMessageBatch`.

use crate::fault::Fault;
use crate::name::QueueAddress;
use crate::operation::BatchEntryId;
use crate::receipt::ReceiptHandle;

/// Deletes a received message.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteMessage {
    /// The queue.
    pub queue: QueueAddress,
    /// What the receive gave. A handle that this broker never sealed is refused at the door.
    pub handle: ReceiptHandle,
}

/// Deletes up to ten received messages; each succeeds or fails alone.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteMessageBatch {
    /// The queue.
    pub queue: QueueAddress,
    /// The entries.
    pub entries: Vec<DeleteEntry>,
}

/// One entry of a `DeleteMessageBatch`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteEntry {
    /// Its id.
    pub id: BatchEntryId,
    /// The handle, or why the entry has none.
    pub handle: Result<ReceiptHandle, Fault>,
}
