//! A broker with several I/O shards: clients whose connections lie on different threads share everything, and each gets
//! its own answers.

use std::collections::BTreeSet;
use std::thread;

use serde_json::json;

use crate::support::broker::sample;
use crate::support::queue::messages;
use crate::support::{Broker, Launch, Queue, eventually};

crate::cases! {
    clients_of_all_shards_share_a_queue,
    long_polls_on_all_shards_are_answered_by_sends,
    long_polls_on_all_shards_are_answered_by_sigterm,
}

/// More connections than there are shards: each shard has two.
const CLIENTS: usize = 8;

fn four_shards() -> Broker {
    Launch::new().top("worker_threads = 4").start()
}

/// The queue through as many connections.
fn views(broker: &Broker, queue: &Queue) -> Vec<Queue> {
    (0..CLIENTS).map(|_| queue.as_seen_by(&broker.json_client())).collect()
}

fn clients_of_all_shards_share_a_queue() {
    let broker = four_shards();
    let queue = broker.json_client().queue();
    let received: Vec<String> = thread::scope(|scope| {
        let clients: Vec<_> = views(&broker, &queue)
            .into_iter()
            .enumerate()
            .map(|(client, queue)| {
                scope.spawn(move || {
                    let mut received = Vec::new();
                    for number in 0..25 {
                        queue.send(&format!("{client}-{number}"));
                        let messages = queue.receive_with(&json!({ "WaitTimeSeconds": 20, "MaxNumberOfMessages": 1 }));
                        queue.delete_all(&messages);
                        received.extend(messages.into_iter().map(|message| message.body));
                    }
                    received
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("each call is answered")).collect()
    });
    let different: BTreeSet<_> = received.iter().collect();
    assert_eq!((received.len(), different.len()), (CLIENTS * 25, CLIENTS * 25));
    let metrics = broker.metrics();
    let sends = [r#"action="SendMessage""#, r#"outcome="OK""#];
    assert_eq!(sample(&metrics, "posthouse_requests_total", &sends), Some(200.0), "of all shards in:\n{metrics}");
}

/// Begins a long poll on each connection, and returns how many were answered with one message and how many with none once
/// `act` has been called.
fn poll_everywhere(broker: &mut Broker, act: impl FnOnce(&mut Broker, &Queue)) -> [usize; 2] {
    let queue = broker.json_client().queue();
    let queues = views(broker, &queue);
    thread::scope(|scope| {
        let polls: Vec<_> = queues
            .iter()
            .map(|queue| {
                scope.spawn(move || {
                    queue.ok("ReceiveMessage", json!({ "WaitTimeSeconds": 20, "MaxNumberOfMessages": 1 }))
                })
            })
            .collect();
        eventually("the polls wait", || {
            let waiting = sample(&broker.metrics(), "posthouse_waiting_receives", &[]);
            (waiting == Some(CLIENTS as f64)).then_some(())
        });
        act(broker, &queue);
        let answers = polls.into_iter().map(|poll| messages(&poll.join().expect("it is answered")).len());
        answers.fold([0, 0], |[one, none], messages| match messages {
            0 => [one, none + 1],
            _ => [one + 1, none],
        })
    })
}

fn long_polls_on_all_shards_are_answered_by_sends() {
    let answered = poll_everywhere(&mut four_shards(), |_, queue| {
        queue.send_all(&["a", "b", "c", "d", "e", "f", "g", "h"]);
    });
    assert_eq!(answered, [CLIENTS, 0]);
}

fn long_polls_on_all_shards_are_answered_by_sigterm() {
    let mut broker = four_shards();
    let answered = poll_everywhere(&mut broker, |broker, _| broker.terminate());
    assert_eq!(answered, [0, CLIENTS]);
    let status = broker.await_exit();
    assert!(status.success(), "{status}\n{}", broker.log());
}
