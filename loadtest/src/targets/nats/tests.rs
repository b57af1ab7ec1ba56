//! The adapter against a real NATS server, where one is installed.

use super::super::testing::{self, Server, layout, longest_body, messages, receive, target};
use super::*;

const WAIT: Duration = Duration::from_secs(5);

fn server(options: &[&str]) -> Option<Server> {
    Server::start("nats-server", |command, site| {
        command.args(["--addr", "127.0.0.1", "--port", &site.port.to_string()]).args(options);
        command.arg("--store_dir").arg(site.directory);
    })
}

fn open(server: &Server, parameters: &str) -> Arc<dyn Target> {
    target(&format!("nats://127.0.0.1:{}{parameters}", server.port()))
}

#[tokio::test]
async fn what_is_sent_comes_once_to_one_of_two_consumers_and_is_then_settled() {
    let Some(server) = server(&["-js"]) else { return };
    for parameters in ["", "?ack=double"] {
        let target = open(&server, parameters);
        let layout = layout("load-1", Kind::Queue);
        target.prepare(&layout).await.expect("prepared");
        let mut producer = target.producer(&layout).await.expect("a producer");
        let mut one = target.consumer(&layout, 0).await.expect("a consumer");
        let mut two = target.consumer(&layout, 0).await.expect("another");
        assert_eq!(receive(&mut one, 10, Duration::ZERO).await, [""; 0]);
        assert_eq!(receive(&mut one, 10, Duration::from_millis(50)).await, [""; 0]);

        assert_eq!(producer.send(&messages(["first", "second", "third", "fourth"])).await, Ok(vec![]));
        assert_eq!(receive(&mut one, 2, WAIT).await, ["first", "second"]);
        assert_eq!(receive(&mut two, 1, WAIT).await, ["third"]);
        assert_eq!(receive(&mut one, 10, WAIT).await, ["fourth"]);
        assert_eq!(receive(&mut two, 2, Duration::ZERO).await, [""; 0]);

        let long = longest_body();
        assert_eq!(producer.send(&messages([&long, "short"])).await, Ok(vec![]));
        assert_eq!(receive(&mut one, 2, WAIT).await, [&long, "short"]);

        target.remove(&layout).await.expect("removed");
        target.remove(&layout).await.expect("what is not there is no failure");
    }
}

#[tokio::test]
async fn what_is_not_settled_comes_again_and_what_is_does_not() {
    let Some(server) = server(&["-js"]) else { return };
    let target = open(&server, "");
    let layout = Layout { visibility_timeout: Duration::from_millis(100), ..layout("load-2", Kind::Queue) };
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    producer.send(&messages(["settled", "left"])).await.expect("sent");
    let mut gone = target.consumer(&layout, 0).await.expect("a consumer");
    let mut taken = Vec::new();
    gone.receive(2, WAIT, &mut taken).await.expect("received");
    gone.settle(&taken[..1]).await.expect("settled");
    drop(gone);
    let mut next = target.consumer(&layout, 0).await.expect("another");
    assert_eq!(receive(&mut next, 2, WAIT).await, ["left"]);
    assert_eq!(receive(&mut next, 2, Duration::from_millis(300)).await, [""; 0]);
}

#[tokio::test]
async fn each_queue_of_a_topic_gets_all_or_only_its_lot() {
    let Some(server) = server(&["-js"]) else { return };
    let target = open(&server, "");
    for (filtered, expected) in [(false, [["first", "second"].as_slice(); 2]), (true, [&["first"], &["second"]])] {
        let layout = layout(&format!("load-3-{filtered}"), Kind::Fanout { queues: 2, filtered });
        target.prepare(&layout).await.expect("prepared");
        let mut producer = target.producer(&layout).await.expect("a producer");
        let mut batch = messages(["first", "second"]);
        batch[1].lot = 1;
        assert_eq!(producer.send(&batch).await, Ok(vec![]));
        for (destination, expected) in (0..).zip(expected) {
            let mut consumer = target.consumer(&layout, destination).await.expect("a consumer");
            assert_eq!(receive(&mut consumer, 10, WAIT).await, expected, "filtered {filtered}, {destination}");
        }
        target.remove(&layout).await.expect("removed");
    }
}

#[tokio::test]
async fn a_message_that_the_server_refuses_is_told_and_the_others_are_kept() {
    let Some(server) = server(&["-js"]) else { return };
    let target = open(&server, "");
    let layout = layout("load-4", Kind::Queue);
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    let mut batch = messages(["first", "second", "third"]);
    batch[1].body = "x".repeat(2 * 1024 * 1024);
    let refusals = producer.send(&batch).await.expect("an answer for each");
    assert_eq!(refusals.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1]);
    let mut consumer = target.consumer(&layout, 0).await.expect("a consumer");
    assert_eq!(receive(&mut consumer, 10, WAIT).await, ["first", "third"]);
}

#[tokio::test]
async fn wrong_credentials_are_denied() {
    let Some(server) = server(&["-js", "--user", "user", "--pass", "right"]) else { return };
    let layout = layout("load-5", Kind::Queue);
    for (credentials, allowed) in [("", false), ("user:wrong@", false), ("user:right@", true)] {
        let target = target(&format!("nats://{credentials}127.0.0.1:{}", server.port()));
        match target.prepare(&layout).await {
            Ok(()) => assert!(allowed, "{credentials}"),
            Err(Failure::Denied(_)) => assert!(!allowed, "{credentials}"),
            Err(other) => panic!("{credentials}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_server_without_jetstream_cannot_do_it() {
    let Some(server) = server(&[]) else { return };
    let prepared = open(&server, "").prepare(&layout("load-6", Kind::Queue)).await;
    assert_eq!(prepared, Err(without_jetstream()));
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let Some(mut server) = server(&["-js"]) else { return };
    let target = open(&server, "");
    testing::a_server_that_dies_is_noticed(&*target, || server.kill()).await;
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    testing::a_closed_port_is_unreachable("nats").await;
}

#[test]
fn what_it_cannot_do_it_says() {
    let urls = ["nats://localhost?ack=triple", "nats://localhost?poll_ms=1"];
    testing::what_it_cannot_do_it_says("nats://localhost", &[Kind::Fifo, Kind::Delay(WAIT)], &urls);
}
