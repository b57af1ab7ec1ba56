//! Failures of the disk under their own names: each is one incident with work, file and error number, a shortage ends,
//! and only a lack of room is called full.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::time::Duration;

use crate::common::{Known, append, incidents, open, segments, settle, small};
use posthouse_log::{Failure, Health, Incident, Log, Space, Work};
use posthouse_simulated_disk::{Faults, OperationKind, Refusal, SimulatedDisk, Storage};

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;

/// A log with one record, whose disk is idle.
fn ready() -> (Storage, Log<SimulatedDisk>, Vec<Known>) {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    append(&mut log, &mut known, 0, 100);
    settle(&mut log);
    rest(&mut log, &storage);
    (storage, log, known)
}

fn rest(log: &mut Log<SimulatedDisk>, storage: &Storage) {
    while !storage.is_idle() {
        log.wait(None);
    }
}

fn refuse(storage: &Storage, kind: OperationKind, errno: i32) {
    storage.set_faults(|faults| faults.refusals = vec![Refusal { kind, errno }]);
}

/// Appends and commits until the log has failed or cannot get a file, or for 60 records.
fn write_on(log: &mut Log<SimulatedDisk>, known: &mut Vec<Known>) {
    for number in 0..60 {
        if *log.health() != Health::Good || *log.space() != Space::Plenty {
            return;
        }
        append(log, known, 100 + number, 1000);
        log.commit();
        for _ in 0..5 {
            log.wait(Some(Duration::ZERO));
        }
    }
}

fn facts(failure: &Failure) -> (Work, Option<&str>, Option<i32>) {
    (failure.work(), failure.file(), failure.errno())
}

#[test]
fn what_ends_the_log_is_one_incident_with_work_file_and_number() {
    let second = "0000000000003000.segment";
    let third = "0000000000007000.segment";
    for (kind, work, file) in [
        (OperationKind::Write, Work::WriteRecords, "0000000000001000.segment"),
        (OperationKind::Rename, Work::NameSegment, third),
    ] {
        let (storage, mut log, mut known) = ready();
        assert!(segments(&storage).contains(&second.to_owned()), "the second segment is prepared");
        refuse(&storage, kind, EIO);
        write_on(&mut log, &mut known);
        let Health::Failed(failure) = log.health().clone() else { panic!("{kind:?}: in good health") };
        assert_eq!(facts(&failure), (work, Some(file), Some(EIO)));
        assert!(!failure.is_full());
        assert_eq!(incidents(&mut log), [Incident::LogFailed(failure)]);
        // A restart serves all that had become durable.
        let durable = log.durable();
        drop(log);
        storage.set_faults(|faults| *faults = Faults::default());
        storage.lose_power();
        let (_, _, records) = open(&storage, &small()).unwrap();
        assert!(records.len() >= known.partition_point(|known| known.position < durable));
    }
}

#[test]
fn the_superblock_that_cannot_be_written_ends_the_log() {
    let (storage, mut log, mut known) = ready();
    refuse(&storage, OperationKind::Write, EIO);
    log.set_replay_start(known[0].position);
    log.note_durable();
    rest(&mut log, &storage);
    append(&mut log, &mut known, 1, 10);
    let Health::Failed(failure) = log.health() else { panic!("in good health") };
    assert_eq!(facts(failure), (Work::WriteSuperblock, Some("superblock"), Some(EIO)));
}

#[test]
fn a_file_that_cannot_be_had_is_a_shortage_under_its_own_name_and_passes() {
    for (kind, errno, work, full) in [
        (OperationKind::Create, ENOSPC, Work::CreateFile, true),
        (OperationKind::Create, EMFILE, Work::CreateFile, false),
        (OperationKind::Create, EIO, Work::CreateFile, false),
        (OperationKind::Rename, ENOSPC, Work::NameSegment, true),
    ] {
        let (storage, mut log, mut known) = ready();
        refuse(&storage, kind, errno);
        write_on(&mut log, &mut known);
        let Space::Reserve { cause } = log.space().clone() else { panic!("{kind:?} {errno}: it has room") };
        assert_eq!((cause.work(), cause.errno(), cause.is_full()), (work, Some(errno), full));
        assert_eq!(*log.health(), Health::Good, "what is prepared can be written to");
        for _ in 0..3 {
            log.retry_space();
            rest(&mut log, &storage);
            log.wait(Some(Duration::ZERO));
        }
        assert_eq!(incidents(&mut log), [Incident::ShortageBegan(cause)], "each attempt is no incident of its own");
        storage.set_faults(|faults| faults.refusals.clear());
        for _ in 0..3 {
            log.retry_space();
            rest(&mut log, &storage);
            log.wait(Some(Duration::ZERO));
        }
        assert_eq!(*log.space(), Space::Plenty, "{kind:?} {errno}");
        assert_eq!(incidents(&mut log), [Incident::ShortageEnded]);
        settle(&mut log);
        log.close().unwrap();
        assert_eq!(open(&storage, &small()).unwrap().2, known);
    }
}

/// A spare of an earlier process is opened before it becomes a segment. If the process has no descriptor for it, it is
/// opened later.
#[test]
fn a_spare_that_cannot_be_opened_is_kept() {
    let (storage, log, _) = ready();
    log.close().unwrap();
    for number in 100..102 {
        storage.set_contents(&format!("{number:016x}.spare"), vec![0xaa; 16384]);
    }
    storage.remove("0000000000003000.segment");
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    refuse(&storage, OperationKind::Open, EMFILE);
    rest(&mut log, &storage);
    log.wait(Some(Duration::ZERO));
    let Space::Reserve { cause } = log.space().clone() else { panic!("it has room") };
    assert_eq!(facts(&cause), (Work::OpenFile, Some("0000000000000064.spare"), Some(EMFILE)));
    assert!(!cause.is_full());
    storage.set_faults(|faults| faults.refusals.clear());
    log.retry_space();
    rest(&mut log, &storage);
    log.wait(Some(Duration::ZERO));
    assert_eq!(incidents(&mut log), [Incident::ShortageBegan(cause), Incident::ShortageEnded]);
    assert!(segments(&storage).contains(&"0000000000003000.segment".to_owned()));
}

#[test]
fn a_shortage_whose_reason_changes_is_another_incident() {
    let (storage, mut log, mut known) = ready();
    refuse(&storage, OperationKind::Create, ENOSPC);
    write_on(&mut log, &mut known);
    refuse(&storage, OperationKind::Create, EMFILE);
    log.retry_space();
    rest(&mut log, &storage);
    log.wait(Some(Duration::ZERO));
    let numbers: Vec<Option<i32>> = incidents(&mut log)
        .iter()
        .map(|incident| match incident {
            Incident::ShortageBegan(cause) => cause.errno(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(numbers, [Some(ENOSPC), Some(EMFILE)]);
}

#[test]
fn a_file_that_stays_is_reported_once_until_one_goes() {
    let (storage, mut log, mut known) = ready();
    for (kind, work) in [(OperationKind::Recycle, Work::RecycleSegment), (OperationKind::Remove, Work::RemoveFile)] {
        for number in 0..80 {
            append(&mut log, &mut known, number, 1000);
            settle(&mut log);
        }
        rest(&mut log, &storage);
        refuse(&storage, kind, EIO);
        log.set_replay_start(known.last().unwrap().position);
        rest(&mut log, &storage);
        storage.set_faults(|faults| faults.refusals.clear());
        let began = incidents(&mut log);
        let Some(Incident::ReclaimFailed(failure)) = began.first() else { panic!("{began:?}") };
        assert_eq!((failure.work(), failure.errno()), (work, Some(EIO)));
        for number in 0..80 {
            append(&mut log, &mut known, number, 1000);
            settle(&mut log);
        }
        log.set_replay_start(known.last().unwrap().position);
        rest(&mut log, &storage);
        assert_eq!(incidents(&mut log).last(), Some(&Incident::ReclaimEnded(work)));
    }
    assert_eq!(*log.health(), Health::Good);
}

#[test]
fn a_data_directory_that_lost_its_files_ends_the_log() {
    for name in ["superblock", "0000000000001000.segment"] {
        let (storage, mut log, _) = ready();
        storage.remove(name);
        assert_eq!(*log.health(), Health::Good, "writes to open files succeed");
        log.note_durable();
        rest(&mut log, &storage);
        let Health::Failed(failure) = log.health() else { panic!("{name}: in good health") };
        assert_eq!((failure.work(), failure.file()), (Work::FindFile, Some(name)));
    }
    // A check that is not possible says nothing about the files.
    let (storage, mut log, _) = ready();
    refuse(&storage, OperationKind::Find, EMFILE);
    log.note_durable();
    rest(&mut log, &storage);
    assert_eq!(*log.health(), Health::Good);
}
