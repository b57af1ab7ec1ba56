//! The same with clients of the native protocol, which outlive the broker: producers send again what was not confirmed,
//! consumers go on with the next connection. Their client is the library that applications use.
//!
//! A message that was stored twice under its number has one id. It is found when it comes again after its delete was
//! acknowledged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use posthouse_client::{Client, Delivery, ErrorKind, Message, Window};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::time::timeout;

use super::ledger::{Ledger, Name};
use super::{LOAD_MIN, SLOW_MACHINE, VISIBILITY_SECONDS, audit};
use crate::support::{Launch, PATIENCE, seed, sleep_ms};

const ROUNDS: u64 = 5;
/// Producers and consumers of each queue.
const PRODUCERS: u64 = 2;
const CONSUMERS: u64 = 2;
/// Message groups of each producer of the FIFO queue. What consumers hold when the broker is killed locks its groups for a
/// while, and others are to go on.
const GROUPS: usize = 40;
/// The most messages that a producer enqueues before it waits for them: several frames.
const BATCH_MAX: u64 = 60;
/// How long what a consumer held when the broker was killed stays in flight.
const VISIBILITY: Duration = Duration::from_secs(3);
/// A delete counts only if it was acknowledged well within the visibility timeout.
const DELIVERY_IS_FRESH: Duration = Duration::from_millis(1_500);

pub(super) fn native_clients_lose_and_double_nothing() {
    let seed = seed("crash with native clients");
    let mut random = StdRng::seed_from_u64(seed);
    let mut broker = Launch::new()
        .configured("log = \"warn\"\n[storage]\nsegment_bytes = 8388608\ncheckpoint_bytes = 1048576")
        .start();
    let client = broker.json_client();
    let standard = client.queue_with(&[("VisibilityTimeout", VISIBILITY_SECONDS)]);
    let fifo = client.fifo(&[("VisibilityTimeout", VISIBILITY_SECONDS)]);
    let load = [
        Load { queue: standard.name.clone(), ledger: Arc::new(Ledger::new("standard")), seed },
        Load { queue: fifo.name.clone(), ledger: Arc::new(Ledger::new("fifo")), seed: !seed },
    ];
    let is_load = || load.iter().all(|load| load.ledger.deleted() > LOAD_MIN);
    let (stop, stopping) = watch::channel(false);
    let workers = work(broker.native, load.clone(), stopping);
    let mut round = 0;
    while round < ROUNDS || (round < ROUNDS * SLOW_MACHINE && !is_load()) {
        sleep_ms(random.random_range(200..800));
        assert!(!workers.is_finished(), "the workers go on until they are stopped");
        broker.kill();
        broker.restart();
        round += 1;
    }
    stop.send(true).expect("the workers go on until they are stopped");
    workers.join().expect("every message that was enqueued is confirmed");
    for (queue, load) in [&standard, &fifo].into_iter().zip(&load) {
        load.ledger.check_count(queue.counts().iter().sum(), round);
    }
    println!("crash with native clients: {round} rounds; {}; {}", load[0].ledger, load[1].ledger);
    assert!(is_load(), "the load was a load");
    broker.stop();
    broker.restart();
    audit(&broker, &standard, &load[0].ledger);
    audit(&broker, &fifo, &load[1].ledger);
    broker.stop();
}

/// A queue and what is known of its messages.
#[derive(Clone)]
struct Load {
    queue: String,
    ledger: Arc<Ledger>,
    seed: u64,
}

impl Load {
    fn is_fifo(&self) -> bool {
        self.queue.ends_with(".fifo")
    }

    fn random(&self, worker: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ (worker << 8))
    }
}

/// Sends and receives on a thread of its own, with one client, until it is stopped.
fn work(broker: SocketAddr, loads: [Load; 2], stopping: watch::Receiver<bool>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let client = Client::builder(format!("posthouse://{broker}")).connect().await.expect("connected");
            let mut workers = Vec::new();
            for load in loads {
                for number in 0..PRODUCERS {
                    let (client, load, stopping) = (client.clone(), load.clone(), stopping.clone());
                    workers.push(tokio::spawn(async move { send(&client, &load, number, &stopping).await }));
                }
                for number in 0..CONSUMERS {
                    let (client, load, stopping) = (client.clone(), load.clone(), stopping.clone());
                    workers.push(tokio::spawn(async move { consume(&client, &load, number, stopping).await }));
                }
            }
            try_join_all(workers).await.expect("no worker panics");
            timeout(PATIENCE, client.close()).await.expect("nothing is unsettled");
        });
    })
}

/// Enqueues batches, and waits for each.
async fn send(client: &Client, load: &Load, number: u64, stopping: &watch::Receiver<bool>) {
    let mut random = load.random(number);
    let window = Window::messages(40);
    let producer = client.producer(&load.queue).window(window).open().await.expect("it exists");
    let mut next = [0; GROUPS];
    while !*stopping.borrow() {
        let mut sending = Vec::new();
        for _ in 0..random.random_range(1..=BATCH_MAX) {
            let group = random.random_range(0..GROUPS);
            let name = Name { lane: number * 1_000 + group as u64, number: next[group] };
            next[group] += 1;
            let mut message = Message::new(name.body());
            if load.is_fifo() {
                message = message.group(format!("g{}", name.lane)).deduplication_id(name.deduplication_id());
            }
            load.ledger.try_send(name);
            sending.push((name, producer.enqueue(message).await.expect("it waits for the broker")));
        }
        for (name, confirmation) in sending {
            let sent = timeout(PATIENCE, confirmation).await.expect("the broker is up again");
            let sent = sent.unwrap_or_else(|error| panic!("{name:?}: {error}"));
            assert!(!sent.is_duplicate(), "{name:?} counts as a duplicate of itself");
            load.ledger.acknowledge_send(name, &sent.message_id().to_string(), true);
        }
        // So that the consumers keep up, and the last look at the queues is short.
        tokio::time::sleep(Duration::from_millis(random.random_range(20..80))).await;
    }
}

/// Receives, checks, and deletes or returns what it received.
async fn consume(client: &Client, load: &Load, number: u64, mut stopping: watch::Receiver<bool>) {
    let mut random = load.random(100 + number);
    let mut consumer =
        client.consumer(&load.queue).prefetch(20).visibility(VISIBILITY).open().await.expect("it exists");
    let mut held: Vec<(Name, Instant, Delivery)> = Vec::new();
    let mut start = load.ledger.now();
    loop {
        let next = tokio::select! {
            next = consumer.try_next() => next.expect("no failure"),
            _ = stopping.wait_for(|is_over| *is_over) => break,
        };
        let Some(delivery) = next else { break };
        let name = Name::of(&delivery.text());
        load.ledger.received(name, &delivery.message_id().to_string(), start);
        start = load.ledger.now();
        // A FIFO queue delivers messages of a group ahead. They are all deleted: to return one of them and delete those
        // behind it would break the order.
        if load.is_fifo() {
            let with: Vec<Name> = held.iter().map(|(name, ..)| *name).collect();
            load.ledger.received_in_order(name, &with);
        } else if random.random_bool(0.2) {
            match random.random_range(0..3) {
                0 => delivery.nack(Duration::ZERO),
                1 => drop(delivery),
                _ => drop(delivery.extend(Duration::from_secs(1)).await),
            }
            continue;
        }
        held.push((name, Instant::now(), delivery));
        if held.len() >= random.random_range(1..12) {
            delete(load, std::mem::take(&mut held)).await;
        }
    }
    delete(load, held).await;
    timeout(PATIENCE, consumer.close()).await.expect("the broker is up");
}

async fn delete(load: &Load, held: Vec<(Name, Instant, Delivery)>) {
    let deletes = held.into_iter().map(|(name, since, delivery)| {
        load.ledger.try_delete(name);
        async move {
            match delivery.ack_durable().await {
                Ok(()) if since.elapsed() < DELIVERY_IS_FRESH => load.ledger.acknowledge_delete(name),
                Ok(()) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::DeliveryEnded, "{name:?}: {error}"),
            }
        }
    });
    join_all(deletes).await;
}
