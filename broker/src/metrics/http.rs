//! What the AWS API's listener counts: requests by action, and connections.
//!
//! Requests are counted by shard, in memory that no other thread writes, and added up when they are read. Counting one is
//! a few additions, found by index. Only an error takes a look-up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use posthouse_model::Action;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::text::{Encoded, NoLabels, bucket, counter, gauge, load};
use crate::answer_budget::AnswerBudget;
use crate::core_client::ShardNumber;

/// Upper bounds of request latencies, in seconds; long polls take up to twenty.
const LATENCY_SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0];

/// Requests of one action on one shard.
#[derive(Default)]
struct Requests {
    succeeded: AtomicU64,
    buckets: [AtomicU64; LATENCY_SECONDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// The requests of one shard. Aligned so that no two shards write to one line of the processor's caches, nor to two that
/// it fetches together.
#[repr(align(128))]
pub(crate) struct ShardRequests {
    /// By [`index`] of their actions.
    actions: Vec<Requests>,
    /// Errors by the index of the action and by code. The lock is free except while the metrics are read.
    errors: Mutex<BTreeMap<(usize, &'static str), u64>>,
}

/// Where the requests of an action are in a list: behind those of all actions if they did not get as far as naming one.
fn index(action: Option<Action>) -> usize {
    action.map_or(Action::ALL.len(), |action| action as usize)
}

impl ShardRequests {
    fn new() -> Self {
        let actions = (0..=index(None)).map(|_| Requests::default()).collect();
        Self { actions, errors: Mutex::default() }
    }

    /// Counts a request that ended, with its error code if it had one.
    pub(crate) fn request(&self, action: Option<Action>, code: Option<&'static str>, took: Duration) {
        let index = index(action);
        let requests = &self.actions[index];
        match code {
            None => {
                requests.succeeded.fetch_add(1, Ordering::Relaxed);
            }
            Some(code) => {
                let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
                *errors.entry((index, code)).or_default() += 1;
            }
        }
        let seconds = took.as_secs_f64();
        requests.buckets[bucket(&LATENCY_SECONDS, seconds)].fetch_add(1, Ordering::Relaxed);
        requests.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// The counters of the AWS API's listener.
pub struct HttpMetrics {
    shards: Box<[ShardRequests]>,
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
    /// Nothing counted yet, for so many shards. What answers hold is read from their budget.
    #[must_use]
    pub fn new(answers: Arc<AnswerBudget>, shards: u16) -> Arc<Self> {
        Arc::new(Self {
            shards: (0..shards).map(|_| ShardRequests::new()).collect(),
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

    /// The number of shards.
    pub(crate) const fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Where a shard counts its requests.
    pub(crate) fn of(&self, shard: ShardNumber) -> &ShardRequests {
        &self.shards[shard.index()]
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

    /// What a counter of an action has on all shards together.
    fn sum(&self, action: usize, counter: impl Fn(&Requests) -> &AtomicU64) -> u64 {
        self.shards.iter().map(|shard| load(counter(&shard.actions[action]))).sum()
    }

    fn encode_requests(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
        let help = "Requests by action and outcome: OK, or the error code";
        let mut family = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        let succeeded =
            actions().map(|(action, labels)| (labels, "OK", self.sum(action, |requests| &requests.succeeded)));
        let mut errors: BTreeMap<(usize, &'static str), u64> = BTreeMap::new();
        for shard in &self.shards {
            for (error, count) in &*shard.errors.lock().unwrap_or_else(PoisonError::into_inner) {
                *errors.entry(*error).or_default() += count;
            }
        }
        let labelled: Vec<_> = actions().map(|(_, labels)| labels).collect();
        let failed = errors.into_iter().map(|((action, code), count)| (labelled[action], code, count));
        for ([service, action], outcome, count) in succeeded.chain(failed).filter(|(_, _, count)| *count > 0) {
            let labels = [service, action, ("outcome", outcome)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn encode_latencies(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
        let help = "Seconds from the end of a request's head to the answer, long polls included";
        let mut family = encoder.encode_descriptor("request_seconds", help, None, MetricType::Histogram)?;
        for (action, labels) in actions() {
            let counts = (0..=LATENCY_SECONDS.len()).map(|at| self.sum(action, |requests| &requests.buckets[at]));
            let buckets: Vec<(f64, u64)> = LATENCY_SECONDS.iter().copied().chain([f64::INFINITY]).zip(counts).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            if count > 0 {
                let nanoseconds = self.sum(action, |requests| &requests.nanoseconds);
                let seconds = Duration::from_nanos(nanoseconds).as_secs_f64();
                family.encode_family(&labels)?.encode_histogram::<NoLabels>(seconds, count, &buckets, None)?;
            }
        }
        Ok(())
    }
}

/// All [`index`]es of actions, with the labels of the actions.
fn actions() -> impl Iterator<Item = (usize, [(&'static str, &'static str); 2])> {
    Action::ALL.iter().copied().map(Some).chain([None]).map(|action| (index(action), labels(action)))
}

/// The service and the action of a request, as far as it named one.
fn labels(action: Option<Action>) -> [(&'static str, &'static str); 2] {
    let service = action.map_or("none", |action| action.service().as_str());
    [("service", service), ("action", action.map_or("none", Action::as_str))]
}
