//! Finds where a log can be cut, so that a copy of it is the state as of an earlier time or position.
//!
//! A log can be cut behind any record once two things hold. The checkpoint at the start of replay has been read to its end:
//! before, the state is not whole. And every record that the state at the cut refers to is there: segments whose messages
//! were all deleted later may have been reclaimed since. Replay up to the cut shows both.
//!
//! Nothing is written here. The caller copies the files that the [`Snapshot`] names.

use core::fmt;
use std::io;

use posthouse_disk::Disk;
use posthouse_engine::{Replay, Seed};
use posthouse_log::{Log, Position, Record, Recovery, Snapshot};
use posthouse_model::Timestamp;

use crate::running::{StartError, replay_one};

/// Where to cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutAt {
    /// Behind the last event of this time or an earlier one: before the first later event.
    Time(Timestamp),
    /// Before the first record at this position or a later one.
    Position(Position),
}

/// The log as of a cut.
#[derive(Debug)]
pub struct CutLog {
    /// What to copy.
    pub snapshot: Snapshot,
    /// The time of the latest event before the cut; the epoch if there is none.
    pub latest: Timestamp,
    /// Queues in the state as of the cut.
    pub queues: usize,
    /// Messages in it.
    pub messages: u64,
    /// The first record that the cut leaves out. `None` if the log ends before.
    pub left_out: Option<Position>,
}

/// Why a log cannot be cut there.
#[derive(Debug)]
pub enum CutError {
    /// No broker starts on the directory.
    Start(StartError),
    /// The state as of the cut is not in the directory any more, or not whole.
    TooEarly {
        /// The first later place at which it is.
        earliest: Earliest,
    },
    /// The state is whole nowhere in this log: records that it refers to are missing. `posthouse verify` says more.
    Nowhere,
}

/// The first place at which a log can be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earliest {
    /// Its position.
    pub position: Position,
    /// The time of the latest event before it.
    pub latest: Timestamp,
}

impl fmt::Display for CutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::TooEarly { earliest } => {
                write!(f, "the state as of then is not whole in this copy; the earliest is at {}", earliest.position)
            }
            Self::Nowhere => f.write_str("records that messages refer to are missing"),
        }
    }
}

impl std::error::Error for CutError {}

/// Replays the log that `open_disk` opens up to a cut, and says which files and bytes are the log as of there.
///
/// # Errors
/// [`CutError`].
pub fn cut<D: Disk>(
    open_disk: impl Fn() -> io::Result<D>,
    options: &posthouse_log::Options,
    at: CutAt,
) -> Result<CutLog, CutError> {
    let open = || -> Result<Replaying<D>, StartError> {
        let disk = open_disk().map_err(StartError::Disk)?;
        Replaying::open(disk, options)
    };
    let position = match at {
        CutAt::Position(position) => Some(position),
        CutAt::Time(time) => open().and_then(|replaying| replaying.first_after(time)).map_err(CutError::Start)?,
    };
    let mut replaying = open().map_err(CutError::Start)?;
    let mut at_cut = true;
    loop {
        let behind_last = replaying.recovery.position();
        let next = replaying.next().map_err(CutError::Start)?;
        // Records of the log itself may follow the last event. They belong to a log that is not cut.
        let end = if next.is_some() { behind_last } else { replaying.recovery.position() };
        let is_reached = match (&next, position) {
            (None, _) => true,
            (Some(next), Some(position)) => next.position >= position,
            (Some(_), None) => false,
        };
        if is_reached && replaying.is_whole() {
            let snapshot = replaying.recovery.snapshot(end);
            let latest = replaying.replay.latest();
            if !at_cut {
                return Err(CutError::TooEarly { earliest: Earliest { position: end, latest } });
            }
            let engine = replaying.replay.finish(latest);
            let left_out = next.map(|next| next.position);
            return Ok(CutLog {
                snapshot,
                latest,
                queues: engine.queue_count(),
                messages: engine.message_count(),
                left_out,
            });
        }
        at_cut &= !is_reached;
        let Some(next) = next else { return Err(CutError::Nowhere) };
        replaying.apply(&next).map_err(CutError::Start)?;
    }
}

/// A log that is being replayed.
struct Replaying<D: Disk> {
    recovery: Recovery<D>,
    replay: Replay,
    /// Whether the state has a beginning: an event was replayed, or the log begins with its first one.
    has_begun: bool,
}

impl<D: Disk> Replaying<D> {
    fn open(disk: D, options: &posthouse_log::Options) -> Result<Self, StartError> {
        let recovery = Log::open(disk, options.clone()).map_err(StartError::Log)?;
        let seed = Seed::new(*recovery.identity());
        let replay = Replay::new(posthouse_engine::Options { seed, ..posthouse_engine::Options::default() });
        let has_begun = recovery.replay_start() == Position::FIRST;
        Ok(Self { recovery, replay, has_begun })
    }

    fn next(&mut self) -> Result<Option<Record>, StartError> {
        self.recovery.next_record().map_err(StartError::Log)
    }

    fn apply(&mut self, record: &Record) -> Result<(), StartError> {
        self.has_begun = true;
        replay_one(&mut self.recovery, &mut self.replay, record)
    }

    /// Whether the state up to here needs no later record, and every record that it refers to is there.
    fn is_whole(&self) -> bool {
        let is_read = self.replay.is_whole() && self.recovery.knows_moved();
        self.has_begun && is_read && self.recovery.missing().is_none()
    }

    /// The position of the first record whose event is of a later time than this. `None` if there is none.
    fn first_after(mut self, time: Timestamp) -> Result<Option<Position>, StartError> {
        while let Some(record) = self.next()? {
            self.apply(&record)?;
            if self.replay.latest() > time {
                return Ok(Some(record.position));
            }
        }
        Ok(None)
    }
}
