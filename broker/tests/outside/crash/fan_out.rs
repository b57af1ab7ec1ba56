//! SIGKILL in the middle of publishes to a topic with a thousand queues: every publish is in all of them or in none,
//! and every acknowledged one in all.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::support::http::Connection;
use crate::support::protocol::Service;
use crate::support::{Broker, Launch, Queue, Topic, json_protocol, seed, sleep_ms};

const QUEUES: usize = 1_000;
const ROUNDS: u64 = 4;
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
    let mut broker = Launch::new()
        .configured("log = \"warn\"\n[storage]\nsegment_bytes = 8388608\ncheckpoint_bytes = 1048576")
        .start();
    let (topic, queues) = furnish(&broker);
    let account = Account::default();
    for round in 0..ROUNDS {
        let load_ms = random.random_range(200..600);
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
        let counts = of_each(&queues, |queue| queue.counts()[0]);
        let tried = account.next.load(Ordering::SeqCst);
        let acknowledged = account.acknowledged.lock().expect("no publisher panicked").len() as u64;
        assert!(
            counts.iter().all(|count| *count == counts[0]),
            "after round {round} some queues have more: {counts:?}"
        );
        assert!((acknowledged..=tried).contains(&counts[0]), "{acknowledged} <= {} <= {tried}", counts[0]);
    }
    let acknowledged = account.acknowledged.into_inner().expect("no publisher panicked");
    println!("crash in a wide fan-out: {} publishes acknowledged", acknowledged.len());
    assert!(acknowledged.len() > 10, "the load was a load");
    let contents = of_each(&queues, contents);
    let lost: Vec<&String> = acknowledged.difference(&contents[0]).collect();
    assert!(lost.is_empty(), "acknowledged, but not there: {lost:?}");
    for (queue, content) in queues.iter().zip(&contents) {
        assert!(*content == contents[0], "{} differs from {}", queue.name, queues[0].name);
    }
}

/// A topic with its queues.
fn furnish(broker: &Broker) -> (Topic, Vec<Queue>) {
    let client = broker.json_client();
    let topic = client.topic();
    let numbers: Vec<usize> = (0..QUEUES).collect();
    let queues = of_each(&numbers, |number| {
        let queue = Queue::create(&client, &format!("wide-{number}"), &[("VisibilityTimeout", "43200")]);
        topic.subscribe_raw(&queue);
        queue
    });
    (topic, queues)
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
