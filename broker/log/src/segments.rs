//! Which part of the log lies in which file, and how many references to its records there are.
//!
//! Invariants: the table is ordered by position. Segments do not overlap. The segments of an active log follow each
//! other without gaps at first; a segment that is no longer needed is taken out wherever it stands.

use std::{cell::Cell, collections::BTreeMap};

use posthouse_disk::FileId;

use crate::{
    Position,
    moved::{Moved, MovedRecords, name_at, offset_of},
    position::BLOCK,
    protection::Protection,
    record::HEADER_BYTES,
    relocation::NAME_BYTES,
};

/// References to records, added up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct References {
    /// How many there are.
    pub count: u64,
    /// The lengths of the payloads that they lead to, in bytes. A payload counts once for each reference to it.
    pub bytes: u64,
}

impl References {
    /// None.
    pub const NONE: Self = Self { count: 0, bytes: 0 };

    /// One reference to a payload of this length in bytes.
    #[must_use]
    pub const fn one(length: usize) -> Self {
        Self { count: 1, bytes: length as u64 }
    }

    pub(crate) fn add(&mut self, others: Self) {
        self.count += others.count;
        self.bytes += others.bytes;
    }

    /// Takes references away.
    ///
    /// # Panics
    ///
    /// If they were not added, or with other lengths.
    fn take(&mut self, others: Self) {
        self.count = self.count.checked_sub(others.count).expect("each reference is released once");
        self.bytes = self.bytes.checked_sub(others.bytes).expect("a reference is released with its length");
        assert!(
            self.count > 0 || self.bytes == 0,
            "references are released with other lengths: {} too few",
            self.bytes
        );
    }
}

/// A file of the log, or the plan of one.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The position of its first record, behind the header block.
    pub(crate) first: Position,
    /// The length of the file in bytes, header block included.
    pub(crate) length: u64,
    /// Live references to records in it.
    pub(crate) live: References,
    /// Cold reads in it. While there are any, it is not reclaimed.
    pub(crate) pins: u32,
    /// Snapshots whose copy of it has not been made yet. While there are any, it is not reclaimed.
    pub(crate) snapshots: u32,
    /// Replay that starts before this position may read a record of it, whether or not anything refers to the record at
    /// the end of replay.
    pub(crate) replayed_until: Position,
    pub(crate) state: SegmentState,
    pub(crate) protection: Protection,
    pub(crate) file: Handle,
    /// When a cold read last used it, by the clock of the reads.
    pub(crate) used: u64,
    /// Its seal, if it was closed since the start.
    pub(crate) seal: Option<Seal>,
    /// The records of it that were moved.
    pub(crate) moved: MovedRecords,
    /// Records of other segments that were moved here. Each is one of the live references.
    pub(crate) arrived: u32,
    /// Whether new references to it are noted.
    pub(crate) watch: Watch,
    pub(crate) emptiness: Emptiness,
    /// How many references there were when all records that were moved from here were last known to be needed.
    pub(crate) searched: u64,
}

/// Whether new references to a segment are noted, so that a search for all of them misses none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Watch {
    Off,
    On,
}

/// Whether references to a segment need its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Emptiness {
    /// As far as is known, each does.
    Holding,
    /// None does: each that is read leads to a record that was moved.
    Emptied,
}

/// The file of a spare that a start found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpareFile {
    /// Its length in bytes.
    pub(crate) length: u64,
    pub(crate) reuse: Reuse,
}

/// Whether a spare that a start found may become a segment. One that may not is removed; until then its number is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reuse {
    /// It may.
    Fit,
    /// It has another name: another directory uses it, and it must not be overwritten.
    Shared,
    /// It holds unencrypted records, and new data is encrypted: it would keep their bytes until they are overwritten.
    Revealing,
}

/// Where a segment was closed since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seal {
    /// The position behind the seal.
    pub(crate) end: Position,
    /// The bytes appended before `end`, as the statistics count them.
    pub(crate) bytes: u64,
    /// The records appended before `end`.
    pub(crate) records: u64,
}

/// How far the file of a segment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SegmentState {
    /// Positions in it exist or will exist, but it has no file yet.
    Planned,
    /// A spare is being turned into it.
    Preparing,
    /// The file has its header and its name.
    Ready,
    /// The file is being renamed or removed.
    Leaving,
    /// The file was reclaimed. References to records that were moved away are still counted here.
    Emptied,
}

/// Whether the file is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handle {
    Closed,
    Opening,
    Open(FileId),
}

impl Segment {
    /// A segment without references, whose file is closed and whose records are not encrypted.
    pub(crate) fn new(first: Position, length: u64, state: SegmentState) -> Self {
        Self {
            first,
            length,
            live: References::NONE,
            pins: 0,
            snapshots: 0,
            replayed_until: Position::new(0),
            state,
            protection: Protection::Plain,
            file: Handle::Closed,
            used: 0,
            seal: None,
            moved: MovedRecords::default(),
            arrived: 0,
            watch: Watch::Off,
            emptiness: Emptiness::Holding,
            searched: 0,
        }
    }

    /// A segment whose file was reclaimed after its records had been moved.
    pub(crate) fn emptied(first: Position, length: u64) -> Self {
        Self { emptiness: Emptiness::Emptied, ..Self::new(first, length, SegmentState::Emptied) }
    }

    /// Whether a reference needs the file.
    pub(crate) fn holds_live(&self) -> bool {
        self.live.count > 0 && self.emptiness == Emptiness::Holding
    }

    /// About how many of the records that were moved from here no reference leads to: those beyond the number of references,
    /// or half of them once half of the references are gone.
    pub(crate) fn stale(&self) -> u64 {
        let moved = self.moved.len() as u64;
        let beyond = moved.saturating_sub(self.live.count);
        if self.live.count < self.searched / 2 { beyond.max(moved / 2) } else { beyond }
    }

    /// Where a record is that was moved.
    pub(crate) fn moved_to(&self, name: Position) -> Option<Moved> {
        if self.moved.is_empty() {
            return None;
        }
        self.moved.get(offset_of(self.first, name)?)
    }

    /// Whether a start that replays from `replay_start` needs it: for a live record, or for replay.
    pub(crate) fn is_needed(&self, replay_start: Position) -> bool {
        self.holds_live() || self.end() > replay_start || self.replayed_until > replay_start
    }

    /// Whether it has a file.
    pub(crate) fn has_file(&self) -> bool {
        match self.state {
            SegmentState::Planned | SegmentState::Emptied => false,
            SegmentState::Preparing | SegmentState::Ready | SegmentState::Leaving => true,
        }
    }

    /// How many of its bytes before the end of the log hold records, and how many of these are referred to.
    pub(crate) fn usage(&self, end: Position) -> Usage {
        let used = self.end().min(end).get().saturating_sub(self.first.get());
        // Payloads are padded; what that takes is not known of each, and is at most 7 bytes.
        let around = (HEADER_BYTES + self.protection.stored_bytes(0)) as u64;
        let live = if self.holds_live() { (self.live.bytes + self.live.count * around).min(used) } else { 0 };
        Usage { used, live }
    }

    /// The first position of the next segment: one header block behind the end of the file.
    pub(crate) fn next_first(&self) -> Position {
        self.first.plus(self.length)
    }

    /// The end of the file: every record of the segment has a smaller position.
    pub(crate) fn end(&self) -> Position {
        self.first.plus(self.length - BLOCK)
    }

    /// The offset in the file of a position in the segment.
    pub(crate) fn offset_of(&self, position: Position) -> u64 {
        position.since(self.first) + BLOCK
    }
}

/// The bytes of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Usage {
    pub(crate) used: u64,
    pub(crate) live: u64,
}

/// Live references to records in a gap between segments, or before the first one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Missing {
    /// Where the first missing segment of the gap starts.
    pub(crate) first: Position,
    pub(crate) references: u64,
}

/// What all segments with a file hold.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Held {
    /// The bytes of the files.
    pub(crate) bytes: u64,
    /// The bytes of records with references, by the count of references.
    pub(crate) live_bytes: u64,
    /// The other bytes before the end of the log.
    pub(crate) dead_bytes: u64,
    /// Closed segments with references.
    pub(crate) live: u64,
    /// Closed segments without any.
    pub(crate) replayed: u64,
    /// The segment that records are appended to, and those behind it.
    pub(crate) open: u64,
}

/// A segment overlaps with another one, or a record lies in none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Overlap;

/// The table of all segments.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    list: Vec<Segment>,
    /// The index that the last search returned. Consecutive searches often have the same result.
    recent: Cell<usize>,
    /// References into no segment, counted per gap. During replay, a record may refer to one that was released later
    /// and whose segment was reclaimed. At the end of replay, none may be left.
    missing: BTreeMap<Position, References>,
    /// References into no segment, in the order in which they came and went, while replay does not know all segments that
    /// were emptied. `None` once it does.
    unplaced: Option<Vec<(Position, Change)>>,
}

/// What became of references.
#[derive(Clone, Copy, Debug)]
enum Change {
    Came(References),
    Went(References),
}

/// The reference of the table of moved records to one of them.
pub(crate) fn reference_to(moved: Moved) -> References {
    References::one(moved.length as usize + NAME_BYTES)
}

impl Segments {
    /// Defers the count of references into no segment until [`Segments::place`].
    pub(crate) fn defer_missing(&mut self) {
        self.unplaced = Some(Vec::new());
    }

    /// Whether references into no segment are still deferred.
    pub(crate) fn defers_missing(&self) -> bool {
        self.unplaced.is_some()
    }

    /// Counts the references that were deferred: all segments that were emptied are known.
    pub(crate) fn place(&mut self) {
        for (position, change) in self.unplaced.take().into_iter().flatten() {
            match change {
                Change::Came(references) => self.retain(position, references),
                Change::Went(references) => drop(self.release(position, references)),
            }
        }
    }

    /// Adds a segment that was emptied, between others.
    ///
    /// # Errors
    ///
    /// It overlaps with one that is there.
    pub(crate) fn insert_emptied(&mut self, first: Position, length: u64) -> Result<(), Overlap> {
        let at = self.list.partition_point(|segment| segment.first < first);
        let before = at.checked_sub(1).and_then(|index| self.list.get(index));
        let segment = Segment::emptied(first, length);
        let fits = before.is_none_or(|before| before.next_first() <= first)
            && self.list.get(at).is_none_or(|behind| segment.next_first() <= behind.first);
        if !fits {
            return Err(Overlap);
        }
        self.recent.set(0);
        self.list.insert(at, segment);
        Ok(())
    }

    /// Notes that a record was moved, and counts the reference that the table has to it. Returns where it was before, if it
    /// was moved before: the caller releases that.
    ///
    /// # Errors
    ///
    /// No segment holds the name.
    pub(crate) fn note_moved(&mut self, name: Position, moved: Moved) -> Result<Option<Moved>, Overlap> {
        let segment = self.holding(name).ok_or(Overlap)?;
        let offset = offset_of(segment.first, name).ok_or(Overlap)?;
        let before = segment.moved.insert(offset, moved);
        self.retain(moved.to, reference_to(moved));
        if let Some(segment) = self.holding(moved.to) {
            segment.arrived += 1;
        }
        Ok(before)
    }

    /// Takes back one reference to the record with this name in the table of moves. Returns where the record is, if it is
    /// not listed any more.
    pub(crate) fn release_moved(&mut self, name: Position) -> Option<Moved> {
        let segment = self.holding(name).filter(|segment| !segment.moved.is_empty())?;
        segment.moved.release(offset_of(segment.first, name)?)
    }

    /// The records that were moved, and where each is now, in the order of names.
    pub(crate) fn moved_records(&self) -> impl Iterator<Item = (Position, Position)> {
        self.list
            .iter()
            .flat_map(|segment| segment.moved.from(0).map(|(offset, moved)| (name_at(segment.first, offset), moved.to)))
    }

    /// Takes all records that were moved for needed: after a start it is not known better.
    pub(crate) fn note_searched(&mut self) {
        self.list.iter_mut().for_each(|segment| segment.searched = segment.live.count);
    }

    /// Ends that new references are noted.
    pub(crate) fn end_watch(&mut self) {
        self.list.iter_mut().for_each(|segment| segment.watch = Watch::Off);
    }

    /// Where the record with this name is, if it was moved.
    pub(crate) fn moved_to(&self, name: Position) -> Option<Moved> {
        self.list.get(self.index_of(name)?)?.moved_to(name)
    }
    /// Adds a segment behind the last one.
    ///
    /// # Panics
    ///
    /// If it starts before the end of the last one.
    pub(crate) fn push(&mut self, segment: Segment) {
        assert!(self.list.last().is_none_or(|last| last.next_first() <= segment.first), "segments are added in order");
        self.list.push(segment);
    }

    /// Takes out the segment that starts at `first`, if there is one.
    pub(crate) fn remove(&mut self, first: Position) -> Option<Segment> {
        let index = self.list.binary_search_by_key(&first, |segment| segment.first).ok()?;
        self.recent.set(0);
        Some(self.list.remove(index))
    }

    /// All segments by position.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.list.iter()
    }

    /// The segment with this index.
    pub(crate) fn get(&self, index: usize) -> Option<&Segment> {
        self.list.get(index)
    }

    /// The segment with the largest position.
    pub(crate) fn last(&self) -> Option<&Segment> {
        self.list.last()
    }

    /// How many segments there are, planned ones included.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The segment whose first position is `first`.
    pub(crate) fn starting(&mut self, first: Position) -> Option<&mut Segment> {
        let index = self.list.binary_search_by_key(&first, |segment| segment.first).ok()?;
        self.list.get_mut(index)
    }

    /// The index of the segment in which `position` lies.
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

    /// The segment in which `position` lies.
    pub(crate) fn holding(&mut self, position: Position) -> Option<&mut Segment> {
        let index = self.index_of(position)?;
        self.list.get_mut(index)
    }

    /// Counts live references to records in the region of `position`: a segment, or a gap between segments.
    pub(crate) fn retain(&mut self, position: Position, references: References) {
        match self.holding(position) {
            Some(segment) => {
                debug_assert!(
                    segment.state != SegmentState::Leaving || segment.emptiness == Emptiness::Emptied,
                    "a segment with live records is not reclaimed"
                );
                segment.live.add(references);
            }
            None => match &mut self.unplaced {
                Some(unplaced) => unplaced.push((position, Change::Came(references))),
                None => self.missing.entry(self.gap_at(position)).or_default().add(references),
            },
        }
    }

    /// Takes back references. Returns the first position of a segment that has lost its last one.
    ///
    /// # Panics
    ///
    /// If the references were not counted, or with other lengths.
    pub(crate) fn release(&mut self, position: Position, references: References) -> Option<Position> {
        if let Some(segment) = self.holding(position) {
            segment.live.take(references);
            return (segment.live.count == 0).then_some(segment.first);
        }
        if let Some(unplaced) = &mut self.unplaced {
            unplaced.push((position, Change::Went(references)));
            return None;
        }
        let gap = self.gap_at(position);
        let missing = self.missing.get_mut(&gap).expect("each reference is released once");
        missing.take(references);
        if missing.count == 0 {
            self.missing.remove(&gap);
        }
        None
    }

    /// The end of the region in which `position` lies: the first position of the next segment that is there, or the end
    /// of all positions.
    pub(crate) fn region_end(&self, position: Position) -> Position {
        if let Some(segment) = self.index_of(position).and_then(|index| self.list.get(index)) {
            return segment.next_first();
        }
        let behind = self.list.partition_point(|segment| segment.first <= position);
        self.list.get(behind).map_or(Position::new(u64::MAX), |segment| segment.first)
    }

    /// What the segments hold, while records are appended at `end` in the segment at `open`.
    pub(crate) fn held(&self, open: Position, end: Position) -> Held {
        let mut held = Held::default();
        for segment in self.list.iter().filter(|segment| segment.has_file()) {
            held.bytes += segment.length;
            if segment.first >= open {
                held.open += 1;
            } else if segment.holds_live() {
                held.live += 1;
            } else {
                held.replayed += 1;
            }
            let Usage { used, live } = segment.usage(end);
            held.live_bytes += live;
            held.dead_bytes += used - live;
        }
        held
    }

    /// References to records that are not there, in the first gap that has any.
    pub(crate) fn missing(&self) -> Option<Missing> {
        let (first, references) = self.missing.first_key_value()?;
        Some(Missing { first: *first, references: references.count })
    }

    /// Where the first missing segment starts in the gap in which `position` lies.
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
        segments.retain(Position::new(0x1008), References::one(100));
        segments.retain(Position::new(0x2008), References { count: 2, bytes: 50 });
        assert_eq!(segments.starting(Position::new(0x1000)).unwrap().live, References { count: 3, bytes: 150 });
        assert_eq!(segments.release(Position::new(0x1008), References { count: 2, bytes: 130 }), None);
        assert_eq!(segments.release(Position::new(0x2008), References::one(20)), Some(Position::new(0x1000)));
        segments.retain(Position::new(0x5000), References::one(0));
        assert_eq!(segments.missing(), Some(Missing { first: Position::new(0x4000), references: 1 }));
        assert_eq!(segments.release(Position::new(0x5000), References::one(0)), None);
        assert_eq!(segments.missing(), None);
    }

    #[test]
    fn what_segments_hold_is_added_up() {
        let mut segments = two_with_a_gap();
        segments.push(Segment::new(Position::new(0xa000), 0x3000, SegmentState::Planned));
        segments.retain(Position::new(0x1008), References { count: 2, bytes: 100 });
        let open = Position::new(0x7000);
        let held = segments.held(open, Position::new(0x7800));
        assert_eq!((held.bytes, held.live_bytes, held.dead_bytes), (0x6000, 116, 0x2000 - 116 + 0x800));
        assert_eq!((held.live, held.replayed, held.open), (1, 0, 1));
        // Many references to one record count no more than there is.
        segments.retain(Position::new(0x1008), References { count: 1000, bytes: 1 << 20 });
        segments.release(Position::new(0x1008), References { count: 2, bytes: 100 });
        assert_eq!(segments.held(open, Position::new(0x7800)).live_bytes, 0x2000);
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
        two_with_a_gap().release(Position::new(0x1000), References::one(0));
    }

    #[test]
    #[should_panic(expected = "other lengths")]
    fn releasing_with_other_lengths_is_a_bug() {
        let mut segments = two_with_a_gap();
        segments.retain(Position::new(0x1000), References::one(8));
        segments.release(Position::new(0x1000), References::one(7));
    }

    #[test]
    fn a_region_is_a_segment_or_a_gap() {
        let segments = two_with_a_gap();
        let end = |position| segments.region_end(Position::new(position)).get();
        assert_eq!((end(0x0), end(0x1000), end(0x2fff)), (0x1000, 0x4000, 0x4000));
        assert_eq!((end(0x4000), end(0x6fff)), (0x7000, 0x7000), "the gap");
        assert_eq!((end(0x7000), end(0xa000)), (0xa000, u64::MAX));
    }
}
