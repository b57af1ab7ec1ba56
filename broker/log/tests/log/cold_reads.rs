//! Reads of a log that lies on the disk: the cache, reading ahead, and how readers share the disk.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use crate::common::{Known, ONE, append, encryption, open, replay, settle, small};
use bytes::Bytes;
use posthouse_disk::Disk;
use posthouse_log::{Log, Options, Read, ReadError, ReadId, Reader};
use posthouse_simulated_disk::{OperationKind, Order, SimulatedDisk, Storage};
use proptest::prelude::*;

const KIB: u64 = 1024;

/// Segments of 1 MiB and a cache of a few extents of 64 KiB.
fn options() -> Options {
    Options {
        segment_bytes: 1024 * KIB,
        first_segment_bytes: 512 * KIB,
        chunk_bytes: 64 * 1024,
        tail_bytes: 64 * KIB,
        read_cache_bytes: 512 * KIB,
        ..small()
    }
}

/// A log that was started again, with all its records retained and none of them in memory.
fn cold(options: &Options, lengths: impl Iterator<Item = usize>) -> (Storage, Log<SimulatedDisk>, Vec<Known>) {
    let (storage, known) = written(options, lengths);
    let log = reopened(&storage, options, &known);
    (storage, log, known)
}

/// A closed log of records of these lengths.
fn written(options: &Options, lengths: impl Iterator<Item = usize>) -> (Storage, Vec<Known>) {
    let storage = Storage::new(3);
    let (mut log, _, _) = open(&storage, options).unwrap();
    let mut known = Vec::new();
    for (number, length) in lengths.enumerate() {
        append(&mut log, &mut known, number, length);
        if number % 64 == 0 {
            settle(&mut log);
        }
    }
    log.close().unwrap();
    (storage, known)
}

/// Opens a log and retains its records.
fn reopened(storage: &Storage, options: &Options, known: &[Known]) -> Log<SimulatedDisk> {
    let mut recovery = Log::open(SimulatedDisk::open(storage), options.clone()).unwrap();
    replay(&mut recovery).unwrap();
    for known in known {
        recovery.retain(known.position, ONE);
    }
    recovery.finish().unwrap().0
}

/// The results that have come, with those that are awaited.
fn collect<D: Disk>(log: &mut Log<D>, awaited: &mut BTreeMap<ReadId, Vec<u8>>) {
    let mut completed = Vec::new();
    log.completed_reads(&mut completed);
    for (id, result) in completed {
        assert_eq!(result.unwrap(), awaited.remove(&id).expect("each read ends once"));
    }
}

/// Waits for all that is awaited.
fn settle_reads<D: Disk>(log: &mut Log<D>, awaited: &mut BTreeMap<ReadId, Vec<u8>>) {
    while !awaited.is_empty() {
        log.wait(None);
        collect(log, awaited);
    }
}

/// Asks for a record. Compares it if it is there.
fn ask<D: Disk>(log: &mut Log<D>, reader: Reader, known: &Known, awaited: &mut BTreeMap<ReadId, Vec<u8>>) -> bool {
    match log.read(reader, known.position, known.payload.len()) {
        Read::Ready(bytes) => {
            assert_eq!(bytes, known.payload);
            true
        }
        Read::Pending(id) => {
            awaited.insert(id, known.payload.clone());
            false
        }
    }
}

/// Reads all records in batches, and waits for each batch.
fn drain(log: &mut Log<SimulatedDisk>, reader: Reader, known: &[Known], batch: usize) {
    let mut awaited = BTreeMap::new();
    for batch in known.chunks(batch) {
        for known in batch {
            ask(log, reader, known, &mut awaited);
        }
        // As the core loop does in each iteration.
        log.wait(Some(Duration::ZERO));
        settle_reads(log, &mut awaited);
    }
}

#[test]
fn records_that_follow_each_other_are_one_read() {
    let (storage, mut log, known) = cold(&options(), (0..64).map(|_| 1000));
    let (before, mut awaited) = (storage.reads(), BTreeMap::new());
    for known in &known[..50] {
        assert!(!ask(&mut log, Reader::new(1), known, &mut awaited));
    }
    settle_reads(&mut log, &mut awaited);
    assert_eq!((storage.reads() - before, log.stats().cold_records, log.stats().read_cache_joined), (1, 50, 49));
    assert!(
        known[..50].iter().all(|known| ask(&mut log, Reader::new(2), known, &mut awaited)),
        "they are in the cache"
    );
    assert_eq!(storage.reads() - before, 1);
}

#[test]
fn a_drain_is_read_ahead_in_large_blocks() {
    // In chunks of another length than extents have, so that records lie across the ends of extents.
    let options = Options { chunk_bytes: 84 * 1024, ..options() };
    let (storage, mut log, known) = cold(&options, (0..20_000).map(|number| 90 + number % 40));
    let before = storage.reads();
    drain(&mut log, Reader::new(1), &known[..19_000], 10);
    let (reads, stats) = (storage.reads() - before, log.stats());
    let bytes = known[19_000].position.get();
    assert!(reads < bytes / (40 * KIB), "{reads} reads of {bytes} bytes");
    assert!(stats.cold_read_bytes < bytes + bytes / 8, "{} bytes were read of {bytes}", stats.cold_read_bytes);
    assert!(stats.read_ahead_bytes > bytes / 2);
    assert!(stats.read_cache_hits > 18_000, "few receives wait: {stats:?}");
    assert_eq!(stats.read_ahead_unused_bytes, 0);
    assert!(stats.read_cache_bytes <= options.read_cache_bytes);
}

/// Read ahead, an extent waits for its segment to be opened. A record of it that is asked for meanwhile joins that read.
#[test]
fn an_extent_that_waits_for_its_file_is_read_once() {
    let (storage, mut log, known) = cold(&options(), (0..30_000).map(|_| 100));
    let (reader, mut awaited) = (Reader::new(1), BTreeMap::new());
    let next = known.iter().position(|known| known.position.get() >= 516 * KIB).expect("more than one segment");
    drain(&mut log, reader, &known[..100], 10);
    storage.set_faults(|faults| faults.hanging = vec![OperationKind::Open]);
    drain(&mut log, reader, &known[100..next], 10);
    assert_eq!(storage.pending(OperationKind::Open), 1, "reading ahead goes on in the next segment");
    assert!(!ask(&mut log, reader, &known[next], &mut awaited));
    log.wait(Some(Duration::ZERO));
    let before = storage.reads();
    storage.set_faults(|faults| faults.hanging.clear());
    settle_reads(&mut log, &mut awaited);
    assert_eq!(storage.reads() - before, 1);
    drain(&mut log, reader, &known[next + 1..], 10);
}

#[test]
fn readers_that_lag_alike_share_what_was_read() {
    // Ten queues whose messages lie between each other.
    let (storage, mut log, known) = cold(&options(), (0..10_000).map(|_| 100));
    let before = storage.reads();
    let mut awaited = BTreeMap::new();
    for round in known.chunks_exact(100) {
        for queue in 0..10 {
            for known in round.iter().skip(queue).step_by(10) {
                ask(&mut log, Reader::new(queue as u64), known, &mut awaited);
            }
        }
        settle_reads(&mut log, &mut awaited);
    }
    let reads = storage.reads() - before;
    assert!(reads < 50, "{reads} reads of a megabyte");
}

#[test]
fn a_large_record_is_checked_once_for_all_its_readers() {
    let (storage, mut log, known) = cold(&options(), [100_000, 100, 100_000].into_iter());
    let before = storage.reads();
    drain(&mut log, Reader::new(1), &known[..1], 1);
    let mut first = None;
    for queue in 2..100 {
        let Read::Ready(bytes) = log.read(Reader::new(queue), known[0].position, 100_000) else { panic!("it is kept") };
        assert_eq!(bytes, known[0].payload);
        assert_eq!(*first.get_or_insert(bytes.as_ptr()), bytes.as_ptr(), "it is not copied");
    }
    assert_eq!(storage.reads() - before, 1);
    // A message of this size is longer than an extent may be.
    drain(&mut log, Reader::new(1), &known, 1);
}

#[test]
fn reads_that_hang_hold_up_only_their_own_reader() {
    let options =
        Options { reads_in_flight_max: 8, segment_bytes: 128 * KIB, first_segment_bytes: 64 * KIB, ..options() };
    let (storage, mut log, known) = cold(&options, (0..400).map(|_| 2000));
    let place = |log: &Log<SimulatedDisk>, index: usize| log.place_of(known[index].position).unwrap().0;
    let slow = place(&log, 100);
    storage.set_faults(|faults| faults.hanging_reads = vec![slow.clone()]);
    let mut awaited = BTreeMap::new();
    let stuck: Vec<usize> = (0..400).filter(|index| place(&log, *index) == slow).collect();
    for index in &stuck {
        // From the last to the first, so that each is a read of its own.
        ask(&mut log, Reader::new(1), &known[stuck[0] + stuck[stuck.len() - 1] - index], &mut awaited);
    }
    let hanging = awaited.len();
    for _ in 0..10 {
        log.wait(Some(Duration::ZERO));
    }
    assert_eq!(storage.pending(OperationKind::Read), 2, "a quarter of eight");
    let others: Vec<Known> =
        known[..380].iter().filter(|known| log.place_of(known.position).unwrap().0 != slow).cloned().collect();
    for known in &others {
        ask(&mut log, Reader::new(2), known, &mut awaited);
    }
    while awaited.len() > hanging {
        log.wait(None);
        collect(&mut log, &mut awaited);
    }
    storage.set_faults(|faults| faults.hanging_reads.clear());
    settle_reads(&mut log, &mut awaited);
}

#[test]
fn a_reader_with_one_read_does_not_wait_for_all_reads_of_another() {
    let mib = 1024 * KIB;
    let options =
        Options { reads_in_flight_max: 4, segment_bytes: 16 * mib, first_segment_bytes: 16 * mib, ..options() };
    let (storage, mut log, known) = cold(&options, (0..200).map(|_| 70_000));
    storage.set_faults(|faults| faults.completions_max = Some(1));
    let mut awaited = BTreeMap::new();
    for known in &known[..100] {
        ask(&mut log, Reader::new(1), known, &mut awaited);
    }
    let Read::Pending(only) = log.read(Reader::new(2), known[150].position, 70_000) else { panic!("cold") };
    let mut completed = Vec::new();
    let mut waits = 0;
    while !completed.iter().any(|(id, _): &(ReadId, Result<Bytes, ReadError>)| *id == only) {
        log.wait(None);
        log.completed_reads(&mut completed);
        waits += 1;
    }
    assert!(waits < 10, "{waits} waits");
}

#[test]
fn damage_in_the_blocks_around_a_record_does_not_concern_it() {
    let (storage, mut log, known) = cold(&options(), (0..600).map(|_| 500));
    let (name, offset) = log.place_of(known[100].position).unwrap();
    let mut bytes = storage.contents(&name);
    bytes[usize::try_from(offset).unwrap() + 3] ^= 1;
    storage.set_contents(&name, bytes);
    let (mut corrupt, mut completed) = (Vec::new(), Vec::new());
    for batch in known[..500].chunks(10) {
        let mut awaited = BTreeMap::new();
        for known in batch {
            match log.read(Reader::new(1), known.position, 500) {
                Read::Ready(bytes) => assert_eq!(bytes, known.payload),
                Read::Pending(id) => {
                    awaited.insert(id, known);
                }
            }
        }
        while !awaited.is_empty() {
            log.wait(None);
            log.completed_reads(&mut completed);
            for (id, result) in completed.drain(..) {
                let known = awaited.remove(&id).expect("each read ends once");
                match result {
                    Ok(bytes) => assert_eq!(bytes, known.payload),
                    Err(error) => corrupt.push((known.position, error)),
                }
            }
        }
    }
    let position = known[100].position;
    assert_eq!(corrupt, [(position, ReadError::Corrupt { position, file: name, offset })]);
    assert_eq!(log.stats().cold_reads_repeated, 1);
}

/// What a history of reads does.
#[derive(Clone, Debug)]
enum Step {
    /// Reads of one reader: where they begin, how many there are, and their distance in records.
    Read {
        reader: u64,
        from: usize,
        count: usize,
        step: usize,
    },
    Wait {
        pace: usize,
    },
    /// The next read fails.
    Fail,
    /// Lets go of some of the payloads that are held.
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_u64, 0..3000_usize, 1..40_usize, prop_oneof![4 => Just(1_usize), 1 => 2..50_usize])
            .prop_map(|(reader, from, count, step)| Step::Read { reader, from, count, step }),
        6 => (1..5_usize).prop_map(|pace| Step::Wait { pace }),
        1 => Just(Step::Fail),
        1 => Just(Step::Forget),
    ]
}

/// A log of short, longer and long records.
static PLAIN: LazyLock<(Storage, Vec<Known>)> = LazyLock::new(|| mixed(&options()));
/// The same, encrypted.
static ENCRYPTED: LazyLock<(Storage, Vec<Known>)> = LazyLock::new(|| mixed(&encrypted()));

fn mixed(options: &Options) -> (Storage, Vec<Known>) {
    let length = |number: usize| match number * 7919 % 50 {
        0 => 40_000,
        1..10 => 3000,
        _ => 20 + number % 300,
    };
    written(options, (0..3000).map(length))
}

fn encrypted() -> Options {
    Options { encryption: encryption("a"), ..options() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is read, in whatever order, by however many readers, and however the disk orders its completions: the
    /// bytes are those that were appended, each read ends once, and the cache stays within its size.
    #[test]
    fn reads_return_what_was_appended(
        steps in proptest::collection::vec(step(), 1..120),
        cache_kib in prop_oneof![Just(0_u64), Just(16), Just(64), Just(512), Just(4096)],
        is_encrypted in any::<bool>(),
    ) {
        let (base, (template, known)) = if is_encrypted { (encrypted(), &*ENCRYPTED) } else { (options(), &*PLAIN) };
        let options = Options { read_cache_bytes: cache_kib * KIB, reads_in_flight_max: 6, cold_files_open_max: 2, ..base };
        let storage = template.fork();
        let mut log = reopened(&storage, &options, known);
        storage.set_faults(|faults| faults.order = Order::Random);
        let (mut awaited, mut held) = (BTreeMap::new(), Vec::new());
        for step in steps {
            match step {
                Step::Read { reader, from, count, step } => {
                    for known in known.iter().skip(from).step_by(step).take(count) {
                        match log.read(Reader::new(reader), known.position, known.payload.len()) {
                            Read::Ready(bytes) => {
                                assert_eq!(bytes, known.payload);
                                held.push((bytes, &known.payload));
                            }
                            Read::Pending(id) => {
                                awaited.insert(id, known.payload.clone());
                            }
                        }
                    }
                }
                Step::Wait { pace } => {
                    storage.set_faults(|faults| faults.completions_max = Some(pace));
                    log.wait(Some(Duration::ZERO));
                    collect(&mut log, &mut awaited);
                    storage.set_faults(|faults| faults.completions_max = None);
                }
                Step::Fail => {
                    // A read that fails twice is an error, so none is under way that failed before.
                    storage.set_faults(|faults| faults.read_errors.clear());
                    settle_reads(&mut log, &mut awaited);
                    storage.set_faults(|faults| faults.read_errors = vec![5]);
                }
                Step::Forget => held.clear(),
            }
            let stats = log.stats();
            let longest = 48 * KIB;
            prop_assert!(stats.read_cache_bytes <= options.read_cache_bytes.max(longest), "{stats:?}");
            prop_assert!(storage.pending(OperationKind::Read) <= 6);
        }
        storage.set_faults(|faults| faults.read_errors.clear());
        settle_reads(&mut log, &mut awaited);
        prop_assert!(held.iter().all(|(bytes, payload)| bytes == *payload), "what is held does not change");
    }
}
