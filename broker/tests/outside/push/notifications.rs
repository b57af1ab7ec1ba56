//! The requests that an endpoint gets for a publication.

use serde_json::json;

use super::topic;
use crate::shared::OPEN;
use crate::support::Endpoint;
use crate::support::endpoint::Arrival;

pub(super) fn a_notification_has_its_headers_and_body() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let subscription = topic.subscribe_endpoint(&endpoint, "/hook", &[]);
    let attributes = json!({ "colour": { "DataType": "String", "StringValue": "ü" } });
    let published = topic.publish_with(json!({
        "Message": "ü & <b>\n\"", "Subject": "Hello", "MessageAttributes": attributes,
    }));
    let arrival = endpoint.await_notifications("/hook", 1).remove(0);
    assert_eq!(arrival.method, "POST");
    for (name, value) in [
        ("x-amz-sns-message-type", "Notification"),
        ("x-amz-sns-message-id", published["MessageId"].as_str().expect("an id")),
        ("x-amz-sns-topic-arn", &topic.arn),
        ("x-amz-sns-subscription-arn", &subscription.arn),
        ("content-type", "text/plain; charset=UTF-8"),
        ("connection", "Keep-Alive"),
        ("user-agent", "Amazon Simple Notification Service Agent"),
        ("accept-encoding", "gzip,deflate"),
        ("x-amz-sns-rawdelivery", ""),
    ] {
        assert_eq!(arrival.header(name), value, "{name}");
    }
    let body = arrival.json();
    for (name, value) in [
        ("Type", json!("Notification")),
        ("MessageId", published["MessageId"].clone()),
        ("TopicArn", json!(topic.arn)),
        ("Subject", json!("Hello")),
        ("Message", json!("ü & <b>\n\"")),
        ("SignatureVersion", json!("1")),
        ("MessageAttributes", json!({ "colour": { "Type": "String", "Value": "ü" } })),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    let certificate = OPEN.get().follow(body["SigningCertURL"].as_str().expect("a URL"));
    assert_eq!(certificate.status, 200);
    assert!(certificate.text().contains("-----BEGIN CERTIFICATE-----"), "{}", certificate.text());
    let link = body["UnsubscribeURL"].as_str().expect("a URL");
    assert!(link.starts_with(&format!("http://{}/", OPEN.get().sqs)), "{link}");
}

pub(super) fn a_raw_message_is_sent_as_it_is() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let subscription = topic.subscribe_endpoint(&endpoint, "/", &[("RawMessageDelivery", "true")]);
    for body in ["ü & <b>\n\"", r#"{"a":1}"#] {
        topic.publish(body);
    }
    let arrivals = endpoint.await_notifications("/", 2);
    let mut bodies: Vec<&str> = arrivals.iter().map(|arrival| arrival.body.as_str()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, [r#"{"a":1}"#, "ü & <b>\n\""]);
    for arrival in &arrivals {
        assert_eq!(arrival.header("x-amz-sns-rawdelivery"), "true");
        assert_eq!(arrival.header("x-amz-sns-subscription-arn"), subscription.arn);
    }
}

pub(super) fn the_content_type_can_be_chosen() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let policy = r#"{"requestPolicy":{"headerContentType":"application/json"}}"#;
    topic.subscribe_endpoint(&endpoint, "/", &[("DeliveryPolicy", policy)]);
    topic.publish("m");
    assert_eq!(endpoint.await_notifications("/", 1)[0].header("content-type"), "application/json");
}

pub(super) fn each_protocol_gets_its_own_body() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    topic.subscribe_endpoint(&endpoint, "/", &[]);
    let message = json!({ "default": "for all", "http": "for endpoints", "sqs": "for queues" }).to_string();
    topic.publish_with(json!({ "Message": message, "MessageStructure": "json" }));
    assert_eq!(endpoint.await_notifications("/", 1)[0].message(), "for endpoints");
}

pub(super) fn filters_hold_for_endpoints() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let policy = [("FilterPolicyScope", "MessageBody"), ("FilterPolicy", r#"{"n":[{"numeric":[">",2]}]}"#)];
    topic.subscribe_endpoint(&endpoint, "/", &policy);
    for number in 0..5 {
        topic.publish(&json!({ "n": number }).to_string());
    }
    let mut messages: Vec<String> = endpoint.await_notifications("/", 2).iter().map(Arrival::message).collect();
    messages.sort();
    assert_eq!(messages, [r#"{"n":3}"#, r#"{"n":4}"#]);
}

pub(super) fn a_batch_arrives_message_by_message() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    topic.subscribe_endpoint(&endpoint, "/", &[]);
    let entries: Vec<_> = (0..10).map(|n| json!({ "Id": n.to_string(), "Message": n.to_string() })).collect();
    topic.ok("PublishBatch", json!({ "PublishBatchRequestEntries": entries }));
    let mut messages: Vec<String> = endpoint.await_notifications("/", 10).iter().map(Arrival::message).collect();
    messages.sort();
    assert_eq!(messages, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

pub(super) fn a_large_message_arrives() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    topic.subscribe_endpoint(&endpoint, "/", &[]);
    let body = "ü".repeat(128 * 1024);
    topic.publish(&body);
    assert!(endpoint.await_notifications("/", 1)[0].message() == body);
}

pub(super) fn keys_in_a_url_are_used() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let url = format!("http://user:secret@{}/keys", endpoint.address);
    topic.subscribe("http", &url, &[]);
    let asked = endpoint.await_kind("/keys", "SubscriptionConfirmation");
    assert_eq!(asked.header("authorization"), "Basic dXNlcjpzZWNyZXQ=");
}
