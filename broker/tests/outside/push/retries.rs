//! Failed deliveries: which are retried, when, and which are dead-lettered.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use serde_json::json;

use super::{caller, policy, topic};
use crate::shared::OPEN;
use crate::support::endpoint::{Answer, Arrival};
use crate::support::topic::{awaited_bodies, dead_letter_policy};
use crate::support::{Endpoint, Launch, Queue, eventually};

fn queue() -> Queue {
    caller(&OPEN.get()).queue()
}

/// How often each message came to a path, in the order of their texts.
fn attempts(endpoint: &Endpoint, path: &str) -> Vec<(String, usize)> {
    let mut messages: Vec<String> = endpoint.notifications(path).iter().map(Arrival::message).collect();
    messages.sort();
    let mut counted: Vec<(String, usize)> = Vec::new();
    for message in messages {
        match counted.last_mut() {
            Some((last, count)) if *last == message => *count += 1,
            _ => counted.push((message, 1)),
        }
    }
    counted
}

pub(super) fn what_fails_is_tried_again() {
    let endpoint = Endpoint::answering(|_, before| Answer::Status(if before < 2 { 500 } else { 200 }));
    let (topic, dead) = (topic(), queue());
    let attributes = [("DeliveryPolicy", &*policy(3, 0)), ("RedrivePolicy", &*dead_letter_policy(&dead))];
    topic.subscribe_endpoint(&endpoint, "/", &attributes);
    topic.publish("a");
    topic.publish("b");
    let arrivals = endpoint.await_notifications("/", 6);
    let of_a: Vec<&Arrival> = arrivals.iter().filter(|arrival| arrival.message() == "a").collect();
    assert_eq!(of_a.len(), 3);
    assert!(of_a.iter().all(|arrival| arrival.body == of_a[0].body), "it is the same notification: {of_a:#?}");
    dead.gives(&[]);
}

pub(super) fn what_always_fails_goes_to_the_dead_letters() {
    let endpoint = Endpoint::answering(|_, _| Answer::Status(503));
    let (topic, dead, raw_dead) = (topic(), queue(), queue());
    let policy = policy(2, 1);
    topic.subscribe_endpoint(
        &endpoint,
        "/wrapped",
        &[("DeliveryPolicy", &policy), ("RedrivePolicy", &dead_letter_policy(&dead))],
    );
    topic.subscribe_endpoint(
        &endpoint,
        "/raw",
        &[
            ("DeliveryPolicy", &policy),
            ("RedrivePolicy", &dead_letter_policy(&raw_dead)),
            ("RawMessageDelivery", "true"),
        ],
    );
    let id = topic.publish("m");
    assert_eq!(awaited_bodies(&raw_dead, 1), ["m"]);
    let body = awaited_bodies(&dead, 1).remove(0);
    let envelope: serde_json::Value = serde_json::from_str(&body).expect("an envelope");
    assert_eq!((&envelope["MessageId"], &envelope["Message"]), (&json!(id), &json!("m")));
    for path in ["/wrapped", "/raw"] {
        assert_eq!(attempts(&endpoint, path), [("m".to_owned(), 4)], "one and three retries at {path}");
    }
}

pub(super) fn without_a_dead_letter_queue_it_is_dropped() {
    let endpoint = Endpoint::answering(|arrival, _| Answer::Status(if arrival.message() == "bad" { 500 } else { 200 }));
    let topic = topic();
    topic.subscribe_endpoint(&endpoint, "/", &[("DeliveryPolicy", &policy(1, 0))]);
    topic.publish("bad");
    topic.publish("good");
    eventually("two attempts and one", || {
        (attempts(&endpoint, "/") == [("bad".to_owned(), 2), ("good".to_owned(), 1)]).then_some(())
    });
}

pub(super) fn client_errors_are_final() {
    let endpoint = Endpoint::answering(|arrival, _| Answer::Status(arrival.message().parse().expect("a status")));
    let (topic, dead) = (topic(), queue());
    topic.subscribe_endpoint(
        &endpoint,
        "/",
        &[
            ("DeliveryPolicy", &policy(3, 0)),
            ("RedrivePolicy", &dead_letter_policy(&dead)),
            ("RawMessageDelivery", "true"),
        ],
    );
    for status in ["400", "403", "404", "410"] {
        topic.publish(status);
    }
    assert_eq!(awaited_bodies(&dead, 4), ["400", "403", "404", "410"]);
    let once: Vec<(String, usize)> = ["400", "403", "404", "410"].map(|status| (status.to_owned(), 1)).to_vec();
    assert_eq!(attempts(&endpoint, "/"), once);
}

/// A dead letter bears the status of the last answer, and what a raw message had. Of ten attributes none is lost.
pub(super) fn a_dead_letter_says_why() {
    let endpoint = Endpoint::answering(|_, _| Answer::Status(404));
    let topic = topic();
    let [dead, raw_dead] = [("/wrapped", "false"), ("/raw", "true")].map(|(path, raw)| {
        let dead = queue();
        let attributes = [("RedrivePolicy", &*dead_letter_policy(&dead)), ("RawMessageDelivery", raw)];
        topic.subscribe_endpoint(&endpoint, path, &attributes);
        dead
    });
    let names = ["ErrorCode", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let value = json!({ "DataType": "String", "StringValue": "x" });
    let own: serde_json::Map<_, _> = names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
    topic.publish_with(json!({ "Message": "m", "MessageAttributes": own }));
    for (queue, others) in [(&dead, 0), (&raw_dead, 9)] {
        let message = eventually("a dead letter", || queue.receive().pop());
        let attributes = message.whole["MessageAttributes"].as_object().expect("attributes");
        assert_eq!(attributes.len(), 3 + others, "{attributes:?}");
        assert_eq!(attributes["ErrorCode"], json!({ "DataType": "Number", "StringValue": "404" }));
        let error = json!({ "DataType": "String", "StringValue": "the endpoint refused it" });
        assert_eq!(attributes["ErrorMessage"], error);
        assert_eq!(attributes["RequestID"], json!({ "DataType": "String", "StringValue": message.id() }));
        assert!(message.whole["MD5OfMessageAttributes"].is_string(), "{}", message.whole);
        assert_eq!(message.receive_count(), 1, "attempts are no receives");
    }
}

pub(super) fn too_many_requests_is_not_final() {
    let endpoint = Endpoint::answering(|_, before| Answer::Status(if before == 0 { 429 } else { 200 }));
    let (topic, dead) = (topic(), queue());
    let attributes = [("DeliveryPolicy", &*policy(1, 2)), ("RedrivePolicy", &*dead_letter_policy(&dead))];
    topic.subscribe_endpoint(&endpoint, "/", &attributes);
    topic.publish("m");
    endpoint.await_notifications("/", 2);
    dead.gives(&[]);
}

pub(super) fn redirects_are_not_followed() {
    let elsewhere = Endpoint::start();
    let target = elsewhere.url("/elsewhere");
    let endpoint = Endpoint::answering(move |_, before| Answer::Redirect([301, 302, 307][before % 3], target.clone()));
    let (topic, dead) = (topic(), queue());
    let attributes = [
        ("DeliveryPolicy", &*policy(2, 0)),
        ("RedrivePolicy", &*dead_letter_policy(&dead)),
        ("RawMessageDelivery", "true"),
    ];
    topic.subscribe_endpoint(&endpoint, "/", &attributes);
    topic.publish("m");
    assert_eq!(awaited_bodies(&dead, 1), ["m"]);
    assert!(elsewhere.arrivals().is_empty(), "{:?}", elsewhere.arrivals());
}

pub(super) fn a_closed_connection_is_a_failure() {
    let endpoint = Endpoint::answering(|_, before| if before == 0 { Answer::Close } else { Answer::Status(200) });
    let topic = topic();
    topic.subscribe_endpoint(&endpoint, "/", &[("DeliveryPolicy", &policy(3, 0))]);
    for number in 0..5 {
        topic.publish(&number.to_string());
    }
    eventually("everything twice", || {
        let attempts = attempts(&endpoint, "/");
        (attempts.len() == 5 && attempts.iter().all(|(_, count)| *count == 2)).then_some(())
    });
}

pub(super) fn an_unreachable_endpoint_is_a_failure() {
    let (topic, dead) = (topic(), queue());
    let endpoint = Endpoint::start();
    let attributes = [
        ("DeliveryPolicy", &*policy(1, 0)),
        ("RedrivePolicy", &*dead_letter_policy(&dead)),
        ("RawMessageDelivery", "true"),
    ];
    topic.subscribe_endpoint(&endpoint, "/", &attributes);
    let address = endpoint.address;
    drop(endpoint);
    eventually("a closed port", || TcpListener::bind((Ipv4Addr::LOCALHOST, address.port())).ok());
    topic.publish("m");
    let message = eventually("a dead letter", || dead.receive().pop());
    let attributes = message.whole["MessageAttributes"].as_object().expect("attributes");
    let names: Vec<&str> = attributes.keys().map(String::as_str).collect();
    assert_eq!((message.body.as_str(), names), ("m", vec!["ErrorMessage", "RequestID"]), "no answer, no status");
}

pub(super) fn an_answer_may_be_slow() {
    let endpoint = Endpoint::answering(|_, _| Answer::Slow(Duration::from_millis(1_500)));
    let topic = topic();
    topic.subscribe_endpoint(&endpoint, "/", &[("DeliveryPolicy", &policy(3, 0))]);
    topic.publish("m");
    endpoint.await_notifications("/", 1);
    crate::support::sleep_ms(2_500);
    assert_eq!(attempts(&endpoint, "/"), [("m".to_owned(), 1)]);
}

pub(super) fn an_answer_may_be_large() {
    let endpoint = Endpoint::answering(|_, _| Answer::Large(1024 * 1024));
    let topic = topic();
    topic.subscribe_endpoint(&endpoint, "/", &[("DeliveryPolicy", &policy(3, 0))]);
    for number in 0..3 {
        topic.publish(&number.to_string());
    }
    endpoint.await_notifications("/", 3);
    crate::support::sleep_ms(500);
    assert!(attempts(&endpoint, "/").iter().all(|(_, count)| *count == 1), "{:?}", attempts(&endpoint, "/"));
}

pub(super) fn an_endpoint_that_hangs_is_given_up() {
    let broker = Launch::new().configured("[push]\ntimeout_seconds = 1").start();
    let client = caller(&broker);
    let endpoint = Endpoint::answering(|_, _| Answer::Hang);
    let (topic, dead) = (client.topic(), client.queue());
    let attributes = [
        ("DeliveryPolicy", &*policy(1, 0)),
        ("RedrivePolicy", &*dead_letter_policy(&dead)),
        ("RawMessageDelivery", "true"),
    ];
    topic.subscribe_endpoint(&endpoint, "/", &attributes);
    topic.publish("m");
    assert_eq!(awaited_bodies(&dead, 1), ["m"]);
    assert_eq!(attempts(&endpoint, "/"), [("m".to_owned(), 2)]);
}

pub(super) fn a_subscriptions_policy_goes_before_the_topics() {
    let endpoint = Endpoint::answering(|_, _| Answer::Status(500));
    let (topic, dead) = (topic(), queue());
    let of_topic = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":1,"numRetries":5,"numNoDelayRetries":5}}}"#;
    topic.set("DeliveryPolicy", of_topic);
    let redrive = ("RedrivePolicy", &*dead_letter_policy(&dead));
    let raw = ("RawMessageDelivery", "true");
    topic.subscribe_endpoint(&endpoint, "/own", &[("DeliveryPolicy", &policy(1, 0)), redrive, raw]);
    topic.subscribe_endpoint(&endpoint, "/topics", &[redrive, raw]);
    topic.publish("m");
    assert_eq!(awaited_bodies(&dead, 2), ["m", "m"]);
    assert_eq!(attempts(&endpoint, "/own"), [("m".to_owned(), 2)]);
    assert_eq!(attempts(&endpoint, "/topics"), [("m".to_owned(), 6)]);
}
