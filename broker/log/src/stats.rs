//! Counters and samples of what the log has done, for metrics.

use std::{collections::VecDeque, time::Duration};

/// Counters since the start, and sizes at present.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Stats {
    /// Records appended.
    pub records: u64,
    /// Bytes appended: records, marks, seals and padding.
    pub bytes_appended: u64,
    /// Durable writes completed.
    pub commits: u64,
    /// Bytes of these writes: whole blocks.
    pub bytes_written: u64,
    /// Reads submitted to the disk.
    pub cold_reads: u64,
    /// The bytes that they returned, but for those of the scrubber.
    pub cold_read_bytes: u64,
    /// Records that were asked for and are not among the newest, which are in memory.
    pub cold_records: u64,
    /// Of these, those that were in the cache.
    pub read_cache_hits: u64,
    /// Of these, those that waited for a read that had been planned or submitted for others, or ahead.
    pub read_cache_joined: u64,
    /// Bytes that were read ahead.
    pub read_ahead_bytes: u64,
    /// Of these, those that were dropped before a record was asked for from their extent.
    pub read_ahead_unused_bytes: u64,
    /// Bytes of the cache of cold reads at present, those included that are being read.
    pub read_cache_bytes: u64,
    /// Records that were read once more, because they were not valid or the medium failed.
    pub cold_reads_repeated: u64,
    /// Bytes that the scrubber has read.
    pub scrubbed_bytes: u64,
    /// Segments that the scrubber has read to their ends.
    pub scrubbed_segments: u64,
    /// Segments that the scrubber gave up, because they could not be opened or read for another reason than damage.
    pub scrub_failures: u64,
    /// Records that were moved out of segments.
    pub relocated_records: u64,
    /// The bytes of their payloads.
    pub relocated_bytes: u64,
    /// Segments of which all records that were needed were moved.
    pub segments_emptied: u64,
    /// Records at present that are not where they were appended.
    pub relocations: u64,
    /// The memory of the table that says where they are.
    pub relocation_bytes: u64,
    /// Segments turned into spares.
    pub segments_recycled: u64,
    /// Segments removed.
    pub segments_removed: u64,
    /// Files that could not be renamed or removed. The next start tries again.
    pub reclaim_failures: u64,
    /// Segments at present, prepared ones included.
    pub segments: u64,
    /// Spare files at present.
    pub spares: u64,
    /// Bytes of the files of all segments at present.
    pub segment_bytes: u64,
    /// Bytes of the records of these that are referred to. A record that several references lead to counts for each, but
    /// no segment for more than it holds.
    pub live_bytes: u64,
    /// Bytes before the end of the log that are not live: records that nothing refers to, events, and the unused rest of
    /// segments.
    pub dead_bytes: u64,
    /// Bytes of the spare files at present.
    pub spare_bytes: u64,
    /// Segments that are kept because of live records in them.
    pub segments_live: u64,
    /// Segments that are kept only because a restart would replay them, or because they are being read.
    pub segments_replayed: u64,
    /// Segments that records are or will be appended to.
    pub segments_open: u64,
    /// Bytes of memory of the newest records at present.
    pub tail_bytes: u64,
    /// Appended bytes that are not durable at present.
    pub unsynced_bytes: u64,
}

/// A durable write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommitSample {
    /// The time from its submission to its completion, by the clock of the disk.
    pub latency: Duration,
    /// The records in it.
    pub records: u64,
    /// The appended bytes in it.
    pub bytes: u64,
}

/// Commit samples not yet collected by [`Log::take_commit_samples`](crate::Log::take_commit_samples). At most
/// [`SAMPLES_MAX`]; the oldest are dropped.
#[derive(Debug, Default)]
pub(crate) struct Samples(VecDeque<CommitSample>);

/// 32 KiB of samples, and more than a core loop collects at a time.
const SAMPLES_MAX: usize = 1024;

impl Samples {
    /// Adds a sample, in place of the oldest if there are [`SAMPLES_MAX`].
    pub(crate) fn add(&mut self, sample: CommitSample) {
        if self.0.len() == SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// Appends all samples, oldest first, and forgets them.
    pub(crate) fn take(&mut self, into: &mut Vec<CommitSample>) {
        into.extend(self.0.drain(..));
    }
}
