//! What is said of an access policy that is refused. Each service has words of its own for actions; AWS's words for
//! the rest are mostly unknown, and these are the broker's own.

use posthouse_model::fault::{ActionRule, PolicyLevel, PolicyPart, PolicyProblem};

/// What is said.
pub(crate) enum Words<'a> {
    /// What the service says of an action that it does not have, or that cannot be granted.
    Action(&'a str, ActionRule),
    /// What the service says of an action of another service.
    ActionOutOfScope(&'a str),
    /// This sentence.
    Sentence(String),
}

pub(crate) fn words(problem: &PolicyProblem) -> Words<'_> {
    Words::Sentence(match problem {
        PolicyProblem::Action { action, rule } => return Words::Action(action, *rule),
        PolicyProblem::ActionOutOfScope { action } => return Words::ActionOutOfScope(action),
        PolicyProblem::NotJson(problem) => {
            let (line, column) = (problem.place.line, problem.place.column);
            format!("The policy is not valid JSON at line {line}, column {column}.")
        }
        PolicyProblem::RepeatedMember { name } => format!("The policy has two members {name} in one object."),
        PolicyProblem::NotAnObject => "The policy must be a JSON object.".into(),
        PolicyProblem::TooMany { part: PolicyPart::Bytes, found, max } => {
            format!("The policy has {found} bytes, maximum allowed is {max}.")
        }
        PolicyProblem::TooMany { part: PolicyPart::Statements, found, max } => too_many("Statements", *found, *max),
        PolicyProblem::TooMany { part: PolicyPart::Principals, found, max } => too_many("Principals", *found, *max),
        PolicyProblem::TooMany { part: PolicyPart::Actions, found, max } => too_many("Actions", *found, *max),
        PolicyProblem::Version => "Version must be 2008-10-17 or 2012-10-17.".into(),
        PolicyProblem::Missing { element } => format!("Missing required field {element}."),
        PolicyProblem::Empty { element } => format!("{element} must not be empty."),
        PolicyProblem::ElementNotAnObject { element } => format!("{element} must be a JSON object."),
        PolicyProblem::NotAString { element } => format!("{element} must be a string."),
        PolicyProblem::UnknownElement { name, within: PolicyLevel::Document } => {
            format!("Unknown field {name} in the policy.")
        }
        PolicyProblem::UnknownElement { name, within: PolicyLevel::Statement } => {
            format!("Unknown field {name} in a statement.")
        }
        PolicyProblem::RepeatedLabel { label } => format!("Sid {label} is given to more than one statement."),
        PolicyProblem::Effect => "Effect must be Allow or Deny.".into(),
        PolicyProblem::Contradiction { elements: [one, other] } => {
            format!("A statement must not have both {one} and {other}.")
        }
        PolicyProblem::PrincipalShape => "Principal must be * or an object of principals.".into(),
        PolicyProblem::Principal { kind, value } => format!("Invalid principal {kind}: {value}."),
        PolicyProblem::UnknownOperator { operator } => format!("Invalid Condition type: {operator}."),
        PolicyProblem::ConditionValue { operator, key, value } => {
            format!("Invalid value {value} for {key} in Condition {operator}.")
        }
        PolicyProblem::ConditionEmpty { key } => format!("Condition key {key} has no value."),
        PolicyProblem::ConditionShape { key } => {
            format!("The values of condition key {key} must be strings, numbers or booleans.")
        }
        PolicyProblem::TooMany { part: PolicyPart::Characters, found, max } => {
            format!("The policy has {found} characters without white space, maximum allowed is {max}.")
        }
        PolicyProblem::Variable { text } => format!("{text} has a policy variable that is malformed or unknown."),
        PolicyProblem::VariableVersion { text } => {
            format!("{text} has a policy variable, which needs Version 2012-10-17.")
        }
        PolicyProblem::IdentityPrincipal { element } => {
            format!("The policy of a user or a group has no {element}: it is about the users that have it.")
        }
        PolicyProblem::ActionShape { action } => {
            format!("Action {action} must be * or a service and a name, such as sqs:SendMessage.")
        }
        PolicyProblem::ResourceShape { resource } => format!("Resource {resource} must be an ARN or *."),
        PolicyProblem::UnknownKey { key } => format!("Condition key {key} is unknown."),
    })
}

/// What is said of an identity policy that is refused, in the configuration.
#[must_use]
pub fn identity_policy_message(problem: &PolicyProblem) -> String {
    match words(problem) {
        Words::Action(action, _) if action.ends_with("Batch") => {
            format!("Action {action} is unknown: a batch needs the permission of its single action.")
        }
        Words::Action(action, _) => format!("Action {action} is unknown."),
        Words::ActionOutOfScope(action) => format!("Action {action} is out of service scope."),
        Words::Sentence(sentence) => sentence,
    }
}

fn too_many(what: &str, found: usize, max: usize) -> String {
    format!("{found} {what} were found, maximum allowed is {max}.")
}
