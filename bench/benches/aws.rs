//! The AWS codecs: a signed request to a `Request`, and a `Reply` to a response.
//!
//!     cargo bench -p posthouse-bench --bench aws
//!
//! The baseline is the same benchmark before a change. `decode` verifies the signature with a cached key, parses the
//! JSON, computes the digests and builds the stored message.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use posthouse_bench::{Signed, aws, message, received};
use posthouse_model::operation::{Reply, Sent};

const SEND: &str = r#"{"QueueUrl":"http://127.0.0.1:9324/000000000000/standard","MessageBody":"BODY"}"#;
const RECEIVE: &str = r#"{"QueueUrl":"http://127.0.0.1:9324/000000000000/standard","MaxNumberOfMessages":10,"MessageSystemAttributeNames":["All"]}"#;

fn decode(c: &mut Criterion) {
    let aws = aws();
    let mut group = c.benchmark_group("aws/decode");
    let large = "x".repeat(64 * 1024);
    for (name, action, body) in [
        ("SendMessage, 256 bytes", "SendMessage", SEND.replace("BODY", &"x".repeat(256))),
        ("SendMessage, 64 KiB", "SendMessage", SEND.replace("BODY", &large)),
        ("ReceiveMessage", "ReceiveMessage", RECEIVE.to_owned()),
    ] {
        let request = Signed::json(action, &body);
        request.decode(&aws).expect("a valid request");
        group.bench_function(name, |b| b.iter(|| request.decode(black_box(&aws))));
    }
    group.finish();
}

fn encode(c: &mut Criterion) {
    let aws = aws();
    let mut group = c.benchmark_group("aws/encode");
    let send = Signed::json("SendMessage", &SEND.replace("BODY", "hello")).decode(&aws).expect("valid");
    let message = message("standard", 1);
    let sent = Ok(Reply::SendMessage(Sent { id: message.id(), digests: message.digests(), sequence_number: None }));
    group.bench_function("SendMessage", |b| b.iter(|| send.encoder.encode(black_box(&sent))));

    let receive = Signed::json("ReceiveMessage", RECEIVE).decode(&aws).expect("valid");
    for count in [1, 10] {
        let reply = Ok(Reply::ReceiveMessage((0..count).map(received).collect()));
        group.bench_function(format!("ReceiveMessage, {count} messages"), |b| {
            b.iter(|| receive.encoder.encode(black_box(&reply)));
        });
    }
    group.finish();
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
