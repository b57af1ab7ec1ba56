//! The requests of publishing as tables, and round trips against moto and Posthouse if they are installed.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use super::*;
use crate::target::{Delivery, Outgoing};
use crate::targets::testing::{self, Server, layout, messages};

const UNFILTERED: Kind = Kind::Fanout { queues: 10, filtered: false };
const FILTERED: Kind = Kind::Fanout { queues: 10, filtered: true };

#[test]
fn promises_are_those_of_what_is_subscribed() {
    let delay = Kind::Delay(Duration::from_secs(1));
    let sends = |kind| Layout { receives: false, ..layout("run", kind) };
    let receives = |kind| layout("run", kind);
    let table = [
        ("", receives(Kind::Queue), Some(Promise::AT_LEAST_ONCE)),
        ("", sends(Kind::Queue), Some(Promise::AT_LEAST_ONCE)),
        ("", receives(FILTERED), Some(Promise::AT_LEAST_ONCE)),
        ("", receives(Kind::Fifo), Some(Promise::FIFO)),
        ("", receives(delay), None),
        ("", Layout { batch: 11, ..receives(Kind::Queue) }, None),
        ("", Layout { body_bytes_max: 110_000, ..receives(Kind::Queue) }, None),
        ("?queue=none", sends(Kind::Queue), Some(Promise::NONE)),
        ("?queue=none", receives(Kind::Queue), None),
        ("?queue=none&topic=news", sends(FILTERED), Some(Promise::NONE)),
        ("?queue=none&topic=news", sends(Kind::Fifo), None),
        ("?queue=none&topic=news.fifo", sends(Kind::Fifo), Some(Promise::NONE)),
        ("?queue=none&topic=news.fifo", sends(Kind::Queue), None),
    ];
    for (parameters, layout, expected) in table {
        let target = testing::target(&format!("sns+http://localhost:1{parameters}"));
        assert_eq!(target.promise(&layout).ok(), expected, "{parameters} {layout:?}");
    }
}

#[test]
fn urls_have_the_parameters_of_both_services() {
    for (url, is_known) in [
        ("sns+http://a:b@localhost:1?protocol=json&region=eu-west-1&queue=none&topic=news", true),
        ("sns+http://localhost:1?topic=news", false),
        ("sns+http://localhost:1?queue=two", false),
        ("sns+http://localhost:1?protocol=xml", false),
        ("sns+http://localhost:1?topics=news", false),
        ("sns+http://localhost", false),
    ] {
        let opened = url.parse::<Address>().unwrap().open();
        assert_eq!(opened.is_ok(), is_known, "{url}");
        assert!(opened.err().is_none_or(|failure| matches!(failure, Failure::Unsupported(_))), "{url}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_unreachable_and_needs_no_removal() {
    let target = testing::target(&format!("sns+http://127.0.0.1:{}", testing::free_port()));
    let layout = layout("run", Kind::Queue);
    assert!(matches!(target.prepare(&layout).await, Err(Failure::Unreachable(_))));
    assert!(matches!(target.producer(&layout).await.err(), Some(Failure::Refused(_))));
    target.remove(&layout).await.unwrap();
}

/// The programs of servers that have SNS and SQS at one address, and the protocol of each target.
const SERVERS: [(&str, &str); 4] =
    [("moto_server", ""), ("moto_server", "?region=eu-west-1"), ("posthouse", ""), ("posthouse", "?protocol=json")];

/// Posthouse has one user and checks signatures and policies; moto takes any.
fn start(program: &str) -> Option<Server> {
    Server::start(program, |command, site| {
        if program == "moto_server" {
            command.args(["-H", "127.0.0.1", "-p"]).arg(site.port.to_string());
            return;
        }
        let user = "[[users]]\nname = \"u\"\naccount = \"111122223333\"\naccess_key_id = \"AK\"\n";
        let configuration = format!("{user}secret_access_key = \"right\"\n");
        fs::write(site.directory.join("posthouse.toml"), configuration).unwrap();
        command.args(["serve", "--admin-listen", "127.0.0.1:0", "--listen"]).arg(format!("127.0.0.1:{}", site.port));
    })
}

fn on(server: &Server, secret: &str, parameters: &str) -> Arc<dyn Target> {
    testing::target(&format!("sns+http://AK:{secret}@127.0.0.1:{}{parameters}", server.port()))
}

/// Receives and settles `messages` messages, and all others that arrive. Returns the bodies in order.
async fn drain(target: &dyn Target, layout: &Layout, destination: u32, messages: usize) -> Vec<String> {
    let mut consumer = target.consumer(layout, destination).await.unwrap();
    let mut bodies = Vec::new();
    loop {
        let wait = if bodies.len() < messages { Duration::from_secs(10) } else { Duration::ZERO };
        let mut deliveries: Vec<Delivery> = Vec::new();
        consumer.receive(layout.batch, wait, &mut deliveries).await.unwrap();
        if deliveries.is_empty() {
            return bodies;
        }
        bodies.extend(deliveries.iter().map(|delivery| String::from_utf8(delivery.body.to_vec()).unwrap()));
        consumer.settle(&deliveries).await.unwrap();
    }
}

/// Publishes one batch and one message, of which each destination is to get those that `expected` selects.
async fn publish(target: &dyn Target, kind: Kind, expected: impl Fn(u32, &Outgoing) -> bool) {
    let layout = layout("fan-out", kind);
    target.prepare(&layout).await.unwrap();
    let mut sent = messages(["m0", "m1", "m2", "m3", "m4", "m5"]);
    for (lot, message) in (0..).zip(&mut sent) {
        message.lot = lot % 4;
    }
    let mut producer = target.producer(&layout).await.unwrap();
    assert!(producer.send(&sent[..5]).await.unwrap().is_empty());
    assert!(producer.send(&sent[5..]).await.unwrap().is_empty());
    for destination in 0..kind.destinations() {
        let selected = sent.iter().filter(|message| expected(destination, message));
        let selected: Vec<_> = selected.map(|message| message.body.clone()).collect();
        let got = drain(target, &layout, destination, selected.len()).await;
        if kind == Kind::Fifo {
            assert_eq!(got, selected, "in order");
        }
        assert_eq!(got.len(), selected.len(), "destination {destination}: {got:?}");
        assert_eq!(BTreeSet::from_iter(got), BTreeSet::from_iter(selected), "destination {destination}");
    }
    target.remove(&layout).await.unwrap();
    assert!(target.consumer(&layout, 0).await.is_err(), "the queue was removed");
    assert!(producer.send(&sent).await.is_err(), "the topic was removed");
}

#[tokio::test]
async fn each_queue_gets_what_it_is_subscribed_to() {
    for (program, parameters) in SERVERS {
        let Some(server) = start(program) else { continue };
        let target = on(&server, "right", parameters);
        publish(&*target, Kind::Queue, |_, _| true).await;
        publish(&*target, UNFILTERED, |_, _| true).await;
        publish(&*target, FILTERED, |destination, message| message.lot == destination).await;
        publish(&*target, Kind::Fifo, |_, _| true).await;
    }
}

#[tokio::test]
async fn a_topic_with_a_name_is_published_to_and_left() {
    for program in ["moto_server", "posthouse"] {
        let Some(server) = start(program) else { continue };
        let guest = on(&server, "right", "?queue=none&topic=news");
        publish_as_a_guest(&*on(&server, "right", ""), &*guest).await;
    }
}

async fn publish_as_a_guest(owner: &dyn Target, guest: &dyn Target) {
    let shared = layout("news", Kind::Queue);
    owner.prepare(&shared).await.unwrap();
    let run = Layout { receives: false, ..layout("run", Kind::Queue) };
    guest.prepare(&run).await.unwrap();
    assert!(guest.producer(&run).await.unwrap().send(&messages(["hello"])).await.unwrap().is_empty());
    guest.remove(&run).await.unwrap();
    assert!(owner.producer(&shared).await.unwrap().send(&messages(["again"])).await.unwrap().is_empty());
    assert_eq!(BTreeSet::from_iter(drain(owner, &shared, 0, 2).await), ["hello", "again"].map(str::to_owned).into());
    owner.remove(&shared).await.unwrap();
}

#[tokio::test]
async fn wrong_credentials_are_told_apart() {
    let Some(server) = start("posthouse") else { return };
    for protocol in ["query", "json"] {
        let target = on(&server, "wrong", &format!("?protocol={protocol}"));
        let refused = target.prepare(&layout("run", UNFILTERED)).await;
        assert!(matches!(refused, Err(Failure::Denied(_))), "{refused:?}");
        target.remove(&layout("run", UNFILTERED)).await.unwrap();
    }
}
