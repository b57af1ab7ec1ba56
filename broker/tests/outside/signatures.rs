//! The key that notifications are signed with, and how often it signs. The suite `judges` checks the signatures.

use serde_json::{Value, json};

use crate::support::broker::sample;
use crate::support::endpoint::Answer;
use crate::support::topic::dead_letter_policy;
use crate::support::{Broker, Endpoint, Launch, Queue, Topic, eventually};

crate::cases! {
    a_publication_is_signed_once_for_all_its_recipients,
    retries_and_late_receives_sign_nothing_again,
    a_signature_that_is_not_remembered_is_made_again,
    a_first_start_whose_key_cannot_be_written_fails_before_it_serves,
}

/// Signatures that a broker has made.
fn made(broker: &Broker) -> f64 {
    sample(&broker.metrics(), "posthouse_notification_signatures_total", &[]).expect("the count")
}

/// Publishes so many messages, ten at a time.
fn publish(topic: &Topic, count: usize) {
    for first in (0..count).step_by(10) {
        let entry = |number: usize| json!({ "Id": number.to_string(), "Message": format!("message {number}") });
        let entries: Vec<Value> = (first..count.min(first + 10)).map(entry).collect();
        topic.ok("PublishBatch", json!({ "PublishBatchRequestEntries": entries }));
    }
}

/// Receives so many messages.
fn receive(queue: &Queue, count: usize) {
    let mut received = 0;
    while received < count {
        let messages = queue.receive();
        assert!(!messages.is_empty(), "after {received} of {count}");
        received += messages.len();
    }
}

fn a_publication_is_signed_once_for_all_its_recipients() {
    const COUNT: usize = 400;
    let broker = Launch::new().start();
    let client = broker.json_client();
    let (topic, queues) = (client.topic(), [client.queue(), client.queue(), client.queue()]);
    for queue in &queues {
        topic.subscribe_queue(queue);
    }
    publish(&topic, COUNT);
    assert_eq!(made(&broker), 0.0, "nothing is signed before it is received");
    for queue in &queues {
        // Each begins when the one before has received everything.
        receive(queue, COUNT);
        assert_eq!(made(&broker), COUNT as f64);
    }

    let (topic, queue, endpoint) = (client.topic(), client.queue(), Endpoint::start());
    topic.subscribe_queue(&queue);
    topic.subscribe_endpoint(&endpoint, "/hook", &[]);
    let before = made(&broker);
    topic.publish("to a queue and an endpoint");
    eventually("the notification", || (!endpoint.notifications("/hook").is_empty()).then_some(()));
    receive(&queue, 1);
    assert_eq!(made(&broker), before + 1.0);
}

/// Nothing but the bound in bytes ends the memory of a signature: no time, no settlement, no other subscription.
fn retries_and_late_receives_sign_nothing_again() {
    let broker = Launch::new().start();
    let client = broker.json_client();
    let (topic, dead) = (client.topic(), client.queue());
    let retried = Endpoint::answering(|_, before| Answer::Status(if before < 3 { 503 } else { 200 }));
    let refusing = Endpoint::answering(|_, _| Answer::Status(403));
    let policy = r#"{"healthyRetryPolicy":{"numRetries":3,"minDelayTarget":1,"maxDelayTarget":1}}"#;
    topic.subscribe_endpoint(&retried, "/", &[("DeliveryPolicy", policy)]);
    topic.subscribe_endpoint(&refusing, "/", &[("RedrivePolicy", &*dead_letter_policy(&dead))]);
    let (again, late) = (client.queue_with(&[("VisibilityTimeout", "0")]), client.queue_with(&[("DelaySeconds", "5")]));
    topic.subscribe_queue(&again);
    topic.subscribe_queue(&late);
    let before = made(&broker);
    topic.publish("signed once");
    for _ in 0..5 {
        receive(&again, 1);
    }
    assert_eq!(retried.await_notifications("/", 4).len(), 4, "it was tried again");
    eventually("the dead letter", || (!dead.receive().is_empty()).then_some(()));
    eventually("the end of the delay", || (!late.receive().is_empty()).then_some(()));
    assert_eq!(made(&broker), before + 1.0, "one publication, one signature");
}

fn a_signature_that_is_not_remembered_is_made_again() {
    let broker = Launch::new().configured("[limits]\nsignatures_bytes_max = 0").start();
    let client = broker.json_client();
    let (topic, queues) = (client.topic(), [client.queue(), client.queue()]);
    let subscriptions = queues.each_ref().map(|queue| topic.subscribe_queue(queue));
    publish(&topic, 2);
    let signatures = queues.each_ref().map(|queue| {
        let mut messages = queue.receive();
        if messages.len() < 2 {
            messages.extend(queue.receive());
        }
        let mut signatures: Vec<String> = messages
            .iter()
            .map(|message| crate::support::topic::envelope(message)["Signature"].as_str().expect("signed").to_owned())
            .collect();
        signatures.sort();
        signatures
    });
    assert_eq!(signatures[0], signatures[1], "the same again");
    assert_eq!((signatures[0].len(), subscriptions.len()), (2, 2));
    assert!(made(&broker) > 2.0, "only the last one is remembered");
}

fn a_first_start_whose_key_cannot_be_written_fails_before_it_serves() {
    let directory = tempfile::tempdir().expect("a directory");
    // A directory under the name that the key is written under, and that no start removes.
    std::fs::create_dir(directory.path().join("sns-signing-key.pem.new")).expect("a directory");
    let said = Launch::new().data(directory.path()).fails();
    assert!(said.contains("cannot sign notifications") && said.contains("cannot be written to"), "{said}");
    assert!(!said.contains("ready"), "it served:\n{said}");
}
