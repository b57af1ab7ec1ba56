//! Encoding and decoding frames of the native protocol: 512 messages of 256 bytes, with the check that plain TCP needs.
//! Figures are of one frame; the throughput is in messages.
//!
//!     cargo bench -p posthouse-bench --bench wire

use std::hint::black_box;

use bytes::{Buf as _, Bytes};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use posthouse_wire::{
    Address, Check, Deliver, DeliverBuilder, DeliveryHead, DeliveryNumber, Encoded, Frame, FromBroker, FromClient,
    Link, MessageNumber, Outgoing, Request, SendBuilder, SendHead, SendMessages, Splitter, Text,
};

const MESSAGES: u16 = 512;
const BODY: Bytes = Bytes::from_static(&[b'x'; 256]);
const ADDRESS: Address = Address::new(Link::new(1), Request::new(1));

fn send() -> Encoded {
    let mut builder = SendBuilder::new(MessageNumber::FIRST);
    for _ in 0..MESSAGES {
        builder.push(black_box(&SendHead::default()), &[BODY]).expect("below the limits");
    }
    builder.finish().expect("a message")
}

fn deliver() -> Encoded {
    let sender = Text::new("000000000000").expect("a short text");
    let head = DeliveryHead { receive_count: 1, sender, ..DeliveryHead::default() };
    let mut builder = DeliverBuilder::new(DeliveryNumber::FIRST);
    for _ in 0..MESSAGES {
        builder.push(black_box(&head), &[BODY]).expect("below the limits");
    }
    builder.finish().expect("a message")
}

fn framed(encoded: &Encoded) -> Bytes {
    let mut out = Outgoing::new(Check::Crc32c);
    out.encoded(ADDRESS, encoded);
    let mut chunks = out.take();
    chunks.copy_to_bytes(chunks.remaining())
}

/// The frame in a splitter that has received all of it.
fn received(bytes: &Bytes) -> Splitter {
    let mut splitter = Splitter::new(Check::Crc32c);
    splitter.allow_long_frames();
    splitter.buffer(bytes.len()).extend_from_slice(bytes);
    splitter
}

fn next(splitter: &mut Splitter) -> Frame {
    splitter.next_frame().expect("a valid frame").expect("a whole frame")
}

fn sent(frame: &Frame) -> SendMessages<'_> {
    match FromClient::decode(frame) {
        Ok(FromClient::Send(send)) => send,
        other => panic!("not a SEND: {other:?}"),
    }
}

fn delivered(frame: &Frame) -> Deliver<'_> {
    match FromBroker::decode(frame) {
        Ok(FromBroker::Deliver(deliver)) => deliver,
        other => panic!("not a DELIVER: {other:?}"),
    }
}

fn wire(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire");
    group.throughput(Throughput::Elements(MESSAGES.into()));
    group.bench_function("encode SEND", |bench| bench.iter(|| framed(&send())));
    group.bench_function("encode DELIVER", |bench| bench.iter(|| framed(&deliver())));
    let bytes = framed(&send());
    group.bench_function("decode SEND", |bench| {
        let read = |splitter: &mut Splitter| {
            let frame = next(splitter);
            sent(&frame).entries().map(|entry| entry.expect("a whole entry").body.len()).sum::<usize>()
        };
        bench.iter_batched_ref(|| received(&bytes), read, BatchSize::LargeInput);
    });
    let bytes = framed(&deliver());
    group.bench_function("decode DELIVER", |bench| {
        let read = |splitter: &mut Splitter| {
            let frame = next(splitter);
            delivered(&frame)
                .entries()
                .map(|entry| frame.share(entry.expect("a whole entry").body).len())
                .sum::<usize>()
        };
        bench.iter_batched_ref(|| received(&bytes), read, BatchSize::LargeInput);
    });
    group.finish();
}

criterion_group!(benches, wire);
criterion_main!(benches);
