//! A policy as it is kept, and what it matches: the definition that the index must agree with.
//!
//! `$or` is gone: a policy is a list of conjunctions, one of which must match. The parser's limit on combinations
//! bounds how many there are.

use std::sync::Arc;

use crate::budget::Budget;
use crate::conjunction::Conjunction;
use crate::dialect::{Dialect, Scope};
use crate::event::Event;
use crate::invalid::InvalidPolicy;
use crate::parse;

/// A filter policy, checked and ready to match.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    scope: Scope,
    alternatives: Arc<[Conjunction]>,
}

impl Policy {
    /// Reads and checks a policy.
    ///
    /// Of a name that an object repeats the last counts. `{}` is valid and matches everything.
    pub fn parse(text: &str, scope: Scope, dialect: Dialect) -> Result<Self, InvalidPolicy> {
        let alternatives = parse::parse(text, scope, dialect)?;
        Ok(Self { scope, alternatives: alternatives.into() })
    }

    /// What the policy speaks of.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether the policy says nothing and so matches everything: SNS takes `{}` as the wish to have no policy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alternatives.iter().any(|conjunction| conjunction.keys().is_empty())
    }

    /// Whether the policy matches an event of its scope.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        let budget = Budget::unlimited();
        self.alternatives.iter().any(|conjunction| conjunction.matches(event, &budget))
    }

    pub(crate) fn alternatives(&self) -> &[Conjunction] {
        &self.alternatives
    }
}
