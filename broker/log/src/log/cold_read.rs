//! A read of bytes that lie only on the disk. `reads` queues it, and `tasks` remembers it while it is under way.

use crate::Position;

/// Identifies a cold read. [`Read::Pending`](super::Read::Pending) returns it, and
/// [`Log::completed_reads`](super::Log::completed_reads) returns it again with the payload. A log uses no number twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReadId(pub(super) u64);

/// What a read is for. The caller chooses the number. Readers share the disk evenly: reads of one do not wait for all
/// reads of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reader(u64);

impl Reader {
    /// The scrubber of the log.
    pub(super) const SCRUBBER: Self = Self(u64::MAX);

    /// The reader with this number. The largest number is the log's own.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// Names an extent. Ordered by the first position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ExtentId {
    /// The position of its first block.
    pub(super) start: Position,
    /// Counts the extents of a log.
    pub(super) serial: u64,
}

/// A read from the disk. Its segment is pinned until the read has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColdRead {
    /// The position of the record, or of the first block.
    pub(super) position: Position,
    /// The length of the payload as it is stored, or of the blocks, in bytes.
    pub(super) length: usize,
    /// The first position of the segment that holds the bytes.
    pub(super) segment: Position,
    pub(super) reader: Reader,
    pub(super) purpose: Purpose,
}

impl ColdRead {
    /// The read of an extent. Its length is taken when it is submitted, because it may grow until then.
    pub(super) fn of_extent(id: ExtentId, segment: Position, reader: Reader) -> Self {
        Self { position: id.start, length: 0, segment, reader, purpose: Purpose::Extent(id) }
    }
}

/// What is read, and for whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// Whole blocks, for all records in them that are asked for. `position` and `length` are those of the extent.
    Extent(ExtentId),
    /// One record and nothing else, for the caller of [`Log::read`](super::Log::read).
    Record { id: ReadId, attempt: Attempt },
    /// Whole blocks, for the scrubber.
    Scrub,
}

/// How often the record is being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Attempt {
    First,
    /// The first read returned a damaged record, or failed.
    Second,
}
