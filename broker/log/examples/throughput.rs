//! Measures appending, committing, replaying and reading back on the disk of this machine.
//!
//!     cargo run --release -p posthouse-log --example throughput -- [directory] [records] [bytes per record] [encrypted]

use std::{env, fs, hint::black_box, path::PathBuf, time::Instant};

use posthouse_disk::{Choice, Native};
use posthouse_encryption::{Encryption, KeyRing, Random};
use posthouse_log::{Log, Options, Position, Read, Reader};

/// Records between two commits.
const BATCH: usize = 1000;
/// Cold reads started at once.
const READS: usize = 64;
const READER: Reader = Reader::new(1);

fn main() {
    let mut arguments = env::args().skip(1);
    let directory = arguments.next().map_or_else(|| env::temp_dir().join("posthouse-throughput"), PathBuf::from);
    let mut number = |default: usize| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (records, length) = (number(1_000_000), number(400));
    fs::create_dir_all(&directory).expect("the directory");

    let encryption = if arguments.next().as_deref() == Some("encrypted") { encryption() } else { Encryption::off() };
    let options = Options { commits_in_flight_max: 2, encryption, ..Options::new(*b"0123456789abcdef") };
    let started = Instant::now();
    let mut log = open(&directory, &options);
    println!("opened a fresh directory in {:?}", started.elapsed());

    let payload = vec![7; length];
    let mut positions = Vec::with_capacity(records);
    let mut appending = std::time::Duration::ZERO;
    let started = Instant::now();
    while positions.len() < records {
        let before = Instant::now();
        for _ in 0..BATCH {
            positions.push(log.append(1, &[black_box(&payload)]));
        }
        appending += before.elapsed();
        log.commit();
        while log.unsynced_bytes() > 1024 * 1024 {
            log.wait(None);
            log.commit();
        }
    }
    while log.durable() < log.end() {
        log.commit();
        log.wait(None);
    }
    let elapsed = started.elapsed();
    let (count, stats) = (positions.len(), log.stats());
    println!("appended {count} records in {appending:?}: {:.0} ns each", appending.as_nanos() as f64 / count as f64);
    println!(
        "durable in {elapsed:?}: {:.0} records a second, {} commits",
        count as f64 / elapsed.as_secs_f64(),
        stats.commits
    );
    let started = Instant::now();
    let (mut hot, recent) = (0, &positions[count.saturating_sub(10_000)..]);
    for position in recent {
        hot += usize::from(matches!(log.read(READER, *position, length), Read::Ready(_)));
    }
    println!(
        "{hot} of {} recent reads from memory: {:.0} ns each",
        recent.len(),
        started.elapsed().as_nanos() as f64 / recent.len() as f64
    );
    drop(log);

    let started = Instant::now();
    let mut log = open(&directory, &options);
    println!("replayed after a crash in {:?}", started.elapsed());
    let started = Instant::now();
    let cold = &positions[..count.min(20_000)];
    let mut completed = Vec::new();
    for positions in cold.chunks(READS) {
        for position in positions {
            black_box(log.read(READER, *position, length));
        }
        while completed.len() < positions.len() {
            log.wait(None);
            log.completed_reads(&mut completed);
        }
        completed.clear();
    }
    println!("cold reads: {:.0} a second", cold.len() as f64 / started.elapsed().as_secs_f64());
    log.close().expect("a clean close");
    let started = Instant::now();
    drop(open(&directory, &options));
    println!("replayed after a clean close in {:?}", started.elapsed());
    fs::remove_dir_all(&directory).expect("removing what was made");
}

/// A key and data keys that protect nothing: they are to be measured only.
fn encryption() -> Encryption {
    let ring = KeyRing::parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").expect("a key");
    Encryption::new(ring, Random::new(|bytes| bytes.fill(9)))
}

fn open(directory: &std::path::Path, options: &Options) -> Log<Native> {
    let (disk, _) = Native::open(directory, Choice::Auto).expect("a disk");
    let mut recovery = Log::open(disk, options.clone()).expect("a log");
    let mut last = Position::ZERO;
    while let Some(record) = recovery.next_record().expect("whole records") {
        last = black_box(record).position;
    }
    black_box(last);
    let (log, recovered) = recovery.finish().expect("a log");
    println!("  {recovered}");
    log
}
