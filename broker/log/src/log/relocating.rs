//! Compaction's half of the log: which segments hold little that is live, moving a record out of one, and the table of moves.
//!
//! The log counts references by segment and does not know which records they lead to. So the caller searches:
//!
//! 1. [`Log::sparse_segments`] lists what is worth it, and [`Log::watch`] has the log note each new reference into it.
//! 2. The caller looks for all references into these segments. With those that were noted meanwhile
//!    ([`Log::take_noted`]) and the records that were moved there before ([`Log::arrived_in`]) it then knows of each.
//! 3. It reads the records and appends each once more ([`Log::relocate`]). A record to which a reference came since the search
//!    is [`Sharing::Shared`], so the log goes on noting them until [`Log::end_watch`]. The name of a record does not change: reads and
//!    releases of it lead to where it is now.
//! 4. [`Log::set_emptied`] says that no reference into a segment needs its file. The file goes once replay starts behind the
//!    moves. The references are counted on, until the last one is released.
//!
//! # Invariants
//!
//! * A move is lost with all that follows it, or not at all: it is a record. Until replay starts behind it, the record stays
//!   where it was, too.
//! * The table has one reference to each record that was moved. The record goes when its name is released, when the last
//!   reference into the segment of its name is, or when a search has not found its name ([`Log::keep_moved`]).
//! * A record that the table gives up stays until replay starts behind that, because a checkpoint may list it still.

use std::ops::Range;

use posthouse_disk::Disk;

use super::Log;
use crate::{
    Position,
    moved::{Moved, Sharing, name_at, offset_of},
    relocation::{self, KIND_RELOCATED, KIND_RELOCATIONS_KEPT, NAME_BYTES, Region, Slice},
    segments::{Emptiness, References, Segment, SegmentState, Usage, Watch, reference_to},
};

/// Compaction's part of the log.
#[derive(Debug, Default)]
pub(super) struct Relocating {
    /// New references into watched segments, as names and lengths of records.
    noted: Vec<(Position, u32)>,
    /// Whether references into watched segments came that do not say to which record they lead.
    is_blurred: bool,
}

/// A closed segment of which some is not live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SparseSegment {
    /// Its first position.
    pub first: Position,
    /// The position behind it.
    pub end: Position,
    /// The bytes of its file that hold records.
    pub used_bytes: u64,
    /// The bytes of the records that are referred to, each counted once for each reference, but no more than it holds.
    pub live_bytes: u64,
    /// The references.
    pub references: u64,
}

/// A record that was moved before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MovedRecord {
    /// Its name: the position that it was appended at.
    pub name: Position,
    /// The length of its payload in bytes.
    pub length: u32,
    /// Whether several references may lead to it.
    pub sharing: Sharing,
}

/// Where [`Log::keep_relocations`] and [`Log::arrived_in`] go on: before the record with this name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RelocationCursor(Position);

impl RelocationCursor {
    /// Before the first record.
    pub const START: Self = Self(Position::ZERO);
}

/// The records that were noted while segments were watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Noted {
    /// The names and lengths of all records to which new references have come.
    Records(Vec<(Position, u32)>),
    /// References came that do not say to which record they lead.
    Unknown,
}

impl<D: Disk> Log<D> {
    /// The bytes of closed segments before replay start that are not live, without those that are emptied already. They are
    /// what compaction can free.
    #[must_use]
    pub fn closed_dead_bytes(&self) -> u64 {
        let dead = self.closed_segments().map(|segment| segment.length - segment.usage(self.end).live);
        dead.sum()
    }

    /// The closed segments before replay start that hold something live.
    fn closed_segments(&self) -> impl Iterator<Item = &Segment> {
        let end = self.replay_start().min(self.durable());
        let before = self.segments.iter().take_while(|segment| segment.first < self.tail_first);
        let closed = before.filter(move |segment| segment.end() <= end && segment.holds_live());
        closed.filter(|segment| segment.state == SegmentState::Ready)
    }

    /// The closed segments before replay start of which at least half is not live, in the order of positions.
    #[must_use]
    pub fn sparse_segments(&self) -> Vec<SparseSegment> {
        let sparse = self.closed_segments().filter_map(|segment| {
            let Usage { used, live } = segment.usage(self.end);
            let sparse = SparseSegment {
                first: segment.first,
                end: segment.end(),
                used_bytes: used,
                live_bytes: live,
                references: segment.live.count,
            };
            (live <= used / 2).then_some(sparse)
        });
        sparse.collect()
    }

    /// The segments from which records were moved that may not be needed any more, each from its first position to its end:
    /// there are more records than references, or most of the references that there were are gone.
    #[must_use]
    pub fn stale_segments(&self) -> Vec<Range<Position>> {
        let is_stale = |segment: &&Segment| segment.stale() > 0;
        self.segments.iter().filter(is_stale).map(|segment| segment.first..segment.end()).collect()
    }

    /// About how many records these segments list that no reference leads to.
    #[must_use]
    pub fn stale_records(&self) -> u64 {
        self.segments.iter().map(Segment::stale).sum()
    }

    /// Has references noted that come into these segments, given by their first positions, from now on.
    pub fn watch(&mut self, segments: &[Position]) {
        self.end_watch();
        for first in segments {
            if let Some(segment) = self.segments.starting(*first) {
                segment.watch = Watch::On;
            }
        }
    }

    /// Ends [`Log::watch`].
    pub fn end_watch(&mut self) {
        self.segments.end_watch();
        let _ = self.take_noted();
    }

    /// What was noted since the last call, or since [`Log::watch`]. Further references are noted.
    pub fn take_noted(&mut self) -> Noted {
        let (noted, is_blurred) = (std::mem::take(&mut self.relocating.noted), self.relocating.is_blurred);
        self.relocating.is_blurred = false;
        if is_blurred { Noted::Unknown } else { Noted::Records(noted) }
    }

    /// Counts a live reference to the record with this name, whose payload has this length. As [`Log::retain`] otherwise.
    ///
    /// # Panics
    ///
    /// If no segment holds the name.
    pub fn retain_record(&mut self, name: Position, length: u32) {
        let Some(segment) = self.segments.holding(name) else { panic!("no segment holds position {name}") };
        let first = segment.first;
        if segment.watch == Watch::On {
            self.relocating.noted.push((name, length));
        }
        if !segment.moved.is_empty()
            && let Some(offset) = offset_of(first, name)
        {
            segment.moved.retain(offset);
        }
        segment.live.add(References::one(length as usize));
    }

    /// Takes back the reference to the record with this name, whose payload has this length. As [`Log::release`] otherwise.
    ///
    /// # Panics
    ///
    /// If the reference was not counted, or with another length.
    pub fn release_record(&mut self, name: Position, length: u32) {
        // At once, as new references are counted: a message that leaves for another queue has one there by now.
        if let Some(moved) = self.segments.release_moved(name) {
            self.give_up(moved);
        }
        self.release(name, References::one(length as usize));
    }

    /// Notes that references have come into a segment that is watched, if it is.
    pub(super) fn note_many(&mut self, position: Position) {
        if self.segments.holding(position).is_some_and(|segment| segment.watch == Watch::On) {
            self.relocating.is_blurred = true;
        }
    }

    /// Appends the record with this name once more. From now on its name leads there. Returns the position, or `None` if no
    /// reference leads into its segment any more.
    ///
    /// # Panics
    ///
    /// If the payload is longer than [`Options::payload_bytes_max`](crate::Options::payload_bytes_max) less eight bytes:
    /// see [`Log::can_relocate`].
    pub fn relocate(&mut self, record: MovedRecord, payload: &[u8]) -> Option<Position> {
        let MovedRecord { name, length, sharing } = record;
        assert_eq!(payload.len(), length as usize, "a record is moved as it is");
        self.segments.holding(name).filter(|segment| segment.live.count > 0)?;
        let to = self.append(KIND_RELOCATED, &[&relocation::name_bytes(name), payload]);
        let before = self.segments.note_moved(name, Moved { to, length, sharing }).expect("just found");
        if let Some(before) = before {
            self.give_up(before);
        }
        self.stats.relocated_records += 1;
        self.stats.relocated_bytes += u64::from(length);
        Some(to)
    }

    /// Whether a record is short enough to be moved.
    #[must_use]
    pub fn can_relocate(&self, length: u32) -> bool {
        length as usize + NAME_BYTES <= self.options.payload_bytes_max()
    }

    /// Whether the record with this name still lies in the segment that begins at `first`.
    #[must_use]
    pub fn lies_in(&self, name: Position, first: Position) -> bool {
        let place = self.segments.moved_to(name).map_or(name, |moved| moved.to);
        self.segment_of(place) == Some(first)
    }

    /// The position of the record with this name: the name, unless it was moved.
    #[must_use]
    pub fn record_of(&self, name: Position) -> Position {
        self.segments.moved_to(name).map_or(name, |moved| moved.to)
    }

    /// Appends to `found` the records that were moved into these segments, given by their first positions in ascending order.
    /// Looks at about `budget` moves from `from` on. Returns where to go on; `None` at the end.
    pub fn arrived_in(
        &self,
        segments: &[Position],
        from: RelocationCursor,
        budget: usize,
        found: &mut Vec<MovedRecord>,
    ) -> Option<RelocationCursor> {
        let mut left = budget;
        for segment in self.segments_with_moved(from.0) {
            for (name, moved) in names_of(segment, from.0) {
                if left == 0 {
                    return Some(RelocationCursor(name));
                }
                left -= 1;
                let first = self.segment_of(moved.to);
                if first.is_some_and(|first| segments.binary_search(&first).is_ok()) {
                    found.push(MovedRecord { name, length: moved.length, sharing: moved.sharing });
                }
            }
        }
        None
    }

    /// The names of the records that were moved to positions in this range.
    #[must_use]
    pub fn names_within(&self, range: Range<Position>) -> Vec<Position> {
        let all = self.segments_with_moved(Position::ZERO).flat_map(|segment| names_of(segment, Position::ZERO));
        all.filter(|(_, moved)| range.contains(&moved.to)).map(|(name, _)| name).collect()
    }

    /// Gives up the records that were moved from a segment and whose names are not among these, which ascend. The caller has
    /// searched for all references into the segment.
    pub fn keep_moved(&mut self, first: Position, names: &[Position]) {
        let Some(segment) = self.segments.starting(first) else { return };
        let dropped = segment.moved.keep_only(|offset| names.binary_search(&name_at(first, offset)).is_ok());
        segment.searched = segment.live.count;
        dropped.into_iter().for_each(|moved| self.give_up(moved));
    }

    /// Notes that each reference into a segment that is read leads to a record that was moved. Its file goes once replay
    /// starts behind what was appended so far. Returns `false`, and changes nothing, if records that were moved here from
    /// other segments are still here.
    pub fn set_emptied(&mut self, first: Position) -> bool {
        let end = self.end;
        let Some(segment) = self.segments.starting(first) else { return true };
        if segment.arrived > 0 {
            return false;
        }
        if segment.emptiness == Emptiness::Holding {
            segment.emptiness = Emptiness::Emptied;
            segment.searched = segment.live.count;
            segment.replayed_until = segment.replayed_until.max(end);
            self.stats.segments_emptied += 1;
        }
        true
    }

    /// The bytes of the files that are emptied and that a later start of replay frees. One that a snapshot or a read holds does
    /// not count once replay starts behind its moves.
    #[must_use]
    pub fn emptied_bytes(&self) -> u64 {
        let start = self.replay_start();
        let emptied = |segment: &&Segment| segment.emptiness == Emptiness::Emptied && segment.has_file();
        self.segments
            .iter()
            .filter(emptied)
            .filter(|segment| segment.is_needed(start))
            .map(|segment| segment.length)
            .sum()
    }

    /// How many records are not where they were appended.
    #[must_use]
    pub fn relocations(&self) -> u64 {
        self.segments.iter().map(|segment| segment.moved.len() as u64).sum()
    }

    /// The memory that the table of moves takes, in bytes.
    #[must_use]
    pub fn relocation_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.moved.bytes()).sum()
    }

    /// Appends a slice of the table of moves, of about `records_max` records from `from` on, for a checkpoint that has just
    /// begun. The caller moves no record until all slices are written. Returns where to go on; `None` once the last slice
    /// is written.
    pub fn keep_relocations(&mut self, from: RelocationCursor, records_max: usize) -> Option<RelocationCursor> {
        let mut regions: Vec<Region> = Vec::new();
        let (mut left, mut next) = (records_max, None);
        for segment in self.segments_with_moved(from.0) {
            let mut records = Vec::new();
            for (name, moved) in names_of(segment, from.0) {
                if left == 0 {
                    next = Some(RelocationCursor(name));
                    break;
                }
                left -= 1;
                records.push((offset_of(segment.first, name).expect("a name of this segment"), moved));
            }
            if !records.is_empty() {
                regions.push(Region { first: segment.first, length: segment.length, records });
            }
            if next.is_some() {
                break;
            }
        }
        let slice = if next.is_some() { Slice::Inner } else { Slice::Last };
        self.append(KIND_RELOCATIONS_KEPT, &[&relocation::encode(slice, &regions)]);
        next
    }

    /// Takes back the reference of the table to a record that it no longer lists.
    pub(super) fn give_up(&mut self, moved: Moved) {
        let end = self.end;
        if let Some(segment) = self.segments.holding(moved.to) {
            segment.arrived = segment.arrived.checked_sub(1).expect("each record that came leaves once");
            segment.replayed_until = segment.replayed_until.max(end);
        }
        self.release(moved.to, reference_to(moved));
    }

    /// Gives up all records that were moved from a segment: no reference leads into it any more.
    pub(super) fn give_up_all(&mut self, first: Position) {
        let Some(segment) = self.segments.starting(first).filter(|segment| !segment.moved.is_empty()) else { return };
        let dropped = segment.moved.keep_only(|_| false);
        dropped.into_iter().for_each(|moved| self.give_up(moved));
    }

    /// The segments with moved records, from the one on that holds this name.
    fn segments_with_moved(&self, name: Position) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |segment| segment.end() > name && !segment.moved.is_empty())
    }
}

/// The moved records of a segment from this name on.
fn names_of(segment: &Segment, from: Position) -> impl Iterator<Item = (Position, Moved)> {
    let first = segment.first;
    let offset = offset_of(first, from.max(first)).unwrap_or(0);
    segment.moved.from(offset).map(move |(offset, moved)| (name_at(first, offset), moved))
}
