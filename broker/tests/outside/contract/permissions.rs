//! `AddPermission` and `RemovePermission`: statements of the queue's policy.

use serde_json::{Value, json};

use crate::support::client::INVALID_VALUE;
use crate::support::{Client, Queue};

super::cases! {
    a_permission_is_a_statement,
    a_label_is_given_once,
    permissions_are_checked,
    removing_needs_the_label,
}

fn statements(queue: &Queue) -> Vec<Value> {
    let Some(policy) = queue.attribute("Policy") else { return Vec::new() };
    let policy: Value = serde_json::from_str(&policy).expect("a policy is JSON");
    policy["Statement"].as_array().cloned().unwrap_or_default()
}

fn a_permission_is_a_statement(client: &Client) {
    let queue = client.queue();
    let input = json!({
        "Label": "partners", "AWSAccountIds": ["123456789012", "210987654321"],
        "Actions": ["SendMessage", "GetQueueAttributes"]
    });
    queue.ok("AddPermission", input);
    let statements_now = statements(&queue);
    assert_eq!(statements_now.len(), 1);
    let statement = &statements_now[0];
    assert_eq!(statement["Sid"], json!("partners"));
    assert_eq!(statement["Effect"], json!("Allow"));
    assert_eq!(statement["Resource"], json!(queue.arn()));
    let principals = statement["Principal"]["AWS"].to_string();
    assert!(principals.contains("123456789012") && principals.contains("210987654321"), "{statement}");
    let actions = statement["Action"].to_string().to_lowercase();
    assert!(actions.contains("sqs:sendmessage") && actions.contains("sqs:getqueueattributes"), "{statement}");
    queue.ok("AddPermission", json!({ "Label": "all", "AWSAccountIds": ["123456789012"], "Actions": ["*"] }));
    assert_eq!(statements(&queue).len(), 2);
    queue.ok("RemovePermission", json!({ "Label": "partners" }));
    assert_eq!(statements(&queue).iter().map(|s| s["Sid"].clone()).collect::<Vec<_>>(), ["all"]);
}

fn a_label_is_given_once(client: &Client) {
    let queue = client.queue();
    let input = json!({ "Label": "l", "AWSAccountIds": ["123456789012"], "Actions": ["SendMessage"] });
    queue.ok("AddPermission", input.clone());
    queue.refused("AddPermission", input).expect(INVALID_VALUE);
}

fn permissions_are_checked(client: &Client) {
    let queue = client.queue();
    let long = "l".repeat(81);
    let eight = [
        "SendMessage",
        "ReceiveMessage",
        "DeleteMessage",
        "ChangeMessageVisibility",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListQueueTags",
        "PurgeQueue",
    ];
    for (label, accounts, actions) in [
        ("a b", json!(["123456789012"]), json!(["SendMessage"])),
        (&*long, json!(["123456789012"]), json!(["SendMessage"])),
        ("l", json!(["12345"]), json!(["SendMessage"])),
        ("l", json!([]), json!(["SendMessage"])),
        ("l", json!(["123456789012"]), json!([])),
        ("l", json!(["123456789012"]), json!(["Sing"])),
        ("l", json!(["123456789012"]), json!(["CreateQueue"])),
        ("l", json!(["123456789012"]), json!(eight)),
    ] {
        let input = json!({ "Label": label, "AWSAccountIds": accounts, "Actions": actions });
        let refusal = queue.refused("AddPermission", input.clone());
        assert!((400..500).contains(&refusal.status), "{input}: {refusal:?}");
    }
    let no_account = json!({ "Label": "l", "AWSAccountIds": [], "Actions": ["SendMessage"] });
    queue
        .refused("AddPermission", no_account)
        .expect(INVALID_VALUE)
        .worded("Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.");
    assert_eq!(statements(&queue), [Value::Null; 0]);
}

fn removing_needs_the_label(client: &Client) {
    client.queue().refused("RemovePermission", json!({ "Label": "missing" })).expect(INVALID_VALUE);
}
