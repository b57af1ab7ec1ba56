//! Answers that clients do not read, or read slowly: how much memory they take, and what becomes of their messages.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::broker::sample;
use crate::support::http::{Connection, Request};
use crate::support::http2::Http2;
use crate::support::{Broker, Launch, PATIENCE, Queue, eventually, json_protocol};

crate::cases! {
    a_closed_window_takes_no_more_than_a_connections_part,
    a_window_that_opens_slowly_ends_the_connection,
    slow_readers_are_disconnected,
    honest_consumers_get_everything,
    other_answers_count_too,
    a_message_without_room_stays_in_its_queue,
}

const MIB: u64 = 1024 * 1024;
const BODY_BYTES: usize = 1_000_000;
/// What the memory may grow by beside the budget, in the debug build: bodies of requests, the log's tail, buffers.
const SLACK_BYTES: u64 = 48 * MIB;

/// A broker with 16 MiB for answers, 2 MiB for those of one connection, and two seconds for a client to read.
fn tight() -> Broker {
    tight_with("")
}

fn tight_with(more: &str) -> Broker {
    let limits = "[limits]\nanswers_bytes_max = 16777216\nconnection_answers_bytes_max = 2097152\n\
                  answer_room_seconds_max = 1\nwrite_seconds_max = 2\nheader_seconds_max = 1\n";
    Launch::new().configured(&format!("{limits}{more}")).start()
}

/// A queue with so many messages of quotation marks, each twice as long in an answer.
fn filled(broker: &Broker, count: usize) -> Queue {
    let queue = broker.json_client().queue_with(&[("VisibilityTimeout", "600"), ("MaximumMessageSize", "1048576")]);
    let body = "\"".repeat(BODY_BYTES);
    for _ in 0..count {
        queue.send(&body);
    }
    queue
}

fn receive(queue: &Queue, more: &Value) -> Request {
    let mut input = json!({ "QueueUrl": queue.url, "MaxNumberOfMessages": 10 });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    json_protocol::request("ReceiveMessage", input.to_string())
}

fn gauge(broker: &Broker, name: &str) -> f64 {
    sample(&broker.metrics(), &format!("posthouse_{name}"), &[]).unwrap_or_else(|| panic!("no {name}"))
}

/// Waits until the broker has closed a connection.
fn await_end(connection: &mut Http2) {
    let start = Instant::now();
    while connection.frame().is_some() {
        assert!(start.elapsed() < PATIENCE, "still open");
    }
}

fn a_closed_window_takes_no_more_than_a_connections_part() {
    let broker = tight();
    let queue = filled(&broker, 10);
    let before = broker.peak_memory_bytes();
    let mut connection = Http2::open(broker.sqs, 0).expect("a connection");
    for _ in 0..100 {
        connection.send(&receive(&queue, &json!({}))).expect("sent");
    }
    eventually("an answer that is not read", || (gauge(&broker, "answers_held_bytes") > 1_000_000.0).then_some(()));
    assert!(gauge(&broker, "answers_held_bytes") <= 2_097_152.0);
    let [visible, in_flight, _] = queue.counts();
    assert!((8..10).contains(&visible) && visible + in_flight == 10, "{visible} visible, {in_flight} in flight");
    // Another client is served meanwhile, with all that was not received.
    let mut others = 0;
    while others < visible {
        let received = queue.receive().len() as u64;
        assert!(received > 0, "{others} of {visible}");
        others += received;
    }
    await_end(&mut connection);
    eventually("room", || (gauge(&broker, "answers_held_bytes") == 0.0).then_some(()));
    assert_eq!(gauge(&broker, "connections_not_reading_total"), 1.0);
    assert!(broker.log().contains("does not read its answers"), "{}", broker.log());
    let grown = broker.peak_memory_bytes() - before;
    assert!(grown < 16 * MIB + SLACK_BYTES, "{grown} bytes");
    assert_eq!(queue.counts(), [0, 10, 0], "what was received stays in flight");
}

fn a_window_that_opens_slowly_ends_the_connection() {
    let broker = tight();
    let queue = filled(&broker, 2);
    let mut connection = Http2::open(broker.sqs, 0).expect("a connection");
    let stream = connection.send(&receive(&queue, &json!({}))).expect("sent");
    let start = Instant::now();
    // Each kibibyte is a sign of life, and far below the least rate.
    while connection.widen(stream, 1024).is_ok() {
        assert!(start.elapsed() < PATIENCE, "still open");
        thread::sleep(Duration::from_millis(100));
    }
    eventually("the count", || (gauge(&broker, "connections_not_reading_total") == 1.0).then_some(()));
}

fn slow_readers_are_disconnected() {
    // Answers of 16 MB are more than the buffers of both sockets hold.
    let limits = "[limits]\nwrite_seconds_max = 2\nheader_seconds_max = 1\nwrite_bytes_per_second_min = 262144\n";
    let broker = Launch::new().configured(limits).start();
    let queue = filled(&broker, 8);
    let mut readers: Vec<Connection> = (0..2).map(|_| broker.connect()).collect();
    for reader in &mut readers {
        reader.write(&receive(&queue, &json!({ "VisibilityTimeout": 0 })).to_bytes()).expect("sent");
    }
    let start = Instant::now();
    while gauge(&broker, "connections_not_reading_total") < 2.0 {
        assert!(start.elapsed() < PATIENCE, "{}", broker.metrics());
        for reader in &mut readers {
            let _ = reader.byte();
        }
        thread::sleep(Duration::from_millis(100));
    }
    eventually("room", || (gauge(&broker, "answers_held_bytes") == 0.0).then_some(()));
    for reader in &mut readers {
        let end = reader.drain().map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset), "the system keeps nothing that is to be sent");
    }
    assert_eq!(queue.receive().len(), 8, "a client that reads gets everything");
}

fn honest_consumers_get_everything() {
    const MESSAGES: usize = 30;
    let rest = "x".repeat(600_000);
    let broker = tight();
    let queue = broker.json_client().queue_with(&[("VisibilityTimeout", "600"), ("MaximumMessageSize", "1048576")]);
    for number in 0..MESSAGES {
        queue.send(&format!("{number} {rest}"));
    }
    let before = broker.peak_memory_bytes();
    let consume = || {
        let mut bodies = Vec::new();
        // An answer without messages says that none is left: where there was no room, there is an error.
        loop {
            match queue.call("ReceiveMessage", json!({ "MaxNumberOfMessages": 10 })) {
                Ok(answer) => match answer["Messages"].as_array() {
                    Some(messages) => bodies.extend(messages.iter().map(|message| message["Body"].clone())),
                    None => return bodies,
                },
                Err(refusal) => assert_eq!((refusal.status, &*refusal.code), (503, "RequestThrottled"), "{refusal:?}"),
            }
        }
    };
    let bodies: Vec<Value> = thread::scope(|scope| {
        let consumers: Vec<_> = (0..10).map(|_| scope.spawn(consume)).collect();
        consumers.into_iter().flat_map(|consumer| consumer.join().expect("no panic")).collect()
    });
    let distinct: BTreeSet<&str> = bodies.iter().filter_map(Value::as_str).collect();
    assert_eq!((bodies.len(), distinct.len()), (MESSAGES, MESSAGES));
    for body in distinct {
        let (number, text) = body.split_once(' ').expect("as it was sent");
        assert!(number.parse::<usize>().is_ok_and(|number| number < MESSAGES) && text == rest, "{number}");
    }
    let grown = broker.peak_memory_bytes() - before;
    assert!(grown < 16 * MIB + SLACK_BYTES, "{grown} bytes");
}

fn other_answers_count_too() {
    let broker = tight();
    let client = broker.json_client();
    let arn = client.queue().arn();
    let sids = (0..12).map(|number| {
        let resources = vec![format!("{arn}{}", "*".repeat(40)); 4];
        json!({ "Sid": number.to_string(), "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": resources })
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": sids.collect::<Vec<_>>() }).to_string();
    let queue = client.queue_with(&[("Policy", &policy)]);
    let mut connection = Http2::open(broker.sqs, 0).expect("a connection");
    let input = json!({ "QueueUrl": queue.url, "AttributeNames": ["All"] });
    for _ in 0..250 {
        connection.send(&json_protocol::request("GetQueueAttributes", input.to_string())).expect("sent");
    }
    eventually("answers that are not read", || (gauge(&broker, "answers_held_bytes") > 1_000_000.0).then_some(()));
    assert!(gauge(&broker, "answers_held_bytes") <= 2_097_152.0);
    // Small answers have room that is their connection's own.
    queue.send("m");
    queue.gives(&["m"]);
    await_end(&mut connection);
    eventually("room", || (gauge(&broker, "answers_held_bytes") == 0.0).then_some(()));
    assert_eq!(queue.attribute("Policy").as_deref(), Some(&*policy));
}

fn a_message_without_room_stays_in_its_queue() {
    let broker = tight_with("write_bytes_per_second_min = 0\n");
    let queue = filled(&broker, 10);
    // Each stream may take all, and reads it. Together they are more than the connection may hold.
    let mut connection = Http2::open(broker.sqs, 1 << 30).expect("a connection");
    connection.widen(0, 1 << 30).expect("sent");
    let mut lengths = BTreeMap::<u32, usize>::new();
    for _ in 0..10 {
        let stream = connection.send(&receive(&queue, &json!({ "WaitTimeSeconds": 20 }))).expect("sent");
        lengths.insert(stream, 0);
    }
    while lengths.values().sum::<usize>() < 20 * BODY_BYTES {
        let frame = connection.frame().expect("the answers");
        if let Some(data) = frame.data() {
            *lengths.get_mut(&frame.stream).expect("a stream of a receive") += data.len();
        }
    }
    assert_eq!(queue.counts(), [0, 10, 0], "all ten came, some answers at a time");
    assert!(gauge(&broker, "answers_waited_total") > 0.0);
}
