//! What the log has done, for those who measure it.

use std::{collections::VecDeque, time::Duration};

/// Counters since the start, and sizes as they are now.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Stats {
    /// Records appended.
    pub records: u64,
    /// Bytes appended: records, marks, seals and padding.
    pub bytes_appended: u64,
    /// Durable writes completed.
    pub commits: u64,
    /// Bytes that these wrote: whole blocks.
    pub bytes_written: u64,
    /// Reads that went to the disk.
    pub cold_reads: u64,
    /// Segments turned into spares.
    pub segments_recycled: u64,
    /// Segments removed.
    pub segments_removed: u64,
    /// Files that could not be renamed or removed; the next start tries again.
    pub reclaim_failures: u64,
    /// Segments of the log now, prepared ones included.
    pub segments: u64,
    /// Spare files now.
    pub spares: u64,
    /// Memory of the newest records now.
    pub tail_bytes: u64,
    /// Bytes appended that are not durable now.
    pub unsynced_bytes: u64,
}

/// One durable write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommitSample {
    /// From its submission to its completion, by the disk's clock.
    pub latency: Duration,
    /// The records in it.
    pub records: u64,
    /// The bytes appended in it.
    pub bytes: u64,
}

/// Samples that nobody has taken yet. Should nobody ever, the newest ones stay.
#[derive(Debug, Default)]
pub(crate) struct Samples(VecDeque<CommitSample>);

const SAMPLES_MAX: usize = 1024;

impl Samples {
    pub(crate) fn add(&mut self, sample: CommitSample) {
        if self.0.len() == SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    pub(crate) fn take(&mut self, into: &mut Vec<CommitSample>) {
        into.extend(self.0.drain(..));
    }
}
