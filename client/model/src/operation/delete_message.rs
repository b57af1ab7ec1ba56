//! `DeleteMessage` and `DeleteMessageBatch`.

use crate::fault::Fault;
use crate::name::QueueAddress;
use crate::operation::Batch;
use crate::receipt::ReceiptHandle;

/// Deletes a received message.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteMessage {
    /// The queue.
    pub queue: QueueAddress,
    /// What the receive gave. The codec refuses a handle that this broker never sealed.
    pub handle: ReceiptHandle,
}

/// Deletes up to ten received messages; each succeeds or fails alone.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteMessageBatch {
    /// The queue.
    pub queue: QueueAddress,
    /// The handle of each entry, or why the entry has none.
    pub entries: Batch<Result<ReceiptHandle, Fault>>,
}
