//! Deliveries that were pending when the broker ended are made after its restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{caller, policy};
use crate::support::endpoint::{Answer, Arrival};
use crate::support::topic::{awaited_bodies, dead_letter_policy};
use crate::support::{Broker, Endpoint, Launch, eventually};

/// Publishes while the endpoint fails, ends the broker, and lets the endpoint recover before the broker does.
fn survive(end: fn(&mut Broker)) {
    let mut broker = Launch::new().start();
    let recovered = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&recovered);
    let endpoint =
        Endpoint::answering(move |_, _| Answer::Status(if seen.load(Ordering::Relaxed) { 200 } else { 503 }));
    let topic = caller(&broker).topic();
    let subscription = topic.subscribe_endpoint(&endpoint, "/", &[("DeliveryPolicy", &policy(0, 100))]);
    let messages: Vec<String> = (10..30).map(|number| number.to_string()).collect();
    for message in &messages {
        topic.publish(message);
    }
    endpoint.await_notifications("/", 1);
    end(&mut broker);
    let before = endpoint.notifications("/").len();
    recovered.store(true, Ordering::Relaxed);
    broker.restart();
    let arrived = eventually("everything, after the restart", || {
        let mut arrived: Vec<String> = endpoint.notifications("/")[before..].iter().map(Arrival::message).collect();
        arrived.sort();
        arrived.dedup();
        (arrived.len() == messages.len()).then_some(arrived)
    });
    assert_eq!(arrived, messages);
    topic.publish("after");
    endpoint
        .until("what came after", |arrivals| arrivals.iter().any(|arrival| arrival.message() == "after").then_some(()));
    assert_eq!(subscription.attribute("PendingConfirmation").as_deref(), Some("false"));
    broker.stop();
}

pub(super) fn pending_deliveries_survive_a_crash() {
    survive(Broker::kill);
}

pub(super) fn pending_deliveries_survive_a_clean_stop() {
    survive(Broker::stop);
}

pub(super) fn attempts_are_counted_across_a_stop() {
    let mut broker = Launch::new().start();
    let endpoint = Endpoint::answering(|_, _| Answer::Status(500));
    let client = caller(&broker);
    let (topic, dead) = (client.topic(), client.queue());
    let attributes = [
        ("DeliveryPolicy", &*policy(0, 4)),
        ("RedrivePolicy", &*dead_letter_policy(&dead)),
        ("RawMessageDelivery", "true"),
    ];
    topic.subscribe_endpoint(&endpoint, "/", &attributes);
    topic.publish("m");
    endpoint.await_notifications("/", 2);
    broker.stop();
    broker.restart();
    assert_eq!(awaited_bodies(&dead, 1), ["m"]);
    // An attempt that the stop interrupted may be repeated.
    let attempts = endpoint.notifications("/").len();
    assert!((5..=6).contains(&attempts), "{attempts}");
}

pub(super) fn a_confirmation_survives_a_crash() {
    let mut broker = Launch::new().start();
    let endpoint = Endpoint::start();
    let topic = caller(&broker).topic();
    let subscription = topic.subscribe("http", &endpoint.url("/"), &[]);
    let asked = endpoint.confirmation("/");
    broker.kill();
    broker.restart();
    assert_eq!(topic.counts(), [0, 1, 0]);
    assert_eq!(broker.follow(asked["SubscribeURL"].as_str().expect("a link")).status, 200);
    assert_eq!(subscription.attribute("PendingConfirmation").as_deref(), Some("false"));
    broker.kill();
    broker.restart();
    topic.publish("m");
    endpoint.await_notifications("/", 1);
}
