//! What push delivery counts. Counting is a few atomic additions, found by index.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use posthouse_model::SubscriptionProtocol;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::text::{Encoded, NoLabels, bucket, counter, gauge, load};

/// Upper bounds of attempts' durations, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];
/// Upper bounds of the number of attempts that a notification took.
const ATTEMPTS: [f64; 8] = [1.0, 2.0, 3.0, 4.0, 10.0, 50.0, 100.0, 1000.0];

/// How an attempt counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// It arrived.
    Delivered,
    /// It did not, and is tried again.
    Retried,
    /// It did not, and is not tried again.
    Failed,
}

impl Counted {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Delivered, "delivered"), (Self::Retried, "retried"), (Self::Failed, "failed")];
}

/// An attempt that ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndedAttempt {
    pub(crate) protocol: SubscriptionProtocol,
    pub(crate) counted: Counted,
    /// Which of its message's attempts it was, counted from 1.
    pub(crate) number: u32,
    pub(crate) took: Duration,
}

/// The counters of one protocol.
#[derive(Default)]
struct Protocol {
    outcomes: [AtomicU64; Counted::ALL.len()],
    seconds: [AtomicU64; SECONDS.len() + 1],
    nanoseconds: AtomicU64,
    attempts: [AtomicU64; ATTEMPTS.len() + 1],
    attempts_total: AtomicU64,
}

/// The counters of push delivery.
#[derive(Default)]
pub struct PushMetrics {
    protocols: [Protocol; SubscriptionProtocol::ALL.len()],
    targets: AtomicU64,
    in_flight: AtomicU64,
    waiting: AtomicU64,
    undeliverable: AtomicU64,
}

/// One more of something, for as long as this lives.
pub(crate) struct Held {
    metrics: Arc<PushMetrics>,
    which: fn(&PushMetrics) -> &AtomicU64,
}

impl Held {
    fn new(metrics: &Arc<PushMetrics>, which: fn(&PushMetrics) -> &AtomicU64) -> Self {
        which(metrics).fetch_add(1, Ordering::Relaxed);
        Self { metrics: Arc::clone(metrics), which }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        (self.which)(&self.metrics).fetch_sub(1, Ordering::Relaxed);
    }
}

impl PushMetrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Counts a target.
    pub(crate) fn target(self: &Arc<Self>) -> Held {
        Held::new(self, |metrics| &metrics.targets)
    }

    /// Counts an attempt that is under way.
    pub(crate) fn attempt(self: &Arc<Self>) -> Held {
        Held::new(self, |metrics| &metrics.in_flight)
    }

    /// Counts a message that waits for memory.
    pub(crate) fn waiting(self: &Arc<Self>) -> Held {
        Held::new(self, |metrics| &metrics.waiting)
    }

    /// Counts a message that nothing is configured to deliver.
    pub(crate) fn undeliverable(&self) {
        self.undeliverable.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an attempt that ended.
    pub(crate) fn ended(&self, attempt: &EndedAttempt) {
        let EndedAttempt { protocol, counted, number, took } = *attempt;
        let counters = &self.protocols[protocol as usize];
        counters.outcomes[counted as usize].fetch_add(1, Ordering::Relaxed);
        counters.seconds[bucket(&SECONDS, took.as_secs_f64())].fetch_add(1, Ordering::Relaxed);
        counters.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if counted != Counted::Retried {
            counters.attempts[bucket(&ATTEMPTS, f64::from(number))].fetch_add(1, Ordering::Relaxed);
            counters.attempts_total.fetch_add(u64::from(number), Ordering::Relaxed);
        }
    }

    /// Writes everything, for a collector of the broker's registry.
    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
        self.outcomes(encoder)?;
        SECONDS_FAMILY.encode(encoder, self.by_protocol(), |counters| {
            (&counters.seconds, Duration::from_nanos(load(&counters.nanoseconds)).as_secs_f64())
        })?;
        ATTEMPTS_FAMILY.encode(encoder, self.by_protocol(), |counters| {
            #[expect(clippy::cast_precision_loss, reason = "a sum of attempts, far below 2^52")]
            (&counters.attempts, load(&counters.attempts_total) as f64)
        })?;
        for (name, help, value) in [
            ("push_targets", "Subscriptions that are pushed to", &self.targets),
            ("push_in_flight", "Attempts that are under way", &self.in_flight),
            ("push_waiting", "Received messages that wait for memory", &self.waiting),
        ] {
            gauge(encoder, name, help, load(value))?;
        }
        let help = "Messages that failed because no gateway or e-mail server is configured for their protocol";
        counter(encoder, "push_undeliverable", help, load(&self.undeliverable))
    }

    fn outcomes(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
        let help = "Attempts to deliver, by protocol and outcome";
        let mut family = encoder.encode_descriptor("push_deliveries", help, None, MetricType::Counter)?;
        for (protocol, counters) in self.by_protocol() {
            for ((_, outcome), count) in Counted::ALL.iter().zip(&counters.outcomes) {
                if load(count) > 0 {
                    let labels = [("protocol", protocol), ("outcome", *outcome)];
                    ConstCounter::new(load(count)).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }

    fn by_protocol(&self) -> impl Iterator<Item = (&'static str, &Protocol)> {
        SubscriptionProtocol::ALL.iter().map(|protocol| protocol.as_str()).zip(&self.protocols)
    }

    /// How many attempts of a protocol ended so.
    #[cfg(test)]
    pub(crate) fn count(&self, protocol: SubscriptionProtocol, counted: Counted) -> u64 {
        load(&self.protocols[protocol as usize].outcomes[counted as usize])
    }
}

/// A histogram by protocol: its name, what it counts, and the upper bounds of its buckets.
struct HistogramFamily {
    name: &'static str,
    help: &'static str,
    bounds: &'static [f64],
}

const SECONDS_FAMILY: HistogramFamily =
    HistogramFamily { name: "push_attempt_seconds", help: "Seconds that one attempt took", bounds: &SECONDS };
const ATTEMPTS_FAMILY: HistogramFamily = HistogramFamily {
    name: "push_attempts",
    help: "Attempts that a notification took until it arrived or was given up",
    bounds: &ATTEMPTS,
};

impl HistogramFamily {
    /// Writes the histogram of each protocol that has counted anything. `read` gives the counts of its buckets, and the
    /// sum of all that was counted.
    fn encode<'a>(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        protocols: impl Iterator<Item = (&'static str, &'a Protocol)>,
        read: impl Fn(&'a Protocol) -> (&'a [AtomicU64], f64),
    ) -> Encoded {
        let mut family = encoder.encode_descriptor(self.name, self.help, None, MetricType::Histogram)?;
        for (protocol, counters) in protocols {
            let (counts, sum) = read(counters);
            let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().map(load)).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            if count > 0 {
                let labels = [("protocol", protocol)];
                family.encode_family(&labels)?.encode_histogram::<NoLabels>(sum, count, &buckets, None)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::collector::Collector;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    struct Scrape(Arc<PushMetrics>);

    impl core::fmt::Debug for Scrape {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("Scrape")
        }
    }

    impl Collector for Scrape {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), core::fmt::Error> {
            self.0.encode(&mut encoder)
        }
    }

    #[test]
    fn attempts_are_counted_by_protocol_and_outcome() {
        let metrics = PushMetrics::new();
        let took = Duration::from_millis(4);
        for (protocol, counted, number) in [
            (SubscriptionProtocol::Http, Counted::Retried, 1),
            (SubscriptionProtocol::Http, Counted::Delivered, 2),
            (SubscriptionProtocol::Sms, Counted::Failed, 1),
        ] {
            metrics.ended(&EndedAttempt { protocol, counted, number, took });
        }
        metrics.undeliverable();
        let under_way = metrics.attempt();
        let target = metrics.target();
        drop(metrics.attempt());
        let mut registry = Registry::with_prefix("posthouse");
        registry.register_collector(Box::new(Scrape(Arc::clone(&metrics))));
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a String does not fail");
        for line in [
            r#"posthouse_push_deliveries_total{protocol="http",outcome="retried"} 1"#,
            r#"posthouse_push_deliveries_total{protocol="http",outcome="delivered"} 1"#,
            r#"posthouse_push_deliveries_total{protocol="sms",outcome="failed"} 1"#,
            r#"posthouse_push_attempt_seconds_bucket{le="0.0025",protocol="http"} 0"#,
            r#"posthouse_push_attempt_seconds_bucket{le="0.005",protocol="http"} 2"#,
            r#"posthouse_push_attempts_bucket{le="1.0",protocol="http"} 0"#,
            r#"posthouse_push_attempts_bucket{le="2.0",protocol="http"} 1"#,
            r#"posthouse_push_attempts_sum{protocol="http"} 2.0"#,
            "posthouse_push_in_flight 1",
            "posthouse_push_targets 1",
            "posthouse_push_waiting 0",
            "posthouse_push_undeliverable_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        drop((under_way, target));
    }
}
