//! The records of one segment that were moved to the end of the log, and where each is now.
//!
//! A record keeps its name, the position that it was appended at. References, receipt handles and the order of messages
//! are names, so a move changes none of them: this table leads from the name to the record.
//!
//! Invariants: the records ascend by name. An entry takes [`ENTRY_BYTES`] bytes of memory, and those of removed records are
//! given back once they are half of the table.

use std::mem::size_of;

use crate::{Position, record::ALIGNMENT_BYTES};

/// What one entry takes of memory.
pub(crate) const ENTRY_BYTES: usize = size_of::<Entry>();

const _: () = assert!(ENTRY_BYTES == 16);

/// Whether several references may lead to a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sharing {
    /// One when the record is moved. Those that come and go from then on are counted. The record is not needed any more
    /// when the last one is released.
    Single,
    /// Any number: how many is not known. The record is given up with the last reference into its segment, or by
    /// [`Log::keep_moved`](crate::Log::keep_moved). So is each record that was moved before a start.
    Shared,
}

/// Where a record is that was moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moved {
    /// The position of the record that holds it now.
    pub(crate) to: Position,
    /// The length of its own payload in bytes.
    pub(crate) length: u32,
    pub(crate) sharing: Sharing,
}

/// How many references to a single record lead to it besides the first, at most. Beyond, the record counts as shared.
const EXTRA_MAX: u32 = 31;

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// How far the name is behind the first position of its segment, in units of eight bytes.
    offset: u32,
    /// The length in 24 bits; one bit says that the record is shared, one that it was removed, the other six count further
    /// references to a single one.
    bits: u32,
    to: Position,
}

const LENGTH: u32 = 0x00ff_ffff;
const SHARED: u32 = 1 << 24;
const REMOVED: u32 = 1 << 25;
const EXTRA_SHIFT: u32 = 26;

impl Entry {
    fn of(offset: u32, moved: Moved) -> Self {
        let shared = if moved.sharing == Sharing::Shared { SHARED } else { 0 };
        assert!(moved.length <= LENGTH, "the payload of a record has at most 24 bits of length");
        Self { offset, bits: moved.length | shared, to: moved.to }
    }

    fn moved(self) -> Moved {
        let sharing = if self.bits & SHARED == 0 { Sharing::Single } else { Sharing::Shared };
        Moved { to: self.to, length: self.bits & LENGTH, sharing }
    }

    fn is_removed(self) -> bool {
        self.bits & REMOVED != 0
    }
}

/// The records of one segment that were moved.
#[derive(Debug, Default)]
pub(crate) struct MovedRecords {
    entries: Vec<Entry>,
    removed: usize,
}

/// The number of a name in a segment whose first position is `first`. `None` if it can be no name there.
pub(crate) fn offset_of(first: Position, name: Position) -> Option<u32> {
    let bytes = name.get().checked_sub(first.get())?;
    let unit = ALIGNMENT_BYTES as u64;
    bytes.is_multiple_of(unit).then(|| u32::try_from(bytes / unit).ok())?
}

/// The name with this number in a segment whose first position is `first`.
pub(crate) fn name_at(first: Position, offset: u32) -> Position {
    first.plus(u64::from(offset) * ALIGNMENT_BYTES as u64)
}

impl MovedRecords {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.removed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory of the table in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.entries.capacity() * ENTRY_BYTES) as u64
    }

    fn place_of(&self, offset: u32) -> Option<usize> {
        let at = self.entries.binary_search_by_key(&offset, |entry| entry.offset).ok()?;
        (!self.entries[at].is_removed()).then_some(at)
    }

    /// Where the record with this number is.
    pub(crate) fn get(&self, offset: u32) -> Option<Moved> {
        Some(self.entries[self.place_of(offset)?].moved())
    }

    /// Notes a move. Returns where the record was before, if it was moved before.
    pub(crate) fn insert(&mut self, offset: u32, moved: Moved) -> Option<Moved> {
        let entry = Entry::of(offset, moved);
        match self.entries.binary_search_by_key(&offset, |entry| entry.offset) {
            Ok(at) if self.entries[at].is_removed() => {
                self.entries[at] = entry;
                self.removed -= 1;
                None
            }
            Ok(at) => {
                let before = self.entries[at];
                // References that came meanwhile still count.
                self.entries[at] = Entry { bits: before.bits, ..entry };
                Some(before.moved())
            }
            Err(at) => {
                self.entries.insert(at, entry);
                None
            }
        }
    }

    /// Counts one more reference to the record with this number.
    pub(crate) fn retain(&mut self, offset: u32) {
        let Some(at) = self.place_of(offset) else { return };
        let bits = &mut self.entries[at].bits;
        if *bits & SHARED == 0 {
            if *bits >> EXTRA_SHIFT >= EXTRA_MAX {
                *bits |= SHARED;
            } else {
                *bits += 1 << EXTRA_SHIFT;
            }
        }
    }

    /// Takes one reference back. Returns the record if it was the last one that could lead to it: it is not listed any
    /// more.
    pub(crate) fn release(&mut self, offset: u32) -> Option<Moved> {
        let at = self.place_of(offset)?;
        let bits = &mut self.entries[at].bits;
        if *bits & SHARED != 0 {
            return None;
        }
        if *bits >> EXTRA_SHIFT > 0 {
            *bits -= 1 << EXTRA_SHIFT;
            return None;
        }
        *bits |= REMOVED;
        self.removed += 1;
        let moved = self.entries[at].moved();
        self.shrink();
        Some(moved)
    }

    /// All records in the order of their names, from the one with this number on.
    pub(crate) fn from(&self, offset: u32) -> impl Iterator<Item = (u32, Moved)> {
        let start = self.entries.partition_point(|entry| entry.offset < offset);
        let left = self.entries[start..].iter().filter(|entry| !entry.is_removed());
        left.map(|entry| (entry.offset, entry.moved()))
    }

    /// Removes the records for which `keep` is false, and returns them.
    pub(crate) fn keep_only(&mut self, mut keep: impl FnMut(u32) -> bool) -> Vec<Moved> {
        let mut dropped = Vec::new();
        self.entries.retain(|entry| {
            let kept = !entry.is_removed() && keep(entry.offset);
            if !kept && !entry.is_removed() {
                dropped.push(entry.moved());
            }
            kept
        });
        self.removed = 0;
        self.entries.shrink_to_fit();
        dropped
    }

    fn shrink(&mut self) {
        if self.removed > 8 && self.removed * 2 > self.entries.len() {
            self.entries.retain(|entry| !entry.is_removed());
            self.removed = 0;
            self.entries.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(to: u64, sharing: Sharing) -> Moved {
        Moved { to: Position::new(to), length: 100, sharing }
    }

    #[test]
    fn a_single_record_leaves_with_its_last_reference() {
        let mut records = MovedRecords::default();
        assert_eq!(records.insert(7, moved(800, Sharing::Single)), None);
        assert_eq!(records.insert(3, moved(808, Sharing::Shared)), None);
        records.retain(7);
        assert_eq!(records.release(7), None, "a message moves to another queue: retained there, then released here");
        assert_eq!(records.release(7), Some(moved(800, Sharing::Single)));
        assert_eq!((records.get(7), records.release(7), records.len()), (None, None, 1));
        assert_eq!(records.release(3), None, "how many references lead to a shared record is not known");
        assert_eq!(records.keep_only(|_| false), [moved(808, Sharing::Shared)]);
        assert!(records.is_empty());
    }

    #[test]
    fn a_record_that_is_moved_again_keeps_its_references() {
        let mut records = MovedRecords::default();
        records.insert(7, moved(800, Sharing::Single));
        records.retain(7);
        assert_eq!(records.insert(7, moved(900, Sharing::Single)).map(|before| before.to), Some(Position::new(800)));
        assert_eq!(records.release(7), None);
        assert_eq!(records.release(7).map(|last| last.to), Some(Position::new(900)));
        records.insert(7, moved(1000, Sharing::Single));
        assert_eq!(records.from(0).collect::<Vec<_>>(), [(7, moved(1000, Sharing::Single))]);
    }

    #[test]
    fn removed_entries_are_given_back() {
        let mut records = MovedRecords::default();
        for number in 0..100 {
            records.insert(number, moved(u64::from(number) * 8, Sharing::Single));
        }
        for number in 0..90 {
            assert!(records.release(number).is_some());
        }
        assert_eq!(records.from(0).map(|(offset, _)| offset).collect::<Vec<_>>(), (90..100).collect::<Vec<_>>());
        assert!(records.bytes() < 50 * ENTRY_BYTES as u64);
    }

    #[test]
    fn names_and_numbers_agree() {
        let first = Position::new(0x1000);
        assert_eq!(offset_of(first, Position::new(0x1010)), Some(2));
        assert_eq!(name_at(first, 2), Position::new(0x1010));
        assert_eq!(offset_of(first, Position::new(0xff8)), None);
        assert_eq!(offset_of(first, Position::new(0x1004)), None);
    }
}
