//! The decision about one call: the policies of the caller's user and of the resource together, by AWS's rules.
//!
//! 1. A statement that denies wins, in whichever policy it stands.
//! 2. A user of the account that owns the resource needs one statement that allows, in its own policies or in that of
//!    the resource.
//! 3. A user of another account needs both.
//! 4. A caller without an account (an unsigned request, or the broker for a topic) needs one in that of the resource.
//!
//! A user without identity policies counts as one whose policies allow everything. An account itself, its root user,
//! may do everything with what it owns, whatever a resource's policy denies: else a policy that denies everything could
//! never be taken away again.

use posthouse_model::fault::{Grant, PolicyType};

use crate::statement::Inquiry;
use crate::{Policy, PolicySet, Question, Verdict};

/// How a caller stands to the resource that it calls an action on.
#[derive(Clone, Copy, Debug)]
pub enum Standing<'a> {
    /// It is the account that owns the resource, by its root user.
    Root,
    /// It is a user of the account that owns the resource. With the policies of the user, if it has some.
    Owner(Option<&'a PolicySet>),
    /// It belongs to another account. With the policies of the user, if it has some.
    Other(Option<&'a PolicySet>),
    /// It has no account.
    NoAccount,
}

/// Whether a call is allowed. `policy` is that of the resource.
///
/// # Errors
/// Why it is not.
pub fn authorize(standing: Standing<'_>, policy: Option<&Policy>, question: &Question<'_>) -> Result<(), Grant> {
    match standing {
        Standing::Root => Ok(()),
        // What most callers are: nothing is evaluated.
        Standing::Owner(None) if !policy.is_some_and(Policy::denies) => Ok(()),
        Standing::Owner(None) => match policy.map(|policy| policy.evaluate(question)) {
            Some(Verdict::Deny) => Err(Grant::Denied(PolicyType::Resource)),
            Some(Verdict::Allow | Verdict::Silent) | None => Ok(()),
        },
        Standing::Owner(Some(own)) => match ask(Some(own), policy, question)? {
            (Verdict::Allow, _) | (_, Verdict::Allow) => Ok(()),
            (Verdict::Deny | Verdict::Silent, _) => Err(Grant::NotAllowed(PolicyType::Identity)),
        },
        Standing::Other(own) => match ask(own, policy, question)? {
            (Verdict::Allow, Verdict::Allow) => Ok(()),
            (Verdict::Allow, _) => Err(Grant::NotAllowed(PolicyType::Resource)),
            (Verdict::Deny | Verdict::Silent, _) => Err(Grant::NotAllowed(PolicyType::Identity)),
        },
        Standing::NoAccount => match ask(None, policy, question)? {
            (_, Verdict::Allow) => Ok(()),
            (_, Verdict::Deny | Verdict::Silent) => Err(Grant::NotAllowed(PolicyType::Resource)),
        },
    }
}

/// Whether the user's own policies allow a call, for an action that anyone may call who has a token or a link: the
/// policy of the resource has no say, and a user without identity policies is let in.
///
/// # Errors
/// Why they do not.
pub fn authorize_user(own: &PolicySet, question: &Question<'_>) -> Result<(), Grant> {
    match ask(Some(own), None, question)? {
        (Verdict::Allow, _) => Ok(()),
        (Verdict::Deny | Verdict::Silent, _) => Err(Grant::NotAllowed(PolicyType::Identity)),
    }
}

/// What the user's policies and that of the resource say, if neither denies. No identity policies allow everything.
fn ask(own: Option<&PolicySet>, policy: Option<&Policy>, question: &Question<'_>) -> Result<(Verdict, Verdict), Grant> {
    let inquiry = Inquiry::new(question);
    let by_identity = own.map_or(Verdict::Allow, |own| own.put(&inquiry));
    if by_identity == Verdict::Deny {
        return Err(Grant::Denied(PolicyType::Identity));
    }
    let by_resource = policy.map_or(Verdict::Silent, |policy| policy.put(&inquiry));
    if by_resource == Verdict::Deny {
        return Err(Grant::Denied(PolicyType::Resource));
    }
    Ok((by_identity, by_resource))
}

#[cfg(test)]
mod tests;
