//! What an operator can set about the core loop.

/// When an acknowledgement may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once every event that it depends on is on disk.
    #[default]
    Fsync,
    /// At once. Writing follows as fast as the disk can; a crash loses what had not been written yet.
    Async,
}

/// The limits and choices of the core loop.
#[derive(Clone, Debug)]
pub struct Options {
    /// When an acknowledgement may leave.
    pub durability: Durability,
    /// Requests that may wait for the loop; past it callers are told to come back.
    pub inbox_length: usize,
    /// Bytes that may wait to become durable; past it the inbox is not read.
    pub unsynced_bytes_max: u64,
    /// Answers that may wait for the disk; past it the inbox is not read.
    pub replies_pending_max: usize,
    /// Log bytes after which a new checkpoint begins: what a restart replays at most, give or take one checkpoint.
    pub checkpoint_bytes: u64,
    /// Whether the loop may spend idle time of a core on looking out for a client that sends one request at a time.
    /// Only where there is more than one core.
    pub spin: bool,
    /// The log's own options.
    pub log: posthouse_log::Options,
    /// The engine's own options.
    pub engine: posthouse_engine::Options,
}
