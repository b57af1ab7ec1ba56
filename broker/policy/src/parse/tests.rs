//! Documents that are refused, each with its reason, and the widest that are taken.

use posthouse_model::fault::PolicyProblem as Problem;
use posthouse_model::fault::PolicyProblem::{
    ActionOutOfScope, ConditionEmpty, ConditionShape, Contradiction, ElementNotAnObject, Empty, Missing, NotAString,
    NotAnObject, PrincipalShape, RepeatedLabel, TooMany, UnknownElement, Variable,
};

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

fn problem(text: &str) -> Problem {
    Policy::parse(Service::Sqs, text).expect_err(text)
}

#[test]
fn documents() {
    let statement = r#"{"Effect":"Allow","Principal":"*","Action":"*"}"#;
    let labelled = r#"{"Sid":"s","Effect":"Allow","Principal":"*","Action":"*"}"#;
    let twenty_one = vec![statement; 21].join(",");
    let long = format!(r#"{{"Id":"{}","Statement":{statement}}}"#, "i".repeat(POLICY_BYTES_MAX));
    let too_long = TooMany { part: PolicyPart::Bytes, found: long.len(), max: 8192 };
    for (text, expected) in [
        ("[]", NotAnObject),
        (r#""*""#, NotAnObject),
        ("{}", Missing { element: "Statement" }),
        (r#"{"Statement":[]}"#, Empty { element: "Statement" }),
        (r#"{"Statement":"s"}"#, ElementNotAnObject { element: "Statement".into() }),
        (&format!(r#"{{"Statement":[[{statement}]]}}"#), ElementNotAnObject { element: "Statement".into() }),
        (&format!(r#"{{"Version":"2012","Statement":{statement}}}"#), Problem::Version),
        (&format!(r#"{{"Version":1,"Statement":{statement}}}"#), NotAString { element: "Version" }),
        (&format!(r#"{{"Id":{{}},"Statement":{statement}}}"#), NotAString { element: "Id" }),
        (
            &format!(r#"{{"id":"i","Statement":{statement}}}"#),
            UnknownElement { name: "id".into(), within: PolicyLevel::Document },
        ),
        (&format!(r#"{{"Statement":[{twenty_one}]}}"#), TooMany { part: PolicyPart::Statements, found: 21, max: 20 }),
        (&format!(r#"{{"Statement":[{labelled},{labelled}]}}"#), RepeatedLabel { label: "s".into() }),
        (&long, too_long),
    ] {
        assert_eq!(problem(text), expected, "{text}");
    }
    for text in ["", "{", "policy", &format!("{statement}{statement}"), &"[".repeat(8000)] {
        assert!(matches!(problem(text), Problem::NotJson(_)), "{text}");
    }
    let repeated = Problem::RepeatedMember { name: "Statement".into() };
    assert_eq!(problem(r#"{"Statement":{},"Statement":{}}"#), repeated);
}

#[test]
fn statements() {
    let principals = format!(r#"{{"AWS":["{}"]}}"#, vec!["111111111111"; 51].join(r#"",""#));
    for (element, value, expected) in [
        ("Sid", "1", NotAString { element: "Sid" }),
        ("Effect", "", Missing { element: "Effect" }),
        ("Effect", r#""allow""#, Problem::Effect),
        ("Effect", "true", NotAString { element: "Effect" }),
        ("effect", r#""Allow""#, UnknownElement { name: "effect".into(), within: PolicyLevel::Statement }),
        ("Principal", "", Missing { element: "Principal" }),
        ("Principal", r#""111111111111""#, PrincipalShape),
        ("Principal", r#"["*"]"#, PrincipalShape),
        ("Principal", "{}", PrincipalShape),
        ("Principal", r#"{"AWS":[]}"#, Empty { element: "Principal" }),
        ("Principal", r#"{"AWS":1}"#, NotAString { element: "Principal" }),
        ("Principal", r#"{"AWS":"ann"}"#, Problem::Principal { kind: "AWS".into(), value: "ann".into() }),
        (
            "Principal",
            r#"{"AWS":"arn:aws:iam::*:root"}"#,
            Problem::Principal { kind: "AWS".into(), value: "arn:aws:iam::*:root".into() },
        ),
        ("Principal", r#"{"User":"ann"}"#, Problem::Principal { kind: "User".into(), value: "ann".into() }),
        ("Principal", &principals, TooMany { part: PolicyPart::Principals, found: 51, max: 50 }),
        ("NotPrincipal", r#""*""#, Contradiction { elements: ["Principal", "NotPrincipal"] }),
        ("Action", "", Missing { element: "Action" }),
        ("Action", "[]", Empty { element: "Action" }),
        ("Action", r#"[["sqs:SendMessage"]]"#, NotAString { element: "Action" }),
        ("Action", r#""SendMessage""#, ActionOutOfScope { action: "SendMessage".into() }),
        ("Action", r#""sns:Publish""#, ActionOutOfScope { action: "sns:Publish".into() }),
        ("Action", r#""sqs:Peek""#, Problem::Action { action: "Peek".into(), rule: ActionRule::Unknown }),
        (
            "Action",
            r#""sqs:SendMessageBatch""#,
            Problem::Action { action: "SendMessageBatch".into(), rule: ActionRule::Unknown },
        ),
        (
            "Action",
            r#"["sqs:SendMessage","sqs:deletequeue"]"#,
            Problem::Action { action: "deletequeue".into(), rule: ActionRule::OwnersOnly },
        ),
        ("Action", r#"["*","*","*","*","*","*","*","*"]"#, TooMany { part: PolicyPart::Actions, found: 8, max: 7 }),
        ("NotAction", r#""sqs:*""#, Contradiction { elements: ["Action", "NotAction"] }),
        ("Resource", "[]", Empty { element: "Resource" }),
        ("Resource", r#""arn:${aws:user}""#, Variable { text: "arn:${aws:user}".into() }),
        ("NotResource", r#""arn:${aws:username""#, Variable { text: "arn:${aws:username".into() }),
        ("Condition", "[]", ElementNotAnObject { element: "Condition".into() }),
        ("Condition", r#"{"StringEquals":"x"}"#, ElementNotAnObject { element: "StringEquals".into() }),
        ("Condition", r#"{"StringEquals":{"aws:username":[]}}"#, ConditionEmpty { key: "aws:username".into() }),
        ("Condition", r#"{"StringEquals":{"aws:username":null}}"#, ConditionShape { key: "aws:username".into() }),
        (
            "Condition",
            r#"{"StringLike":{"aws:username":"${aws:TagKeys}"}}"#,
            Variable { text: "${aws:TagKeys}".into() },
        ),
    ] {
        assert_eq!(problem(&with(element, value)), expected, "{element} {value}");
    }
    let both = r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","NotResource":"*"}}"#;
    assert_eq!(problem(both), Contradiction { elements: ["Resource", "NotResource"] });
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
        let expected = Problem::UnknownOperator { operator: operator.into() };
        let found = problem(&with("Condition", &condition));
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
    ] {
        let condition = format!(r#"{{"{operator}":{{"k":"{value}"}}}}"#);
        let (operator, key, value) = (operator.into(), "k".into(), value.into());
        let expected = Problem::ConditionValue { operator, key, value };
        assert_eq!(problem(&with("Condition", &condition)), expected, "{condition}");
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

/// What is no ARN is taken where an ARN should stand.
#[test]
fn arns_are_not_checked() {
    for (element, value) in [
        ("Resource", r#""$sqs_queue_arn""#),
        ("NotResource", r#"["orders","arn:aws"]"#),
        ("Condition", r#"{"ArnEquals":{"aws:SourceArn":"$topic_arn"}}"#),
        ("Condition", r#"{"ArnNotLikeIfExists":{"aws:SourceArn":["arn:aws:iam::111111111111","ann"]}}"#),
    ] {
        assert!(Policy::parse(Service::Sqs, &with(element, value)).is_ok(), "{element} {value}");
        let topics = with(element, value).replace("sqs:SendMessage", "sns:Publish");
        assert!(Policy::parse(Service::Sns, &topics).is_ok(), "{element} {value}");
    }
}
