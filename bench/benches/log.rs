//! The log: appending to memory, and appending with the durable commit that follows, by batch size.
//!
//!     cargo bench -p posthouse-bench --bench log
//!
//! The baseline is the same benchmark before a change. For the commit it is also `cargo run --release -p posthouse-disk
//! --example commit`, which writes the same blocks without a log.

use std::cell::RefCell;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use posthouse_bench::log_in;

/// A message of 256 bytes with its event.
const RECORD: [u8; 400] = [0x5a; 400];
const KIND: u8 = 100;

fn append(c: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let log = RefCell::new(log_in(directory.path()));
    let mut group = c.benchmark_group("log/append");
    group.throughput(Throughput::Elements(1));
    group.bench_function("400 bytes", |b| {
        b.iter_batched(
            || {
                // The tail holds all records that are not durable, so that a commit outside the measurement bounds it.
                let mut log = log.borrow_mut();
                if log.unsynced_bytes() > 8 << 20 {
                    log.commit();
                    while log.unsynced_bytes() > 0 {
                        log.wait(None);
                    }
                }
            },
            |()| black_box(log.borrow_mut().append(KIND, &[&RECORD[..24], &RECORD[24..]])),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn commit(c: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut log = log_in(directory.path());
    let mut group = c.benchmark_group("log/append and commit");
    for batch in [1_u64, 10, 160] {
        group.throughput(Throughput::Elements(batch));
        group.bench_function(format!("{batch} records"), |b| {
            b.iter(|| {
                for _ in 0..batch {
                    log.append(KIND, &[&RECORD]);
                }
                let end = log.end();
                log.commit();
                while log.durable() < end {
                    log.wait(None);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, append, commit);
criterion_main!(benches);
