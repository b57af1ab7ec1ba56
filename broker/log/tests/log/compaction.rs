//! Compaction: records keep their names wherever they are moved, over restarts, checkpoints and losses of power, and the
//! files that they were moved out of go.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeMap;

use crate::common::{encrypted, payload, read, read_anew, segments, settle, small};
use posthouse_log::{
    KIND_RELOCATED, Log, MovedRecord, Noted, OpenError, Options, Position, ReadError, References, Relocated,
    RelocationCursor, Sharing,
};
use posthouse_simulated_disk::{SimulatedDisk, Storage};
use proptest::prelude::*;

const ADDED: u8 = 1;
const REMOVED: u8 = 2;
const BEGAN: u8 = 3;
const KEPT: u8 = 4;
const ENDED: u8 = 5;

/// A user of the log: records that were added and not removed, each with one reference, and checkpoints of them.
struct Store {
    storage: Storage,
    options: Options,
    log: Log<SimulatedDisk>,
    live: Live,
    numbers: usize,
}

/// The numbers and lengths of the records that are there, by name.
type Live = BTreeMap<Position, (usize, u32)>;

fn number_of(payload: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([payload[0], payload[1]]))
}

/// The bytes of a record: its number, then what follows from that.
fn body(number: usize, length: usize) -> Vec<u8> {
    let mut bytes = u16::try_from(number).unwrap().to_le_bytes().to_vec();
    bytes.extend(payload(number, length));
    bytes
}

impl Store {
    fn new(options: Options) -> Self {
        let storage = Storage::new(7);
        let (log, live) = start(&storage, &options).unwrap();
        Self { storage, options, log, live, numbers: 0 }
    }

    fn add(&mut self, length: usize) -> Position {
        let number = self.numbers;
        self.numbers += 1;
        let bytes = body(number, length);
        let position = self.log.append(ADDED, &[&bytes]);
        let length = u32::try_from(bytes.len()).unwrap();
        self.log.retain_record(position, length);
        self.live.insert(position, (number, length));
        position
    }

    fn remove(&mut self, name: Position) {
        let (_, length) = self.live.remove(&name).unwrap();
        self.log.append(REMOVED, &[&name.get().to_le_bytes()]);
        self.log.release_record(name, length);
    }

    fn rest(&mut self) {
        settle(&mut self.log);
        while !self.storage.is_idle() {
            self.log.wait(None);
        }
    }

    /// A checkpoint: replay begins there.
    fn checkpoint(&mut self) {
        let began = self.log.append(BEGAN, &[]);
        let mut from = Some(RelocationCursor::START);
        while let Some(next) = from {
            from = self.log.keep_relocations(next, 3);
        }
        for (name, (_, length)) in &self.live {
            self.log.append(KEPT, &[&name.get().to_le_bytes(), &length.to_le_bytes()]);
        }
        self.log.append(ENDED, &[]);
        self.rest();
        self.log.set_replay_start(began);
        self.rest();
    }

    /// Moves what is live out of the sparse segments. Returns how many there were.
    fn compact(&mut self) -> usize {
        let sparse = self.log.sparse_segments();
        let firsts: Vec<Position> = sparse.iter().map(|segment| segment.first).collect();
        self.log.watch(&firsts);
        let mut records: Vec<MovedRecord> = Vec::new();
        let mut from = Some(RelocationCursor::START);
        while let Some(next) = from {
            from = self.log.arrived_in(&firsts, next, 2, &mut records);
        }
        for segment in &sparse {
            let within = self.live.range(segment.first..segment.end);
            records.extend(
                within
                    .filter(|(name, _)| self.log.lies_in(**name, segment.first))
                    .map(|(name, (_, length))| MovedRecord { name: *name, length: *length, sharing: Sharing::Single }),
            );
        }
        assert_eq!(self.log.take_noted(), Noted::Records(Vec::new()));
        for record in records {
            let bytes = match read_anew(&mut self.log, record.name, record.length as usize) {
                Ok(bytes) => bytes,
                // The table lists a record that was removed, and its segment has gone meanwhile.
                Err(ReadError::Missing { .. }) if !self.live.contains_key(&record.name) => continue,
                Err(error) => panic!("{error}"),
            };
            assert!(self.log.can_relocate(record.length));
            self.log.relocate(record, &bytes);
            settle(&mut self.log);
        }
        for first in &firsts {
            assert!(self.log.set_emptied(*first), "everything was moved out");
        }
        firsts.len()
    }

    fn check(&mut self) {
        for (name, (number, length)) in self.live.clone() {
            let bytes = read(&mut self.log, name, length as usize).unwrap();
            assert_eq!(bytes, body(number, bytes.len() - 2), "the record named {name}");
        }
    }

    /// Loses power, and what was not durable with it.
    fn crash(self) -> Self {
        let Self { storage, options, log, numbers, .. } = self;
        drop(log);
        storage.lose_power();
        let (log, live) = start(&storage, &options).unwrap();
        Self { storage, options, log, live, numbers }
    }
}

fn name_in(payload: &[u8]) -> Position {
    Position::new(u64::from_le_bytes(payload[..8].try_into().unwrap()))
}

fn start(storage: &Storage, options: &Options) -> Result<(Log<SimulatedDisk>, Live), OpenError> {
    let mut recovery = Log::open(SimulatedDisk::open(storage), options.clone())?;
    let mut live: BTreeMap<Position, u32> = BTreeMap::new();
    let mut kept_from = None;
    while let Some(record) = recovery.next_record()? {
        if recovery.relocated(&record).unwrap() == Relocated::Taken {
            continue;
        }
        match record.kind {
            ADDED => {
                let length = u32::try_from(record.payload.len()).unwrap();
                recovery.retain(record.position, References::one(length as usize));
                live.insert(record.position, length);
            }
            REMOVED => {
                let name = name_in(&record.payload);
                if let Some(length) = live.remove(&name) {
                    recovery.release(name, References::one(length as usize));
                }
            }
            BEGAN => kept_from = kept_from.or(Some(record.position)),
            KEPT if kept_from == Some(recovery.replay_start()) => {
                let length = u32::from_le_bytes(record.payload[8..12].try_into().unwrap());
                let name = name_in(&record.payload);
                // A later checkpoint keeps what is known.
                if live.insert(name, length).is_none() {
                    recovery.retain(name, References::one(length as usize));
                }
            }
            _ => {}
        }
    }
    assert!(recovery.knows_moved());
    let (mut log, _) = recovery.finish()?;
    let mut found = Live::new();
    for (name, length) in live {
        let bytes = read(&mut log, name, length as usize).unwrap();
        found.insert(name, (number_of(&bytes), length));
    }
    Ok((log, found))
}

/// One record in ten is kept.
fn sparse(options: Options) -> Store {
    let mut store = Store::new(options);
    let mut added = Vec::new();
    for _ in 0..300 {
        added.push(store.add(500));
        settle(&mut store.log);
    }
    for (index, name) in added.into_iter().enumerate() {
        if index % 10 != 0 {
            store.remove(name);
        }
    }
    store.checkpoint();
    store
}

#[test]
fn what_is_live_moves_and_keeps_its_name() {
    for options in [small(), encrypted("a")] {
        let mut store = sparse(options);
        let before = segments(&store.storage).len();
        let emptied = store.compact();
        assert!(emptied > 5, "{emptied}");
        store.check();
        store.rest();
        assert!(segments(&store.storage).len() >= before, "the files stay until replay starts behind the moves");
        assert!(store.log.is_held_by_replay() && store.log.emptied_bytes() > 0);
        store = store.crash();
        store.check();
        store.compact();
        store.checkpoint();
        let after = segments(&store.storage).len();
        assert!(after <= before - emptied + 3, "{before} files, {after} after {emptied} were emptied");
        let stats = store.log.stats();
        assert_eq!((stats.relocations, store.log.emptied_bytes()), (30, 0));
        store.check();

        // What was moved is moved again, and leads nowhere but to its last place.
        for _ in 0..60 {
            let name = store.add(500);
            settle(&mut store.log);
            store.remove(name);
        }
        store.checkpoint();
        store.compact();
        store.checkpoint();
        assert_eq!(store.log.stats().relocations, 30);
        store = store.crash();
        store.check();

        for name in store.live.clone().into_keys() {
            store.remove(name);
        }
        store.checkpoint();
        // Replay from the checkpoint before may list what has gone since.
        store.checkpoint();
        assert_eq!(store.log.stats().relocations, 0, "the table lists what is needed only");
        assert!(segments(&store.storage).len() <= 3, "{:?}", segments(&store.storage));
    }
}

#[test]
fn a_shared_record_goes_with_the_last_reference_or_by_a_search() {
    let mut store = sparse(small());
    let sparse = store.log.sparse_segments();
    let segment = sparse[1];
    let names: Vec<(Position, u32)> =
        store.live.range(segment.first..segment.end).map(|(name, (_, length))| (*name, *length)).collect();
    assert!(names.len() >= 2);
    for (name, length) in &names {
        store.log.retain_record(*name, *length);
        let bytes = read_anew(&mut store.log, *name, *length as usize).unwrap();
        store.log.relocate(MovedRecord { name: *name, length: *length, sharing: Sharing::Shared }, &bytes).unwrap();
    }
    assert!(store.log.set_emptied(segment.first));
    let (gone, length) = names[0];
    store.log.release_record(gone, length);
    store.log.release_record(gone, length);
    settle(&mut store.log);
    assert_ne!(store.log.record_of(gone), gone, "how many references lead to it is not known");
    store.log.keep_moved(segment.first, &[names[1].0]);
    settle(&mut store.log);
    assert_eq!(store.log.stats().relocations, 1);
    for (name, length) in &names[1..] {
        store.log.release_record(*name, *length);
        store.log.release_record(*name, *length);
    }
    settle(&mut store.log);
    assert_eq!(store.log.stats().relocations, 0);
}

#[test]
fn new_references_are_noted_while_a_segment_is_watched() {
    let mut store = sparse(small());
    let segment = store.log.sparse_segments()[0];
    let (name, (_, length)) = store.live.range(segment.first..segment.end).next().map(|(n, l)| (*n, *l)).unwrap();
    store.log.watch(&[segment.first]);
    store.add(100);
    store.log.retain_record(name, length);
    assert_eq!(store.log.take_noted(), Noted::Records(vec![(name, length)]));
    store.log.end_watch();
    store.log.retain_record(name, length);
    assert_eq!(store.log.take_noted(), Noted::Records(Vec::new()), "nothing is watched any more");
    store.log.watch(&[segment.first]);
    store.log.retain(name, References::one(length as usize));
    assert_eq!(store.log.take_noted(), Noted::Unknown);
}

/// A record that leads to a place where nothing is stops the start, like any reference to a missing segment.
#[test]
fn a_moved_record_that_is_missing_is_found_at_the_start() {
    let mut store = sparse(small());
    store.compact();
    store.checkpoint();
    let name = *store.live.keys().next().unwrap();
    let place = store.log.place_of(name).unwrap().0;
    let Store { storage, options, log, .. } = store;
    drop(log);
    storage.remove(&place);
    let refused = start(&storage, &options).map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Corrupt(_)), "{refused}");
}

#[test]
fn records_that_are_no_moves_are_refused() {
    let storage = Storage::new(3);
    let mut recovery = Log::open(SimulatedDisk::open(&storage), small()).unwrap();
    assert_eq!(recovery.next_record().unwrap(), None);
    let (mut log, _) = recovery.finish().unwrap();
    for name in [4u64, 1 << 40, 0x1000] {
        log.append(KIND_RELOCATED, &[&name.to_le_bytes()]);
    }
    log.append(KIND_RELOCATED, &[&[0; 7]]);
    log.close().unwrap();
    let mut recovery = Log::open(SimulatedDisk::open(&storage), small()).unwrap();
    let mut refused = 0;
    while let Some(record) = recovery.next_record().unwrap() {
        refused += usize::from(recovery.relocated(&record).is_err());
    }
    assert_eq!(refused, 3, "a name is a position before the record");
}

/// What a history does next.
#[derive(Clone, Debug)]
enum Step {
    Add(usize),
    Remove(usize),
    Compact,
    Checkpoint,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1usize..3000).prop_map(Step::Add),
        10 => any::<usize>().prop_map(Step::Remove),
        1 => Just(Step::Compact),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order, each record that is there is what it was.
    #[test]
    fn histories(steps in proptest::collection::vec(step(), 50..250)) {
        let mut store = Store::new(small());
        for step in steps {
            match step {
                Step::Add(length) => drop(store.add(length)),
                Step::Remove(index) => {
                    if let Some(name) = store.live.keys().nth(index % store.live.len().max(1)).copied() {
                        store.remove(name);
                    }
                }
                Step::Compact => drop(store.compact()),
                Step::Checkpoint => store.checkpoint(),
                Step::Crash => {
                    settle(&mut store.log);
                    let before = store.live.clone();
                    store = store.crash();
                    prop_assert_eq!(&store.live, &before);
                }
            }
            if store.log.unsynced_bytes() > 4096 {
                settle(&mut store.log);
            }
        }
        store.rest();
        store.check();
        for name in store.live.clone().into_keys() {
            store.remove(name);
        }
        store.checkpoint();
        store.checkpoint();
        prop_assert_eq!(store.log.stats().relocations, 0);
        prop_assert!(segments(&store.storage).len() <= 3);
    }
}
