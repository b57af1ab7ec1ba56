//! `ChangeMessageVisibility` and `ChangeMessageVisibilityBatch`.

use crate::fault::Fault;
use crate::name::QueueAddress;
use crate::operation::Batch;
use crate::ranges::VisibilityTimeout;
use crate::receipt::PresentedHandle;

/// Sets how long from now a received message stays invisible; zero makes it visible at once.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeMessageVisibility {
    /// The queue.
    pub queue: QueueAddress,
    /// What the receive gave, or why the request has no handle: a queue that does not exist is reported first.
    pub handle: Result<PresentedHandle, Fault>,
    /// `VisibilityTimeout`
    pub visibility_timeout: VisibilityTimeout,
}

/// Changes up to ten messages; each succeeds or fails alone.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeMessageVisibilityBatch {
    /// The queue.
    pub queue: QueueAddress,
    /// The handle and the `VisibilityTimeout` of each entry, or why the entry has none.
    pub entries: Batch<Result<(PresentedHandle, VisibilityTimeout), Fault>>,
}
