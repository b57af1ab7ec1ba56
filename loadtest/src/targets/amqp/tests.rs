//! The adapter against a real RabbitMQ. It takes seconds to start, so that one test has all cases and kills it at the
//! end.

use super::super::testing::{self, Server, free_port, installed, layout, longest_body, messages, receive, target};
use super::*;

const WAIT: Duration = Duration::from_secs(10);
/// Debian's `rabbitmq-server` in the path changes the user, which needs root; this is what it runs.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// RabbitMQ, and the name service of Erlang without which it does not start.
struct Broker {
    server: Server,
    _names: Server,
}

impl Broker {
    fn start() -> Option<Self> {
        let program = if installed(PROGRAM).is_some() { PROGRAM } else { "rabbitmq-server" };
        let names = Server::start("epmd", |command, site| {
            command.args(["-address", "127.0.0.1", "-port", &site.port.to_string()]);
        })?;
        let server = Server::start(program, |command, site| {
            command.env("HOME", site.directory);
            command.env("ERL_EPMD_PORT", names.port().to_string()).env("ERL_EPMD_ADDRESS", "127.0.0.1");
            command.env("RABBITMQ_NODENAME", format!("test-{}@localhost", site.port));
            command.env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1");
            command.env("RABBITMQ_NODE_PORT", site.port.to_string());
            command.env("RABBITMQ_DIST_PORT", free_port().to_string());
            let loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
            command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", loopback);
            command.env("RABBITMQ_MNESIA_BASE", site.directory.join("data"));
            command.env("RABBITMQ_LOG_BASE", site.directory.join("log")).env("RABBITMQ_LOGS", "-");
            command.env("RABBITMQ_ENABLED_PLUGINS_FILE", site.directory.join("plugins"));
            command.env("RABBITMQ_CONFIG_FILE", site.directory.join("rabbitmq"));
            command.env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
        })?;
        Some(Self { server, _names: names })
    }

    fn url(&self, credentials: &str, rest: &str) -> String {
        format!("amqp://{credentials}127.0.0.1:{}{rest}", self.server.port())
    }
}

// The runtime of the command is multi-threaded, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_real_broker() {
    let Some(mut broker) = Broker::start() else { return };
    for queue in ["classic", "quorum"] {
        let target = target(&broker.url("", &format!("?queue={queue}")));
        what_is_sent_comes_once_to_one_of_two_consumers_and_is_then_settled(&*target, queue).await;
        what_is_not_settled_comes_again_and_what_is_does_not(&*target, queue).await;
        each_queue_of_a_topic_gets_all_or_only_its_lot(&*target, queue).await;
        what_no_queue_takes_is_refused(&*target, queue).await;
        let prefetching = testing::target(&broker.url("", &format!("?queue={queue}&prefetch=4")));
        what_is_prefetched_waits_for_the_next_receive(&*prefetching, queue).await;
    }
    wrong_credentials_are_denied(&broker).await;
    a_consumer_without_a_queue_is_refused(&*target(&broker.url("", ""))).await;
    let target = target(&broker.url("", ""));
    testing::a_server_that_dies_is_noticed(&*target, || broker.server.kill()).await;
}

async fn what_is_sent_comes_once_to_one_of_two_consumers_and_is_then_settled(target: &dyn Target, queue: &str) {
    let layout = Layout { batch: 2, ..layout(&format!("load-1-{queue}"), Kind::Queue) };
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    let mut one = target.consumer(&layout, 0).await.expect("a consumer");
    assert_eq!(receive(&mut one, 10, Duration::ZERO).await, [""; 0]);
    assert_eq!(receive(&mut one, 10, Duration::from_millis(50)).await, [""; 0]);

    assert_eq!(producer.send(&messages(["first", "second", "third", "fourth", "fifth"])).await, Ok(vec![]));
    // One consumer holds the first two messages. The other receives and settles the rest.
    let mut taken = Vec::new();
    while taken.len() < 2 {
        one.receive(2, WAIT, &mut taken).await.expect("received");
    }
    assert_eq!(bodies(&taken), ["first", "second"]);
    let mut two = target.consumer(&layout, 0).await.expect("another");
    let mut others = Vec::new();
    while others.len() < 3 {
        others.extend(receive(&mut two, 2, WAIT).await);
    }
    assert_eq!(others, ["third", "fourth", "fifth"]);
    one.settle(&taken).await.expect("settled");
    assert_eq!(receive(&mut one, 2, Duration::from_millis(100)).await, [""; 0]);

    drop(one);
    let long = longest_body();
    assert_eq!(producer.send(&messages([&long])).await, Ok(vec![]));
    assert_eq!(receive(&mut two, 1, WAIT).await, [long]);

    target.remove(&layout).await.expect("removed");
    target.remove(&layout).await.expect("what is not there is no failure");
    let gone = two.receive(1, WAIT, &mut Vec::new()).await;
    assert!(matches!(gone, Err(Failure::Disconnected(_))), "{gone:?}");
}

async fn what_is_not_settled_comes_again_and_what_is_does_not(target: &dyn Target, queue: &str) {
    let layout = layout(&format!("load-2-{queue}"), Kind::Queue);
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    producer.send(&messages(["settled", "left"])).await.expect("sent");
    let mut gone = target.consumer(&layout, 0).await.expect("a consumer");
    let mut taken = Vec::new();
    while taken.len() < 2 {
        gone.receive(2, WAIT, &mut taken).await.expect("received");
    }
    gone.settle(&taken[..1]).await.expect("settled");
    drop(gone);
    let mut next = target.consumer(&layout, 0).await.expect("another");
    assert_eq!(receive(&mut next, 2, WAIT).await, ["left"]);
    assert_eq!(receive(&mut next, 2, Duration::from_millis(100)).await, [""; 0]);
    target.remove(&layout).await.expect("removed");
}

async fn each_queue_of_a_topic_gets_all_or_only_its_lot(target: &dyn Target, queue: &str) {
    for (filtered, expected) in [(false, [["first", "second"].as_slice(); 2]), (true, [&["first"], &["second"]])] {
        let layout = layout(&format!("load-3-{queue}-{filtered}"), Kind::Fanout { queues: 2, filtered });
        target.prepare(&layout).await.expect("prepared");
        let mut producer = target.producer(&layout).await.expect("a producer");
        let mut batch = messages(["first", "second"]);
        batch[1].lot = 1;
        assert_eq!(producer.send(&batch).await, Ok(vec![]));
        for (destination, expected) in (0..).zip(expected) {
            let mut consumer = target.consumer(&layout, destination).await.expect("a consumer");
            let mut came = Vec::new();
            while came.len() < expected.len() {
                came.extend(receive(&mut consumer, 10, WAIT).await);
            }
            assert_eq!(came, expected, "filtered {filtered}, {destination}");
            assert_eq!(receive(&mut consumer, 10, Duration::from_millis(50)).await, [""; 0]);
        }
        target.remove(&layout).await.expect("removed");
    }
}

async fn what_no_queue_takes_is_refused(target: &dyn Target, queue: &str) {
    let layout = layout(&format!("load-4-{queue}"), Kind::Fanout { queues: 1, filtered: true });
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    let mut batch = messages(["first", "lost", "third"]);
    batch[1].lot = 7;
    let refusals = producer.send(&batch).await.expect("an answer for each");
    assert_eq!(refusals, [(1, "312 NO_ROUTE".to_owned())]);
    target.remove(&layout).await.expect("removed");
}

async fn what_is_prefetched_waits_for_the_next_receive(target: &dyn Target, queue: &str) {
    let layout = Layout { batch: 1, ..layout(&format!("load-8-{queue}"), Kind::Queue) };
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    producer.send(&messages(["1", "2", "3", "4", "5", "6"])).await.expect("sent");
    let mut one = target.consumer(&layout, 0).await.expect("a consumer");
    let mut taken = Vec::new();
    one.receive(1, WAIT, &mut taken).await.expect("received");
    // With a prefetch of 4, four messages are with the first consumer, however many it has asked for.
    let mut two = target.consumer(&layout, 0).await.expect("another");
    let mut others = Vec::new();
    while others.len() < 2 {
        others.extend(receive(&mut two, 2, WAIT).await);
    }
    assert_eq!(others, ["5", "6"]);
    assert_eq!(receive(&mut two, 2, Duration::from_millis(100)).await, [""; 0]);
    while taken.len() < 4 {
        let before = taken.len();
        one.receive(1, WAIT, &mut taken).await.expect("received");
        assert_eq!(taken.len(), before + 1, "one was asked for and is there");
    }
    assert_eq!(bodies(&taken), ["1", "2", "3", "4"]);
    one.settle(&taken).await.expect("settled");
    target.remove(&layout).await.expect("removed");
}

async fn wrong_credentials_are_denied(broker: &Broker) {
    let layout = layout("load-5", Kind::Queue);
    for (credentials, rest, allowed) in [
        ("guest:wrong@", "", false),
        ("nobody:guest@", "", false),
        ("guest:guest@", "/%2f", true),
        ("guest:guest@", "/other", false),
    ] {
        let target = target(&broker.url(credentials, rest));
        match target.prepare(&layout).await {
            Ok(()) => assert!(allowed, "{credentials} {rest}"),
            Err(Failure::Denied(_)) => assert!(!allowed, "{credentials} {rest}"),
            Err(other) => panic!("{credentials} {rest}: {other}"),
        }
    }
}

async fn a_consumer_without_a_queue_is_refused(target: &dyn Target) {
    let consumer = target.consumer(&layout("load-6", Kind::Queue), 0).await.map(drop);
    assert!(matches!(consumer, Err(Failure::Refused(_))), "{consumer:?}");
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    testing::a_closed_port_is_unreachable("amqp").await;
}

#[test]
fn what_it_cannot_do_it_says() {
    let wrong = ["queue=lazy", "prefetch=0", "prefetch=65536", "prefetch=all"];
    let urls = wrong.map(|parameter| format!("amqp://localhost?{parameter}"));
    let urls = urls.each_ref().map(String::as_str);
    testing::what_it_cannot_do_it_says("amqp://localhost?prefetch=65535", &[Kind::Fifo, Kind::Delay(WAIT)], &urls);
}

fn bodies(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| std::str::from_utf8(&delivery.body).expect("text")).collect()
}
