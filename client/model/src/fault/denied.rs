//! Who may not do what.

use crate::identity::Identity;

/// Why a caller may not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The request needs an account and bears no signature. The codec finds this out before the engine does.
    NoAccount,
    /// Only the broker itself may call the action.
    NotBroker {
        /// The action's name.
        action: &'static str,
    },
    /// No one has granted the caller the action.
    NotGranted(Box<Denial>),
}

/// A caller without a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Who called.
    pub caller: Identity,
    /// The name of the action that was called.
    pub action: &'static str,
    /// The ARN of the resource; `None` for an action that names none.
    pub resource: Option<Box<str>>,
    /// What is missing.
    pub grant: Grant,
}

/// Why there is no grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Only the owner's account may do this: no policy can grant it.
    OwnersOnly,
    /// No statement of these policies allows it.
    NotAllowed(PolicyType),
    /// A statement of these policies denies it.
    Denied(PolicyType),
}

/// Whose a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyType {
    /// The user's.
    Identity,
    /// The queue's or the topic's.
    Resource,
}
