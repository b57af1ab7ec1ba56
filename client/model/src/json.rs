//! JSON as the documents of SNS are read: filter policies, redrive policies, and the bodies that filter policies look at.
//!
//! - [`Reader`] reads a text token by token, without recursion, and knows the place of each token.
//! - [`Node`] is a text as a tree.
//! - [`compact`] is a text without the white space between its tokens.
//! - [`JsonProblem`] says why a text is no JSON: facts, for the sentence that a codec writes.
//!
//! Every text is read by the same [`Reader`], so that all agree on every character.

mod compact;
mod document;
mod problem;
mod reader;
#[cfg(test)]
mod tests;

pub use compact::compact;
pub use document::{Json, Member, Node};
pub use problem::{Container, Expectation, JsonError, JsonProblem, NumberPart, Place, Quoted, Unfinished};
pub use reader::{JsonToken, Reader};
