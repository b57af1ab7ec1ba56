//! The memory that a policy takes: the most that its text, its parts and its place in an index hold, as if it shared no
//! part with another policy. It is computed from the tree of the policy, in which each part stands once.
//!
//! The constants are what an entry takes of a table that has just grown to twice its length, with its allocations. The
//! index compares them with its types (`index::sizes`). The result depends on the text alone, and not on the machine.

use std::sync::Arc;

use super::{Term, Terms};
use crate::condition::{Condition, Excluded, Literal};
use crate::wildcard::Wildcard;

/// What the index and the holder of the text keep for each policy.
pub(crate) const POLICY_BYTES: u64 = 128;
/// A conjunction in the index.
pub(crate) const CONJUNCTION_BYTES: u64 = 320;
/// A key of a conjunction, or a conjunction that a condition leads to.
pub(crate) const REFERENCE_BYTES: u64 = 48;
/// A key with its conditions, which all conjunctions that have it share.
pub(crate) const KEY_BYTES: u64 = 192;
/// A part of a path in the index.
pub(crate) const PART_BYTES: u64 = 512;
/// A part of a path in a key.
pub(crate) const KEY_PART_BYTES: u64 = 16;
/// A condition in the index.
pub(crate) const CONDITION_BYTES: u64 = 256;
/// The place of a condition among the ranges, prefixes or suffixes of a path.
pub(crate) const PLACE_BYTES: u64 = 160;
/// A value or a pattern in the list of an `anything-but`.
pub(crate) const ELEMENT_BYTES: u64 = 40;
/// What a text takes besides its bytes.
pub(crate) const TEXT_BYTES: u64 = 32;

/// The memory of a policy with these members, which has so many combinations and expands to so many conjunctions.
pub(super) fn of_policy(text: &str, terms: &Terms, combinations: u64, conjunctions: usize) -> u64 {
    let conjunctions = conjunctions as u64;
    // A conjunction is filed under the conditions of one key, which are no more than its combinations.
    let references = conjunctions * keys(terms) + combinations;
    let parts = POLICY_BYTES + conjunctions * CONJUNCTION_BYTES + references * REFERENCE_BYTES;
    parts + text.len() as u64 + of_terms(terms, 0)
}

/// The keys of the conjunction that has the most of them.
fn keys(terms: &Terms) -> u64 {
    let keys_of = |term: &Term| match term {
        Term::Key(_) => 1,
        Term::Object(terms) => keys(terms),
        Term::Or(alternatives) => alternatives.iter().map(keys).max().unwrap_or_default(),
    };
    terms.values().map(keys_of).sum()
}

/// The paths, keys and conditions of members. `above` parts lead to their object.
fn of_terms(terms: &Terms, above: u64) -> u64 {
    let of_member = |(name, term): (&Arc<str>, &Term)| {
        let parts = name.split('.').count() as u64;
        let path = parts * PART_BYTES + name.len() as u64;
        match term {
            Term::Key(conditions) => {
                let key = KEY_BYTES + (above + parts) * KEY_PART_BYTES;
                path + key + conditions.iter().map(of_condition).sum::<u64>()
            }
            Term::Object(terms) => path + of_terms(terms, above + parts),
            Term::Or(alternatives) => alternatives.iter().map(|terms| of_terms(terms, above)).sum(),
        }
    };
    terms.iter().map(of_member).sum()
}

fn of_condition(condition: &Condition) -> u64 {
    CONDITION_BYTES
        + match condition {
            Condition::Equals(literal) => of_literal(literal),
            Condition::EqualsIgnoreCase(text) => of_text(text),
            Condition::Prefix(text) | Condition::Suffix(text) => PLACE_BYTES + 2 * of_text(text),
            Condition::PrefixIgnoreCase(text) | Condition::SuffixIgnoreCase(text) => of_text(text),
            Condition::Wildcard(pattern) => PLACE_BYTES + of_text(pattern.prefix()) + of_pattern(pattern),
            Condition::Numeric(_) => PLACE_BYTES,
            Condition::AnythingBut(excluded) => of_excluded(excluded),
            Condition::Cidr(_) | Condition::Exists | Condition::Absent => 0,
        }
}

fn of_excluded(excluded: &Excluded) -> u64 {
    let literals = excluded.literals().iter().map(|literal| ELEMENT_BYTES + of_literal(literal));
    let patterns = excluded.patterns().iter().map(of_condition);
    literals.chain(patterns).sum()
}

fn of_literal(literal: &Literal) -> u64 {
    match literal {
        Literal::String(text) | Literal::Large(text) => of_text(text),
        Literal::Number(_) | Literal::Bool(_) | Literal::Null => 0,
    }
}

fn of_pattern(pattern: &Wildcard) -> u64 {
    pattern.pieces().map(of_text).sum()
}

const fn of_text(text: &str) -> u64 {
    TEXT_BYTES + text.len() as u64
}
