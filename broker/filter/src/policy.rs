//! A policy as it is kept: a list of conjunctions, one of which must match. The parser replaces `$or` by them, and its
//! limit on combinations bounds their number.

use std::sync::Arc;

use posthouse_model::fault::FilterProblem;

use crate::budget::Budget;
use crate::conjunction::Conjunction;
use crate::dialect::{Dialect, Scope};
use crate::event::Event;
use crate::parse::{self, Parsed};

/// A filter policy: valid, and ready to match.
#[derive(Clone, Debug)]
pub struct Policy {
    scope: Scope,
    alternatives: Arc<[Conjunction]>,
    memory_bytes: u64,
}

impl Policy {
    /// Parses a policy. If an object repeats a name, the last member counts. `{}` is valid and matches everything.
    ///
    /// # Errors
    ///
    /// [`FilterProblem`] if the text is no JSON, breaks the grammar or exceeds a limit of the dialect.
    pub fn parse(text: &str, scope: Scope, dialect: Dialect) -> Result<Self, FilterProblem> {
        let Parsed { conjunctions, memory_bytes } = parse::parse(text, scope, dialect)?;
        Ok(Self { scope, alternatives: conjunctions.into(), memory_bytes })
    }

    /// The most bytes of memory that the policy's text and the policy in an [`Index`](crate::Index) take. It follows from
    /// the text: at least the length of the text, and more for each name, condition and value in it.
    #[must_use]
    pub const fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// The part of a message that the policy is about.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether the policy has no keys, and so matches everything. SNS takes `{}` as the removal of a policy.
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

    /// The conjunctions, one of which must match.
    pub(crate) fn alternatives(&self) -> &[Conjunction] {
        &self.alternatives
    }
}

/// Policies are equal if they have the same conditions, however long their texts are.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        (self.scope, &self.alternatives) == (other.scope, &other.alternatives)
    }
}
