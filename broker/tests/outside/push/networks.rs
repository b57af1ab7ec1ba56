//! Networks that the broker does not deliver to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

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

/// An address of this machine that is not loopback, if it has one.
fn own_address() -> Option<IpAddr> {
    // Connecting a datagram socket sends nothing. The system chooses the address that it would send from.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
    socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// Whether the broker's network rules refused an address, once a delivery has not arrived.
fn refuses(broker: &Broker, address: IpAddr) -> bool {
    await_refusal(broker);
    broker.log().contains(&format!("the network rules refuse {address}"))
}

pub(super) fn the_machines_own_addresses_are_refused_where_loopback_is() {
    let Some(own) = own_address() else { return };
    // Nothing listens on the port of discarded bytes: a delivery that is tried fails, too, for another reason.
    let url = format!("http://{}/", SocketAddr::new(own, 9));
    let (broker, topic) = with_users("");
    topic.subscribe("http", &url, &[]);
    assert!(refuses(&broker, own), "{}", broker.log());

    let (broker, topic) = with_users(&format!("[push]\nallow = \"{own}\""));
    topic.subscribe("http", &url, &[]);
    assert!(!refuses(&broker, own), "allowed by name: {}", broker.log());

    let broker = Launch::new().start();
    caller(&broker).topic().subscribe("http", &url, &[]);
    assert!(!refuses(&broker, own), "the broker serves its own machine only: {}", broker.log());
}

pub(super) fn private_networks_are_refused_by_one_word() {
    let endpoint = Endpoint::start();
    let broker = Launch::new().configured("[push]\ndeny = \"private\"").start();
    let topic = caller(&broker).topic();
    topic.subscribe("http", &endpoint.url("/"), &[]);
    await_refusal(&broker);
    assert!(endpoint.arrivals().is_empty());
}
