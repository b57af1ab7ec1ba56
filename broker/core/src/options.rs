//! What an operator can set about the core loop.

/// When an acknowledgement may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once every event that it depends on is on disk.
    #[default]
    Fsync,
    /// At once. Events are written as fast as the disk can. A crash loses those that were not written yet.
    Async,
}

/// The limits and choices of the core loop.
#[derive(Clone, Debug)]
pub struct Options {
    /// When an acknowledgement may leave.
    pub durability: Durability,
    /// Requests that may wait for the loop. Any more are refused with `Throttled`.
    pub inbox_length: usize,
    /// Bytes that may wait to become durable. At the limit the inbox is not read.
    pub unsynced_bytes_max: u64,
    /// Answers that may wait for the disk. At the limit the inbox is not read.
    pub replies_pending_max: usize,
    /// Bytes of log after which a checkpoint begins. A restart replays no more than this and one checkpoint.
    pub checkpoint_bytes: u64,
    /// Whether the loop may poll instead of sleep while a client sends one request at a time. It takes the time of a
    /// core, so it must be false on a machine with one core.
    pub spin: bool,
    /// The log's own options.
    pub log: posthouse_log::Options,
    /// The engine's own options.
    pub engine: posthouse_engine::Options,
}
