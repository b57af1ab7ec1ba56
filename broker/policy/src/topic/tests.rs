//! Topic policies: the default one, permissions added and removed, and which callers they let in.

use posthouse_model::fault::{ActionRule, PolicyPart, PolicyProblem, Rule};

use super::*;
use crate::tests::caller;
use crate::{Detail, Question, Resource, Verdict};
use posthouse_model::{Caller, Endpoint, Identity, QueueAddress, SubscriptionProtocol, Timestamp};

const TOPIC: &str = "arn:aws:sns:eu-west-1:111111111111:orders";

fn topic() -> TopicAddress {
    TOPIC.parse().expect("an ARN")
}

fn adding(label: &str, accounts: &[&str], actions: &[&str]) -> AddTopicPermission {
    AddTopicPermission {
        topic: topic(),
        label: label.into(),
        accounts: accounts.iter().map(|account| account.parse().expect("an account")).collect(),
        actions: actions.iter().map(|&action| action.into()).collect(),
    }
}

fn ask(policy: &str, who: &Caller, action: Action, endpoint: Option<&Endpoint>) -> Verdict {
    let policy = Policy::parse(Service::Sns, policy).unwrap_or_else(|fault| panic!("{policy}: {fault:?}"));
    let resource = topic();
    let resource = Resource::Topic(&resource);
    let detail = endpoint.map_or(Detail::None, Detail::Endpoint);
    policy.evaluate(&Question { caller: who, action, resource, tags: None, now: Timestamp::EPOCH, detail })
}

#[test]
fn the_default_policy_lets_no_caller_in() {
    let policy = default_policy(&topic());
    assert_eq!(
        policy,
        r#"{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{"AWS":"*"},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"arn:aws:sns:eu-west-1:111111111111:orders","Condition":{"StringEquals":{"AWS:SourceOwner":"111111111111"}}}]}"#
    );
    // Not even a user of the owner's account is let in by it. The account's users need no topic policy, unless their own
    // policies limit them.
    for who in ["ann@111111111111", "ann@222222222222", "anonymous"] {
        assert_eq!(ask(&policy, &caller(who), Action::PublishBatch, None), Verdict::Silent, "{who}");
    }
}

#[test]
fn permissions_come_and_go() {
    let first = add_permission(None, &adding("one", &["222222222222"], &["Publish"])).expect("added");
    let one = r#"{"Sid":"one","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"SNS:Publish","Resource":"arn:aws:sns:eu-west-1:111111111111:orders"}]}"#;
    assert!(first.ends_with(one) && first.contains("__default_statement_ID"), "{first}");
    for (who, action, expected) in [
        ("ann@222222222222", Action::Publish, Verdict::Allow),
        ("ann@222222222222", Action::PublishBatch, Verdict::Allow),
        ("ann@222222222222", Action::Subscribe, Verdict::Silent),
        ("ann@333333333333", Action::Publish, Verdict::Silent),
    ] {
        assert_eq!(ask(&first, &caller(who), action, None), expected, "{who} {action}");
    }
    let remove = |label: &str| RemoveTopicPermission { topic: topic(), label: label.into() };
    assert_eq!(remove_permission(Some(&first), &remove("one")), Ok(Some(default_policy(&topic()))));
    assert_eq!(remove_permission(Some(&first), &remove("two")), Ok(Some(first.clone())));
    assert_eq!(remove_permission(Some(&default_policy(&topic())), &remove("__default_statement_ID")), Ok(None));
    assert_eq!(remove_permission(None, &remove("one")), Ok(None));
}

/// A policy is written anew without taking more room.
#[test]
fn what_remains_stays_as_it_was() {
    let numbers = vec!["1e9"; 7_000].join(",");
    let statement = |label: &str, condition: &str| {
        format!(
            r#"{{"Sid":"{label}","Effect":"Allow","Principal":"*","Action":"SNS:Publish","Resource":"{}"{condition}}}"#,
            topic()
        )
    };
    let wide = statement("wide", &format!(r#","Condition":{{"NumericEquals":{{"aws:EpochTime":[{numbers}]}}}}"#));
    let text = format!(r#"{{"Statement":[{},{wide}]}}"#, statement("one", ""));
    assert!(Policy::parse(Service::Sns, &text).is_ok(), "it fits as it came");
    let remove = RemoveTopicPermission { topic: topic(), label: "one".into() };
    let rest = format!(r#"{{"Statement":[{wide}]}}"#);
    assert_eq!(remove_permission(Some(&text), &remove), Ok(Some(rest)));
}

#[test]
fn refusals() {
    let one = add_permission(None, &adding("one", &["222222222222"], &["Publish"])).expect("added");
    let account: &[&str] = &["222222222222"];
    let wide = vec!["222222222222"; 51];
    let not_granted = |name: &str| refused(PolicyProblem::Action { action: name.into(), rule: ActionRule::Unknown });
    for (label, accounts, actions, expected) in [
        ("one", account, ["Publish"], SnsFault::invalid("Label", Rule::StatementExists)),
        ("", account, ["Publish"], SnsFault::invalid("Label", Rule::Malformed)),
        ("two", &[], ["Publish"], SnsFault::invalid("AWSAccountId", Rule::Malformed)),
        ("two", account, ["PublishBatch"], not_granted("PublishBatch")),
        ("two", account, ["CreateTopic"], not_granted("CreateTopic")),
        ("two", account, ["SendMessage"], not_granted("SendMessage")),
        (
            "two",
            &wide,
            ["Publish"],
            refused(PolicyProblem::TooMany { part: PolicyPart::Principals, found: 51, max: 50 }),
        ),
    ] {
        let refused = add_permission(Some(&one), &adding(label, accounts, &actions)).expect_err(label);
        assert_eq!(refused, expected);
    }
    let none = add_permission(None, &adding("two", account, &[])).expect_err("no action");
    assert_eq!(none, SnsFault::invalid("ActionName", Rule::Malformed));
}

#[test]
fn documents() {
    let long = format!(r#"{{"Id":"{}","Statement":[]}}"#, "i".repeat(TOPIC_POLICY_BYTES_MAX));
    let with_action = |action: &str| {
        format!(r#"{{"Statement":{{"Effect":"Allow","Principal":"*","Action":"{action}","Resource":"{TOPIC}"}}}}"#)
    };
    for (text, expected) in [
        ("{}".to_owned(), PolicyProblem::Missing { element: "Statement" }),
        (with_action("sqs:SendMessage"), PolicyProblem::ActionOutOfScope { action: "sqs:SendMessage".into() }),
        (
            with_action("sns:CreateTopic"),
            PolicyProblem::Action { action: "CreateTopic".into(), rule: ActionRule::OwnersOnly },
        ),
        (long.clone(), PolicyProblem::TooMany { part: PolicyPart::Bytes, found: 30744, max: 30720 }),
    ] {
        assert_eq!(Policy::parse(Service::Sns, &text).expect_err(&text), expected);
    }
    let statement = r#"{"Effect":"Allow","Principal":"*","Action":["sns:Publish","SNS:Receive"]}"#;
    let many = format!(r#"{{"Statement":[{}]}}"#, vec![statement; 100].join(","));
    assert!(Policy::parse(Service::Sns, &many).is_ok());
}

#[test]
fn who_may_subscribe_what() {
    let policy = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":"*","Action":"sns:Subscribe","Resource":"{TOPIC}","Condition":{{"StringEquals":{{"sns:Protocol":"https"}},"StringLike":{{"sns:Endpoint":"https://example.com/*"}}}}}}}}"#
    );
    for (protocol, endpoint, expected) in [
        (SubscriptionProtocol::Https, "https://example.com/hook", Verdict::Allow),
        (SubscriptionProtocol::Https, "https://example.org/hook", Verdict::Silent),
        (SubscriptionProtocol::Http, "http://example.com/hook", Verdict::Silent),
    ] {
        let endpoint = Endpoint::parse(protocol, endpoint).expect("valid");
        assert_eq!(ask(&policy, &caller("anonymous"), Action::Subscribe, Some(&endpoint)), expected, "{endpoint:?}");
    }
}

/// The usual policies that let a topic send to a queue, and the callers that they do not let in.
#[test]
fn queues_let_topics_in() {
    let queue: QueueAddress = "arn:aws:sqs:eu-west-1:222222222222:q".parse().expect("an ARN");
    let source = topic();
    let other: TopicAddress = "arn:aws:sns:eu-west-1:111111111111:other".parse().expect("an ARN");
    let broker = Caller { identity: Identity::Broker, ..caller("anonymous") };
    for (principal, condition, from_topic, from_other, from_user) in [
        (r#"{"Service":"sns.amazonaws.com"}"#, r#"{"ArnEquals":{"aws:SourceArn":"$"}}"#, true, false, false),
        (r#"{"Service":"sns.amazonaws.com"}"#, "{}", true, true, false),
        (r#""*""#, r#"{"ArnEquals":{"aws:SourceArn":"$"}}"#, true, false, false),
        (r#""*""#, r#"{"StringEquals":{"aws:SourceAccount":"111111111111"}}"#, true, true, false),
        (r#""*""#, r#"{"Bool":{"aws:PrincipalIsAWSService":"true"}}"#, true, true, false),
        (r#"{"Service":"events.amazonaws.com"}"#, "{}", false, false, false),
        (r#""*""#, "{}", true, true, true),
    ] {
        let condition = condition.replace('$', TOPIC);
        let policy = format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{principal},"Action":"sqs:SendMessage","Condition":{condition}}}}}"#
        );
        let policy = Policy::parse(Service::Sqs, &policy).expect("valid");
        let ask = |caller: &Caller, source: Option<&TopicAddress>| {
            let resource = Resource::Queue(&queue);
            let action = Action::SendMessage;
            let detail = source.map_or(Detail::None, Detail::Source);
            let question = Question { caller, action, resource, tags: None, now: Timestamp::EPOCH, detail };
            policy.evaluate(&question) == Verdict::Allow
        };
        let got = (ask(&broker, Some(&source)), ask(&broker, Some(&other)), ask(&caller("ann@333333333333"), None));
        assert_eq!(got, (from_topic, from_other, from_user), "{principal} {condition}");
    }
}
