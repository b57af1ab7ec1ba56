//! The log on the disk of this machine: both implementations, on a real file system and on one in memory.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;

use crate::common::{Known, ONE, append, read, replay, settle, small};
use posthouse_disk::{Choice, Native};
use posthouse_log::{Log, Options, Recovered};

fn open(directory: &Path, choice: Choice, options: &Options) -> Option<(Log<Native>, Recovered, Vec<Known>)> {
    let disk = match Native::open(directory, choice) {
        Ok((disk, _)) => disk,
        Err(error) if choice == Choice::Ring => {
            eprintln!("no io_uring here: {error}");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let mut recovery = Log::open(disk, options.clone()).unwrap();
    let records = replay(&mut recovery).unwrap();
    let (log, recovered) = recovery.finish().unwrap();
    Some((log, recovered, records))
}

fn history(directory: &Path, choice: Choice, commits_in_flight_max: usize) {
    let options = Options { segment_bytes: 256 * 1024, commits_in_flight_max, ..small() };
    let Some((mut log, recovered, _)) = open(directory, choice, &options) else { return };
    assert!(recovered.fresh);
    let mut known = Vec::new();
    for round in 0..20 {
        for number in round * 100..(round + 1) * 100 {
            let position = append(&mut log, &mut known, number, number % 1500);
            log.retain(position, ONE);
            log.commit();
        }
        settle(&mut log);
    }
    // The log is dropped without a close. Everything was durable.
    drop(log);
    let (mut log, recovered, records) = open(directory, choice, &options).unwrap();
    assert_eq!(records, known);
    assert!(!recovered.clean && recovered.cut.is_none(), "{recovered}");
    for known in known.iter().step_by(17) {
        assert_eq!(read(&mut log, known.position, known.payload.len()).unwrap(), known.payload);
    }
    log.set_replay_start(known.last().unwrap().position);
    log.close().unwrap();
    let (log, recovered, records) = open(directory, choice, &options).unwrap();
    assert_eq!(records, known[known.len() - 1..]);
    assert!(recovered.clean);
    log.close().unwrap();
}

#[test]
fn a_log_works_on_every_disk() {
    for choice in [Choice::Ring, Choice::Threads] {
        for commits_in_flight_max in [1, 3] {
            history(tempfile::tempdir().unwrap().path(), choice, commits_in_flight_max);
            if Path::new("/dev/shm").is_dir() {
                history(tempfile::tempdir_in("/dev/shm").unwrap().path(), choice, commits_in_flight_max);
            }
        }
    }
}

#[test]
fn what_one_implementation_wrote_the_other_reads() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new(*b"0123456789abcdef");
    let mut known = Vec::new();
    for round in 0..4 {
        let choice = if round % 2 == 0 { Choice::Threads } else { Choice::Auto };
        let (mut log, _, records) = open(directory.path(), choice, &options).unwrap();
        assert_eq!(records, known);
        for number in 0..50 {
            append(&mut log, &mut known, number, number * 100);
        }
        log.close().unwrap();
    }
}
