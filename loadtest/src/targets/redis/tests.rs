//! The adapter against a real Redis, where one is installed.

use super::super::testing::{self, Server, layout, longest_body, messages, receive, target};
use super::*;

const WAIT: Duration = Duration::from_millis(300);

fn server(options: &[&str]) -> Option<Server> {
    Server::start("redis-server", |command, site| {
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        command.args(["--port", &site.port.to_string()]).args(options);
    })
}

fn open(server: &Server) -> Arc<dyn Target> {
    target(&format!("redis://127.0.0.1:{}", server.port()))
}

#[tokio::test]
async fn what_is_sent_comes_once_to_one_of_two_consumers_and_is_then_settled() {
    let Some(server) = server(&[]) else { return };
    let target = open(&server);
    let layout = layout("load-1", Kind::Queue);
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    let mut one = target.consumer(&layout, 0).await.expect("a consumer");
    let mut two = target.consumer(&layout, 0).await.expect("another");
    assert_eq!(receive(&mut one, 10, Duration::ZERO).await, [""; 0]);
    assert_eq!(receive(&mut one, 10, Duration::from_millis(1)).await, [""; 0]);

    assert_eq!(producer.send(&messages(["first", "second", "third"])).await, Ok(vec![]));
    assert_eq!(receive(&mut one, 2, WAIT).await, ["first", "second"]);
    assert_eq!(receive(&mut two, 2, WAIT).await, ["third"]);
    assert_eq!(receive(&mut two, 2, Duration::ZERO).await, [""; 0]);

    let long = longest_body();
    assert_eq!(producer.send(&messages([&long, "short"])).await, Ok(vec![]));
    assert_eq!(receive(&mut one, 2, WAIT).await, [&long, "short"]);

    target.remove(&layout).await.expect("removed");
    target.remove(&layout).await.expect("what is not there is no failure");
    let gone = one.receive(1, Duration::ZERO, &mut Vec::new()).await;
    assert!(matches!(gone, Err(Failure::Refused(_))), "{gone:?}");
}

#[tokio::test]
async fn what_is_not_settled_comes_again_and_what_is_does_not() {
    let Some(server) = server(&[]) else { return };
    let target = open(&server);
    let layout = Layout { visibility_timeout: Duration::from_millis(50), ..layout("load-2", Kind::Queue) };
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    producer.send(&messages(["settled", "left"])).await.expect("sent");

    let mut gone = target.consumer(&layout, 0).await.expect("a consumer");
    let mut taken = Vec::new();
    gone.receive(2, WAIT, &mut taken).await.expect("received");
    gone.settle(&taken[..1]).await.expect("settled");
    drop(gone);
    let mut next = target.consumer(&layout, 0).await.expect("another");
    let mut came = Vec::new();
    while came.is_empty() {
        came = receive(&mut next, 2, WAIT).await;
    }
    assert_eq!(came, ["left"]);
}

#[tokio::test]
async fn each_queue_of_a_topic_gets_all() {
    let Some(server) = server(&[]) else { return };
    let target = open(&server);
    let layout = layout("load-3", Kind::Fanout { queues: 2, filtered: false });
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    producer.send(&messages(["first", "second"])).await.expect("sent");
    for destination in 0..2 {
        let mut consumer = target.consumer(&layout, destination).await.expect("a consumer");
        assert_eq!(receive(&mut consumer, 10, WAIT).await, ["first", "second"]);
    }
}

#[tokio::test]
async fn a_message_that_the_server_refuses_is_told_and_the_others_are_kept() {
    let Some(server) = server(&["--maxmemory-policy", "noeviction"]) else { return };
    let target = open(&server);
    let layout = layout("load-4", Kind::Queue);
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    let mut limit = cmd("CONFIG");
    limit.arg("SET").arg("maxmemory").arg("1");
    let client = Client::open(format!("redis://127.0.0.1:{}", server.port())).expect("a client");
    let mut other = client.get_multiplexed_async_connection().await.expect("connected");
    other.send_packed_command(&limit).await.expect("set");
    let refusals = producer.send(&messages(["first", "second"])).await.expect("an answer for each");
    assert_eq!(refusals.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1]);
    assert!(refusals[0].1.starts_with("OOM"), "{refusals:?}");
}

#[tokio::test]
async fn wrong_credentials_are_denied() {
    let Some(server) = server(&["--requirepass", "right"]) else { return };
    let layout = layout("load-5", Kind::Queue);
    for (credentials, allowed) in [("", false), (":wrong@", false), (":right@", true), ("default:right@", true)] {
        let target = target(&format!("redis://{credentials}127.0.0.1:{}", server.port()));
        let prepared = target.prepare(&layout).await;
        target.remove(&layout).await.ok();
        match prepared {
            Ok(()) => assert!(allowed, "{credentials}"),
            Err(Failure::Denied(_)) => assert!(!allowed, "{credentials}"),
            Err(other) => panic!("{credentials}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let Some(mut server) = server(&[]) else { return };
    let target = open(&server);
    testing::a_server_that_dies_is_noticed(&*target, || server.kill()).await;
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    testing::a_closed_port_is_unreachable("redis").await;
}

#[test]
fn what_it_cannot_do_it_says() {
    let kinds = [Kind::Fifo, Kind::Delay(WAIT), Kind::Fanout { queues: 2, filtered: true }];
    let urls = ["redis://localhost/name", "redis://localhost?queue=classic"];
    testing::what_it_cannot_do_it_says("redis://localhost", &kinds, &urls);
}
