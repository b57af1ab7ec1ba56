//! Filter policies: which messages a subscription wants.
//!
//! A [`Policy`] is parsed and checked once; a policy that exists is valid. An [`Event`] is what is matched: the
//! attributes of one message, or its body. [`Policy::matches`] asks one policy and is the definition of what matches;
//! an [`Index`] holds many policies and finds those that match without asking each. It is changed in place, and what
//! it finds is, always, what asking one by one would find; but it gives up on an event whose values, times the
//! conditions they have to be asked, are too many ([`TooManyValues`]).
//!
//! The grammar is a parameter ([`Dialect`]): Amazon SNS's own, or the larger one of Amazon EventBridge.
//!
//! # What matches
//!
//! - All keys of a policy must be met. A key is met where one of its conditions holds for one of the key's values.
//! - The values of a key are the strings, numbers, `true`, `false` and `null` that stand at its place in the event.
//!   Arrays there, and arrays in them, stand for their elements; an object is no value, and an empty array has none.
//! - Keys of a policy that lie below the same array of objects must be met by one and the same element of it. A name that
//!   an object of the event repeats is taken for an array of its values.
//! - `anything-but` holds for each value that is not excluded: for an array, where one element is not excluded.
//! - `exists: false` holds where the key has no value in the whole event.
//! - A String attribute is a string, a Number attribute a number, a String.Array attribute the elements of its array.
//!   A Binary attribute is only there: no condition holds for it but `exists: true`.
//! - Numbers are compared by value: 3.0 is 3. They are held as 64-bit floating point, which keeps apart any two
//!   numbers of SNS's range (one thousand million, five digits after the point).
#![forbid(unsafe_code)]

mod budget;
mod condition;
mod conjunction;
mod dialect;
mod document;
mod event;
mod index;
mod invalid;
mod json;
mod number;
mod parse;
mod policy;
mod wildcard;

pub use budget::TooManyValues;
pub use dialect::{Dialect, Scope};
pub use event::{Attribute, Event, TooManyNodes, Value};
pub use index::{Index, Scratch};
pub use invalid::InvalidPolicy;
pub use policy::Policy;
