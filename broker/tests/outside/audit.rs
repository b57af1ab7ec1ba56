//! The audit log: what an operator finds there of changes, reads and refusals, over every protocol.

use serde_json::{Value, json};

use crate::support::http::{Connection, Request};
use crate::support::{Broker, Launch, Native, Queue, eventually};

crate::cases! {
    changes_are_logged_over_every_protocol,
    refusals_are_logged_and_bounded,
    reads_and_messages_are_logged_at_debug_only,
}

const ACCOUNT: &str = "111122223333";

fn launch(log: &str) -> Launch {
    let policy = json!({ "Statement": [{ "Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*" }] });
    let launch = Launch::new().top(&format!("log = \"{log}\"\nlog_format = \"json\""));
    launch.user("root", ACCOUNT, "AKIAROOT", "root's").configured(&format!(
        "[[users]]\nname = \"ann\"\naccount = \"{ACCOUNT}\"\naccess_key_id = \"AKIAANN\"\nsecret_access_key = \"ann's\"\n\
         policy = '{policy}'"
    ))
}

/// The events of the audit log, in their order.
fn events(broker: &Broker) -> Vec<Value> {
    let log = broker.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "audit").collect()
}

/// Waits for an event of this action, by this protocol, with this outcome.
#[track_caller]
fn event(broker: &Broker, protocol: &str, action: &str, outcome: &str) -> Value {
    eventually(&format!("{action} over {protocol}: {outcome}"), || {
        let mut events = events(broker).into_iter().map(|event| event["fields"].clone());
        events.find(|event| event["protocol"] == protocol && event["action"] == action && event["outcome"] == outcome)
    })
}

fn changes_are_logged_over_every_protocol() {
    let mut broker = launch("info").start();
    let root = broker.json_client().with_key("AKIAROOT", "root's");
    let queue = Queue::create(&root, "orders", &[]);
    let created = event(&broker, "http", "CreateQueue", "done");
    assert_eq!(created["user"], format!("arn:aws:iam::{ACCOUNT}:root"));
    assert_eq!((&created["resource"], &created["peer"]), (&json!("orders"), &json!("127.0.0.1")));
    assert!(created["milliseconds"].as_f64().is_some_and(|time| time > 0.0), "{created}");
    assert!(created["request_id"].as_str().is_some_and(|id| id.len() == 36), "{created}");
    queue.ok("PurgeQueue", json!({}));
    let purged = event(&broker, "http", "PurgeQueue", "done");
    assert_eq!(purged["resource"], format!("arn:aws:sqs:us-east-1:{ACCOUNT}:orders"));
    root.refused("CreateQueue", &json!({ "QueueName": "orders", "Attributes": { "VisibilityTimeout": "7" } }));
    let failed = event(&broker, "http", "CreateQueue", "failed");
    assert_ne!(failed["code"], "OK");
    let mut native = Native::connect(broker.native);
    native.hello("AKIAROOT", Some("root's")).expect("a user");
    native.call("sqs.CreateQueue", &json!({ "QueueName": "native" })).expect("created");
    assert_eq!(event(&broker, "native", "CreateQueue", "done")["resource"], "native");
    let drop = Request::new("DELETE", "/damaged", "[]").header("Host", &broker.admin.to_string());
    Connection::open(broker.admin).expect("it listens").exchange(&drop).expect("an answer");
    eventually("the admin listener's", || {
        events(&broker).iter().any(|event| event["fields"]["protocol"] == "admin").then_some(())
    });
    broker.stop();
}

fn refusals_are_logged_and_bounded() {
    let mut broker = launch("info").start();
    let root = broker.json_client().with_key("AKIAROOT", "root's");
    let queue = Queue::create(&root, "orders", &[]);
    let ann = broker.json_client().with_key("AKIAANN", "ann's");
    for _ in 0..50 {
        queue.as_seen_by(&ann).refused("SendMessage", json!({ "MessageBody": "m" })).expect("AccessDenied");
    }
    let refused = event(&broker, "http", "SendMessage", "refused");
    assert_eq!(refused["user"], format!("arn:aws:iam::{ACCOUNT}:user/ann"));
    assert_eq!(refused["resource"], format!("arn:aws:sqs:us-east-1:{ACCOUNT}:orders"));
    let count = events(&broker).iter().filter(|event| event["fields"]["outcome"] == "refused").count();
    assert_eq!(count, 10, "of one address in ten seconds");
    broker.stop();

    let mut broker = launch("info").start();
    let forged = broker.json_client().with_key("AKIAROOT", "guessed");
    forged.refused("ListQueues", &json!({})).expect("SignatureDoesNotMatch");
    let unknown = event(&broker, "http", "ListQueues", "refused");
    assert_eq!((&unknown["user"], &unknown["code"]), (&json!("unknown"), &json!("SignatureDoesNotMatch")));
    Native::connect(broker.native).hello("AKIAROOT", Some("guessed")).expect_err("a wrong proof");
    event(&broker, "native", "connect", "refused");
    assert!(!broker.log().contains("guessed") && !broker.log().contains("root's"), "no secret is logged");
    broker.stop();
}

fn reads_and_messages_are_logged_at_debug_only() {
    for (log, logged) in [("info", false), ("info,audit=debug", true), ("info,audit=off", false)] {
        let mut broker = launch(log).start();
        let root = broker.json_client().with_key("AKIAROOT", "root's");
        let queue = Queue::create(&root, "orders", &[]);
        queue.send("m");
        queue.gives(&["m"]);
        root.ok("ListQueues", &json!({}));
        broker.stop();
        let actions: Vec<String> =
            events(&broker).iter().map(|event| event["fields"]["action"].as_str().unwrap_or("").to_owned()).collect();
        for action in ["SendMessage", "ReceiveMessage", "ListQueues"] {
            assert_eq!(actions.iter().any(|logged| logged == action), logged, "{log}: {actions:?}");
        }
        assert_eq!(actions.iter().any(|action| action == "CreateQueue"), log != "info,audit=off", "{log}");
    }
}
