//! Filter policies: which messages a subscription receives.
//!
//! A [`Policy`] is parsed and checked once. A policy that exists is valid. An [`Event`] holds the attributes of one
//! message, or its body. [`Policy::matches`] evaluates one policy and is the definition of what matches. An [`Index`]
//! holds many policies and finds the matching ones without evaluating each.
//!
//! Invariant: [`Index::find`] returns exactly the policies for which [`Policy::matches`] holds, or [`Unfinished`], after
//! any series of insertions and removals.
//!
//! The grammar is a parameter ([`Dialect`]): that of Amazon SNS, or the larger one of Amazon EventBridge.
//!
//! There is no clock, thread or entropy in this crate. Hash maps take a seed.
//!
//! # What matches
//!
//! The rules are those of the SNS guide, "Amazon SNS subscription filter policies".
//!
//! - All keys of a policy must be met. A key is met if one of its conditions holds for one of its values.
//! - A key is a whole path, the names joined by dots, in policy and event alike: `{"a.b": …}` is `{"a": {"b": …}}`
//!   (recorded from AWS).
//! - The values of a key are the strings, numbers, `true`, `false` and `null` at its place in the event. An array
//!   stands for its elements, also within an array. An object is no value, and an empty array has no values.
//! - Keys that lie below the same array of objects must be met by the same element. If a path occurs several times in an
//!   event, by a repeated name or by dots, the key has the values of all of them.
//! - `anything-but` holds for a value that is not excluded. An array meets it if at least one element is not excluded.
//! - `exists: false` holds if the key has no value in the event. Below an array of objects it is asked of the element in
//!   which the keys before it are met, in the order of their paths, and of all elements where there is no such key.
//! - An event without any attributes is matched by `{}` only (SNS guide, "Key matching").
//! - A String attribute is a string, a Number attribute a number, and a String.Array attribute the elements of its
//!   array. Of a Binary attribute only its presence is known: `exists: true` is the only condition that holds.
//! - Numbers are compared by value: 3.0 equals 3. All digits before the point count, and six behind it. SNS promises
//!   five for its range (one thousand million), and Event Ruler, the matcher that AWS publishes, documents six.
//!
//! # Examples
//!
//! ```
//! use posthouse_filter::{Attribute, Dialect, Event, Policy, Scope, Value};
//!
//! let text = r#"{"colour": ["red", {"prefix": "dark"}]}"#;
//! let policy = Policy::parse(text, Scope::MessageAttributes, Dialect::Sns)?;
//!
//! let colour = |value| Event::attributes([Attribute { name: "colour", value: Value::String(value) }]);
//! assert!(policy.matches(&colour("red")));
//! assert!(policy.matches(&colour("dark blue")));
//! assert!(!policy.matches(&colour("blue")));
//! # Ok::<(), posthouse_model::fault::FilterProblem>(())
//! ```
#![forbid(unsafe_code)]

mod budget;
mod condition;
mod conjunction;
mod dialect;
mod event;
mod explain;
mod index;
mod number;
mod parse;
mod policy;
mod wildcard;

pub use budget::{Allowance, Unfinished};
pub use dialect::{Dialect, Scope};
pub use event::{Attribute, Event, TooManyNodes, Value};
pub use explain::Unmet;
pub use index::{Index, Scratch};
pub use policy::Policy;
