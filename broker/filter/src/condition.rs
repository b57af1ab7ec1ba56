//! The conditions of a key, and whether one holds for a value.

use core::cmp::Ordering;
use core::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::event::Datum;
use crate::number::{Interval, Number};
use crate::wildcard::Wildcard;

/// A wildcard reads this many bytes of a text in the time of another condition.
const WILDCARD_BYTES: u64 = 64;

/// A condition. Equal conditions hold for the same values. Clones share the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Condition {
    Equals(Literal),
    /// The folded text. Values are folded before they are compared.
    EqualsIgnoreCase(Arc<str>),
    Prefix(Arc<str>),
    Suffix(Arc<str>),
    /// As `Prefix`, of the folded value. The text is folded.
    PrefixIgnoreCase(Arc<str>),
    /// As `Suffix`, of the folded value. The text is folded.
    SuffixIgnoreCase(Arc<str>),
    Wildcard(Wildcard),
    Numeric(Interval),
    Cidr(IpNet),
    /// `exists: true`.
    Exists,
    AnythingBut(Excluded),
    /// `exists: false`. It concerns the key, and holds for no value.
    Absent,
}

/// The values or patterns that `anything-but` excludes, sorted, so that a long list is searched in logarithmic time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Excluded {
    literals: Box<[Literal]>,
    patterns: Box<[Condition]>,
}

/// A value that a policy names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Literal {
    String(Arc<str>),
    Number(Number),
    /// A number with too many digits for a [`Number`], in the form of [`Parsed::Large`](crate::number::Parsed::Large).
    Large(Arc<str>),
    Bool(bool),
    Null,
}

impl Condition {
    /// Whether [`Condition::cost`] may be greater than one.
    pub(crate) fn is_expensive(&self) -> bool {
        match self {
            Self::Wildcard(_) => true,
            Self::AnythingBut(excluded) => !excluded.patterns.is_empty(),
            _ => false,
        }
    }

    /// The cost of evaluating the condition for a value, at least one. Only a wildcard reads more of a text than the
    /// policy is long, so only wildcards cost more.
    pub(crate) fn cost(&self, value: &Datum<'_>) -> u64 {
        match (self, value) {
            (Self::Wildcard(_), Datum::String(text)) => 1 + text.len() as u64 / WILDCARD_BYTES,
            (Self::AnythingBut(excluded), value) => {
                1 + excluded.patterns.iter().map(|condition| condition.cost(value)).sum::<u64>()
            }
            _ => 1,
        }
    }

    /// Whether a value of the key meets this condition.
    pub(crate) fn holds(&self, value: &Datum<'_>) -> bool {
        match (self, value) {
            (Self::Absent, _) => false,
            (Self::Exists, _) => true,
            (_, Datum::Opaque) => false,
            (Self::Equals(literal), value) => literal.compare(value).is_eq(),
            (Self::AnythingBut(excluded), value) => !excluded.contains(value),
            (Self::Numeric(interval), Datum::Number(number)) => interval.contains(*number),
            (Self::Numeric(interval), Datum::Large(number)) => interval.contains(Number::beyond(number)),
            (Self::EqualsIgnoreCase(folded), Datum::String(text)) => folds_to(text, folded),
            (Self::Prefix(prefix), Datum::String(text)) => text.starts_with(&**prefix),
            (Self::Suffix(suffix), Datum::String(text)) => text.ends_with(&**suffix),
            (Self::PrefixIgnoreCase(prefix), Datum::String(text)) => begins_with(fold(text), prefix.chars()),
            (Self::SuffixIgnoreCase(suffix), Datum::String(text)) => {
                begins_with(fold(text).rev(), suffix.chars().rev())
            }
            (Self::Wildcard(pattern), Datum::String(text)) => pattern.matches(text),
            (Self::Cidr(network), Datum::String(text)) => {
                text.parse().is_ok_and(|address: IpAddr| network.contains(&address))
            }
            _ => false,
        }
    }
}

impl Excluded {
    /// Excludes values.
    pub(crate) fn values(mut literals: Vec<Literal>) -> Self {
        literals.sort();
        literals.dedup();
        Self { literals: literals.into(), patterns: Box::default() }
    }

    /// Excludes what meets a pattern.
    pub(crate) fn meeting(mut patterns: Vec<Condition>) -> Self {
        patterns.sort();
        patterns.dedup();
        Self { literals: Box::default(), patterns: patterns.into() }
    }

    /// The excluded values.
    pub(crate) const fn literals(&self) -> &[Literal] {
        &self.literals
    }

    /// The patterns of which none may hold.
    pub(crate) const fn patterns(&self) -> &[Condition] {
        &self.patterns
    }

    /// Whether a value is excluded.
    fn contains(&self, value: &Datum<'_>) -> bool {
        self.literals.binary_search_by(|literal| literal.compare(value)).is_ok()
            || self.patterns.iter().any(|condition| condition.holds(value))
    }
}

impl Literal {
    /// The order of literals, between a literal and a value. `Equal` means that they are the same value.
    fn compare(&self, value: &Datum<'_>) -> Ordering {
        match (self, value) {
            (Self::String(own), Datum::String(text)) => (**own).cmp(text),
            (Self::Number(own), Datum::Number(number)) => own.cmp(number),
            (Self::Large(own), Datum::Large(number)) => (**own).cmp(number),
            (Self::Bool(own), Datum::Bool(value)) => own.cmp(value),
            (Self::Null, Datum::Null) => Ordering::Equal,
            (Self::String(_), _) => Ordering::Less,
            (_, Datum::String(_)) => Ordering::Greater,
            (Self::Number(_), _) => Ordering::Less,
            (_, Datum::Number(_)) => Ordering::Greater,
            (Self::Large(_), _) => Ordering::Less,
            (_, Datum::Large(_)) => Ordering::Greater,
            (Self::Bool(_), _) => Ordering::Less,
            (_, Datum::Bool(_)) => Ordering::Greater,
            (Self::Null, _) => Ordering::Less,
        }
    }
}

/// The characters of a text, each in lower case. Unlike `str::to_lowercase` it does not depend on neighbours, so that a
/// text and its upper case have the same fold.
pub(crate) fn fold(text: &str) -> impl DoubleEndedIterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// Whether the first characters are those of `start`.
fn begins_with(mut characters: impl Iterator<Item = char>, mut start: impl Iterator<Item = char>) -> bool {
    start.all(|own| characters.next() == Some(own))
}

/// Replaces `folded` by the fold of `text`.
pub(crate) fn fold_into(folded: &mut String, text: &str) {
    folded.clear();
    if text.is_ascii() {
        folded.push_str(text);
        folded.make_ascii_lowercase();
    } else {
        folded.extend(fold(text));
    }
}

/// Whether the fold of `text` is `folded`.
fn folds_to(text: &str, folded: &str) -> bool {
    fold(text).eq(folded.chars())
}
