//! What a statement does, and what a policy says.

/// What a statement does to the calls that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// What a policy says about a [`Question`](crate::Question).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement allows the call and none denies it.
    Allow,
    /// A statement denies the call.
    Deny,
    /// No statement that counts matches the call.
    Silent,
}
