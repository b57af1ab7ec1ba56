//! The superblock of a running log: where replay starts, and how far the log was durable.
//!
//! One write is under way at a time. Writes alternate between the two slots, so that one slot is always whole. A new
//! start of replay that is asked for during a write is written next. If several are, only the latest counts.
//!
//! The durable end goes with every write. [`Log::note_durable`] writes the superblock for its sake alone, beside the
//! commits, so that a start can tell a lost end from a torn one. The caller has the clock and chooses when.

use std::io;

use posthouse_disk::{Disk, DiskOutcome, FileId, Operation};

use super::{Health, Log, tasks::Task};
use crate::{
    Failure, Position, Work,
    header::{Closing, SUPERBLOCK_NAME, Superblock, segment_name},
    segments::{Handle, SegmentState},
};

/// The file of the superblock and the state of its writes.
#[derive(Debug)]
pub(super) struct SuperblockFile {
    file: FileId,
    /// The content of the newest slot, durable.
    current: Superblock,
    writing: Option<Superblock>,
    wanted: Option<Position>,
}

impl SuperblockFile {
    /// For a file whose newest slot says `current`.
    pub(super) fn new(file: FileId, current: Superblock) -> Self {
        Self { file, current, writing: None, wanted: None }
    }

    /// Whether a write is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.writing.is_some()
    }

    /// What the newest slot says on the disk.
    pub(super) fn current(&self) -> &Superblock {
        &self.current
    }

    /// Where replay would start after a crash now.
    pub(super) fn replay_start(&self) -> Position {
        self.current.replay_start
    }

    /// The latest start of replay that was asked for.
    fn latest(&self) -> Position {
        self.wanted.or(self.writing.map(|writing| writing.replay_start)).unwrap_or(self.current.replay_start)
    }
}

impl<D: Disk> Log<D> {
    /// Where replay starts after a crash, once the latest [`Log::set_replay_start`] is durable.
    #[must_use]
    pub fn replay_start(&self) -> Position {
        self.superblock.latest()
    }

    /// Moves the start of replay to this record. Once that is durable, segments that end before it and hold no live
    /// record are reclaimed.
    ///
    /// # Panics
    ///
    /// If the position is not durable, or before the present start.
    pub fn set_replay_start(&mut self, position: Position) {
        assert!(position <= self.durable(), "replay starts within what is durable");
        let latest = self.superblock.latest();
        assert!(position >= latest, "replay never starts earlier than before");
        if position > latest {
            self.write_superblock(Some(position), Closing::Open);
        }
    }

    /// The durable end that the superblock states on the disk.
    #[must_use]
    pub fn noted(&self) -> Position {
        self.superblock.current.durable
    }

    /// Starts to write the present durable end into the superblock, and to check that the superblock and the segment
    /// that records are written to are still found under their names: a data directory that was removed, replaced or
    /// unmounted loses what is written to its open files. If one is not found, the log fails.
    ///
    /// Does nothing if the superblock states this end already or is being written, or after a failure. Call it about
    /// every second while [`Log::durable`] is beyond [`Log::noted`].
    pub fn note_durable(&mut self) {
        if self.superblock.is_busy() || self.health != Health::Good || self.noted() == self.durable() {
            return;
        }
        self.write_superblock(None, Closing::Open);
        self.find_file(self.superblock.file, SUPERBLOCK_NAME.to_owned());
        if let Some(segment) = self.segments.starting(self.tail_first)
            && let (SegmentState::Ready, Handle::Open(file)) = (segment.state, segment.file)
        {
            let name = segment_name(segment.first);
            self.find_file(file, name);
        }
    }

    /// Starts to check that a name leads to an open file.
    fn find_file(&mut self, file: FileId, name: String) {
        self.submit(Task::FindFile { name: name.clone() }, Operation::Find { file, name });
    }

    /// Takes in the end of a check.
    pub(super) fn file_found(&mut self, name: String, result: io::Result<DiskOutcome>) {
        use io::ErrorKind::{NotFound, StaleNetworkFileHandle};
        match result {
            Err(error) if matches!(error.kind(), NotFound | StaleNetworkFileHandle) => {
                self.fail(Failure::of_file(Work::FindFile, name, &error));
            }
            // Any other error says nothing about the file. It shows in the operation that needs the directory.
            Ok(_) | Err(_) => {}
        }
    }

    /// How many bytes of positions a replay would cover. The caller uses it to decide when to move the start.
    #[must_use]
    pub fn bytes_since_replay_start(&self) -> u64 {
        self.end.since(self.superblock.latest())
    }

    /// Whether a later start of replay would free segments: at least one segment before the tail holds no live record
    /// and is kept only for replay.
    #[must_use]
    pub fn is_held_by_replay(&self) -> bool {
        let start = self.superblock.latest();
        let mut before_tail = self.segments.iter().take_while(|segment| segment.first < self.tail_first);
        before_tail.any(|segment| segment.has_file() && !segment.holds_live() && segment.is_needed(start))
    }

    /// Writes the superblock now, or after the write under way. `None` keeps the start of replay. Does nothing after a
    /// failure.
    ///
    /// # Panics
    ///
    /// If the log is being closed while a write is under way.
    pub(super) fn write_superblock(&mut self, replay_start: Option<Position>, closing: Closing) {
        if self.health != Health::Good {
            return;
        }
        if self.superblock.writing.is_some() {
            assert!(closing == Closing::Open, "the last write waits for those before it");
            self.superblock.wanted = replay_start.or(self.superblock.wanted);
            return;
        }
        let current = self.superblock.current;
        let next = Superblock {
            sequence: current.sequence + 1,
            replay_start: replay_start.unwrap_or(current.replay_start),
            durable: self.durable(),
            closing,
            ..current
        };
        assert!(next.replay_start <= next.durable, "replay starts within what is durable");
        self.superblock.writing = Some(next);
        let data = next.encode();
        let length = data.len();
        let write = Operation::Write {
            file: self.superblock.file,
            offset: next.offset(),
            data: vec![data.freeze(length)],
            durable: true,
        };
        self.submit(Task::Superblock, write);
    }

    /// Takes in the end of a write: reclaims segments, and starts the next write if one was asked for.
    pub(super) fn superblock_completed(&mut self, result: io::Result<DiskOutcome>) {
        let written = self.superblock.writing.take().expect("one write is under way");
        if let Err(error) = result {
            self.fail(Failure::of_file(Work::WriteSuperblock, SUPERBLOCK_NAME, &error));
            return;
        }
        let before = std::mem::replace(&mut self.superblock.current, written);
        if written.replay_start > before.replay_start {
            self.reclaim_all();
        }
        if let Some(wanted) = self.superblock.wanted.take() {
            self.write_superblock(Some(wanted), Closing::Open);
        }
    }
}
