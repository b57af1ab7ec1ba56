//! `MaxReceiveRate`, an attribute that only Posthouse has. A consumer above the rate gets an empty answer, not an
//! error.
//!
//! The engine's tests show in virtual time that the rate holds within one hundredth over a minute.

use serde_json::json;

use crate::support::queue::bodies;
use crate::support::{Client, unique};

super::cases! {
    an_empty_bucket_gives_nothing,
    a_long_poll_waits_for_the_bucket,
    removing_the_rate_frees_the_queue,
    rates_are_checked,
}

fn an_empty_bucket_gives_nothing(client: &Client) {
    let queue = client.queue_with(&[("MaxReceiveRate", "0.01"), ("MaxReceiveBurst", "3")]);
    queue.send_all(&["1", "2", "3", "4", "5"]);
    queue.gives(&["1", "2", "3"]);
    queue.gives(&[]);
    assert_eq!(queue.counts(), [2, 3, 0]);
}

fn a_long_poll_waits_for_the_bucket(client: &Client) {
    let queue = client.queue_with(&[("MaxReceiveRate", "2"), ("MaxReceiveBurst", "1")]);
    queue.send_all(&["1", "2"]);
    queue.gives(&["1"]);
    let waited = queue.receive_with(&json!({ "WaitTimeSeconds": 20 }));
    assert_eq!(bodies(&waited), ["2"]);
}

fn removing_the_rate_frees_the_queue(client: &Client) {
    let queue = client.queue_with(&[("MaxReceiveRate", "0.001"), ("MaxReceiveBurst", "1")]);
    queue.send_all(&["1", "2", "3"]);
    queue.gives(&["1"]);
    queue.gives(&[]);
    queue.set(&[("MaxReceiveRate", "")]);
    queue.gives(&["2", "3"]);
}

fn rates_are_checked(client: &Client) {
    for attributes in [
        json!({ "MaxReceiveRate": "0" }),
        json!({ "MaxReceiveRate": "-1" }),
        json!({ "MaxReceiveRate": "NaN" }),
        json!({ "MaxReceiveRate": "inf" }),
        json!({ "MaxReceiveRate": "fast" }),
        json!({ "MaxReceiveRate": "1", "MaxReceiveBurst": "0" }),
        json!({ "MaxReceiveRate": "1", "MaxReceiveBurst": "1.5" }),
        json!({ "MaxReceiveBurst": "5" }),
    ] {
        let input = json!({ "QueueName": format!("q-{}", unique()), "Attributes": attributes });
        client.refused("CreateQueue", &input).expect("InvalidAttributeValue");
    }
    let queue = client.queue_with(&[("MaxReceiveRate", "0.5")]);
    assert_eq!(queue.attribute("MaxReceiveRate").as_deref(), Some("0.5"));
    assert_eq!(queue.attribute("MaxReceiveBurst").as_deref(), Some("1"));
}
