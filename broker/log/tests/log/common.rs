//! What all tests of the log share: a log of small files, and records whose payloads follow from a number.

#![allow(unreachable_pub, reason = "the tests are one crate")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use posthouse_disk::Disk;
use posthouse_encryption::{Encryption, KeyId, KeyRing, Random};
use posthouse_log::{
    Incident, Log, OpenError, Options, Position, Read, ReadError, Reader, Recovered, Recovery, References,
};
use posthouse_simulated_disk::{SimulatedDisk, Storage};

pub const IDENTITY: [u8; 16] = *b"an identity of t";

/// One reference, to a payload of some length.
pub const ONE: References = References::one(100);

/// The reader of tests with only one.
pub const READER: Reader = Reader::new(1);

/// A log of small files, so that a few kilobytes cross every boundary.
pub fn small() -> Options {
    Options {
        segment_bytes: 16 * 1024,
        first_segment_bytes: 8 * 1024,
        chunk_bytes: 8 * 1024,
        tail_bytes: 16 * 1024,
        batch_bytes: 3 * 1024,
        ..Options::new(IDENTITY)
    }
}

/// As [`small`], encrypted with the keys that these letters stand for. `-` stands for `none`.
pub fn encrypted(keys: &str) -> Options {
    Options { encryption: encryption(keys), ..small() }
}

/// The keys that these letters stand for, and random bytes that a counter gives, so that none are given twice.
pub fn encryption(keys: &str) -> Encryption {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let lines: Vec<String> = keys.chars().map(line).collect();
    let random = Random::new(|bytes| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        bytes[..8].copy_from_slice(&number);
    });
    Encryption::new(KeyRing::parse(&lines.join("\n")).unwrap(), random)
}

/// The line of a key file: base64 of 32 bytes.
fn line(letter: char) -> String {
    if letter == '-' { "none".to_owned() } else { format!("{}A=", letter.to_string().repeat(42)) }
}

/// The identifier of the key that a letter stands for.
pub fn key_id(letter: char) -> KeyId {
    KeyRing::parse(&line(letter)).unwrap().first().unwrap()
}

/// The names of the segments, oldest first.
pub fn segments(storage: &Storage) -> Vec<String> {
    storage.names().into_iter().filter(|name| name.ends_with(".segment")).collect()
}

/// A record as a test remembers it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    pub position: Position,
    pub kind: u8,
    pub payload: Vec<u8>,
}

/// Every record from the start of replay on.
pub fn replay<D: Disk>(recovery: &mut Recovery<D>) -> Result<Vec<Known>, OpenError> {
    let mut records = Vec::new();
    while let Some(record) = recovery.next_record()? {
        assert!(
            record.payload.is_empty() || (record.payload.as_ptr() as usize).is_multiple_of(8),
            "payloads are aligned"
        );
        records.push(Known { position: record.position, kind: record.kind, payload: record.payload.to_vec() });
    }
    Ok(records)
}

/// Opens the log of a storage and replays it.
pub fn open(storage: &Storage, options: &Options) -> Result<(Log<SimulatedDisk>, Recovered, Vec<Known>), OpenError> {
    let mut recovery = Log::open(SimulatedDisk::open(storage), options.clone())?;
    let records = replay(&mut recovery)?;
    let (log, recovered) = recovery.finish()?;
    Ok((log, recovered, records))
}

/// Appends a record whose kind and payload follow from `number`, and remembers it.
pub fn append<D: Disk>(log: &mut Log<D>, known: &mut Vec<Known>, number: usize, length: usize) -> Position {
    let payload = payload(number, length);
    let kind = u8::try_from(number % 200 + 1).unwrap();
    let (front, back) = payload.split_at(length / 3);
    let position = log.append(kind, &[front, back]);
    known.push(Known { position, kind, payload });
    position
}

/// A payload that follows from `number`, without a zero byte.
pub fn payload(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((number * 31 + at) % 255 + 1).unwrap()).collect()
}

/// Commits until all records are durable.
pub fn settle<D: Disk>(log: &mut Log<D>) {
    while log.durable() != log.end() {
        log.commit();
        log.wait(None);
    }
}

/// The incidents since the last call.
pub fn incidents<D: Disk>(log: &mut Log<D>) -> Vec<Incident> {
    std::iter::from_fn(|| log.next_incident()).collect()
}

/// Reads a record, from memory or from the disk.
pub fn read<D: Disk>(log: &mut Log<D>, position: Position, length: usize) -> Result<Bytes, ReadError> {
    let read = log.read(READER, position, length);
    result(log, read)
}

/// Reads a record from the disk, whatever the cache has.
pub fn read_anew<D: Disk>(log: &mut Log<D>, position: Position, length: usize) -> Result<Bytes, ReadError> {
    let read = log.read_anew(READER, position, length);
    result(log, read)
}

/// Waits for the result of the only read.
fn result<D: Disk>(log: &mut Log<D>, read: Read) -> Result<Bytes, ReadError> {
    match read {
        Read::Ready(bytes) => Ok(bytes),
        Read::Pending(id) => {
            let mut completed = Vec::new();
            while completed.is_empty() {
                log.wait(None);
                log.completed_reads(&mut completed);
            }
            let (completed_id, result) = completed.pop().unwrap();
            assert_eq!((completed_id, completed.len()), (id, 0));
            result
        }
    }
}
