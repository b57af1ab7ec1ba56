//! What the loop counts about itself, and the view of the broker that the admin listener shows.

use core::time::Duration;
use std::collections::BTreeMap;

use posthouse_encryption::KeyId;
use posthouse_engine::{IndexOverview, Overview};
use posthouse_log::CommitSample;
use posthouse_model::Timestamp;

use crate::checkpoint::Completed;
use crate::compaction::CompactionStatistics;
use crate::scrub::ScrubStatistics;

/// Counts of observations by upper bound.
#[derive(Clone, Debug)]
pub struct Histogram<const N: usize> {
    bounds: &'static [f64; N],
    counts: [u64; N],
    above: u64,
    sum: f64,
}

impl<const N: usize> Histogram<N> {
    /// An empty histogram with the given upper bounds, in ascending order.
    #[must_use]
    pub const fn new(bounds: &'static [f64; N]) -> Self {
        Self { bounds, counts: [0; N], above: 0, sum: 0.0 }
    }

    pub(crate) fn observe(&mut self, value: f64) {
        self.sum += value;
        match self.bounds.iter().position(|bound| value <= *bound) {
            Some(bucket) => self.counts[bucket] += 1,
            None => self.above += 1,
        }
    }

    /// Each bound with the observations at or below it and above the bound before; infinity comes last.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.bounds.iter().copied().zip(self.counts).chain([(f64::INFINITY, self.above)])
    }

    /// The sum of all observations.
    #[must_use]
    pub const fn sum(&self) -> f64 {
        self.sum
    }

    /// The number of observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.above
    }
}

const COMMIT_SECONDS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];
const BATCH_RECORDS: [f64; 13] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 16384.0];

/// What the start took, and of what it consisted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartCost {
    /// Finding the files of the log and its end in the superblock.
    pub open: Duration,
    /// Reading the log from its latest checkpoint on, and applying its events.
    pub replay: Duration,
    /// Clearing what lies behind the end, and opening the log for appending.
    pub finish: Duration,
    /// Records that were replayed.
    pub records: u64,
    /// Bytes of records that were read for that.
    pub bytes: u64,
}

/// The latest checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastCheckpoint {
    /// When it was completed.
    pub at: Timestamp,
    /// The bytes of log from its beginning to its end.
    pub bytes: u64,
    /// The time from its beginning until all of it was durable.
    pub took: Duration,
}

/// What the loop counts about itself since its start.
#[derive(Clone, Debug)]
pub struct CoreStatistics {
    /// Seconds from handing a commit to the disk until it was durable.
    pub commit_seconds: Histogram<14>,
    /// Records that one commit made durable.
    pub commit_records: Histogram<13>,
    /// The start.
    pub start: StartCost,
    /// Checkpoints completed.
    pub checkpoints: u64,
    /// The bytes of log from their beginnings to their ends. Events of requests lie between the parts of one.
    pub checkpoint_bytes: u64,
    /// The latest one since the start; `None` before.
    pub last_checkpoint: Option<LastCheckpoint>,
    /// Requests handled.
    pub requests: u64,
}

impl CoreStatistics {
    /// Nothing but what the start took.
    pub(crate) const fn new(start: StartCost) -> Self {
        Self {
            start,
            commit_seconds: Histogram::new(&COMMIT_SECONDS),
            commit_records: Histogram::new(&BATCH_RECORDS),
            checkpoints: 0,
            checkpoint_bytes: 0,
            last_checkpoint: None,
            requests: 0,
        }
    }

    pub(crate) const fn checkpointed(&mut self, completed: &Completed, now: Timestamp) {
        self.checkpoints += 1;
        self.checkpoint_bytes += completed.bytes;
        self.last_checkpoint = Some(LastCheckpoint { at: now, bytes: completed.bytes, took: completed.took });
    }

    pub(crate) fn committed(&mut self, commit: &CommitSample) {
        self.commit_seconds.observe(commit.latency.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a commit holds far fewer than 2^52 records")]
        self.commit_records.observe(commit.records as f64);
    }
}

/// A view of the broker at one moment.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The queues and topics.
    pub overview: Overview,
    /// Receives that wait for messages, in all queues.
    pub waiting_receives: usize,
    /// The pages of waiting messages.
    pub index: IndexOverview,
    /// The scrubber.
    pub scrub: ScrubStatistics,
    /// Compaction.
    pub compaction: CompactionStatistics,
    /// How many times damage was met, by receives or by the scrubber.
    pub damage_found: u64,
    /// Segments that hold the records of damaged messages.
    pub damaged_segments: u64,
    /// Incidents that were not logged, because the log was behind.
    pub incidents_dropped: u64,
    /// The age of the latest checkpoint; `None` if there was none since the start.
    pub since_checkpoint: Option<Duration>,
    /// The loop.
    pub core: CoreStatistics,
    /// The log.
    pub log: posthouse_log::Stats,
    /// How many segments need each key of encryption at rest, and how many need none.
    pub segments_by_key: BTreeMap<Option<KeyId>, u64>,
    /// Why the log has failed; `None` while it is healthy.
    pub failure: Option<Box<str>>,
    /// Whether the disk is full, so that requests that add data are refused.
    pub storage_full: bool,
    /// Requests that wait in the inbox.
    pub inbox_length: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_each_value_once() {
        let mut histogram = Histogram::new(&[1.0, 10.0]);
        for value in [0.5, 1.0, 1.5, 10.0, 11.0] {
            histogram.observe(value);
        }
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(1.0, 2), (10.0, 2), (f64::INFINITY, 1)]);
        assert_eq!((histogram.count(), histogram.sum()), (5, 24.0));
    }
}
