//! Scrubbing: reading the closed segments from their beginning to their end, to find damage before a reader meets it.
//!
//! The caller sets the pace: [`Log::scrub`] reads one piece, and a pass ends when all segments that are cold have been
//! read. What a piece holds is checked and dropped; nothing of it is kept in memory.
//!
//! # Invariants
//!
//! * At most one piece is read at a time. Its segment is pinned while it is read, not between two pieces. A segment that
//!   was reclaimed in between is skipped.
//! * Only segments are read whose records are durable and no longer in the tail's memory: reads of others do not see
//!   the disk.

use bytes::Bytes;
use posthouse_disk::Disk;

use super::{Log, cold_read::ColdRead};
use crate::{
    Position, ReadError,
    segments::{Segment, SegmentState},
    verifier::Verifier,
};

pub use crate::verifier::Suspect;

/// What [`Log::scrub`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScrubStep {
    /// A piece is being read. [`Log::is_scrubbing`] says whether it still is.
    Reading {
        /// Its length in bytes.
        bytes: u64,
    },
    /// All segments that are cold have been read: the pass has ended.
    Ended,
}

/// The state of a pass.
#[derive(Debug, Default)]
pub(super) struct Scrub {
    pass: Option<Pass>,
    is_reading: bool,
    suspects: Vec<Suspect>,
}

#[derive(Debug)]
struct Pass {
    /// The first segment of the pass.
    began: Position,
    /// Whether the pass has come to the newest segment and goes on with the oldest.
    wrapped: bool,
    /// The segment that was begun last.
    segment: Option<Position>,
    /// The check of that segment; `None` once it is over.
    verifier: Option<Verifier>,
}

impl<D: Disk> Log<D> {
    /// Begins a pass over all cold segments. The pass begins at one that `choice` selects, and goes on with the oldest
    /// after the newest, so that passes that a restart cuts short do not always read the same segments.
    pub fn begin_scrub(&mut self, choice: u64) {
        let cold: Vec<Position> =
            self.segments.iter().filter(|segment| self.is_cold(segment)).map(|s| s.first).collect();
        let chosen = usize::try_from(choice % (cold.len().max(1) as u64)).expect("below a length");
        let began = cold.get(chosen).copied().unwrap_or(Position::FIRST);
        self.scrub.pass = Some(Pass { began, wrapped: false, segment: None, verifier: None });
    }

    /// Starts to read the next piece of the pass, of at most `bytes_max` bytes. Does not read past the end of a segment.
    ///
    /// # Panics
    ///
    /// If a piece is being read, or `bytes_max` is not a multiple of a block or is zero.
    pub fn scrub(&mut self, bytes_max: usize) -> ScrubStep {
        assert!(!self.scrub.is_reading, "one piece is read at a time");
        assert!(bytes_max > 0 && bytes_max.is_multiple_of(posthouse_disk::BLOCK_BYTES), "pieces are whole blocks");
        let Some(mut pass) = self.scrub.pass.take() else { return ScrubStep::Ended };
        let Some((segment, verifier)) = self.next_piece(&mut pass) else { return ScrubStep::Ended };
        let (position, end) = (verifier.position(), segment.1);
        let length = usize::try_from(end.since(position)).map_or(bytes_max, |left| left.min(bytes_max));
        pass.segment = Some(segment.0);
        pass.verifier = Some(verifier);
        self.scrub.pass = Some(pass);
        self.scrub.is_reading = true;
        self.read_blocks(segment.0, position, length);
        ScrubStep::Reading { bytes: length as u64 }
    }

    /// Whether a piece is being read.
    #[must_use]
    pub fn is_scrubbing(&self) -> bool {
        self.scrub.is_reading
    }

    /// How many cold segments the pass has still to read, the present one included. Zero between passes.
    #[must_use]
    pub fn scrub_left(&self) -> u64 {
        let Some(pass) = &self.scrub.pass else { return 0 };
        let last = pass.segment.unwrap_or(pass.began);
        let is_left = |first: Position| match (pass.wrapped, first >= pass.began) {
            (false, true) => first >= last,
            (false, false) => true,
            (true, true) => false,
            (true, false) => first >= last,
        };
        self.segments.iter().filter(|segment| self.is_cold(segment) && is_left(segment.first)).count() as u64
    }

    /// Appends the suspect parts that were found since the last call.
    pub fn take_suspects(&mut self, suspects: &mut Vec<Suspect>) {
        suspects.append(&mut self.scrub.suspects);
    }

    /// Whether the disk has nothing else to do: no commit and no read is under way or waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.unsynced_bytes() == 0 && self.reads.is_idle() && !self.superblock.is_busy() && !self.spares.is_working()
    }

    /// Takes in a piece that was read, or that could not be read. Called while the segment is still pinned.
    pub(super) fn scrub_piece_read(&mut self, request: ColdRead, result: Result<Bytes, ReadError>) {
        self.scrub.is_reading = false;
        let Some(pass) = &mut self.scrub.pass else { return };
        let Some(verifier) = &mut pass.verifier else { return };
        assert_eq!(verifier.position(), request.position, "pieces are read in order");
        match result {
            Ok(bytes) => {
                self.stats.scrubbed_bytes += bytes.len() as u64;
                verifier.take(&bytes, &mut self.scrub.suspects);
            }
            Err(ReadError::Corrupt { .. } | ReadError::Unreadable { .. }) => {
                verifier.skip(request.length, &mut self.scrub.suspects);
            }
            Err(ReadError::Missing { .. }) => {
                while !verifier.is_done() {
                    verifier.skip(request.length, &mut self.scrub.suspects);
                }
            }
            Err(ReadError::Io { .. }) => {
                self.stats.scrub_failures += 1;
                pass.verifier = None;
                return;
            }
        }
        if verifier.is_done() {
            self.stats.scrubbed_segments += 1;
            pass.verifier = None;
        }
    }

    /// The segment of the next piece as its first position and its end, with its check. `None` at the end of the pass.
    fn next_piece(&mut self, pass: &mut Pass) -> Option<((Position, Position), Verifier)> {
        if let (Some(first), Some(verifier)) = (pass.segment, pass.verifier.take())
            && let Some(segment) = self.segments.starting(first)
            && segment.state == SegmentState::Ready
        {
            return Some(((first, segment.end()), verifier));
        }
        let next = match self.cold_after(pass) {
            None if !pass.wrapped => {
                pass.wrapped = true;
                pass.segment = None;
                self.cold_after(pass)
            }
            next => next,
        };
        next.map(|(first, end)| ((first, end), Verifier::new(self.framing, first, end)))
    }

    /// The next cold segment of the pass behind the one that was begun last.
    fn cold_after(&self, pass: &Pass) -> Option<(Position, Position)> {
        let is_next = |first: Position| match (pass.wrapped, pass.segment) {
            (false, None) => first >= pass.began,
            (false, Some(last)) => first > last,
            (true, None) => first < pass.began,
            (true, Some(last)) => first > last && first < pass.began,
        };
        let mut segments = self.segments.iter().filter(|segment| self.is_cold(segment));
        segments.find(|segment| is_next(segment.first)).map(|segment| (segment.first, segment.end()))
    }

    /// Whether a segment is closed, durable and out of the tail's memory, and something refers to it.
    fn is_cold(&self, segment: &Segment) -> bool {
        let in_memory = self.tail.start().is_some_and(|start| segment.next_first() > start);
        segment.state == SegmentState::Ready
            && segment.first < self.tail_first
            && segment.end() <= self.durable()
            && !in_memory
            && segment.is_needed(self.replay_start())
    }
}
