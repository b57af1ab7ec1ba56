//! Policies of queues and topics: who beside the owner may do what, as the `Policy` attribute says it and as AWS
//! evaluates it.
//!
//! [`Policy::parse`] checks a document once and keeps it in a form that [`Policy::decide`] only compares: actions are
//! sets, patterns are cut at their wildcards, addresses, dates and numbers are parsed. A policy that exists is valid.
//! An explicit deny wins over every allow, and what no statement speaks of is [`Decision::Silent`]: whether silence
//! admits the caller (the owner) or not (everybody else) is the engine's decision, not this module's.
//!
//! A policy is one of a service's: that decides which actions it may name, how long it may be, and in whose words it is
//! refused. `AddPermission` and `RemovePermission` edit its text ([`add_permission`], [`topic::add_permission`]).

mod actions;
mod condition;
mod context;
mod date;
mod json;
mod parse;
mod pattern;
mod permission;
mod principal;
#[cfg(test)]
mod tests;
pub mod topic;

pub use permission::{add_permission, remove_permission};

use core::fmt;

use posthouse_model::{
    AccountId, Action, Caller, Endpoint, Fault, QueueAddress, Region, Service, SnsFault, Timestamp, TopicAddress,
};

use actions::ActionSet;
use condition::Condition;
use pattern::Pattern;
use principal::Principals;

/// A queue's or a topic's policy, checked and ready to decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// One statement: its effect holds where everything else in it matches.
#[derive(Clone, Debug, PartialEq)]
struct Statement {
    effect: Effect,
    principals: Principals,
    actions: ActionSet,
    resources: Resources,
    conditions: Vec<Condition>,
}

/// What a statement does where it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// The queues or topics that a statement speaks of.
#[derive(Clone, Debug, PartialEq)]
enum Resources {
    /// The statement names none: the one that bears the policy.
    Own,
    /// `Resource`
    These(Vec<Pattern>),
    /// `NotResource`
    AllBut(Vec<Pattern>),
}

/// What a policy is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// What the caller wants to do; a batch is judged as the single action of its entries.
    pub action: Action,
    /// What to do it with, which bears the policy.
    pub resource: Resource<'a>,
    /// The time of the call.
    pub now: Timestamp,
    /// The topic that the broker delivers for, where the broker calls: `aws:SourceArn` and `aws:SourceAccount`.
    pub source: Option<&'a TopicAddress>,
    /// Who is to be subscribed: `sns:Protocol` and `sns:Endpoint`.
    pub endpoint: Option<&'a Endpoint>,
}

/// What bears a policy. Displayed as its ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A queue.
    Queue(&'a QueueAddress),
    /// A topic.
    Topic(&'a TopicAddress),
}

impl<'a> Resource<'a> {
    /// The account that owns it.
    #[must_use]
    pub const fn account(self) -> AccountId {
        match self {
            Self::Queue(queue) => queue.account,
            Self::Topic(topic) => topic.account,
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn region(self) -> &'a Region {
        match self {
            Self::Queue(queue) => &queue.region,
            Self::Topic(topic) => &topic.region,
        }
    }
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(queue) => queue.fmt(f),
            Self::Topic(topic) => topic.fmt(f),
        }
    }
}

/// What a policy says about a [`Question`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allow,
    /// A statement denies it.
    Deny,
    /// No statement speaks of it.
    Silent,
}

impl Policy {
    /// Checks a policy document of a service's.
    ///
    /// # Errors
    /// [`Fault::InvalidAttributeValue`] for the attribute `Policy`, with the first rule that the document breaks; for a
    /// topic's [`SnsFault::InvalidParameter`] with the same reason.
    pub fn parse(service: Service, text: &str) -> Result<Self, Fault> {
        let policy = parse::document(service, text).and_then(|document| parse::policy(service, &document));
        policy.map_err(|fault| match fault {
            Fault::InvalidAttributeValue(_, Some(reason)) if service == Service::Sns => {
                SnsFault::invalid_parameter(&format!("Policy Error: {reason}"))
            }
            other => other,
        })
    }

    /// What the policy says about a call. It never lets another account do what only the owner's may
    /// (`SetQueueAttributes`, `DeleteQueue`, …), however wide its `Allow` is.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        let arn = question.resource.to_string();
        let mut decision = Decision::Silent;
        for statement in self.statements.iter().filter(|statement| statement.matches(question, &arn)) {
            match statement.effect {
                Effect::Deny => return Decision::Deny,
                Effect::Allow if is_grantable(question) => decision = Decision::Allow,
                Effect::Allow => {}
            }
        }
        decision
    }
}

/// Whether an `Allow` counts: for the owner's account always, for others only where the action may cross accounts.
fn is_grantable(question: &Question<'_>) -> bool {
    question.caller.account() == Some(question.resource.account()) || !actions::is_owners(question.action)
}

impl Statement {
    fn matches(&self, question: &Question<'_>, arn: &str) -> bool {
        self.actions.contains(actions::authorized_as(question.action))
            && self.principals.match_caller(self.effect, &question.caller.identity)
            && self.resources.contain(arn)
            && self.conditions.iter().all(|condition| condition.holds(question))
    }
}

impl Resources {
    fn contain(&self, arn: &str) -> bool {
        match self {
            Self::Own => true,
            Self::These(patterns) => patterns.iter().any(|pattern| pattern.matches(arn)),
            Self::AllBut(patterns) => !patterns.iter().any(|pattern| pattern.matches(arn)),
        }
    }
}
