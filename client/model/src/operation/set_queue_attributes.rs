//! `SetQueueAttributes`.

use crate::attributes::AttributeChanges;
use crate::name::QueueAddress;

/// Changes attributes of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct SetQueueAttributes {
    /// The queue.
    pub queue: QueueAddress,
    /// What to change.
    pub changes: AttributeChanges,
}
