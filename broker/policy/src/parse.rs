//! From a policy document's JSON to its [`Statement`]s. Every element is checked, and an unknown one is an error. What
//! a user's document may say and what a resource's may differs by [`Kind`].

use posthouse_model::Service;
use posthouse_model::fault::{ActionRule, PolicyLevel, PolicyPart, PolicyProblem, excerpt};
use posthouse_model::limits::{
    IDENTITY_POLICY_CHARS_MAX, PERMISSION_ACTIONS_MAX, POLICY_BYTES_MAX, POLICY_PRINCIPALS_MAX, POLICY_STATEMENTS_MAX,
    TOPIC_POLICY_BYTES_MAX,
};

use crate::actions::ActionSet;
use crate::condition::{Condition, ConditionFault, Variables};
use crate::context::Key;
use crate::json::{Json, Members, member};
use crate::pattern::Pattern;
use crate::principal::{Principal, Principals};
use crate::statement::{Resources, Statement};
use crate::template::{Operand, Template};
use crate::verdict::Effect;

/// Whose a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A queue's or a topic's.
    Resource(Service),
    /// A user's or a group's.
    Identity,
}

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

impl Version {
    const fn variables(self) -> Variables {
        match self {
            Self::V2008 => Variables::Literal,
            Self::V2012 => Variables::Expanded,
        }
    }
}

/// The components of an ARN, as many as its colons divide: the last may hold colons of its own.
const ARN_COMPONENTS: usize = 6;

/// Why an identity policy is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityPolicyProblem {
    /// The statement that breaks a rule, counted from 1; `None` if the document as a whole does.
    pub statement: Option<usize>,
    /// The rule.
    pub problem: PolicyProblem,
}

/// The members of a document of bounded size.
pub(crate) fn document(kind: Kind, text: &str) -> Result<Members, PolicyProblem> {
    match kind {
        Kind::Resource(Service::Sns) => at_most(text.len(), PolicyPart::Bytes, TOPIC_POLICY_BYTES_MAX)?,
        Kind::Resource(Service::Sqs | Service::Push | Service::Admin | Service::Native) => {
            at_most(text.len(), PolicyPart::Bytes, POLICY_BYTES_MAX)?;
        }
        Kind::Identity => {
            let found = text.chars().filter(|char| !char.is_whitespace()).count();
            at_most(found, PolicyPart::Characters, IDENTITY_POLICY_CHARS_MAX)?;
        }
    }
    match Json::parse(text)? {
        Json::Object(members) => Ok(members),
        Json::Null | Json::Flag(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => Err(PolicyProblem::NotAnObject),
    }
}

/// Checks the document of a resource and returns its statements with their principals. The number of statements of a
/// topic's policy, and of actions in each, is bounded by the bytes of the document alone.
pub(crate) fn resource_statements(
    service: Service,
    document: &Members,
) -> Result<Vec<(Principals, Statement)>, PolicyProblem> {
    let kind = Kind::Resource(service);
    let (version, statements) = frame(document)?;
    if service == Service::Sqs {
        at_most(statements.len(), PolicyPart::Statements, POLICY_STATEMENTS_MAX)?;
    }
    let parse = |json| {
        let element = |element| elements(kind, json).and_then(element);
        Ok((element(|()| principals(json))?, statement(kind, json, version, &mut Vec::new())?))
    };
    let parsed = statements.iter().map(parse).collect::<Result<_, _>>()?;
    check_labels(statements)?;
    Ok(parsed)
}

/// Checks the document of a user or a group. Returns its statements, and the actions in it that have no effect.
pub(crate) fn identity_statements(
    document: &Members,
) -> Result<(Vec<Statement>, Vec<Box<str>>), IdentityPolicyProblem> {
    let whole = |problem| IdentityPolicyProblem { statement: None, problem };
    let (version, statements) = frame(document).map_err(whole)?;
    let mut ignored = Vec::new();
    let parse = |(index, json)| {
        let parsed =
            elements(Kind::Identity, json).and_then(|()| statement(Kind::Identity, json, version, &mut ignored));
        parsed.map_err(|problem| IdentityPolicyProblem { statement: Some(index + 1), problem })
    };
    let parsed = statements.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    check_labels(statements).map_err(whole)?;
    Ok((parsed, ignored))
}

/// The version of a document and its statements, one at least.
fn frame(document: &Members) -> Result<(Version, &[Json]), PolicyProblem> {
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
    Ok((version, statements))
}

/// Refuses two statements of one label.
fn check_labels(statements: &[Json]) -> Result<(), PolicyProblem> {
    let mut labels: Vec<&str> = statements.iter().filter_map(label).collect();
    labels.sort_unstable();
    match labels.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(PolicyProblem::RepeatedLabel { label: excerpt(pair[0]).into() }),
        None => Ok(()),
    }
}

/// A statement's `Sid`; an empty one is none.
pub(crate) fn label(statement: &Json) -> Option<&str> {
    match statement.member("Sid") {
        Some(Json::Text(label)) if !label.is_empty() => Some(label),
        _ => None,
    }
}

/// Refuses elements that no statement of a kind has, and one that is no object.
fn elements(kind: Kind, json: &Json) -> Result<(), PolicyProblem> {
    const ELEMENTS: &[&str] =
        &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    let members = object(json, "Statement")?;
    only(members, PolicyLevel::Statement, ELEMENTS)?;
    let principal = ["Principal", "NotPrincipal"].into_iter().find(|element| member(members, element).is_some());
    match principal.filter(|_| kind == Kind::Identity) {
        Some(element) => Err(PolicyProblem::IdentityPrincipal { element }),
        None => Ok(()),
    }
}

/// One statement without its principals. Actions without effect are added to `ignored`.
fn statement(
    kind: Kind,
    json: &Json,
    version: Version,
    ignored: &mut Vec<Box<str>>,
) -> Result<Statement, PolicyProblem> {
    json.member("Sid").map(|sid| text(sid, "Sid")).transpose()?;
    let effect = match json.member("Effect").map(|effect| text(effect, "Effect")).transpose()? {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        Some(_) => return Err(PolicyProblem::Effect),
        None => return Err(PolicyProblem::Missing { element: "Effect" }),
    };
    Ok(Statement {
        effect,
        actions: match kind {
            Kind::Resource(service) => resource_actions(service, json, effect)?,
            Kind::Identity => identity_actions(json, ignored)?,
        },
        resources: resources(kind, json, version)?,
        conditions: json.member("Condition").map_or(Ok(Vec::new()), |json| conditions(kind, json, version))?,
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

fn resource_actions(service: Service, statement: &Json, effect: Effect) -> Result<ActionSet, PolicyProblem> {
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

/// The actions of an identity policy's statement. Those of services that the broker is not match no call, and are added
/// to `ignored`.
fn identity_actions(statement: &Json, ignored: &mut Vec<Box<str>>) -> Result<ActionSet, PolicyProblem> {
    let (value, negated) =
        one_of(statement, "Action", "NotAction")?.ok_or(PolicyProblem::Missing { element: "Action" })?;
    let mut named = ActionSet::default();
    for pattern in texts(value, "Action")? {
        match identity_action(pattern)? {
            Some(set) => named = named.union(set),
            None => ignored.push(excerpt(pattern).into()),
        }
    }
    Ok(if negated { named.complement() } else { named })
}

/// The actions of one pattern in an identity policy: `*`, or a service and a pattern. `None` if it is another service.
/// A pattern that matches no action is a slip of the pen, and refused.
fn identity_action(pattern: &str) -> Result<Option<ActionSet>, PolicyProblem> {
    let all = |service| ActionSet::matching(service, "*").unwrap_or_default();
    let shape = || PolicyProblem::ActionShape { action: excerpt(pattern).into() };
    let Some((vendor, name)) = pattern.split_once(':') else {
        return if pattern == "*" { Ok(Some(all(Service::Sqs).union(all(Service::Sns)))) } else { Err(shape()) };
    };
    let is_vendor = !vendor.is_empty() && vendor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_vendor || name.is_empty() {
        return Err(shape());
    }
    let own = |service: &Service| vendor.eq_ignore_ascii_case(service.as_str());
    let Some(service) = [Service::Sqs, Service::Sns].into_iter().find(own) else { return Ok(None) };
    match ActionSet::matching(service, name) {
        Some(set) if set != ActionSet::default() => Ok(Some(set)),
        Some(_) | None => Err(PolicyProblem::Action { action: excerpt(pattern).into(), rule: ActionRule::Unknown }),
    }
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

/// The resources that a statement names. In the policy of a resource, a text that is no ARN matches nothing, as in SQS
/// (recorded from AWS). In an identity policy it is refused.
fn resources(kind: Kind, statement: &Json, version: Version) -> Result<Resources, PolicyProblem> {
    let Some((value, negated)) = one_of(statement, "Resource", "NotResource")? else {
        return match kind {
            Kind::Resource(_) => Ok(Resources::Own),
            Kind::Identity => Err(PolicyProblem::Missing { element: "Resource" }),
        };
    };
    let mut patterns = Vec::new();
    for text in texts(value, "Resource")? {
        let is_arn = text.starts_with("arn:");
        let is_whole = text.splitn(ARN_COMPONENTS, ':').count() == ARN_COMPONENTS || text.ends_with('*');
        match kind {
            Kind::Resource(_) if text == "*" || is_arn => patterns.push(pattern(text, version)?),
            Kind::Resource(_) => {}
            Kind::Identity if text == "*" || (is_arn && is_whole) => {
                check_variables(text, version)?;
                patterns.push(pattern(text, version)?);
            }
            Kind::Identity => return Err(PolicyProblem::ResourceShape { resource: excerpt(text).into() }),
        }
    }
    Ok(if negated { Resources::AllBut(patterns) } else { Resources::These(patterns) })
}

fn pattern(text: &str, version: Version) -> Result<Operand<Pattern>, PolicyProblem> {
    let template = match version.variables() {
        Variables::Expanded => Template::parse(text).map_err(|_| malformed_variable(text))?,
        Variables::Literal => None,
    };
    Ok(template.map_or_else(|| Operand::Fixed(Pattern::new(text)), Operand::Variable))
}

/// Refuses a user's policy of the earlier version which holds a variable. It would be plain text that matches nothing,
/// and a `Deny` that matches nothing lets in callers whom its author wanted to keep out.
fn check_variables(text: &str, version: Version) -> Result<(), PolicyProblem> {
    if version == Version::V2008 && text.contains("${") {
        return Err(PolicyProblem::VariableVersion { text: excerpt(text).into() });
    }
    Ok(())
}

fn malformed_variable(text: &str) -> PolicyProblem {
    PolicyProblem::Variable { text: excerpt(text).into() }
}

fn conditions(kind: Kind, json: &Json, version: Version) -> Result<Vec<Condition>, PolicyProblem> {
    let mut conditions = Vec::new();
    for (operator, keys) in object(json, "Condition")? {
        for (name, values) in object(keys, operator)? {
            let values = condition_values(values, name)?;
            if kind == Kind::Identity {
                values.iter().try_for_each(|value| check_variables(value, version))?;
            }
            let key = match (Key::named(name), kind) {
                (Some(key), _) => key,
                (None, Kind::Resource(_)) => Key::Absent,
                (None, Kind::Identity) => return Err(PolicyProblem::UnknownKey { key: excerpt(name).into() }),
            };
            let condition =
                Condition::parse(operator, key, &values, version.variables()).map_err(|fault| match fault {
                    ConditionFault::UnknownOperator => {
                        PolicyProblem::UnknownOperator { operator: excerpt(operator).into() }
                    }
                    ConditionFault::InvalidValue(value) => PolicyProblem::ConditionValue {
                        operator: excerpt(operator).into(),
                        key: excerpt(name).into(),
                        value: excerpt(value).into(),
                    },
                    ConditionFault::Variable(value) => malformed_variable(value),
                })?;
            conditions.push(condition);
        }
    }
    Ok(conditions)
}

/// The values of a condition key as text; numbers and booleans may stand without quotation marks.
fn condition_values(json: &Json, key: &str) -> Result<Vec<String>, PolicyProblem> {
    let values = json.elements();
    if values.is_empty() {
        return Err(PolicyProblem::ConditionEmpty { key: excerpt(key).into() });
    }
    values
        .iter()
        .map(|value| match value {
            Json::Text(text) => Ok(text.clone()),
            Json::Number(number) => Ok(number.clone()),
            Json::Flag(flag) => Ok(flag.to_string()),
            Json::Null | Json::List(_) | Json::Object(_) => {
                Err(PolicyProblem::ConditionShape { key: excerpt(key).into() })
            }
        })
        .collect()
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
