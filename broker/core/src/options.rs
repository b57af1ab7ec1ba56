//! What an operator can set about the core loop.

use core::time::Duration;

use posthouse_model::Seconds;

/// When an acknowledgement may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once every event that it depends on is on disk.
    #[default]
    Fsync,
    /// At once. Events are written as fast as the disk can. A crash loses those that were not written yet.
    Async,
}

/// How fast and how often the scrubber reads the closed segments of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubOptions {
    /// Bytes a second that it reads. Zero: it is off.
    pub bytes_per_second: u64,
    /// The time from the end of a pass to the beginning of the next.
    pub interval: Seconds,
}

impl ScrubOptions {
    /// No scrubber.
    pub const OFF: Self = Self { bytes_per_second: 0, interval: Seconds::new(0) };
}

/// How fast compaction moves records, and when it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactionOptions {
    /// Bytes a second that it moves. Zero: it is off.
    pub bytes_per_second: u64,
    /// Bytes that the data directory may take beyond twice the live ones.
    pub slack_bytes: u64,
    /// Bytes of memory that the table of moved records may take. The lists of waiting messages leave it to the table.
    pub table_bytes_max: u64,
    /// Bytes of a full disk's reserve that compaction leaves.
    pub reserve_bytes: u64,
}

impl CompactionOptions {
    /// No compaction.
    pub const OFF: Self = Self { bytes_per_second: 0, slack_bytes: 0, table_bytes_max: 0, reserve_bytes: 0 };
}

/// The limits and choices of the core loop.
#[derive(Clone, Debug)]
pub struct Options {
    /// When an acknowledgement may leave.
    pub durability: Durability,
    /// Requests that may wait for the loop in each lane, that of small and that of large ones. Any more are refused with
    /// `Throttled`.
    pub inbox_length: usize,
    /// Bytes that may wait to become durable. At the limit the inbox is not read.
    pub unsynced_bytes_max: u64,
    /// For how long what may wait for the disk may keep it busy, by the rate of the latest commits. Zero: any time.
    pub unsynced_wait_max: Duration,
    /// Answers that may wait for the disk. At the limit the inbox is not read.
    pub replies_pending_max: usize,
    /// Bytes of log after which a checkpoint begins. A restart replays no more than this and one checkpoint.
    pub checkpoint_bytes: u64,
    /// Queues, and likewise topics, that an [`Inspection`](crate::Inspection) lists at most.
    pub listed_max: usize,
    /// How cold segments are read to find damage.
    pub scrub: ScrubOptions,
    /// How records are moved out of segments that are mostly dead.
    pub compaction: CompactionOptions,
    /// The log's own options.
    pub log: posthouse_log::Options,
    /// The engine's own options.
    pub engine: posthouse_engine::Options,
}
