//! Which part of the log lies in which file, and what in it is still referred to.
//!
//! The table is ordered by position. Segments of an active log follow each other without gaps; segments that nobody
//! needs any more are taken out wherever they stand.

use std::{cell::Cell, collections::BTreeMap};

use posthouse_disk::FileId;

use crate::{Position, position::BLOCK};

#[derive(Debug)]
pub(crate) struct Segment {
    /// Where its first record stands, behind the header block.
    pub(crate) first: Position,
    /// The length of the file, header block included.
    pub(crate) length: u64,
    /// Live references to records in it.
    pub(crate) live: u64,
    /// Cold reads under way in it.
    pub(crate) pins: u32,
    pub(crate) state: SegmentState,
    pub(crate) file: Handle,
    /// When a cold read last used it, on the reads' own scale.
    pub(crate) used: u64,
    /// Its seal, once it has one.
    pub(crate) seal: Option<Seal>,
}

/// Where a segment was closed in this run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seal {
    /// Behind the seal.
    pub(crate) end: Position,
    /// The bytes appended up to there, as the stats count them.
    pub(crate) bytes: u64,
    /// The records appended up to there.
    pub(crate) records: u64,
}

/// How far the file of a segment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SegmentState {
    /// Positions are given out in it, or will be, but there is no file yet.
    Planned,
    /// A spare is being turned into it.
    Preparing,
    /// The file has its header and its name.
    Ready,
    /// The file is being renamed or removed.
    Leaving,
}

/// Whether the file is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handle {
    Closed,
    Opening,
    Open(FileId),
}

impl Segment {
    pub(crate) fn new(first: Position, length: u64, state: SegmentState) -> Self {
        Self { first, length, live: 0, pins: 0, state, file: Handle::Closed, used: 0, seal: None }
    }

    /// Where the next segment starts: one header block behind the end of the file.
    pub(crate) fn next_first(&self) -> Position {
        self.first.plus(self.length)
    }

    /// The first position that no record of it can have.
    pub(crate) fn end(&self) -> Position {
        self.first.plus(self.length - BLOCK)
    }

    pub(crate) fn offset_of(&self, position: Position) -> u64 {
        position.since(self.first) + BLOCK
    }
}

/// Live references to records between two segments, or before the first one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Missing {
    /// Where the first segment would start that is missing there.
    pub(crate) first: Position,
    pub(crate) references: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Segments {
    list: Vec<Segment>,
    /// The index that the last search found.
    recent: Cell<usize>,
    /// References into no segment, counted per gap between segments. A log that is replayed may refer to records that
    /// were released later, and whose segments are gone; at the end none of them may be left.
    missing: BTreeMap<Position, u64>,
}

impl Segments {
    pub(crate) fn push(&mut self, segment: Segment) {
        assert!(self.list.last().is_none_or(|last| last.next_first() <= segment.first), "segments are added in order");
        self.list.push(segment);
    }

    pub(crate) fn remove(&mut self, first: Position) -> Option<Segment> {
        let index = self.list.binary_search_by_key(&first, |segment| segment.first).ok()?;
        self.recent.set(0);
        Some(self.list.remove(index))
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.list.iter()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Segment> {
        self.list.get(index)
    }

    pub(crate) fn last(&self) -> Option<&Segment> {
        self.list.last()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The segment whose records start at `first`.
    pub(crate) fn starting(&mut self, first: Position) -> Option<&mut Segment> {
        let index = self.list.binary_search_by_key(&first, |segment| segment.first).ok()?;
        self.list.get_mut(index)
    }

    /// The index of the segment that this position lies in.
    pub(crate) fn index_of(&self, position: Position) -> Option<usize> {
        let holds = |segment: &Segment| segment.first <= position && position < segment.end();
        let recent = self.recent.get();
        if self.list.get(recent).is_some_and(holds) {
            return Some(recent);
        }
        let index = self.list.partition_point(|segment| segment.first <= position).checked_sub(1)?;
        if !holds(&self.list[index]) {
            return None;
        }
        self.recent.set(index);
        Some(index)
    }

    /// The segment that this position lies in.
    pub(crate) fn holding(&mut self, position: Position) -> Option<&mut Segment> {
        let index = self.index_of(position)?;
        self.list.get_mut(index)
    }

    /// Counts a live reference.
    pub(crate) fn retain(&mut self, position: Position) {
        match self.holding(position) {
            Some(segment) => {
                debug_assert_ne!(segment.state, SegmentState::Leaving, "a segment with live records is not reclaimed");
                segment.live += 1;
            }
            None => *self.missing.entry(self.gap_at(position)).or_default() += 1,
        }
    }

    /// Takes back a reference. Returns the start of a segment that has lost its last one.
    pub(crate) fn release(&mut self, position: Position) -> Option<Position> {
        if let Some(segment) = self.holding(position) {
            segment.live = segment.live.checked_sub(1).expect("each reference is released once");
            return (segment.live == 0).then_some(segment.first);
        }
        let gap = self.gap_at(position);
        let count = self.missing.get_mut(&gap).expect("each reference is released once");
        *count -= 1;
        if *count == 0 {
            self.missing.remove(&gap);
        }
        None
    }

    /// References to records that are not there.
    pub(crate) fn missing(&self) -> Option<Missing> {
        let (first, references) = self.missing.first_key_value()?;
        Some(Missing { first: *first, references: *references })
    }

    /// Where the first segment would start in the gap that this position lies in.
    fn gap_at(&self, position: Position) -> Position {
        let before = self.list.partition_point(|segment| segment.first <= position);
        before.checked_sub(1).map_or(Position::FIRST, |index| self.list[index].next_first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_with_a_gap() -> Segments {
        let mut segments = Segments::default();
        segments.push(Segment::new(Position::new(0x1000), 0x3000, SegmentState::Ready));
        segments.push(Segment::new(Position::new(0x7000), 0x3000, SegmentState::Ready));
        segments
    }

    #[test]
    fn positions_are_found_in_their_segments_only() {
        let segments = two_with_a_gap();
        let index = |position| segments.index_of(Position::new(position));
        assert_eq!(index(0xfff), None);
        assert_eq!(index(0x1000), Some(0));
        assert_eq!(index(0x2fff), Some(0));
        assert_eq!(index(0x3000), None, "the header block of the next segment");
        assert_eq!(index(0x6fff), None);
        assert_eq!(index(0x7000), Some(1));
        assert_eq!(index(0x8fff), Some(1));
        assert_eq!(index(0x9000), None);
    }

    #[test]
    fn references_are_counted_per_segment_and_missing_ones_apart() {
        let mut segments = two_with_a_gap();
        segments.retain(Position::new(0x1008));
        segments.retain(Position::new(0x2008));
        assert_eq!(segments.release(Position::new(0x1008)), None);
        assert_eq!(segments.release(Position::new(0x2008)), Some(Position::new(0x1000)));
        segments.retain(Position::new(0x5000));
        assert_eq!(segments.missing(), Some(Missing { first: Position::new(0x4000), references: 1 }));
        assert_eq!(segments.release(Position::new(0x5000)), None);
        assert_eq!(segments.missing(), None);
    }

    #[test]
    fn a_removed_segment_is_found_no_more() {
        let mut segments = two_with_a_gap();
        assert_eq!(segments.index_of(Position::new(0x8000)), Some(1));
        assert_eq!(segments.remove(Position::new(0x1000)).unwrap().length, 0x3000);
        assert_eq!(segments.index_of(Position::new(0x1008)), None);
        assert_eq!(segments.index_of(Position::new(0x8000)), Some(0));
        assert!(segments.remove(Position::new(0x1000)).is_none());
    }

    #[test]
    #[should_panic(expected = "released once")]
    fn releasing_too_often_is_a_bug() {
        two_with_a_gap().release(Position::new(0x1000));
    }
}
