//! The policy of a queue or a topic: parsed once, evaluated for each call.

use posthouse_model::Service;
use posthouse_model::fault::PolicyProblem;

use crate::parse::Kind;
use crate::principal::Principals;
use crate::statement::{Inquiry, Statement};
use crate::verdict::{Effect, Verdict};
use crate::{Question, actions, parse};

/// A queue's or a topic's policy, checked and ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    statements: Vec<(Principals, Statement)>,
    denies: bool,
}

impl Policy {
    /// Checks a policy document of a service.
    ///
    /// # Errors
    /// The first rule that the document breaks.
    pub fn parse(service: Service, text: &str) -> Result<Self, PolicyProblem> {
        let document = parse::document(Kind::Resource(service), text)?;
        let statements = parse::resource_statements(service, &document)?;
        let denies = statements.iter().any(|(_, statement)| statement.effect == Effect::Deny);
        Ok(Self { statements, denies })
    }

    /// What the policy says about a call.
    ///
    /// `Allow` is the answer only where the statement itself lets the caller in:
    ///
    /// - A caller of another account is never let in to an action that only the owner's account may call
    ///   (`SetQueueAttributes`, `DeleteQueue`, …), however wide the statement is.
    /// - A user of the owner's account is let in by a statement that names the user or every principal. One that names
    ///   the account leaves the decision to the user's own policies, as in IAM.
    #[must_use]
    pub fn evaluate(&self, question: &Question<'_>) -> Verdict {
        self.put(&Inquiry::new(question))
    }

    /// As [`Policy::evaluate`], of an inquiry that other policies are asked too.
    pub(crate) fn put(&self, inquiry: &Inquiry<'_>) -> Verdict {
        let question = inquiry.question;
        let identity = &question.caller.identity;
        let mut verdict = Verdict::Silent;
        for (principals, statement) in &self.statements {
            if !principals.match_caller(statement.effect, identity) || !statement.matches(inquiry) {
                continue;
            }
            match statement.effect {
                Effect::Deny => return Verdict::Deny,
                Effect::Allow if lets_in(principals, question) => verdict = Verdict::Allow,
                Effect::Allow => {}
            }
        }
        verdict
    }

    /// Whether a statement denies anything. If none does, [`Policy::evaluate`] never answers [`Verdict::Deny`].
    pub(crate) const fn denies(&self) -> bool {
        self.denies
    }
}

/// Whether a statement that allows a call by these principals lets the caller in.
fn lets_in(principals: &Principals, question: &Question<'_>) -> bool {
    if question.caller.account() == Some(question.resource.account()) {
        principals.name(&question.caller.identity)
    } else {
        !actions::is_owners(question.action)
    }
}
