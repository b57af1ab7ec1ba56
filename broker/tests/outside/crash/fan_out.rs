//! SIGKILL in the middle of publishes to a topic with very many queues: every publish is in all of them or in none, and
//! every acknowledged one in all.
//!
//! With more than 50,000 queues a publish is written as several events, which the log may hold in different commits and
//! files. `POSTHOUSE_TEST_WIDE_QUEUES=55000 cargo test --test outside -- a_wide_fan_out` kills the broker between them; it
//! takes some minutes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tempfile::TempDir;

use crate::support::http::Connection;
use crate::support::protocol::Service;
use crate::support::{Broker, Launch, Queue, Topic, json_protocol, seed, sleep_ms};

/// The queues, unless the variable says otherwise.
const QUEUES: usize = 1_000;
/// Queues whose messages are read at the end; of all others they are counted.
const READ: usize = 1_000;
const ROUNDS: u64 = 4;
/// A slow machine gets more rounds until there was a load, up to so many.
const ROUNDS_MAX: u64 = 20;
/// The number of publishers, and of threads that read the result.
const THREADS: usize = 4;

/// The publications that were tried, and which of them were acknowledged.
#[derive(Default)]
struct Account {
    next: AtomicU64,
    acknowledged: Mutex<BTreeSet<String>>,
}

pub(super) fn a_wide_fan_out_is_all_or_nothing() {
    let seed = seed("crash in a wide fan-out");
    let mut random = StdRng::seed_from_u64(seed);
    let given = std::env::var("POSTHOUSE_TEST_WIDE_QUEUES").ok();
    let queues = given.map_or(QUEUES, |text| text.parse().expect("POSTHOUSE_TEST_WIDE_QUEUES is a number"));
    let home = TempDir::with_prefix("posthouse-wide-").expect("a temporary directory");
    let (topic, queues) = furnish(home.path(), queues);
    let mut broker = launch(home.path()).start();
    let client = broker.json_client();
    let topic = topic.as_seen_by(&client);
    let account = Account::default();
    // The wider the topic, the longer a publish takes.
    let longer = (queues.len() / QUEUES).clamp(1, 10) as u64;
    let is_load = || account.acknowledged.lock().expect("no publisher panicked").len() as u64 * longer > 10;
    for round in 0..ROUNDS_MAX {
        if round >= ROUNDS && is_load() {
            break;
        }
        let load_ms = longer * random.random_range(200..600);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| publish(&broker, &topic, &account, &stop));
            }
            sleep_ms(load_ms);
            broker.crash();
            stop.store(true, Ordering::Relaxed);
        });
        broker.kill();
        broker.restart();
        let counts = counts(&broker, queues.len());
        let tried = account.next.load(Ordering::SeqCst);
        let acknowledged = account.acknowledged.lock().expect("no publisher panicked").len() as u64;
        assert!(counts.len() == 1, "after round {round} some queues have more: {counts:?}");
        let count = *counts.first().expect("one");
        assert!((acknowledged..=tried).contains(&count), "{acknowledged} <= {count} <= {tried}");
    }
    assert!(is_load(), "the load was a load");
    let acknowledged = account.acknowledged.into_inner().expect("no publisher panicked");
    println!("crash in a wide fan-out: {} publishes acknowledged", acknowledged.len());
    let read: Vec<_> = queues.iter().step_by(queues.len().div_ceil(READ)).collect();
    let contents = of_each(&read, |queue| contents(&queue.as_seen_by(&client)));
    let lost: Vec<&String> = acknowledged.difference(&contents[0]).collect();
    assert!(lost.is_empty(), "acknowledged, but not there: {lost:?}");
    for (queue, content) in read.iter().zip(&contents) {
        assert!(*content == contents[0], "{} differs from {}", queue.name, read[0].name);
    }
}

fn launch(data: &Path) -> Launch {
    Launch::new().data(data).configured(
        "log = \"warn\"\n[storage]\nsegment_bytes = 8388608\ncheckpoint_bytes = 1048576\n\
         [limits]\nmetrics_queues_max = 1000000",
    )
}

/// A topic with so many queues. While they are made no answer waits for the disk.
fn furnish(data: &Path, queues: usize) -> (Topic, Vec<Queue>) {
    let mut broker = launch(data).flag("durability", "async").start();
    let client = broker.json_client();
    let topic = client.topic();
    let numbers: Vec<usize> = (0..queues).collect();
    let queues = of_each(&numbers, |number| {
        let queue = Queue::create(&client, &format!("wide-{number}"), &[("VisibilityTimeout", "43200")]);
        topic.subscribe_raw(&queue);
        queue
    });
    broker.stop();
    (topic, queues)
}

/// The numbers of messages that so many queues have, each once.
fn counts(broker: &Broker, queues: usize) -> BTreeSet<u64> {
    let metrics = broker.metrics();
    let visible = metrics.lines().filter_map(|line| {
        let series =
            line.strip_prefix("posthouse_queue_messages_visible{").filter(|labels| labels.contains("wide-"))?;
        series.rsplit_once(' ')?.1.parse::<u64>().ok()
    });
    let counts: Vec<u64> = visible.collect();
    assert_eq!(counts.len(), queues, "queues that are listed");
    counts.into_iter().collect()
}

/// Publishes until the broker has ended.
fn publish(broker: &Broker, topic: &Topic, account: &Account, stop: &AtomicBool) {
    let Ok(mut connection) = Connection::open(broker.sqs) else { return };
    while !stop.load(Ordering::Relaxed) {
        let number = account.next.fetch_add(1, Ordering::SeqCst);
        let message = format!("{number}:{}", "x".repeat(usize::try_from(number % 700).expect("small")));
        let input = json!({ "TopicArn": topic.arn, "Message": message });
        let request = json_protocol::request_to(Service::Sns, "Publish", input.to_string());
        let Ok(response) = connection.exchange(&request) else { return };
        json_protocol::answer(&response).expect("published");
        account.acknowledged.lock().expect("no publisher panicked").insert(message);
    }
}

/// Maps each item on several threads.
fn of_each<I: Sync, T: Send>(items: &[I], make: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let make = &make;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items
            .chunks(items.len().div_ceil(THREADS))
            .map(|chunk| scope.spawn(move || chunk.iter().map(make).collect::<Vec<T>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// All messages of a queue. Panics if one is there twice.
fn contents(queue: &Queue) -> BTreeSet<String> {
    let mut bodies = BTreeSet::new();
    loop {
        let received = queue.receive_with(&json!({ "AttributeNames": [], "MessageAttributeNames": [] }));
        if received.is_empty() {
            return bodies;
        }
        for message in received {
            let body = message.body;
            assert!(bodies.insert(body.clone()), "{} has it twice: {body}", queue.name);
        }
    }
}
