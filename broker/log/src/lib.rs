//! The append-only log: segments of fixed size, group commit, recovery, reads by position, recycling of files.
//!
//! The log knows bytes and positions, and nothing of messages. [`Log::append`] copies a record into memory and returns
//! its [`Position`]. [`Log::commit`] starts to make all appended records durable, and [`Log::durable`] returns how far
//! that has come. [`Log::read`] returns a record by its position while it is [retained](Log::retain) or replay needs
//! it. `docs/format.md` draws the bytes on the disk, and says what is assumed of the media.
//!
//! There is no thread, no clock and no entropy in this crate. [`Log::wait`] drives all input and output. The disk is a
//! parameter.
//!
//! # Invariants
//!
//! * After a restart every durable record is there, in order and unchanged, or the start is refused. Of the records
//!   that were not durable, the first ones may be there, without a gap.
//! * After a failed write or sync no further record becomes durable. A second attempt could succeed without the bytes
//!   of the first one: the kernel may drop them (fsync(2), and "Can applications recover from fsync failures?", USENIX
//!   ATC 2020).
//! * A segment is used again only if three things are durable: a superblock that starts replay behind it, the last
//!   release of a record in it, and everything appended before that release.
//!
//! # Examples
//!
//! A log on a simulated disk. `posthouse_disk::Native` takes its place on a machine.
//!
//! ```
//! use posthouse_log::{Log, Options, Read, Reader};
//! use posthouse_simulated_disk::{SimulatedDisk, Storage};
//!
//! let storage = Storage::new(1);
//! let options = Options::new(*b"sixteen bytes id");
//!
//! // Recovery comes first. In an empty directory it finds no record.
//! let mut recovery = Log::open(SimulatedDisk::open(&storage), options.clone())?;
//! assert_eq!(recovery.next_record()?, None);
//! let (mut log, recovered) = recovery.finish()?;
//! assert!(recovered.fresh);
//!
//! let position = log.append(1, &[b"hello ", b"world"]);
//! log.commit();
//! while log.durable() <= position {
//!     log.wait(None);
//! }
//! let Read::Ready(payload) = log.read(Reader::new(0), position, 11) else { panic!("the newest records are in memory") };
//! assert_eq!(payload, "hello world");
//!
//! // What was durable survives a loss of power.
//! drop(log);
//! storage.lose_power();
//! let mut recovery = Log::open(SimulatedDisk::open(&storage), options)?;
//! let record = recovery.next_record()?.expect("the record that was durable");
//! assert_eq!((record.position, record.kind, &record.payload[..]), (position, 1, &b"hello world"[..]));
//! # Ok::<(), posthouse_log::OpenError>(())
//! ```

#![forbid(unsafe_code)]

mod error;
mod failure;
mod header;
mod image;
mod log;
mod moved;
mod options;
mod position;
mod protection;
mod record;
mod recovery;
mod relocation;
mod segments;
mod stats;
mod tail;
mod verifier;

pub use error::{CloseError, Corruption, Damage, MissingKey, OpenError, ReadError};
pub use failure::{Failure, Incident, Work};
pub use header::FORMAT_VERSION;
pub use log::{
    Extent, Health, Log, MovedRecord, Noted, Read, ReadId, Reader, RelocationCursor, ScrubStep, Snapshot,
    SnapshotSegment, Space, SparseSegment, Suspect,
};
pub use moved::Sharing;
pub use options::Options;
pub use position::Position;
pub use record::{ALIGNMENT_BYTES, HEADER_BYTES, KIND_MAX, PAYLOAD_BYTES_MAX, record_bytes};
pub use recovery::{Audit, CheckedSegment, Cut, Record, Recovered, Recovery, Relocated, SegmentFile};
pub use relocation::{KIND_RELOCATED, KIND_RELOCATIONS_KEPT};
pub use segments::References;
pub use stats::{CommitSample, Stats};
pub use verifier::WholeRecord;
