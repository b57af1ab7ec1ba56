//! The position of a record in the log.

use std::fmt;

use posthouse_disk::BLOCK_BYTES;

pub(crate) const BLOCK: u64 = BLOCK_BYTES as u64;

/// The logical byte offset of a record: a multiple of eight that grows over the life of a data directory. No two
/// acknowledged records have the same position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Position(u64);

impl Position {
    /// Less than the position of every record.
    pub const ZERO: Self = Self(0);

    /// The position of the first record of a data directory: behind the header block of the first segment.
    pub const FIRST: Self = Self(BLOCK);

    /// The position with this offset in bytes.
    #[must_use]
    pub const fn new(offset: u64) -> Self {
        Self(offset)
    }

    /// The offset in bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position `bytes` further on.
    pub(crate) fn plus(self, bytes: u64) -> Self {
        Self(self.0.checked_add(bytes).expect("the log stays below 2^64 bytes"))
    }

    /// How many bytes `self` is behind `earlier`.
    ///
    /// # Panics
    ///
    /// If `earlier` is the later one.
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.checked_sub(earlier.0).expect("called with an earlier position")
    }

    /// The start of the block in which the position lies.
    pub(crate) fn block_start(self) -> Self {
        Self(self.0 / BLOCK * BLOCK)
    }

    /// The end of the block in which the position lies, or the position itself if a block starts there.
    pub(crate) fn block_end(self) -> Self {
        Self(self.0.next_multiple_of(BLOCK))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}
