//! The most memory that a broker takes, as `check-config` computes it, against what one takes near all of its limits.

use std::thread;

use serde_json::{Value, json};

use crate::shared::ALICE;
use crate::support::broker::sample;
use crate::support::http2::Http2;
use crate::support::{Broker, Client, Endpoint, Launch, Queue, Topic, eventually, json_protocol};

crate::cases! {
    a_broker_near_its_limits_stays_below_what_its_configuration_says,
    what_has_no_bound_is_named,
    requests_of_http2_have_a_bound_together,
    filter_policies_take_no_more_than_they_count_for,
}

/// Small limits everywhere.
const LIMITS: &str = r#"
[storage]
tail_bytes = 1048576
unsynced_bytes_max = 8388608
checkpoint_bytes = 4194304
read_cache_bytes_max = 4194304
[limits]
connections_max = 128
header_bytes_max = 8192
body_bytes_max = 1572864
bodies_bytes_max = 8388608
answers_bytes_max = 16777216
connection_answers_bytes_max = 2097152
streams_bytes_max = 1048576
inbox_length = 64
signatures_bytes_max = 65536
metrics_queues_max = 20
topic_filter_bytes_max = 4194304
account_filter_bytes_max = 4194304
[native]
received_bytes_max = 16777216
all_links_max = 1024
quic_bytes_max = 16777216
[push]
memory_bytes_max = 1048576
connections_max = 64
allow = "127.0.0.0/8"
[quotas]
queues = 20
topics = 4
subscriptions = 24
messages = 3000
bytes = 25165824
endpoints = 10
fifo_ids = 500
"#;

const MIB: u64 = 1024 * 1024;

fn small() -> Launch {
    Launch::new().top("worker_threads = 2").configured(LIMITS).user("alice", "111111111111", ALICE.0, ALICE.1)
}

/// The sum in the text of `check-config`, in bytes.
fn computed(text: &str) -> u64 {
    let line = text.lines().find(|line| line.ends_with(" MiB  together")).unwrap_or_else(|| panic!("no sum in {text}"));
    line.trim().split(' ').next().and_then(|number| number.parse::<u64>().ok()).expect("a number") * MIB
}

/// A policy that grants nothing and is as long as a queue's may be.
fn long_policy() -> String {
    let statement = json!({ "Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "x".repeat(7_000),
        "Condition": { "StringEquals": { "aws:SourceArn": "none" } } });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// All of a kind of object that the quota allows, as large as clients can make them. Returns the queues and a topic.
fn furnish(client: &Client, endpoint: &Endpoint) -> (Vec<Queue>, Topic) {
    let tags: Value =
        (0..50).map(|tag| (format!("{tag:0>128}"), json!("v".repeat(256)))).collect::<serde_json::Map<_, _>>().into();
    let queues: Vec<Queue> = (0..19).map(|_| client.queue_with(&[("Policy", &long_policy())])).collect();
    for queue in &queues {
        queue.ok("TagQueue", json!({ "Tags": tags }));
    }
    let topic = client.topic();
    for queue in &queues[..10] {
        topic.subscribe_queue(queue);
    }
    topic.subscribe_endpoint(endpoint, "/hook", &[]);
    (queues, topic)
}

/// Sends and publishes large messages until the quota refuses more, and reads some of them back.
fn fill(queue: &Queue, topic: &Topic, worker: usize) {
    let body = "x".repeat(300 * 1024);
    let mut refused = 0;
    for round in 0..12 {
        let sent = if (round + worker).is_multiple_of(4) {
            topic.call("Publish", json!({ "Message": "p".repeat(8 * 1024) })).map(drop)
        } else {
            queue.call("SendMessage", json!({ "MessageBody": body })).map(drop)
        };
        match sent {
            Ok(()) => {}
            Err(refusal) if ["OverLimit", "Throttled"].contains(&refusal.code.as_str()) => refused += 1,
            Err(refusal) => panic!("{refusal:?}"),
        }
        if refused > 3 {
            break;
        }
        // In flight, a message takes the most memory.
        if round % 4 == 3 {
            drop(queue.receive_with(&json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 600 })));
        }
    }
}

fn a_broker_near_its_limits_stays_below_what_its_configuration_says() {
    let worst = computed(&small().check_config().expect("valid"));
    assert!(worst < 700 * MIB, "small limits are little memory: {} MiB", worst / MIB);
    let broker = small().start();
    let client = broker.json_client().with_key(ALICE.0, ALICE.1);
    let endpoint = Endpoint::start();
    let (queues, topic) = furnish(&client, &endpoint);
    // Connections that show a part of a head, and nothing more.
    let idle: Vec<_> = (0..64)
        .map(|_| {
            let mut connection = broker.connect();
            connection
                .write(format!("POST / HTTP/1.1\r\nx: {}", "h".repeat(7_000)).as_bytes())
                .expect("the broker reads");
            connection
        })
        .collect();
    thread::scope(|scope| {
        for (worker, queue) in queues.iter().enumerate().take(10) {
            let topic = &topic;
            scope.spawn(move || fill(queue, topic, worker));
        }
        scope.spawn(|| small_messages(&queues[15], &broker));
    });
    eventually("a notification", || (!endpoint.notifications("/hook").is_empty()).then_some(()));
    let peak = broker.peak_memory_bytes();
    drop(idle);
    assert!(peak < worst, "{} MiB were taken, and {} MiB are the most", peak / MIB, worst / MIB);
}

/// Fills the quota of messages with small ones, each in a group of its own, and receives them.
fn small_messages(queue: &Queue, broker: &Broker) {
    for batch in 0..40 {
        let entry = |number: usize| json!({ "Id": number.to_string(), "MessageBody": "m", "MessageGroupId": format!("{batch:0>100}-{number}") });
        let entries: Vec<Value> = (0..10).map(entry).collect();
        if let Err(refusal) = queue.call("SendMessageBatch", json!({ "Entries": entries })) {
            panic!("{refusal:?}\n{}", broker.log());
        }
        drop(queue.receive_with(&json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 600 })));
    }
}

fn requests_of_http2_have_a_bound_together() {
    let broker = Launch::new().configured("[limits]\nstreams_bytes_max = 1048576").start();
    let queue = broker.json_client().queue();
    let input = json!({ "QueueUrl": queue.url, "WaitTimeSeconds": 20 }).to_string();
    let request = json_protocol::request("ReceiveMessage", input).header("X-Long", &"h".repeat(7_000));
    let mut connections: Vec<_> = (0..2).map(|_| Http2::open(broker.sqs, 65_535).expect("a connection")).collect();
    // Each takes 15 KiB: some 68 are a mebibyte.
    for connection in &mut connections {
        for _ in 0..60 {
            connection.send(&request).expect("sent");
        }
    }
    let refused = eventually("refusals", || {
        let labels = ["action=\"none\"", "outcome=\"ServiceUnavailable\""];
        sample(&broker.metrics(), "posthouse_requests_total", &labels).filter(|count| *count > 40.0)
    });
    assert!(refused < 70.0, "{refused}");
    queue.send("over HTTP/1.1");
    drop(connections);
    queue.gives(&[]);
    let mut again = Http2::open(broker.sqs, 65_535).expect("a connection");
    eventually("room again", || {
        let stream = again.send(&json_protocol::request("ListQueues", "{}")).expect("sent");
        let answer =
            core::iter::from_fn(|| again.frame()).find(|frame| frame.stream == stream && frame.data().is_some());
        answer.filter(|frame| frame.data().is_some_and(|data| data.starts_with(b"{\"QueueUrls\""))).map(drop)
    });
}

fn what_has_no_bound_is_named() {
    let text = Launch::new().check_config().expect("valid");
    assert!(text.contains("no bound without quotas.messages: messages"), "{text}");
    assert!(text.contains("no bound together"), "{text}");
    let text = small().check_config().expect("valid");
    assert!(!text.contains("no bound"), "{text}");
}

/// Policies that take much memory for their length, each unlike the others of its kind.
const GREEDY: [fn(usize) -> String; 4] = [
    |number| {
        let keys = (0..5).map(|key| format!("\"k{number}-{key}{}\":[1]", ".x".repeat(150)));
        format!("{{{}}}", keys.collect::<Vec<_>>().join(","))
    },
    |number| format!("{{\"values\":[{}]}}", list(150, |value| format!("\"{number}-{value}\""))),
    |number| {
        let excluded = list(2_000, |value| format!("\"{number}-{value}\""));
        format!("{{\"excluded\":[{{\"anything-but\":[{excluded}]}}]}}")
    },
    |number| {
        let long = "l".repeat(1_500);
        format!("{{\"prefixes\":[{}]}}", list(150, |value| format!("{{\"prefix\":\"{number}-{value}-{long}\"}}")))
    },
];

fn list(length: usize, element: impl Fn(usize) -> String) -> String {
    (0..length).map(element).collect::<Vec<_>>().join(",")
}

fn filter_policies_take_no_more_than_they_count_for() {
    const EACH: u64 = 16 * MIB;
    let limits = format!("[storage]\ntail_bytes = 1048576\n[limits]\ntopic_filter_bytes_max = {EACH}");
    let broker = Launch::new().top("worker_threads = 2").configured(&limits).start();
    let client = broker.json_client();
    let before = broker.memory_bytes();
    for policy in GREEDY {
        let topic = client.topic();
        let mut number = 0;
        let refused = loop {
            let endpoint = format!("arn:aws:sqs:us-east-1:000000000000:absent-{number}");
            let attributes = json!({ "FilterPolicy": policy(number) });
            let input = json!({ "Protocol": "sqs", "Endpoint": endpoint, "Attributes": attributes });
            if let Err(refusal) = topic.call("Subscribe", input) {
                break refusal;
            }
            number += 1;
        };
        let words = format!("The filter policies of a topic can take at most {EACH} bytes of memory.");
        refused.expect("FilterPolicyLimitExceeded").worded(&words);
    }
    // Requests and the log take memory too, and the allocator keeps a part.
    let (taken, most) = (broker.memory_bytes() - before, GREEDY.len() as u64 * EACH * 5 / 4 + 32 * MIB);
    assert!(taken < most, "{} MiB were taken, and {} MiB are the most", taken / MIB, most / MIB);
}
