//! Documents that are refused, each with its reason, and the widest that are taken.

use super::*;
use crate::Policy;

/// A document of one valid statement in which `element` has another value; no value leaves it out.
fn with(element: &str, value: &str) -> String {
    let whole =
        [("Sid", r#""s""#), ("Effect", r#""Allow""#), ("Principal", r#""*""#), ("Action", r#""sqs:SendMessage""#)];
    let mut members: Vec<String> =
        whole.iter().filter(|(name, _)| *name != element).map(|(name, value)| format!("{name:?}:{value}")).collect();
    if !value.is_empty() {
        members.push(format!("{element:?}:{value}"));
    }
    format!(r#"{{"Version":"2012-10-17","Statement":{{{}}}}}"#, members.join(","))
}

fn reason(text: &str) -> String {
    match Policy::parse(Service::Sqs, text) {
        Err(Fault::InvalidAttributeValue { attribute: "Policy", rule: Some(AttributeRule::Policy(reason)) }) => {
            reason.into()
        }
        Err(Fault::InvalidAttributeValue { attribute: "Policy", rule: Some(rule) }) => format!("{rule:?}"),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn documents() {
    let statement = r#"{"Effect":"Allow","Principal":"*","Action":"*"}"#;
    let labelled = r#"{"Sid":"s","Effect":"Allow","Principal":"*","Action":"*"}"#;
    let twenty_one = vec![statement; 21].join(",");
    let long = format!(r#"{{"Id":"{}","Statement":{statement}}}"#, "i".repeat(POLICY_BYTES_MAX));
    let long_reason = format!("The policy has {} bytes, maximum allowed is 8192.", long.len());
    for (text, expected) in [
        ("[]", "The policy must be a JSON object."),
        (r#""*""#, "The policy must be a JSON object."),
        ("{}", "Missing required field Statement."),
        (r#"{"Statement":[]}"#, "Statement must not be empty."),
        (r#"{"Statement":"s"}"#, "Statement must be a JSON object."),
        (&format!(r#"{{"Statement":[[{statement}]]}}"#), "Statement must be a JSON object."),
        (&format!(r#"{{"Version":"2012","Statement":{statement}}}"#), "Version must be 2008-10-17 or 2012-10-17."),
        (&format!(r#"{{"Version":1,"Statement":{statement}}}"#), "Version must be a string."),
        (&format!(r#"{{"Id":{{}},"Statement":{statement}}}"#), "Id must be a string."),
        (&format!(r#"{{"id":"i","Statement":{statement}}}"#), "Unknown field id in the policy."),
        (&format!(r#"{{"Statement":[{twenty_one}]}}"#), "21 Statements were found, maximum allowed is 20."),
        (&format!(r#"{{"Statement":[{labelled},{labelled}]}}"#), "Sid s is given to more than one statement."),
        (&long, &long_reason),
    ] {
        assert_eq!(reason(text), expected, "{text}");
    }
    for text in ["", "{", "policy", &format!("{statement}{statement}"), &"[".repeat(8000)] {
        assert!(reason(text).starts_with("The policy is not valid JSON: "), "{text}");
    }
    assert!(reason(r#"{"Statement":{},"Statement":{}}"#).contains("duplicate key Statement"));
}

#[test]
fn statements() {
    let principals = format!(r#"{{"AWS":["{}"]}}"#, vec!["111111111111"; 51].join(r#"",""#));
    for (element, value, expected) in [
        ("Sid", "1", "Sid must be a string."),
        ("Effect", "", "Missing required field Effect."),
        ("Effect", r#""allow""#, "Effect must be Allow or Deny."),
        ("Effect", "true", "Effect must be a string."),
        ("effect", r#""Allow""#, "Unknown field effect in a statement."),
        ("Principal", "", "Missing required field Principal."),
        ("Principal", r#""111111111111""#, "Principal must be * or an object of principals."),
        ("Principal", r#"["*"]"#, "Principal must be * or an object of principals."),
        ("Principal", "{}", "Principal must be * or an object of principals."),
        ("Principal", r#"{"AWS":[]}"#, "Principal must not be empty."),
        ("Principal", r#"{"AWS":1}"#, "Principal must be a string."),
        ("Principal", r#"{"AWS":"ann"}"#, "Invalid principal AWS: ann."),
        ("Principal", r#"{"AWS":"arn:aws:iam::*:root"}"#, "Invalid principal AWS: arn:aws:iam::*:root."),
        ("Principal", r#"{"User":"ann"}"#, "Invalid principal User: ann."),
        ("Principal", &principals, "51 Principals were found, maximum allowed is 50."),
        ("NotPrincipal", r#""*""#, "A statement must not have both Principal and NotPrincipal."),
        ("Action", "", "Missing required field Action."),
        ("Action", "[]", "Action must not be empty."),
        ("Action", r#"[["sqs:SendMessage"]]"#, "Action must be a string."),
        ("Action", r#""SendMessage""#, "Action SendMessage is out of the service's scope: it must begin with sqs:."),
        ("Action", r#""sns:Publish""#, "Action sns:Publish is out of the service's scope: it must begin with sqs:."),
        ("Action", r#""sqs:Peek""#, r#"PolicyAction { action: "Peek", rule: Unknown }"#),
        ("Action", r#""sqs:SendMessageBatch""#, r#"PolicyAction { action: "SendMessageBatch", rule: Unknown }"#),
        (
            "Action",
            r#"["sqs:SendMessage","sqs:deletequeue"]"#,
            r#"PolicyAction { action: "deletequeue", rule: OwnersOnly }"#,
        ),
        ("Action", r#"["*","*","*","*","*","*","*","*"]"#, "8 Actions were found, maximum allowed is 7."),
        ("NotAction", r#""sqs:*""#, "A statement must not have both Action and NotAction."),
        ("Resource", r#""orders""#, "Resource orders must be an ARN or *."),
        ("Resource", "[]", "Resource must not be empty."),
        ("Resource", r#""arn:${aws:username}""#, "Policy variables are not supported: arn:${aws:username}."),
        ("Condition", "[]", "Condition must be a JSON object."),
        ("Condition", r#"{"StringEquals":"x"}"#, "StringEquals must be a JSON object."),
        ("Condition", r#"{"StringEquals":{"aws:username":[]}}"#, "Condition key aws:username has no value."),
        (
            "Condition",
            r#"{"StringEquals":{"aws:username":null}}"#,
            "The values of condition key aws:username must be strings, numbers or booleans.",
        ),
        (
            "Condition",
            r#"{"StringLike":{"aws:username":"${aws:username}"}}"#,
            "Policy variables are not supported: ${aws:username}.",
        ),
    ] {
        assert_eq!(reason(&with(element, value)), expected, "{element} {value}");
    }
    let both = r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","NotResource":"*"}}"#;
    assert_eq!(reason(both), "A statement must not have both Resource and NotResource.");
}

#[test]
fn condition_operators_and_values() {
    for operator in [
        "",
        "stringequals",
        "StringMatches",
        "NumericLike",
        "DateLike",
        "Numeric",
        "NullIfExists",
        "IfExists",
        "BinaryNotEquals",
        "StringEqualsIfExistsIfExists",
        "ForAllValues:",
        "ForSomeValues:StringEquals",
        "ForAllValues:ForAnyValue:StringEquals",
    ] {
        let condition = format!(r#"{{{operator:?}:{{"aws:username":"1"}}}}"#);
        let expected = format!("Invalid Condition type: {operator}.");
        let found = reason(&with("Condition", &condition));
        // A value is only looked at once its operator is known, so an unknown one is always the reason.
        assert_eq!(found, expected, "{operator}");
    }
    for (operator, value) in [
        ("NumericEquals", "many"),
        ("NumericEquals", "inf"),
        ("NumericEquals", "NaN"),
        ("NumericEquals", ""),
        ("DateLessThan", "tomorrow"),
        ("DateLessThan", "2024-02-30"),
        ("Bool", "yes"),
        ("Null", "maybe"),
        ("IpAddress", "10.0.0.0/33"),
        ("IpAddress", "10.0.0"),
        ("NotIpAddress", "*"),
        ("ArnEquals", "arn:aws:iam::111111111111"),
        ("ArnLike", "ann"),
    ] {
        let condition = format!(r#"{{"{operator}":{{"k":"{value}"}}}}"#);
        let expected = format!("Invalid value {value} for k in Condition {operator}.");
        assert_eq!(reason(&with("Condition", &condition)), expected, "{operator} {value}");
    }
}

#[test]
fn limits_are_inclusive() {
    let statement = r#"{"Effect":"Allow","Principal":"*","Action":"*"}"#;
    let frame = format!(r#"{{"Id":"","Statement":{statement}}}"#).len();
    let principals = format!(r#"{{"AWS":["{}"]}}"#, vec!["111111111111"; POLICY_PRINCIPALS_MAX].join(r#"",""#));
    for text in [
        format!(r#"{{"Statement":[{}]}}"#, vec![statement; POLICY_STATEMENTS_MAX].join(",")),
        format!(r#"{{"Id":"{}","Statement":{statement}}}"#, "i".repeat(POLICY_BYTES_MAX - frame)),
        with("Principal", &principals),
        with("Action", r#"["*","*","*","*","*","*","*"]"#),
    ] {
        assert!(Policy::parse(Service::Sqs, &text).is_ok(), "{text}");
    }
}

#[test]
fn the_older_version_has_no_variables() {
    let statement = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:${aws:username}"}"#;
    for version in [r#""Version":"2008-10-17","#, ""] {
        assert!(Policy::parse(Service::Sqs, &format!(r#"{{{version}"Statement":{statement}}}"#)).is_ok(), "{version}");
    }
}
