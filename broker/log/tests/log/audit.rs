//! An audit reads every record of a directory and changes nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use crate::common::{append, open, segments, settle, small};
use posthouse_log::{
    Audit, CheckedSegment, Damage, OpenError, Options, Position, References, SegmentFile, WholeRecord,
};
use posthouse_simulated_disk::{SimulatedDisk, Storage};

/// The segments of a storage, with what their check finds up to `end`, and the positions of all whole records.
fn audited(storage: &Storage, end: Position) -> (Vec<(SegmentFile, CheckedSegment)>, Vec<WholeRecord>) {
    let before: Vec<_> = storage.names().into_iter().map(|name| (storage.contents(&name), name)).collect();
    let mut audit = Audit::open(SimulatedDisk::open(storage)).unwrap();
    let mut records = Vec::new();
    let files: Vec<SegmentFile> = audit.segments().collect();
    let checked = files.into_iter().map(|file| {
        let until = end.max(file.first);
        let checked = audit.check(file.first, until, &mut |record| records.push(record)).unwrap();
        (file, checked)
    });
    let checked = checked.collect();
    assert_eq!(before, storage.names().into_iter().map(|name| (storage.contents(&name), name)).collect::<Vec<_>>());
    (checked, records)
}

#[test]
fn every_record_of_every_segment_is_read_and_every_damaged_one_found() {
    let storage = Storage::new(5);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    for number in 0..60 {
        append(&mut log, &mut known, number, 700);
        settle(&mut log);
    }
    // What a start would read begins in the middle: an audit reads the records before it too.
    log.retain(known[0].position, References { count: 1, bytes: 700 });
    log.set_replay_start(known[40].position);
    let end = log.durable();
    log.close().unwrap();

    let (checked, records) = audited(&storage, end);
    let kept: Vec<_> = known
        .iter()
        .filter(|known| checked.iter().any(|(file, _)| file.first <= known.position && known.position < file.end))
        .collect();
    assert!(kept.len() < known.len() && kept.len() > 20, "segments in the middle were reclaimed");
    let expected: Vec<_> = kept.iter().map(|known| (known.position, known.kind, known.payload.len())).collect();
    assert_eq!(
        records.iter().map(|record| (record.position, record.kind, record.length)).collect::<Vec<_>>(),
        expected
    );
    let mut closed = 0;
    for (file, checked) in &checked {
        assert_eq!((&checked.header, &checked.suspects[..]), (&None, &[][..]), "{}", file.name);
        assert_eq!(checked.sealed, file.end <= end, "{}", file.name);
        closed += u64::from(checked.sealed);
    }
    assert!(closed >= 2, "{closed}");

    for known in kept {
        let (file, _) =
            checked.iter().find(|(file, _)| file.first <= known.position && known.position < file.end).unwrap();
        let damaged = storage.fork();
        let mut bytes = damaged.contents(&file.name);
        let offset = usize::try_from(known.position.get() - file.first.get()).unwrap() + 4096 + 8;
        bytes[offset + 300] ^= 4;
        damaged.set_contents(&file.name, bytes);
        let (checked, records) = audited(&damaged, end);
        let suspects: Vec<_> = checked.iter().flat_map(|(_, checked)| &checked.suspects).collect();
        let [suspect] = suspects[..] else { panic!("{suspects:?}") };
        assert_eq!(suspect.start, known.position);
        assert!(!records.iter().any(|record| record.position == known.position));
    }
}

#[test]
fn headers_are_checked_against_the_name_the_length_and_the_log() {
    let storage = Storage::new(6);
    let options = Options { first_segment_bytes: 16 * 1024, ..small() };
    let (mut log, _, _) = open(&storage, &options).unwrap();
    append(&mut log, &mut Vec::new(), 1, 50);
    settle(&mut log);
    let end = log.durable();
    log.close().unwrap();
    let name = segments(&storage).remove(0);
    let header = |change: &dyn Fn(&mut Vec<u8>)| {
        let damaged = storage.fork();
        let mut bytes = damaged.contents(&name);
        change(&mut bytes);
        damaged.set_contents(&name, bytes);
        let (checked, records) = audited(&damaged, end);
        assert_eq!(records.len(), 1, "the record is whole nevertheless");
        checked[0].1.header
    };
    assert_eq!(header(&|_| {}), None);
    assert_eq!(header(&|bytes| bytes[40] ^= 1), Some(Damage::SegmentHeader));
    assert_eq!(header(&|bytes| bytes.truncate(8 * 1024)), Some(Damage::SegmentLength));
    let other = Storage::new(7);
    open(&other, &Options { identity: *b"another identity", ..options }).unwrap().0.close().unwrap();
    let foreign = other.contents(&name)[..4096].to_vec();
    assert_eq!(header(&|bytes| bytes[..4096].copy_from_slice(&foreign)), Some(Damage::ForeignSegment));
}

#[test]
fn a_directory_without_a_superblock_is_refused_and_left_empty() {
    let storage = Storage::new(8);
    let Err(OpenError::Corrupt(corruption)) = Audit::open(SimulatedDisk::open(&storage)) else { panic!("refused") };
    assert_eq!(corruption.damage, Damage::SuperblockMissing);
    assert!(storage.names().is_empty());
}
