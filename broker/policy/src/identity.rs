//! Identity policies: the documents that say what a user may do, as those that IAM attaches to users and groups.
//!
//! A document is the same as that of a resource, with these differences:
//!
//! - It names no principals. It speaks for the users that have it.
//! - It names resources: `*`, or ARNs.
//! - It may name actions of SQS, of SNS and of other services. Those of other services have no effect, so that a
//!   document can be used that was written for AWS; [`IdentityPolicy::ignored`] lists them. An action of SQS or SNS
//!   that does not exist is refused, and so is a condition key.
//!
//! A user's policies are those of its own and those of its groups. [`IdentityPolicies`] is the table of all users that
//! have some. A caller bears its user's number in the table.

use std::sync::Arc;

use posthouse_model::PolicySetId;

use crate::parse::{self, IdentityPolicyProblem, Kind};
use crate::statement::{Inquiry, Statement};
use crate::verdict::{Effect, Verdict};

/// A policy of a user or a group, checked and ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityPolicy {
    statements: Vec<Statement>,
    ignored: Vec<Box<str>>,
}

impl IdentityPolicy {
    /// Checks a document.
    ///
    /// # Errors
    /// The first rule that the document breaks.
    pub fn parse(text: &str) -> Result<Self, IdentityPolicyProblem> {
        let whole = |problem| IdentityPolicyProblem { statement: None, problem };
        let document = parse::document(Kind::Identity, text).map_err(whole)?;
        let (statements, ignored) = parse::identity_statements(&document)?;
        Ok(Self { statements, ignored })
    }

    /// The actions that have no effect, because they are those of other services than SQS and SNS.
    #[must_use]
    pub fn ignored(&self) -> &[Box<str>] {
        &self.ignored
    }
}

/// All identity policies of one user: those of its own and of its groups. Without any, nothing is allowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicySet(Vec<Arc<IdentityPolicy>>);

impl PolicySet {
    /// The policies of a user, in any order.
    #[must_use]
    pub const fn new(policies: Vec<Arc<IdentityPolicy>>) -> Self {
        Self(policies)
    }

    /// What the policies say about a call of their user.
    pub(crate) fn put(&self, inquiry: &Inquiry<'_>) -> Verdict {
        let mut verdict = Verdict::Silent;
        let statements = self.0.iter().flat_map(|policy| &policy.statements);
        for statement in statements.filter(|statement| statement.matches(inquiry)) {
            match statement.effect {
                Effect::Deny => return Verdict::Deny,
                Effect::Allow => verdict = Verdict::Allow,
            }
        }
        verdict
    }
}

/// The identity policies of all users that have some.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IdentityPolicies(Vec<PolicySet>);

impl IdentityPolicies {
    /// Adds the policies of one user. Returns their number, which the user's requests bear.
    ///
    /// # Panics
    /// If there are more than 4,294,967,295 users.
    pub fn add(&mut self, policies: PolicySet) -> PolicySetId {
        let index = u32::try_from(self.0.len()).expect("fewer users than that");
        self.0.push(policies);
        PolicySetId::new(index)
    }

    /// A table that has all numbers of this one, without any policies: what was a user's allows nothing.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self(vec![PolicySet::default(); self.0.len()])
    }

    /// Gives the policies of a number that the table has.
    ///
    /// # Panics
    /// If the table does not have the number.
    pub fn set(&mut self, id: PolicySetId, policies: PolicySet) {
        let index = usize::try_from(id.index()).expect("an index");
        *self.0.get_mut(index).expect("the table has the number") = policies;
    }

    /// The policies of a number. An unknown number has none, which allow nothing.
    #[must_use]
    pub fn get(&self, id: PolicySetId) -> &PolicySet {
        const NONE: &PolicySet = &PolicySet(Vec::new());
        usize::try_from(id.index()).ok().and_then(|index| self.0.get(index)).unwrap_or(NONE)
    }
}

#[cfg(test)]
mod tests;
