//! Statements added and removed: the resulting documents, and the requests that are refused.

use posthouse_model::QueueAddress;
use posthouse_model::operation::PermissionLabel;

use super::*;
use crate::Policy;

const QUEUE: &str = "arn:aws:sqs:eu-west-1:111111111111:orders";

fn queue() -> QueueAddress {
    QUEUE.parse().expect("an ARN")
}

fn adding(label: &str, accounts: &[&str], actions: &[&str]) -> AddPermission {
    AddPermission {
        queue: queue(),
        label: PermissionLabel::parse(label).expect("a label"),
        accounts: accounts.iter().map(|account| account.parse().expect("an account")).collect(),
        actions: actions.iter().map(|&action| action.into()).collect(),
    }
}

fn removing(label: &str) -> RemovePermission {
    RemovePermission { queue: queue(), label: PermissionLabel::parse(label).expect("a label") }
}

#[test]
fn the_documents_that_aws_writes() {
    let first = add_permission(None, &adding("one", &["222222222222"], &["SendMessage"])).expect("added");
    let one = r#"{"Sid":"one","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"SQS:SendMessage","Resource":"arn:aws:sqs:eu-west-1:111111111111:orders"}"#;
    let frame = |statements: &str| {
        format!(r#"{{"Version":"2008-10-17","Id":"{QUEUE}/SQSDefaultPolicy","Statement":[{statements}]}}"#)
    };
    assert_eq!(first, frame(one));

    let more = adding("more", &["222222222222", "333333333333"], &["*", "ReceiveMessage"]);
    let second = add_permission(Some(&first), &more).expect("added");
    let two = r#"{"Sid":"more","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::222222222222:root","arn:aws:iam::333333333333:root"]},"Action":["SQS:*","SQS:ReceiveMessage"],"Resource":"arn:aws:sqs:eu-west-1:111111111111:orders"}"#;
    assert_eq!(second, frame(&format!("{one},{two}")));
    assert!(Policy::parse(Service::Sqs, &second).is_ok());

    assert_eq!(remove_permission(Some(&second), &removing("more")), Ok(Some(first.clone())));
    assert_eq!(remove_permission(Some(&second), &removing("one")), Ok(Some(frame(two))));
    assert_eq!(remove_permission(Some(&first), &removing("one")), Ok(None));
}

#[test]
fn the_rest_of_a_policy_stays_as_it_was() {
    let own = r#"{"Effect":"Deny","Sid":"own","Principal":"*","Action":"sqs:*","Condition":{"NumericLessThan":{"aws:EpochTime":[1.5,-2]}}}"#;
    let text = format!(r#"{{ "Statement": {own}, "Version": "2012-10-17" }}"#);
    let added = add_permission(Some(&text), &adding("one", &["222222222222"], &["GetQueueUrl"])).expect("added");
    assert!(added.starts_with(&format!(r#"{{"Statement":[{own},{{"Sid":"one","#)), "{added}");
    assert!(added.ends_with(r#"}],"Version":"2012-10-17"}"#), "{added}");
    let removed = remove_permission(Some(&added), &removing("one")).expect("removed");
    assert_eq!(removed, Some(format!(r#"{{"Statement":[{own}],"Version":"2012-10-17"}}"#)));
}

#[test]
fn refusals() {
    let one = add_permission(None, &adding("one", &["222222222222"], &["SendMessage"])).expect("added");
    let action = |action: &str, rule| Fault::invalid(InvalidValue::Action { action: action.into(), rule });
    let over = |part, found, max| Fault::OverLimit(Limit::Policy { part, found, max });
    let account: &[&str] = &["222222222222"];
    let send: &[&str] = &["SendMessage"];
    for (label, accounts, actions, expected) in [
        ("one", account, send, Fault::invalid(InvalidValue::LabelTaken { label: "one".into() })),
        ("two", &[], send, Fault::invalid(InvalidValue::Principal { account: "".into() })),
        ("two", account, &[], Fault::missing("Actions")),
        ("two", &["222222222222"; 51], send, over(PolicyPart::Principals, 51, 50)),
        ("two", account, &["SendMessage"; 8], over(PolicyPart::Actions, 8, 7)),
        ("two", account, &["SendMessage", "Peek"], action("Peek", ActionRule::Unknown)),
        ("two", account, &["SendMessageBatch"], action("SendMessageBatch", ActionRule::Unknown)),
        ("two", account, &["Send*"], action("Send*", ActionRule::Unknown)),
        ("two", account, &["AddPermission"], action("AddPermission", ActionRule::OwnersOnly)),
    ] {
        assert_eq!(add_permission(Some(&one), &adding(label, accounts, actions)), Err(expected), "{label} {actions:?}");
    }
    let unknown = Fault::invalid(InvalidValue::LabelMissing { label: "two".into() });
    assert_eq!(remove_permission(Some(&one), &removing("two")), Err(unknown.clone()));
    assert_eq!(remove_permission(None, &removing("two")), Err(unknown));
    for existing in ["not a policy", "{}", r#"{"Statement":{"Effect":"Allow"}}"#] {
        assert!(add_permission(Some(existing), &adding("two", account, send)).is_err(), "{existing}");
    }
}

#[test]
fn a_policy_fills_up_and_empties_again() {
    let mut policy: Option<String> = None;
    let longest = |number: usize| format!("{number:080}");
    for number in 0..POLICY_STATEMENTS_MAX {
        let request = adding(&longest(number), &["222222222222"], &["SendMessage"]);
        policy = Some(add_permission(policy.as_deref(), &request).expect("room"));
        assert!(policy.as_deref().is_some_and(|text| Policy::parse(Service::Sqs, text).is_ok()));
    }
    let full = add_permission(policy.as_deref(), &adding("more", &["222222222222"], &["SendMessage"]));
    assert_eq!(full, Err(Fault::OverLimit(Limit::Policy { part: PolicyPart::Statements, found: 21, max: 20 })));
    for number in (0..POLICY_STATEMENTS_MAX).rev() {
        policy = remove_permission(policy.as_deref(), &removing(&longest(number))).expect("there");
    }
    assert_eq!(policy, None);
}

#[test]
fn a_policy_that_would_be_too_long_is_refused() {
    let wide = ["222222222222"; POLICY_PRINCIPALS_MAX];
    let mut policy = None;
    for number in 0..5 {
        let added = add_permission(policy.as_deref(), &adding(&number.to_string(), &wide, &["SendMessage"]));
        match added {
            Ok(text) => policy = Some(text),
            Err(fault) => {
                let Fault::OverLimit(Limit::Policy { part: PolicyPart::Bytes, max: 8192, .. }) = fault else {
                    panic!("{fault}");
                };
                return;
            }
        }
    }
    panic!("250 principals fit into 8192 bytes");
}
