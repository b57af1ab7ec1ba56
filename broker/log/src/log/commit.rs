//! Which bytes are written when.
//!
//! A commit is a durable write of whole blocks, from the first block that is not completely written to the end of the
//! appended records. Behind that end, the last block is filled with zeros. The next commit writes this block again,
//! with the same bytes in front.
//!
//! # Invariants
//!
//! * Two writes under way never touch the same block, because either of them could reach the disk last. So a commit
//!   starts only when no other is under way, or when the one before ended with a block. If more than one commit is
//!   allowed, a full batch is padded to the end of a block for that reason.
//! * A segment holds records only if the seal of the segment before it is durable. So a commit that crosses into
//!   another segment is two writes, and the second one starts after the first has completed.
//! * A durable seal promises that the next segment has its header and its name. So a seal is written only when the next
//!   segment is ready.
//! * The durable end never moves back.
//!
//! Recovery relies on the second and the third.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use bytes::Bytes;
use posthouse_disk::{Disk, DiskOutcome, Operation};

use super::{Health, Log, Space, tasks::Task};
use crate::{
    CloseError, CommitSample, Failure, Position, Work,
    header::{Closing, segment_name},
    record::KIND_MARK,
    segments::{Handle, References, SegmentState},
};

/// The state of all commits.
#[derive(Debug)]
pub(super) struct Commits {
    /// Everything before this point is durable.
    pub(super) durable: Point,
    /// Everything before this position was submitted to the disk.
    submitted: Position,
    /// Everything before this point belongs to a commit that was started. The part behind `submitted` waits for its
    /// segment.
    started: Point,
    /// Whether the last commit ended with a block.
    whole: bool,
    flights: VecDeque<Flight>,
    /// The number of the first write in `flights`.
    first_flight: u64,
    /// Releases that take effect later, oldest first.
    releases: VecDeque<Release>,
    /// The empty vector of a completed write, used by the next one.
    vector: Vec<Bytes>,
}

/// A position, with the bytes and records appended before it since the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) position: Position,
    pub(super) bytes: u64,
    pub(super) records: u64,
}

/// A write under way.
#[derive(Debug)]
struct Flight {
    /// The durable end once this write and all before it have completed.
    end: Point,
    /// The first position of the segment that it writes to.
    segment: Position,
    /// The bytes that it writes: whole blocks.
    written: u64,
    completed: Option<Duration>,
}

/// A release that takes effect once everything before `until` is durable.
#[derive(Clone, Copy, Debug)]
struct Release {
    until: Position,
    position: Position,
    references: References,
}

impl Commits {
    /// For a log whose records are all durable.
    pub(super) fn new(end: Position) -> Self {
        let end = Point { position: end, bytes: 0, records: 0 };
        Self {
            durable: end,
            submitted: end.position,
            started: end,
            whole: false,
            flights: VecDeque::new(),
            first_flight: 0,
            releases: VecDeque::new(),
            vector: Vec::new(),
        }
    }
}

impl<D: Disk> Log<D> {
    /// Starts to make all appended records durable, if no commit is under way, or if fewer than
    /// [`Options::commits_in_flight_max`](crate::Options::commits_in_flight_max) are and a full batch waits. Otherwise
    /// it does nothing. Call it in each iteration of the loop.
    pub fn commit(&mut self) {
        let commits = &self.commits;
        let idle = commits.submitted == commits.started.position;
        if self.end == commits.started.position || !idle || self.health != Health::Good {
            return;
        }
        let full = self.stats.bytes_appended - commits.started.bytes >= self.options.batch_bytes;
        if !commits.flights.is_empty() {
            let allowed = commits.flights.len() < self.options.commits_in_flight_max;
            if !(allowed && full && commits.whole) {
                return;
            }
        }
        let durable = commits.durable.position;
        self.put(KIND_MARK, &[&durable.get().to_le_bytes()]);
        if full && self.options.commits_in_flight_max > 1 {
            self.pad_block();
        }
        self.commits.whole = self.end == self.end.block_start();
        self.commits.started =
            Point { position: self.end, bytes: self.stats.bytes_appended, records: self.stats.records };
        self.advance();
    }

    /// Submits the parts of started commits whose segments are ready.
    pub(super) fn advance(&mut self) {
        while self.commits.submitted < self.commits.started.position && self.health == Health::Good {
            let from = self.commits.submitted;
            let started = self.commits.started;
            let segment = self.segments.holding(from).expect("what is not durable lies in a segment");
            let (first, next) = (segment.first, segment.next_first());
            if self.commits.flights.back().is_some_and(|last| last.segment != first) {
                return;
            }
            let (SegmentState::Ready, Handle::Open(file)) = (segment.state, segment.file) else { return };
            if self.commits.flights.is_empty() {
                assert_eq!(from, self.commits.durable.position, "what was written before is durable");
            } else {
                assert_eq!(from, from.block_start(), "two writes under way never touch the same block");
            }
            let offset = segment.offset_of(from.block_start());
            let (to, end) = match segment.seal {
                Some(seal) if started.position >= next => {
                    // A durable seal promises that the next segment is ready.
                    if self.segments.starting(next).is_none_or(|next| next.state != SegmentState::Ready) {
                        return;
                    }
                    (seal.end, Point { position: next, bytes: seal.bytes, records: seal.records })
                }
                _ => (started.position, started),
            };
            let mut data = std::mem::take(&mut self.commits.vector);
            match &mut self.image {
                Some(image) => image.gather(from.block_start(), to, &mut data),
                None => self.tail.gather(from.block_start(), to, &mut data),
            }
            let written = data.iter().map(|slice| slice.len() as u64).sum();
            let flight = self.commits.first_flight + self.commits.flights.len() as u64;
            self.commits.flights.push_back(Flight { end, segment: first, written, completed: None });
            self.commits.submitted = end.position;
            self.submit(Task::Commit { flight }, Operation::Write { file, offset, data, durable: true });
        }
    }

    /// Takes in the end of a write: moves the durable end over all completed writes in order, and lets releases take
    /// effect.
    pub(super) fn commit_completed(&mut self, flight: u64, result: io::Result<DiskOutcome>, elapsed: Duration) {
        let index = usize::try_from(flight - self.commits.first_flight).expect("few are under way");
        match result {
            Ok(DiskOutcome::Written(vector)) => self.commits.vector = vector,
            Ok(other) => unreachable!("a write completed with {other:?}"),
            Err(error) => {
                let file = segment_name(self.commits.flights[index].segment);
                self.fail(Failure::of_file(Work::WriteRecords, file, &error));
            }
        }
        if self.health != Health::Good {
            return;
        }
        self.commits.flights[index].completed = Some(elapsed);
        while let Some(Flight { end, written, completed: Some(latency), .. }) = self.commits.flights.front() {
            let (end, before) = (*end, self.commits.durable);
            assert!(end.position >= before.position, "the durable end never moves back");
            let (records, bytes) = (end.records - before.records, end.bytes - before.bytes);
            self.samples.add(CommitSample { latency: *latency, records, bytes });
            self.stats.commits += 1;
            self.stats.bytes_written += written;
            self.commits.durable = end;
            self.commits.flights.pop_front();
            self.commits.first_flight += 1;
        }
        let durable = self.commits.durable.position;
        while self.commits.releases.front().is_some_and(|release| release.until <= durable) {
            let release = self.commits.releases.pop_front().expect("just seen");
            self.release_now(release.position, release.references);
        }
        self.tail.forget(durable, self.options.tail_bytes);
        if let Some(image) = &mut self.image {
            image.forget(durable);
        }
    }

    /// Whether the appended records can no longer become durable without help: no operation is under way that could
    /// provide a file for them.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.commits.durable.position != self.end
            && self.commits.flights.is_empty()
            && !self.spares.is_working()
            && !self.superblock.is_busy()
    }

    /// The end of the region in which a position lies, which is its segment. References are counted by region.
    #[must_use]
    pub fn region_end(&self, position: Position) -> Position {
        self.segments.region_end(position)
    }

    /// Counts live references to records in the segment in which `position` lies. The segment is not reclaimed while it
    /// has live references.
    ///
    /// # Panics
    ///
    /// If no segment holds the position: it was reclaimed, or the caller never got this position.
    pub fn retain(&mut self, position: Position, references: References) {
        assert!(self.segments.index_of(position).is_some(), "no segment holds position {position}");
        self.note_many(position);
        self.segments.retain(position, references);
    }

    /// Takes back references, once everything appended so far is durable. The caller appends the record that states the
    /// reason first: otherwise a crash could lose that record, but not the reclaim.
    ///
    /// # Panics
    ///
    /// If the references were not counted, or with other lengths.
    pub fn release(&mut self, position: Position, references: References) {
        if self.health != Health::Good {
            return;
        }
        if self.end == self.commits.durable.position {
            self.release_now(position, references);
        } else {
            self.commits.releases.push_back(Release { until: self.end, position, references });
        }
    }

    /// Keeps the segment of a record until replay starts behind everything that is appended now. For records that replay
    /// reads by [`Recovery::read`](crate::Recovery::read): an event that needs the record may lie before its release.
    pub fn hold_for_replay(&mut self, position: Position) {
        let end = self.end;
        for position in [position, self.record_of(position)] {
            if let Some(segment) = self.segments.holding(position) {
                segment.replayed_until = end;
            }
        }
    }

    /// Takes back references and reclaims their segment if they were the last ones.
    fn release_now(&mut self, position: Position, references: References) {
        if let Some(first) = self.segments.release(position, references) {
            self.reclaim(first);
        }
    }

    /// Makes all appended records durable, notes in the superblock that the log ends there, and drops the disk.
    ///
    /// # Errors
    ///
    /// [`CloseError::Failed`] if a write or sync has failed, [`CloseError::Short`] if there is no file for the rest.
    /// Records that were durable stay durable.
    pub fn close(mut self) -> Result<(), CloseError> {
        loop {
            self.commit();
            if let Health::Failed(failure) = &self.health {
                return Err(CloseError::Failed { failure: Arc::clone(failure) });
            }
            if self.commits.durable.position == self.end && !self.superblock.is_busy() {
                break;
            }
            if self.is_stuck() {
                return Err(self.short());
            }
            self.wait(None);
            self.drop_completed_reads();
        }
        self.write_superblock(None, Closing::Clean);
        while self.superblock.is_busy() && self.health == Health::Good {
            self.wait(None);
            self.drop_completed_reads();
        }
        match &self.health {
            Health::Good => Ok(()),
            Health::Failed(failure) => Err(CloseError::Failed { failure: Arc::clone(failure) }),
        }
    }

    /// The error of a close for whose last records there is no file.
    fn short(&self) -> CloseError {
        let cause = match self.space() {
            Space::Plenty => None,
            Space::Reserve { cause } => Some(Arc::clone(cause)),
        };
        CloseError::Short { bytes: self.unsynced_bytes(), cause }
    }
}
