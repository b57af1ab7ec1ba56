//! A read of bytes that lie only on the disk. `reads` queues it, and `tasks` remembers it while it is under way.

use crate::Position;

/// Identifies a cold read. [`Read::Pending`](super::Read::Pending) returns it, and
/// [`Log::completed_reads`](super::Log::completed_reads) returns it again with the payload. A log uses no number twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReadId(pub(super) u64);

/// A read from the disk. Its segment is pinned until the read has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColdRead {
    /// The position of the record, or of the first block.
    pub(super) position: Position,
    /// The length of the payload as it is stored, or of the blocks, in bytes.
    pub(super) length: usize,
    /// The first position of the segment that holds the bytes.
    pub(super) segment: Position,
    pub(super) purpose: Purpose,
}

/// What is read, and for whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// One record, for the caller of [`Log::read`](super::Log::read).
    Record { id: ReadId, attempt: Attempt },
    /// Whole blocks, for the scrubber.
    Scrub,
}

/// How often the record is being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Attempt {
    First,
    /// The first read returned a damaged record, or failed with an error of the medium.
    Second,
}
