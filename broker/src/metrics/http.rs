//! What the AWS API's listener counts: requests by action, and connections.
//!
//! Counting a request is a few atomic additions, found by index. Only an error takes a look-up by label.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use posthouse_model::Action;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;

use super::text::{Encoded, NoLabels, bucket, counter, gauge, load};
use crate::answer_budget::AnswerBudget;

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

/// The counters of the AWS API's listener.
pub struct HttpMetrics {
    /// By action; the last is for requests that did not get as far as naming one.
    requests: Vec<Requests>,
    /// Errors by action and code. Rare enough for a look-up.
    errors: Family<[(&'static str, &'static str); 3], Counter>,
    connections: AtomicU64,
    connections_refused: AtomicU64,
    connections_replaced: AtomicU64,
    connections_not_reading: AtomicU64,
    answers: Arc<AnswerBudget>,
}

/// A connection that is open.
pub(crate) struct OpenConnection(Arc<HttpMetrics>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HttpMetrics {
    /// Nothing counted yet. What answers hold is read from their budget.
    #[must_use]
    pub fn new(answers: Arc<AnswerBudget>) -> Arc<Self> {
        Arc::new(Self {
            requests: (0..=Action::ALL.len()).map(|_| Requests::default()).collect(),
            errors: Family::default(),
            connections: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            connections_replaced: AtomicU64::new(0),
            connections_not_reading: AtomicU64::new(0),
            answers,
        })
    }

    /// What answers hold.
    pub(crate) const fn answers(&self) -> &Arc<AnswerBudget> {
        &self.answers
    }

    /// Counts a connection for as long as what is returned lives.
    pub(crate) fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Counts an idle connection that was closed for another.
    pub(crate) fn connection_replaced(&self) {
        self.connections_replaced.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection beyond the limit.
    pub(crate) fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that was ended because its client does not read its answers.
    pub(crate) fn connection_not_reading(&self) {
        self.connections_not_reading.fetch_add(1, Ordering::Relaxed);
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
        requests.buckets[bucket(&LATENCY_SECONDS, seconds)].fetch_add(1, Ordering::Relaxed);
        requests.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Writes everything, for a collector of the broker's registry.
    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
        self.encode_requests(encoder)?;
        self.encode_latencies(encoder)?;
        gauge(encoder, "connections", "Open connections to the AWS API", load(&self.connections))?;
        let help = "Idle connections closed because there were too many";
        counter(encoder, "connections_replaced", help, load(&self.connections_replaced))?;
        let help = "Connections turned away because there were too many";
        counter(encoder, "connections_refused", help, load(&self.connections_refused))?;
        let help = "Connections ended because their clients did not read their answers";
        counter(encoder, "connections_not_reading", help, load(&self.connections_not_reading))?;
        let help = "Memory of answers that clients have not read yet, without what each connection has of its own";
        gauge(encoder, "answers_held_bytes", help, self.answers.held_bytes())?;
        counter(encoder, "answers_waited", "Answers that had to wait for room", self.answers.waited())
    }

    fn actions(&self) -> impl Iterator<Item = ([(&'static str, &'static str); 2], &Requests)> {
        let labels = Action::ALL.iter().copied().map(Some).chain([None]).map(labels);
        labels.zip(&self.requests)
    }

    fn encode_requests(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
        let help = "Requests by action and outcome: OK, or the error code";
        let mut family = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        for ([service, action], requests) in self.actions() {
            let succeeded = load(&requests.succeeded);
            if succeeded > 0 {
                let labels = [service, action, ("outcome", "OK")];
                ConstCounter::new(succeeded).encode(family.encode_family(&labels)?)?;
            }
        }
        self.errors.encode(family)
    }

    fn encode_latencies(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
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

/// The service and the action of a request, as far as it named one.
fn labels(action: Option<Action>) -> [(&'static str, &'static str); 2] {
    let service = action.map_or("none", |action| action.service().as_str());
    [("service", service), ("action", action.map_or("none", Action::as_str))]
}
