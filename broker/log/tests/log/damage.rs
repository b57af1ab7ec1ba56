//! Damage to durable bytes stops the start and names the place. A torn end is cut. Neither is skipped.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use crate::common::{Known, ONE, append, encrypted, open, read, replay, segments, settle, small};
use posthouse_log::{Corruption, Damage, Log, OpenError, Options, Position, ReadError};
use posthouse_simulated_disk::{SimulatedDisk, Storage};

const FIRST_SEGMENT: &str = "0000000000001000.segment";

/// How the life of a log ends.
#[derive(Clone, Copy)]
enum Ending {
    Close,
    PowerLoss,
}

/// A small log with three commits in the first segment.
fn written(ending: Ending, options: &Options) -> (Storage, Vec<Known>, Position) {
    let storage = Storage::new(11);
    let (mut log, _, _) = open(&storage, options).unwrap();
    let mut known = Vec::new();
    for number in 0..3 {
        append(&mut log, &mut known, number, 40);
        append(&mut log, &mut known, number + 10, 21);
        settle(&mut log);
    }
    let durable = log.durable();
    match ending {
        Ending::Close => log.close().unwrap(),
        Ending::PowerLoss => {
            drop(log);
            storage.lose_power();
        }
    }
    (storage, known, durable)
}

fn corruption(error: OpenError) -> Corruption {
    match error {
        OpenError::Corrupt(corruption) => corruption,
        other => panic!("{other}"),
    }
}

fn flip(storage: &Storage, name: &str, bit: usize) -> Storage {
    let damaged = storage.fork();
    let mut bytes = damaged.contents(name);
    bytes[bit / 8] ^= 1 << (bit % 8);
    damaged.set_contents(name, bytes);
    damaged
}

#[test]
fn after_a_clean_close_every_flipped_bit_of_a_record_is_found() {
    for options in [small(), encrypted("B")] {
        check_after_a_clean_close_every_flipped_bit_of_a_record_is_found(&options);
    }
}

fn check_after_a_clean_close_every_flipped_bit_of_a_record_is_found(options: &Options) {
    let (storage, known, durable) = written(Ending::Close, options);
    let end = usize::try_from(durable.get()).unwrap();
    let mut refused = 0;
    for bit in 4096 * 8..end * 8 {
        match open(&flip(&storage, FIRST_SEGMENT, bit), options) {
            Err(error) => {
                let Corruption { file, offset, damage } = corruption(error);
                assert_eq!(file, FIRST_SEGMENT);
                assert!(offset <= bit as u64 / 8 && bit as u64 / 8 < offset + 64, "bit {bit} found at {offset}");
                assert!(matches!(damage, Damage::Record { position, .. } if position.get() == offset));
                refused += 1;
            }
            // The padding behind a payload has no meaning.
            Ok((_, _, records)) => assert_eq!(records, known, "bit {bit}"),
        }
    }
    let padding = 3 * 3 * 8;
    assert_eq!(refused, (end - 4096) * 8 - padding);
}

#[test]
fn after_a_crash_later_marks_distinguish_damage_from_a_torn_end() {
    for options in [small(), encrypted("B")] {
        check_after_a_crash_later_marks_distinguish_damage_from_a_torn_end(&options);
    }
}

fn check_after_a_crash_later_marks_distinguish_damage_from_a_torn_end(options: &Options) {
    let (storage, known, durable) = written(Ending::PowerLoss, options);
    let end = usize::try_from(durable.get()).unwrap();
    // The last mark proves that everything before the last commit was durable.
    let proven = usize::try_from(known[4].position.get()).unwrap();
    for bit in 4096 * 8..end * 8 {
        match open(&flip(&storage, FIRST_SEGMENT, bit), options) {
            Err(error) => {
                assert!(bit / 8 < proven, "bit {bit} of what may be torn");
                assert_eq!(corruption(error).file, FIRST_SEGMENT);
            }
            Ok((_, recovered, records)) => {
                assert_eq!(records, known[..records.len()], "bit {bit}");
                if records.len() < known.len() {
                    assert!(bit / 8 >= proven, "bit {bit} of what was durable");
                    let cut = recovered.cut.unwrap();
                    assert!(cut.position.get() <= bit as u64 / 8 && cut.bytes > 0);
                }
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_a_segment_header_is_found() {
    for options in [small(), encrypted("B")] {
        check_every_flipped_bit_of_a_segment_header_is_found(&options);
    }
}

fn check_every_flipped_bit_of_a_segment_header_is_found(options: &Options) {
    let (storage, _, _) = written(Ending::Close, options);
    for bit in (0..4096 * 8).step_by(7) {
        let corruption = corruption(open(&flip(&storage, FIRST_SEGMENT, bit), options).err().unwrap());
        assert_eq!((corruption.file.as_str(), corruption.offset), (FIRST_SEGMENT, 0));
        assert_eq!(corruption.damage, Damage::SegmentHeader);
    }
}

#[test]
fn one_slot_of_the_superblock_may_be_lost_but_not_both() {
    let (storage, known, _) = written(Ending::Close, &small());
    for slot in [0, 4096] {
        let mut bytes = storage.contents("superblock");
        bytes[slot..slot + 512].fill(0x55);
        let damaged = storage.fork();
        damaged.set_contents("superblock", bytes.clone());
        assert_eq!(open(&damaged, &small()).unwrap().2, known);
        bytes[4096 - slot] ^= 1;
        let damaged = storage.fork();
        damaged.set_contents("superblock", bytes);
        assert_eq!(corruption(open(&damaged, &small()).err().unwrap()).damage, Damage::Superblock);
    }
    let damaged = storage.fork();
    damaged.remove("superblock");
    assert_eq!(corruption(open(&damaged, &small()).err().unwrap()).damage, Damage::SuperblockMissing);
}

#[test]
fn every_truncation_of_a_file_is_refused() {
    let (storage, _, _) = written(Ending::Close, &small());
    for name in [FIRST_SEGMENT, "superblock"] {
        let bytes = storage.contents(name);
        for length in 0..bytes.len() {
            // Lengths within a sector are alike, because a disk reads whole blocks.
            if length % 512 > 1 {
                continue;
            }
            let damaged = storage.fork();
            damaged.set_contents(name, bytes[..length].to_vec());
            let Corruption { file, damage, .. } = corruption(open(&damaged, &small()).err().unwrap());
            assert_eq!(file, name);
            assert!(matches!(damage, Damage::SegmentLength | Damage::Superblock), "{length}: {damage}");
        }
    }
}

#[test]
fn the_end_is_cut_wherever_the_last_commit_was_torn() {
    for options in [small(), encrypted("B")] {
        check_the_end_is_cut_wherever_the_last_commit_was_torn(&options);
    }
}

fn check_the_end_is_cut_wherever_the_last_commit_was_torn(options: &Options) {
    let storage = Storage::new(11);
    let (mut log, _, _) = open(&storage, options).unwrap();
    let mut known = Vec::new();
    append(&mut log, &mut known, 0, 40);
    settle(&mut log);
    let durable = known.len();
    for number in 1..20 {
        append(&mut log, &mut known, number, 60);
    }
    settle(&mut log);
    let end = usize::try_from(log.durable().get()).unwrap();
    drop(log);
    storage.lose_power();
    let bytes = storage.contents(FIRST_SEGMENT);
    let start = usize::try_from(known[1].position.get()).unwrap();
    for torn_at in start..end {
        let torn = storage.fork();
        let mut bytes = bytes.clone();
        bytes[torn_at..].fill(0xee);
        torn.set_contents(FIRST_SEGMENT, bytes);
        let (mut log, recovered, records) = open(&torn, options).unwrap();
        assert_eq!(records, known[..records.len()]);
        assert!(records.len() >= durable);
        assert!(recovered.end.get() <= torn_at.next_multiple_of(8) as u64);
        assert_eq!(recovered.cut.unwrap().position, recovered.end);
        // The log goes on, and no record of the torn commit comes back.
        let mut all = records;
        append(&mut log, &mut all, 99, 10);
        settle(&mut log);
        drop(log);
        torn.lose_power();
        assert_eq!(open(&torn, options).unwrap().2, all);
    }
}

#[test]
fn what_a_torn_commit_left_behind_never_becomes_valid() {
    // Records of 64 bytes, 64 in a block, two blocks in one commit. The sixth record is lost.
    let storage = Storage::new(11);
    let options = Options { first_segment_bytes: 16 * 1024, ..small() };
    let (mut log, _, _) = open(&storage, &options).unwrap();
    let mut known = Vec::new();
    for number in 0..120 {
        append(&mut log, &mut known, number, 56);
    }
    settle(&mut log);
    drop(log);
    storage.lose_power();
    let mut bytes = storage.contents(FIRST_SEGMENT);
    let torn_at = usize::try_from(known[5].position.get()).unwrap();
    bytes[torn_at..torn_at + 64].fill(0);
    storage.set_contents(FIRST_SEGMENT, bytes);
    let (mut log, recovered, mut records) = open(&storage, &options).unwrap();
    assert_eq!(records, known[..5]);
    assert_eq!(recovered.cut.unwrap().position, known[5].position);
    // The next commit ends exactly where an old record begins: the first one of the second block.
    for number in 200..258 {
        append(&mut log, &mut records, number, 56);
    }
    append(&mut log, &mut records, 300, 40);
    settle(&mut log);
    assert_eq!(log.end(), known[64].position);
    drop(log);
    storage.lose_power();
    assert_eq!(open(&storage, &options).unwrap().2, records);
}

/// A closed log of several segments.
fn long(options: &Options) -> (Storage, Vec<Known>) {
    let storage = Storage::new(11);
    let (mut log, _, _) = open(&storage, options).unwrap();
    let mut known = Vec::new();
    for number in 0..100 {
        let position = append(&mut log, &mut known, number, 700);
        log.retain(position, ONE);
        settle(&mut log);
    }
    log.close().unwrap();
    (storage, known)
}

#[test]
fn every_missing_segment_is_named() {
    for options in [small(), encrypted("B")] {
        check_every_missing_segment_is_named(&options);
    }
}

fn check_every_missing_segment_is_named(options: &Options) {
    let (storage, known) = long(options);
    let segments = segments(&storage);
    assert!(segments.len() > 5);
    for (index, name) in segments.iter().enumerate() {
        let damaged = storage.fork();
        damaged.remove(name);
        let result = open(&damaged, options);
        if index == segments.len() - 1 {
            // The last segment was prepared and is empty. No record is lost, and it is created again.
            assert_eq!(result.unwrap().2, known);
            continue;
        }
        let corruption = corruption(result.err().unwrap());
        assert_eq!((&corruption.file, corruption.damage), (name, Damage::SegmentMissing));
    }
    for cut_from in 1..segments.len() - 1 {
        let damaged = storage.fork();
        for name in &segments[cut_from..] {
            damaged.remove(name);
        }
        assert_eq!(corruption(open(&damaged, options).err().unwrap()).file, segments[cut_from]);
    }
}

/// Names that no log gives stop the start with their file.
#[test]
fn a_segment_at_an_impossible_position_is_named() {
    for name in ["ffffffffffffff00.segment", "fffffffffffff000.segment", "0000000000700008.segment"] {
        let (storage, _, _) = written(Ending::Close, &small());
        storage.set_contents(name, vec![0; 8192]);
        let corruption = corruption(open(&storage, &small()).err().unwrap());
        assert_eq!((&*corruption.file, corruption.damage), (name, Damage::SegmentPosition));
    }
}

#[test]
fn a_missing_segment_before_the_start_of_replay_is_found_by_a_reference() {
    let (storage, known) = long(&small());
    let last = known.last().unwrap().position;
    let (mut log, _, _) = {
        let mut recovery = Log::open(SimulatedDisk::open(&storage), small()).unwrap();
        replay(&mut recovery).unwrap();
        for known in &known {
            recovery.retain(known.position, ONE);
        }
        let (log, recovered) = recovery.finish().unwrap();
        (log, recovered, ())
    };
    log.set_replay_start(last);
    log.wait(None);
    log.close().unwrap();
    let name = segments(&storage)[2].clone();
    storage.remove(&name);
    let mut recovery = Log::open(SimulatedDisk::open(&storage), small()).unwrap();
    assert_eq!(replay(&mut recovery).unwrap().len(), 1);
    for known in &known {
        recovery.retain(known.position, ONE);
    }
    let corruption = corruption(recovery.finish().err().unwrap());
    assert_eq!(corruption.file, name);
    assert!(matches!(corruption.damage, Damage::ReferencedSegmentMissing { references: 1.. }));
    // If no live record lies in it, its absence does not matter.
    let mut recovery = Log::open(SimulatedDisk::open(&storage), small()).unwrap();
    replay(&mut recovery).unwrap();
    for known in &known {
        recovery.retain(known.position, ONE);
        recovery.release(known.position, ONE);
    }
    recovery.finish().unwrap();
}

#[test]
fn damage_at_the_end_of_a_segment_is_proven_by_the_next_one() {
    let (storage, known) = long(&small());
    let segments = segments(&storage);
    let name = &segments[1];
    let first = u64::from_str_radix(&name[..16], 16).unwrap();
    let bytes = storage.contents(name);
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for bit in [last * 8, (last - 100) * 8 + 3, 4096 * 8 + 1] {
        let result = open(&flip(&storage, name, bit), &small());
        let corruption = corruption(result.err().unwrap());
        assert_eq!(&corruption.file, name);
        assert!(corruption.offset >= 4096 && corruption.offset <= bit as u64 / 8);
        assert!(corruption.to_string().contains(name));
    }
    assert!(known.iter().any(|known| known.position.get() >= first));
}

#[test]
fn a_segment_of_another_log_is_refused() {
    let (storage, _) = long(&small());
    let other = Storage::new(3);
    let options = Options { identity: *b"another identity", ..small() };
    open(&other, &options).unwrap().0.close().unwrap();
    let damaged = storage.fork();
    damaged.set_contents(FIRST_SEGMENT, other.contents(FIRST_SEGMENT));
    assert_eq!(corruption(open(&damaged, &small()).err().unwrap()).damage, Damage::ForeignSegment);
}

#[test]
fn another_format_is_refused_with_its_version() {
    let (storage, _, _) = written(Ending::Close, &small());
    let refused = |version: u8| {
        let storage = storage.fork();
        let mut bytes = storage.contents("superblock");
        for slot in bytes.chunks_mut(4096) {
            slot[8] = version;
            let checksum = crc32c::crc32c(&slot[..4092]);
            slot[4092..].copy_from_slice(&checksum.to_le_bytes());
        }
        storage.set_contents("superblock", bytes.clone());
        let error = open(&storage, &small()).err().unwrap();
        assert_eq!(storage.contents("superblock"), bytes, "nothing was changed");
        error
    };
    let later = refused(9);
    assert!(matches!(later, OpenError::Newer { version: 9, .. }));
    assert!(later.to_string().contains("start the later one"), "{later}");
    let earlier = refused(1);
    assert!(matches!(earlier, OpenError::Older { version: 1, .. }));
    assert!(earlier.to_string().contains("start the earlier one"), "{earlier}");
}

#[test]
fn a_damaged_record_is_an_error_of_its_cold_read_alone() {
    for options in [small(), encrypted("B")] {
        check_a_damaged_record_is_an_error_of_its_cold_read_alone(&options);
    }
}

fn check_a_damaged_record_is_an_error_of_its_cold_read_alone(options: &Options) {
    let (storage, known) = long(options);
    let (mut log, _, _) = open(&storage, options).unwrap();
    let victim = &known[10];
    let name = segments(&storage).into_iter().rfind(|name| name[..16] <= *format!("{}", victim.position)).unwrap();
    let first = u64::from_str_radix(&name[..16], 16).unwrap();
    let at = usize::try_from(victim.position.get() - first).unwrap() + 4096;
    let mut bytes = storage.contents(&name);
    bytes[at + 8 + 300] ^= 1;
    storage.set_contents(&name, bytes);
    let error = read(&mut log, victim.position, 700).unwrap_err();
    assert_eq!(error, ReadError::Corrupt { position: victim.position, file: name, offset: at as u64 });
    assert_eq!(read(&mut log, known[9].position, 700).unwrap(), known[9].payload);
    assert!(read(&mut log, known[11].position, 699).is_err(), "a wrong length never answers");
    let nowhere = Position::new(1 << 40);
    assert_eq!(read(&mut log, nowhere, 5), Err(ReadError::Missing { position: nowhere }));
}

#[test]
fn an_interrupted_creation_of_a_log_is_done_again() {
    // Power is lost after each operation of the first start in turn.
    for operations in 0..20 {
        let storage = Storage::new(1);
        let options = small();
        storage.set_faults(|faults| faults.operations_until_halt = Some(operations));
        let result = open(&storage, &options);
        storage.set_faults(|faults| faults.operations_until_halt = None);
        storage.lose_power();
        let other = Options { identity: *b"a second attempt", ..small() };
        let (mut log, _, records) = open(&storage, &other).unwrap();
        assert!(records.is_empty());
        let mut known = Vec::new();
        append(&mut log, &mut known, 1, 10);
        log.close().unwrap();
        assert_eq!(open(&storage, &options).unwrap().2, known);
        if result.is_ok() {
            return;
        }
    }
    panic!("the first start takes fewer operations");
}
