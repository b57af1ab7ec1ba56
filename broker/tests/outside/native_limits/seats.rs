//! Who gets a seat when all are taken, and where clients are sent.

use std::net::TcpStream;

use posthouse_wire::{AtEnd, Ends, FaultCode, Reason, TargetKind};
use serde_json::json;

use super::{alice, two_users};
use crate::shared::{ALICE, BOB};
use crate::support::certificates::{Certificates, Shows, over_tls};
use crate::support::{Broker, Launch, Native, eventually};

/// A connection of a user.
fn connect(broker: &Broker, (key, secret): (&str, &str)) -> Native {
    let mut native = Native::connect(broker.native);
    native.hello(key, Some(secret)).expect("a user");
    native
}

/// Connections with a link or a request stay, the one without is asked to go.
pub(super) fn an_idle_connection_makes_room_and_busy_ones_stay() {
    let broker = two_users(Launch::new().configured("[limits]\nconnections_max = 4")).start();
    let queue = alice(&broker).queue();
    // It takes the seat of the connection over HTTP at the latest.
    let mut producing = connect(&broker, ALICE);
    producing.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    let mut consuming = connect(&broker, ALICE);
    consuming.consumer(1, &queue.name, AtEnd::GiveBack).expect("it exists");
    let mut calling = connect(&broker, ALICE);
    let poll = calling.ask("sqs.ReceiveMessage", &json!({ "QueueUrl": queue.url, "WaitTimeSeconds": 20 }));
    eventually("the poll waits", || broker.metrics().contains("waiting_receives 1\n").then_some(()));
    let mut idle = connect(&broker, ALICE);
    let _late = connect(&broker, BOB);
    assert_eq!(idle.goes_away(), (Reason::Overloaded, String::new()));
    idle.is_closed();
    producing.send(1, 1, &["a", "b"]).expect("stored");
    let polled = calling.reply(poll).expect("it has waited for this");
    assert_eq!(polled["Messages"].as_array().map(Vec::len), Some(1));
    consuming.credit(1, 10);
    consuming.messages(1);
}

/// Nothing makes room for one more, which is told so.
pub(super) fn no_connection_is_taken_beyond_busy_ones() {
    let broker = two_users(Launch::new().configured("[limits]\nconnections_max = 2")).start();
    let queue = alice(&broker).queue();
    let mut busy: Vec<Native> = (0..2)
        .map(|_| {
            let mut native = connect(&broker, ALICE);
            native.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
            native
        })
        .collect();
    for _ in 0..50 {
        let mut refused = Native::connect(broker.native);
        let fault = refused.refusal();
        assert_eq!((fault.code, fault.ends), (FaultCode::TooManyConnections, Ends::Connection));
        refused.is_closed();
    }
    for native in &mut busy {
        native.send(1, 1, &["still served"]).expect("stored");
    }
    assert!(broker.log().contains("limits.connections_max"), "{}", broker.log());
    drop(busy.pop());
    eventually("there is a seat again", || {
        let mut native = Native::connect(broker.native);
        native.hello(BOB.0, Some(BOB.1)).ok()
    });
}

/// READY names the other addresses, and a stopping broker one of those that take over, in turn.
pub(super) fn clients_are_sent_to_the_broker_that_takes_over() {
    let settings = "[native]\nadvertised = \"a.example.com:9326, [2001:db8::1]:9326\"\n\
                    go_away_to = \"b.example.com:9326, c.example.com:1\"";
    let mut broker = Launch::new().configured(settings).start();
    let mut clients: Vec<Native> = (0..4).map(|_| Native::open(broker.native)).collect();
    assert!(clients.iter().all(|client| client.advertised == ["a.example.com:9326", "[2001:db8::1]:9326"]));
    broker.terminate();
    let mut named: Vec<String> = Vec::new();
    for client in &mut clients {
        let (reason, address) = client.goes_away();
        assert_eq!(reason, Reason::Moved);
        named.push(address);
    }
    named.sort();
    assert_eq!(named, ["b.example.com:9326", "b.example.com:9326", "c.example.com:1", "c.example.com:1"]);
    drop(clients);
    assert!(broker.await_exit().success());
}

/// Connections whose TLS handshake does not go on make room at once, and not when the time for it is over.
pub(super) fn handshakes_that_stand_still_make_room() {
    let certificates = Certificates::new();
    let settings = "[limits]\nconnections_max = 40\n[native]\nhello_seconds_max = 3600";
    let broker = certificates.configured(Launch::new().configured(settings)).start();
    let silent: Vec<_> = (0..300).filter_map(|_| TcpStream::connect(broker.native).ok()).collect();
    let config = certificates.client(Shows::Nothing);
    let mut native = over_tls(broker.native, &config);
    native.hello("", None).expect("there are no users");
    native.call("sqs.ListQueues", &json!({})).expect("served");
    drop(silent);
}
