//! A record asked for that lies on the disk only: what `reads` keeps of it, and what `tasks` remembers of its operation.

use crate::Position;

/// Names a read under way: [`Read::Pending`](super::Read::Pending) gives it out, and
/// [`Log::completed_reads`](super::Log::completed_reads) returns it with the payload. Never used twice by one log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReadId(pub(super) u64);

/// A read of one record from the disk. Its segment is pinned until it has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColdRead {
    pub(super) id: ReadId,
    pub(super) position: Position,
    /// The length of the payload in bytes.
    pub(super) length: usize,
    /// The first position of the segment that holds it.
    pub(super) segment: Position,
}
