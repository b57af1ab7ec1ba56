//! From the text of a policy to conjunctions of keys.
//!
//! The work is bounded before it is done. The length and the depth of the text are limited, the tree is read once, its
//! combinations are counted on the tree, and only a policy within the limits is expanded.
//!
//! SNS writes a policy anew without white space before it reads it (recorded from AWS). The places of a problem with the
//! grammar are those of that text, which is made for a policy that is refused only. EventBridge reads a pattern as it is
//! given.
//!
//! The grammar is checked before the scope, and the limits last.
//!
//! **Combinations**, as SNS counts them (SNS guide, "Filter policy constraints"): the product, over all keys, of the
//! number of a key's values times the key's level of nesting (1 at the root). SNS does not describe `$or`. Here its
//! alternatives are summed, so that no policy expands to more conjunctions than it has combinations.
//!
//! **`$or`** is the relation only where SNS takes it as one (SNS guide, "AND/OR logic"): an array of at least two
//! objects, none of which has the name of an operator. Elsewhere it is a name like any other.

mod conditions;
pub(crate) mod memory;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use posthouse_model::fault::{FilterLimit, FilterPlace, FilterProblem, FilterRule, excerpt};
use posthouse_model::json::{Json, Member, Node, Place, compact};

use crate::condition::Condition;
use crate::conjunction::{Conjunction, Key};
use crate::dialect::{Dialect, Limits, Scope};

/// The names of operators, which no member of an alternative has.
const RESERVED: [&str; 8] =
    ["anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"];

/// The parts of all paths of one conjunction at most. AWS documents no such limit. It bounds the depth of the recursion in
/// [`Conjunction::matches`], which dots would make as deep as the policy is long.
const PARTS_MAX: usize = 1_000;

/// The parts of all paths of a policy at most. AWS documents no such limit: 150 combinations of five keys with a dozen parts
/// each have fewer. An index takes microseconds and half a KiB for each part, and a policy of 256 KiB could have 130,000.
const PARTS_OF_ALL_MAX: usize = 10_000;

/// The UTF-16 units of a policy that a problem quotes at most, as Jackson does.
const QUOTED_UNITS_MAX: usize = 500;

/// A policy that is being read.
struct Parser<'a> {
    text: &'a str,
    dialect: Dialect,
}

/// What a member of the policy requires.
#[derive(Debug)]
enum Term {
    Key(Arc<[Condition]>),
    Object(Terms),
    Or(Vec<Terms>),
}

/// The members of an object by name. Of a repeated name, the last one counts.
type Terms = BTreeMap<Arc<str>, Term>;

/// A policy that was read.
pub(crate) struct Parsed {
    /// It matches if one of these does.
    pub(crate) conjunctions: Vec<Conjunction>,
    /// The memory that it takes ([`memory`]).
    pub(crate) memory_bytes: u64,
}

/// Parses a policy.
///
/// # Errors
///
/// [`FilterProblem`] if the text is not JSON, breaks the grammar, or exceeds a limit.
pub(crate) fn parse(text: &str, scope: Scope, dialect: Dialect) -> Result<Parsed, FilterProblem> {
    let limits = dialect.limits();
    if text.len() > limits.size_max {
        return Err(FilterProblem::Limit(FilterLimit::Bytes));
    }
    let given = Node::parse(text).map_err(FilterProblem::NotJson)?;
    let terms = Parser { text, dialect }.policy(&given).map_err(|problem| match dialect {
        Dialect::Sns => problem_without_space(text).unwrap_or(problem),
        Dialect::EventBridge => problem,
    })?;
    if scope == Scope::MessageAttributes && is_nested(&terms) {
        return Err(FilterProblem::Nested);
    }
    if has_too_many_keys(&terms, limits) {
        return Err(FilterProblem::Limit(FilterLimit::Keys { max: limits.keys_max }));
    }
    let combinations = combinations(&terms, 1, limits);
    let has_too_many_parts = parts(&terms, 0) > PARTS_MAX || parts_of_all(&terms) > PARTS_OF_ALL_MAX;
    if combinations > limits.combinations_max || has_too_many_parts {
        return Err(FilterProblem::Limit(FilterLimit::Combinations));
    }
    let conjunctions: Vec<_> = expand(&terms, &mut Vec::new()).into_iter().map(Conjunction::new).collect();
    assert!(conjunctions.len() as u64 <= combinations, "no policy expands to more than it was counted for");
    let memory_bytes = memory::of_policy(text, &terms, combinations, conjunctions.len());
    Ok(Parsed { conjunctions, memory_bytes })
}

/// The problem of a refused policy, with its place in the text without white space. `None` where that text is the given
/// one.
fn problem_without_space(text: &str) -> Option<FilterProblem> {
    let Cow::Owned(compact) = compact(text) else { return None };
    let document = Node::parse(&compact).expect("white space between tokens has no meaning");
    Parser { text: &compact, dialect: Dialect::Sns }.policy(&document).err()
}

impl Parser<'_> {
    /// The problem at an offset of the text.
    fn refuse(&self, offset: usize, rule: FilterRule) -> FilterProblem {
        let units = |text: &str| text.encode_utf16().count();
        let mut left = QUOTED_UNITS_MAX;
        let fits = |character: char| {
            let rest = left.checked_sub(character.len_utf16());
            left = rest.unwrap_or_default();
            rest.is_some()
        };
        let end = self.text.len() - self.text.trim_start_matches(fits).len();
        let (quoted, cut) = self.text.split_at(end);
        let place = FilterPlace { quoted: quoted.into(), cut_units: units(cut), place: Place::of(self.text, offset) };
        FilterProblem::Grammar { rule, place: Box::new(place) }
    }

    /// The members of the whole policy.
    ///
    /// # Errors
    ///
    /// It is no object, or breaks another rule of the grammar.
    fn policy(&self, document: &Node<'_>) -> Result<Terms, FilterProblem> {
        match &document.value {
            Json::Object(members) => self.terms(members),
            Json::Array(_) | Json::String(_) | Json::Number(_) | Json::Bool(_) | Json::Null => {
                Err(self.refuse(document.begun(), FilterRule::NotAnObject))
            }
        }
    }

    /// The members of an object.
    ///
    /// # Errors
    ///
    /// They break the grammar.
    fn terms(&self, members: &[Member<'_>]) -> Result<Terms, FilterProblem> {
        let mut terms = Terms::new();
        for Member { name, value } in members {
            terms.insert((**name).into(), self.term(name, value)?);
        }
        Ok(terms)
    }

    /// One member of an object.
    ///
    /// # Errors
    ///
    /// It breaks the grammar.
    fn term(&self, name: &str, node: &Node<'_>) -> Result<Term, FilterProblem> {
        match &node.value {
            Json::Object(members) if members.is_empty() => Err(self.refuse(node.end(), FilterRule::EmptyObject)),
            Json::Object(members) => self.terms(members).map(Term::Object),
            Json::Array(elements) => match alternatives(name, elements) {
                Some(alternatives) => {
                    alternatives.into_iter().map(|members| self.terms(members)).collect::<Result<_, _>>().map(Term::Or)
                }
                None => self.conditions(elements, node.end()).map(|conditions| Term::Key(conditions.into())),
            },
            Json::String(_) | Json::Number(_) | Json::Bool(_) | Json::Null => {
                Err(self.refuse(node.begun(), FilterRule::NotAContainer { name: excerpt(name).into() }))
            }
        }
    }
}

/// The alternatives of a `$or`, or `None` if the member is not the relation.
fn alternatives<'d, 'a>(name: &str, elements: &'d [Node<'a>]) -> Option<Vec<&'d [Member<'a>]>> {
    if name != "$or" || elements.len() < 2 {
        return None;
    }
    let alternative = |element: &'d Node<'a>| match &element.value {
        Json::Object(members) if !members.is_empty() => {
            let is_reserved = |member: &Member<'_>| RESERVED.contains(&&*member.name);
            (!members.iter().any(is_reserved)).then_some(&**members)
        }
        _ => None,
    };
    elements.iter().map(alternative).collect()
}

/// Whether a key of an object, or of an alternative of a `$or`, has keys below it.
fn is_nested(terms: &Terms) -> bool {
    terms.values().any(|term| match term {
        Term::Key(_) => false,
        Term::Object(_) => true,
        Term::Or(alternatives) => alternatives.iter().any(is_nested),
    })
}

/// Whether an object at the root has more keys than the limit. Each alternative of a `$or` counts by itself.
fn has_too_many_keys(terms: &Terms, limits: &Limits) -> bool {
    terms.len() > limits.keys_max
        || terms.values().any(|term| match term {
            Term::Or(alternatives) => alternatives.iter().any(|terms| has_too_many_keys(terms, limits)),
            Term::Key(_) | Term::Object(_) => false,
        })
}

/// The combinations of the members of an object at a level of nesting. Saturates.
fn combinations(terms: &Terms, depth: u64, limits: &Limits) -> u64 {
    terms.values().fold(1, |product: u64, term| {
        let factor = match term {
            Term::Key(conditions) if limits.values_multiply => depth.saturating_mul(conditions.len() as u64),
            Term::Key(_) => 1,
            Term::Object(terms) => combinations(terms, depth + 1, limits),
            Term::Or(alternatives) => {
                alternatives.iter().fold(0, |sum: u64, terms| sum.saturating_add(combinations(terms, depth, limits)))
            }
        };
        product.saturating_mul(factor)
    })
}

/// The parts of a name: a name with dots is the same as names below each other.
fn parts_of(name: &Arc<str>) -> Vec<Arc<str>> {
    if name.contains('.') { name.split('.').map(Arc::from).collect() } else { vec![Arc::clone(name)] }
}

/// The parts of all paths of the conjunction that has the most of them. `above` parts lead to the object.
fn parts(terms: &Terms, above: usize) -> usize {
    terms.iter().fold(0, |sum: usize, (name, term)| {
        let parts_here = above + name.split('.').count();
        sum.saturating_add(match term {
            Term::Key(_) => parts_here,
            Term::Object(terms) => parts(terms, parts_here),
            Term::Or(alternatives) => alternatives.iter().map(|terms| parts(terms, above)).max().unwrap_or_default(),
        })
    })
}

/// The parts of the names of all members, each counted where it stands.
fn parts_of_all(terms: &Terms) -> usize {
    let of_member = |(name, term): (&Arc<str>, &Term)| match term {
        Term::Key(_) => name.split('.').count(),
        Term::Object(terms) => name.split('.').count() + parts_of_all(terms),
        Term::Or(alternatives) => alternatives.iter().map(parts_of_all).sum(),
    };
    terms.iter().map(of_member).sum()
}

/// The conjunctions of the members of an object: every choice of one alternative from each `$or`. Names and conditions
/// are shared, not copied.
fn expand(terms: &Terms, path: &mut Vec<Arc<str>>) -> Vec<Vec<Key>> {
    terms.iter().fold(vec![Vec::new()], |chosen, (name, term)| {
        let choices: Vec<Vec<Key>> = match term {
            Term::Or(alternatives) => alternatives.iter().flat_map(|terms| expand(terms, path)).collect(),
            Term::Key(conditions) => {
                let path = path.iter().cloned().chain(parts_of(name)).collect();
                vec![vec![Key { path, conditions: Arc::clone(conditions) }]]
            }
            Term::Object(terms) => {
                let above = path.len();
                path.extend(parts_of(name));
                let choices = expand(terms, path);
                path.truncate(above);
                choices
            }
        };
        let pairs = chosen.iter().flat_map(|keys| choices.iter().map(move |choice| [keys.as_slice(), choice].concat()));
        pairs.collect()
    })
}
