//! From a policy document's JSON to its [`Statement`]s. Every element is checked, and an unknown one is an error.

use posthouse_model::fault::{ActionRule, AttributeRule, Rule};
use posthouse_model::limits::{
    PERMISSION_ACTIONS_MAX, POLICY_BYTES_MAX, POLICY_PRINCIPALS_MAX, POLICY_STATEMENTS_MAX, TOPIC_POLICY_BYTES_MAX,
};
use posthouse_model::{Fault, Service, SnsFault};

use crate::actions::ActionSet;
use crate::condition::{Condition, ConditionFault};
use crate::json::{Json, Members, member};
use crate::pattern::Pattern;
use crate::principal::{Principal, Principals};
use crate::statement::{Resources, Statement};
use crate::verdict::Effect;

/// Refuses the value of the attribute `Policy`.
fn refuse(reason: impl Into<String>) -> Fault {
    let rule = AttributeRule::Policy(reason.into().into());
    Fault::InvalidAttributeValue { attribute: "Policy", rule: Some(rule) }
}

/// SNS's refusal of an action that no topic policy may name.
pub(crate) fn out_of_scope() -> Fault {
    SnsFault::invalid("Policy", Rule::ActionOutOfScope)
}

/// The reason for refusing more parts of a kind than a policy may hold, in SQS's words.
pub(crate) fn too_many(found: usize, what: &str, most: usize) -> String {
    format!("{found} {what} were found, maximum allowed is {most}.")
}

/// The version of the policy language.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `2008-10-17`, also where none is given.
    V2008,
    /// `2012-10-17`, which adds policy variables.
    V2012,
}

/// The members of a document of bounded size.
pub(crate) fn document(service: Service, text: &str) -> Result<Members, Fault> {
    let bytes_max = if service == Service::Sns { TOPIC_POLICY_BYTES_MAX } else { POLICY_BYTES_MAX };
    if text.len() > bytes_max {
        return Err(refuse(format!("The policy has {} bytes, maximum allowed is {bytes_max}.", text.len())));
    }
    match serde_json::from_str(text) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(_) => Err(refuse("The policy must be a JSON object.")),
        Err(error) => Err(refuse(format!("The policy is not valid JSON: {error}."))),
    }
}

/// Checks a document and returns its statements. The number of statements of a topic's policy, and of actions in each,
/// is bounded by the bytes of the document alone.
pub(crate) fn statements(service: Service, document: &Members) -> Result<Vec<Statement>, Fault> {
    only(document, "the policy", &["Version", "Id", "Statement"])?;
    let version = match member(document, "Version").map(|version| text(version, "Version")).transpose()? {
        None | Some("2008-10-17") => Version::V2008,
        Some("2012-10-17") => Version::V2012,
        Some(_) => return Err(refuse("Version must be 2008-10-17 or 2012-10-17.")),
    };
    member(document, "Id").map(|id| text(id, "Id")).transpose()?;
    let statements =
        member(document, "Statement").ok_or_else(|| refuse("Missing required field Statement."))?.elements();
    match statements.len() {
        0 => return Err(refuse("Statement must not be empty.")),
        found if found > POLICY_STATEMENTS_MAX && service == Service::Sqs => {
            return Err(refuse(too_many(found, "Statements", POLICY_STATEMENTS_MAX)));
        }
        _ => {}
    }
    let statements_parsed =
        statements.iter().map(|json| statement(service, json, version)).collect::<Result<_, _>>()?;
    let mut labels: Vec<&str> = statements.iter().filter_map(label).collect();
    labels.sort_unstable();
    match labels.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(refuse(format!("Sid {} is given to more than one statement.", pair[0]))),
        None => Ok(statements_parsed),
    }
}

/// A statement's `Sid`; an empty one is none.
pub(crate) fn label(statement: &Json) -> Option<&str> {
    match statement.member("Sid") {
        Some(Json::Text(label)) if !label.is_empty() => Some(label),
        _ => None,
    }
}

fn statement(service: Service, json: &Json, version: Version) -> Result<Statement, Fault> {
    const ELEMENTS: &[&str] =
        &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    only(object(json, "Statement")?, "a statement", ELEMENTS)?;
    json.member("Sid").map(|sid| text(sid, "Sid")).transpose()?;
    let effect = match json.member("Effect").map(|effect| text(effect, "Effect")).transpose()? {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        Some(_) => return Err(refuse("Effect must be Allow or Deny.")),
        None => return Err(refuse("Missing required field Effect.")),
    };
    Ok(Statement {
        effect,
        principals: principals(json)?,
        actions: actions(service, json, effect)?,
        resources: resources(json, version)?,
        conditions: json.member("Condition").map_or(Ok(Vec::new()), |json| conditions(json, version))?,
    })
}

/// The value of an element that may be given as itself or negated, but not both, and whether it is negated.
fn one_of<'a>(statement: &'a Json, element: &str, negated: &str) -> Result<Option<(&'a Json, bool)>, Fault> {
    match (statement.member(element), statement.member(negated)) {
        (Some(_), Some(_)) => Err(refuse(format!("A statement must not have both {element} and {negated}."))),
        (Some(value), None) => Ok(Some((value, false))),
        (None, Some(value)) => Ok(Some((value, true))),
        (None, None) => Ok(None),
    }
}

fn principals(statement: &Json) -> Result<Principals, Fault> {
    let (value, negated) =
        one_of(statement, "Principal", "NotPrincipal")?.ok_or_else(|| refuse("Missing required field Principal."))?;
    let mut principals = Vec::new();
    match value {
        Json::Text(everyone) if everyone == "*" => principals.push(Principal::Everyone),
        Json::Object(kinds) if !kinds.is_empty() => {
            for (kind, values) in kinds {
                for value in texts(values, "Principal")? {
                    let principal = Principal::parse(kind, value);
                    principals.push(principal.ok_or_else(|| refuse(format!("Invalid principal {kind}: {value}.")))?);
                }
            }
        }
        _ => return Err(refuse("Principal must be * or an object of principals.")),
    }
    if principals.len() > POLICY_PRINCIPALS_MAX {
        return Err(refuse(too_many(principals.len(), "Principals", POLICY_PRINCIPALS_MAX)));
    }
    Ok(if negated { Principals::AllBut(principals) } else { Principals::These(principals) })
}

fn actions(service: Service, statement: &Json, effect: Effect) -> Result<ActionSet, Fault> {
    let (value, negated) =
        one_of(statement, "Action", "NotAction")?.ok_or_else(|| refuse("Missing required field Action."))?;
    let patterns = texts(value, "Action")?;
    if patterns.len() > PERMISSION_ACTIONS_MAX && service == Service::Sqs {
        return Err(refuse(too_many(patterns.len(), "Actions", PERMISSION_ACTIONS_MAX)));
    }
    let mut named = ActionSet::default();
    for pattern in patterns {
        named = named.union(action(service, pattern, if negated { Effect::Deny } else { effect })?);
    }
    Ok(if negated { named.complement() } else { named })
}

/// The actions of one pattern: `*`, or `sqs:` or `sns:` and a pattern. `effect` is what the statement does to the named
/// actions. One that allows an action by its name must not name one that only the owner may call.
fn action(service: Service, pattern: &str, effect: Effect) -> Result<ActionSet, Fault> {
    let name = match pattern.split_once(':') {
        Some((named, name)) if named.eq_ignore_ascii_case(service.as_str()) => name,
        None if pattern == "*" => pattern,
        _ if service == Service::Sns => return Err(out_of_scope()),
        _ => {
            let reason = format!("Action {pattern} is out of the service's scope: it must begin with sqs:.");
            return Err(refuse(reason));
        }
    };
    let refused = |rule: ActionRule| {
        if service == Service::Sns {
            return out_of_scope();
        }
        let rule = AttributeRule::PolicyAction { action: name.into(), rule };
        Fault::InvalidAttributeValue { attribute: "Policy", rule: Some(rule) }
    };
    let set = ActionSet::matching(service, name).ok_or_else(|| refused(ActionRule::Unknown))?;
    if effect == Effect::Allow && !name.contains(['*', '?']) && set != ActionSet::default() && set.is_owners() {
        return Err(refused(ActionRule::OwnersOnly));
    }
    Ok(set)
}

fn resources(statement: &Json, version: Version) -> Result<Resources, Fault> {
    let Some((value, negated)) = one_of(statement, "Resource", "NotResource")? else { return Ok(Resources::Own) };
    let patterns = texts(value, "Resource")?
        .into_iter()
        .map(|pattern| match pattern {
            _ if pattern != "*" && !pattern.starts_with("arn:") => {
                Err(refuse(format!("Resource {pattern} must be an ARN or *.")))
            }
            _ => without_variables(pattern, version).map(Pattern::new),
        })
        .collect::<Result<_, _>>()?;
    Ok(if negated { Resources::AllBut(patterns) } else { Resources::These(patterns) })
}

fn conditions(json: &Json, version: Version) -> Result<Vec<Condition>, Fault> {
    let mut conditions = Vec::new();
    for (operator, keys) in object(json, "Condition")? {
        for (key, values) in object(keys, operator)? {
            let values = condition_values(values, key, version)?;
            let condition = Condition::parse(operator, key, &values).map_err(|fault| match fault {
                ConditionFault::UnknownOperator => refuse(format!("Invalid Condition type: {operator}.")),
                ConditionFault::InvalidValue(value) => {
                    refuse(format!("Invalid value {value} for {key} in Condition {operator}."))
                }
            })?;
            conditions.push(condition);
        }
    }
    Ok(conditions)
}

/// The values of a condition key as text; numbers and booleans may stand without quotation marks.
fn condition_values(json: &Json, key: &str, version: Version) -> Result<Vec<String>, Fault> {
    let values = json.elements();
    if values.is_empty() {
        return Err(refuse(format!("Condition key {key} has no value.")));
    }
    values
        .iter()
        .map(|value| match value {
            Json::Text(text) => without_variables(text, version).map(str::to_owned),
            Json::Number(number) => Ok(number.to_string()),
            Json::Flag(flag) => Ok(flag.to_string()),
            Json::Null | Json::List(_) | Json::Object(_) => {
                Err(refuse(format!("The values of condition key {key} must be strings, numbers or booleans.")))
            }
        })
        .collect()
}

/// Refuses policy variables, which only the later version has. As plain text they would match nothing, and a `Deny` that
/// matches nothing lets in callers whom its author wanted to keep out.
fn without_variables(text: &str, version: Version) -> Result<&str, Fault> {
    if version == Version::V2012 && text.contains("${") {
        return Err(refuse(format!("Policy variables are not supported: {text}.")));
    }
    Ok(text)
}

fn object<'a>(json: &'a Json, what: &str) -> Result<&'a Members, Fault> {
    if let Json::Object(members) = json { Ok(members) } else { Err(refuse(format!("{what} must be a JSON object."))) }
}

fn only(members: &Members, what: &str, known: &[&str]) -> Result<(), Fault> {
    match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(refuse(format!("Unknown field {name} in {what}."))),
        None => Ok(()),
    }
}

fn text<'a>(json: &'a Json, element: &str) -> Result<&'a str, Fault> {
    if let Json::Text(text) = json { Ok(text) } else { Err(refuse(format!("{element} must be a string."))) }
}

/// A string or a list of strings, one at least.
fn texts<'a>(json: &'a Json, element: &str) -> Result<Vec<&'a str>, Fault> {
    let texts = json.elements().iter().map(|json| text(json, element)).collect::<Result<Vec<_>, _>>()?;
    if texts.is_empty() { Err(refuse(format!("{element} must not be empty."))) } else { Ok(texts) }
}

#[cfg(test)]
mod tests;
