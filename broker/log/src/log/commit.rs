//! What is written when.
//!
//! A commit is a durable write of all blocks from the first one that is not completely written to the end of what was
//! appended; the last block is written with zeros behind the end and written again, unchanged in front, by the next
//! commit. Two writes under way must not touch the same block, because nobody knows which of them reaches the disk
//! last. So there is one commit at a time, unless the one before ended with a block: a full batch, where more than one
//! is allowed, is padded to a block when it is submitted.
//!
//! A commit that crosses into another segment is two writes, the second only when the first is durable: a segment
//! holds records only if the seal of the one before it is durable. And a seal is written only when the next segment is
//! ready. Recovery relies on both.

use std::{collections::VecDeque, io, time::Duration};

use bytes::Bytes;
use posthouse_disk::{Disk, DiskOutcome, Operation};

use super::{Health, Log, tasks::Task};
use crate::{
    CloseError, CommitSample, Position,
    header::Closing,
    record::KIND_MARK,
    segments::{Handle, SegmentState},
};

#[derive(Debug)]
pub(super) struct Commits {
    /// Everything before it is durable.
    pub(super) durable: Mark,
    /// Everything before it was handed to the disk.
    submitted: Position,
    /// Everything before it belongs to a commit that was started; the rest of it may wait for a segment.
    started: Mark,
    /// Whether the last commit ended with a block.
    whole: bool,
    flights: VecDeque<Flight>,
    /// The number of the first one in `flights`.
    first_flight: u64,
    /// Releases that do not count yet, oldest first.
    releases: VecDeque<Release>,
    /// The vector of a completed write, used again.
    vector: Vec<Bytes>,
}

/// A point in the log, with what was appended before it in this run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) position: Position,
    pub(super) bytes: u64,
    pub(super) records: u64,
}

/// A write under way.
#[derive(Debug)]
struct Flight {
    /// What is durable once it and those before it have completed.
    end: Mark,
    /// The first position of the segment that it goes to.
    segment: Position,
    /// How many bytes are written.
    written: u64,
    completed: Option<Duration>,
}

/// The end of a reference, which counts once everything before `until` is durable.
#[derive(Clone, Copy, Debug)]
struct Release {
    until: Position,
    position: Position,
}

impl Commits {
    /// For a log whose end is durable.
    pub(super) fn new(end: Position) -> Self {
        let end = Mark { position: end, bytes: 0, records: 0 };
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
    /// Starts to make everything appended durable, if the policy allows: nothing is under way, or fewer commits than
    /// allowed are and a full batch waits. Otherwise the next call decides anew; call it once a turn.
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
            Mark { position: self.end, bytes: self.stats.bytes_appended, records: self.stats.records };
        self.advance();
    }

    /// Hands over what belongs to started commits, as far as segments allow.
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
                    // A durable seal promises that there is a next segment.
                    if self.segments.starting(next).is_none_or(|next| next.state != SegmentState::Ready) {
                        return;
                    }
                    (seal.end, Mark { position: next, bytes: seal.bytes, records: seal.records })
                }
                _ => (started.position, started),
            };
            let mut data = std::mem::take(&mut self.commits.vector);
            self.tail.gather(from.block_start(), to, &mut data);
            let written = data.iter().map(|slice| slice.len() as u64).sum();
            let flight = self.commits.first_flight + self.commits.flights.len() as u64;
            self.commits.flights.push_back(Flight { end, segment: first, written, completed: None });
            self.commits.submitted = end.position;
            self.submit(Task::Commit { flight }, Operation::Write { file, offset, data, durable: true });
        }
    }

    pub(super) fn commit_completed(&mut self, flight: u64, result: io::Result<DiskOutcome>, elapsed: Duration) {
        match result {
            Ok(DiskOutcome::Written(vector)) => self.commits.vector = vector,
            Ok(other) => unreachable!("a write completed with {other:?}"),
            Err(error) => self.fail("writing the log", &error),
        }
        if self.health != Health::Good {
            return;
        }
        let index = usize::try_from(flight - self.commits.first_flight).expect("few are under way");
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
            self.release_now(release.position);
        }
        self.tail.forget(durable, self.options.tail_bytes);
    }

    /// Whether what is not durable cannot become so: nothing is under way, and no file can be had to write it to.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.commits.durable.position != self.end
            && self.commits.flights.is_empty()
            && !self.spares.is_working()
            && !self.superblock.is_busy()
    }

    /// Counts a live reference to the record at `position`: its segment stays.
    ///
    /// # Panics
    ///
    /// If its segment is gone.
    pub fn retain(&mut self, position: Position) {
        assert!(self.segments.index_of(position).is_some(), "no segment holds position {position}");
        self.segments.retain(position);
    }

    /// Takes back a reference, as soon as everything appended so far is durable: the record that says why must not be
    /// lost after the one that it concerns.
    pub fn release(&mut self, position: Position) {
        if self.health != Health::Good {
            return;
        }
        if self.end == self.commits.durable.position {
            self.release_now(position);
        } else {
            self.commits.releases.push_back(Release { until: self.end, position });
        }
    }

    fn release_now(&mut self, position: Position) {
        if let Some(first) = self.segments.release(position) {
            self.reclaim(first);
        }
    }

    /// Makes everything appended durable, notes in the superblock that the log ends there, and lets go of the disk.
    ///
    /// # Errors
    ///
    /// A write or sync has failed, or the disk is full. What was durable stays so.
    pub fn close(mut self) -> Result<(), CloseError> {
        loop {
            self.commit();
            if let Health::Failed(reason) = &self.health {
                return Err(CloseError::Failed { reason: reason.to_string() });
            }
            if self.commits.durable.position == self.end && !self.superblock.is_busy() {
                break;
            }
            if self.is_stuck() {
                return Err(CloseError::Full { bytes: self.unsynced_bytes() });
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
            Health::Failed(reason) => Err(CloseError::Failed { reason: reason.to_string() }),
        }
    }
}
