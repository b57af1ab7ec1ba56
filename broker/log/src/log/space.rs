//! Segments to come and segments gone.
//!
//! A spare is a file of a segment's length without a name in the log: newly made of zeros, or a segment that nobody
//! needs any more. It becomes the next segment ahead of time: its header is written, then it gets its name, both
//! durably, so that a file named as a segment always has its header. One such segment is kept ready behind the one that
//! the durable end lies in, never two: recovery relies on that. When the tail is half full, a spare is made beside it. When no further spare can be made, these two and the rest of the
//! tail are the reserve.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
};

use posthouse_disk::{Disk, DiskOutcome, FileId, Operation};

use super::{Health, Log, Space, tasks::Task};
use crate::{
    Position,
    header::{Remainder, SegmentHeader, segment_name, spare_name},
    position::BLOCK,
    record::SEAL_BYTES,
    segments::{Handle, Segment, SegmentState},
};

/// Segments that become free while there are so many spares are removed instead.
const SPARES_MAX: usize = 2;
/// What commits may add to the bytes of the records: a mark, a seal, and padding before and behind.
const COMMIT_OVERHEAD_BYTES: u64 = 2 * BLOCK;

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
    /// Whether the next need for a file may be tried although the last try was refused.
    retry: bool,
    /// Whether giving a segment its name was refused for lack of room.
    naming_refused: bool,
}

#[derive(Debug)]
struct Spare {
    name: String,
    file: Option<FileId>,
    /// What it holds where no record was written yet.
    remainder: Remainder,
}

impl Spares {
    /// Takes over the spares found at the start (lengths in bytes by number). Also returns the names of those that are
    /// to be removed: more than [`SPARES_MAX`], or not of a segment's length.
    pub(super) fn adopt(found: &BTreeMap<u64, u64>, segment_bytes: u64) -> (Self, Vec<String>) {
        let next_number = found.last_key_value().map_or(0, |(number, _)| number + 1);
        let (mut ready, mut surplus) = (VecDeque::new(), Vec::new());
        for (number, length) in found {
            let name = spare_name(*number);
            if *length == segment_bytes && ready.len() < SPARES_MAX {
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
            naming_refused: false,
        };
        (spares, surplus)
    }

    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Whether something is under way that may end in another segment.
    pub(super) fn is_working(&self) -> bool {
        self.creating || self.arriving > 0 || self.preparing.is_some()
    }

    fn on_hand(&self) -> usize {
        self.ready.len() + self.arriving + usize::from(self.creating)
    }

    fn next_name(&mut self) -> String {
        self.next_number += 1;
        spare_name(self.next_number - 1)
    }

    fn refuse(&mut self, error: &io::Error) {
        self.space = Space::Reserve { reason: Arc::from(error.to_string()) };
        self.retry = false;
    }
}

impl<D: Disk> Log<D> {
    /// Whether further files can be made. In [`Space::Reserve`], refuse what adds data, so that what frees space finds
    /// room; and call [`Log::retry_space`] now and then.
    #[must_use]
    pub fn space(&self) -> &Space {
        &self.spares.space
    }

    /// Whether records of `bytes` in total find room that is there or, while there is [`Space::Plenty`], to come. If
    /// not, even those that free space must be refused.
    #[must_use]
    pub fn room_for(&self, bytes: u64) -> bool {
        if self.health != Health::Good {
            return false;
        }
        self.spares.space == Space::Plenty || self.prepared_bytes() >= bytes.saturating_add(COMMIT_OVERHEAD_BYTES)
    }

    /// Tries again to make a file, should one be missing. At a rate of the caller's choice: each try may write as much
    /// as still fits on the disk. (A segment that becomes free ends [`Space::Reserve`] without this.)
    pub fn retry_space(&mut self) {
        if self.spares.space != Space::Plenty {
            self.spares.retry = true;
            self.spares.naming_refused = false;
            self.keep_up();
        }
    }

    /// How many bytes of records surely fit into one file that is there, whatever their sizes. (A record that just does
    /// not fit leaves the rest of its segment unused, so several files do not add up.)
    fn prepared_bytes(&self) -> u64 {
        let start = self.segments.index_of(self.tail_first).expect("the tail's segment is in the table");
        let segments = (start..self.segments.len()).filter_map(|index| self.segments.get(index));
        let tail = self.segments.get(start).expect("just found");
        if tail.state == SegmentState::Planned {
            // Appending has already run ahead of the files.
            return 0;
        }
        let rest = self.tail_limit.get().saturating_sub(self.end.get());
        let whole = self.options.segment_bytes - BLOCK - SEAL_BYTES;
        let prepared = segments.skip(1).any(|segment| segment.state != SegmentState::Planned);
        if prepared || !self.spares.ready.is_empty() { rest.max(whole) } else { rest }
    }

    /// Sees to it that segments are prepared and spares made in time.
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
                SegmentState::Ready | SegmentState::Leaving => {
                    // Appending may run ahead by several segments; names run ahead of what is durable by one.
                    planned = planned.filter(|_| segment.first <= self.commits.durable.position);
                    break;
                }
            }
            index -= 1;
        }
        if let Some(first) = planned
            && self.spares.preparing.is_none()
            && !self.spares.naming_refused
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
        } else if !self.spares.creating && !self.spares.naming_refused {
            self.spares.space = Space::Plenty;
        }
    }

    pub(super) fn spare_created(&mut self, name: String, result: io::Result<DiskOutcome>) {
        self.spares.creating = false;
        match result {
            Ok(DiskOutcome::Opened { file, .. }) => {
                self.spares.ready.push_back(Spare { name, file: Some(file), remainder: Remainder::Zeros });
                // Should more be missing, it is worth trying again.
                self.spares.retry = self.spares.space != Space::Plenty;
            }
            Ok(other) => unreachable!("a creation completed with {other:?}"),
            Err(error) => self.spares.refuse(&error),
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

    pub(super) fn spare_opened(&mut self, first: Position, result: io::Result<DiskOutcome>) {
        let segment = self.segments.starting(first).expect("being prepared");
        match result {
            Ok(DiskOutcome::Opened { file, .. }) => {
                segment.file = Handle::Open(file);
                self.spares.preparing.as_mut().expect("one is being prepared").file = Some(file);
                self.write_header(first, file, Remainder::EarlierUse);
            }
            Ok(other) => unreachable!("an opening completed with {other:?}"),
            Err(_) => {
                // Useless as a spare. Another one is taken or made.
                segment.state = SegmentState::Planned;
                self.spares.preparing = None;
            }
        }
    }

    fn write_header(&mut self, first: Position, file: FileId, remainder: Remainder) {
        let length = self.options.segment_bytes;
        let block = SegmentHeader { identity: self.identity, first, length, remainder }.encode();
        let size = block.len();
        let data = vec![block.freeze(size)];
        self.submit(Task::WriteHeader { first }, Operation::Write { file, offset: 0, data, durable: true });
    }

    pub(super) fn header_written(&mut self, first: Position, result: io::Result<DiskOutcome>) {
        if let Err(error) = result {
            self.fail("writing the header of a segment", &error);
            return;
        }
        let from = self.spares.preparing.as_ref().expect("one is being prepared").name.clone();
        self.submit(Task::NameSegment { first }, Operation::Rename { from, to: segment_name(first) });
    }

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
                self.spares.refuse(&error);
                self.spares.naming_refused = true;
            }
            // Whether the name survives a loss of power is unknown, and commits would rely on it.
            Err(error) => self.fail("naming a segment", &error),
        }
    }

    /// Looks at every segment before the start of replay.
    pub(super) fn reclaim_all(&mut self) {
        let replay_start = self.superblock.replay_start();
        let below = self.segments.iter().take_while(|segment| segment.end() <= replay_start);
        let empty: Vec<Position> = below.filter(|segment| segment.live == 0).map(|segment| segment.first).collect();
        for first in empty {
            self.reclaim(first);
        }
    }

    /// Uses the segment again if nothing needs it any more.
    pub(super) fn reclaim(&mut self, first: Position) {
        let replay_start = self.superblock.replay_start();
        let Some(segment) = self.segments.starting(first) else { return };
        let needed = segment.live > 0 || segment.pins > 0 || segment.end() > replay_start;
        if needed || segment.state != SegmentState::Ready || first >= self.tail_first || self.health != Health::Good {
            return;
        }
        let from = segment_name(first);
        if segment.length == self.options.segment_bytes && self.spares.on_hand() < SPARES_MAX {
            segment.state = SegmentState::Leaving;
            self.spares.arriving += 1;
            let name = self.spares.next_name();
            self.submit(Task::Recycle { first, name: name.clone() }, Operation::Rename { from, to: name });
        } else {
            self.forget_segment(first);
            self.stats.segments_removed += 1;
            self.submit(Task::Remove, Operation::Remove { name: from });
        }
    }

    pub(super) fn segment_recycled(&mut self, first: Position, name: String, result: &io::Result<DiskOutcome>) {
        self.spares.arriving -= 1;
        if result.is_err() {
            self.forget_segment(first);
            self.stats.reclaim_failures += 1;
            return;
        }
        let segment = self.segments.remove(first).expect("leaving");
        assert!(segment.live == 0 && segment.pins == 0, "nothing in {first} was needed when it became a spare");
        let file = match segment.file {
            Handle::Open(file) => Some(file),
            Handle::Closed | Handle::Opening => None,
        };
        self.stats.segments_recycled += 1;
        self.spares.ready.push_back(Spare { name, file, remainder: Remainder::EarlierUse });
    }

    /// Takes a segment out of the table and closes its file.
    fn forget_segment(&mut self, first: Position) {
        let segment = self.segments.remove(first).expect("in the table");
        if let Handle::Open(file) = segment.file {
            self.submit(Task::Close, Operation::Close { file });
        }
    }

    pub(super) fn file_removed(&mut self, result: &io::Result<DiskOutcome>) {
        if result.is_err() {
            self.stats.reclaim_failures += 1;
        } else if self.spares.space != Space::Plenty {
            // The room that this has freed may be enough for a new file.
            self.spares.retry = true;
        }
    }
}
