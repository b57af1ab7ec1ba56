//! Backups: copies of the data directory of a broker that runs, as of one position.
//!
//! ```text
//! posthouse backup --to DIR  --PUT /backup-->  admin listener --> Backups: one thread for the copy
//!        (client)            <-GET /backup--                        |  a snapshot: core loop, log
//!                                                                   |  files: clone, hard link or copy (copying)
//!                                                                   v
//!                                        DIR/2026-11-30T11.45.50Z-00000000001f2000/  (target)
//! ```
//!
//! DIR holds whole copies only, each in a directory of its own that a broker could start on. A copy is made under another
//! name and renamed when every byte and name of it is durable. So a crash at any moment leaves the copies before as they
//! were, and nothing that passes for a new one. What a new copy has in common with the one before is shared with it by hard
//! links: closed segments do not change. Older copies are removed when the new one is whole.
//!
//! Invariants:
//! * files of a copy are never changed once the copy has its name;
//! * a file that two directories share is overwritten by no broker (`Operation::Recycle` of the disk);
//! * files of another log, or of another history of this one, are shared with no copy (`history`).

mod client;
mod copying;
mod error;
mod jobs;
mod manifest;
mod status;
mod target;

pub use client::{BackupCommandError, Wanted, back_up};
pub(crate) use copying::{SIGNING_KEY, write_durably};
pub use error::BackupError;
pub(crate) use jobs::BackupCounts;
pub use jobs::Backups;
pub(crate) use jobs::Refused;
pub(crate) use status::{Order, Status};
pub(crate) use target::{Backup, copies};

/// Bytes a second that a backup copies at most, unless the operator gives another rate. It leaves most of a solid-state
/// disk, and of a network of 10 Gbit/s, to the broker.
pub const RATE_DEFAULT: u64 = 100 * 1024 * 1024;
/// Copies in a directory at most.
pub const KEPT_MAX: u32 = 1_000;
