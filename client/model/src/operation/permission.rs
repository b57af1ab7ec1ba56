//! `AddPermission` and `RemovePermission`: statements of the queue's policy, by label.

use crate::name::{AccountId, QueueAddress};

/// Adds a statement that allows accounts to call actions.
#[derive(Clone, Debug, PartialEq)]
pub struct AddPermission {
    /// The queue.
    pub queue: QueueAddress,
    /// The statement's `Sid`: 1 to 80 letters, digits, hyphens and underscores.
    pub label: Box<str>,
    /// The accounts.
    pub accounts: Vec<AccountId>,
    /// The actions without their `SQS:` prefix; `*` for all.
    pub actions: Vec<Box<str>>,
}

/// Removes the statement of a label.
#[derive(Clone, Debug, PartialEq)]
pub struct RemovePermission {
    /// The queue.
    pub queue: QueueAddress,
    /// The statement's `Sid`.
    pub label: Box<str>,
}
