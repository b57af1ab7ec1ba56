//! Who signed a request.

use compact_str::CompactString;

use crate::name::AccountId;

/// Who signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The request has no signature. Only a policy that names every principal allows it.
    Anonymous,
    /// A user of an account.
    User {
        /// The account that the user belongs to.
        account: AccountId,
        /// The user's name, as in `arn:aws:iam::ACCOUNT:user/NAME`; `root` stands for the account itself.
        name: CompactString,
    },
    /// The broker itself, for its own receives and deliveries. No codec returns it.
    Broker,
}
