//! How many bytes may wait for the disk, by what the disk has lately written in a short time.
//!
//! A bound in bytes alone is a long time on a slow disk: 64 MiB are 1.6 s at 40 MB/s, and a request waits for all that was
//! taken before it. So the bound follows the rate of the latest large commits. A small commit says nothing of the rate,
//! since its time is that of one write. Before the first large commit the disk counts as a slow one: on a fast disk that
//! commit takes some milliseconds, and a bound that is too low until then delays nothing longer.

use core::time::Duration;

use posthouse_log::CommitSample;

/// Commits from this size on show the rate of the disk. At 100 MB/s they take a few milliseconds, most of it writing.
const SHOWS_RATE_BYTES_MIN: u64 = 256 * 1024;
/// The bound is never lower, however slow the disk is: twice what one request may add. With less a slow disk would be
/// given commits so small that it is slower still.
const FLOOR_BYTES: u64 = 8 * 1024 * 1024;
/// The weight of the latest commit in the rate is one part of so many: a single slow commit lowers the bound by an eighth.
const WEIGHT: u64 = 8;

/// The bound.
#[derive(Debug)]
pub(crate) struct Backlog {
    bytes_max: u64,
    wait_max: Duration,
    /// Bytes that the disk writes in a second; `None` before the first large commit.
    rate: Option<u64>,
}

impl Backlog {
    /// At most `bytes_max` bytes, and what the disk writes in `wait_max`, which is no bound if it is zero.
    pub(crate) const fn new(bytes_max: u64, wait_max: Duration) -> Self {
        Self { bytes_max, wait_max, rate: None }
    }

    /// Takes note of a commit.
    pub(crate) fn committed(&mut self, commit: &CommitSample) {
        if commit.bytes < SHOWS_RATE_BYTES_MIN {
            return;
        }
        let micros = u64::try_from(commit.latency.as_micros()).unwrap_or(u64::MAX).max(1);
        let rate = commit.bytes.saturating_mul(1_000_000) / micros;
        self.rate = Some(match self.rate {
            None => rate,
            Some(before) => before - before / WEIGHT + rate / WEIGHT,
        });
    }

    /// Bytes that may wait for the disk. At this many no request is taken.
    pub(crate) fn bytes_max(&self) -> u64 {
        if self.wait_max.is_zero() {
            return self.bytes_max;
        }
        let millis = u64::try_from(self.wait_max.as_millis()).unwrap_or(u64::MAX);
        let in_time = self.rate.map_or(0, |rate| rate.saturating_mul(millis) / 1000);
        self.bytes_max.min(in_time.max(FLOOR_BYTES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// Milliseconds that may be waited for; commits, in bytes and milliseconds; the bound.
    type Case = (u64, &'static [(u64, u64)], u64);

    fn after(wait_millis: u64, commits: &[(u64, u64)]) -> u64 {
        let mut backlog = Backlog::new(64 * MIB, Duration::from_millis(wait_millis));
        for (bytes, millis) in commits {
            let latency = Duration::from_millis(*millis);
            backlog.committed(&CommitSample { latency, records: 1, bytes: *bytes });
        }
        backlog.bytes_max()
    }

    #[test]
    fn the_bound_follows_the_rate_of_large_commits() {
        let table: [Case; 8] = [
            (100, &[], 8 * MIB),
            (100, &[(4096, 50)], 8 * MIB),
            (0, &[], 64 * MIB),
            (100, &[(20 * MIB, 100)], 20 * MIB),
            (100, &[(200 * MIB, 100)], 64 * MIB),
            (100, &[(MIB, 1000)], 8 * MIB),
            (0, &[(MIB, 1000)], 64 * MIB),
            (100, &[(32 * MIB, 100), (16 * MIB, 100)], 30 * MIB),
        ];
        for (wait, commits, bound) in table {
            assert_eq!(after(wait, commits), bound, "{wait} ms, {commits:?}");
        }
    }

    #[test]
    fn a_disk_that_is_fast_again_gets_more_again() {
        let slow = [(8 * MIB, 1000); 50];
        let fast = [(8 * MIB, 20); 50];
        assert_eq!(after(100, &slow), 8 * MIB);
        assert!(after(100, &[slow, fast].concat()) > 35 * MIB);
    }
}
