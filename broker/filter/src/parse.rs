//! From a policy's text to conjunctions of keys.
//!
//! The work is bounded before it is done: the text's size and depth are limited, the tree is read once, its
//! combinations are counted on it, and only a policy within the limits is expanded.
//!
//! **Combinations**, as SNS counts them: the product, over all keys, of the number of a key's values times the key's
//! level of nesting (1 at the root). For `$or`, which SNS does not describe, the alternatives are summed; so no policy
//! expands to more conjunctions than it has combinations.
//!
//! **`$or`** is the relation only where SNS says so: an array of at least two objects, none with a name that is an
//! operator. Elsewhere it is a name like any other.

mod conditions;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::condition::Condition;
use crate::conjunction::{Conjunction, Key};
use crate::dialect::{Dialect, Limits, Scope};
use crate::document::{Json, Member, Node};
use crate::invalid::InvalidPolicy;

/// Names that no member of an alternative has.
const RESERVED: [&str; 8] =
    ["anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"];

/// A policy that is being read.
struct Parser<'a> {
    text: &'a str,
    scope: Scope,
    dialect: Dialect,
}

/// What an object of the policy asks for.
#[derive(Debug)]
enum Term {
    Key(Arc<[Condition]>),
    Object(Terms),
    Or(Vec<Terms>),
}

/// The members of an object by their names: the last of each name.
type Terms = BTreeMap<Arc<str>, Term>;

/// The conjunctions of which a policy wants any.
pub(crate) fn parse(text: &str, scope: Scope, dialect: Dialect) -> Result<Vec<Conjunction>, InvalidPolicy> {
    let limits = dialect.limits();
    if text.len() > limits.size_max {
        return Err(InvalidPolicy::limit("Filter policy is too large"));
    }
    let document = Node::parse(text).map_err(|_| InvalidPolicy::whole("FilterPolicy: failed to parse JSON"))?;
    let parser = Parser { text, scope, dialect };
    let Json::Object(members) = &document.value else {
        return Err(parser.refuse(document.begun(), "Filter is not an object"));
    };
    let terms = parser.terms(members)?;
    if has_too_many_keys(&terms, limits) {
        let reason = format!("Filter policy can not have more than {} keys", limits.keys_max);
        return Err(InvalidPolicy::limit(&reason));
    }
    let combinations = combinations(&terms, 1, limits);
    if combinations > limits.combinations_max {
        return Err(InvalidPolicy::limit("Filter policy is too complex"));
    }
    let conjunctions: Vec<_> = expand(&terms, &mut Vec::new()).into_iter().map(Conjunction::new).collect();
    assert!(conjunctions.len() as u64 <= combinations, "no policy expands to more than it was counted for");
    Ok(conjunctions)
}

impl Parser<'_> {
    fn refuse(&self, place: usize, reason: impl core::fmt::Display) -> InvalidPolicy {
        InvalidPolicy::at(self.text, place, reason)
    }

    fn terms(&self, members: &[Member<'_>]) -> Result<Terms, InvalidPolicy> {
        let mut terms = Terms::new();
        for Member { name, value } in members {
            terms.insert((**name).into(), self.term(name, value)?);
        }
        Ok(terms)
    }

    fn term(&self, name: &str, node: &Node<'_>) -> Result<Term, InvalidPolicy> {
        match &node.value {
            Json::Object(_) if self.scope == Scope::MessageAttributes => {
                Err(InvalidPolicy::whole("Filter policy scope MessageAttributes does not support nested filter policy"))
            }
            Json::Object(members) if members.is_empty() => {
                Err(self.refuse(node.end(), "Empty patterns are not allowed"))
            }
            Json::Object(members) => self.terms(members).map(Term::Object),
            Json::Array(elements) => match alternatives(name, elements) {
                Some(alternatives) => {
                    alternatives.into_iter().map(|members| self.terms(members)).collect::<Result<_, _>>().map(Term::Or)
                }
                None => self.conditions(elements, node.end()).map(|conditions| Term::Key(conditions.into())),
            },
            _ => Err(self.refuse(node.begun(), format_args!("\"{name}\" must be an object or an array"))),
        }
    }
}

/// The alternatives of a `$or`, where it is one.
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

/// Each object that speaks of the event's root is counted by itself.
fn has_too_many_keys(terms: &Terms, limits: &Limits) -> bool {
    terms.len() > limits.keys_max
        || terms.values().any(|term| match term {
            Term::Or(alternatives) => alternatives.iter().any(|terms| has_too_many_keys(terms, limits)),
            Term::Key(_) | Term::Object(_) => false,
        })
}

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

/// Every way of choosing one alternative from each `$or`. Names and conditions are shared, not copied.
fn expand(terms: &Terms, path: &mut Vec<Arc<str>>) -> Vec<Vec<Key>> {
    terms.iter().fold(vec![Vec::new()], |chosen, (name, term)| {
        let choices: Vec<Vec<Key>> = match term {
            Term::Or(alternatives) => alternatives.iter().flat_map(|terms| expand(terms, path)).collect(),
            Term::Key(conditions) => {
                let path = path.iter().chain([name]).cloned().collect();
                vec![vec![Key { path, conditions: Arc::clone(conditions) }]]
            }
            Term::Object(terms) => {
                path.push(Arc::clone(name));
                let choices = expand(terms, path);
                path.pop();
                choices
            }
        };
        let pairs = chosen.iter().flat_map(|keys| choices.iter().map(move |choice| [keys.as_slice(), choice].concat()));
        pairs.collect()
    })
}
