//! Durable records are there after a restart, in order and unchanged. Of the others, only the first ones may be.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeSet;

use crate::common::{Known, ONE, READER, append, encryption, incidents, open, payload, read, replay, settle, small};
use crate::encryption::Sealed;
use posthouse_encryption::Encryption;
use posthouse_log::{Health, Incident, Log, Options, Position, Read, Work};
use posthouse_simulated_disk::{Faults, OperationKind, Order, SimulatedDisk, Storage};
use proptest::prelude::*;

#[test]
fn records_come_back_after_a_clean_close() {
    let storage = Storage::new(1);
    let (mut log, recovered, records) = open(&storage, &small()).unwrap();
    assert!(recovered.fresh && records.is_empty());
    assert_eq!((log.end(), log.durable()), (Position::FIRST, Position::FIRST));
    let mut known = Vec::new();
    for number in 0..200 {
        append(&mut log, &mut known, number, number * 7 % 900);
        if number % 10 == 0 {
            log.commit();
            log.wait(None);
        }
    }
    log.close().unwrap();
    let (log, recovered, records) = open(&storage, &small()).unwrap();
    assert_eq!(records, known);
    assert!(recovered.clean && !recovered.fresh);
    assert_eq!((recovered.cut, recovered.records), (None, 200));
    assert!(recovered.segments > 4, "{recovered}");
    assert_eq!(recovered.end, log.end());
}

#[test]
fn nothing_is_durable_before_its_commit_has_completed() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    let position = append(&mut log, &mut known, 1, 100);
    assert_eq!((log.durable(), log.unsynced_bytes()), (position, 112));
    log.commit();
    assert_eq!(log.durable(), position);
    append(&mut log, &mut known, 2, 100);
    log.commit();
    log.wait(None);
    assert_eq!(log.durable(), known[1].position, "the second one gathers while the first is under way");
    settle(&mut log);
    assert_eq!(log.unsynced_bytes(), 0);
    let commits = log.stats().commits;
    log.commit();
    log.wait(Some(std::time::Duration::ZERO));
    assert_eq!(log.stats().commits, commits, "nothing to commit");
    drop(log);
    storage.lose_power();
    assert_eq!(open(&storage, &small()).unwrap().2, known);
}

#[test]
fn several_commits_are_under_way_only_for_full_batches() {
    let options = Options { segment_bytes: 1 << 20, first_segment_bytes: 1 << 20, commits_in_flight_max: 3, ..small() };
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &options).unwrap();
    while !storage.is_idle() {
        log.wait(None);
    }
    let mut known = Vec::new();
    // The first commit is small and ends within a block, which a second one would have to write again.
    append(&mut log, &mut known, 0, 10);
    log.commit();
    append(&mut log, &mut known, 1, 3500);
    log.commit();
    assert_eq!(storage.pending(OperationKind::Write), 1);
    settle(&mut log);
    for number in 2..7 {
        append(&mut log, &mut known, number, 3500);
        log.commit();
    }
    assert_eq!(storage.pending(OperationKind::Write), 3, "full batches overlap, up to the limit");
    append(&mut log, &mut known, 7, 10);
    settle(&mut log);
    let samples = {
        let mut samples = Vec::new();
        log.take_commit_samples(&mut samples);
        samples
    };
    assert_eq!(samples.iter().map(|sample| sample.records).sum::<u64>(), 8);
    assert_eq!(samples.len() as u64, log.stats().commits);
    drop(log);
    storage.lose_power();
    assert_eq!(open(&storage, &options).unwrap().2, known);
}

#[test]
fn the_tail_is_read_from_memory_and_older_records_from_the_disk() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    for number in 0..120 {
        let position = append(&mut log, &mut known, number, 500);
        log.retain(position, ONE);
        settle(&mut log);
    }
    let reads = storage.reads();
    for known in &known[110..] {
        match log.read(READER, known.position, 500) {
            Read::Ready(bytes) => assert_eq!(bytes, known.payload),
            Read::Pending(_) => panic!("the newest records are in memory"),
        }
    }
    assert_eq!(storage.reads(), reads);
    assert!(log.stats().tail_bytes <= small().tail_bytes + small().chunk_bytes as u64);
    for known in &known {
        assert_eq!(read(&mut log, known.position, 500).unwrap(), known.payload);
    }
    assert!(log.stats().cold_records > 50);
}

#[test]
fn many_cold_reads_at_once_are_bounded_on_the_disk_and_all_answered() {
    let options = Options { reads_in_flight_max: 4, cold_files_open_max: 2, ..small() };
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &options).unwrap();
    let mut known = Vec::new();
    for number in 0..150 {
        let position = append(&mut log, &mut known, number, 500);
        log.retain(position, ONE);
    }
    log.close().unwrap();
    let mut recovery = Log::open(SimulatedDisk::open(&storage), options).unwrap();
    replay(&mut recovery).unwrap();
    let (mut log, _) = recovery.finish().unwrap();
    storage.set_faults(|faults| faults.order = Order::Random);
    let mut pending = std::collections::BTreeMap::new();
    for known in &known[..130] {
        let Read::Pending(id) = log.read(READER, known.position, 500) else { panic!("cold") };
        pending.insert(id, known.payload.clone());
    }
    let mut completed = Vec::new();
    while !pending.is_empty() {
        assert!(storage.pending(OperationKind::Read) <= 4);
        log.wait(None);
        log.completed_reads(&mut completed);
        for (id, result) in completed.drain(..) {
            assert_eq!(result.unwrap(), pending.remove(&id).unwrap());
        }
    }
}

#[test]
fn a_failed_write_is_final() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    append(&mut log, &mut known, 0, 100);
    settle(&mut log);
    while log.stats().segments < 2 {
        log.wait(None);
    }
    log.wait(Some(std::time::Duration::ZERO));
    storage.set_faults(|faults| faults.writes_until_failure = Some(0));
    append(&mut log, &mut known, 1, 100);
    log.commit();
    log.wait(None);
    let durable = log.durable();
    assert_eq!(durable.get(), known[1].position.get());
    let Health::Failed(failure) = log.health().clone() else { panic!("still in good health") };
    assert_eq!((failure.work(), failure.file()), (Work::WriteRecords, Some("0000000000001000.segment")));
    assert_eq!(failure.to_string(), "writing records into 0000000000001000.segment: the disk is broken");
    assert_eq!(incidents(&mut log), [Incident::LogFailed(failure)]);
    // The disk works again, but the log stays failed.
    storage.set_faults(|faults| faults.writes_until_failure = None);
    append(&mut log, &mut known, 2, 100);
    log.commit();
    log.wait(Some(std::time::Duration::ZERO));
    assert_eq!(log.durable(), durable);
    assert!(!log.room_for(1));
    assert_eq!(incidents(&mut log), [], "a failure is one incident");
    assert_eq!(read(&mut log, known[0].position, 100).unwrap(), known[0].payload, "reads go on");
    assert!(log.close().unwrap_err().to_string().contains("the disk is broken"));
    assert_eq!(open(&storage, &small()).unwrap().2, known[..1]);
}

#[test]
fn a_failure_among_several_commits_holds_back_the_later_ones() {
    let roomy = Options { segment_bytes: 1 << 20, first_segment_bytes: 1 << 20, commits_in_flight_max: 3, ..small() };
    let storage = Storage::new(5);
    let (mut log, _, _) = open(&storage, &roomy).unwrap();
    while log.stats().segments < 2 || !storage.is_idle() {
        log.wait(None);
    }
    let mut known = Vec::new();
    for number in 0..3 {
        append(&mut log, &mut known, number, 3500);
        log.commit();
    }
    storage.set_faults(|faults| faults.completions_max = Some(1));
    log.wait(None);
    let durable = log.durable();
    storage.set_faults(|faults| faults.writes_until_failure = Some(0));
    log.wait(None);
    storage.set_faults(|faults| faults.writes_until_failure = None);
    log.wait(None);
    assert_eq!(log.durable(), durable, "a later write that succeeds does not count");
    assert!(matches!(log.health(), Health::Failed(_)));
}

#[test]
fn a_record_larger_than_the_first_segment_or_a_chunk_finds_room() {
    let storage = Storage::new(1);
    let options = small();
    let largest = options.payload_bytes_max();
    let (mut log, _, _) = open(&storage, &options).unwrap();
    let mut known = Vec::new();
    for (number, length) in [10, largest, 0, 9000, largest, largest, 1].into_iter().enumerate() {
        append(&mut log, &mut known, number, length);
    }
    settle(&mut log);
    for known in &known {
        assert_eq!(read(&mut log, known.position, known.payload.len()).unwrap(), known.payload);
    }
    drop(log);
    storage.lose_power();
    assert_eq!(open(&storage, &options).unwrap().2, known);
}

#[test]
#[should_panic(expected = "too large")]
fn a_record_that_fits_nowhere_is_a_bug() {
    let (mut log, _, _) = open(&Storage::new(1), &small()).unwrap();
    log.append(1, &[&vec![0; small().payload_bytes_max() + 1]]);
}

/// A step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Append { length: usize, live: bool },
    Release { choice: usize },
    Commit,
    Wait { pace: usize },
    ReplayFrom { choice: usize },
    Note,
    Reopen { how: How },
}

#[derive(Clone, Copy, Debug)]
enum How {
    PowerLoss,
    Kill,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![6 => 0_usize..300, 3 => 300_usize..3000, 1 => 3000_usize..12_000];
    let how = prop_oneof![4 => Just(How::PowerLoss), 2 => Just(How::Kill), 1 => Just(How::Close)];
    prop_oneof![
        20 => (length, any::<bool>()).prop_map(|(length, live)| Step::Append { length, live }),
        6 => any::<usize>().prop_map(|choice| Step::Release { choice }),
        10 => Just(Step::Commit),
        10 => (1_usize..4).prop_map(|pace| Step::Wait { pace }),
        2 => any::<usize>().prop_map(|choice| Step::ReplayFrom { choice }),
        3 => Just(Step::Note),
        2 => how.prop_map(|how| Step::Reopen { how }),
    ]
}

/// Which keys the log has, from one start to the next.
#[derive(Clone, Copy, Debug)]
enum Keys {
    None,
    One,
    /// Each start encrypts new data with another key, or not at all.
    Changing,
}

impl Keys {
    fn of_start(self, number: usize) -> Encryption {
        match self {
            Self::None => Encryption::off(),
            Self::One => encryption("B"),
            Self::Changing => encryption(["BC", "CB", "-BC"][number % 3]),
        }
    }
}

fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![Just(Keys::None), Just(Keys::One), Just(Keys::Changing)]
}

/// The kind of a record that states that another one is no longer needed.
const RELEASE: u8 = 201;

/// A log, and a list of what it must hold.
struct History {
    storage: Storage,
    options: Options,
    keys: Keys,
    sealed: Sealed,
    log: Option<Log<SimulatedDisk>>,
    /// All appended records that may be there, in order.
    known: Vec<Known>,
    /// The positions of records with a live reference, as a message store would hold them.
    live: BTreeSet<Position>,
    /// The positions of records that ever had one.
    retained: BTreeSet<Position>,
    replay_start: Position,
    number: usize,
}

impl History {
    fn start(seed: u64, commits_in_flight_max: usize, keys: Keys) -> Self {
        let storage = Storage::new(seed);
        storage.set_faults(|faults| faults.order = Order::Random);
        let options = Options { commits_in_flight_max, encryption: keys.of_start(0), ..small() };
        let (log, _, _) = open(&storage, &options).unwrap();
        let (known, live, retained) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let (log, sealed, replay_start) = (Some(log), Sealed::default(), Position::FIRST);
        Self { storage, options, keys, sealed, log, known, live, retained, replay_start, number: 0 }
    }

    fn run(&mut self, step: &Step) {
        let log = self.log.as_mut().unwrap();
        match *step {
            Step::Append { length, live } => {
                self.number += 1;
                let position = append(log, &mut self.known, self.number, length);
                if live {
                    log.retain(position, ONE);
                    self.live.insert(position);
                    self.retained.insert(position);
                }
            }
            Step::Release { choice } => {
                let Some(&position) = self.live.iter().nth(choice % self.live.len().max(1)) else { return };
                let content = position.get().to_le_bytes();
                let at = log.append(RELEASE, &[&content]);
                self.known.push(Known { position: at, kind: RELEASE, payload: content.to_vec() });
                log.release(position, ONE);
                self.live.remove(&position);
            }
            Step::Commit => log.commit(),
            Step::Wait { pace } => {
                self.storage.set_faults(|faults| faults.completions_max = Some(pace));
                log.wait(Some(std::time::Duration::ZERO));
                self.storage.set_faults(|faults| faults.completions_max = None);
            }
            Step::ReplayFrom { choice } => {
                let durable = log.durable();
                let within = self.known.iter().map(|known| known.position);
                let candidates: Vec<Position> =
                    within.filter(|position| *position < durable && *position >= log.replay_start()).collect();
                if !candidates.is_empty() {
                    self.replay_start = candidates[choice % candidates.len()];
                    log.set_replay_start(self.replay_start);
                }
            }
            Step::Note => log.note_durable(),
            Step::Reopen { how } => self.reopen(how),
        }
    }

    fn reopen(&mut self, how: How) {
        let log = self.log.take().unwrap();
        let durable = match how {
            How::Close => {
                let end = log.end();
                log.close().unwrap();
                end
            }
            How::PowerLoss | How::Kill => {
                let durable = log.durable();
                drop(log);
                if matches!(how, How::Kill) {
                    self.storage.kill();
                } else {
                    self.storage.lose_power();
                }
                durable
            }
        };
        self.sealed.look(&self.storage);
        self.options.encryption = self.keys.of_start(self.number);
        let mut recovery = Log::open(SimulatedDisk::open(&self.storage), self.options.clone()).unwrap();
        let start = recovery.replay_start();
        assert!(start <= self.replay_start, "replay never starts later than asked for");
        let records = replay(&mut recovery).unwrap();
        // The durable records, perhaps more, in order and unchanged, and no others.
        let skipped = self.known.partition_point(|known| known.position < start);
        let expected = &self.known[skipped..];
        assert!(records.len() <= expected.len(), "{} records out of {}", records.len(), expected.len());
        assert_eq!(records, expected[..records.len()]);
        let must = expected.partition_point(|known| known.position < durable);
        assert!(records.len() >= must, "{} of {must} durable records are there", records.len());
        self.known.truncate(skipped + records.len());
        self.replay_start = start;
        // A record is live if it was retained and no surviving record releases it. Releases that were lost did not
        // happen.
        let released: BTreeSet<u64> = self
            .known
            .iter()
            .filter(|known| known.kind == RELEASE)
            .map(|known| u64::from_le_bytes(known.payload[..].try_into().unwrap()))
            .collect();
        let surviving: BTreeSet<Position> = self.known.iter().map(|known| known.position).collect();
        self.retained.retain(|position| surviving.contains(position));
        self.live = self.retained.iter().copied().filter(|position| !released.contains(&position.get())).collect();
        for position in &self.live {
            recovery.retain(*position, ONE);
        }
        let (mut log, recovered) = recovery.finish().unwrap();
        assert!(recovered.noted <= recovered.end, "what was noted had been durable");
        assert_eq!(recovered.clean, matches!(how, How::Close));
        if matches!(how, How::Close) {
            assert!(log.end() >= durable && recovered.cut.is_none());
        }
        for known in &self.known {
            if self.live.contains(&known.position) {
                let bytes = read(&mut log, known.position, known.payload.len()).unwrap();
                assert_eq!(bytes, known.payload);
            }
        }
        self.log = Some(log);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn histories(
        seed in any::<u64>(),
        commits_in_flight_max in 1_usize..4,
        keys in keys(),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut history = History::start(seed, commits_in_flight_max, keys);
        for step in &steps {
            history.run(step);
        }
        history.reopen(How::PowerLoss);
        history.reopen(How::Close);
    }
}

#[test]
fn the_payloads_of_tests_are_not_zeros() {
    assert!(payload(3, 1000).iter().all(|byte| *byte != 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any write may fail, and the disk works again afterwards.
    #[test]
    fn after_a_failed_write_nothing_becomes_durable(
        seed in any::<u64>(),
        commits_in_flight_max in 1_usize..4,
        keys in keys(),
        writes in 0_u32..30,
        lengths in prop::collection::vec(0_usize..3000, 40..60),
    ) {
        let storage = Storage::new(seed);
        let options = Options { commits_in_flight_max, encryption: keys.of_start(0), ..small() };
        let (mut log, _, _) = open(&storage, &options).unwrap();
        storage.set_faults(|faults| {
            faults.order = Order::Random;
            faults.completions_max = Some(2);
            faults.writes_until_failure = Some(writes);
        });
        let mut known = Vec::new();
        let mut durable_at_failure = None;
        for (number, length) in lengths.into_iter().enumerate() {
            append(&mut log, &mut known, number, length);
            log.commit();
            log.wait(Some(std::time::Duration::ZERO));
            if *log.health() == Health::Good {
                continue;
            }
            storage.set_faults(|faults| faults.writes_until_failure = None);
            let durable = *durable_at_failure.get_or_insert(log.durable());
            prop_assert_eq!(log.durable(), durable);
        }
        let durable = log.durable();
        drop(log);
        storage.lose_power();
        storage.set_faults(|faults| *faults = Faults::default());
        let (_, _, records) = open(&storage, &options).unwrap();
        prop_assert_eq!(&records[..], &known[..records.len()]);
        prop_assert!(records.len() >= known.partition_point(|known| known.position < durable));
    }
}
