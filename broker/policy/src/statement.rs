//! One statement of a policy: its effect holds for a call where everything else in it matches the call.

use core::cell::OnceCell;

use crate::Question;
use crate::actions::{self, ActionSet};
use crate::condition::Condition;
use crate::pattern::Pattern;
use crate::template::Operand;
use crate::verdict::Effect;

/// A statement, checked. Whom it is about is beside it in a resource policy. In an identity policy that is the user who
/// has the policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub(crate) effect: Effect,
    pub(crate) actions: ActionSet,
    pub(crate) resources: Resources,
    /// All of them must hold.
    pub(crate) conditions: Vec<Condition>,
}

/// The resources that a statement is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Resources {
    /// The statement names none: the resource that has the policy.
    Own,
    /// `Resource`
    These(Vec<Operand<Pattern>>),
    /// `NotResource`
    AllBut(Vec<Operand<Pattern>>),
}

/// A question while it is put to the statements of one or more policies.
#[derive(Debug)]
pub(crate) struct Inquiry<'a> {
    pub(crate) question: &'a Question<'a>,
    /// The resource's ARN, written when the first statement asks for it.
    arn: OnceCell<String>,
}

impl<'a> Inquiry<'a> {
    pub(crate) const fn new(question: &'a Question<'a>) -> Self {
        Self { question, arn: OnceCell::new() }
    }

    fn arn(&self) -> &str {
        self.arn.get_or_init(|| self.question.resource.to_string())
    }
}

impl Statement {
    /// Whether the statement matches a call, whoever makes it.
    pub(crate) fn matches(&self, inquiry: &Inquiry<'_>) -> bool {
        self.actions.contains(actions::authorized_as(inquiry.question.action))
            && self.resources.contain(inquiry)
            && self.conditions.iter().all(|condition| condition.holds(inquiry.question))
    }
}

impl Resources {
    fn contain(&self, inquiry: &Inquiry<'_>) -> bool {
        let any = |patterns: &[Operand<Pattern>]| {
            patterns.iter().any(|pattern| {
                pattern.holds(inquiry.question, |pattern| pattern.matches_all() || pattern.matches(inquiry.arn()))
            })
        };
        match self {
            Self::Own => true,
            Self::These(patterns) => any(patterns),
            Self::AllBut(patterns) => !any(patterns),
        }
    }
}
