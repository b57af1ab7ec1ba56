//! `GetSubscriptionAttributes` and `SetSubscriptionAttributes`.

use serde_json::{Value, json};

use super::{INVALID, NOT_FOUND};
use crate::support::Client;
use crate::support::topic::dead_letter_policy;

super::cases! {
    a_new_subscription_shows_what_it_is,
    what_is_set_is_shown,
    raw_delivery_can_be_switched,
    a_filter_policy_can_be_set_changed_and_removed,
    a_changed_filter_scope_applies,
    values_are_checked,
    delivery_policies_follow_the_topics,
    a_missing_subscription_is_not_found,
}

fn a_new_subscription_shows_what_it_is(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let subscription = topic.subscribe_queue(&queue);
    let attributes = subscription.attributes();
    for (name, value) in [
        ("SubscriptionArn", &*subscription.arn),
        ("TopicArn", &topic.arn),
        ("Owner", "000000000000"),
        ("Protocol", "sqs"),
        ("Endpoint", &queue.arn()),
        ("PendingConfirmation", "false"),
        ("ConfirmationWasAuthenticated", "true"),
        ("RawMessageDelivery", "false"),
    ] {
        assert_eq!(attributes[name], json!(value), "{name}");
    }
    for absent in ["FilterPolicy", "RedrivePolicy", "DeliveryPolicy"] {
        assert_eq!(attributes[absent], Value::Null, "{absent}");
    }
}

fn what_is_set_is_shown(client: &Client) {
    let (topic, queue, dead) = (client.topic(), client.queue(), client.queue());
    let subscription = topic.subscribe_queue(&queue);
    for (name, value) in [
        ("RawMessageDelivery", "true"),
        ("FilterPolicyScope", "MessageBody"),
        ("FilterPolicy", r#"{"a":{"b":["c",{"prefix":"d"}]}}"#),
        ("RedrivePolicy", &*dead_letter_policy(&dead)),
    ] {
        subscription.set(name, value);
        assert_eq!(subscription.attribute(name).as_deref(), Some(value), "{name}");
    }
    subscription.set("RedrivePolicy", "");
    assert_eq!(subscription.attribute("RedrivePolicy"), None);
}

fn raw_delivery_can_be_switched(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let subscription = topic.subscribe_raw(&queue);
    topic.publish("raw");
    subscription.set("RawMessageDelivery", "false");
    topic.publish("wrapped");
    let messages = queue.receive();
    assert_eq!(messages[0].body, "raw");
    assert_eq!(crate::support::topic::envelope(&messages[1])["Message"], json!("wrapped"));
}

fn a_filter_policy_can_be_set_changed_and_removed(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let subscription = topic.subscribe_raw(&queue);
    let publish = |colour: &str| {
        let attributes = json!({ "colour": { "DataType": "String", "StringValue": colour } });
        topic.publish_with(json!({ "Message": colour, "MessageAttributes": attributes }));
    };
    let publish_all = || ["red", "green", "blue"].map(publish);
    subscription.set("FilterPolicy", r#"{"colour":["red"]}"#);
    publish_all();
    queue.gives(&["red"]);
    subscription.set("FilterPolicy", r#"{"colour":[{"anything-but":["red"]}]}"#);
    publish_all();
    queue.gives(&["green", "blue"]);
    subscription.set("FilterPolicy", "{}");
    publish_all();
    queue.gives(&["red", "green", "blue"]);
    subscription.set("FilterPolicy", r#"{"colour":["blue"]}"#);
    subscription.set("FilterPolicy", "");
    publish_all();
    queue.gives(&["red", "green", "blue"]);
}

fn a_changed_filter_scope_applies(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let subscription = topic.subscribe_raw(&queue);
    subscription.set("FilterPolicy", r#"{"colour":["red"]}"#);
    let body = r#"{"colour":"red"}"#;
    topic.publish(body);
    queue.gives(&[]);
    subscription.set("FilterPolicyScope", "MessageBody");
    topic.publish(body);
    queue.gives(&[body]);
    // A nested policy is valid for bodies only, so that the scope cannot be set back.
    subscription.set("FilterPolicy", r#"{"paint":{"colour":["red"]}}"#);
    subscription.set_refused("FilterPolicyScope", "MessageAttributes").expect(INVALID);
    topic.publish(r#"{"paint":{"colour":"red"}}"#);
    queue.gives(&[r#"{"paint":{"colour":"red"}}"#]);
}

fn values_are_checked(client: &Client) {
    let subscription = client.topic().subscribe_queue(&client.queue());
    for (name, value) in [
        ("RawMessageDelivery", "perhaps"),
        ("FilterPolicyScope", "Everything"),
        ("FilterPolicy", "x"),
        ("FilterPolicy", "[]"),
        ("RedrivePolicy", "{}"),
        ("RedrivePolicy", r#"{"deadLetterTargetArn":"orders"}"#),
        ("RedrivePolicy", r#"{"deadLetterTargetArn":"arn:aws:sns:us-east-1:000000000000:orders"}"#),
        ("DeliveryPolicy", "x"),
        ("SubscriptionRoleArn", "no-role"),
        ("Owner", "123456789012"),
        ("Colour", "red"),
    ] {
        subscription.set_refused(name, value).expect(INVALID);
    }
}

fn delivery_policies_follow_the_topics(client: &Client) {
    let topic = client.topic();
    let subscription = topic.subscribe("http", "http://endpoint.invalid/", &[]);
    let effective = || -> Value {
        let text = subscription.attribute("EffectiveDeliveryPolicy").expect("an endpoint has one");
        serde_json::from_str(&text).expect("JSON")
    };
    let retries = || effective()["healthyRetryPolicy"]["numRetries"].clone();
    assert_eq!(retries(), json!(3));
    topic.set("DeliveryPolicy", r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":5}}}"#);
    assert_eq!(retries(), json!(5));
    subscription.set("DeliveryPolicy", r#"{"healthyRetryPolicy":{"numRetries":9}}"#);
    assert_eq!(retries(), json!(9));
    topic.set(
        "DeliveryPolicy",
        r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":5},"disableSubscriptionOverrides":true}}"#,
    );
    assert_eq!(retries(), json!(5), "the topic forbids its subscriptions their own");
    for policy in [
        r#"{"healthyRetryPolicy":{"numRetries":101}}"#,
        r#"{"throttlePolicy":{"maxReceivesPerSecond":-1}}"#,
        r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":5}}}"#,
    ] {
        subscription.set_refused("DeliveryPolicy", policy).expect(INVALID);
    }
}

fn a_missing_subscription_is_not_found(client: &Client) {
    let subscription = client.topic().subscribe_queue(&client.queue());
    subscription.unsubscribe();
    subscription.refused("GetSubscriptionAttributes", json!({})).expect(NOT_FOUND);
    subscription.set_refused("RawMessageDelivery", "true").expect(NOT_FOUND).saying("Subscription does not exist");
}
