//! What became of the backups of the broker since it started.

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::text::{Encoded, gauge, real_gauge};
use crate::backup::{BackupCounts, Backups};

/// Writes everything.
pub(super) fn encode(backups: &Backups, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let BackupCounts { done, failed, last } = backups.counts();
    let help = "Backups that have ended since the start: whole (`done`), or not (`failed`), stopped ones included";
    let mut ended = encoder.encode_descriptor("backups", help, None, MetricType::Counter)?;
    for (outcome, count) in [("done", done), ("failed", failed)] {
        ConstCounter::new(count).encode(ended.encode_family(&[("outcome", outcome)])?)?;
    }
    gauge(encoder, "backup_running", "1 while a backup is being made", u64::from(backups.is_running()))?;
    // A time and not an age: an alert on `time() - …` then finds a broker that has made none, too.
    let help = "When the latest whole backup was whole, in seconds since 1970; 0 if there was none since the start";
    gauge(encoder, "backup_last_timestamp_seconds", help, last.map_or(0, |last| last.ended_seconds))?;
    let help = "How long the latest whole backup took, 0 if there was none since the start";
    let milliseconds = last.map_or(0, |last| last.milliseconds);
    #[expect(clippy::cast_precision_loss, reason = "a backup takes less than 2^53 milliseconds")]
    real_gauge(encoder, "backup_last_seconds", help, milliseconds as f64 / 1000.0)?;
    let help = "Bytes that were copied for the latest whole backup, without those that were linked or cloned";
    gauge(encoder, "backup_last_copied_bytes", help, last.map_or(0, |last| last.bytes_copied))
}
