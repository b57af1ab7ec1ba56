//! The engine without a disk: sends, receives and deletes against a journal that only counts.
//!
//!     cargo bench -p posthouse-bench --bench engine
//!
//! `fan out` publishes to subscribed queues with one event a publication. An element is one message in one queue.
//!
//! `batches` sends, receives and deletes with the operations of the native protocol. The messages are sealed before, as the
//! listener's threads do it. An element is one message: all three of its steps.
//!
//! The baseline is the same benchmark before a change. One operation must take less than a microsecond.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use posthouse_bench::{Machine, measures, message, publication};
use posthouse_model::operation::{DeleteMessage, SendMessage};
use posthouse_model::{HandleKey, MessageCount, PresentedHandle, Request};

fn send(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine/send");
    group.throughput(Throughput::Elements(1));
    for queue in ["standard", "fifo.fifo"] {
        let mut machine = Machine::with_queue(queue);
        let mut count = 0_u64;
        group.bench_function(queue, |b| {
            b.iter(|| {
                count += 1;
                let message = message(queue, count);
                machine.ask(Request::SendMessage(SendMessage { queue: machine.queue().clone(), delay: None, message }))
            });
        });
    }
    group.finish();
}

fn cycle(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine/send, receive, delete");
    group.throughput(Throughput::Elements(1));
    let (many, several) = if measures() { (1_000_000, 10_000) } else { (1_000, 1_000) };
    for (queue, waiting) in [("standard", 0), ("standard", many), ("fifo.fifo", 0), ("fifo.fifo", several)] {
        let mut machine = Machine::with_queue(queue);
        let mut count = 0_u64;
        // Sealing is the codec's work, so all handles have the text of the first.
        let mut text = None;
        for _ in 0..waiting {
            count += 1;
            machine.send(message(queue, count));
        }
        group.bench_function(format!("{queue}, {waiting} waiting"), |b| {
            b.iter(|| {
                count += 1;
                machine.send(message(queue, count));
                let handle = machine.receive().expect("one waits");
                let text = *text.get_or_insert_with(|| HandleKey::new([0; 16]).seal(handle));
                let (queue, handle) = (machine.queue().clone(), Ok(PresentedHandle::new(handle, text)));
                black_box(machine.ask(Request::DeleteMessage(DeleteMessage { queue, handle })))
            });
        });
    }
    group.finish();
}

/// Messages that are sealed before a run and sent over and over.
const SEALED: u64 = 16 * 1024;

fn batches(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine/batches");
    for queue in ["standard", "fifo.fifo"] {
        let sealed: Vec<_> = (0..if measures() { SEALED } else { 512 }).map(|number| message(queue, number)).collect();
        for size in [1_u32, 64, 512] {
            group.throughput(Throughput::Elements(size.into()));
            let mut machine = Machine::with_queue(queue);
            let most = MessageCount::new(size.into()).expect("in range");
            let (mut first, mut batches) = (1, sealed.chunks_exact(size as usize).cycle());
            group.bench_function(format!("{queue}, {size}"), |b| {
                b.iter(|| {
                    // A deduplication id comes again after more than the five minutes for which it is remembered.
                    machine.pass(11);
                    machine.produce(first, batches.next().expect("they go round"));
                    first += u64::from(size);
                    let handles = machine.receive_many(most);
                    machine.settle(&handles);
                });
            });
        }
    }
    group.finish();
}

/// Publications after which a new engine is made, so that waiting messages do not fill the memory.
const PUBLICATIONS_MAX: u64 = 2000;

fn fan_out(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine/fan out");
    let publication = publication();
    for subscribers in [1, 1000] {
        group.throughput(Throughput::Elements(subscribers as u64));
        let mut machine = Machine::with_topic(subscribers);
        let mut count = 0_u64;
        group.bench_function(format!("{subscribers} queues"), |b| {
            b.iter(|| {
                count += 1;
                if subscribers > 1 && count.is_multiple_of(PUBLICATIONS_MAX) {
                    machine = Machine::with_topic(subscribers);
                }
                machine.publish(&publication);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, send, cycle, batches, fan_out);
criterion_main!(benches);
