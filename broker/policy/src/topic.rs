//! SNS's `AddPermission` and `RemovePermission`, and the document that SNS gives a topic without one.

use posthouse_model::fault::{ActionRule, PolicyPart, PolicyProblem, Rule};
use posthouse_model::limits::TOPIC_POLICY_BYTES_MAX;
use posthouse_model::operation::{AddTopicPermission, RemoveTopicPermission};
use posthouse_model::{Action, Fault, Service, SnsFault, TopicAddress};

use crate::json::{Json, Members, member, members, set_member};
use crate::parse::{self, Kind};
use crate::{Policy, actions};

/// The actions that SNS's default policy names.
const DEFAULT_ACTIONS: [Action; 8] = [
    Action::GetTopicAttributes,
    Action::SetTopicAttributes,
    Action::AddTopicPermission,
    Action::RemoveTopicPermission,
    Action::DeleteTopic,
    Action::Subscribe,
    Action::ListSubscriptionsByTopic,
    Action::Publish,
];

/// The policy of a topic that was created without one. It allows the owner's account actions that the account may call
/// without a policy too.
#[must_use]
pub fn default_policy(topic: &TopicAddress) -> String {
    let owner = members([("AWS:SourceOwner", Json::text(topic.account.to_string()))]);
    let actions = DEFAULT_ACTIONS.iter().map(|action| format!("SNS:{action}")).collect();
    let statement = Json::Object(members([
        ("Sid", Json::text("__default_statement_ID")),
        ("Effect", Json::text("Allow")),
        ("Principal", Json::Object(members([("AWS", Json::text("*"))]))),
        ("Action", Json::one_or_more(actions)),
        ("Resource", Json::text(topic.to_string())),
        ("Condition", Json::Object(members([("StringEquals", Json::Object(owner))]))),
    ]));
    let document = members([
        ("Version", Json::text("2008-10-17")),
        ("Id", Json::text("__default_policy_ID")),
        ("Statement", Json::List(vec![statement])),
    ]);
    Json::Object(document).to_string()
}

/// A topic's policy with one more statement: the accounts of the request may call its actions.
///
/// # Errors
/// [`SnsFault::InvalidParameter`] for a label that is taken or missing, without accounts or actions, for an action that
/// no topic policy grants, and for a policy that would be too long.
pub fn add_permission(existing: Option<&str>, request: &AddTopicPermission) -> Result<String, Fault> {
    if request.label.is_empty() {
        return Err(SnsFault::invalid("Label", Rule::Malformed));
    }
    if request.accounts.is_empty() {
        return Err(SnsFault::invalid("AWSAccountId", Rule::Malformed));
    }
    if request.actions.is_empty() {
        return Err(SnsFault::invalid("ActionName", Rule::Malformed));
    }
    if let Some(action) = request.actions.iter().find(|name| !may_be_granted(name)) {
        return Err(refused(PolicyProblem::Action { action: (*action).clone(), rule: ActionRule::Unknown }));
    }
    let mut document = checked(existing, &request.topic);
    let mut statements = statements(&document).to_vec();
    if statements.iter().any(|statement| parse::label(statement) == Some(&request.label)) {
        return Err(SnsFault::invalid("Label", Rule::StatementExists));
    }
    let accounts = request.accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions = request.actions.iter().map(|action| format!("SNS:{action}")).collect();
    statements.push(Json::Object(members([
        ("Sid", Json::text(&*request.label)),
        ("Effect", Json::text("Allow")),
        ("Principal", Json::Object(members([("AWS", Json::one_or_more(accounts))]))),
        ("Action", Json::one_or_more(actions)),
        ("Resource", Json::text(request.topic.to_string())),
    ])));
    set_member(&mut document, "Statement", Json::List(statements));
    let text = Json::Object(document).to_string();
    if text.len() > TOPIC_POLICY_BYTES_MAX {
        let (part, found) = (PolicyPart::Bytes, text.len());
        return Err(refused(PolicyProblem::TooMany { part, found, max: TOPIC_POLICY_BYTES_MAX }));
    }
    Policy::parse(Service::Sns, &text).map_err(refused)?;
    Ok(text)
}

/// A topic's policy without the statement of a label; `None` if no statement remains or none was set. An unknown label
/// is no error, as in SNS.
///
/// # Errors
/// [`SnsFault::InvalidParameter`] where the remaining statements are refused as a policy of their own.
pub fn remove_permission(existing: Option<&str>, request: &RemoveTopicPermission) -> Result<Option<String>, Fault> {
    let Some(existing) = existing else { return Ok(None) };
    let mut document = checked(Some(existing), &request.topic);
    let mut statements = statements(&document).to_vec();
    statements.retain(|statement| parse::label(statement) != Some(&request.label));
    if statements.is_empty() {
        return Ok(None);
    }
    set_member(&mut document, "Statement", Json::List(statements));
    let text = Json::Object(document).to_string();
    Policy::parse(Service::Sns, &text).map_err(refused)?;
    Ok(Some(text))
}

/// The policy that a request would make is refused.
fn refused(problem: PolicyProblem) -> Fault {
    SnsFault::invalid("Policy", Rule::Policy(problem))
}

/// An action that a topic policy may grant by name: not one for the owner alone, and no batch. `*` is all of them.
fn may_be_granted(name: &str) -> bool {
    name == "*"
        || Action::find(Service::Sns, name)
            .is_ok_and(|action| actions::authorized_as(action) == action && !actions::is_owners(action))
}

fn statements(document: &Members) -> &[Json] {
    member(document, "Statement").map_or(&[], Json::elements)
}

/// The members of a topic's policy, which was checked when it was set, or of the default one.
fn checked(text: Option<&str>, topic: &TopicAddress) -> Members {
    let document = match text {
        Some(text) => parse::document(Kind::Resource(Service::Sns), text),
        None => parse::document(Kind::Resource(Service::Sns), &default_policy(topic)),
    };
    document.expect("a topic's policy is checked before it is set")
}

#[cfg(test)]
mod tests;
