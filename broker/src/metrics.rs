//! What is counted, and its Prometheus text.
//!
//! Counting a request is a few atomic additions, found by index: no lock, no look-up by label. What the core loop and
//! the log count is asked of them at each scrape.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use posthouse_core::Inspection;
use posthouse_model::Action;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::push::PushMetrics;
use posthouse_engine::{QueueOverview, TopicOverview};

/// Upper bounds of request latencies, in seconds; long polls take up to twenty.
const LATENCY_SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0];

/// Requests of one action.
#[derive(Default)]
struct Requests {
    succeeded: AtomicU64,
    buckets: [AtomicU64; LATENCY_SECONDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// The counters of the listeners.
pub struct Metrics {
    /// By action; the last is for requests that did not get as far as naming one.
    requests: Vec<Requests>,
    /// Errors by action and code. Rare enough for a look-up.
    errors: Family<[(&'static str, &'static str); 3], Counter>,
    connections: AtomicU64,
    connections_refused: AtomicU64,
    push: Arc<PushMetrics>,
}

/// A connection that is open.
pub(crate) struct OpenConnection(Arc<Metrics>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(push: Arc<PushMetrics>) -> Arc<Self> {
        Arc::new(Self {
            requests: (0..=Action::ALL.len()).map(|_| Requests::default()).collect(),
            errors: Family::default(),
            connections: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            push,
        })
    }

    /// Counts a connection for as long as what is returned lives.
    pub(crate) fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Counts a connection beyond the limit.
    pub(crate) fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that ended, with its error code if it had one.
    pub(crate) fn request(&self, action: Option<Action>, code: Option<&'static str>, took: Duration) {
        let requests = &self.requests[action.map_or(Action::ALL.len(), |action| action as usize)];
        match code {
            None => {
                requests.succeeded.fetch_add(1, Ordering::Relaxed);
            }
            Some(code) => {
                let [service, action] = labels(action);
                self.errors.get_or_create(&[service, action, ("outcome", code)]).inc();
            }
        }
        let seconds = took.as_secs_f64();
        let bucket = LATENCY_SECONDS.iter().position(|bound| seconds <= *bound).unwrap_or(LATENCY_SECONDS.len());
        requests.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        requests.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The text of `/metrics`. `inspection` is `None` while the broker recovers or has stopped.
    #[must_use]
    pub fn text(self: &Arc<Self>, inspection: Option<Inspection>) -> String {
        let mut registry = Registry::with_prefix("posthouse");
        registry.register_collector(Box::new(Scrape { metrics: Arc::clone(self), inspection }));
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a String does not fail");
        text
    }
}

/// The service and the action of a request, as far as it named one.
fn labels(action: Option<Action>) -> [(&'static str, &'static str); 2] {
    let service = action.map_or("none", |action| action.service().as_str());
    [("service", service), ("action", action.map_or("none", Action::as_str))]
}

/// Everything at the moment of one scrape.
struct Scrape {
    metrics: Arc<Metrics>,
    inspection: Option<Inspection>,
}

impl core::fmt::Debug for Scrape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

/// Buckets carry no exemplars, whose labels this would be.
type NoLabels = Vec<(&'static str, &'static str)>;

type Encoded = Result<(), core::fmt::Error>;

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Encoded {
        encoder
            .encode_descriptor("build_info", "The version that runs", None, MetricType::Gauge)?
            .encode_family(&[("version", env!("CARGO_PKG_VERSION"))])
            .and_then(|family| ConstGauge::new(1).encode(family))?;
        self.requests(&mut encoder)?;
        self.latencies(&mut encoder)?;
        let metrics = &self.metrics;
        gauge(&mut encoder, "connections", "Open connections to the AWS API", load(&metrics.connections))?;
        let help = "Connections turned away because there were too many";
        counter(&mut encoder, "connections_refused", help, load(&metrics.connections_refused))?;
        metrics.push.encode(&mut encoder)?;
        match &self.inspection {
            Some(inspection) => {
                loop_and_log(&mut encoder, inspection)?;
                queues(&mut encoder, &inspection.queues.queues)?;
                topics(&mut encoder, &inspection.queues.topics)
            }
            None => Ok(()),
        }
    }
}

impl Scrape {
    fn actions(&self) -> impl Iterator<Item = ([(&'static str, &'static str); 2], &Requests)> {
        let labels = Action::ALL.iter().copied().map(Some).chain([None]).map(labels);
        labels.zip(&self.metrics.requests)
    }

    fn requests(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
        let help = "Requests by action and outcome: OK, or the error code";
        let mut family = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        for ([service, action], requests) in self.actions() {
            let succeeded = load(&requests.succeeded);
            if succeeded > 0 {
                let labels = [service, action, ("outcome", "OK")];
                ConstCounter::new(succeeded).encode(family.encode_family(&labels)?)?;
            }
        }
        self.metrics.errors.encode(family)
    }

    fn latencies(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
        let help = "Seconds from the end of a request's head to the answer, long polls included";
        let mut family = encoder.encode_descriptor("request_seconds", help, None, MetricType::Histogram)?;
        for (labels, requests) in self.actions() {
            let buckets: Vec<(f64, u64)> =
                LATENCY_SECONDS.iter().copied().chain([f64::INFINITY]).zip(requests.buckets.iter().map(load)).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            if count > 0 {
                let seconds = Duration::from_nanos(load(&requests.nanoseconds)).as_secs_f64();
                family.encode_family(&labels)?.encode_histogram::<NoLabels>(seconds, count, &buckets, None)?;
            }
        }
        Ok(())
    }
}

fn loop_and_log(encoder: &mut DescriptorEncoder<'_>, view: &Inspection) -> Encoded {
    gauge(encoder, "inbox_requests", "Requests that wait for the core loop", view.inbox_length as u64)?;
    gauge(encoder, "waiting_receives", "Receives that wait for messages", view.queues.waiting_receives as u64)?;
    counter(encoder, "core_requests", "Requests that the core loop has taken up", view.core.requests)?;
    counter(encoder, "checkpoints", "Checkpoints completed", view.core.checkpoints)?;
    histogram(encoder, "commit_seconds", "Seconds that one durable write took", &view.core.commit_seconds)?;
    histogram(encoder, "commit_records", "Records that one durable write held", &view.core.commit_records)?;
    counter(encoder, "log_written_bytes", "Bytes written to the log, in whole blocks", view.log.bytes_written)?;
    counter(encoder, "log_appended_bytes", "Bytes appended to the log", view.log.bytes_appended)?;
    counter(encoder, "log_commits", "Durable writes", view.log.commits)?;
    counter(encoder, "log_cold_reads", "Reads that went to the disk", view.log.cold_reads)?;
    counter(encoder, "log_segments_recycled", "Segments used again", view.log.segments_recycled)?;
    gauge(encoder, "log_unsynced_bytes", "Bytes that wait to become durable", view.log.unsynced_bytes)?;
    gauge(encoder, "log_tail_bytes", "Memory of the newest records", view.log.tail_bytes)?;
    let help = "Files of the log: live ones, and spares prepared for later";
    let mut segments = encoder.encode_descriptor("log_segments", help, None, MetricType::Gauge)?;
    for (state, count) in [("live", view.log.segments), ("spare", view.log.spares)] {
        ConstGauge::new(signed(count)).encode(segments.encode_family(&[("state", state)])?)?;
    }
    gauge(encoder, "storage_full", "1 where the disk is full and sends are refused", u64::from(view.storage_full))?;
    gauge(
        encoder,
        "log_failed",
        "1 where the log has failed and everything is refused",
        u64::from(view.failure.is_some()),
    )
}

fn queues(encoder: &mut DescriptorEncoder<'_>, queues: &[QueueOverview]) -> Encoded {
    type Value = fn(&QueueOverview) -> u64;
    let gauges: [(&str, &str, Value); 4] = [
        ("queue_messages_visible", "Messages that can be received", |queue| queue.visible),
        ("queue_messages_in_flight", "Messages received and not deleted", |queue| queue.in_flight),
        ("queue_messages_delayed", "Messages whose delay is not over", |queue| queue.delayed),
        ("queue_oldest_message_age_seconds", "Age of the oldest message, 0 without one", |queue| {
            queue.oldest_age.unwrap_or_default().as_secs()
        }),
    ];
    for (name, help, value) in gauges {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for queue in queues {
            with_labels(queue, |labels| ConstGauge::new(signed(value(queue))).encode(family.encode_family(&labels)?))?;
        }
    }
    let counters: [(&str, &str, Value); 5] = [
        ("queue_messages_sent", "Messages put into the queue", |queue| queue.counters.sent),
        ("queue_messages_received", "Messages handed to consumers", |queue| queue.counters.received),
        ("queue_messages_deleted", "Messages deleted by consumers", |queue| queue.counters.deleted),
        ("queue_messages_dead_lettered", "Messages moved to the dead-letter queue", |queue| {
            queue.counters.dead_lettered
        }),
        ("queue_messages_expired", "Messages whose retention period ended", |queue| queue.counters.expired),
    ];
    for (name, help, value) in counters {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for queue in queues {
            with_labels(queue, |labels| ConstCounter::new(value(queue)).encode(family.encode_family(&labels)?))?;
        }
    }
    Ok(())
}

fn topics(encoder: &mut DescriptorEncoder<'_>, topics: &[TopicOverview]) -> Encoded {
    type Value = fn(&TopicOverview) -> u64;
    let gauges: [(&str, &str, Value); 3] = [
        ("topic_subscriptions_confirmed", "Subscriptions that get messages", |topic| topic.confirmed as u64),
        ("topic_subscriptions_pending", "Subscriptions that wait for their confirmation", |topic| topic.pending as u64),
        ("topic_messages_undelivered", "Messages that wait to be pushed, those under way included", |topic| {
            topic.undelivered
        }),
    ];
    for (name, help, value) in gauges {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for topic in topics {
            with_topic(topic, |labels| ConstGauge::new(signed(value(topic))).encode(family.encode_family(&labels)?))?;
        }
    }
    let counters: [(&str, &str, Value); 3] = [
        ("topic_messages_published", "Messages published, duplicates not counted", |topic| topic.counters.published),
        ("topic_messages_matched", "Subscriptions that messages went to", |topic| topic.counters.matched),
        ("topic_deliveries_failed", "Deliveries that failed for good", |topic| topic.counters.failed),
    ];
    for (name, help, value) in counters {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for topic in topics {
            with_topic(topic, |labels| ConstCounter::new(value(topic)).encode(family.encode_family(&labels)?))?;
        }
    }
    Ok(())
}

fn with_topic(topic: &TopicOverview, encode: impl FnOnce([(&str, &str); 3]) -> Encoded) -> Encoded {
    let account = topic.address.account.to_string();
    encode([("account", &account), ("region", topic.address.region.as_str()), ("topic", topic.address.name.as_str())])
}

fn with_labels(queue: &QueueOverview, encode: impl FnOnce([(&str, &str); 3]) -> Encoded) -> Encoded {
    let account = queue.address.account.to_string();
    encode([("account", &account), ("region", queue.address.region.as_str()), ("queue", queue.address.name.as_str())])
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Encoded {
    ConstGauge::new(signed(value)).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Encoded {
    ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn histogram<const N: usize>(
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
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_in_the_text() {
        let metrics = Metrics::new(PushMetrics::new());
        let open = metrics.connection();
        metrics.connection_refused();
        metrics.request(Some(Action::SendMessage), None, Duration::from_millis(2));
        metrics.request(Some(Action::SendMessage), None, Duration::from_secs(30));
        metrics.request(None, Some("InvalidAction"), Duration::ZERO);
        let text = metrics.text(None);
        for line in [
            r#"posthouse_requests_total{service="sqs",action="SendMessage",outcome="OK"} 2"#,
            r#"posthouse_requests_total{service="none",action="none",outcome="InvalidAction"} 1"#,
            r#"posthouse_request_seconds_bucket{le="0.001",service="sqs",action="SendMessage"} 0"#,
            r#"posthouse_request_seconds_bucket{le="0.0025",service="sqs",action="SendMessage"} 1"#,
            r#"posthouse_request_seconds_bucket{le="+Inf",service="sqs",action="SendMessage"} 2"#,
            "posthouse_connections 1",
            "posthouse_connections_refused_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        drop(open);
        assert!(metrics.text(None).contains("posthouse_connections 0"));
    }
}
