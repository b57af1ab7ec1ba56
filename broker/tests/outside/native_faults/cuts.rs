//! A proxy cuts the connection behind each byte of an exchange, in each direction.
//!
//! With `POSTHOUSE_TEST_CUTS=long` the exchanges are longer, and each is cut twice.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use posthouse_client::{Delivery, ErrorKind};
use serde_json::json;

use super::{at, block_on};
use crate::shared::OPEN;
use crate::support::proxy::{Cut, Direction, Proxy};
use crate::support::{Client, PATIENCE, Queue};

/// Exchanges that run at once.
const THREADS: usize = 16;

/// How much is exchanged and cut.
#[derive(Clone, Copy)]
struct Extent {
    messages: usize,
    /// Every so many bytes there is a cut.
    step: usize,
    /// Whether the connection that follows is cut at the same byte.
    twice: bool,
}

fn extent() -> Extent {
    let long = std::env::var("POSTHOUSE_TEST_CUTS").is_ok_and(|value| value == "long");
    if long { Extent { messages: 40, step: 3, twice: true } } else { Extent { messages: 3, step: 1, twice: false } }
}

/// Runs `exchange` without a cut, and then with a cut behind each byte that passed.
fn behind_each_byte(extent: Extent, exchange: impl Fn(Option<Cut>) -> [u64; 2] + Sync) {
    let passed = exchange(None);
    println!("{passed:?} bytes pass");
    let cuts: Vec<Cut> = Direction::ALL
        .into_iter()
        .zip(passed)
        .flat_map(|(direction, bytes)| (0..bytes).step_by(extent.step).map(move |after| Cut { direction, after }))
        .collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    exchange(Some(*cut));
                }
            });
        }
    });
}

/// Arms the proxy with a cut; without one, it counts.
fn arm(proxy: &Proxy, cut: Option<Cut>) {
    proxy.cut(cut.unwrap_or(Cut { direction: Direction::ToBroker, after: u64::MAX }));
}

fn passed(proxy: &Proxy) -> [u64; 2] {
    Direction::ALL.map(|direction| proxy.passed(direction))
}

/// The caller of the operations that no case cuts.
fn undisturbed() -> (Client, SocketAddr) {
    let broker = OPEN.get();
    (broker.json_client(), broker.native)
}

/// All messages of a queue: body and id, in the order in which they came.
fn contents(queue: &Queue) -> Vec<(String, String)> {
    let mut all = Vec::new();
    loop {
        let received = queue.receive();
        if received.is_empty() {
            return all;
        }
        all.extend(received.iter().map(|message| (message.body.clone(), message.id().to_owned())));
    }
}

pub(super) fn a_send_is_stored_once_wherever_its_connection_breaks() {
    let extent = extent();
    let (client, broker) = undisturbed();
    let (standard, fifo) = (client.queue(), client.fifo(&[]));
    let sent = Mutex::new(Vec::new());
    behind_each_byte(extent, |cut| {
        let proxy = Proxy::new(broker);
        let stored = block_on(async {
            let client = at(proxy.address).connect().await.expect("connected");
            let to_standard = client.producer(&standard.name).open().await.expect("open");
            let to_fifo = client.producer(&fifo.name).open().await.expect("open");
            arm(&proxy, cut);
            let mut confirmations = Vec::new();
            for number in 0..extent.messages {
                let body = format!("{cut:?} {number}");
                confirmations.push(to_standard.enqueue(&body).await.expect("there is room"));
                let message = posthouse_client::Message::new(&body).group(format!("{cut:?}").replace(' ', "-"));
                let message = message.deduplication_id(body.replace(' ', "-"));
                confirmations.push(to_fifo.enqueue(message).await.expect("there is room"));
            }
            let confirmed = tokio::time::timeout(PATIENCE, join_all(confirmations));
            let confirmed = confirmed.await.unwrap_or_else(|_| panic!("no confirmation after {cut:?}"));
            let ids: Vec<String> = confirmed
                .into_iter()
                .map(|sent| sent.unwrap_or_else(|error| panic!("{cut:?}: {error}")).message_id().to_string())
                .collect();
            client.close().await;
            ids
        });
        let messages = stored.chunks(2).enumerate();
        let messages = messages.map(|(number, ids)| (format!("{cut:?} {number}"), ids[0].clone(), ids[1].clone()));
        sent.lock().expect("no exchange panicked").extend(messages);
        passed(&proxy)
    });
    let sent = sent.into_inner().expect("no exchange panicked");
    assert!(sent.len() > 100, "there were {} messages", sent.len());
    let mut expected: Vec<(String, String)> = sent.iter().map(|(body, id, _)| (body.clone(), id.clone())).collect();
    let mut there = contents(&standard);
    expected.sort();
    there.sort();
    assert_eq!(there, expected, "each message once, under its id");
    let expected: BTreeMap<&str, &str> = sent.iter().map(|(body, _, id)| (body.as_str(), id.as_str())).collect();
    let mut there = BTreeMap::new();
    let mut last = BTreeMap::new();
    for (body, id) in drained(&fifo) {
        let (cut, number) = body.rsplit_once(' ').expect("a body of this case");
        let number: usize = number.parse().expect("a number");
        let before = last.insert(cut.to_owned(), number);
        assert!(before.is_none_or(|before| before < number), "{body} came after {before:?}");
        assert_eq!(there.insert(body.clone(), id), None, "{body} is there twice");
    }
    assert!(there.iter().map(|(body, id)| (body.as_str(), id.as_str())).eq(expected), "each message once: {there:?}");
}

/// Receives and deletes all messages of a queue.
fn drained(queue: &Queue) -> Vec<(String, String)> {
    let mut all = Vec::new();
    loop {
        let received = queue.receive();
        if received.is_empty() {
            return all;
        }
        queue.delete_all(&received);
        all.extend(received.iter().map(|message| (message.body.clone(), message.id().to_owned())));
    }
}

pub(super) fn a_settlement_holds_wherever_its_connection_breaks() {
    let extent = Extent { messages: extent().messages.min(10), ..extent() };
    let (client, broker) = undisturbed();
    behind_each_byte(extent, |cut| {
        let queue = client.queue();
        let entries: Vec<_> = (0..extent.messages)
            .map(|number| json!({ "Id": number.to_string(), "MessageBody": number.to_string() }))
            .collect();
        queue.ok("SendMessageBatch", json!({ "Entries": entries }));
        let proxy = Proxy::new(broker);
        block_on(settle(&proxy, &queue, extent, cut));
        passed(&proxy)
    });
}

/// Receives and deletes the messages of a queue through a proxy that cuts the settlements.
async fn settle(proxy: &Proxy, queue: &Queue, extent: Extent, cut: Option<Cut>) {
    let client = at(proxy.address).connect().await.expect("connected");
    let mut consumer = client.consumer(&queue.name).open().await.expect("open");
    let mut deliveries: Vec<Delivery> = Vec::new();
    while deliveries.len() < extent.messages {
        let next = tokio::time::timeout(PATIENCE, consumer.try_next()).await.expect("the messages come");
        deliveries.push(next.expect("no failure").expect("the consumer goes on"));
    }
    let mut deleted = BTreeSet::new();
    let mut cuts = usize::from(extent.twice) + 1;
    let deadline = Instant::now() + PATIENCE;
    // A message whose deletion is not confirmed may be deleted, or comes again.
    while !deliveries.is_empty() || queue.counts() != [0, 0, 0] {
        assert!(Instant::now() < deadline, "{deleted:?} are deleted after {cut:?}, and no more come");
        if cuts > 0 {
            arm(proxy, cut);
            cuts -= 1;
        }
        let bodies: Vec<String> = deliveries.iter().map(|delivery| delivery.text().into_owned()).collect();
        let results = join_all(deliveries.drain(..).map(Delivery::ack_durable)).await;
        for (body, result) in bodies.into_iter().zip(results) {
            match result {
                Ok(()) => assert!(deleted.insert(body.clone()), "{body} came again after it was deleted: {cut:?}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::DeliveryEnded, "{cut:?}: {error}"),
            }
        }
        if let Ok(next) = tokio::time::timeout(Duration::from_millis(20), consumer.try_next()).await {
            deliveries.push(next.expect("no failure").expect("the consumer goes on"));
        }
    }
    client.close().await;
}
