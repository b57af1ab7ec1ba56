//! Who signed a request.

use compact_str::CompactString;

use crate::name::AccountId;

/// The name that stands for an account itself rather than for a user of it.
pub const ROOT_USER: &str = "root";

/// Who signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The request has no signature. Only a policy that names every principal allows it.
    Anonymous,
    /// A user of an account.
    User {
        /// The account that the user belongs to.
        account: AccountId,
        /// The user's name, as in `arn:aws:iam::ACCOUNT:user/NAME`; [`ROOT_USER`] stands for the account itself.
        name: CompactString,
        /// What the user may do.
        permissions: Permissions,
    },
    /// The broker itself, for its own receives and deliveries. No codec returns it.
    Broker,
}

/// What identity policies let a user do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// The user has no identity policies: it may do everything in its account, and elsewhere what others allow.
    Full,
    /// The user may do what the policies of this set allow.
    Limited(PolicySetId),
}

/// The number of a user's identity policies in the table that the engine was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicySetId(u32);

impl PolicySetId {
    /// The set at an index of the table.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index in the table.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0
    }
}

impl Identity {
    /// An account itself.
    #[must_use]
    pub const fn root(account: AccountId) -> Self {
        Self::User { account, name: CompactString::const_new(ROOT_USER), permissions: Permissions::Full }
    }

    /// A user without identity policies.
    #[must_use]
    pub fn user(account: AccountId, name: &str) -> Self {
        Self::User { account, name: name.into(), permissions: Permissions::Full }
    }

    /// Whether it is an account itself.
    #[must_use]
    pub fn is_root(&self) -> bool {
        matches!(self, Self::User { name, .. } if name == ROOT_USER)
    }
}

/// The ARN of a user of an account, or of the account itself.
#[must_use]
pub fn user_arn(account: AccountId, name: &str) -> String {
    match name {
        ROOT_USER => format!("arn:aws:iam::{account}:root"),
        name => format!("arn:aws:iam::{account}:user/{name}"),
    }
}
