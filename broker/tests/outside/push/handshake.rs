//! Confirming a subscription and ending it, by links that need no keys.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{caller, topic};
use crate::shared::{ALICE, OPEN};
use crate::support::endpoint::Answer;
use crate::support::{Client, Endpoint, Launch, PROTOCOLS, eventually};

/// The text of a member of a body.
#[track_caller]
fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("{name} of {body}"))
}

pub(super) fn a_confirmation_asks_the_endpoint() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let subscription = topic.subscribe("http", &endpoint.url("/hook?key=1"), &[]);
    let asked = endpoint.await_kind("/hook?key=1", "SubscriptionConfirmation");
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.header("x-amz-sns-topic-arn"), topic.arn);
    assert_eq!(asked.header("content-type"), "text/plain; charset=UTF-8");
    assert_eq!(asked.header("user-agent"), "Amazon Simple Notification Service Agent");
    assert_eq!((asked.header("connection"), asked.header("accept-encoding")), ("Keep-Alive", "gzip,deflate"));
    assert_eq!(asked.header("host"), endpoint.address.to_string());
    let body = asked.json();
    assert_eq!(text(&body, "Type"), "SubscriptionConfirmation");
    assert_eq!(text(&body, "MessageId"), asked.header("x-amz-sns-message-id"));
    assert_eq!(text(&body, "TopicArn"), topic.arn);
    for name in ["Token", "Message", "SubscribeURL", "Timestamp", "Signature", "SigningCertURL"] {
        assert!(!text(&body, name).is_empty(), "{name}");
    }
    let url = text(&body, "SubscribeURL");
    for part in ["Action=ConfirmSubscription", text(&body, "Token")] {
        assert!(url.contains(part), "{part} in {url}");
    }
    assert!(url.starts_with(&format!("http://{}/", OPEN.get().sqs)), "a link that works when pasted: {url}");
    assert_eq!(subscription.attribute("PendingConfirmation").as_deref(), Some("true"));
}

pub(super) fn a_subscription_is_confirmed_by_its_link() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let subscription = topic.subscribe("http", &endpoint.url("/"), &[]);
    assert_eq!(topic.counts(), [0, 1, 0]);
    let asked = endpoint.confirmation("/");
    let answer = OPEN.get().follow(text(&asked, "SubscribeURL"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.text().contains("<ConfirmSubscriptionResponse"), "{}", answer.text());
    assert!(answer.text().contains(&subscription.arn), "{}", answer.text());
    assert_eq!(subscription.attribute("PendingConfirmation").as_deref(), Some("false"));
    assert_eq!(topic.counts(), [1, 0, 0]);
    assert_eq!(topic.listed()[0]["SubscriptionArn"], json!(subscription.arn));
    topic.publish("m");
    assert_eq!(endpoint.await_notifications("/", 1)[0].message(), "m");
}

pub(super) fn confirming_twice_gives_the_same_subscription() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let subscription = topic.subscribe("http", &endpoint.url("/"), &[]);
    let token = json!({ "Token": endpoint.confirmation("/")["Token"] });
    for _ in 0..2 {
        assert_eq!(topic.ok("ConfirmSubscription", token.clone())["SubscriptionArn"], json!(subscription.arn));
    }
}

/// The token says which subscription is meant. Of the topic only the region counts.
pub(super) fn a_token_confirms_whatever_topic_is_named() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let subscription = topic.subscribe("http", &endpoint.url("/"), &[]);
    let token = endpoint.confirmation("/")["Token"].clone();
    let confirm = |client: &Client, arn: &str| {
        client.call("ConfirmSubscription", &json!({ "TopicArn": arn, "Token": token.clone() }))
    };
    let elsewhere = "arn:aws:sns:eu-west-1:000000000000:never-created";
    for client in [&topic.client, &topic.client.in_region("eu-west-1")] {
        let refusal = confirm(client, elsewhere).expect_err("it is in another region");
        assert_eq!((&*refusal.code, &*refusal.message), ("InvalidParameter", "Invalid parameter: Topic"));
    }
    assert_eq!(topic.counts(), [0, 1, 0]);
    for _ in 0..2 {
        let answer = confirm(&topic.client, "arn:aws:sns:us-east-1:000000000000:never-created").expect("confirmed");
        assert_eq!(answer["SubscriptionArn"], json!(subscription.arn));
    }
    assert_eq!(topic.counts(), [1, 0, 0]);
}

/// A link has no signature that names a region. Its ARN does.
pub(super) fn links_work_in_every_region() {
    let (endpoint, topic) = (Endpoint::start(), caller(&OPEN.get()).in_region("ap-south-1").topic());
    topic.subscribe("http", &endpoint.url("/"), &[]);
    let follow = |body: &Value, member: &str| assert_eq!(OPEN.get().follow(text(body, member)).status, 200, "{member}");
    follow(&endpoint.confirmation("/"), "SubscribeURL");
    assert_eq!(topic.counts(), [1, 0, 0]);
    topic.publish("m");
    let notification = endpoint.await_notifications("/", 1)[0].json();
    for _ in 0..2 {
        follow(&notification, "UnsubscribeURL");
    }
    assert_eq!(topic.counts()[0], 0);
}

pub(super) fn subscribing_again_asks_again() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let first = topic.subscribe("http", &endpoint.url("/"), &[]);
    endpoint.confirmation("/");
    assert_eq!(topic.subscribe("http", &endpoint.url("/"), &[]).arn, first.arn);
    let tokens = endpoint.until("another confirmation", |arrivals| {
        let tokens: Vec<String> = arrivals.iter().map(|arrival| text(&arrival.json(), "Token").to_owned()).collect();
        (tokens.len() >= 2).then_some(tokens)
    });
    topic.ok("ConfirmSubscription", json!({ "Token": tokens.last() }));
    assert_eq!(topic.counts(), [1, 0, 0]);
}

pub(super) fn nothing_arrives_before_confirmation() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    topic.subscribe("http", &endpoint.url("/"), &[]);
    let token = endpoint.confirmation("/")["Token"].clone();
    topic.publish("too early");
    topic.ok("ConfirmSubscription", json!({ "Token": token }));
    topic.publish("in time");
    assert_eq!(endpoint.await_notifications("/", 1)[0].message(), "in time");
}

pub(super) fn a_subscription_ends_by_its_link() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let subscription = topic.subscribe_endpoint(&endpoint, "/", &[]);
    topic.publish("1");
    let notification = endpoint.await_notifications("/", 1)[0].json();
    let answer = OPEN.get().follow(text(&notification, "UnsubscribeURL"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let confirmation = endpoint.await_kind("/", "UnsubscribeConfirmation");
    let body = confirmation.json();
    assert_eq!(text(&body, "Type"), "UnsubscribeConfirmation");
    assert_eq!(text(&body, "TopicArn"), topic.arn);
    assert!(!text(&body, "Token").is_empty() && text(&body, "SubscribeURL").contains("Action=ConfirmSubscription"));
    topic.publish("2");
    subscription.refused("GetSubscriptionAttributes", json!({})).expect("NotFound");
    assert_eq!(topic.counts()[0], 0);
    assert!(topic.listed().is_empty());
    // Subscribing the endpoint again sends a new confirmation, and only later messages arrive.
    topic.subscribe_endpoint(&endpoint, "/", &[]);
    topic.publish("3");
    let messages: Vec<String> =
        endpoint.await_notifications("/", 2).iter().map(crate::support::endpoint::Arrival::message).collect();
    assert_eq!(messages, ["1", "3"]);
}

/// The endpoint refuses the confirmation of the unsubscription, so that the broker still holds the link in it.
pub(super) fn the_end_of_a_subscription_can_be_taken_back() {
    let refused = AtomicUsize::new(0);
    let endpoint = Endpoint::answering_all(move |arrival, _| {
        let is_confirmation = arrival.kind() == "UnsubscribeConfirmation";
        let again = is_confirmation && refused.fetch_add(1, Ordering::Relaxed) < 1000;
        Answer::Status(if again { 503 } else { 200 })
    });
    let topic = topic();
    let subscription = topic.subscribe_endpoint(&endpoint, "/", &[]);
    subscription.unsubscribe();
    let confirmation = endpoint.await_kind("/", "UnsubscribeConfirmation").json();
    let answer = OPEN.get().follow(text(&confirmation, "SubscribeURL"));
    assert_eq!(answer.status, 200, "{answer:?}");
    topic.publish("back again");
    assert_eq!(endpoint.await_notifications("/", 1)[0].message(), "back again");
    assert_eq!(subscription.attribute("PendingConfirmation").as_deref(), Some("false"));
}

pub(super) fn unsubscribing_may_need_authentication() {
    let broker = Launch::new()
        .user("alice", "111111111111", ALICE.0, ALICE.1)
        .configured("[push]\nallow = \"127.0.0.1\"")
        .start();
    let alice: Client = caller(&broker).with_key(ALICE.0, ALICE.1);
    let (endpoint, topic) = (Endpoint::start(), alice.topic());
    for (path, confirm) in [("/by-link", None), ("/plain", Some("false")), ("/strict", Some("true"))] {
        let subscription = topic.subscribe("http", &endpoint.url(path), &[]);
        let asked = endpoint.confirmation(path);
        match confirm {
            None => assert_eq!(broker.follow(text(&asked, "SubscribeURL")).status, 200),
            Some(authenticate) => {
                let input = json!({ "Token": asked["Token"], "AuthenticateOnUnsubscribe": authenticate });
                topic.ok("ConfirmSubscription", input);
            }
        }
        topic.publish(path);
        let notification = endpoint.await_notifications(path, 1)[0].json();
        let answer = broker.follow(text(&notification, "UnsubscribeURL"));
        if path == "/strict" {
            assert_eq!(answer.status, 403, "{answer:?}");
            assert_eq!(subscription.attribute("ConfirmationWasAuthenticated").as_deref(), Some("true"));
            subscription.unsubscribe();
        } else {
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
        endpoint.await_kind(path, "UnsubscribeConfirmation");
    }
    let stranger = topic.as_seen_by(&broker.client(PROTOCOLS[1]).anonymous());
    assert_eq!(stranger.refused("Publish", json!({ "Message": "m" })).status, 403);
}

pub(super) fn a_confirmation_that_fails_is_tried_again() {
    let tries = AtomicUsize::new(0);
    let endpoint = Endpoint::answering_all(move |_, _| {
        Answer::Status(if tries.fetch_add(1, Ordering::Relaxed) == 0 { 503 } else { 200 })
    });
    let topic = topic();
    topic.set("DeliveryPolicy", r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":1,"numRetries":3,"numNoDelayRetries":3}}}"#);
    topic.subscribe("http", &endpoint.url("/"), &[]);
    let bodies = eventually("a second try", || {
        let arrivals = endpoint.arrivals();
        (arrivals.len() >= 2).then(|| arrivals.iter().map(|arrival| arrival.body.clone()).collect::<Vec<_>>())
    });
    assert_eq!(bodies[0], bodies[1], "it is the same confirmation");
}
