//! Networks that the broker does not deliver to.

use std::net::SocketAddr;

use super::caller;
use crate::shared::ALICE;
use crate::support::broker::sample;
use crate::support::{Broker, Endpoint, Launch, Topic, eventually};

/// Waits until a delivery over HTTP has failed or is to be retried.
fn await_refusal(broker: &Broker) {
    eventually("a delivery that does not arrive", || {
        let metrics = broker.metrics();
        let count = |outcome: &str| {
            let labels = ["protocol=\"http\"", &*format!("outcome=\"{outcome}\"")];
            sample(&metrics, "posthouse_push_deliveries_total", &labels).unwrap_or(0.0)
        };
        assert!(count("delivered") < 1.0, "{metrics}");
        (count("failed") + count("retried") >= 1.0).then_some(())
    });
}

/// A topic of a broker that has users.
fn with_users(configuration: &str) -> (Broker, Topic) {
    let broker = Launch::new().user("alice", "111111111111", ALICE.0, ALICE.1).configured(configuration).start();
    let topic = caller(&broker).with_key(ALICE.0, ALICE.1).topic();
    (broker, topic)
}

pub(super) fn the_metadata_service_is_refused() {
    for host in ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "0.0.0.0", "224.0.0.1"] {
        let broker = Launch::new().start();
        caller(&broker).topic().subscribe("http", &format!("http://{host}/latest/meta-data/"), &[]);
        await_refusal(&broker);
    }
}

pub(super) fn loopback_is_refused_where_there_are_users() {
    let endpoint = Endpoint::start();
    let port = endpoint.address.port();
    let hosts = ["127.0.0.1", "127.1.2.3", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"];
    for host in hosts {
        let (broker, topic) = with_users("");
        let input = serde_json::json!({ "Protocol": "http", "Endpoint": format!("http://{host}:{port}/") });
        // An endpoint without a valid address may be refused when it is subscribed.
        if topic.call("Subscribe", input).is_ok() {
            await_refusal(&broker);
        }
    }
    assert!(endpoint.arrivals().is_empty(), "{:?}", endpoint.arrivals());
}

pub(super) fn what_is_allowed_by_name_is_delivered_to() {
    let endpoint = Endpoint::start();
    let by_name = format!("http://localhost:{}/name", endpoint.address.port());
    for (allow, url, path) in [("127.0.0.0/8", endpoint.url("/network"), "/network"), ("localhost", by_name, "/name")] {
        let (_broker, topic) = with_users(&format!("[push]\nallow = \"{allow}\""));
        topic.subscribe("http", &url, &[]);
        endpoint.confirmation(path);
    }
}

pub(super) fn what_is_denied_is_refused() {
    let endpoint = Endpoint::start();
    let SocketAddr::V4(address) = endpoint.address else { panic!("an IPv4 address") };
    let broker = Launch::new().configured("[push]\ndeny = \"127.0.0.1/32\"").start();
    caller(&broker).topic().subscribe("http", &format!("http://{address}/"), &[]);
    await_refusal(&broker);
    assert!(endpoint.arrivals().is_empty());
}
