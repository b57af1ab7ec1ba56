//! Files: spares are created, turned into segments, and won back from segments.
//!
//! A *spare* is a file of a segment's length that is not a segment: newly created zeros, or a segment that is no longer
//! needed, renamed. A spare becomes a segment ahead of time. First its header is written, durably, then the file is
//! renamed, durably, so that a file with the name of a segment always has its header. When the tail is half full, one
//! more spare is created. If the disk refuses to create another, the spare, the prepared segment and the rest of the
//! tail are the reserve for requests that free space.
//!
//! # Invariants
//!
//! * At most one segment is prepared behind the one in which the durable end lies. Recovery relies on it.
//! * A segment is reclaimed only if nothing refers to it: no live record, no read, no snapshot, no replay. A reference to a
//!   record that was moved does not count (`relocating`).
//! * A file that has a name in another directory too (a backup made by hard links) is never overwritten.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
};

use posthouse_disk::{Disk, DiskOutcome, FileId, Operation};

use super::{Health, Log, Space, tasks::Task};
use crate::{
    Failure, Incident, Position, Work,
    header::{Remainder, SegmentHeader, segment_name, spare_name},
    position::BLOCK,
    protection::Protection,
    record::SEAL_BYTES,
    segments::{Handle, Reuse, Segment, SegmentState, SpareFile},
};

/// While there are this many spares, a segment that becomes free is removed instead.
const SPARES_MAX: usize = 2;
/// The most that commits add to the bytes of the records: a mark, a seal, and the padding of two blocks.
const COMMIT_OVERHEAD_BYTES: u64 = 2 * BLOCK;

/// The spares, and what the disk said about room.
#[derive(Debug)]
pub(super) struct Spares {
    ready: VecDeque<Spare>,
    creating: bool,
    /// Segments being renamed to spares.
    arriving: usize,
    /// The spare that is being turned into a segment.
    preparing: Option<Spare>,
    next_number: u64,
    space: Space,
    /// Whether to try once more to create a file, although the last attempt was refused.
    retry: bool,
    /// Whether the disk refused to turn a spare into a segment. The next attempt is that of [`Log::retry_space`].
    preparing_refused: bool,
}

/// A file of a segment's length that is not a segment.
#[derive(Debug)]
struct Spare {
    name: String,
    file: Option<FileId>,
    /// What it holds where no record is written yet.
    remainder: Remainder,
}

impl Spares {
    /// Takes over the spares found at the start, by number. Also returns the names of those to remove, because there are
    /// more than [`SPARES_MAX`], they do not have the length of a segment, or they are not fit for [`Reuse`]. New spares
    /// get numbers above all of these, because a removal is not over when the next file is created.
    pub(super) fn adopt(found: &BTreeMap<u64, SpareFile>, segment_bytes: u64) -> (Self, Vec<String>) {
        let next_number = found.last_key_value().map_or(0, |(number, _)| number + 1);
        let (mut ready, mut surplus) = (VecDeque::new(), Vec::new());
        for (number, SpareFile { length, reuse }) in found {
            let name = spare_name(*number);
            if *length == segment_bytes && *reuse == Reuse::Fit && ready.len() < SPARES_MAX {
                ready.push_back(Spare { name, file: None, remainder: Remainder::EarlierUse });
            } else {
                surplus.push(name);
            }
        }
        let spares = Self {
            ready,
            creating: false,
            arriving: 0,
            preparing: None,
            next_number,
            space: Space::Plenty,
            retry: false,
            preparing_refused: false,
        };
        (spares, surplus)
    }

    /// How many spares can be turned into segments now.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Whether an operation is under way that may provide another segment.
    pub(super) fn is_working(&self) -> bool {
        self.creating || self.arriving > 0 || self.preparing.is_some()
    }

    /// Whether the latest attempt to create a file or to turn one into a segment was refused, or is not over.
    fn is_refused(&self) -> bool {
        self.creating || self.preparing_refused || self.preparing.is_some()
    }

    /// How many spares there are or will be.
    fn on_hand(&self) -> usize {
        self.ready.len() + self.arriving + usize::from(self.creating)
    }

    /// A name that no file has.
    fn next_name(&mut self) -> String {
        self.next_number += 1;
        spare_name(self.next_number - 1)
    }

    /// Why the log cannot get another file; `None` while it can.
    fn shortage(&self) -> Option<&Arc<Failure>> {
        match &self.space {
            Space::Plenty => None,
            Space::Reserve { cause } => Some(cause),
        }
    }
}

impl<D: Disk> Log<D> {
    /// Whether further files can be created. In [`Space::Reserve`], refuse requests that add data, so that requests
    /// that free space find room, and call [`Log::retry_space`] from time to time.
    #[must_use]
    pub fn space(&self) -> &Space {
        &self.spares.space
    }

    /// Whether records of `bytes` in total find room, including the files still to come while there is
    /// [`Space::Plenty`]. If not, refuse even requests that free space.
    #[must_use]
    pub fn room_for(&self, bytes: u64) -> bool {
        if self.health != Health::Good {
            return false;
        }
        self.spares.space == Space::Plenty || self.prepared_bytes() >= bytes.saturating_add(COMMIT_OVERHEAD_BYTES)
    }

    /// Tries once more to create a file, if one is missing. The caller chooses the rate, because each attempt may write
    /// as much as still fits on the disk. A segment that becomes free ends [`Space::Reserve`] without this call.
    pub fn retry_space(&mut self) {
        if self.spares.space != Space::Plenty {
            self.spares.retry = true;
            self.spares.preparing_refused = false;
            self.keep_up();
        }
    }

    /// Notes that the disk refused a file.
    fn run_short(&mut self, failure: Failure) {
        let cause = self.incidents.ran_short(self.spares.shortage(), failure);
        self.spares.space = Space::Reserve { cause };
        self.spares.retry = false;
    }

    /// How many bytes of records fit into one file that exists, whatever their sizes. Files are not added up, because a
    /// record that does not fit leaves the rest of its segment unused.
    fn prepared_bytes(&self) -> u64 {
        let start = self.segments.index_of(self.tail_first).expect("the tail's segment is in the table");
        let segments = (start..self.segments.len()).filter_map(|index| self.segments.get(index));
        let tail = self.segments.get(start).expect("just found");
        if tail.state == SegmentState::Planned {
            // Records are appended to a segment that has no file yet.
            return 0;
        }
        let rest = self.tail_limit.get().saturating_sub(self.end.get());
        let whole = self.options.segment_bytes - BLOCK - SEAL_BYTES;
        let prepared = segments.skip(1).any(|segment| segment.state != SegmentState::Planned);
        if prepared || !self.spares.ready.is_empty() { rest.max(whole) } else { rest }
    }

    /// Starts to prepare the next segment and to create a spare, as far as needed and possible.
    pub(super) fn keep_up(&mut self) {
        if self.health != Health::Good {
            return;
        }
        let mut planned = None;
        let mut missing = 0;
        let mut index = self.segments.len();
        while let Some(segment) = index.checked_sub(1).and_then(|index| self.segments.get(index)) {
            match segment.state {
                SegmentState::Planned => {
                    planned = Some(segment.first);
                    missing += 1;
                }
                SegmentState::Preparing => {}
                SegmentState::Ready | SegmentState::Leaving | SegmentState::Emptied => {
                    // Appending may be several segments ahead of the files. Prepared segments are at most one ahead of
                    // the durable end.
                    planned = planned.filter(|_| segment.first <= self.commits.durable.position);
                    break;
                }
            }
            index -= 1;
        }
        if let Some(first) = planned
            && self.spares.preparing.is_none()
            && !self.spares.preparing_refused
            && let Some(spare) = self.spares.ready.pop_front()
        {
            missing -= 1;
            self.prepare(first, spare);
        }
        let tail_bytes = self.tail_limit.since(self.tail_first);
        let half_full = self.end.since(self.tail_first) > tail_bytes / 2;
        let wanted = missing + usize::from(half_full);
        if self.spares.on_hand() < wanted {
            if !self.spares.creating && (self.spares.space == Space::Plenty || self.spares.retry) {
                self.spares.retry = false;
                self.spares.creating = true;
                let name = self.spares.next_name();
                let length = self.options.segment_bytes;
                self.submit(Task::CreateSpare { name: name.clone() }, Operation::Create { name, length });
            }
        } else if self.spares.space != Space::Plenty && !self.spares.is_refused() {
            self.spares.space = Space::Plenty;
            self.incidents.add(Incident::ShortageEnded);
        }
    }

    /// Takes in the end of a creation.
    pub(super) fn spare_created(&mut self, name: String, result: io::Result<DiskOutcome>) {
        self.spares.creating = false;
        match result {
            Ok(DiskOutcome::Opened { file, .. }) => {
                self.spares.ready.push_back(Spare { name, file: Some(file), remainder: Remainder::Zeros });
                // If more files are missing, another attempt may succeed too.
                self.spares.retry = self.spares.space != Space::Plenty;
            }
            Ok(other) => unreachable!("a creation completed with {other:?}"),
            Err(error) => self.run_short(Failure::of_file(Work::CreateFile, name, &error)),
        }
    }

    /// Starts to turn a spare into the segment planned at `first`.
    fn prepare(&mut self, first: Position, spare: Spare) {
        let segment = self.segments.starting(first).expect("planned");
        segment.state = SegmentState::Preparing;
        match spare.file {
            Some(file) => {
                segment.file = Handle::Open(file);
                self.write_header(first, file, spare.remainder);
            }
            None => {
                let name = spare.name.clone();
                self.submit(Task::OpenSpare { first }, Operation::Open { name });
            }
        }
        self.spares.preparing = Some(spare);
    }

    /// Takes in the end of an opening: the spare gets its header.
    pub(super) fn spare_opened(&mut self, first: Position, result: io::Result<DiskOutcome>) {
        let segment = self.segments.starting(first).expect("being prepared");
        match result {
            Ok(DiskOutcome::Opened { file, .. }) => {
                segment.file = Handle::Open(file);
                self.spares.preparing.as_mut().expect("one is being prepared").file = Some(file);
                self.write_header(first, file, Remainder::EarlierUse);
            }
            Ok(other) => unreachable!("an opening completed with {other:?}"),
            Err(error) => {
                segment.state = SegmentState::Planned;
                let spare = self.spares.preparing.take().expect("one is being prepared");
                self.run_short(Failure::of_file(Work::OpenFile, spare.name.as_str(), &error));
                if error.kind() == io::ErrorKind::NotFound {
                    // Another one is taken or created.
                    self.spares.retry = true;
                } else {
                    self.spares.ready.push_front(spare);
                    self.spares.preparing_refused = true;
                }
            }
        }
    }

    /// Writes the header of the segment at `first`.
    fn write_header(&mut self, first: Position, file: FileId, remainder: Remainder) {
        let length = self.options.segment_bytes;
        let key = self.segments.starting(first).expect("being prepared").protection.wrapped();
        let block = SegmentHeader { identity: self.identity, first, length, remainder, key }.encode();
        let size = block.len();
        let data = vec![block.freeze(size)];
        self.submit(Task::WriteHeader { first }, Operation::Write { file, offset: 0, data, durable: true });
    }

    /// Takes in the end of a header: the file gets its name.
    pub(super) fn header_written(&mut self, first: Position, result: io::Result<DiskOutcome>) {
        if let Err(error) = result {
            let file = segment_name(first);
            self.fail(Failure::of_file(Work::WriteHeader, file, &error));
            return;
        }
        let from = self.spares.preparing.as_ref().expect("one is being prepared").name.clone();
        self.submit(Task::NameSegment { first }, Operation::Rename { from, to: segment_name(first) });
    }

    /// Takes in the end of a renaming: the segment is ready, or the spare waits for room.
    pub(super) fn segment_named(&mut self, first: Position, result: io::Result<DiskOutcome>) {
        let spare = self.spares.preparing.take().expect("one is being prepared");
        let segment = self.segments.starting(first).expect("being prepared");
        match result {
            Ok(_) => {
                segment.state = SegmentState::Ready;
                let durable = self.commits.durable.position;
                let named = |segment: &&Segment| segment.state == SegmentState::Ready && segment.first > durable;
                let ahead =
                    self.segments.iter().rev().take_while(|segment| segment.first > durable).filter(named).count();
                assert!(ahead <= 1, "one segment is prepared ahead, never two: {ahead}");
            }
            Err(error) if posthouse_disk::is_full(&error) => {
                segment.state = SegmentState::Planned;
                segment.file = Handle::Closed;
                self.spares.ready.push_front(spare);
                self.run_short(Failure::of_file(Work::NameSegment, segment_name(first), &error));
                self.spares.preparing_refused = true;
            }
            // The name may survive a loss of power or not, and commits would rely on it.
            Err(error) => self.fail(Failure::of_file(Work::NameSegment, segment_name(first), &error)),
        }
    }

    /// Gives up the moved records of segments without references, at the start. Replay counts references that come and go, so
    /// it gives up none.
    pub(super) fn reclaim_unreferenced(&mut self) {
        let without = self.segments.iter().filter(|segment| segment.live.count == 0 && !segment.moved.is_empty());
        let without: Vec<Position> = without.map(|segment| segment.first).collect();
        self.segments.note_searched();
        without.into_iter().for_each(|first| self.reclaim(first));
    }

    /// Reclaims all segments before the start of replay that nothing refers to.
    pub(super) fn reclaim_all(&mut self) {
        let replay_start = self.superblock.replay_start();
        let below = self.segments.iter().take_while(|segment| segment.end() <= replay_start);
        let empty: Vec<Position> = below.filter(|segment| !segment.holds_live()).map(|segment| segment.first).collect();
        for first in empty {
            self.reclaim(first);
        }
    }

    /// Turns the segment at `first` into a spare, or removes it, if nothing refers to it any more.
    pub(super) fn reclaim(&mut self, first: Position) {
        let replay_start = self.superblock.replay_start();
        let Some(segment) = self.segments.starting(first) else { return };
        if segment.live.count == 0 && !segment.moved.is_empty() {
            self.give_up_all(first);
        }
        let Some(segment) = self.segments.starting(first) else { return };
        if segment.state == SegmentState::Emptied && segment.live.count == 0 {
            self.segments.remove(first);
            return;
        }
        let needed = segment.is_needed(replay_start) || segment.pins > 0 || segment.snapshots > 0;
        if needed || segment.state != SegmentState::Ready || first >= self.tail_first || self.health != Health::Good {
            return;
        }
        let from = segment_name(first);
        // A file of unencrypted records is not used again while new data is encrypted: it would keep their bytes until
        // they are overwritten.
        let is_clean = segment.protection.wrapped().is_some() || self.options.encryption.first().is_none();
        if segment.length == self.options.segment_bytes && is_clean && self.spares.on_hand() < SPARES_MAX {
            segment.state = SegmentState::Leaving;
            self.spares.arriving += 1;
            let name = self.spares.next_name();
            self.submit(Task::Recycle { first, name: name.clone() }, Operation::Recycle { from, to: name });
        } else {
            self.forget_segment(first);
            self.stats.segments_removed += 1;
            self.submit(Task::Remove { name: from.clone() }, Operation::Remove { name: from });
        }
    }

    /// Takes in the end of a renaming: the segment is a spare, or its file was let go because another directory uses it.
    pub(super) fn segment_recycled(&mut self, first: Position, name: String, result: io::Result<DiskOutcome>) {
        self.spares.arriving -= 1;
        if let Err(error) = result {
            self.forget_segment(first);
            self.reclaim_failed(Failure::of_file(Work::RecycleSegment, segment_name(first), &error));
            return;
        }
        self.incidents.reclaimed(Work::RecycleSegment);
        if let Ok(DiskOutcome::Shared) = result {
            self.forget_segment(first);
            self.stats.segments_removed += 1;
            return;
        }
        let (end, file) = self.let_go(first);
        self.reads.extents.forget(first, end);
        let file = match file {
            Handle::Open(file) => Some(file),
            Handle::Closed | Handle::Opening => None,
        };
        self.stats.segments_recycled += 1;
        self.spares.ready.push_back(Spare { name, file, remainder: Remainder::EarlierUse });
    }

    /// Takes a segment out of the table and closes its file.
    fn forget_segment(&mut self, first: Position) {
        let (end, file) = self.let_go(first);
        self.reads.extents.forget(first, end);
        if let Handle::Open(file) = file {
            self.submit(Task::Close, Operation::Close { file });
        }
    }

    /// Takes a segment out of the table whose file is reclaimed, or keeps it as an emptied one while there are references to
    /// records that were moved away. Returns its end and its file.
    fn let_go(&mut self, first: Position) -> (Position, Handle) {
        let segment = self.segments.starting(first).expect("in the table");
        assert!(
            !segment.holds_live() && segment.pins == 0,
            "nothing in {first} was needed when its file was reclaimed"
        );
        let (end, file) = (segment.end(), std::mem::replace(&mut segment.file, Handle::Closed));
        if segment.live.count == 0 {
            self.segments.remove(first);
        } else {
            segment.state = SegmentState::Emptied;
            segment.protection = Protection::Plain;
        }
        (end, file)
    }

    /// Takes in the end of a removal.
    pub(super) fn file_removed(&mut self, name: String, result: io::Result<DiskOutcome>) {
        if let Err(error) = result {
            self.reclaim_failed(Failure::of_file(Work::RemoveFile, name, &error));
            return;
        }
        self.incidents.reclaimed(Work::RemoveFile);
        if self.spares.space != Space::Plenty {
            // The blocks of the removed file may be enough for a new one.
            self.spares.retry = true;
        }
    }

    /// Counts a file that could not be reclaimed.
    fn reclaim_failed(&mut self, failure: Failure) {
        self.stats.reclaim_failures += 1;
        self.incidents.reclaim_failed(failure);
    }
}
