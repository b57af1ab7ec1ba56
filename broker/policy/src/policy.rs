//! A policy as a whole: parsed once, evaluated for each call.

use posthouse_model::Service;
use posthouse_model::fault::PolicyProblem;

use crate::statement::Statement;
use crate::verdict::{Effect, Verdict};
use crate::{Question, actions, parse};

/// A queue's or a topic's policy, checked and ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
}

impl Policy {
    /// Checks a policy document of a service.
    ///
    /// # Errors
    /// The first rule that the document breaks.
    pub fn parse(service: Service, text: &str) -> Result<Self, PolicyProblem> {
        let document = parse::document(service, text)?;
        Ok(Self { statements: parse::statements(service, &document)? })
    }

    /// What the policy says about a call.
    ///
    /// `Allow` is never the answer for a caller of another account and an action that only the owner's account may
    /// call (`SetQueueAttributes`, `DeleteQueue`, …), however wide the statement is.
    #[must_use]
    pub fn evaluate(&self, question: &Question<'_>) -> Verdict {
        let arn = question.resource.to_string();
        let mut verdict = Verdict::Silent;
        for statement in self.statements.iter().filter(|statement| statement.matches(question, &arn)) {
            match statement.effect {
                Effect::Deny => return Verdict::Deny,
                Effect::Allow if is_grantable(question) => verdict = Verdict::Allow,
                Effect::Allow => {}
            }
        }
        verdict
    }
}

/// Whether a statement that allows counts: always for the owner's account, for another caller only where the action
/// may cross accounts.
fn is_grantable(question: &Question<'_>) -> bool {
    question.caller.account() == Some(question.resource.account()) || !actions::is_owners(question.action)
}
