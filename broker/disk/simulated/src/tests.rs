//! The contract of the disk, and the range of its faults.

use std::{collections::BTreeSet, io, time::Duration};

use posthouse_disk::{BLOCK_BYTES, Buffer, Completion, Disk, DiskOutcome, FileId, Operation, OperationId};

use crate::{OperationKind, Order, SECTOR_BYTES, SimulatedDisk, Storage};

const BLOCKS: usize = 4;
const LENGTH: u64 = (BLOCKS * BLOCK_BYTES) as u64;

fn run(disk: &mut SimulatedDisk, operation: Operation) -> io::Result<DiskOutcome> {
    disk.submit(OperationId(7), operation);
    let mut completions = Vec::new();
    disk.wait(None, &mut completions)?;
    let [Completion { id, result, .. }] = <[_; 1]>::try_from(completions).expect("one operation completes");
    assert_eq!(id, OperationId(7));
    result
}

fn create(disk: &mut SimulatedDisk, name: &str) -> FileId {
    match run(disk, Operation::Create { name: name.into(), length: LENGTH }) {
        Ok(DiskOutcome::Opened { file, length: LENGTH }) => file,
        other => panic!("{other:?}"),
    }
}

/// A write of blocks that are filled with one value.
fn write(file: FileId, offset: u64, blocks: usize, value: u8) -> Operation {
    let mut buffer = Buffer::zeroed(blocks * BLOCK_BYTES);
    buffer.fill(value);
    Operation::Write { file, offset, data: vec![buffer.freeze(blocks * BLOCK_BYTES)], durable: true }
}

fn not_durable(operation: Operation) -> Operation {
    match operation {
        Operation::Write { file, offset, data, .. } => Operation::Write { file, offset, data, durable: false },
        other => other,
    }
}

/// The value of each sector, which must be filled with one.
fn sectors(storage: &Storage, name: &str) -> Vec<u8> {
    let bytes = storage.contents(name);
    let value = |sector: &[u8]| {
        assert!(sector.iter().all(|byte| *byte == sector[0]), "no sector is torn within itself");
        sector[0]
    };
    bytes.chunks(SECTOR_BYTES).map(value).collect()
}

/// Writes, waits and losses of power in random order. Returns what completed, in order, and the bytes at the end.
fn history(seed: u64) -> (Vec<u64>, Vec<u8>) {
    let storage = Storage::new(seed);
    storage.set_faults(|faults| {
        faults.order = Order::Random;
        faults.completions_max = Some(3);
    });
    let mut disk = SimulatedDisk::open(&storage);
    storage.set_contents("a", vec![0; BLOCKS * BLOCK_BYTES]);
    let mut completed = Vec::new();
    for round in 0..10 {
        let Ok(DiskOutcome::Opened { file, .. }) = run(&mut disk, Operation::Open { name: "a".into() }) else {
            panic!("the file is there");
        };
        let mut completions = Vec::new();
        for number in 0..8 {
            let operation =
                write(file, (number % 4) * BLOCK_BYTES as u64, 1, u8::try_from(round * 8 + number).unwrap());
            disk.submit(OperationId(number), if number % 3 == 0 { not_durable(operation) } else { operation });
        }
        disk.wait(None, &mut completions).unwrap();
        completed.extend(completions.iter().map(|completion| completion.id.0));
        storage.lose_power();
        disk = SimulatedDisk::open(&storage);
    }
    (completed, storage.contents("a"))
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    for seed in 0..20 {
        assert_eq!(history(seed), history(seed), "seed {seed}");
    }
    let histories: BTreeSet<_> = (0..20).map(history).collect();
    assert_eq!(histories.len(), 20);
}

#[test]
fn what_was_acknowledged_as_durable_survives_a_loss_of_power() {
    for seed in 0..50 {
        let storage = Storage::new(seed);
        let mut disk = SimulatedDisk::open(&storage);
        let file = create(&mut disk, "a");
        create(&mut disk, "b");
        create(&mut disk, "c");
        run(&mut disk, write(file, 0, 2, 1)).unwrap();
        run(&mut disk, not_durable(write(file, 2 * BLOCK_BYTES as u64, 1, 2))).unwrap();
        run(&mut disk, Operation::Sync { file }).unwrap();
        run(&mut disk, Operation::Rename { from: "b".into(), to: "d".into() }).unwrap();
        run(&mut disk, Operation::Remove { name: "c".into() }).unwrap();
        disk.submit(OperationId(0), write(file, 3 * BLOCK_BYTES as u64, 1, 9));
        storage.lose_power();
        assert_eq!(storage.names(), ["a", "d"]);
        let sectors = sectors(&storage, "a");
        assert_eq!(sectors[..24], [[1; 16].as_slice(), &[2; 8]].concat());
    }
}

#[test]
fn a_write_that_was_not_durable_survives_in_any_part() {
    let mut survivors = BTreeSet::new();
    for seed in 0..100 {
        let storage = Storage::new(seed);
        let mut disk = SimulatedDisk::open(&storage);
        let file = create(&mut disk, "a");
        run(&mut disk, not_durable(write(file, 0, 1, 5))).unwrap();
        let seen = run(&mut disk, Operation::Read { file, offset: 0, length: 4096 });
        assert!(matches!(seen, Ok(DiskOutcome::Read(bytes)) if bytes[..] == [5; 4096]), "reads see it");
        storage.lose_power();
        let sectors = sectors(&storage, "a");
        assert!(sectors[..8].iter().all(|value| [0, 5].contains(value)));
        assert!(sectors[8..].iter().all(|value| *value == 0), "nothing else changes");
        survivors.insert(sectors);
    }
    assert!(survivors.len() > 50, "{} outcomes", survivors.len());
}

#[test]
fn a_write_under_way_is_whole_lost_cut_or_scattered() {
    let (mut whole, mut lost, mut front, mut scattered) = (0, 0, 0, 0);
    for seed in 0..200 {
        let storage = Storage::new(seed);
        let mut disk = SimulatedDisk::open(&storage);
        let file = create(&mut disk, "a");
        disk.submit(OperationId(0), write(file, 0, BLOCKS, 3));
        storage.lose_power();
        let survives: Vec<bool> = sectors(&storage, "a").into_iter().map(|value| value == 3).collect();
        let count = survives.iter().filter(|survives| **survives).count();
        match count {
            0 => lost += 1,
            _ if count == survives.len() => whole += 1,
            _ if survives[..count].iter().all(|survives| *survives) => front += 1,
            _ => scattered += 1,
        }
    }
    assert!([whole, lost, front, scattered].iter().all(|count| *count > 20), "{whole} {lost} {front} {scattered}");
}

#[test]
fn an_operation_on_a_name_that_was_under_way_has_happened_or_not() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..50 {
        let storage = Storage::new(seed);
        let mut disk = SimulatedDisk::open(&storage);
        create(&mut disk, "a");
        disk.submit(OperationId(0), Operation::Rename { from: "a".into(), to: "b".into() });
        disk.submit(OperationId(1), Operation::Create { name: "c".into(), length: LENGTH });
        storage.lose_power();
        outcomes.insert(storage.names());
    }
    assert_eq!(
        outcomes.into_iter().collect::<Vec<_>>(),
        [
            vec!["a".to_owned()],
            vec!["a".to_owned(), "c".to_owned()],
            vec!["b".to_owned()],
            vec!["b".to_owned(), "c".to_owned()],
        ]
    );
}

#[test]
fn a_killed_process_leaves_completed_writes_behind() {
    for seed in 0..50 {
        let storage = Storage::new(seed);
        let mut disk = SimulatedDisk::open(&storage);
        let file = create(&mut disk, "a");
        run(&mut disk, not_durable(write(file, 0, 1, 5))).unwrap();
        storage.kill();
        let mut disk = SimulatedDisk::open(&storage);
        let Ok(DiskOutcome::Opened { file, .. }) = run(&mut disk, Operation::Open { name: "a".into() }) else {
            panic!("the file is there");
        };
        let seen = run(&mut disk, Operation::Read { file, offset: 0, length: 4096 });
        assert!(matches!(seen, Ok(DiskOutcome::Read(bytes)) if bytes[..] == [5; 4096]));
    }
}

#[test]
fn operations_complete_once_in_the_order_asked_for() {
    let complete = |order| {
        let storage = Storage::new(3);
        storage.set_faults(|faults| {
            faults.order = order;
            faults.completions_max = Some(4);
        });
        let mut disk = SimulatedDisk::open(&storage);
        for number in 0..10 {
            disk.submit(OperationId(number), Operation::Open { name: "none".into() });
        }
        let mut completions = Vec::new();
        let mut lengths = Vec::new();
        while !storage.is_idle() {
            disk.wait(None, &mut completions).unwrap();
            lengths.push(completions.len());
        }
        assert_eq!(lengths, [4, 8, 10]);
        completions.iter().map(|completion| completion.id.0).collect::<Vec<_>>()
    };
    let submitted: Vec<u64> = (0..10).collect();
    assert_eq!(complete(Order::Submission), submitted);
    let mut random = complete(Order::Random);
    assert_ne!(random, submitted);
    random.sort_unstable();
    assert_eq!(random, submitted);
}

#[test]
fn a_kind_of_operation_hangs_until_it_is_let_go() {
    let storage = Storage::new(1);
    let mut disk = SimulatedDisk::open(&storage);
    storage.set_faults(|faults| faults.hanging = vec![OperationKind::Create]);
    disk.submit(OperationId(1), Operation::Create { name: "a".into(), length: LENGTH });
    let mut completions = Vec::new();
    disk.wait(Some(Duration::ZERO), &mut completions).unwrap();
    assert!(completions.is_empty());
    assert_eq!((storage.pending(OperationKind::Create), storage.pending(OperationKind::Open)), (1, 0));
    storage.set_faults(|faults| faults.hanging.clear());
    disk.wait(None, &mut completions).unwrap();
    assert_eq!(completions.len(), 1);
}

#[test]
fn a_full_a_broken_and_a_halted_disk_say_so() {
    let storage = Storage::new(1);
    let mut disk = SimulatedDisk::open(&storage);
    storage.set_faults(|faults| faults.capacity_bytes = Some(LENGTH));
    let file = create(&mut disk, "a");
    let error = run(&mut disk, Operation::Create { name: "b".into(), length: LENGTH }).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);

    storage.set_faults(|faults| faults.writes_until_failure = Some(1));
    run(&mut disk, write(file, 0, 1, 1)).unwrap();
    for _ in 0..2 {
        assert_eq!(run(&mut disk, write(file, 0, 1, 2)).unwrap_err().to_string(), "the disk is broken");
    }
    assert_eq!(sectors(&storage, "a")[0], 1, "a failed write changes nothing");

    storage.set_faults(|faults| faults.operations_until_halt = Some(1));
    run(&mut disk, Operation::Read { file, offset: 0, length: 4096 }).unwrap();
    assert_eq!(run(&mut disk, Operation::Sync { file }).unwrap_err().to_string(), "the disk has halted");
    assert_eq!(storage.reads(), 1);
}

#[test]
#[should_panic(expected = "a wait that nothing would end")]
fn a_wait_that_nothing_would_end_is_a_bug() {
    let _ = SimulatedDisk::open(&Storage::new(1)).wait(None, &mut Vec::new());
}

#[test]
fn a_fork_and_its_origin_change_apart() {
    let storage = Storage::new(1);
    storage.set_contents("a", vec![1; 512]);
    let fork = storage.fork();
    fork.set_contents("a", vec![2; 512]);
    storage.remove("a");
    assert_eq!((storage.names().len(), fork.contents("a")), (0, vec![2; 512]));
}
