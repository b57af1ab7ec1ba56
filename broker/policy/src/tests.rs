//! Verdicts as tables: callers and actions under statements. Conditions have a table of their own, beside their code.

use core::net::IpAddr;
use std::sync::Arc;

use posthouse_model::operation::Tags;
use posthouse_model::{Action, Caller, Identity, QueueAddress, RegionSource, Service, Timestamp, Transport};
use proptest::prelude::*;

use crate::{Detail, IdentityPolicy, Policy, PolicySet, Question, Resource, Standing, Verdict, authorize};

/// 2024-05-06T07:08:09.5Z, the time of every question.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_714_979_289_500);
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111111111111:orders";

/// `NAME@ACCOUNT`, or `anonymous`; from 203.0.113.9 over TLS unless changed.
pub(crate) fn caller(text: &str) -> Caller {
    let identity = match text.split_once('@') {
        Some((name, account)) => Identity::user(account.parse().expect("an account"), name),
        None => Identity::Anonymous,
    };
    let source = IpAddr::from([203, 0, 113, 9]);
    Caller {
        identity,
        region: "us-east-1".parse().expect("a region"),
        region_source: RegionSource::Signature,
        source,
        transport: Transport::Tls,
    }
}

/// The verdict of a policy on one action of a caller on the queue `orders` of account 111111111111.
pub(crate) fn ask(policy: &str, caller: &Caller, action: Action) -> Verdict {
    let resource: QueueAddress = QUEUE.parse().expect("an ARN");
    let policy = Policy::parse(Service::Sqs, policy).unwrap_or_else(|fault| panic!("{policy}: {fault:?}"));
    let resource = Resource::Queue(&resource);
    policy.evaluate(&Question { caller, action, resource, tags: None, now: NOW, detail: Detail::None })
}

fn policy_of(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

fn action(name: &str) -> Action {
    Action::find(Service::Sqs, name).expect("an action")
}

#[test]
fn principals() {
    let rows = [
        // principal element                                       caller               effect Allow  effect Deny
        (r#""Principal":"*""#, "ann@222222222222", true, true),
        (r#""Principal":"*""#, "anonymous", true, true),
        (r#""Principal":{"AWS":"*"}"#, "anonymous", true, true),
        (r#""Principal":{"AWS":"222222222222"}"#, "ann@222222222222", true, true),
        (r#""Principal":{"AWS":"222222222222"}"#, "root@222222222222", true, true),
        (r#""Principal":{"AWS":"222222222222"}"#, "ann@333333333333", false, false),
        (r#""Principal":{"AWS":"222222222222"}"#, "anonymous", false, false),
        (r#""Principal":{"AWS":"arn:aws:iam::222222222222:root"}"#, "ann@222222222222", true, true),
        (r#""Principal":{"AWS":"arn:aws:iam::222222222222:user/ann"}"#, "ann@222222222222", true, true),
        (r#""Principal":{"AWS":"arn:aws:iam::222222222222:user/ann"}"#, "Ann@222222222222", false, false),
        (r#""Principal":{"AWS":"arn:aws:iam::222222222222:user/ann"}"#, "ann@333333333333", false, false),
        (r#""Principal":{"AWS":"arn:aws:iam::222222222222:user/ann"}"#, "root@222222222222", false, false),
        (r#""Principal":{"AWS":["333333333333","222222222222"]}"#, "ann@222222222222", true, true),
        (r#""Principal":{"AWS":"arn:aws:iam::222222222222:role/ann"}"#, "ann@222222222222", false, false),
        (r#""Principal":{"Service":"sns.amazonaws.com"}"#, "ann@222222222222", false, false),
        (r#""Principal":{"Federated":"accounts.google.com"}"#, "anonymous", false, false),
        (r#""Principal":{"CanonicalUser":"79a5"}"#, "anonymous", false, false),
        (r#""Principal":{"Service":"sns.amazonaws.com","AWS":"222222222222"}"#, "ann@222222222222", true, true),
        // Allowing all but an account spares its users; denying all but an account spares only the account itself.
        (r#""NotPrincipal":{"AWS":"222222222222"}"#, "ann@222222222222", false, true),
        (r#""NotPrincipal":{"AWS":"222222222222"}"#, "root@222222222222", false, false),
        (r#""NotPrincipal":{"AWS":"222222222222"}"#, "ann@333333333333", true, true),
        (r#""NotPrincipal":{"AWS":"222222222222"}"#, "anonymous", true, true),
        (r#""NotPrincipal":{"AWS":"arn:aws:iam::222222222222:user/ann"}"#, "ann@222222222222", false, true),
        (
            r#""NotPrincipal":{"AWS":["222222222222","arn:aws:iam::222222222222:user/ann"]}"#,
            "ann@222222222222",
            false,
            false,
        ),
        (
            r#""NotPrincipal":{"AWS":["222222222222","arn:aws:iam::222222222222:user/ann"]}"#,
            "bob@222222222222",
            false,
            true,
        ),
        (r#""NotPrincipal":"*""#, "ann@222222222222", false, false),
        (r#""NotPrincipal":"*""#, "anonymous", false, false),
    ];
    for (principal, who, allows, denies) in rows {
        for (effect, speaks, decision) in [("Allow", allows, Verdict::Allow), ("Deny", denies, Verdict::Deny)] {
            let policy = policy_of(&format!(r#"{{"Effect":"{effect}",{principal},"Action":"sqs:SendMessage"}}"#));
            let expected = if speaks { decision } else { Verdict::Silent };
            assert_eq!(ask(&policy, &caller(who), Action::SendMessage), expected, "{effect} {principal} {who}");
        }
    }
}

#[test]
fn actions() {
    let rows = [
        (r#""Action":"sqs:SendMessage""#, "SendMessage", true),
        (r#""Action":"SQS:sendmessage""#, "SendMessage", true),
        (r#""Action":"sqs:SendMessage""#, "SendMessageBatch", true),
        (r#""Action":"sqs:DeleteMessage""#, "DeleteMessageBatch", true),
        (r#""Action":"sqs:ChangeMessageVisibility""#, "ChangeMessageVisibilityBatch", true),
        (r#""Action":"sqs:SendMessage""#, "ReceiveMessage", false),
        (r#""Action":["sqs:ReceiveMessage","sqs:DeleteMessage"]"#, "DeleteMessage", true),
        (r#""Action":"*""#, "PurgeQueue", true),
        (r#""Action":"SQS:*""#, "GetQueueUrl", true),
        (r#""Action":"sqs:*message""#, "ReceiveMessage", true),
        (r#""Action":"sqs:*message""#, "ChangeMessageVisibility", false),
        (r#""Action":"sqs:?endMessage""#, "SendMessageBatch", true),
        (r#""NotAction":"sqs:SendMessage""#, "SendMessage", false),
        (r#""NotAction":"sqs:SendMessage""#, "SendMessageBatch", false),
        (r#""NotAction":"sqs:SendMessage""#, "ReceiveMessage", true),
        (r#""NotAction":"*""#, "ReceiveMessage", false),
        (r#""NotAction":"sqs:DeleteQueue""#, "SendMessage", true),
        // Never across accounts, whatever the policy says.
        (r#""Action":"*""#, "SetQueueAttributes", false),
        (r#""Action":"sqs:*Permission""#, "AddPermission", false),
        (r#""NotAction":"sqs:SendMessage""#, "DeleteQueue", false),
    ];
    for (element, name, allowed) in rows {
        let policy = policy_of(&format!(r#"{{"Effect":"Allow","Principal":"*",{element}}}"#));
        let expected = if allowed { Verdict::Allow } else { Verdict::Silent };
        for who in ["ann@222222222222", "anonymous"] {
            assert_eq!(ask(&policy, &caller(who), action(name)), expected, "{element} {name} {who}");
        }
    }
}

#[test]
fn the_owners_actions_can_be_denied_to_all_and_allowed_to_the_owner() {
    let all = |effect| policy_of(&format!(r#"{{"Effect":"{effect}","Principal":"*","Action":"sqs:*"}}"#));
    for &name in Action::ALL.iter().filter(|action| action.service() == Service::Sqs) {
        for who in ["ann@111111111111", "ann@222222222222", "anonymous"] {
            assert_eq!(ask(&all("Deny"), &caller(who), name), Verdict::Deny, "{name} {who}");
        }
        assert_eq!(ask(&all("Allow"), &caller("ann@111111111111"), name), Verdict::Allow, "{name}");
    }
    let deny = policy_of(r#"{"Effect":"Deny","Principal":"*","Action":"sqs:DeleteQueue"}"#);
    assert_eq!(ask(&deny, &caller("ann@111111111111"), Action::DeleteQueue), Verdict::Deny);
}

#[test]
fn resources() {
    let rows = [
        ("", true),
        (r#","Resource":"*""#, true),
        (r#","Resource":"arn:aws:sqs:eu-west-1:111111111111:orders""#, true),
        (r#","Resource":"arn:aws:sqs:eu-west-1:111111111111:Orders""#, false),
        (r#","Resource":"arn:aws:sqs:eu-west-1:111111111111:order""#, false),
        (r#","Resource":"arn:aws:sqs:*:111111111111:ord*""#, true),
        (r#","Resource":"arn:aws:sqs:eu-west-?:111111111111:orders""#, true),
        (r#","Resource":"arn:aws:sqs:us-*""#, false),
        (r#","Resource":["arn:aws:sqs:us-*","arn:aws:sqs:eu-*"]"#, true),
        // What is no ARN names no resource.
        (r#","Resource":"orders""#, false),
        (r#","Resource":["$sqs_queue_arn","*orders"]"#, false),
        (r#","Resource":["$sqs_queue_arn","*"]"#, true),
        (r#","NotResource":"orders""#, true),
        (r#","NotResource":"arn:aws:sqs:eu-*""#, false),
        (r#","NotResource":"arn:aws:sqs:us-*""#, true),
        (r#","NotResource":["arn:aws:sqs:us-*","arn:aws:sqs:eu-*"]"#, false),
    ];
    for (element, allowed) in rows {
        let policy = policy_of(&format!(r#"{{"Effect":"Allow","Principal":"*","Action":"sqs:*"{element}}}"#));
        let expected = if allowed { Verdict::Allow } else { Verdict::Silent };
        assert_eq!(ask(&policy, &caller("anonymous"), Action::SendMessage), expected, "{element}");
    }
}

#[test]
fn an_explicit_deny_wins_wherever_it_stands() {
    let allow = r#"{"Effect":"Allow","Principal":"*","Action":"sqs:*"}"#;
    let deny = r#"{"Effect":"Deny","Principal":{"AWS":"222222222222"},"Action":"sqs:ReceiveMessage"}"#;
    for policy in [policy_of(&format!("{allow},{deny}")), policy_of(&format!("{deny},{allow}"))] {
        for (who, name, expected) in [
            ("ann@222222222222", "ReceiveMessage", Verdict::Deny),
            ("ann@222222222222", "SendMessage", Verdict::Allow),
            ("ann@333333333333", "ReceiveMessage", Verdict::Allow),
        ] {
            assert_eq!(ask(&policy, &caller(who), action(name)), expected, "{policy} {who} {name}");
        }
    }
}

/// JSON in the shape of a policy, with the words that policies are made of in likely and unlikely places.
fn policy_like() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "Version",
        "2012-10-17",
        "Id",
        "Statement",
        "Sid",
        "Effect",
        "Allow",
        "Deny",
        "Principal",
        "NotPrincipal",
        "AWS",
        "Service",
        "*",
        "222222222222",
        "arn:aws:iam::222222222222:user/ann",
        "Action",
        "sqs:SendMessage",
        "sqs:*",
        "Resource",
        "arn:aws:sqs:*",
        "arn:aws:sqs:*:*:${aws:username}",
        "${aws:ResourceTag/x, '*'}",
        "${",
        "aws:TagKeys",
        "ForAnyValue:StringNotLike",
        "Condition",
        "StringLike",
        "ForAllValues:NumericLessThanIfExists",
        "DateEquals",
        "IpAddress",
        "aws:SourceIp",
        "::ffff:1.2.3.4/95",
        "2024-05-06",
        "9e999",
        "é",
        "",
    ]);
    let leaf = prop_oneof![
        8 => word.clone().prop_map(|word| serde_json::Value::from(word).to_string()),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| format!("{number:e}")),
        1 => Just("null".to_owned()),
        1 => Just("false".to_owned()),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        let name = word.clone().prop_map(|word| serde_json::Value::from(word).to_string());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec((name, inner), 0..6).prop_map(|members| {
                let members: Vec<_> = members.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// A statement that is whole except for one element.
fn statement_like() -> impl Strategy<Value = String> {
    let element = prop::sample::select(vec!["Principal", "NotPrincipal", "Action", "Resource", "Condition", "Sid"]);
    (element, policy_like()).prop_map(|(element, value)| {
        let whole = [("Principal", r#""*""#), ("Action", r#""sqs:*""#), ("Effect", r#""Allow""#)];
        let rest: String = whole
            .iter()
            .filter(|(name, _)| *name != element)
            .map(|(name, value)| format!(r#","{name}":{value}"#))
            .collect();
        format!(r#"{{"Statement":{{"{element}":{value}{rest}}}}}"#)
    })
}

fn parse_and_ask(text: &str) {
    ask_identity(text);
    let Ok(policy) = Policy::parse(Service::Sqs, text) else { return };
    let resource: QueueAddress = QUEUE.parse().expect("an ARN");
    for who in ["ann@222222222222", "anonymous"] {
        for now in [Timestamp::EPOCH, NOW, Timestamp::NEVER] {
            let caller = caller(who);
            let (caller, action, resource) = (&caller, Action::SendMessage, Resource::Queue(&resource));
            let _ = policy.evaluate(&Question { caller, action, resource, tags: None, now, detail: Detail::None });
        }
    }
}

/// The same for the document of a user, without its principals.
fn ask_identity(text: &str) {
    let text = text.replace(r#","Principal":"*""#, "").replace(r#""Principal":"*","#, "");
    let Ok(policy) = IdentityPolicy::parse(&text) else { return };
    let set = PolicySet::new(vec![Arc::new(policy)]);
    let (resource, caller): (QueueAddress, Caller) = (QUEUE.parse().expect("an ARN"), caller("ann@111111111111"));
    let tags = Tags::parse([("x", "*${x}?")]).expect("tags");
    let (caller, action, resource, tags) = (&caller, Action::TagQueue, Resource::Queue(&resource), Some(&tags));
    for detail in [Detail::None, Detail::Tags(tags.expect("there are some"))] {
        let question = Question { caller, action, resource, tags, now: NOW, detail };
        let _ = authorize(Standing::Owner(Some(&set)), None, &question);
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        parse_and_ask(&text);
    }

    #[test]
    fn no_json_panics(text in policy_like()) {
        parse_and_ask(&text);
    }

    #[test]
    fn no_statement_panics(text in statement_like()) {
        parse_and_ask(&text);
    }

    #[test]
    fn no_condition_panics(
        operator in "(ForAllValues:|ForAnyValue:)?(String(Not)?(Equals|Like)|Numeric(LessThan|NotEquals)|Date(Equals|GreaterThan)|Bool|(Not)?IpAddress|Arn(Not)?Like|Null)(IfExists)?",
        key in "aws:(SourceIp|CurrentTime|EpochTime|PrincipalArn|username|SecureTransport|TagKeys|ResourceTag/x|x)",
        value in "([0-9a-z:./*?TZ-]|[$][{](aws:username|aws:ResourceTag/x|[*])[}]){0,24}",
    ) {
        parse_and_ask(&policy_of(&format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{{"{operator}":{{"{key}":"{value}"}}}}}}"#
        )));
    }
}
