//! The load: senders and consumers, each with a connection of its own, until the broker has ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::ledger::{Ledger, Name};
use crate::support::http::Connection;
use crate::support::queue::{Message, messages};
use crate::support::{Broker, Queue, json_protocol};

/// A delete counts only if it was sent well within the visibility timeout. After it another consumer may have received
/// the message.
const HANDLE_IS_FRESH: Duration = Duration::from_secs(3);

/// Calls an action; `None` once the broker has ended.
pub(crate) fn call(connection: &mut Connection, action: &str, input: &Value) -> Option<Value> {
    let response = connection.exchange(&json_protocol::request(action, input.to_string())).ok()?;
    match json_protocol::answer(&response) {
        Ok(output) => Some(output),
        Err(refusal) => panic!("{action}: {refusal:?}"),
    }
}

/// Sends to a standard queue, one by one or in batches.
pub(crate) struct StandardSender {
    lane: u64,
    next: u64,
}

impl StandardSender {
    pub(crate) fn new(lane: u64) -> Self {
        Self { lane, next: 0 }
    }

    pub(crate) fn number(&self) -> u64 {
        self.lane
    }

    pub(crate) fn run(
        &mut self,
        broker: &Broker,
        queue: &Queue,
        ledger: &Ledger,
        stop: &AtomicBool,
        mut random: StdRng,
    ) {
        let Ok(mut connection) = Connection::open(broker.sqs) else { return };
        while !stop.load(Ordering::Relaxed) {
            let count = if random.random_bool(0.5) { 1 } else { random.random_range(2..=10) };
            let names: Vec<Name> =
                (0..count).map(|offset| Name { lane: self.lane, number: self.next + offset }).collect();
            self.next += count;
            for name in &names {
                ledger.try_send(*name);
            }
            if send(&mut connection, queue, ledger, &names).is_none() {
                return;
            }
        }
    }
}

fn send(connection: &mut Connection, queue: &Queue, ledger: &Ledger, names: &[Name]) -> Option<()> {
    if let [name] = names {
        let output = call(connection, "SendMessage", &json!({ "QueueUrl": queue.url, "MessageBody": name.body() }))?;
        ledger.acknowledge_send(*name, output["MessageId"].as_str().expect("an id"), false);
        return Some(());
    }
    let entry = |(index, name): (usize, &Name)| json!({ "Id": index.to_string(), "MessageBody": name.body() });
    let entries: Vec<Value> = names.iter().enumerate().map(entry).collect();
    let output = call(connection, "SendMessageBatch", &json!({ "QueueUrl": queue.url, "Entries": entries }))?;
    let successful = output["Successful"].as_array().expect("a list");
    assert_eq!(successful.len(), names.len(), "{output}");
    for (name, result) in names.iter().zip(successful) {
        ledger.acknowledge_send(*name, result["MessageId"].as_str().expect("an id"), false);
    }
    Some(())
}

/// Sends to groups of a FIFO queue. A message whose send was not acknowledged is sent again under the same
/// deduplication id, and so is, at random, one that was acknowledged earlier.
pub(crate) struct FifoSender {
    number: u64,
    next: [u64; Self::GROUPS],
    /// Messages that were sent and not acknowledged when the broker ended.
    unknown: Option<Name>,
}

impl FifoSender {
    const GROUPS: usize = 4;

    pub(crate) fn new(number: u64) -> Self {
        Self { number, next: [0; Self::GROUPS], unknown: None }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn run(
        &mut self,
        broker: &Broker,
        queue: &Queue,
        ledger: &Ledger,
        stop: &AtomicBool,
        mut random: StdRng,
    ) {
        let Ok(mut connection) = Connection::open(broker.sqs) else { return };
        while !stop.load(Ordering::Relaxed) {
            let name = match self.unknown {
                Some(name) => name,
                None => self.choose(&mut random),
            };
            if self.send(&mut connection, queue, ledger, name).is_none() {
                return;
            }
        }
    }

    fn choose(&mut self, random: &mut StdRng) -> Name {
        let group = random.random_range(0..Self::GROUPS);
        let lane = self.number * 100 + group as u64;
        let next = self.next[group];
        if next > 0 && random.random_bool(0.1) {
            return Name { lane, number: random.random_range(0..next) };
        }
        self.next[group] += 1;
        Name { lane, number: next }
    }

    fn send(&mut self, connection: &mut Connection, queue: &Queue, ledger: &Ledger, name: Name) -> Option<()> {
        self.unknown = Some(name);
        ledger.try_send(name);
        let input = json!({
            "QueueUrl": queue.url, "MessageBody": name.body(), "MessageGroupId": format!("g{}", name.lane),
            "MessageDeduplicationId": name.deduplication_id(),
        });
        let output = call(connection, "SendMessage", &input)?;
        ledger.acknowledge_send(name, output["MessageId"].as_str().expect("an id"), true);
        self.unknown = None;
        Some(())
    }

    /// Sends again all messages whose send was not acknowledged.
    pub(crate) fn settle(&mut self, broker: &Broker, queue: &Queue, ledger: &Ledger) {
        if let Some(name) = self.unknown {
            self.send(&mut broker.connect(), queue, ledger, name).expect("the broker is there");
        }
    }
}

/// Receives, checks, and deletes or returns what it received, until the broker has ended.
pub(crate) fn consume(broker: &Broker, queue: &Queue, ledger: &Ledger, stop: &AtomicBool, mut random: StdRng) {
    let Ok(mut connection) = Connection::open(broker.sqs) else { return };
    while !stop.load(Ordering::Relaxed) {
        let most = random.random_range(1..=10);
        let Some(received) = receive(&mut connection, queue, ledger, most, 0) else { return };
        let since = Instant::now();
        let deleted = received.len() - if random.random_bool(0.2) { received.len() / 3 } else { 0 };
        let (delete_these, return_these) = received.split_at(deleted);
        let fresh = || since.elapsed() < HANDLE_IS_FRESH;
        let done = delete(&mut connection, queue, ledger, delete_these, random.random_bool(0.5), fresh)
            .and_then(|()| give_back(&mut connection, queue, return_these));
        if done.is_none() {
            return;
        }
    }
}

/// Receives and deletes until the queue is empty.
pub(crate) fn drain(broker: &Broker, queue: &Queue, ledger: &Ledger) {
    let mut connection = broker.connect();
    loop {
        let received = receive(&mut connection, queue, ledger, 10, 1).expect("the broker is there");
        if received.is_empty() {
            return;
        }
        delete(&mut connection, queue, ledger, &received, true, || true).expect("the broker is there");
    }
}

fn receive(
    connection: &mut Connection,
    queue: &Queue,
    ledger: &Ledger,
    most: u32,
    wait_seconds: u32,
) -> Option<Vec<(Name, Message)>> {
    let start = ledger.now();
    let input = json!({ "QueueUrl": queue.url, "MaxNumberOfMessages": most, "WaitTimeSeconds": wait_seconds });
    let output = call(connection, "ReceiveMessage", &input)?;
    let received: Vec<(Name, Message)> =
        messages(&output).into_iter().map(|message| (Name::of(&message.body), message)).collect();
    let fifo = queue.name.ends_with(".fifo");
    let mut names = Vec::new();
    for (name, message) in &received {
        ledger.received(*name, message.id(), start);
        if fifo {
            ledger.received_in_order(*name, &names);
        }
        names.push(*name);
    }
    Some(received)
}

fn delete(
    connection: &mut Connection,
    queue: &Queue,
    ledger: &Ledger,
    received: &[(Name, Message)],
    in_batch: bool,
    fresh: impl Fn() -> bool,
) -> Option<()> {
    for chunk in received.chunks(if in_batch { 10 } else { 1 }) {
        for (name, _) in chunk {
            ledger.try_delete(*name);
        }
        let entries: Vec<Value> = chunk.iter().enumerate().map(|(index, (_, message))| entry(index, message)).collect();
        let output = match entries.as_slice() {
            [one] if !in_batch => {
                let input = json!({ "QueueUrl": queue.url, "ReceiptHandle": one["ReceiptHandle"] });
                call(connection, "DeleteMessage", &input)?;
                json!({ "Successful": [{ "Id": "0" }] })
            }
            _ => call(connection, "DeleteMessageBatch", &json!({ "QueueUrl": queue.url, "Entries": entries }))?,
        };
        // Absent where every entry failed.
        for result in output["Successful"].as_array().into_iter().flatten() {
            let index: usize = result["Id"].as_str().and_then(|id| id.parse().ok()).expect("an id that was sent");
            if fresh() {
                ledger.acknowledge_delete(chunk[index].0);
            }
        }
    }
    Some(())
}

/// Makes messages visible again.
fn give_back(connection: &mut Connection, queue: &Queue, received: &[(Name, Message)]) -> Option<()> {
    if received.is_empty() {
        return Some(());
    }
    let mut entries: Vec<Value> =
        received.iter().enumerate().map(|(index, (_, message))| entry(index, message)).collect();
    for entry in &mut entries {
        entry["VisibilityTimeout"] = json!(0);
    }
    call(connection, "ChangeMessageVisibilityBatch", &json!({ "QueueUrl": queue.url, "Entries": entries })).map(drop)
}

fn entry(index: usize, message: &Message) -> Value {
    json!({ "Id": index.to_string(), "ReceiptHandle": message.handle })
}
