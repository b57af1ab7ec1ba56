//! SIGKILL while files are emptied: a few messages stay among many large ones that go, and are moved again and again.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::workers::call;
use crate::support::broker::sample;
use crate::support::http::Connection;
use crate::support::{Broker, Launch, Queue, eventually, seed, sleep_ms};

const ROUNDS: u64 = 4;
/// A slow machine gets more rounds until records were moved, up to so many.
const ROUNDS_MAX: u64 = 16;
/// The length of a message that goes.
const GOING_BYTES: usize = 200_000;

pub(super) fn what_stays_survives_while_files_are_emptied() {
    let seed = seed("crash while files are emptied");
    let mut random = StdRng::seed_from_u64(seed);
    let mut broker = Launch::new()
        .configured(
            "log = \"warn\"\n[storage]\nsegment_bytes = 8388608\ncheckpoint_bytes = 1048576\ntail_bytes = 1048576\n\
             index_bytes_max = 4096\ncompaction_bytes_per_second = 1073741824\ncompaction_slack_bytes = 16777216",
        )
        .start();
    let client = broker.json_client();
    let (kept, going) = (client.queue_with(&[]), client.queue_with(&[]));
    let (tried, acknowledged) = (Mutex::new(0), Mutex::new(BTreeSet::new()));
    let (mut moved, mut round) = (0.0, 0);
    while round < ROUNDS || (moved == 0.0 && round < ROUNDS_MAX) {
        let stop = AtomicBool::new(false);
        let load_ms = random.random_range(600..1200);
        std::thread::scope(|scope| {
            let (broker, stop) = (&broker, &stop);
            scope.spawn(|| send(broker, (&kept, &going), (&tried, &acknowledged), stop));
            sleep_ms(load_ms);
            moved += sample(&broker.metrics(), "posthouse_compaction_records_moved_total", &[]).unwrap_or(0.0);
            broker.crash();
            stop.store(true, Ordering::Relaxed);
        });
        broker.kill();
        broker.restart();
        let [visible, ..] = kept.counts();
        let (tried, acknowledged) = (*tried.lock().expect("sent"), acknowledged.lock().expect("sent").len() as u64);
        assert!((acknowledged..=tried).contains(&visible), "{acknowledged} of {tried} acknowledged, {visible} there");
        round += 1;
    }
    println!("crash while files are emptied: {round} rounds, {moved} records moved");
    assert!(moved > 0.0, "records were moved");
    let mut owed = acknowledged.into_inner().expect("sent");
    eventually("everything that stays", || {
        let messages = kept.receive_with(&json!({ "MaxNumberOfMessages": 10 }));
        for message in &messages {
            owed.remove(&message.body);
            kept.delete(message);
        }
        messages.is_empty().then_some(())
    });
    assert!(owed.is_empty(), "lost: {owed:?}");
    broker.stop();
}

/// Sends until the broker has ended: a message that stays, then some that go.
fn send(
    broker: &Broker,
    (kept, going): (&Queue, &Queue),
    (tried, acknowledged): (&Mutex<u64>, &Mutex<BTreeSet<String>>),
    stop: &AtomicBool,
) {
    let Ok(mut connection) = Connection::open(broker.sqs) else { return };
    let large = "x".repeat(GOING_BYTES);
    while !stop.load(Ordering::Relaxed) {
        let number = {
            let mut tried = tried.lock().expect("sent");
            *tried += 1;
            *tried
        };
        let body = format!("stays {number}");
        let input = json!({ "QueueUrl": kept.url, "MessageBody": body });
        if call(&mut connection, "SendMessage", &input).is_none() {
            return;
        }
        acknowledged.lock().expect("sent").insert(body);
        for _ in 0..10 {
            if call(&mut connection, "SendMessage", &json!({ "QueueUrl": going.url, "MessageBody": large })).is_none() {
                return;
            }
        }
        if call(&mut connection, "PurgeQueue", &json!({ "QueueUrl": going.url })).is_none() {
            return;
        }
    }
}
