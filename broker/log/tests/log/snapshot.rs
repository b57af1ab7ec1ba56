//! A copy of the files of a snapshot is a whole log as of its position, and the log keeps them for as long.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use crate::common::{Known, ONE, append, open, read, replay, segments, settle, small};
use posthouse_disk::Disk;
use posthouse_log::{Extent, Log, Position, Snapshot};
use posthouse_simulated_disk::{SimulatedDisk, Storage};

/// Copies a snapshot as a backup does, at a time of the caller's choice.
fn copy(storage: &Storage, log: &mut Log<impl Disk>, snapshot: &Snapshot) -> Storage {
    let copy = Storage::new(77);
    for segment in &snapshot.segments {
        let mut bytes = storage.contents(&segment.name);
        assert_eq!(bytes.len() as u64, segment.length);
        if let Extent::First(extent) = segment.extent {
            bytes[usize::try_from(extent).unwrap()..].fill(0);
        }
        copy.set_contents(&segment.name, bytes);
        log.copied(segment.first);
    }
    copy.set_contents(snapshot.superblock_name, snapshot.superblock.to_vec());
    copy
}

fn rest(log: &mut Log<SimulatedDisk>, storage: &Storage) {
    while !storage.is_idle() {
        log.wait(Some(core::time::Duration::ZERO));
    }
}

#[test]
fn a_copy_holds_what_was_durable_and_nothing_else_at_whatever_position_it_is_taken() {
    let storage = Storage::new(3);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known: Vec<Known> = Vec::new();
    let mut kept = Vec::new();
    let mut replay_start = Position::FIRST;
    for number in 0..160 {
        let position = append(&mut log, &mut known, number, 10 + number * 97 % 2000);
        settle(&mut log);
        if number % 20 == 0 {
            log.retain(position, ONE);
            kept.push((position, known.last().unwrap().payload.clone()));
        }
        if number % 31 == 0 {
            replay_start = position;
            log.set_replay_start(position);
            rest(&mut log, &storage);
        }
        let snapshot = log.snapshot();
        assert_eq!((snapshot.position, snapshot.replay_start), (log.durable(), replay_start));
        // The log goes on before the copy is made: into the next segments, and with a replay start behind these.
        let mut later = known.clone();
        if number % 3 == 0 {
            for number in 0..4 {
                append(&mut log, &mut later, number, 3000);
                settle(&mut log);
            }
        }
        let copied = copy(&storage, &mut log, &snapshot);
        let mut recovery = Log::open(SimulatedDisk::open(&copied), small()).unwrap();
        let records = replay(&mut recovery).unwrap();
        kept.iter().for_each(|(position, _)| recovery.retain(*position, ONE));
        let (mut log_of_copy, recovered) = recovery.finish().unwrap();
        assert!(recovered.clean && recovered.damaged_slot.is_none() && recovered.cut.is_none());
        assert_eq!(recovered.end, snapshot.position);
        let expected: Vec<_> = known.iter().filter(|known| known.position >= replay_start).cloned().collect();
        assert_eq!(records, expected, "as of {}", snapshot.position);
        for (position, payload) in &kept {
            assert_eq!(&read(&mut log_of_copy, *position, payload.len()).unwrap(), payload);
        }
        // It goes on, and starts again.
        let mut more = records;
        append(&mut log_of_copy, &mut more, 5, 50);
        settle(&mut log_of_copy);
        log_of_copy.close().unwrap();
        assert_eq!(open(&copied, &small()).unwrap().2, more);
        known = later;
    }
}

#[test]
fn a_segment_is_kept_until_it_is_copied() {
    let storage = Storage::new(4);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    for number in 0..60 {
        append(&mut log, &mut known, number, 1000);
        settle(&mut log);
    }
    let before = segments(&storage);
    let (first, second) = (log.snapshot(), log.snapshot());
    log.set_replay_start(known.last().unwrap().position);
    rest(&mut log, &storage);
    for snapshot in [first, second] {
        assert!(before.iter().all(|name| segments(&storage).contains(name)));
        for segment in &snapshot.segments {
            log.copied(segment.first);
        }
        rest(&mut log, &storage);
    }
    assert!(segments(&storage).len() < before.len(), "what is not needed is reclaimed once it is copied");
}

#[test]
fn a_file_that_another_directory_uses_is_let_go_and_never_overwritten() {
    let storage = Storage::new(5);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    for number in 0..60 {
        append(&mut log, &mut known, number, 1000);
        settle(&mut log);
    }
    for name in segments(&storage) {
        storage.share(&name);
    }
    let recycled = log.stats().segments_recycled;
    log.set_replay_start(known.last().unwrap().position);
    rest(&mut log, &storage);
    assert_eq!(log.stats().segments_recycled, recycled);
    assert!(segments(&storage).len() <= 2, "{:?}", segments(&storage));
    log.close().unwrap();

    // So is a spare that a start finds.
    let spares =
        |storage: &Storage| storage.names().into_iter().filter(|name| name.ends_with(".spare")).collect::<Vec<_>>();
    storage.set_contents("00000000000000f0.spare", vec![1; 16 * 1024]);
    storage.share("00000000000000f0.spare");
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    rest(&mut log, &storage);
    assert!(!spares(&storage).contains(&"00000000000000f0.spare".to_owned()));
}
