//! The durable end that is noted in the superblock proves that records before it are lost, where the log itself cannot.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use crate::common::{Known, append, open, settle, small};
use posthouse_log::{Corruption, Damage, Log, OpenError, Position};
use posthouse_simulated_disk::{SimulatedDisk, Storage};

const FIRST_SEGMENT: &str = "0000000000001000.segment";

/// A log of single commits that was never closed. The durable end is noted behind each of the first `noted`.
fn busy(noted: usize) -> (Storage, Vec<Known>, Position) {
    let storage = Storage::new(3);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    for number in 0..6 {
        append(&mut log, &mut known, number, 50);
        settle(&mut log);
        if number < noted {
            log.note_durable();
            rest(&mut log, &storage);
            assert_eq!(log.noted(), log.durable());
        }
    }
    let noted = log.noted();
    drop(log);
    storage.lose_power();
    (storage, known, noted)
}

fn rest(log: &mut Log<SimulatedDisk>, storage: &Storage) {
    while !storage.is_idle() {
        log.wait(None);
    }
}

/// Zeroes the first segment from this position on, as a device does that loses its cache.
fn zero_from(storage: &Storage, position: Position) {
    let mut bytes = storage.contents(FIRST_SEGMENT);
    bytes[usize::try_from(position.get()).unwrap()..].fill(0);
    storage.set_contents(FIRST_SEGMENT, bytes);
}

#[test]
fn a_zeroed_tail_before_the_noted_end_is_acknowledged_records_missing() {
    let (storage, known, noted) = busy(4);
    for lost_from in &known[..4] {
        let damaged = storage.fork();
        zero_from(&damaged, lost_from.position);
        let Err(OpenError::Corrupt(corruption)) = open(&damaged, &small()) else { panic!("it starts") };
        let position = lost_from.position;
        let expected = Damage::Record { position, durable: noted };
        assert_eq!(corruption, Corruption { file: FIRST_SEGMENT.into(), offset: position.get(), damage: expected });
        let said = corruption.to_string();
        assert!(said.contains(&format!("acknowledged records from {position} to {noted} are damaged or missing")));
        assert_eq!(damaged.contents(FIRST_SEGMENT)[4096..], {
            let untouched = storage.fork();
            zero_from(&untouched, lost_from.position);
            untouched.contents(FIRST_SEGMENT)[4096..].to_vec()
        });
    }
}

/// Whole commits that end before the last note are proven; whether one after it was lost is not known, and not claimed.
#[test]
fn behind_the_noted_end_nothing_is_claimed() {
    let (storage, known, noted) = busy(4);
    for (kept, lost_from) in [(4, &known[4]), (5, &known[5])] {
        let damaged = storage.fork();
        zero_from(&damaged, lost_from.position);
        let (_, recovered, records) = open(&damaged, &small()).unwrap();
        assert_eq!(records, known[..kept]);
        assert_eq!(recovered.noted, noted);
        assert!(recovered.noted <= recovered.end && recovered.cut.is_none());
        let said = recovered.to_string();
        assert!(!said.contains("acknowledged"), "{said}");
    }
}

#[test]
fn the_end_is_noted_only_while_it_moves() {
    let storage = Storage::new(3);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    rest(&mut log, &storage);
    let before = storage.contents("superblock");
    log.note_durable();
    assert!(storage.is_idle(), "an idle log writes nothing");
    append(&mut log, &mut Vec::new(), 1, 10);
    log.note_durable();
    assert!(storage.is_idle(), "what is not durable is not noted");
    settle(&mut log);
    log.note_durable();
    log.note_durable();
    rest(&mut log, &storage);
    assert_ne!(storage.contents("superblock"), before);
    log.note_durable();
    assert!(storage.is_idle(), "it is noted once");
}

#[test]
fn a_slot_that_is_not_whole_is_reported_and_written_again() {
    let (storage, known, noted) = busy(6);
    for (slot, fill) in [(0, 0x55), (4096, 0x55), (0, 0), (4096, 0)] {
        let damaged = storage.fork();
        let mut bytes = damaged.contents("superblock");
        bytes[slot..slot + 4096].fill(fill);
        damaged.set_contents("superblock", bytes);
        let (log, recovered, records) = open(&damaged, &small()).unwrap();
        assert_eq!(recovered.damaged_slot, Some(slot as u64));
        assert!(recovered.noted <= noted);
        assert_eq!(records, known);
        drop(log);
        damaged.lose_power();
        let (_, recovered, records) = open(&damaged, &small()).unwrap();
        assert_eq!((recovered.damaged_slot, records), (None, known.clone()));
    }
    // The second slot of a fresh log was never written.
    let fresh = Storage::new(1);
    assert_eq!(open(&fresh, &small()).unwrap().1.damaged_slot, None);
}
