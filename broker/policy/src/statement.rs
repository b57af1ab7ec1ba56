//! One statement of a policy: its effect holds for a call where everything else in it matches the call.

use crate::Question;
use crate::actions::{self, ActionSet};
use crate::condition::Condition;
use crate::pattern::Pattern;
use crate::principal::Principals;
use crate::verdict::Effect;

/// A statement, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub(crate) effect: Effect,
    pub(crate) principals: Principals,
    pub(crate) actions: ActionSet,
    pub(crate) resources: Resources,
    /// All of them must hold.
    pub(crate) conditions: Vec<Condition>,
}

/// The queues or topics that a statement is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Resources {
    /// The statement names none: the resource that has the policy.
    Own,
    /// `Resource`
    These(Vec<Pattern>),
    /// `NotResource`
    AllBut(Vec<Pattern>),
}

impl Statement {
    /// Whether the statement matches a call. `arn` is the text of the question's resource, which the caller formats
    /// once for all statements of a policy.
    pub(crate) fn matches(&self, question: &Question<'_>, arn: &str) -> bool {
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
