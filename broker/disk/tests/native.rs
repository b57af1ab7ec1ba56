//! The contract of [`Disk`], checked with both implementations, on a real file system and on one in memory.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use posthouse_disk::{
    BLOCK_BYTES, Buffer, Choice, Completion, Disk, DiskOutcome, FileId, Implementation, Native, Operation, OperationId,
    is_full,
};
use tempfile::TempDir;

/// A directory on each kind of file system that this machine has.
fn directories() -> Vec<TempDir> {
    let mut directories = vec![tempfile::tempdir().unwrap()];
    if Path::new("/dev/shm").is_dir() {
        directories.push(tempfile::tempdir_in("/dev/shm").unwrap());
    }
    directories
}

/// Runs a case with every implementation on every directory. Where io_uring is forbidden, only the threads are tested.
fn everywhere(case: impl Fn(&Path, Choice)) {
    for choice in [Choice::Ring, Choice::Threads] {
        for directory in directories() {
            match Native::open(directory.path(), choice) {
                Err(error) if choice == Choice::Ring => eprintln!("no io_uring here: {error}"),
                Err(error) => panic!("{error}"),
                Ok(_) => case(directory.path(), choice),
            }
        }
    }
}

fn open(directory: &Path, choice: Choice) -> Native {
    Native::open(directory, choice).unwrap().0
}

fn run(disk: &mut Native, operation: Operation) -> std::io::Result<DiskOutcome> {
    disk.submit(OperationId(77), operation);
    let mut completions = Vec::new();
    while completions.is_empty() {
        disk.wait(None, &mut completions).unwrap();
    }
    let completion = completions.pop().unwrap();
    assert_eq!((completion.id, completions.len()), (OperationId(77), 0));
    completion.result
}

fn opened(outcome: DiskOutcome) -> (FileId, u64) {
    match outcome {
        DiskOutcome::Opened { file, length } => (file, length),
        other => panic!("{other:?}"),
    }
}

fn read(disk: &mut Native, file: FileId, offset: u64, length: usize) -> Bytes {
    let length = u32::try_from(length).unwrap();
    match run(disk, Operation::Read { file, offset, length }).unwrap() {
        DiskOutcome::Read(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

fn blocks(count: usize, value: u8) -> Bytes {
    let mut buffer = Buffer::zeroed(count * BLOCK_BYTES);
    buffer.fill(value);
    buffer.freeze(count * BLOCK_BYTES)
}

#[test]
fn files_are_made_written_read_renamed_and_removed() {
    everywhere(|directory, choice| {
        let mut disk = open(directory, choice);
        let length = 5 * BLOCK_BYTES as u64;
        let (file, made) = opened(run(&mut disk, Operation::Create { name: "a".into(), length }).unwrap());
        assert_eq!(made, length);
        assert!(read(&mut disk, file, 0, 5 * BLOCK_BYTES).iter().all(|byte| *byte == 0));

        let data = vec![blocks(1, 1), blocks(2, 2)];
        let write = Operation::Write { file, offset: BLOCK_BYTES as u64, data, durable: true };
        assert!(matches!(run(&mut disk, write).unwrap(), DiskOutcome::Written(data) if data.is_empty()));
        let bytes = read(&mut disk, file, 0, 5 * BLOCK_BYTES);
        let firsts: Vec<u8> = bytes.chunks(BLOCK_BYTES).map(|block| block[0]).collect();
        assert_eq!(firsts, [0, 1, 2, 2, 0]);
        assert_eq!(bytes.as_ptr() as usize % BLOCK_BYTES, 0);

        assert!(matches!(run(&mut disk, Operation::Sync { file }), Ok(DiskOutcome::Done)));
        assert!(matches!(
            run(&mut disk, Operation::Rename { from: "a".into(), to: "b".into() }),
            Ok(DiskOutcome::Done)
        ));
        assert_eq!(read(&mut disk, file, BLOCK_BYTES as u64, BLOCK_BYTES)[0], 1, "an open file stays open");
        let entries = disk.list().unwrap();
        assert_eq!(
            entries.iter().map(|entry| (entry.name.as_str(), entry.length)).collect::<Vec<_>>(),
            [("b", length)]
        );
        let recycle = |from: &str, to: &str| Operation::Recycle { from: from.into(), to: to.into() };
        assert!(matches!(run(&mut disk, recycle("b", "c")), Ok(DiskOutcome::Done)));
        let elsewhere = tempfile::tempdir_in(directory).unwrap();
        std::fs::hard_link(directory.join("c"), elsewhere.path().join("kept")).unwrap();
        assert!(disk.list().unwrap()[0].shared);
        assert!(matches!(run(&mut disk, recycle("c", "d")), Ok(DiskOutcome::Shared)));
        assert!(disk.list().unwrap().is_empty(), "neither name leads to the file");
        std::fs::rename(elsewhere.path().join("kept"), directory.join("b")).unwrap();

        assert!(matches!(run(&mut disk, Operation::Close { file }), Ok(DiskOutcome::Done)));
        let (again, found) = opened(run(&mut disk, Operation::Open { name: "b".into() }).unwrap());
        assert_ne!(again, file);
        assert_eq!(found, length);
        assert_eq!(read(&mut disk, again, 3 * BLOCK_BYTES as u64, BLOCK_BYTES)[7], 2);
        assert!(matches!(run(&mut disk, Operation::Remove { name: "b".into() }), Ok(DiskOutcome::Done)));
        assert!(disk.list().unwrap().is_empty());
    });
}

#[test]
fn errors_come_back_as_completions() {
    everywhere(|directory, choice| {
        let mut disk = open(directory, choice);
        let error = run(&mut disk, Operation::Open { name: "none".into() }).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        let length = BLOCK_BYTES as u64;
        let (file, _) = opened(run(&mut disk, Operation::Create { name: "a".into(), length }).unwrap());
        let beyond = Operation::Read { file, offset: 0, length: u32::try_from(2 * BLOCK_BYTES).unwrap() };
        assert_eq!(run(&mut disk, beyond).unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_file_too_large_for_the_disk_leaves_nothing_behind() {
    everywhere(|directory, choice| {
        let mut disk = open(directory, choice);
        let error = run(&mut disk, Operation::Create { name: "huge".into(), length: 1 << 43 }).unwrap_err();
        assert!(is_full(&error) || error.kind() == std::io::ErrorKind::FileTooLarge, "{error}");
        assert!(disk.list().unwrap().is_empty());
    });
}

#[test]
fn a_thousand_operations_at_once_all_complete_with_their_own_bytes() {
    everywhere(|directory, choice| {
        const COUNT: usize = 1000;
        let mut disk = open(directory, choice);
        let length = (COUNT * BLOCK_BYTES) as u64;
        let (file, _) = opened(run(&mut disk, Operation::Create { name: "a".into(), length }).unwrap());
        let value = |index: usize| u8::try_from(index % 251).unwrap();
        for index in 0..COUNT {
            let data = vec![blocks(1, value(index))];
            let offset = (index * BLOCK_BYTES) as u64;
            disk.submit(OperationId(index as u64), Operation::Write { file, offset, data, durable: index % 100 == 0 });
        }
        let written = collect(&mut disk, COUNT);
        assert!(written.values().all(|completion| completion.result.is_ok()));
        for index in 0..COUNT {
            let offset = (index * BLOCK_BYTES) as u64;
            disk.submit(OperationId(index as u64), Operation::Read { file, offset, length: 4096 });
        }
        for (id, completion) in collect(&mut disk, COUNT) {
            let Ok(DiskOutcome::Read(bytes)) = completion.result else { panic!("{completion:?}") };
            let expected = value(usize::try_from(id).unwrap());
            assert!(bytes.iter().all(|byte| *byte == expected));
        }
    });
}

fn collect(disk: &mut Native, count: usize) -> BTreeMap<u64, Completion> {
    let mut completions = Vec::new();
    let mut collected = BTreeMap::new();
    while collected.len() < count {
        disk.wait(None, &mut completions).unwrap();
        for completion in completions.drain(..) {
            assert!(collected.insert(completion.id.0, completion).is_none(), "completed twice");
        }
    }
    collected
}

#[test]
fn every_wake_up_ends_a_wait() {
    everywhere(|directory, choice| {
        const ROUNDS: u64 = 20_000;
        let mut disk = open(directory, choice);
        let waker = disk.waker();
        let (asked, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let thread = std::thread::spawn({
            let (asked, answered) = (Arc::clone(&asked), Arc::clone(&answered));
            move || {
                for round in 1..=ROUNDS {
                    asked.store(round, Ordering::Release);
                    waker.wake_by_ref();
                    while answered.load(Ordering::Acquire) != round {
                        std::hint::spin_loop();
                    }
                }
            }
        });
        // If a wake-up were lost, this loop would not end.
        let mut completions = Vec::new();
        while answered.load(Ordering::Relaxed) != ROUNDS {
            disk.wait(None, &mut completions).unwrap();
            answered.store(asked.load(Ordering::Acquire), Ordering::Release);
        }
        thread.join().unwrap();
        assert!(completions.is_empty());
    });
}

#[test]
fn waiting_ends_at_the_time_out_and_polling_does_not_wait() {
    everywhere(|directory, choice| {
        let mut disk = open(directory, choice);
        let mut completions = Vec::new();
        disk.wait(Some(Duration::from_millis(1)), &mut completions).unwrap();
        disk.wait(Some(Duration::ZERO), &mut completions).unwrap();
        assert!(completions.is_empty());
    });
}

#[test]
fn a_disk_is_dropped_with_operations_under_way() {
    everywhere(|directory, choice| {
        let mut disk = open(directory, choice);
        let length = 1024 * BLOCK_BYTES as u64;
        let (file, _) = opened(run(&mut disk, Operation::Create { name: "a".into(), length }).unwrap());
        for index in 0..300 {
            let offset = index * BLOCK_BYTES as u64;
            disk.submit(OperationId(index), Operation::Write { file, offset, data: vec![blocks(1, 9)], durable: true });
            disk.submit(OperationId(index), Operation::Read { file, offset, length: 4096 });
        }
        disk.submit(OperationId(0), Operation::Create { name: "large".into(), length: 256 * 1024 * 1024 });
        disk.wait(Some(Duration::ZERO), &mut Vec::new()).unwrap();
        drop(disk);
        let names: Vec<String> = open(directory, choice).list().unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["a"], "an unfinished file is not left behind");
    });
}

#[test]
#[should_panic(expected = "a write starts at a block")]
fn a_misaligned_write_is_a_defect_of_the_caller() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = open(directory.path(), Choice::Threads);
    let data = vec![blocks(1, 0)];
    disk.submit(OperationId(0), Operation::Write { file: FileId(0), offset: 512, data, durable: true });
}

#[test]
fn the_selection_names_the_implementation_that_runs() {
    let directory = tempfile::tempdir().unwrap();
    let (_, selection) = Native::open(directory.path(), Choice::Threads).unwrap();
    assert_eq!(selection.implementation, Implementation::Threads);
    assert!(selection.to_string().starts_with("threads, "), "{selection}");
    let (_, selection) = Native::open(directory.path(), Choice::Auto).unwrap();
    assert_eq!(selection.ring_refused.is_some(), selection.implementation == Implementation::Threads);
}
