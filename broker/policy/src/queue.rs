//! SQS's `AddPermission` and `RemovePermission`: statements added to and removed from a policy document by their labels.
//!
//! Whatever the request does not name keeps its order and values. The resulting text parses as a
//! [`Policy`](crate::Policy).

use posthouse_model::fault::{ActionRule, AttributeRule, InvalidValue, Limit, PolicyPart};
use posthouse_model::limits::{PERMISSION_ACTIONS_MAX, POLICY_BYTES_MAX, POLICY_PRINCIPALS_MAX, POLICY_STATEMENTS_MAX};
use posthouse_model::operation::{Action, AddPermission, RemovePermission};
use posthouse_model::{Fault, Service};

use crate::actions;
use crate::json::{Json, Members, member, members, set_member};
use crate::parse::{self, Kind};

/// The policy with one more statement: the accounts of the request may call its actions.
///
/// # Errors
/// - [`Fault::InvalidParameterValue`] for a label that is taken, without accounts, and for an action that is
///   unknown or that only the owner may call.
/// - [`Fault::MissingParameter`] without actions.
/// - [`Fault::OverLimit`] for too many actions, accounts, statements or bytes.
pub fn add_permission(existing: Option<&str>, request: &AddPermission) -> Result<String, Fault> {
    check_request(request)?;
    let mut document = match existing {
        Some(text) => checked(text)?,
        None => members([
            ("Version", Json::text("2008-10-17")),
            ("Id", Json::text(format!("{}/SQSDefaultPolicy", request.queue))),
        ]),
    };
    let mut statements = statements(&document).to_vec();
    if statements.iter().any(|statement| parse::label(statement) == Some(request.label.as_str())) {
        return Err(Fault::invalid(InvalidValue::LabelTaken { label: request.label.as_str().into() }));
    }
    statements.push(statement(request));
    check_most(statements.len(), PolicyPart::Statements, POLICY_STATEMENTS_MAX)?;
    set_member(&mut document, "Statement", Json::List(statements));
    let text = Json::Object(document).to_string();
    check_most(text.len(), PolicyPart::Bytes, POLICY_BYTES_MAX)?;
    Ok(text)
}

/// The policy without the statement of a label; `None` if no statement remains.
///
/// # Errors
/// [`Fault::InvalidParameterValue`] if no statement has the label.
pub fn remove_permission(existing: Option<&str>, request: &RemovePermission) -> Result<Option<String>, Fault> {
    let unknown = || Fault::invalid(InvalidValue::LabelMissing { label: request.label.as_str().into() });
    let mut document = checked(existing.ok_or_else(unknown)?)?;
    let mut statements = statements(&document).to_vec();
    let labelled = statements.iter().position(|statement| parse::label(statement) == Some(request.label.as_str()));
    statements.remove(labelled.ok_or_else(unknown)?);
    if statements.is_empty() {
        return Ok(None);
    }
    set_member(&mut document, "Statement", Json::List(statements));
    Ok(Some(Json::Object(document).to_string()))
}

fn check_request(request: &AddPermission) -> Result<(), Fault> {
    if request.accounts.is_empty() {
        return Err(Fault::invalid(InvalidValue::Principal { account: "".into() }));
    }
    if request.actions.is_empty() {
        return Err(Fault::missing("Actions"));
    }
    check_most(request.accounts.len(), PolicyPart::Principals, POLICY_PRINCIPALS_MAX)?;
    check_most(request.actions.len(), PolicyPart::Actions, PERMISSION_ACTIONS_MAX)?;
    request.actions.iter().try_for_each(|name| {
        check_action(name).map_err(|rule| Fault::invalid(InvalidValue::Action { action: name.clone(), rule }))
    })
}

/// An action that may be granted: `*`, or the name of one that may cross accounts and is no batch.
fn check_action(name: &str) -> Result<(), ActionRule> {
    match Action::find(Service::Sqs, name) {
        Ok(action) if actions::authorized_as(action) != action => Err(ActionRule::Unknown),
        Ok(action) if actions::is_owners(action) => Err(ActionRule::OwnersOnly),
        Err(_) if name != "*" => Err(ActionRule::Unknown),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn check_most(found: usize, part: PolicyPart, most: usize) -> Result<(), Fault> {
    if found > most { Err(Fault::OverLimit(Limit::Policy { part, found, max: most })) } else { Ok(()) }
}

/// The statement of a request, as AWS writes it.
fn statement(request: &AddPermission) -> Json {
    let accounts = request.accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions = request.actions.iter().map(|action| format!("SQS:{action}")).collect();
    Json::Object(members([
        ("Sid", Json::text(request.label.as_str())),
        ("Effect", Json::text("Allow")),
        ("Principal", Json::Object(members([("AWS", Json::one_or_more(accounts))]))),
        ("Action", Json::one_or_more(actions)),
        ("Resource", Json::text(request.queue.to_string())),
    ]))
}

fn statements(document: &Members) -> &[Json] {
    member(document, "Statement").map_or(&[], Json::elements)
}

/// The members of a queue's policy, checked again: a statement is added only to a policy that is valid.
fn checked(text: &str) -> Result<Members, Fault> {
    let refused = |problem| {
        let rule = Some(AttributeRule::Policy(problem));
        Fault::InvalidAttributeValue { attribute: "Policy", rule }
    };
    let document = parse::document(Kind::Resource(Service::Sqs), text).map_err(refused)?;
    parse::resource_statements(Service::Sqs, &document).map_err(refused)?;
    Ok(document)
}

#[cfg(test)]
mod tests;
