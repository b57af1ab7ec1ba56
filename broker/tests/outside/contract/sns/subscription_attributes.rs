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
    refusals_name_the_map_that_a_value_came_in,
    a_delivery_policy_is_shown_with_every_part,
    a_scope_without_a_policy_is_not_shown,
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
        if name == "FilterPolicyScope" {
            continue;
        }
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
    topic.set(
        "DeliveryPolicy",
        r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":5,"minDelayTarget":20,"maxDelayTarget":20}}}"#,
    );
    assert_eq!(retries(), json!(5));
    subscription
        .set("DeliveryPolicy", r#"{"healthyRetryPolicy":{"numRetries":9,"minDelayTarget":20,"maxDelayTarget":20}}"#);
    assert_eq!(retries(), json!(9));
    topic.set(
        "DeliveryPolicy",
        r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":5,"minDelayTarget":20,"maxDelayTarget":20},"disableSubscriptionOverrides":true}}"#,
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

/// As for topics: `Attributes Reason: ` comes before the words of a value in a map.
fn refusals_name_the_map_that_a_value_came_in(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let subscription = topic.subscribe_queue(&queue);
    let dead = client.queue();
    let counted = json!({ "deadLetterTargetArn": dead.arn(), "maxReceiveCount": 4 }).to_string();
    for (name, value, why) in [
        ("RawMessageDelivery", "test-ValUe", "RawMessageDelivery: Invalid value [test-ValUe]. Must be true or false."),
        ("RawMessageDelivery", "", "RawMessageDelivery: Invalid value []. Must be true or false."),
        (
            "FilterPolicyScope",
            "RandomValue",
            "FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes",
        ),
        (
            "RedrivePolicy",
            "{invalidjson}",
            "RedrivePolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to start field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]",
        ),
        (
            "RedrivePolicy",
            "invalid-json",
            "RedrivePolicy: failed to parse JSON. Unrecognized token 'invalid': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 8]",
        ),
        ("RedrivePolicy", counted.as_str(), "RedrivePolicy: invalid JSON. Attribute maxReceiveCount is unknown."),
        ("RedrivePolicy", "{}", "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
    ] {
        subscription.set_refused(name, value).expect(INVALID).worded(&format!("Invalid parameter: {why}"));
        let input = json!({ "Protocol": "sqs", "Endpoint": dead.arn(), "Attributes": { name: value } });
        let refusal = topic.refused("Subscribe", input);
        refusal.expect(INVALID).worded(&format!("Invalid parameter: Attributes Reason: {why}"));
    }
    let why = "Delivery protocol [email] does not support raw message delivery.";
    let raw =
        json!({ "Protocol": "email", "Endpoint": "a@example.com", "Attributes": { "RawMessageDelivery": "true" } });
    let refusal = topic.refused("Subscribe", raw);
    refusal.expect(INVALID).worded(&format!("Invalid parameter: Attributes Reason: {why}"));
    let text = topic.subscribe("sms", "+15555550100", &[]).set_refused("RawMessageDelivery", "true");
    text.expect(INVALID).worded(&format!("Invalid parameter: {}", why.replace("email", "sms")));
    let hook = topic.subscribe("http", "http://endpoint.invalid/", &[]);
    let lacking = hook.set_refused("DeliveryPolicy", r#"{"healthyRetryPolicy":{"numRetries":3}}"#);
    lacking.worded("Invalid parameter: DeliveryPolicy: healthyRetryPolicy.minDelayTarget must be specified");
}

fn a_delivery_policy_is_shown_with_every_part(client: &Client) {
    let subscription = client.topic().subscribe("http", "http://endpoint.invalid/", &[]);
    subscription.set("DeliveryPolicy", r#"{"requestPolicy": {"headerContentType": "text/csv"}}"#);
    assert_eq!(
        subscription.attribute("DeliveryPolicy").as_deref(),
        Some(
            r#"{"healthyRetryPolicy":null,"sicklyRetryPolicy":null,"throttlePolicy":null,"requestPolicy":{"headerContentType":"text/csv"},"guaranteed":false}"#
        )
    );
}

fn a_scope_without_a_policy_is_not_shown(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let attributes = [("FilterPolicyScope", "MessageBody"), ("FilterPolicy", "{}")];
    let subscription = topic.subscribe("sqs", &queue.arn(), &attributes);
    let scope = || subscription.attribute("FilterPolicyScope");
    assert_eq!(scope(), None);
    subscription.set("FilterPolicy", r#"{"a":{"b":["c"]}}"#);
    assert_eq!(scope().as_deref(), Some("MessageBody"), "the scope was kept");
    subscription.set("FilterPolicy", "");
    assert_eq!(scope(), None);
    subscription.set("FilterPolicyScope", "MessageAttributes");
    assert_eq!(scope(), None);
    subscription.set("FilterPolicy", r#"{"a":["b"]}"#);
    assert_eq!(scope().as_deref(), Some("MessageAttributes"));
}
