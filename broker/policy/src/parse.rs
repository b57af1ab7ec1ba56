//! From a policy document's JSON to its [`Statement`]s. Every element is checked, and an unknown one is an error.

use posthouse_model::Service;
use posthouse_model::fault::{ActionRule, PolicyLevel, PolicyPart, PolicyProblem, excerpt};
use posthouse_model::limits::{
    PERMISSION_ACTIONS_MAX, POLICY_BYTES_MAX, POLICY_PRINCIPALS_MAX, POLICY_STATEMENTS_MAX, TOPIC_POLICY_BYTES_MAX,
};

use crate::actions::ActionSet;
use crate::condition::{Condition, ConditionFault};
use crate::json::{Json, Members, member};
use crate::pattern::Pattern;
use crate::principal::{Principal, Principals};
use crate::statement::{Resources, Statement};
use crate::verdict::Effect;

/// Refuses more of a part than there may be.
fn at_most(found: usize, part: PolicyPart, max: usize) -> Result<(), PolicyProblem> {
    if found > max { Err(PolicyProblem::TooMany { part, found, max }) } else { Ok(()) }
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
pub(crate) fn document(service: Service, text: &str) -> Result<Members, PolicyProblem> {
    let bytes_max = if service == Service::Sns { TOPIC_POLICY_BYTES_MAX } else { POLICY_BYTES_MAX };
    at_most(text.len(), PolicyPart::Bytes, bytes_max)?;
    match Json::parse(text)? {
        Json::Object(members) => Ok(members),
        Json::Null | Json::Flag(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => Err(PolicyProblem::NotAnObject),
    }
}

/// Checks a document and returns its statements. The number of statements of a topic's policy, and of actions in each,
/// is bounded by the bytes of the document alone.
pub(crate) fn statements(service: Service, document: &Members) -> Result<Vec<Statement>, PolicyProblem> {
    only(document, PolicyLevel::Document, &["Version", "Id", "Statement"])?;
    let version = match member(document, "Version").map(|version| text(version, "Version")).transpose()? {
        None | Some("2008-10-17") => Version::V2008,
        Some("2012-10-17") => Version::V2012,
        Some(_) => return Err(PolicyProblem::Version),
    };
    member(document, "Id").map(|id| text(id, "Id")).transpose()?;
    let statements = member(document, "Statement").ok_or(PolicyProblem::Missing { element: "Statement" })?.elements();
    if statements.is_empty() {
        return Err(PolicyProblem::Empty { element: "Statement" });
    }
    if service == Service::Sqs {
        at_most(statements.len(), PolicyPart::Statements, POLICY_STATEMENTS_MAX)?;
    }
    let statements_parsed =
        statements.iter().map(|json| statement(service, json, version)).collect::<Result<_, _>>()?;
    let mut labels: Vec<&str> = statements.iter().filter_map(label).collect();
    labels.sort_unstable();
    match labels.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(PolicyProblem::RepeatedLabel { label: excerpt(pair[0]).into() }),
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

fn statement(service: Service, json: &Json, version: Version) -> Result<Statement, PolicyProblem> {
    const ELEMENTS: &[&str] =
        &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    only(object(json, "Statement")?, PolicyLevel::Statement, ELEMENTS)?;
    json.member("Sid").map(|sid| text(sid, "Sid")).transpose()?;
    let effect = match json.member("Effect").map(|effect| text(effect, "Effect")).transpose()? {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        Some(_) => return Err(PolicyProblem::Effect),
        None => return Err(PolicyProblem::Missing { element: "Effect" }),
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
fn one_of<'a>(
    statement: &'a Json,
    element: &'static str,
    negated: &'static str,
) -> Result<Option<(&'a Json, bool)>, PolicyProblem> {
    match (statement.member(element), statement.member(negated)) {
        (Some(_), Some(_)) => Err(PolicyProblem::Contradiction { elements: [element, negated] }),
        (Some(value), None) => Ok(Some((value, false))),
        (None, Some(value)) => Ok(Some((value, true))),
        (None, None) => Ok(None),
    }
}

fn principals(statement: &Json) -> Result<Principals, PolicyProblem> {
    let (value, negated) =
        one_of(statement, "Principal", "NotPrincipal")?.ok_or(PolicyProblem::Missing { element: "Principal" })?;
    let mut principals = Vec::new();
    match value {
        Json::Text(everyone) if everyone == "*" => principals.push(Principal::Everyone),
        Json::Object(kinds) if !kinds.is_empty() => {
            for (kind, values) in kinds {
                for value in texts(values, "Principal")? {
                    let invalid =
                        || PolicyProblem::Principal { kind: kind.as_str().into(), value: excerpt(value).into() };
                    principals.push(Principal::parse(kind, value).ok_or_else(invalid)?);
                }
            }
        }
        _ => return Err(PolicyProblem::PrincipalShape),
    }
    at_most(principals.len(), PolicyPart::Principals, POLICY_PRINCIPALS_MAX)?;
    Ok(if negated { Principals::AllBut(principals) } else { Principals::These(principals) })
}

fn actions(service: Service, statement: &Json, effect: Effect) -> Result<ActionSet, PolicyProblem> {
    let (value, negated) =
        one_of(statement, "Action", "NotAction")?.ok_or(PolicyProblem::Missing { element: "Action" })?;
    let patterns = texts(value, "Action")?;
    if service == Service::Sqs {
        at_most(patterns.len(), PolicyPart::Actions, PERMISSION_ACTIONS_MAX)?;
    }
    let mut named = ActionSet::default();
    for pattern in patterns {
        named = named.union(action(service, pattern, if negated { Effect::Deny } else { effect })?);
    }
    Ok(if negated { named.complement() } else { named })
}

/// The actions of one pattern: `*`, or `sqs:` or `sns:` and a pattern. `effect` is what the statement does to the named
/// actions. One that allows an action by its name must not name one that only the owner may call.
fn action(service: Service, pattern: &str, effect: Effect) -> Result<ActionSet, PolicyProblem> {
    let name = match pattern.split_once(':') {
        Some((named, name)) if named.eq_ignore_ascii_case(service.as_str()) => name,
        None if pattern == "*" => pattern,
        _ => return Err(PolicyProblem::ActionOutOfScope { action: excerpt(pattern).into() }),
    };
    let refused = |rule: ActionRule| PolicyProblem::Action { action: excerpt(name).into(), rule };
    let set = ActionSet::matching(service, name).ok_or_else(|| refused(ActionRule::Unknown))?;
    if effect == Effect::Allow && !name.contains(['*', '?']) && set != ActionSet::default() && set.is_owners() {
        return Err(refused(ActionRule::OwnersOnly));
    }
    Ok(set)
}

/// The resources that a statement names. A text that is no ARN matches nothing, as in SQS (recorded from AWS).
fn resources(statement: &Json, version: Version) -> Result<Resources, PolicyProblem> {
    let Some((value, negated)) = one_of(statement, "Resource", "NotResource")? else { return Ok(Resources::Own) };
    let mut patterns = Vec::new();
    for text in texts(value, "Resource")? {
        let text = without_variables(text, version)?;
        if text == "*" || text.starts_with("arn:") {
            patterns.push(Pattern::new(text));
        }
    }
    Ok(if negated { Resources::AllBut(patterns) } else { Resources::These(patterns) })
}

fn conditions(json: &Json, version: Version) -> Result<Vec<Condition>, PolicyProblem> {
    let mut conditions = Vec::new();
    for (operator, keys) in object(json, "Condition")? {
        for (key, values) in object(keys, operator)? {
            let values = condition_values(values, key, version)?;
            let condition = Condition::parse(operator, key, &values).map_err(|fault| match fault {
                ConditionFault::UnknownOperator => {
                    PolicyProblem::UnknownOperator { operator: excerpt(operator).into() }
                }
                ConditionFault::InvalidValue(value) => PolicyProblem::ConditionValue {
                    operator: excerpt(operator).into(),
                    key: excerpt(key).into(),
                    value: excerpt(value).into(),
                },
            })?;
            conditions.push(condition);
        }
    }
    Ok(conditions)
}

/// The values of a condition key as text; numbers and booleans may stand without quotation marks.
fn condition_values(json: &Json, key: &str, version: Version) -> Result<Vec<String>, PolicyProblem> {
    let values = json.elements();
    if values.is_empty() {
        return Err(PolicyProblem::ConditionEmpty { key: excerpt(key).into() });
    }
    values
        .iter()
        .map(|value| match value {
            Json::Text(text) => without_variables(text, version).map(str::to_owned),
            Json::Number(number) => Ok(number.clone()),
            Json::Flag(flag) => Ok(flag.to_string()),
            Json::Null | Json::List(_) | Json::Object(_) => {
                Err(PolicyProblem::ConditionShape { key: excerpt(key).into() })
            }
        })
        .collect()
}

/// Refuses policy variables, which only the later version has. As plain text they would match nothing, and a `Deny` that
/// matches nothing lets in callers whom its author wanted to keep out.
fn without_variables(text: &str, version: Version) -> Result<&str, PolicyProblem> {
    if version == Version::V2012 && text.contains("${") {
        return Err(PolicyProblem::Variable { text: excerpt(text).into() });
    }
    Ok(text)
}

fn object<'a>(json: &'a Json, element: &str) -> Result<&'a Members, PolicyProblem> {
    if let Json::Object(members) = json {
        Ok(members)
    } else {
        Err(PolicyProblem::ElementNotAnObject { element: element.into() })
    }
}

fn only(members: &Members, within: PolicyLevel, known: &[&str]) -> Result<(), PolicyProblem> {
    match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(PolicyProblem::UnknownElement { name: excerpt(name).into(), within }),
        None => Ok(()),
    }
}

fn text<'a>(json: &'a Json, element: &'static str) -> Result<&'a str, PolicyProblem> {
    if let Json::Text(text) = json { Ok(text) } else { Err(PolicyProblem::NotAString { element }) }
}

/// A string or a list of strings, one at least.
fn texts<'a>(json: &'a Json, element: &'static str) -> Result<Vec<&'a str>, PolicyProblem> {
    let texts = json.elements().iter().map(|json| text(json, element)).collect::<Result<Vec<_>, _>>()?;
    if texts.is_empty() { Err(PolicyProblem::Empty { element }) } else { Ok(texts) }
}

#[cfg(test)]
mod tests;
