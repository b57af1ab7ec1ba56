//! When checkpoints are taken, and how far one has come.
//!
//! A checkpoint bounds what a restart replays. The engine writes it in slices between requests. When all of it is
//! durable, the log replays from its beginning, and recycles the segments before it that hold no live message.

use core::time::Duration;

use posthouse_disk::Disk;
use posthouse_engine::{CheckpointStep, Engine, Position};
use posthouse_log::{Log, RelocationCursor, Space};
use posthouse_model::Timestamp;

use crate::Options;
use crate::compaction::{Compaction, Moves};
use crate::journal::{LogJournal, from_log, to_log};

/// Messages that one slice covers: some tens of microseconds.
const SLICE_MESSAGES: usize = 512;

/// Moved records that one slice of their table covers: 64 KiB of log.
const SLICE_MOVES: usize = 4096;

/// Bytes of a checkpoint that may wait for the disk. A request waits for no more of it than this.
const AHEAD_BYTES: u64 = 256 * 1024;

/// The state of checkpointing.
pub(crate) struct Checkpoints {
    phase: Phase,
    /// The bytes of the latest one. The next begins when twice as much has been written since it began, so that a
    /// large state does not keep the disk busy with checkpoints of itself.
    size: u64,
    /// A damaged record that replay must not read: a checkpoint begins while replay starts at or before it.
    damaged: Option<Position>,
    /// When the one that is being written, or the latest one, began.
    began: Timestamp,
}

/// A checkpoint that has become the start of replay.
pub(crate) struct Completed {
    /// The bytes of log from its beginning to its end. Events of requests lie between its parts.
    pub(crate) bytes: u64,
    /// The time from its beginning until all of it was durable.
    pub(crate) took: Duration,
}

enum Phase {
    Idle,
    Beginning,
    /// The table of moved records is being written. No record is moved meanwhile, and no page is stored: replay of this
    /// checkpoint does not know all segments before it is over.
    Relocations(RelocationCursor),
    Writing,
    /// All slices are written; replay may start at `replay_from` once the log is durable up to `end`.
    Settling {
        replay_from: Position,
        end: Position,
    },
}

impl Checkpoints {
    pub(crate) const fn new() -> Self {
        Self { phase: Phase::Idle, size: 0, damaged: None, began: Timestamp::EPOCH }
    }

    /// Whether there is a slice to write now. If so, the loop must not sleep.
    pub(crate) fn is_due<D: Disk>(&self, options: &Options, log: &Log<D>) -> bool {
        let is_writing = match self.phase {
            Phase::Beginning | Phase::Relocations(_) | Phase::Writing => true,
            Phase::Idle | Phase::Settling { .. } => false,
        };
        is_writing && !Self::gives_way(options, log)
    }

    /// Whether records may be moved, and pages stored.
    pub(crate) const fn moves(&self) -> Moves {
        match self.phase {
            Phase::Relocations(_) => Moves::Paused,
            Phase::Idle | Phase::Beginning | Phase::Writing | Phase::Settling { .. } => Moves::Allowed,
        }
    }

    /// Whether a checkpoint pauses in favour of requests: if the disk is [`AHEAD_BYTES`] behind, or if only half of a
    /// full disk's reserve is left.
    fn gives_way<D: Disk>(options: &Options, log: &Log<D>) -> bool {
        log.unsynced_bytes() >= AHEAD_BYTES || !Self::fits(options, log)
    }

    fn fits<D: Disk>(options: &Options, log: &Log<D>) -> bool {
        log.room_for(options.log.segment_bytes / 2)
    }

    /// Notes that the record at this position is damaged. If a restart would read it, a checkpoint begins at once:
    /// behind a damaged record no start is possible, and what the record did is in memory.
    pub(crate) fn pass_over(&mut self, damaged: Position) {
        self.damaged = self.damaged.max(Some(damaged));
    }

    /// Whether to begin one: if enough was written since the last, if compaction has emptied enough segments or the disk is
    /// full and one would free segments, or if a restart would read a damaged record.
    fn is_wanted<D: Disk>(&self, options: &Options, log: &Log<D>, compaction: &Compaction) -> bool {
        if self.damaged.is_some_and(|damaged| from_log(log.replay_start()) <= damaged) && Self::fits(options, log) {
            return true;
        }
        match log.space() {
            Space::Plenty => {
                log.bytes_since_replay_start() >= options.checkpoint_bytes.max(2 * self.size)
                    || compaction.wants_checkpoint(self.size)
            }
            Space::Reserve { .. } => log.is_held_by_replay() && Self::fits(options, log),
        }
    }

    /// Takes the next step, if any is due. Returns the checkpoint that it completed.
    pub(crate) fn advance<D: Disk>(
        &mut self,
        now: Timestamp,
        options: &Options,
        (engine, log): (&mut Engine, &mut Log<D>),
        compaction: &mut Compaction,
    ) -> Option<Completed> {
        match self.phase {
            Phase::Idle => {
                if self.is_wanted(options, log, compaction) {
                    self.phase = Phase::Beginning;
                    self.began = now;
                }
            }
            Phase::Beginning | Phase::Relocations(_) | Phase::Writing if Self::gives_way(options, log) => {}
            Phase::Beginning => {
                let step = engine.checkpoint(now, &mut LogJournal(log), SLICE_MESSAGES);
                assert_eq!(step, CheckpointStep::More, "the first slice of a checkpoint is its beginning");
                self.keep_relocations(RelocationCursor::START, log);
            }
            Phase::Relocations(from) => self.keep_relocations(from, log),
            Phase::Writing => match engine.checkpoint(now, &mut LogJournal(log), SLICE_MESSAGES) {
                CheckpointStep::More => {}
                CheckpointStep::Done { replay_from } => {
                    self.phase = Phase::Settling { replay_from, end: from_log(log.end()) };
                }
            },
            Phase::Settling { replay_from, end } => {
                assert!(replay_from <= end, "a checkpoint ends after it begins");
                if from_log(log.durable()) >= end {
                    log.set_replay_start(to_log(replay_from));
                    self.size = end.get() - replay_from.get();
                    self.phase = Phase::Idle;
                    compaction.checkpointed();
                    return Some(Completed { bytes: self.size, took: now.since(self.began) });
                }
            }
        }
        None
    }

    fn keep_relocations<D: Disk>(&mut self, from: RelocationCursor, log: &mut Log<D>) {
        self.phase = match log.keep_relocations(from, SLICE_MOVES) {
            Some(next) => Phase::Relocations(next),
            None => Phase::Writing,
        };
    }
}
