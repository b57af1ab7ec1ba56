//! Segments are prepared, filled and used again. A full disk refuses new data and nothing else.

use std::time::Duration;

use crate::common::{ONE, READER, append, incidents, open, read, replay, segments, settle, small};
use posthouse_log::{CloseError, Incident, Log, Options, Position, Read, Space, Work};
use posthouse_simulated_disk::{OperationKind, SimulatedDisk, Storage};

/// Waits until no operation is under way.
fn rest(log: &mut Log<SimulatedDisk>, storage: &Storage) {
    while !storage.is_idle() {
        log.wait(None);
    }
}

#[test]
fn a_queue_that_is_consumed_needs_a_bounded_number_of_files() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    let mut files_max = 0;
    for number in 0..2000 {
        let position = append(&mut log, &mut known, number, 200);
        log.retain(position, ONE);
        if number >= 20 {
            log.append(7, &[b"done"]);
            log.release(known[number - 20].position, ONE);
        }
        settle(&mut log);
        if number % 50 == 0 {
            log.set_replay_start(known[number.saturating_sub(10)].position);
        }
        files_max = files_max.max(storage.names().len());
    }
    assert!(log.end().get() > 25 * small().segment_bytes, "many segments long");
    assert!(files_max <= 8, "{files_max} files");
    assert!(log.stats().segments_recycled > 20);
    assert_eq!(log.stats().reclaim_failures, 0);
    // A recycled segment reads like a new one.
    rest(&mut log, &storage);
    let start = log.replay_start();
    drop(log);
    storage.lose_power();
    let (_, recovered, records) = open(&storage, &small()).unwrap();
    assert_eq!(records.first().unwrap().position, start);
    assert!(records.iter().filter(|record| record.kind != 7).eq(known.iter().filter(|known| known.position >= start)));
    assert_eq!(recovered.cut, None, "old bytes behind the end are no torn end");
}

#[test]
fn a_segment_stays_as_long_as_one_record_in_it_is_live() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    let kept = append(&mut log, &mut known, 0, 50);
    log.retain(kept, ONE);
    for number in 1..100 {
        append(&mut log, &mut known, number, 1000);
        settle(&mut log);
    }
    log.set_replay_start(known[99].position);
    rest(&mut log, &storage);
    let names = segments(&storage);
    assert_eq!(names[0], "0000000000001000.segment");
    assert!(names[1].as_str() > "0000000000010000", "those between were reclaimed: {names:?}");
    assert_eq!(read(&mut log, kept, 50).unwrap(), known[0].payload);

    // A release takes effect once it is durable itself.
    log.append(1, &[b"released"]);
    log.release(kept, ONE);
    rest(&mut log, &storage);
    log.wait(Some(Duration::ZERO));
    assert!(segments(&storage).contains(&"0000000000001000.segment".to_owned()));
    settle(&mut log);
    rest(&mut log, &storage);
    assert!(!segments(&storage).contains(&"0000000000001000.segment".to_owned()));
}

#[test]
fn a_segment_is_not_used_again_while_it_is_read() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    for number in 0..100 {
        let position = append(&mut log, &mut known, number, 1000);
        log.retain(position, ONE);
        settle(&mut log);
    }
    rest(&mut log, &storage);
    log.set_replay_start(known[99].position);
    rest(&mut log, &storage);
    storage.set_faults(|faults| faults.hanging = vec![OperationKind::Read]);
    let Read::Pending(id) = log.read(READER, known[20].position, 1000) else { panic!("cold") };
    for known in &known[..99] {
        log.release(known.position, ONE);
    }
    for _ in 0..20 {
        log.wait(Some(Duration::ZERO));
    }
    storage.set_faults(|faults| faults.hanging.clear());
    let mut completed = Vec::new();
    while completed.is_empty() {
        log.wait(None);
        log.completed_reads(&mut completed);
    }
    assert_eq!(completed[0].0, id);
    assert_eq!(completed[0].1.as_ref().unwrap(), &known[20].payload);
    rest(&mut log, &storage);
    assert!(segments(&storage).len() <= 2);
}

#[test]
fn the_start_of_replay_moves_only_when_it_is_durable() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    for number in 0..10 {
        append(&mut log, &mut known, number, 100);
    }
    settle(&mut log);
    rest(&mut log, &storage);
    for known in &known[3..6] {
        log.set_replay_start(known.position);
    }
    assert_eq!(log.replay_start(), known[5].position);
    assert_eq!(log.bytes_since_replay_start(), log.end().get() - known[5].position.get());
    let before = storage.fork();
    assert_eq!(open(&before, &small()).unwrap().2, known);
    rest(&mut log, &storage);
    drop(log);
    storage.lose_power();
    let recovery = Log::open(SimulatedDisk::open(&storage), small()).unwrap();
    assert_eq!(recovery.replay_start(), known[5].position);
}

/// The length of a segment in the next test, in bytes.
const SEGMENT: u64 = 64 * 1024;

#[test]
fn a_full_disk_leaves_a_reserve_for_what_frees_space() {
    let storage = Storage::new(1);
    let options = Options { segment_bytes: SEGMENT, ..small() };
    let (mut log, _, _) = open(&storage, &options).unwrap();
    rest(&mut log, &storage);
    // The capacity covers the superblock, the first segment, and four more segments, one of which exists.
    let used = 8192 + 8192 + SEGMENT;
    storage.set_faults(|faults| faults.capacity_bytes = Some(used + 3 * SEGMENT + 5000));
    let mut known = Vec::new();
    let mut number = 0;
    while *log.space() == Space::Plenty {
        let position = append(&mut log, &mut known, number, 300);
        log.retain(position, ONE);
        settle(&mut log);
        number += 1;
        assert!(number < 1000);
    }
    let Space::Reserve { cause } = log.space().clone() else { panic!("it ran out of room") };
    assert!(cause.is_full() && cause.work() == Work::CreateFile, "{cause}");
    assert_eq!(incidents(&mut log), [Incident::ShortageBegan(cause)]);
    // The reserve is at least one whole segment.
    assert!(log.room_for(SEGMENT - 4 * 4096) && !log.room_for(SEGMENT));
    let mut spent = 0;
    while log.room_for(1000) {
        append(&mut log, &mut known, number, 1000);
        settle(&mut log);
        number += 1;
        spent += 1000;
    }
    assert!(spent > SEGMENT, "{spent}");
    log.retry_space();
    rest(&mut log, &storage);
    log.wait(Some(Duration::ZERO));
    assert!(!log.room_for(1000), "still full");
    assert_eq!(incidents(&mut log), [], "the same shortage goes on");

    // The operator frees space. The log tries again only when asked to.
    storage.set_faults(|faults| faults.capacity_bytes = Some(used + 20 * SEGMENT));
    log.wait(Some(Duration::ZERO));
    assert_ne!(*log.space(), Space::Plenty);
    log.retry_space();
    rest(&mut log, &storage);
    log.wait(Some(Duration::ZERO));
    assert_eq!(*log.space(), Space::Plenty);
    assert!(log.room_for(1_000_000));
    assert_eq!(incidents(&mut log), [Incident::ShortageEnded]);
    append(&mut log, &mut known, number, 2000);
    log.close().unwrap();
    assert_eq!(open(&storage, &options).unwrap().2, known);
}

#[test]
fn a_full_disk_has_room_again_when_records_are_released() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    rest(&mut log, &storage);
    storage.set_faults(|faults| faults.capacity_bytes = Some(8192 + 8192 + 4 * 16384));
    let mut known = Vec::new();
    let mut number = 0;
    while *log.space() == Space::Plenty {
        let position = append(&mut log, &mut known, number, 300);
        log.retain(position, ONE);
        settle(&mut log);
        number += 1;
    }
    for known in &known {
        assert!(log.room_for(32));
        log.append(9, &[b"deleted"]);
        log.release(known.position, ONE);
    }
    settle(&mut log);
    log.set_replay_start(known.last().unwrap().position);
    rest(&mut log, &storage);
    log.wait(Some(Duration::ZERO));
    assert_eq!(*log.space(), Space::Plenty);
    for number in 0..100 {
        let position = append(&mut log, &mut known, number, 300);
        settle(&mut log);
        rest(&mut log, &storage);
        log.set_replay_start(position);
        rest(&mut log, &storage);
        assert_eq!(*log.space(), Space::Plenty, "{number}");
    }
}

#[test]
fn commits_wait_for_a_segment_that_is_not_ready_yet() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    storage.set_faults(|faults| faults.hanging = vec![OperationKind::Create]);
    let mut known = Vec::new();
    for number in 0..30 {
        append(&mut log, &mut known, number, 1000);
        log.commit();
        log.wait(Some(Duration::ZERO));
    }
    assert!(log.durable() < log.end());
    assert!(log.durable().get() < 8192 + 4096);
    for known in &known {
        let Read::Ready(bytes) = log.read(READER, known.position, 1000) else {
            panic!("what is not durable is in memory")
        };
        assert_eq!(bytes, known.payload);
    }
    storage.set_faults(|faults| faults.hanging.clear());
    settle(&mut log);
    drop(log);
    storage.lose_power();
    assert_eq!(open(&storage, &small()).unwrap().2, known);
}

#[test]
fn closing_on_a_full_disk_says_what_was_lost() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    rest(&mut log, &storage);
    storage.set_faults(|faults| faults.capacity_bytes = Some(0));
    let mut known = Vec::new();
    for number in 0..100 {
        append(&mut log, &mut known, number, 1000);
    }
    assert!(matches!(log.close(), Err(CloseError::Short { bytes, cause: Some(_) }) if bytes > 50_000));
    let (_, _, records) = open(&storage, &small()).unwrap();
    assert_eq!(records, known[..records.len()]);
}

#[test]
fn surplus_and_unfit_spares_are_removed_at_the_start() {
    let storage = Storage::new(1);
    let (log, _, _) = open(&storage, &small()).unwrap();
    log.close().unwrap();
    for number in 100..105 {
        storage.set_contents(&format!("{number:016x}.spare"), vec![0xaa; 16384]);
    }
    storage.set_contents("00000000000000ff.spare", vec![0; 4096]);
    storage.set_contents("superblock.new", vec![0; 8192]);
    storage.set_contents("an operator's notes", vec![1]);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    rest(&mut log, &storage);
    let spares = storage.names().into_iter().filter(|name| name.ends_with(".spare")).count();
    assert!(spares <= 2);
    assert!(!storage.names().contains(&"superblock.new".to_owned()));
    assert!(storage.names().contains(&"an operator's notes".to_owned()), "other files are left alone");
    // A spare with old bytes serves as well as a new one.
    let mut known = Vec::new();
    for number in 0..60 {
        append(&mut log, &mut known, number, 900);
        settle(&mut log);
    }
    drop(log);
    storage.lose_power();
    assert_eq!(open(&storage, &small()).unwrap().2, known);
}

#[test]
fn segments_of_an_earlier_configuration_are_kept_and_not_used_again() {
    let storage = Storage::new(1);
    let (mut log, _, _) = open(&storage, &small()).unwrap();
    let mut known = Vec::new();
    for number in 0..60 {
        let position = append(&mut log, &mut known, number, 900);
        log.retain(position, ONE);
    }
    log.close().unwrap();
    let larger = Options { segment_bytes: 64 * 1024, ..small() };
    let mut recovery = Log::open(SimulatedDisk::open(&storage), larger).unwrap();
    assert_eq!(replay(&mut recovery).unwrap(), known);
    for known in &known {
        recovery.retain(known.position, ONE);
    }
    let (mut log, _) = recovery.finish().unwrap();
    for number in 60..200 {
        append(&mut log, &mut known, number, 900);
        settle(&mut log);
    }
    for known in &known[..60] {
        assert_eq!(read(&mut log, known.position, 900).unwrap(), known.payload);
        log.release(known.position, ONE);
    }
    log.set_replay_start(known[199].position);
    rest(&mut log, &storage);
    let state = storage.names();
    assert!(state.len() <= 6, "{state:?}");
    log.close().unwrap();
    let (log, _, records) = open(&storage, &small()).unwrap();
    assert_eq!(records, known[199..]);
    assert_ne!(log.end(), Position::FIRST);
}
