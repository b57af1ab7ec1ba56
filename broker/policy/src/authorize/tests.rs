//! AWS's rules as a table: who calls, what the user's policies say, what the resource's says, and the outcome.

use std::sync::Arc;

use posthouse_model::{Action, QueueAddress, Service};

use super::*;
use crate::tests::{NOW, caller};
use crate::{Detail, IdentityPolicy, Resource};

/// The callers: an account itself, a user of it, a user of another account, and one without an account. The resource
/// is account 111111111111's.
const CALLERS: [&str; 4] = ["root@111111111111", "ann@111111111111", "bob@222222222222", "anonymous"];

/// An outcome: `ok`; which policies deny (`id-deny`, `res-deny`); which do not allow (`id`, `res`).
const ROWS: &str = "
identity  resource    root  ann       bob       anonymous
full      none        ok    ok        res       res
full      allow       ok    ok        ok        ok
full      deny        ok    res-deny  res-deny  res-deny
full      both        ok    res-deny  res-deny  res-deny
full      account     ok    ok        ok        res
full      user        ok    ok        ok        res
empty     none        -     id        id        -
empty     allow       -     ok        id        -
empty     deny        -     res-deny  res-deny  -
empty     both        -     res-deny  res-deny  -
empty     account     -     id        id        -
empty     user        -     ok        id        -
allow     none        -     ok        res       -
allow     allow       -     ok        ok        -
allow     deny        -     res-deny  res-deny  -
allow     both        -     res-deny  res-deny  -
allow     account     -     ok        ok        -
allow     user        -     ok        ok        -
deny      none        -     id-deny   id-deny   -
deny      allow       -     id-deny   id-deny   -
deny      deny        -     id-deny   id-deny   -
deny      account     -     id-deny   id-deny   -
deny      user        -     id-deny   id-deny   -
both      none        -     id-deny   id-deny   -
both      allow       -     id-deny   id-deny   -
both      both        -     id-deny   id-deny   -
";

fn identity(name: &str) -> Option<PolicySet> {
    let effects: &[&str] = match name {
        "full" => return None,
        "empty" => &[],
        "allow" => &["Allow"],
        "deny" => &["Deny"],
        "both" => &["Allow", "Deny"],
        other => panic!("no such identity policy: {other}"),
    };
    let policy = |effect: &&str| {
        let text = format!(r#"{{"Statement":{{"Effect":"{effect}","Action":"sqs:SendMessage","Resource":"*"}}}}"#);
        Arc::new(IdentityPolicy::parse(&text).expect("valid"))
    };
    Some(PolicySet::new(effects.iter().map(policy).collect()))
}

fn resource(name: &str) -> Option<Policy> {
    let users = r#"{"AWS":["arn:aws:iam::111111111111:user/ann","arn:aws:iam::222222222222:user/bob"]}"#;
    let statements: &[(&str, &str)] = match name {
        "none" => return None,
        "allow" => &[("Allow", r#""*""#)],
        "deny" => &[("Deny", r#""*""#)],
        "both" => &[("Allow", r#""*""#), ("Deny", r#""*""#)],
        "account" => &[("Allow", r#"{"AWS":["111111111111","arn:aws:iam::222222222222:root"]}"#)],
        "user" => &[("Allow", users)],
        other => panic!("no such resource policy: {other}"),
    };
    let statement = |(effect, principal): &(&str, &str)| {
        format!(r#"{{"Effect":"{effect}","Principal":{principal},"Action":"sqs:SendMessage"}}"#)
    };
    let statements: Vec<String> = statements.iter().map(statement).collect();
    let text = format!(r#"{{"Statement":[{}]}}"#, statements.join(","));
    Some(Policy::parse(Service::Sqs, &text).expect("valid"))
}

#[test]
fn outcomes() {
    let queue: QueueAddress = "arn:aws:sqs:eu-west-1:111111111111:orders".parse().expect("an ARN");
    for row in ROWS.lines().skip(2) {
        let words: Vec<&str> = row.split_whitespace().collect();
        let (own, policy) = (identity(words[0]), resource(words[1]));
        for (name, expected) in CALLERS.iter().zip(&words[2..]).filter(|(_, expected)| **expected != "-") {
            let caller = caller(name);
            let standing = match caller.account() {
                Some(account) if account == queue.account && caller.identity.is_root() => Standing::Root,
                Some(account) if account == queue.account => Standing::Owner(own.as_ref()),
                Some(_) => Standing::Other(own.as_ref()),
                None => Standing::NoAccount,
            };
            let (action, resource, detail) = (Action::SendMessage, Resource::Queue(&queue), Detail::None);
            let question = Question { caller: &caller, action, resource, tags: None, now: NOW, detail };
            let outcome = match authorize(standing, policy.as_ref(), &question) {
                Ok(()) => "ok",
                Err(Grant::Denied(PolicyType::Identity)) => "id-deny",
                Err(Grant::Denied(PolicyType::Resource)) => "res-deny",
                Err(Grant::NotAllowed(PolicyType::Identity)) => "id",
                Err(Grant::NotAllowed(PolicyType::Resource)) => "res",
                Err(Grant::OwnersOnly) => "owner",
            };
            assert_eq!(outcome, *expected, "{row}: {name}");
        }
    }
}

#[test]
fn links_and_tokens_ask_the_user_alone() {
    let queue: QueueAddress = "arn:aws:sqs:eu-west-1:111111111111:orders".parse().expect("an ARN");
    let caller = caller("ann@111111111111");
    let (action, resource, detail) = (Action::SendMessage, Resource::Queue(&queue), Detail::None);
    let question = Question { caller: &caller, action, resource, tags: None, now: NOW, detail };
    for (name, expected) in [
        ("empty", Err(Grant::NotAllowed(PolicyType::Identity))),
        ("allow", Ok(())),
        ("both", Err(Grant::Denied(PolicyType::Identity))),
    ] {
        assert_eq!(authorize_user(&identity(name).expect("a set"), &question), expected, "{name}");
    }
}
