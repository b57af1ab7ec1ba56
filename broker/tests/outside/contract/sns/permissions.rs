//! `AddPermission` and `RemovePermission`: statements of the topic's policy.

use serde_json::{Value, json};

use super::INVALID;
use crate::support::{Client, Topic};

super::cases! {
    a_permission_is_a_statement,
    a_label_is_given_once,
    permissions_are_checked,
    removing_what_is_not_there_changes_nothing,
    a_permission_lets_another_account_publish,
}

fn statements(topic: &Topic) -> Vec<Value> {
    let policy: Value = serde_json::from_str(&topic.attribute("Policy").expect("there is always one")).expect("JSON");
    policy["Statement"].as_array().cloned().unwrap_or_default()
}

fn labelled(topic: &Topic, label: &str) -> Option<Value> {
    statements(topic).into_iter().find(|statement| statement["Sid"] == json!(label))
}

fn a_permission_is_a_statement(client: &Client) {
    let topic = client.topic();
    let before = statements(&topic);
    let input = json!({
        "Label": "partners", "AWSAccountId": ["123456789012", "210987654321"],
        "ActionName": ["Publish", "GetTopicAttributes"]
    });
    topic.ok("AddPermission", input);
    let statement = labelled(&topic, "partners").expect("it was added");
    assert_eq!(statement["Effect"], json!("Allow"));
    assert_eq!(statement["Resource"], json!(topic.arn));
    let principals = statement["Principal"]["AWS"].to_string();
    assert!(principals.contains("123456789012") && principals.contains("210987654321"), "{statement}");
    let actions = statement["Action"].to_string().to_lowercase();
    assert!(actions.contains("sns:publish") && actions.contains("sns:gettopicattributes"), "{statement}");
    topic.ok("RemovePermission", json!({ "Label": "partners" }));
    assert_eq!(statements(&topic), before);
}

fn a_label_is_given_once(client: &Client) {
    let topic = client.topic();
    let input = json!({ "Label": "l", "AWSAccountId": ["123456789012"], "ActionName": ["Publish"] });
    topic.ok("AddPermission", input.clone());
    topic.refused("AddPermission", input).expect(INVALID).saying("Statement already exists");
}

fn permissions_are_checked(client: &Client) {
    let topic = client.topic();
    let nobodys = json!({ "Label": "l", "AWSAccountId": ["12345"], "ActionName": ["Publish"] });
    let refusal = topic.refused("AddPermission", nobodys);
    refusal.expect(INVALID).worded("Invalid parameter: A provided account ID is not valid");
    let before = statements(&topic);
    for (label, accounts, actions) in [
        ("l", json!(["12345"]), json!(["Publish"])),
        ("l", json!([]), json!(["Publish"])),
        ("l", json!(["123456789012"]), json!([])),
        ("l", json!(["123456789012"]), json!(["Sing"])),
        ("l", json!(["123456789012"]), json!(["CreateTopic"])),
        ("l", json!(["123456789012"]), json!(["SendMessage"])),
        ("", json!(["123456789012"]), json!(["Publish"])),
    ] {
        let input = json!({ "Label": label, "AWSAccountId": accounts, "ActionName": actions });
        let refusal = topic.refused("AddPermission", input.clone());
        assert!((400..500).contains(&refusal.status), "{input}: {refusal:?}");
    }
    assert_eq!(statements(&topic), before);
}

fn removing_what_is_not_there_changes_nothing(client: &Client) {
    let topic = client.topic();
    let before = statements(&topic);
    topic.ok("RemovePermission", json!({ "Label": "missing" }));
    assert_eq!(statements(&topic), before);
}

fn a_permission_lets_another_account_publish(client: &Client) {
    let (owner, other) = (client.in_own_account(), client.in_own_account());
    let (topic, queue) = (owner.topic(), owner.queue());
    topic.subscribe_raw(&queue);
    let foreign = topic.as_seen_by(&other);
    foreign.refused("Publish", json!({ "Message": "m" })).expect("AuthorizationError");
    let grant = json!({ "Label": "friend", "AWSAccountId": [other.account()], "ActionName": ["Publish"] });
    topic.ok("AddPermission", grant);
    foreign.publish("from a friend");
    foreign.refused("DeleteTopic", json!({})).expect("AuthorizationError");
    topic.ok("RemovePermission", json!({ "Label": "friend" }));
    foreign.refused("Publish", json!({ "Message": "m" })).expect("AuthorizationError");
    queue.gives(&["from a friend"]);
}
