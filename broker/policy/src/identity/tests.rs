//! Identity policies: documents that are refused, documents that are taken, and what a user may do with them.

use std::sync::Arc;

use posthouse_model::Action;
use posthouse_model::fault::PolicyProblem::{
    Action as BadAction, ActionShape, IdentityPrincipal, Missing, RepeatedLabel, ResourceShape, TooMany, UnknownKey,
    Variable, VariableVersion,
};
use posthouse_model::fault::{ActionRule, PolicyPart, PolicyProblem};
use posthouse_model::limits::IDENTITY_POLICY_CHARS_MAX;
use posthouse_model::operation::Tags;

use super::*;
use crate::tests::{NOW, caller};
use crate::{Detail, Question, Resource};

/// A statement that allows everything, with `element` in place of its own.
fn with(element: &str, value: &str) -> String {
    let whole = [("Effect", r#""Allow""#), ("Action", r#""sqs:*""#), ("Resource", r#""*""#)];
    let negated = element.replace("Not", "");
    let mut members: Vec<String> =
        whole.iter().filter(|(name, _)| *name != negated).map(|(name, value)| format!("{name:?}:{value}")).collect();
    if !value.is_empty() {
        members.push(format!("{element:?}:{value}"));
    }
    format!(r#"{{"Version":"2012-10-17","Statement":[{{{}}}]}}"#, members.join(","))
}

#[test]
fn refusals() {
    let unknown = |action: &str| BadAction { action: action.into(), rule: ActionRule::Unknown };
    let shape = |action: &str| ActionShape { action: action.into() };
    for (element, value, expected) in [
        ("Principal", r#""*""#, IdentityPrincipal { element: "Principal" }),
        ("NotPrincipal", r#"{"AWS":"*"}"#, IdentityPrincipal { element: "NotPrincipal" }),
        ("Action", r#""sqs:SendMesage""#, unknown("sqs:SendMesage")),
        ("Action", r#""sns:SendMessage""#, unknown("sns:SendMessage")),
        ("Action", r#"["sqs:SendMessage","SNS:Publsh"]"#, unknown("SNS:Publsh")),
        ("Action", r#""sqs:SendMessageBatch""#, unknown("sqs:SendMessageBatch")),
        ("Action", r#""sqs:Sned*""#, unknown("sqs:Sned*")),
        ("NotAction", r#""sqs:SendMesage""#, unknown("sqs:SendMesage")),
        ("Action", r#""SendMessage""#, shape("SendMessage")),
        ("Action", r#""sqs.SendMessage""#, shape("sqs.SendMessage")),
        ("Action", r#""sqs:""#, shape("sqs:")),
        ("Action", r#""*:*""#, shape("*:*")),
        ("Action", "", Missing { element: "Action" }),
        ("Resource", "", Missing { element: "Resource" }),
        ("Resource", r#""orders""#, ResourceShape { resource: "orders".into() }),
        ("Resource", r#"["*","arn:aws:sqs:orders"]"#, ResourceShape { resource: "arn:aws:sqs:orders".into() }),
        ("Resource", r#""arn:aws:sqs:*:*:${aws:usrname}""#, Variable { text: "arn:aws:sqs:*:*:${aws:usrname}".into() }),
        ("Condition", r#"{"Bool":{"aws:SecureTransprt":true}}"#, UnknownKey { key: "aws:SecureTransprt".into() }),
        ("Condition", r#"{"StringLike":{"sns:endpint":"*"}}"#, UnknownKey { key: "sns:endpint".into() }),
        ("Condition", r#"{"StringLike":{"aws:ResourceTag/":"*"}}"#, UnknownKey { key: "aws:ResourceTag/".into() }),
    ] {
        let problem = IdentityPolicy::parse(&with(element, value)).expect_err(value);
        assert_eq!(problem, IdentityPolicyProblem { statement: Some(1), problem: expected }, "{element} {value}");
    }
}

#[test]
fn a_refusal_says_which_statement() {
    let good = r#"{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"}"#;
    let bad = r#"{"Effect":"Maybe","Action":"*","Resource":"*"}"#;
    for (statements, statement, problem) in [
        (format!("{good},{bad}"), Some(2), PolicyProblem::Effect),
        (format!("{good},{good}"), None, RepeatedLabel { label: "a".into() }),
    ] {
        let refused = IdentityPolicy::parse(&format!(r#"{{"Statement":[{statements}]}}"#)).expect_err(&statements);
        assert_eq!(refused, IdentityPolicyProblem { statement, problem });
    }
    let older = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:sqs:*:*:${aws:username}"}}"#;
    let text = "arn:aws:sqs:*:*:${aws:username}".into();
    assert_eq!(IdentityPolicy::parse(older).expect_err("refused").problem, VariableVersion { text });
}

#[test]
fn white_space_is_not_counted() {
    let frame = r#"{"Id":"","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let of = |chars: usize| frame.replace(r#""Id":"""#, &format!(r#""Id":  "{}""#, "ü".repeat(chars - frame.len())));
    assert!(IdentityPolicy::parse(&of(IDENTITY_POLICY_CHARS_MAX)).is_ok());
    let (found, max) = (IDENTITY_POLICY_CHARS_MAX + 1, IDENTITY_POLICY_CHARS_MAX);
    let problem = TooMany { part: PolicyPart::Characters, found, max };
    assert_eq!(IdentityPolicy::parse(&of(found)).expect_err("too long").problem, problem);
}

#[test]
fn actions_of_other_services_have_no_effect_and_are_listed() {
    let policy = IdentityPolicy::parse(&with("Action", r#"["kms:Decrypt","sqs:SendMessage","sq:SendMessage"]"#));
    let policy = policy.expect("valid");
    assert_eq!(policy.ignored(), [Box::from("kms:Decrypt"), "sq:SendMessage".into()]);
    // Keys of other services and those of AWS that have no value here are taken.
    for key in ["kms:ViaService", "aws:PrincipalTag/team", "aws:PrincipalOrgID", "aws:multifactorauthpresent"] {
        let condition = format!(r#"{{"StringEquals":{{"{key}":"x"}}}}"#);
        assert!(IdentityPolicy::parse(&with("Condition", &condition)).is_ok(), "{key}");
    }
}

/// The verdict of a policy about a call of `ann` in account 111111111111. `resource` is an ARN, or a phone number.
fn ask(policy: &str, action: Action, resource: &str, tags: &[(&str, &str)], detail: Detail<'_>) -> Verdict {
    let policy = IdentityPolicy::parse(policy).unwrap_or_else(|problem| panic!("{policy}: {problem:?}"));
    let set = PolicySet::new(vec![Arc::new(policy)]);
    let (region, account) = ("eu-west-1".parse().expect("a region"), "111111111111".parse().expect("an account"));
    let (queue, topic) = (resource.parse(), resource.parse());
    let (subscription, application, endpoint) = (resource.parse(), resource.parse(), resource.parse());
    let number = resource.parse();
    let resource = if let Ok(queue) = &queue {
        Resource::Queue(queue)
    } else if let Ok(topic) = &topic {
        Resource::Topic(topic)
    } else if let Ok(subscription) = &subscription {
        Resource::Subscription(subscription)
    } else if let Ok(application) = &application {
        Resource::Application(application)
    } else if let Ok(endpoint) = &endpoint {
        Resource::PlatformEndpoint(endpoint)
    } else if let Ok(number) = &number {
        Resource::PhoneNumber(number, &region, account)
    } else {
        Resource::Account(action.service(), &region, account)
    };
    let tags = Tags::parse(tags.iter().copied()).expect("tags");
    let caller = caller("ann@111111111111");
    set.put(&Inquiry::new(&Question { caller: &caller, action, resource, tags: Some(&tags), now: NOW, detail }))
}

const ORDERS: &str = "arn:aws:sqs:eu-west-1:111111111111:orders";
const EVENTS: &str = "arn:aws:sns:eu-west-1:111111111111:events";
const SUBSCRIPTION: &str = "arn:aws:sns:eu-west-1:111111111111:events:0a000000-0000-4000-8000-000000000000";
const APPLICATION: &str = "arn:aws:sns:eu-west-1:111111111111:app/GCM/shop";

#[test]
fn actions_and_resources() {
    let rows = [
        // statement element                          action            resource         allowed
        (r#""Action":"*","Resource":"*""#, Action::DeleteQueue, ORDERS, true),
        (r#""Action":"*","Resource":"*""#, Action::Publish, EVENTS, true),
        (r#""Action":"*","Resource":"*""#, Action::ListQueues, "", true),
        (r#""Action":"sqs:*","Resource":"*""#, Action::Publish, EVENTS, false),
        (r#""Action":"SQS:SendMessage","Resource":"*""#, Action::SendMessageBatch, ORDERS, true),
        (r#""Action":"sqs:SendMessage","Resource":"*""#, Action::ReceiveMessage, ORDERS, false),
        (r#""Action":"sns:Publish","Resource":"*""#, Action::PublishBatch, EVENTS, true),
        (r#""Action":["sqs:Get*","sqs:?endMessage"],"Resource":"*""#, Action::SendMessage, ORDERS, true),
        (r#""NotAction":"sqs:Delete*","Resource":"*""#, Action::DeleteQueue, ORDERS, false),
        (r#""NotAction":"sqs:Delete*","Resource":"*""#, Action::SendMessage, ORDERS, true),
        (r#""NotAction":"sqs:*","Resource":"*""#, Action::Publish, EVENTS, true),
        (r#""NotAction":"kms:*","Resource":"*""#, Action::Publish, EVENTS, true),
        (r#""Action":"kms:*","Resource":"*""#, Action::Publish, EVENTS, false),
        // An owner's action is the user's to be allowed, as any other.
        (r#""Action":"sqs:SetQueueAttributes","Resource":"*""#, Action::SetQueueAttributes, ORDERS, true),
        (
            r#""Action":"sqs:*","Resource":"arn:aws:sqs:eu-west-1:111111111111:orders""#,
            Action::PurgeQueue,
            ORDERS,
            true,
        ),
        (r#""Action":"sqs:*","Resource":"arn:aws:sqs:*:*:ord*""#, Action::PurgeQueue, ORDERS, true),
        (r#""Action":"sqs:*","Resource":"arn:aws:sqs:*:*:order?""#, Action::PurgeQueue, ORDERS, true),
        (r#""Action":"sqs:*","Resource":"arn:aws:sqs:*:*:bills*""#, Action::PurgeQueue, ORDERS, false),
        (
            r#""Action":"sqs:*","Resource":["arn:aws:sqs:*:*:b*","arn:aws:sqs:*:*:o*"]"#,
            Action::PurgeQueue,
            ORDERS,
            true,
        ),
        (r#""Action":"sqs:*","NotResource":"arn:aws:sqs:*:*:ord*""#, Action::PurgeQueue, ORDERS, false),
        (r#""Action":"sqs:*","NotResource":"arn:aws:sqs:*:*:bills""#, Action::PurgeQueue, ORDERS, true),
        // An action without a resource is on all of its account and region.
        (r#""Action":"sqs:*","Resource":"arn:aws:sqs:eu-west-1:111111111111:*""#, Action::ListQueues, "", true),
        (r#""Action":"sqs:*","Resource":"arn:aws:sqs:eu-west-1:111111111111:orders""#, Action::ListQueues, "", false),
        (r#""Action":"sns:*","Resource":"arn:aws:sns:eu-west-1:111111111111:*""#, Action::ListTopics, "", true),
        (r#""Action":"sns:*","Resource":"arn:aws:sns:eu-west-1:111111111111:events""#, Action::ListTopics, "", false),
        // A subscription is not its topic.
        (r#""Action":"sns:*","Resource":"arn:aws:sns:*:*:events""#, Action::Unsubscribe, SUBSCRIPTION, false),
        (r#""Action":"sns:*","Resource":"arn:aws:sns:*:*:events:*""#, Action::Unsubscribe, SUBSCRIPTION, true),
        (
            r#""Action":"sns:*","Resource":"arn:aws:sns:*:*:app/GCM/*""#,
            Action::CreatePlatformEndpoint,
            APPLICATION,
            true,
        ),
        // A phone number is no ARN.
        (r#""Action":"sns:Publish","Resource":"arn:aws:sns:*:*:*""#, Action::Publish, "+12065550100", false),
        (r#""Action":"sns:Publish","NotResource":"arn:aws:sns:*:*:*""#, Action::Publish, "+12065550100", true),
        (r#""Action":"sns:Publish","Resource":"*""#, Action::Publish, "+12065550100", true),
    ];
    for (statement, action, resource, allowed) in rows {
        for (effect, verdict) in [("Allow", Verdict::Allow), ("Deny", Verdict::Deny)] {
            let policy = format!(r#"{{"Statement":{{"Effect":"{effect}",{statement}}}}}"#);
            let expected = if allowed { verdict } else { Verdict::Silent };
            assert_eq!(
                ask(&policy, action, resource, &[], Detail::None),
                expected,
                "{statement} {action:?} {resource}"
            );
        }
    }
}

#[test]
fn variables() {
    let rows = [
        // resource, or key and value of a condition                       queue                 allowed
        ("arn:aws:sqs:*:*:${aws:username}", "", "", "ann", true),
        ("arn:aws:sqs:*:*:${ aws:USERNAME }-*", "", "", "ann-inbox", true),
        ("arn:aws:sqs:*:*:${aws:username}-*", "", "", "bob-inbox", false),
        ("arn:aws:sqs:*:${aws:PrincipalAccount}:${aws:username}-?", "", "", "ann-7", true),
        // A value is no pattern.
        ("arn:aws:sqs:*:*:${aws:ResourceTag/all}", "", "", "ann", false),
        ("arn:aws:sqs:*:*:${aws:ResourceTag/team}-${aws:username}", "", "", "shop-ann", true),
        // A variable without a value matches nothing, unless it has a default.
        ("arn:aws:sqs:*:*:${aws:ResourceTag/none}*", "", "", "ann", false),
        ("arn:aws:sqs:*:*:${aws:ResourceTag/none, 'shop'}", "", "", "shop", true),
        ("arn:aws:sqs:*:*:${aws:PrincipalTag/team,'shop'}", "", "", "shop", true),
        ("arn:aws:sqs:*:*:a${*}", "", "", "ann", false),
        ("*", "StringEquals", r#""aws:ResourceTag/owner":"${aws:username}""#, "q", true),
        ("*", "StringEquals", r#""aws:ResourceTag/team":"${aws:username}""#, "q", false),
        ("*", "StringLike", r#""aws:ResourceTag/path":"a/${aws:username}/*""#, "q", true),
        ("*", "StringEquals", r#""aws:ResourceTag/all":"${*}""#, "q", true),
        ("*", "StringLike", r#""aws:ResourceTag/owner":"${*}""#, "q", false),
        ("*", "StringEqualsIgnoreCase", r#""aws:ResourceTag/loud":"${aws:username}""#, "q", true),
        ("*", "ArnLike", r#""aws:PrincipalArn":"arn:aws:iam::${aws:ResourceAccount}:user/*""#, "q", true),
        ("*", "ArnLike", r#""aws:PrincipalArn":"arn:aws:iam::${aws:ResourceTag/all}:user/*""#, "q", false),
        ("*", "StringNotEquals", r#""aws:username":"${aws:ResourceTag/none}""#, "q", true),
    ];
    let tags = [("owner", "ann"), ("team", "shop"), ("path", "a/ann/b"), ("all", "*"), ("loud", "ANN")];
    for (resource, operator, pair, queue, allowed) in rows {
        let condition =
            if pair.is_empty() { String::new() } else { format!(r#","Condition":{{"{operator}":{{{pair}}}}}"#) };
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"{resource}"{condition}}}}}"#
        );
        let queue = format!("arn:aws:sqs:eu-west-1:111111111111:{queue}");
        let expected = if allowed { Verdict::Allow } else { Verdict::Silent };
        assert_eq!(
            ask(&policy, Action::SendMessage, &queue, &tags, Detail::None),
            expected,
            "{resource} {pair} {queue}"
        );
    }
}

#[test]
fn tags_of_resources_and_requests() {
    let rows = [
        // condition                                                          tags of the request        holds
        (r#""StringEquals":{"aws:ResourceTag/team":"shop"}"#, &[][..], true),
        (r#""StringEquals":{"aws:resourcetag/TEAM":"shop"}"#, &[], true),
        (r#""StringEquals":{"aws:ResourceTag/team":"bank"}"#, &[], false),
        (r#""StringEquals":{"aws:ResourceTag/none":"shop"}"#, &[], false),
        (r#""Null":{"aws:ResourceTag/none":"true"}"#, &[], true),
        (r#""StringEquals":{"aws:RequestTag/team":"shop"}"#, &[("team", "shop")], true),
        (r#""StringEquals":{"aws:RequestTag/team":"shop"}"#, &[("team", "bank")], false),
        (r#""StringEquals":{"aws:RequestTag/team":"shop"}"#, &[], false),
        (r#""Null":{"aws:TagKeys":"true"}"#, &[], true),
        (r#""Null":{"aws:TagKeys":"true"}"#, &[("team", "")], false),
        (r#""ForAllValues:StringEquals":{"aws:TagKeys":["team","cost"]}"#, &[("team", ""), ("cost", "")], true),
        (r#""ForAllValues:StringEquals":{"aws:TagKeys":["team","cost"]}"#, &[("team", ""), ("env", "")], false),
        (r#""ForAllValues:StringEquals":{"aws:TagKeys":["team","cost"]}"#, &[], true),
        (r#""ForAnyValue:StringEquals":{"aws:TagKeys":["team","cost"]}"#, &[("env", ""), ("team", "")], true),
        (r#""ForAnyValue:StringEquals":{"aws:TagKeys":["team","cost"]}"#, &[("env", "")], false),
        (r#""ForAnyValue:StringEquals":{"aws:TagKeys":["team","cost"]}"#, &[], false),
        (r#""ForAllValues:StringNotEquals":{"aws:TagKeys":"env"}"#, &[("team", ""), ("cost", "")], true),
        (r#""ForAllValues:StringNotEquals":{"aws:TagKeys":"env"}"#, &[("team", ""), ("env", "")], false),
        (r#""ForAnyValue:StringNotEquals":{"aws:TagKeys":"env"}"#, &[("team", ""), ("env", "")], true),
        (r#""ForAnyValue:StringNotEquals":{"aws:TagKeys":"env"}"#, &[("env", "")], false),
        (r#""StringLike":{"aws:TagKeys":"te*"}"#, &[("env", ""), ("team", "")], true),
        (r#""StringNotLike":{"aws:TagKeys":"te*"}"#, &[("env", ""), ("team", "")], false),
    ];
    for (condition, request, holds) in rows {
        let policy =
            format!(r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{{condition}}}}}}}"#);
        let tags = Tags::parse(request.iter().copied()).expect("tags");
        let verdict = ask(&policy, Action::TagQueue, ORDERS, &[("team", "shop")], Detail::Tags(&tags));
        assert_eq!(verdict == Verdict::Allow, holds, "{condition} {request:?}");
    }
    let keys = ["team".into()].into();
    let policy = with("Condition", r#"{"ForAllValues:StringEquals":{"aws:TagKeys":"team"}}"#);
    assert_eq!(ask(&policy, Action::UntagQueue, ORDERS, &[], Detail::TagKeys(&keys)), Verdict::Allow);
}

#[test]
fn a_set_denies_if_one_of_its_policies_does() {
    let policy = |effect: &str, action: &str| {
        let text = format!(r#"{{"Statement":{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}}}"#);
        Arc::new(IdentityPolicy::parse(&text).expect("valid"))
    };
    let (all, no_deletes) = (policy("Allow", "sqs:*"), policy("Deny", "sqs:Delete*"));
    let (queue, caller) = (ORDERS.parse().expect("a queue"), caller("ann@111111111111"));
    for set in [vec![all.clone(), no_deletes.clone()], vec![no_deletes, all]] {
        let mut table = IdentityPolicies::default();
        let id = table.add(PolicySet::new(set));
        for (action, expected) in [(Action::SendMessage, Verdict::Allow), (Action::DeleteQueue, Verdict::Deny)] {
            let (resource, tags, detail) = (Resource::Queue(&queue), None, Detail::None);
            let question = Question { caller: &caller, action, resource, tags, now: NOW, detail };
            assert_eq!(table.get(id).put(&Inquiry::new(&question)), expected);
            assert_eq!(table.get(PolicySetId::new(7)).put(&Inquiry::new(&question)), Verdict::Silent, "no such set");
        }
    }
}
