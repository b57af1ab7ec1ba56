//! Encryption at rest: what lies on the disk reveals nothing, keys are needed and named, and no nonce is used twice.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeMap;

use crate::common::{
    IDENTITY, Known, ONE, append, encrypted, key_id, open, payload, read, replay, segments, settle, small,
};
use posthouse_log::{Corruption, Damage, Log, MissingKey, OpenError, Options, Position};
use posthouse_simulated_disk::{Order, SimulatedDisk, Storage};

/// What every encrypted record was when it was first seen, by the wrapped key of its segment and its position: a key and
/// a nonce.
#[derive(Default)]
pub(crate) struct Sealed(BTreeMap<(Vec<u8>, u64), Vec<u8>>);

impl Sealed {
    /// Looks at all records on the disk.
    ///
    /// # Panics
    ///
    /// If another record was encrypted with the same key and nonce before.
    pub(crate) fn look(&mut self, storage: &Storage) {
        for name in segments(storage) {
            let bytes = storage.contents(&name);
            let Some(key) = wrapped_key(&bytes) else { continue };
            let first = u64::from_str_radix(&name[..16], 16).unwrap();
            for (position, kind, stored) in stored_records(&bytes, first) {
                if kind < 0xf0 {
                    let before = self.0.entry((key.to_vec(), position)).or_insert_with(|| stored.to_vec());
                    assert_eq!(before, stored, "two records under one key and nonce, at {position:x}");
                }
            }
        }
    }
}

/// The wrapped key of a segment, by the drawing in `docs/format.md`. `None` if it is not encrypted.
fn wrapped_key(file: &[u8]) -> Option<&[u8]> {
    (file[12] & 2 != 0).then(|| &file[48..116])
}

/// The whole records of a segment, as they are stored: position, kind, payload.
fn stored_records(file: &[u8], first: u64) -> Vec<(u64, u8, &[u8])> {
    let mut records = Vec::new();
    let mut at = 4096;
    while at + 8 <= file.len() {
        let word = u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap());
        let (length, kind) = ((word & 0xff_ffff) as usize, file[at + 7]);
        let Some(stored) = file.get(at + 8..at + 8 + length) else { break };
        let position = first + at as u64 - 4096;
        let covered = [&IDENTITY[..], &position.to_le_bytes(), &file[at + 4..at + 8], stored].concat();
        if kind == 0 || file[at..at + 4] != crc32c::crc32c(&covered).to_le_bytes() {
            break;
        }
        records.push((position, kind, stored));
        at += 8 + length.next_multiple_of(8);
    }
    records
}

/// Whether the bytes occur in a file of the directory.
fn reveals(storage: &Storage, bytes: &[u8]) -> bool {
    let files = storage.names().into_iter().map(|name| storage.contents(&name));
    files.into_iter().any(|file| file.windows(bytes.len()).any(|window| window == bytes))
}

/// A log with `count` records of 700 bytes, all referred to, durable.
fn filled(options: &Options, count: usize) -> (Storage, Vec<Known>) {
    let storage = Storage::new(11);
    let known = fill(&storage, options, 0..count);
    (storage, known)
}

/// Appends records and closes the log.
fn fill(storage: &Storage, options: &Options, numbers: std::ops::Range<usize>) -> Vec<Known> {
    let (mut log, _, mut known) = open(storage, options).unwrap();
    for number in numbers {
        let position = append(&mut log, &mut known, number, 700);
        log.retain(position, ONE);
        settle(&mut log);
    }
    log.close().unwrap();
    known
}

/// Starts, refers to all records and reads each of them.
fn check_all(storage: &Storage, options: &Options, known: &[Known]) {
    let mut recovery = Log::open(SimulatedDisk::open(storage), options.clone()).unwrap();
    assert_eq!(replay(&mut recovery).unwrap(), known);
    for known in known {
        recovery.retain(known.position, ONE);
    }
    let (mut log, _) = recovery.finish().unwrap();
    for known in known {
        assert_eq!(read(&mut log, known.position, known.payload.len()).unwrap(), known.payload);
    }
}

#[test]
fn nothing_that_was_appended_lies_on_the_disk_as_it_is() {
    let (storage, known) = filled(&small(), 60);
    assert!(known.iter().all(|known| reveals(&storage, &known.payload[..16])), "without keys it does");
    let (storage, known) = filled(&encrypted("B"), 60);
    assert!(!known.iter().any(|known| reveals(&storage, &known.payload[..16])));
    check_all(&storage, &encrypted("B"), &known);
}

#[test]
fn single_records_are_decrypted_during_recovery() {
    let (storage, known) = filled(&encrypted("B"), 60);
    let mut recovery = Log::open(SimulatedDisk::open(&storage), encrypted("CB")).unwrap();
    for known in [&known[0], &known[30], &known[59]] {
        assert_eq!(recovery.read(known.position, known.payload.len()).unwrap(), known.payload);
    }
    assert_eq!(replay(&mut recovery).unwrap(), known);
    assert_eq!(recovery.read(known[1].position, known[1].payload.len()).unwrap(), known[1].payload);
}

#[test]
fn a_missing_key_is_named_and_nothing_is_changed() {
    let (storage, _) = filled(&encrypted("B"), 60);
    let before: Vec<Vec<u8>> = storage.names().iter().map(|name| storage.contents(name)).collect();
    let count = segments(&storage).len() as u64;
    for (options, lacking) in [(small(), "no key"), (encrypted("C"), "another key"), (encrypted("-C"), "none")] {
        let error = open(&storage, &options).err().unwrap();
        let OpenError::KeysMissing { keys } = &error else { panic!("{lacking}: {error}") };
        assert_eq!(keys[..], [MissingKey { id: key_id('B'), segments: count }], "{lacking}");
        assert!(error.to_string().contains(&format!("key {}, which {count} segments need", key_id('B'))), "{error}");
        let after: Vec<Vec<u8>> = storage.names().iter().map(|name| storage.contents(name)).collect();
        assert!(before == after, "{lacking}: nothing was changed");
    }
}

#[test]
fn a_missing_key_of_a_segment_before_replay_is_named_too() {
    let (storage, known) = filled(&encrypted("B"), 60);
    let mut recovery = Log::open(SimulatedDisk::open(&storage), encrypted("CB")).unwrap();
    replay(&mut recovery).unwrap();
    recovery.retain(known[0].position, ONE);
    let (mut log, _) = recovery.finish().unwrap();
    let mut known = Vec::new();
    let position = append(&mut log, &mut known, 1, 40);
    settle(&mut log);
    log.set_replay_start(position);
    log.wait(None);
    log.close().unwrap();
    let error = open(&storage, &encrypted("C")).err().unwrap();
    let OpenError::KeysMissing { keys } = &error else { panic!("{error}") };
    assert_eq!(keys[0].id, key_id('B'));
}

#[test]
fn keys_rotate_and_encryption_begins_and_ends_on_a_log_that_is_there() {
    let storage = Storage::new(11);
    let turns = [small(), encrypted("B"), encrypted("CB"), encrypted("-BC"), encrypted("CB")];
    let marker = |turn: usize| format!("this is turn {turn}").into_bytes();
    for (turn, options) in turns.iter().enumerate() {
        fill(&storage, options, turn * 20..turn * 20 + 20);
        let (mut log, _, _) = open(&storage, options).unwrap();
        log.append(7, &[&marker(turn)]);
        settle(&mut log);
        log.close().unwrap();
    }
    let (_, _, known) = open(&storage, &encrypted("DCB")).unwrap();
    check_all(&storage, &encrypted("DCB"), &known);
    for turn in 0..turns.len() {
        assert!(known.iter().any(|known| known.payload == marker(turn)));
        assert_eq!(reveals(&storage, &marker(turn)), [0, 3].contains(&turn), "turn {turn}");
    }
}

#[test]
fn a_segment_of_an_earlier_run_is_sealed_by_the_first_record_only() {
    let storage = Storage::new(11);
    let options = encrypted("B");
    fill(&storage, &options, 0..3);
    let before = segments(&storage);
    for _ in 0..5 {
        let (mut log, _, _) = open(&storage, &options).unwrap();
        while !storage.is_idle() {
            log.wait(None);
        }
        drop(log);
        storage.lose_power();
    }
    assert_eq!(segments(&storage).len(), before.len(), "starts without records need no files");
    let known = fill(&storage, &options, 3..6);
    let first: Position = known[3].position;
    assert!(segments(&storage).contains(&format!("{first}.segment")), "the first record of a run begins a segment");
}

#[test]
fn a_directory_that_is_copied_twice_has_other_keys_in_each_copy() {
    let (storage, _) = filled(&encrypted("B"), 10);
    let copy = storage.fork();
    let mut sealed = Sealed::default();
    fill(&storage, &encrypted("B"), 100..110);
    fill(&copy, &encrypted("B"), 200..220);
    sealed.look(&storage);
    sealed.look(&copy);
}

#[test]
fn files_of_unencrypted_records_are_not_used_again() {
    let storage = Storage::new(11);
    let (mut log, _, mut known) = open(&storage, &small()).unwrap();
    for number in 0..100 {
        append(&mut log, &mut known, number, 700);
        settle(&mut log);
    }
    let last = known.last().unwrap().position;
    log.set_replay_start(last);
    while !storage.is_idle() {
        log.wait(None);
    }
    log.close().unwrap();
    assert!(storage.names().iter().any(|name| name.ends_with(".spare")), "there are spares of earlier segments");
    let (mut log, _, _) = open(&storage, &encrypted("B")).unwrap();
    let mut later = Vec::new();
    for number in 100..130 {
        append(&mut log, &mut later, number, 700);
        settle(&mut log);
    }
    log.set_replay_start(later.last().unwrap().position);
    while !storage.is_idle() {
        log.wait(None);
    }
    assert!(
        !known.iter().any(|known| reveals(&storage, &known.payload[..16])),
        "all files of unencrypted records left"
    );
}

/// The names of those files are taken until they are removed, and disks complete operations in any order.
#[test]
fn a_new_file_never_gets_the_name_of_one_that_is_being_removed() {
    for seed in 0..64 {
        let storage = Storage::new(seed);
        storage.set_faults(|faults| faults.order = Order::Random);
        drop(open(&storage, &small()).unwrap());
        // The first spare of a run without keys, which ended before the spare became a segment.
        let unencrypted = storage.contents(&segments(&storage)[0]);
        storage.set_contents(&format!("{:016x}.spare", 0), unencrypted);
        let (mut log, _, mut known) = open(&storage, &encrypted("B")).unwrap();
        for number in 0..60 {
            append(&mut log, &mut known, number, 700);
            settle(&mut log);
        }
        log.close().unwrap();
        assert_eq!(open(&storage, &encrypted("B")).unwrap().2, known);
    }
}

#[test]
fn a_wrapped_key_of_another_segment_is_damage() {
    let (storage, _) = filled(&encrypted("B"), 60);
    let names = segments(&storage);
    let other = storage.contents(&names[1])[48..116].to_vec();
    let mut bytes = storage.contents(&names[0]);
    bytes[48..116].copy_from_slice(&other);
    let checksum = crc32c::crc32c(&bytes[..4092]);
    bytes[4092..4096].copy_from_slice(&checksum.to_le_bytes());
    storage.set_contents(&names[0], bytes);
    let error = open(&storage, &encrypted("B")).err().unwrap();
    let OpenError::Corrupt(Corruption { file, damage, .. }) = &error else { panic!("{error}") };
    assert_eq!((file, *damage), (&names[0], Damage::WrappedKey));
}

/// The checksum protects against accidents, the tag against everything else.
#[test]
fn a_record_that_was_replaced_is_not_valid_although_its_checksum_is() {
    let (storage, known) = filled(&encrypted("B"), 60);
    let name = segments(&storage)[0].clone();
    let mut bytes = storage.contents(&name);
    let at = usize::try_from(known[1].position.get()).unwrap();
    bytes[at + 20] ^= 1;
    let covered =
        [&IDENTITY[..], &known[1].position.get().to_le_bytes(), &bytes[at + 4..at + 8], &bytes[at + 8..at + 8 + 716]];
    let checksum = crc32c::crc32c(&covered.concat());
    bytes[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
    storage.set_contents(&name, bytes);
    let error = open(&storage, &encrypted("B")).err().unwrap();
    let OpenError::Corrupt(Corruption { damage, .. }) = &error else { panic!("{error}") };
    assert!(matches!(damage, Damage::Record { position, .. } if *position == known[1].position), "{error}");
}

#[test]
fn a_damaged_header_before_replay_costs_the_records_of_its_segment_only() {
    let (storage, known) = filled(&encrypted("B"), 60);
    let mut recovery = Log::open(SimulatedDisk::open(&storage), encrypted("B")).unwrap();
    replay(&mut recovery).unwrap();
    for known in &known {
        recovery.retain(known.position, ONE);
    }
    let (mut log, _) = recovery.finish().unwrap();
    log.set_replay_start(known.last().unwrap().position);
    log.wait(None);
    log.close().unwrap();
    let name = segments(&storage)[1].clone();
    let mut bytes = storage.contents(&name);
    bytes[60] ^= 1;
    storage.set_contents(&name, bytes);
    let mut recovery = Log::open(SimulatedDisk::open(&storage), encrypted("B")).unwrap();
    replay(&mut recovery).unwrap();
    for known in &known {
        recovery.retain(known.position, ONE);
    }
    let (mut log, _) = recovery.finish().unwrap();
    let first = u64::from_str_radix(&name[..16], 16).unwrap();
    for known in &known {
        let lost = (first..first + 12 * 1024).contains(&known.position.get());
        let result = read(&mut log, known.position, 700);
        assert_eq!(result.is_err(), lost, "{}", known.position);
    }
}

#[test]
fn the_longest_record_finds_room_with_its_tag() {
    let options = encrypted("B");
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &options).unwrap();
    let long = payload(1, options.payload_bytes_max());
    let position = log.append(7, &[&long]);
    settle(&mut log);
    log.close().unwrap();
    let (_, _, records) = open(&storage, &options).unwrap();
    assert_eq!(records, [Known { position, kind: 7, payload: long }]);
}
