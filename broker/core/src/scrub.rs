//! The pace of the scrubber: when the next piece of the log is read, and when the next pass begins.
//!
//! Pieces are spread evenly, so that the rate holds over each second. A piece waits while the disk has anything else to
//! do, but no longer than [`PATIENCE`]: on a disk that is never idle the scrubber still reads a piece now and then, which
//! costs a commit no more than one cold read does.
//!
//! Between two passes the scrubber does nothing, and the loop has one more timer.

use core::time::Duration;

use posthouse_disk::{BLOCK_BYTES, Disk};
use posthouse_log::{Log, ScrubStep};
use posthouse_model::Timestamp;

use crate::ScrubOptions;
use crate::incident::{Incident, Reports};

/// The largest piece: a hard disk reads it in some milliseconds, and checking it takes the loop some tens of microseconds.
const PIECE_BYTES_MAX: u64 = 256 * 1024;

/// Pieces a second at rates below [`PIECE_BYTES_MAX`] times this.
const PIECES_PER_SECOND: u64 = 4;

/// The longest time that a piece waits for an idle disk.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the scrubber has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubStatistics {
    /// Passes that ended.
    pub passes: u64,
    /// How long the latest of them took.
    pub last_pass: Duration,
    /// Segments that the present pass has still to read; zero between two passes.
    pub segments_left: u64,
}

/// The scrubber.
pub(crate) struct Scrubber {
    options: ScrubOptions,
    phase: Phase,
    statistics: ScrubStatistics,
}

#[derive(Clone, Copy)]
enum Phase {
    /// The next pass begins at this time.
    Resting(Timestamp),
    /// A pass is under way: its beginning, when the next piece may be read, and what had been read before the pass.
    Reading { began: Timestamp, next: Timestamp, bytes_before: u64, segments_before: u64 },
}

impl Scrubber {
    /// A scrubber whose first pass begins at once.
    pub(crate) const fn new(options: ScrubOptions) -> Self {
        Self {
            options,
            phase: Phase::Resting(Timestamp::EPOCH),
            statistics: ScrubStatistics { passes: 0, last_pass: Duration::ZERO, segments_left: 0 },
        }
    }

    /// Reads the next piece, if it is time and the disk has nothing else to do.
    pub(crate) fn advance<D: Disk>(&mut self, now: Timestamp, log: &mut Log<D>, reports: &mut Reports) {
        if self.options.bytes_per_second == 0 {
            return;
        }
        match self.phase {
            Phase::Resting(until) if until > now => {}
            Phase::Resting(_) => {
                log.begin_scrub(now.as_millis());
                let stats = log.stats();
                let (bytes_before, segments_before) = (stats.scrubbed_bytes, stats.scrubbed_segments);
                self.phase = Phase::Reading { began: now, next: now, bytes_before, segments_before };
            }
            Phase::Reading { next, .. } if !self.may_read(now, next, log) => {}
            Phase::Reading { began, bytes_before, segments_before, .. } => match log.scrub(self.piece_bytes()) {
                ScrubStep::Reading { bytes } => {
                    let next = now + Duration::from_millis(bytes * 1000 / self.options.bytes_per_second);
                    self.phase = Phase::Reading { began, next, bytes_before, segments_before };
                }
                ScrubStep::Ended => {
                    let stats = log.stats();
                    let took = now.since(began);
                    self.statistics.passes += 1;
                    self.statistics.last_pass = took;
                    self.phase = Phase::Resting(now + self.options.interval);
                    let segments = stats.scrubbed_segments - segments_before;
                    if segments > 0 {
                        let bytes = stats.scrubbed_bytes - bytes_before;
                        reports.report(Incident::Scrubbed { segments, bytes, took });
                    }
                }
            },
        }
    }

    fn may_read<D: Disk>(&self, now: Timestamp, next: Timestamp, log: &Log<D>) -> bool {
        !log.is_scrubbing() && next <= now && (log.is_idle() || next + PATIENCE <= now)
    }

    /// When [`Scrubber::advance`] is to be called next. `None` if it is off, or if the disk's next completion comes
    /// first.
    pub(crate) fn due<D: Disk>(&self, log: &Log<D>) -> Option<Timestamp> {
        if self.options.bytes_per_second == 0 {
            return None;
        }
        match self.phase {
            Phase::Resting(until) => Some(until),
            Phase::Reading { .. } if log.is_scrubbing() => None,
            Phase::Reading { next, .. } => Some(if log.is_idle() { next } else { next + PATIENCE }),
        }
    }

    /// What it has done so far.
    pub(crate) fn statistics<D: Disk>(&self, log: &Log<D>) -> ScrubStatistics {
        ScrubStatistics { segments_left: log.scrub_left(), ..self.statistics }
    }

    fn piece_bytes(&self) -> usize {
        let block = BLOCK_BYTES as u64;
        let piece = (self.options.bytes_per_second / PIECES_PER_SECOND).clamp(block, PIECE_BYTES_MAX) / block * block;
        usize::try_from(piece).expect("at most 256 KiB")
    }
}
