//! `GetQueueAttributes`.

use std::collections::BTreeSet;

use crate::attributes::QueueAttributeName;
use crate::name::QueueAddress;

/// Reads attributes of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct GetQueueAttributes {
    /// The queue.
    pub queue: QueueAddress,
    /// The attributes to read; the codec has replaced `All` by their names.
    pub names: BTreeSet<QueueAttributeName>,
}
