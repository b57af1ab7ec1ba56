//! Access policies of queues and topics: the document in the attribute `Policy`, as AWS writes and evaluates it.
//!
//! - [`Policy::parse`] checks a document once. A `Policy` that exists is valid.
//! - [`Policy::evaluate`] compares and never parses: actions are bit sets, patterns are cut at their wildcards, and
//!   addresses, dates and numbers are values. A statement that denies wins over every one that allows.
//! - If no statement matches a call, the verdict is [`Verdict::Silent`]. The engine decides about it: it allows the call
//!   of the owner's account and refuses any other.
//! - A policy belongs to one [`Service`](posthouse_model::Service). The service decides which actions it may name, how
//!   long it may be, and how a document is refused.
//! - `AddPermission` and `RemovePermission` edit the document: [`queue`] as SQS does, [`topic`] as SNS does.
//!
//! The crate is pure: the time of a call is part of the [`Question`].
//!
//! # Example
//!
//! ```
//! use posthouse_model::{Action, Caller, Identity, QueueAddress, RegionSource, Service, Timestamp, Transport};
//! use posthouse_policy::{Policy, Question, Resource, Verdict};
//!
//! let policy = Policy::parse(
//!     Service::Sqs,
//!     r#"{"Statement": [
//!         {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage"},
//!         {"Effect": "Deny", "Principal": "*", "Action": "sqs:*",
//!          "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
//!     ]}"#,
//! )
//! .expect("a valid document");
//!
//! let queue: QueueAddress = "arn:aws:sqs:eu-west-1:111111111111:orders".parse().expect("an ARN");
//! let verdict = |action, transport| {
//!     let caller = Caller {
//!         identity: Identity::Anonymous,
//!         region: "eu-west-1".parse().expect("a region"),
//!         region_source: RegionSource::Surroundings,
//!         source: [203, 0, 113, 9].into(),
//!         transport,
//!     };
//!     policy.evaluate(&Question {
//!         caller: &caller,
//!         action,
//!         resource: Resource::Queue(&queue),
//!         now: Timestamp::EPOCH,
//!         source: None,
//!         endpoint: None,
//!     })
//! };
//! assert_eq!(verdict(Action::SendMessage, Transport::Tls), Verdict::Allow);
//! assert_eq!(verdict(Action::SendMessage, Transport::Plain), Verdict::Deny);
//! assert_eq!(verdict(Action::ReceiveMessage, Transport::Tls), Verdict::Silent);
//! ```
#![forbid(unsafe_code)]

mod actions;
mod condition;
mod context;
mod date;
mod json;
mod parse;
mod pattern;
mod policy;
mod principal;
mod question;
pub mod queue;
mod statement;
#[cfg(test)]
mod tests;
pub mod topic;
mod verdict;

pub use policy::Policy;
pub use question::{Question, Resource};
pub use verdict::Verdict;
