//! `DeleteMessage` and `DeleteMessageBatch`.

use crate::fault::Fault;
use crate::name::QueueAddress;
use crate::operation::Batch;
use crate::receipt::PresentedHandle;

/// Deletes a received message.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteMessage {
    /// The queue.
    pub queue: QueueAddress,
    /// What the receive gave, or why the request has no handle: a queue that does not exist is reported first.
    pub handle: Result<PresentedHandle, Fault>,
}

/// Deletes up to ten received messages; each succeeds or fails alone.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteMessageBatch {
    /// The queue.
    pub queue: QueueAddress,
    /// The handle of each entry, or why the entry has none.
    pub entries: Batch<Result<PresentedHandle, Fault>>,
}
