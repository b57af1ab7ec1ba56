//! The errors of a log: it does not open, does not answer a read, or does not close.

use std::{fmt, io, sync::Arc};

use posthouse_encryption::KeyId;

use crate::{Failure, Position, header::FORMAT_VERSION};

/// Why a log could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The disk refused an operation. Nothing is known to be damaged.
    Io {
        /// The operation, with the name of the file.
        action: String,
        /// The error of the disk.
        source: io::Error,
    },
    /// Bytes that were durable are damaged or missing. The operator must restore them from a copy.
    Corrupt(Corruption),
    /// The data directory has a later format. The operator must start the later version of Posthouse.
    Newer {
        /// The file that states the version.
        file: String,
        /// The version of its format.
        version: u32,
    },
    /// Segments are encrypted with keys that are not known. The operator must add the keys.
    KeysMissing {
        /// The keys, in the order of their identifiers.
        keys: Vec<MissingKey>,
    },
    /// The data directory has an earlier format, which this version of Posthouse does not read.
    Older {
        /// The file that states the version.
        file: String,
        /// The version of its format.
        version: u32,
    },
}

/// A key that segments need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MissingKey {
    /// The key.
    pub id: KeyId,
    /// How many segments were found that need it.
    pub segments: u64,
}

/// Damage to bytes that were durable, and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Corruption {
    /// The name of the file that is damaged or missing.
    pub file: String,
    /// The offset in the file in bytes; zero if the whole file is concerned.
    pub offset: u64,
    /// What is wrong there.
    pub damage: Damage,
}

/// What is wrong with a data directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// There is no superblock, but there are segments.
    SuperblockMissing,
    /// Neither slot of the superblock is valid.
    Superblock,
    /// The header block of the segment is not valid.
    SegmentHeader,
    /// The segment has the identity of another log.
    ForeignSegment,
    /// The length of the file is not the one in its header.
    SegmentLength,
    /// The name of the file says a position at which no segment can begin.
    SegmentPosition,
    /// The segment overlaps the one before it.
    SegmentOverlap,
    /// The segment is missing, although the log goes on in it or behind it.
    SegmentMissing,
    /// The segment is missing, although live records lie in it.
    ReferencedSegmentMissing {
        /// How many references to records in it there are, at least.
        references: u64,
    },
    /// The wrapped data key in the segment's header does not open with the master key that the header names.
    WrappedKey,
    /// The seal is valid, but names another position than the length of the file implies.
    Seal,
    /// The record is not valid, although it was durable.
    Record {
        /// The position of the record.
        position: Position,
        /// The durable end that a later mark or the superblock states.
        durable: Position,
    },
    /// The record is not valid, although the log goes on in a later segment.
    RecordBeforeSegment {
        /// The position of the record.
        position: Position,
        /// The first position of the later segment.
        later: Position,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, source } => write!(formatter, "{action}: {source}"),
            Self::Corrupt(corruption) => corruption.fmt(formatter),
            Self::Newer { file, version } => write!(
                formatter,
                "{file} is in format version {version}, written by a later Posthouse; this one reads version \
                 {FORMAT_VERSION}: start the later one"
            ),
            Self::KeysMissing { keys } => {
                formatter.write_str("the data directory is encrypted, and the key file lacks ")?;
                for (index, MissingKey { id, segments }) in keys.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(formatter, "{comma}key {id}, which {segments} segments need")?;
                }
                formatter.write_str(". Nothing was changed: add the key to the file behind the first one")
            }
            Self::Older { file, version } => write!(
                formatter,
                "{file} is in format version {version}, written by an earlier Posthouse; this one reads version \
                 {FORMAT_VERSION} only. Nothing was changed: start the earlier one on this directory, and this one on an \
                 empty directory"
            ),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Corrupt(_) | Self::KeysMissing { .. } | Self::Newer { .. } | Self::Older { .. } => None,
        }
    }
}

impl From<Corruption> for OpenError {
    fn from(corruption: Corruption) -> Self {
        Self::Corrupt(corruption)
    }
}

impl fmt::Display for Corruption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, damage } = self;
        write!(formatter, "the data directory is damaged: {file} at offset {offset}: {damage}. ")?;
        formatter.write_str(
            "Nothing was changed. Copy the directory before anything else, check the disk, and restore this file or \
             the whole directory from a copy",
        )
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SuperblockMissing => formatter.write_str("it is missing, but there are segments"),
            Self::Superblock => formatter.write_str("neither slot of the superblock is valid"),
            Self::SegmentHeader => formatter.write_str("the segment's header is not valid"),
            Self::ForeignSegment => formatter.write_str("the segment belongs to another data directory"),
            Self::SegmentLength => formatter.write_str("the file is not as long as its header says"),
            Self::SegmentPosition => formatter.write_str("no segment can begin at the position in the file's name"),
            Self::SegmentOverlap => formatter.write_str("the segment overlaps the one before it"),
            Self::SegmentMissing => formatter.write_str("the segment is missing, but the log goes on in it"),
            Self::ReferencedSegmentMissing { references } => {
                write!(formatter, "the segment is missing, but there are {references} references to records in it")
            }
            Self::WrappedKey => formatter.write_str("the wrapped data key does not open with its master key"),
            Self::Seal => formatter.write_str("the seal does not fit to the length of the segment"),
            Self::Record { position, durable } => write!(
                formatter,
                "the record at position {position} is not valid, but everything before {durable} was durable: \
                 acknowledged records from {position} to {durable} are damaged or missing"
            ),
            Self::RecordBeforeSegment { position, later } => write!(
                formatter,
                "the record at position {position} is not valid, but the log goes on in the segment of {later}: \
                 acknowledged records from {position} on are damaged or missing"
            ),
        }
    }
}

/// Why a cold read returned no record. The other records are not affected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadError {
    /// No file holds the position: no live record is there, or the file of the segment was removed.
    Missing {
        /// The position asked for.
        position: Position,
    },
    /// Two reads of the position returned bytes that are not a valid record of this length.
    Corrupt {
        /// The position asked for.
        position: Position,
        /// The name of the file.
        file: String,
        /// The offset of the record in the file in bytes.
        offset: u64,
    },
    /// Two reads of the position failed with an error of the medium
    /// ([`is_of_medium`](posthouse_disk::is_of_medium)).
    Unreadable {
        /// The position asked for.
        position: Position,
        /// The name of the file.
        file: String,
        /// The offset of the record in the file in bytes.
        offset: u64,
        /// The error of the disk.
        reason: String,
    },
    /// The disk refused the read or the opening of the file for a reason that says nothing of the record: too many open
    /// files, for example. A later read may succeed.
    Io {
        /// The position asked for.
        position: Position,
        /// The error of the disk.
        reason: String,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { position } => write!(formatter, "no file holds position {position}"),
            Self::Corrupt { position, file, offset } => {
                write!(formatter, "the record at position {position} is damaged: {file} at offset {offset}")
            }
            Self::Unreadable { position, file, offset, reason } => {
                write!(
                    formatter,
                    "the record at position {position} cannot be read: {file} at offset {offset}: {reason}"
                )
            }
            Self::Io { position, reason } => write!(formatter, "the record at position {position}: {reason}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Why a log was not closed cleanly. Everything that was durable stays durable, and the next start recovers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CloseError {
    /// A write or sync failed, now or earlier.
    Failed {
        /// The first one.
        failure: Arc<Failure>,
    },
    /// Some appended records found no file, because the disk is full or refuses one.
    Short {
        /// How many bytes did not become durable.
        bytes: u64,
        /// Why there is no file for them, if the disk has said so.
        cause: Option<Arc<Failure>>,
    },
}

impl fmt::Display for CloseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { failure } => write!(formatter, "the log was not closed cleanly: {failure}"),
            Self::Short { bytes, cause } => {
                write!(formatter, "the log was not closed cleanly: no file for the last {bytes} bytes")?;
                cause.as_ref().map_or(Ok(()), |cause| write!(formatter, ": {cause}"))
            }
        }
    }
}

impl std::error::Error for CloseError {}
