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
    },
    /// The broker itself, for its own receives and deliveries. No codec returns it.
    Broker,
}

impl Identity {
    /// An account itself.
    #[must_use]
    pub const fn root(account: AccountId) -> Self {
        Self::User { account, name: CompactString::const_new(ROOT_USER) }
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
