//! Writing single metrics of the Prometheus text. What is counted, and under which name, is in the files beside this.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Whether the encoder could write.
pub(super) type Encoded = Result<(), core::fmt::Error>;

/// The labels of a bucket's exemplar. No bucket has one.
pub(super) type NoLabels = Vec<(&'static str, &'static str)>;

/// The index of the first bucket whose upper bound is `value` or above; `bounds.len()` beyond the last.
pub(super) fn bucket(bounds: &[f64], value: f64) -> usize {
    bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len())
}

pub(super) fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Encoded {
    ConstGauge::new(signed(value)).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

pub(super) fn real_gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> Encoded {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

pub(super) fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Encoded {
    ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}

pub(super) fn histogram<const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: &posthouse_core::Histogram<N>,
) -> Encoded {
    let buckets: Vec<_> = value.buckets().collect();
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    family.encode_histogram::<NoLabels>(value.sum(), value.count(), &buckets, None)
}

/// Gauges are signed; no count here comes near the difference.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
