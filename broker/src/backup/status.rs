//! What `/backup` takes and answers, as JSON: the same types on both sides.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What the operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// The directory that holds the copies: absolute, on the broker's machine.
    pub(crate) to: PathBuf,
    /// Bytes a second at most. Zero for no limit.
    pub(crate) rate: u64,
    /// How many copies stay in the directory, the new one included.
    pub(crate) keep: u32,
}

/// How far the latest backup has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum Status {
    /// There was none since the broker started.
    None,
    /// It is being made.
    Running(Running),
    /// It is whole.
    Done(Summary),
    /// There is none, and why.
    Failed {
        /// The directory that was to hold it.
        to: PathBuf,
        /// In words.
        error: String,
    },
}

/// A backup that is being made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// The directory that is to hold it.
    pub(crate) to: PathBuf,
    /// Segments of the snapshot.
    pub(crate) segments: u64,
    /// Segments that are there already.
    pub(crate) segments_done: u64,
    /// Bytes of these segments.
    pub(crate) bytes: u64,
    /// Bytes that are there already.
    pub(crate) bytes_done: u64,
}

/// A backup that is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The directory of the copy.
    pub(crate) directory: PathBuf,
    /// The position that it is as of.
    pub(crate) position: String,
    /// Its segments.
    pub(crate) segments: u64,
    /// Of these, those that an earlier copy in the same directory had.
    pub(crate) segments_kept: u64,
    /// Of these, those that share blocks with the broker's file (a reflink).
    pub(crate) segments_cloned: u64,
    /// Of these, those that are the broker's file under another name (a hard link).
    pub(crate) segments_linked: u64,
    /// Of these, those that were copied.
    pub(crate) segments_copied: u64,
    /// Bytes that were copied.
    pub(crate) bytes_copied: u64,
    /// Earlier copies that were removed.
    pub(crate) removed: u64,
    /// How long it took, in milliseconds.
    pub(crate) milliseconds: u64,
}
