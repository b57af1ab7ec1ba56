//! `Subscribe`, `ConfirmSubscription`, `Unsubscribe` and the listings. The suite `push` has
//! endpoints that confirm.

use serde_json::{Value, json};

use super::{INVALID, NOT_FOUND};
use crate::support::{Client, unique};

super::cases! {
    a_queue_is_subscribed_at_once,
    subscribing_again_gives_the_same_subscription,
    subscribing_again_with_other_attributes_is_refused,
    one_queue_may_subscribe_to_many_topics,
    an_endpoint_stays_pending_until_it_confirms,
    protocols_without_a_handshake_are_confirmed_at_once,
    endpoints_must_fit_their_protocol,
    endpoints_are_refused_in_awss_words,
    phone_numbers_may_have_separators,
    a_password_in_a_url_is_not_shown,
    a_missing_topic_goes_before_a_bad_endpoint,
    attributes_are_checked,
    a_queue_need_not_exist_yet,
    wrong_tokens_are_refused,
    unsubscribing_ends_delivery,
    unsubscribing_twice_is_fine,
    unsubscribing_needs_a_subscription_of_the_callers,
    what_is_pending_cannot_be_ended,
    subscriptions_are_listed,
}

fn a_queue_is_subscribed_at_once(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let output = topic.ok("Subscribe", json!({ "Protocol": "sqs", "Endpoint": queue.arn() }));
    let arn = output["SubscriptionArn"].as_str().expect("an ARN");
    assert!(arn.starts_with(&format!("{}:", topic.arn)), "{arn}");
    assert_eq!(arn.rsplit(':').next().expect("a part").len(), 36, "a UUID ends it: {arn}");
    topic.publish("m");
    assert_eq!(queue.receive().len(), 1);
}

fn subscribing_again_gives_the_same_subscription(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let subscription = topic.subscribe_raw(&queue);
    assert_eq!(topic.subscribe_raw(&queue).arn, subscription.arn);
    assert_eq!(topic.subscribe("sqs", &queue.arn(), &[]).arn, subscription.arn, "nothing else was asked for");
    assert_eq!(topic.counts(), [1, 0, 0]);
    topic.publish("once");
    queue.gives(&["once"]);
}

fn subscribing_again_with_other_attributes_is_refused(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    for attributes in [json!({ "RawMessageDelivery": "false" }), json!({ "FilterPolicy": r#"{"a":["b"]}"# })] {
        let input = json!({ "Protocol": "sqs", "Endpoint": queue.arn(), "Attributes": attributes });
        topic
            .refused("Subscribe", input)
            .expect(INVALID)
            .saying("Subscription already exists with different attributes");
    }
}

fn one_queue_may_subscribe_to_many_topics(client: &Client) {
    let queue = client.queue();
    let topics = [client.topic(), client.topic(), client.topic()];
    for topic in &topics {
        topic.subscribe_raw(&queue);
    }
    for (number, topic) in topics.iter().enumerate() {
        topic.publish(&number.to_string());
    }
    queue.gives(&["0", "1", "2"]);
}

fn an_endpoint_stays_pending_until_it_confirms(client: &Client) {
    let topic = client.topic();
    for (protocol, endpoint) in [("email", "reader@example.com"), ("email-json", "reader@example.com")] {
        let output = topic.ok("Subscribe", json!({ "Protocol": protocol, "Endpoint": endpoint }));
        assert_eq!(output["SubscriptionArn"], json!("pending confirmation"), "{protocol}");
        let subscription = topic.subscribe(protocol, endpoint, &[]);
        assert!(subscription.arn.starts_with(&topic.arn), "{}", subscription.arn);
        assert_eq!(subscription.attribute("PendingConfirmation").as_deref(), Some("true"));
        assert_eq!(subscription.attribute("ConfirmationWasAuthenticated").as_deref(), Some("false"));
    }
    assert_eq!(topic.counts(), [0, 2, 0]);
    let listed = topic.listed();
    assert!(listed.iter().all(|item| item["SubscriptionArn"] == json!("PendingConfirmation")), "{listed:?}");
}

fn protocols_without_a_handshake_are_confirmed_at_once(client: &Client) {
    let topic = client.topic();
    for (protocol, endpoint) in [
        ("sms", "+15550100100"),
        ("lambda", "arn:aws:lambda:us-east-1:000000000000:function:f"),
        ("sqs", "arn:aws:sqs:us-east-1:000000000000:somewhere"),
    ] {
        let subscription = topic.subscribe(protocol, endpoint, &[]);
        assert_eq!(subscription.attribute("PendingConfirmation").as_deref(), Some("false"), "{protocol}");
    }
    let role = ("SubscriptionRoleArn", "arn:aws:iam::000000000000:role/firehose");
    let stream = "arn:aws:firehose:us-east-1:000000000000:deliverystream/s";
    let subscription = topic.subscribe("firehose", stream, &[role]);
    assert_eq!(subscription.attribute("SubscriptionRoleArn").as_deref(), Some(role.1));
    assert_eq!(topic.counts(), [4, 0, 0]);
}

fn endpoints_must_fit_their_protocol(client: &Client) {
    let topic = client.topic();
    for (protocol, endpoint) in [
        ("http", "https://example.com/"),
        ("https", "http://example.com/"),
        ("http", "example.com"),
        ("http", "http://"),
        ("email", "example.com"),
        ("email", "@"),
        ("sms", "5550100"),
        ("sms", "+1555CALLME"),
        ("sqs", "orders"),
        ("sqs", "http://127.0.0.1:9324/000000000000/orders"),
        ("sqs", "arn:aws:sns:us-east-1:000000000000:orders"),
        ("lambda", "arn:aws:sqs:us-east-1:000000000000:orders"),
        ("application", "arn:aws:sns:us-east-1:000000000000:app/GCM/a"),
        ("firehose", "stream"),
        ("carrier-pigeon", "coop 7"),
        ("SQS", "arn:aws:sqs:us-east-1:000000000000:orders"),
        ("", "x"),
        ("http", ""),
    ] {
        let input = json!({ "Protocol": protocol, "Endpoint": endpoint });
        let refusal = topic.refused("Subscribe", input);
        assert_eq!((refusal.code.as_str(), refusal.status), (INVALID, 400), "{protocol} {endpoint}: {refusal:?}");
    }
    assert_eq!(topic.counts(), [0, 0, 0]);
}

fn endpoints_are_refused_in_awss_words(client: &Client) {
    let topic = client.topic();
    for (protocol, endpoint, words) in [
        ("carrier-pigeon", "coop 7", "Amazon SNS does not support this protocol string: carrier-pigeon"),
        ("", "x", "Amazon SNS does not support this protocol string: "),
        ("email", "example.com", "Email address"),
        ("email-json", "example.com", "Email address"),
        ("sqs", "orders", "SQS endpoint ARN"),
        ("https", "http://example.com/", "Endpoint Reason: Endpoint must match the specified protocol"),
        ("application", topic.arn.as_str(), &format!("Application endpoint arn invalid:{}", topic.arn)),
        (
            "application",
            MISSING_DEVICE,
            &format!("Endpoint Reason: Endpoint does not exist for endpoint arn{MISSING_DEVICE}"),
        ),
    ] {
        let refusal = topic.refused("Subscribe", json!({ "Protocol": protocol, "Endpoint": endpoint }));
        let expected = (400, INVALID, format!("Invalid parameter: {words}"));
        assert_eq!((refusal.status, &*refusal.code, refusal.message), expected, "{protocol} {endpoint}");
    }
}

const MISSING_DEVICE: &str =
    "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/never-created/01234567-89ab-4def-8123-456789abcdef";

fn phone_numbers_may_have_separators(client: &Client) {
    let topic = client.topic();
    let subscription = topic.subscribe("sms", "+12/34-567.890", &[]);
    assert_eq!(subscription.attribute("Endpoint").as_deref(), Some("+1234567890"));
    for endpoint in ["+15--551234567", "+15551234567.", "/+15551234567", "NAA+15551234567", "invalid-number"] {
        let refusal = topic.refused("Subscribe", json!({ "Protocol": "sms", "Endpoint": endpoint }));
        let expected = (400, INVALID, format!("Invalid SMS endpoint: {endpoint}"));
        assert_eq!((refusal.status, &*refusal.code, refusal.message), expected);
    }
}

fn a_password_in_a_url_is_not_shown(client: &Client) {
    let topic = client.in_own_account().topic();
    let subscription = topic.subscribe("https", "https://user:secret@example.com/hook", &[]);
    let shown = json!("https://user:****@example.com/hook");
    assert_eq!(json!(subscription.attribute("Endpoint")), shown);
    assert_eq!(topic.listed()[0]["Endpoint"], shown);
    assert_eq!(topic.client.ok("ListSubscriptions", &json!({}))["Subscriptions"][0]["Endpoint"], shown);
}

fn a_missing_topic_goes_before_a_bad_endpoint(client: &Client) {
    for (protocol, endpoint) in [("sqs", "asdf"), ("http", "ftp://h/"), ("email", "x"), ("sms", "x"), ("lambda", "")] {
        let topic = "arn:aws:sns:us-east-1:000000000000:never-created";
        let input = json!({ "TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint });
        let refusal = client.sns().refused("Subscribe", &input);
        let expected = (404, NOT_FOUND, "Topic does not exist");
        assert_eq!((refusal.status, &*refusal.code, &*refusal.message), expected, "{protocol}");
    }
}

fn attributes_are_checked(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    for attributes in [
        json!({ "Colour": "red" }),
        json!({ "RawMessageDelivery": "perhaps" }),
        json!({ "FilterPolicy": "x" }),
        json!({ "FilterPolicyScope": "Everything" }),
        json!({ "RedrivePolicy": "x" }),
        json!({ "RedrivePolicy": r#"{"deadLetterTargetArn":"x"}"# }),
    ] {
        let input = json!({ "Protocol": "sqs", "Endpoint": queue.arn(), "Attributes": attributes });
        let refusal = topic.refused("Subscribe", input.clone());
        assert_eq!(refusal.code, INVALID, "{input}: {refusal:?}");
    }
    assert_eq!(topic.counts(), [0, 0, 0]);
}

fn a_queue_need_not_exist_yet(client: &Client) {
    let topic = client.topic();
    let name = format!("later-{}", unique());
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{name}");
    topic.subscribe("sqs", &arn, &[("RawMessageDelivery", "true")]);
    topic.publish("too early");
    let queue = crate::support::Queue::create(client, &name, &[]);
    topic.publish("in time");
    queue.gives(&["in time"]);
}

fn wrong_tokens_are_refused(client: &Client) {
    let topic = client.topic();
    topic.subscribe("email", "reader@example.com", &[]);
    let (unknown, invalid) = ("Invalid parameter: Token", "Invalid token");
    for (token, words) in [
        ("", unknown),
        ("abc123", unknown),
        (&"0".repeat(64), unknown),
        (&"51b2ff3e".repeat(36), unknown),
        (&"f".repeat(10_000), unknown),
        ("x", invalid),
        ("randomtoken", invalid),
        (&"0".repeat(63), invalid),
        (&"é".repeat(32), invalid),
    ] {
        for arn in [&*topic.arn, "arn:aws:sns:us-east-1:000000000000:never-created"] {
            let refusal = client.sns().refused("ConfirmSubscription", &json!({ "TopicArn": arn, "Token": token }));
            assert_eq!((refusal.status, &*refusal.code, &*refusal.message), (400, INVALID, words), "{token} {arn}");
        }
        let refusal = client.sns().refused("ConfirmSubscription", &json!({ "TopicArn": "not-an-arn", "Token": token }));
        assert_eq!((&*refusal.code, &*refusal.message), (INVALID, "Invalid parameter: Topic"));
    }
    assert_eq!(topic.counts(), [0, 1, 0]);
}

fn unsubscribing_ends_delivery(client: &Client) {
    let (topic, queue, other) = (client.topic(), client.queue(), client.queue());
    let subscription = topic.subscribe_raw(&queue);
    topic.subscribe_raw(&other);
    topic.publish("1");
    subscription.unsubscribe();
    topic.publish("2");
    queue.gives(&["1"]);
    other.gives(&["1", "2"]);
    subscription.refused("GetSubscriptionAttributes", json!({})).expect(NOT_FOUND);
    assert_ne!(topic.subscribe_raw(&queue).arn, subscription.arn, "a new one");
    topic.publish("3");
    queue.gives(&["3"]);
}

fn unsubscribing_twice_is_fine(client: &Client) {
    let subscription = client.topic().subscribe_queue(&client.queue());
    subscription.unsubscribe();
    subscription.unsubscribe();
}

fn unsubscribing_needs_a_subscription_of_the_callers(client: &Client) {
    let refusal = client.sns().refused("Unsubscribe", &json!({}));
    let words = "Invalid parameter: SubscriptionArn Reason: no value for required parameter";
    assert_eq!((refusal.status, &*refusal.code, &*refusal.message), (400, INVALID, words));
    let id = "01234567-89ab-4def-8123-456789abcdef";
    let foreign = format!("arn:aws:sns:us-east-1:123456789012:never-created:{id}");
    let refusal = client.sns().refused("Unsubscribe", &json!({ "SubscriptionArn": foreign }));
    refusal.expect("AuthorizationError");
    refusal.saying(&format!("is not authorized to perform: SNS:Unsubscribe on resource: {foreign}"));
    let own = format!("arn:aws:sns:us-east-1:000000000000:never-created:{id}");
    client.sns().ok("Unsubscribe", &json!({ "SubscriptionArn": own }));
}

fn what_is_pending_cannot_be_ended(client: &Client) {
    let topic = client.topic();
    let subscription = topic.subscribe("email", "reader@example.com", &[]);
    let refusal = subscription.refused("Unsubscribe", json!({}));
    let words = "Invalid parameter: Cannot unsubscribe a subscription that is pending confirmation";
    assert_eq!((refusal.status, &*refusal.code, &*refusal.message), (400, INVALID, words));
    assert_eq!(topic.counts(), [0, 1, 0]);
}

fn subscriptions_are_listed(client: &Client) {
    let client = client.in_own_account();
    let (topic, queue) = (client.topic(), client.queue());
    let subscription = topic.subscribe_queue(&queue);
    let expected = json!([{
        "SubscriptionArn": subscription.arn, "Owner": client.account(), "Protocol": "sqs", "Endpoint": queue.arn(),
        "TopicArn": topic.arn,
    }]);
    assert_eq!(Value::Array(topic.listed()), expected);
    assert_eq!(client.sns().ok("ListSubscriptions", &json!({}))["Subscriptions"], expected);
    topic.ok("DeleteTopic", json!({}));
    let listed = client.sns().ok("ListSubscriptions", &json!({}));
    assert!(listed["Subscriptions"].as_array().is_none_or(Vec::is_empty), "{listed}");
}
