//! SIGKILL of the broker while a producer sends batches: it sends again what was not confirmed, and every message is stored
//! once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use posthouse_client::{Message, Window};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::{at, block_on};
use crate::support::{Broker, Launch, PATIENCE, Queue, seed, sleep_ms};

const ROUNDS: usize = 4;
/// How many times the rounds a slow machine gets until it has sent so many messages that kills hit something.
const SLOW_MACHINE: usize = 5;
const LOAD_MIN: usize = 500;
/// Messages that are under way at once.
const WINDOW: usize = 900;
/// Message groups of the FIFO queue.
const GROUPS: usize = 7;

pub(super) fn a_killed_broker_has_every_message_once() {
    let (broker, queue, bodies) = kill_in_mid_batch(false);
    let mut there = drained(&queue);
    there.sort();
    assert_eq!(there.len(), bodies.len(), "{} sent", bodies.len());
    assert!(there == bodies, "each message once");
    drop(broker);
}

pub(super) fn a_killed_broker_has_every_message_of_a_fifo_queue_once() {
    let (broker, queue, bodies) = kill_in_mid_batch(true);
    let there = drained(&queue);
    assert_eq!(there.len(), bodies.len(), "{} sent", bodies.len());
    for group in 0..GROUPS {
        let of_group = |body: &&String| group_of(body) == group;
        let (came, sent) = (there.iter().filter(of_group), bodies.iter().filter(of_group));
        assert!(came.eq(sent), "group {group} in the order in which it was sent, each message once");
    }
    drop(broker);
}

/// The group of a message, by its number.
fn group_of(body: &str) -> usize {
    body[..8].parse::<usize>().expect("a number") % GROUPS
}

/// Sends while the broker is killed and started again and again. Returns the bodies, in the order in which they were sent.
fn kill_in_mid_batch(is_fifo: bool) -> (Broker, Queue, Vec<String>) {
    let seed = seed(&format!("kill in mid-batch, fifo = {is_fifo}"));
    let mut random = StdRng::seed_from_u64(seed);
    // Small segments and frequent checkpoints, so that what is known of the producer is replayed and restored.
    let mut broker = Launch::new()
        .configured("log = \"warn\"\n[storage]\nsegment_bytes = 8388608\ncheckpoint_bytes = 1048576")
        .start();
    let client = broker.json_client();
    let queue = if is_fifo { client.fifo(&[]) } else { client.queue() };
    let native = broker.native;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (name, enqueued) = (queue.name.clone(), Arc::new(AtomicUsize::new(0)));
    let sender = std::thread::spawn({
        let enqueued = Arc::clone(&enqueued);
        move || block_on(send_until(native, &name, is_fifo, &enqueued, stopped))
    });
    let is_load = || enqueued.load(Ordering::Relaxed) > LOAD_MIN;
    let mut round = 0;
    while round < ROUNDS || (round < ROUNDS * SLOW_MACHINE && !is_load()) {
        sleep_ms(random.random_range(100..500));
        broker.kill();
        broker.restart();
        round += 1;
    }
    sleep_ms(100);
    assert!(stop.send(()).is_ok(), "the sender goes on until it is stopped");
    let bodies = sender.join().expect("every send is confirmed");
    println!("kill in mid-batch, fifo = {is_fifo}: {round} rounds, {} messages", bodies.len());
    assert!(is_load(), "the load was a load: {}", bodies.len());
    (broker, queue, bodies)
}

/// Sends until it is stopped. Returns the bodies in their order, all of them confirmed.
async fn send_until(
    broker: std::net::SocketAddr,
    queue: &str,
    is_fifo: bool,
    enqueued: &AtomicUsize,
    mut stopped: tokio::sync::oneshot::Receiver<()>,
) -> Vec<String> {
    let client = at(broker).connect().await.expect("connected");
    let producer = client.producer(queue).window(Window::messages(WINDOW)).open().await.expect("open");
    let (mut bodies, mut confirmations) = (Vec::new(), Vec::new());
    while stopped.try_recv().is_err() {
        let body = format!("{:08}-{}", bodies.len(), "x".repeat(bodies.len() % 700));
        let mut message = Message::new(&body);
        if is_fifo {
            message = message.group(format!("g{}", group_of(&body))).deduplication_id(&body[..8]);
        }
        confirmations.push(producer.enqueue(message).await.expect("it waits for the broker"));
        bodies.push(body);
        enqueued.store(bodies.len(), Ordering::Relaxed);
    }
    let confirmed = tokio::time::timeout(PATIENCE, join_all(confirmations)).await.expect("the broker is up again");
    for (body, sent) in bodies.iter().zip(confirmed) {
        let sent = sent.unwrap_or_else(|error| panic!("{}: {error}", &body[..8]));
        assert!(!sent.is_duplicate(), "{} counts as a duplicate of itself", &body[..8]);
    }
    client.close().await;
    bodies
}

/// Receives and deletes all messages of a queue.
fn drained(queue: &Queue) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let received = queue.receive_with(&json!({ "AttributeNames": [], "MessageAttributeNames": [] }));
        if received.is_empty() {
            assert_eq!(queue.counts(), [0, 0, 0]);
            return all;
        }
        let entry = |(index, message): (usize, &crate::support::queue::Message)| json!({ "Id": index.to_string(), "ReceiptHandle": message.handle });
        let entries: Vec<_> = received.iter().enumerate().map(entry).collect();
        queue.ok("DeleteMessageBatch", json!({ "Entries": entries }));
        all.extend(received.into_iter().map(|message| message.body));
    }
}
