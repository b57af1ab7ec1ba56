//! A policy as it is kept: a list of conjunctions, one of which must match. The parser replaces `$or` by them, and its
//! limit on combinations bounds their number.

use std::collections::BTreeSet;
use std::sync::Arc;

use posthouse_model::fault::FilterProblem;

use crate::budget::Budget;
use crate::conjunction::Conjunction;
use crate::dialect::{Dialect, Scope};
use crate::event::Event;
use crate::parse;

/// Bytes of a conjunction in an index, with its place in the tables (measured, and rounded up).
const ALTERNATIVE_BYTES: usize = 400;
/// Bytes of a part of a path in an index.
const STEP_BYTES: usize = 400;
/// Bytes of a condition in an index, without its text.
const CONDITION_BYTES: usize = 256;
/// How often an index holds the text of a condition: once by itself, and once more as a prefix or suffix.
const TEXT_COPIES: usize = 2;

/// A filter policy: valid, and ready to match.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    scope: Scope,
    alternatives: Arc<[Conjunction]>,
}

impl Policy {
    /// Parses a policy. If an object repeats a name, the last member counts. `{}` is valid and matches everything.
    ///
    /// # Errors
    ///
    /// [`FilterProblem`] if the text is no JSON, breaks the grammar or exceeds a limit of the dialect.
    pub fn parse(text: &str, scope: Scope, dialect: Dialect) -> Result<Self, FilterProblem> {
        let alternatives = parse::parse(text, scope, dialect)?;
        Ok(Self { scope, alternatives: alternatives.into() })
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

    /// The memory that an [`Index`](crate::Index) needs for the policy at most, in bytes. What it shares with other
    /// policies is not taken off.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let keys = self.alternatives.iter().flat_map(Conjunction::keys);
        let mut counted = BTreeSet::new();
        let conditions: usize = keys
            .map(|key| {
                let path: usize = key.path.iter().map(|part| STEP_BYTES + part.len()).sum();
                let again = !counted.insert(Arc::as_ptr(&key.conditions).cast::<u8>());
                let conditions = key.conditions.iter().filter(|_| !again);
                path + conditions.map(|condition| CONDITION_BYTES + TEXT_COPIES * condition.text_bytes()).sum::<usize>()
            })
            .sum();
        (self.alternatives.len() * ALTERNATIVE_BYTES + conditions) as u64
    }

    /// The conjunctions, one of which must match.
    pub(crate) fn alternatives(&self) -> &[Conjunction] {
        &self.alternatives
    }
}
