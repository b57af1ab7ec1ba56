//! Access policies: the document in the attribute `Policy` of a queue or a topic, and those of users and groups, as AWS
//! writes and evaluates them.
//!
//! - [`Policy::parse`] checks a document once. A `Policy` that exists is valid.
//! - [`Policy::evaluate`] compares and never parses: actions are bit sets, patterns are cut at their wildcards, and
//!   addresses, dates and numbers are values. A statement that denies wins over every one that allows.
//! - If no statement matches a call, the verdict is [`Verdict::Silent`].
//! - [`authorize`] decides about a call by all policies that it concerns: that of the resource, and the identity
//!   policies of the caller's user. The rules stand there.
//! - A [`Policy`] belongs to one [`Service`](posthouse_model::Service). The service decides which actions it may name, how
//!   long it may be, and how a document is refused.
//! - `AddPermission` and `RemovePermission` edit the document: [`queue`] as SQS does, [`topic`] as SNS does.
//!
//! The crate is pure: the time of a call is part of the [`Question`].
//!
//! # Example
//!
//! ```
//! use posthouse_model::{Action, Caller, Identity, QueueAddress, RegionSource, Service, Timestamp, Transport};
//! use posthouse_policy::{Detail, Policy, Question, Resource, Verdict};
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
//!         tags: None,
//!         now: Timestamp::EPOCH,
//!         detail: Detail::None,
//!     })
//! };
//! assert_eq!(verdict(Action::SendMessage, Transport::Tls), Verdict::Allow);
//! assert_eq!(verdict(Action::SendMessage, Transport::Plain), Verdict::Deny);
//! assert_eq!(verdict(Action::ReceiveMessage, Transport::Tls), Verdict::Silent);
//! ```
#![forbid(unsafe_code)]

mod actions;
mod authorize;
mod condition;
mod context;
mod date;
mod identity;
mod json;
mod parse;
mod pattern;
mod policy;
mod principal;
mod question;
pub mod queue;
mod statement;
mod template;
#[cfg(test)]
mod tests;
pub mod topic;
mod verdict;

pub use actions::authorized_as;
pub use authorize::{Standing, authorize, authorize_user};
pub use identity::{IdentityPolicies, IdentityPolicy, PolicySet};
pub use parse::IdentityPolicyProblem;
pub use policy::Policy;
pub use question::{Detail, Question, Resource};
pub use verdict::Verdict;
