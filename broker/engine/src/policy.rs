//! Queue policies: who beside the owner may do what, as the `Policy` attribute says it and as AWS evaluates it.
//!
//! [`Policy::parse`] checks a document once and keeps it in a form that [`Policy::decide`] only compares: actions are
//! sets, patterns are cut at their wildcards, addresses, dates and numbers are parsed. A policy that exists is valid.
//! An explicit deny wins over every allow, and what no statement speaks of is [`Decision::Silent`]: whether silence
//! admits the caller (the owner) or not (everybody else) is the engine's decision, not this module's.
//!
//! `AddPermission` and `RemovePermission` edit the text of a policy ([`add_permission`], [`remove_permission`]).

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

pub use permission::{add_permission, remove_permission};

use posthouse_model::{Action, Caller, Fault, QueueAddress, Timestamp};

use actions::ActionSet;
use condition::Condition;
use pattern::Pattern;
use principal::Principals;

/// A queue's policy, checked and ready to decide.
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

/// The queues that a statement speaks of.
#[derive(Clone, Debug, PartialEq)]
enum Resources {
    /// The statement names none: the queue that bears the policy.
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
    /// The queue to do it with, which bears the policy.
    pub resource: &'a QueueAddress,
    /// The time of the call.
    pub now: Timestamp,
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
    /// Checks a policy document.
    ///
    /// # Errors
    /// [`Fault::InvalidAttributeValue`] for the attribute `Policy`, with the first rule that the document breaks.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        parse::policy(&parse::document(text)?)
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
    question.caller.account() == Some(question.resource.account) || !actions::is_owners(question.action)
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
