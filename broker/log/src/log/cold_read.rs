//! A read of a record that lies only on the disk. `reads` queues it, and `tasks` remembers it while it is under way.

use crate::Position;

/// Identifies a cold read. [`Read::Pending`](super::Read::Pending) returns it, and
/// [`Log::completed_reads`](super::Log::completed_reads) returns it again with the payload. A log uses no number twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReadId(pub(super) u64);

/// A read of one record from the disk. Its segment is pinned until the read has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColdRead {
    pub(super) id: ReadId,
    pub(super) position: Position,
    /// The length of the payload in bytes.
    pub(super) length: usize,
    /// The first position of the segment that holds the record.
    pub(super) segment: Position,
}
