//! Scrubbing finds damage in closed segments, and repeated reads distinguish damage from a fault that passes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use crate::common::{Known, ONE, append, open, read, read_anew, segments, settle, small};
use posthouse_log::{Log, Options, Position, ReadError, ScrubStep, Suspect};
use posthouse_simulated_disk::{SimulatedDisk, Storage};

const EIO: i32 = 5;
const EMFILE: i32 = 24;

/// A log with several closed segments, all but the newest out of memory.
fn cold(options: &Options) -> (Storage, Log<SimulatedDisk>, Vec<Known>) {
    let storage = Storage::new(5);
    let (mut log, _, _) = open(&storage, options).unwrap();
    let mut known = Vec::new();
    for number in 0..100 {
        let position = append(&mut log, &mut known, number, 40 + number * 13 % 900);
        log.retain(position, ONE);
        settle(&mut log);
    }
    (storage, log, known)
}

fn options() -> Options {
    Options { tail_bytes: 0, ..small() }
}

/// Runs a whole pass. Returns what it found and how many bytes it read.
fn pass(log: &mut Log<SimulatedDisk>, choice: u64) -> (Vec<Suspect>, u64) {
    log.begin_scrub(choice);
    let (mut suspects, mut read) = (Vec::new(), 0);
    loop {
        let left = log.scrub_left();
        match log.scrub(4096) {
            ScrubStep::Ended => {
                assert_eq!(log.scrub_left(), 0);
                return (suspects, read);
            }
            ScrubStep::Reading { bytes } => read += bytes,
        }
        assert!(left > 0, "a piece of what was left");
        while log.is_scrubbing() {
            log.wait(None);
        }
        log.take_suspects(&mut suspects);
    }
}

fn place(log: &Log<SimulatedDisk>, position: Position) -> (String, usize) {
    let (name, offset) = log.place_of(position).unwrap();
    (name, usize::try_from(offset).unwrap())
}

fn flip(storage: &Storage, name: &str, at: usize) {
    let mut bytes = storage.contents(name);
    bytes[at] ^= 4;
    storage.set_contents(name, bytes);
}

#[test]
fn a_whole_log_has_no_suspects_wherever_the_pass_begins() {
    let (storage, mut log, known) = cold(&options());
    let count = segments(&storage).len() as u64;
    assert!(count > 5);
    let mut passes: Vec<u64> = Vec::new();
    for choice in 0..count + 2 {
        let (suspects, bytes) = pass(&mut log, choice);
        assert_eq!(suspects, [], "from {choice}");
        passes.push(bytes);
    }
    assert!(passes.iter().all(|bytes| *bytes == passes[0] && *bytes > 0), "each pass reads the same: {passes:?}");
    let stats = log.stats();
    assert_eq!(stats.scrubbed_bytes, passes.iter().sum::<u64>());
    assert_eq!(stats.scrubbed_segments % passes.len() as u64, 0);
    assert_eq!(read(&mut log, known[0].position, known[0].payload.len()).unwrap(), known[0].payload);
}

#[test]
fn a_damaged_record_is_within_a_suspect_part_and_no_other_part_is() {
    let (storage, mut log, known) = cold(&options());
    for victim in [&known[0], &known[20], &known[31]] {
        for at in [0, 4, 7, 8, 30] {
            let (name, offset) = place(&log, victim.position);
            flip(&storage, &name, offset + at);
            let (suspects, _) = pass(&mut log, 1);
            let [suspect] = suspects[..] else { panic!("{suspects:?}") };
            assert!(suspect.start == victim.position && suspect.end > victim.position, "{suspect:?}");
            flip(&storage, &name, offset + at);
        }
    }
    assert_eq!(pass(&mut log, 0).0, []);
}

#[test]
fn what_is_in_memory_or_not_closed_is_not_read() {
    let (storage, mut log, known) = cold(&Options { tail_bytes: 1 << 20, ..small() });
    let (name, offset) = place(&log, known[50].position);
    flip(&storage, &name, offset + 20);
    assert_eq!(pass(&mut log, 0), (Vec::new(), 0));
    drop(log);
    let (mut log, known) = {
        let (storage, log, known) = cold(&options());
        let last = known.last().unwrap();
        let (name, offset) = place(&log, last.position);
        flip(&storage, &name, offset + 20);
        (log, known)
    };
    assert_eq!(pass(&mut log, 0).0, [], "the open segment with {} is not read", known.len());
}

#[test]
fn a_segment_that_is_reclaimed_between_two_pieces_is_skipped() {
    let (_storage, mut log, known) = cold(&options());
    log.begin_scrub(0);
    assert!(matches!(log.scrub(4096), ScrubStep::Reading { .. }));
    while log.is_scrubbing() {
        log.wait(None);
    }
    // Everything before the last record is released, so that the segments before it are used again.
    let (last, others) = known.split_last().unwrap();
    log.set_replay_start(last.position);
    others.iter().for_each(|known| log.release(known.position, ONE));
    let mut more = Vec::new();
    for number in 0..60 {
        append(&mut log, &mut more, number, 900);
        settle(&mut log);
    }
    assert!(log.stats().segments_recycled > 0);
    let mut suspects = Vec::new();
    while log.scrub(4096) != ScrubStep::Ended {
        while log.is_scrubbing() {
            log.wait(None);
        }
    }
    log.take_suspects(&mut suspects);
    assert_eq!(suspects, []);
}

#[test]
fn a_piece_that_cannot_be_read_is_suspect_and_one_that_cannot_be_opened_is_not() {
    let (storage, mut log, _) = cold(&options());
    storage.set_faults(|faults| faults.read_errors = vec![EIO]);
    let (suspects, _) = pass(&mut log, 0);
    assert_eq!(suspects.len(), 1);
    storage.set_faults(|faults| faults.read_errors = vec![EMFILE]);
    let failures = log.stats().scrub_failures;
    assert_eq!(pass(&mut log, 0).0, []);
    assert_eq!(log.stats().scrub_failures, failures + 1);
    let name = segments(&storage)[1].clone();
    let (mut log, _, _) = {
        drop(log);
        open(&storage, &options()).unwrap()
    };
    storage.remove(&name);
    let first = u64::from_str_radix(&name[..16], 16).unwrap();
    let (suspects, _) = pass(&mut log, 0);
    let [suspect] = suspects[..] else { panic!("{suspects:?}") };
    assert_eq!(suspect.start.get(), first);
}

#[test]
fn a_fault_of_one_read_is_passed_over_and_one_that_stays_is_named() {
    let (storage, mut log, known) = cold(&options());
    let (victim, length) = (known[3].position, known[3].payload.len());
    storage.set_faults(|faults| faults.read_errors = vec![EIO]);
    assert_eq!(read(&mut log, victim, length).unwrap(), known[3].payload, "the second read succeeds");
    assert_eq!(log.stats().cold_reads_repeated, 1);

    storage.set_faults(|faults| faults.read_errors = vec![EIO, EIO]);
    let error = read(&mut log, victim, length).unwrap_err();
    let (file, offset) = log.place_of(victim).unwrap();
    assert!(
        matches!(&error, ReadError::Unreadable { file: f, offset: o, .. } if (f, *o) == (&file, offset)),
        "{error}"
    );
    assert!(error.to_string().contains(&file), "{error}");

    storage.set_faults(|faults| faults.read_errors = vec![EMFILE, EMFILE]);
    assert!(matches!(read(&mut log, victim, length), Err(ReadError::Io { .. })), "nothing is known of the record");
    assert_eq!(read(&mut log, victim, length).unwrap(), known[3].payload);

    let name = file;
    let mut bytes = storage.contents(&name);
    bytes[usize::try_from(offset).unwrap() + 9] ^= 1;
    storage.set_contents(&name, bytes);
    let repeated = log.stats().cold_reads_repeated;
    assert_eq!(read(&mut log, victim, length).unwrap(), known[3].payload, "the cache has it as it was");
    assert_eq!(log.stats().cold_reads_repeated, repeated);
    assert!(matches!(read_anew(&mut log, victim, length), Err(ReadError::Corrupt { .. })));
    assert_eq!(log.stats().cold_reads_repeated, repeated + 1);
}
