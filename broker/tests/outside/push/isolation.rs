//! A slow or failing endpoint does not delay another.

use std::time::Duration;

use super::{policy, topic};
use crate::support::Endpoint;
use crate::support::endpoint::Answer;

pub(super) fn a_hanging_endpoint_holds_up_no_other() {
    let hanging = Endpoint::answering(|_, _| Answer::Hang);
    let (lively, topic) = (Endpoint::start(), topic());
    topic.subscribe_endpoint(&hanging, "/", &[]);
    topic.subscribe_endpoint(&lively, "/", &[]);
    for number in 0..100 {
        topic.publish(&number.to_string());
    }
    lively.await_notifications("/", 100);
    // By then no delivery to the other endpoint has ended, because it has answered none.
    assert!(!hanging.notifications("/").is_empty());
}

pub(super) fn a_failing_endpoint_holds_up_no_other() {
    let failing = Endpoint::answering(|_, _| Answer::Status(500));
    let (lively, topic) = (Endpoint::start(), topic());
    topic.subscribe_endpoint(&failing, "/", &[("DeliveryPolicy", &policy(0, 100))]);
    topic.subscribe_endpoint(&lively, "/", &[]);
    // The same server also has the endpoint of another subscription.
    topic.subscribe_endpoint(&lively, "/other", &[]);
    for number in 0..20 {
        topic.publish(&number.to_string());
    }
    lively.await_notifications("/", 20);
    lively.await_notifications("/other", 20);
    failing.await_notifications("/", 20);
}

/// At five a second, the last of fifteen messages arrives at least a second after the first, even if the bucket was
/// full.
pub(super) fn a_rate_is_kept() {
    let (endpoint, topic) = (Endpoint::start(), topic());
    let policy = r#"{"throttlePolicy":{"maxReceivesPerSecond":5}}"#;
    topic.subscribe_endpoint(&endpoint, "/slow", &[("DeliveryPolicy", policy)]);
    topic.subscribe_endpoint(&endpoint, "/fast", &[]);
    for number in 0..15 {
        topic.publish(&number.to_string());
    }
    endpoint.await_notifications("/fast", 15);
    let arrivals = endpoint.await_notifications("/slow", 15);
    let (first, last) = (&arrivals[0], &arrivals[14]);
    assert!(last.at - first.at >= Duration::from_secs(1), "{:?}", last.at - first.at);
}
