//! The append-only log: segments of fixed size, group commit, recovery, reads, recycling.
//!
//! Knows bytes and positions, nothing of messages. A record is appended into memory and gets a [`Position`] at once; a
//! [commit](Log::commit) makes everything appended durable; [`Log::durable`] says how far that has come. Records are
//! read back by position for as long as somebody [retains](Log::retain) them or replay needs them. The bytes on the
//! disk are drawn in `docs/format.md`.
//!
//! Invariants:
//!
//! * What was durable is there after a restart, in order and unchanged, or the start is refused. What was not durable
//!   may be there up to some point, and nothing behind that point.
//! * After a failed write or sync nothing more becomes durable, ever: a second try could succeed without the first
//!   one's bytes.
//! * A segment is used again only when the superblock that no longer needs it for replay is durable, nothing live is
//!   in it, and the releases that made it so are durable themselves.
//!
//! There is no thread, no clock and no entropy here. [`Log::wait`] drives everything; the disk is a parameter.

#![forbid(unsafe_code)]

mod error;
mod header;
mod log;
mod options;
mod position;
mod record;
mod recovery;
mod segments;
mod stats;
mod tail;

pub use error::{CloseError, Corruption, Damage, OpenError, ReadError};
pub use header::FORMAT_VERSION;
pub use log::{Health, Log, Read, ReadId, Space};
pub use options::Options;
pub use position::Position;
pub use record::{ALIGNMENT_BYTES, HEADER_BYTES, KIND_MAX, PAYLOAD_BYTES_MAX, record_bytes};
pub use recovery::{Cut, Record, Recovered, Recovery};
pub use stats::{CommitSample, Stats};
