//! Measures durable commits, one at a time, over prewritten zeros, with both implementations.
//!
//!     cargo run --release -p posthouse-disk --example commit -- [directory] [commits]
//!
//! Prints the 50th and 99th percentile of the latency and the processor time per commit, in microseconds. Rounds of the
//! implementations alternate, because the disk of a shared machine changes its speed within minutes.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use posthouse_disk::{Buffer, Choice, Disk, DiskOutcome, FileId, Native, Operation, OperationId};

const FILE_BYTES: u64 = 64 * 1024 * 1024;
const ROUNDS: usize = 4;

fn main() {
    let mut arguments = env::args().skip(1);
    let directory = arguments.next().map_or_else(|| env::temp_dir().join("posthouse-commit"), PathBuf::from);
    let commits: usize = arguments.next().map_or(2000, |text| text.parse().expect("the number of commits"));
    fs::create_dir_all(&directory).expect("the directory");
    for bytes in [4 * 1024, 64 * 1024] {
        let mut results = [(Choice::Ring, Vec::new(), 0.0), (Choice::Threads, Vec::new(), 0.0)];
        for _ in 0..ROUNDS {
            for (choice, latencies, processor) in &mut results {
                *processor += measure(&directory, *choice, bytes, commits / ROUNDS, latencies);
            }
        }
        for (choice, mut latencies, processor) in results {
            latencies.sort_unstable();
            let percentile = |percent: usize| latencies[latencies.len() * percent / 100].as_micros();
            let per_commit = processor * 1e6 / latencies.len() as f64;
            let (median, tail) = (percentile(50), percentile(99));
            println!("{choice:?}\t{} KiB\tp50 {median} us\tp99 {tail} us\tcpu {per_commit:.0} us", bytes / 1024);
        }
    }
    fs::remove_dir_all(&directory).expect("removing what was made");
}

/// Makes `commits` commits of `bytes` bytes each, and appends their latencies. Returns the processor time in seconds.
fn measure(directory: &Path, choice: Choice, bytes: usize, commits: usize, latencies: &mut Vec<Duration>) -> f64 {
    let (mut disk, _) = Native::open(directory, choice).expect("a disk");
    let DiskOutcome::Opened { file, .. } =
        complete(&mut disk, Operation::Create { name: "commits".into(), length: FILE_BYTES })
    else {
        panic!("a file");
    };
    let mut buffer = Buffer::zeroed(bytes);
    buffer.fill(1);
    let data = buffer.freeze(bytes);
    let mut vector = Vec::new();
    let before = processor_seconds();
    for commit in 0..commits {
        let offset = (commit * bytes) as u64 % FILE_BYTES;
        vector.push(data.clone());
        let started = Instant::now();
        vector = commit_once(&mut disk, file, offset, vector);
        latencies.push(started.elapsed());
    }
    processor_seconds() - before
}

/// Makes one durable write and returns its vector, empty.
fn commit_once(disk: &mut Native, file: FileId, offset: u64, data: Vec<bytes::Bytes>) -> Vec<bytes::Bytes> {
    match complete(disk, Operation::Write { file, offset, data, durable: true }) {
        DiskOutcome::Written(data) => data,
        other => panic!("{other:?}"),
    }
}

/// Submits an operation and waits for its outcome.
fn complete(disk: &mut Native, operation: Operation) -> DiskOutcome {
    let mut completions = Vec::with_capacity(1);
    disk.submit(OperationId(0), operation);
    while completions.is_empty() {
        disk.wait(None, &mut completions).expect("the disk");
    }
    completions.pop().expect("just seen").result.expect("the operation")
}

/// The processor time of the present threads of this process, in seconds.
fn processor_seconds() -> f64 {
    let threads = fs::read_dir("/proc/self/task").expect("proc");
    let nanoseconds: u64 = threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .sum();
    nanoseconds as f64 / 1e9
}
