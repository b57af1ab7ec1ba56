//! Where a record stands in the log.

use std::fmt;

use posthouse_disk::BLOCK_BYTES;

pub(crate) const BLOCK: u64 = BLOCK_BYTES as u64;

/// The logical byte offset of a record: a multiple of eight that only grows over the life of a data directory. No two
/// records ever acknowledged have the same position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Position(u64);

impl Position {
    /// Before every record: no record has this position.
    pub const ZERO: Self = Self(0);

    /// Where the first record of a data directory stands: behind the header block of its first segment.
    pub const FIRST: Self = Self(BLOCK);

    /// The position with this offset.
    #[must_use]
    pub const fn new(offset: u64) -> Self {
        Self(offset)
    }

    /// The offset in bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    pub(crate) fn plus(self, bytes: u64) -> Self {
        Self(self.0.checked_add(bytes).expect("the log stays below 2^64 bytes"))
    }

    /// How far `self` is behind `earlier`.
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.checked_sub(earlier.0).expect("called with an earlier position")
    }

    pub(crate) fn block_start(self) -> Self {
        Self(self.0 / BLOCK * BLOCK)
    }

    /// The start of the block behind it, or itself where a block starts.
    pub(crate) fn block_end(self) -> Self {
        Self(self.0.next_multiple_of(BLOCK))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}
