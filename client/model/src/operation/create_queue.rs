//! `CreateQueue`.

use crate::attributes::AttributeChanges;
use crate::name::QueueName;
use crate::operation::Tags;

/// Creates a queue in the caller's account and region, or names the one that is there with equal attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateQueue {
    /// The queue's name.
    pub name: QueueName,
    /// The attributes that differ from the defaults.
    pub attributes: AttributeChanges,
    /// The queue's tags.
    pub tags: Tags,
}
