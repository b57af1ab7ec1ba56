//! What the native listener counts: per shard, so that a message touches no counter that threads share. The counts are
//! added when they are read. Faults are rare enough for a look-up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use posthouse_wire::FaultCode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::text::{Encoded, counter, gauge, load};
use crate::core_client::ShardNumber;

/// What the connections of one shard count. Its size and place are those of a pair of cache lines, which processors fetch
/// together.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct NativeCounters {
    connections: AtomicU64,
    links: AtomicU64,
    sent: AtomicU64,
    delivered: AtomicU64,
    settled: AtomicU64,
    received_bytes: AtomicU64,
    delivered_bytes: AtomicU64,
    not_reading: AtomicU64,
}

/// The counters of the native listener.
pub struct NativeMetrics {
    shards: Box<[NativeCounters]>,
    refused: AtomicU64,
    replaced: AtomicU64,
    faults: Family<[(&'static str, &'static str); 1], Counter>,
}

/// A connection that is open.
pub(crate) struct NativeConnection {
    metrics: Arc<NativeMetrics>,
    shard: ShardNumber,
}

impl Drop for NativeConnection {
    fn drop(&mut self) {
        self.metrics.of(self.shard).connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl NativeMetrics {
    /// Nothing counted yet, for so many shards.
    #[must_use]
    pub fn new(shards: u16) -> Arc<Self> {
        Arc::new(Self {
            shards: (0..shards).map(|_| NativeCounters::default()).collect(),
            refused: AtomicU64::new(0),
            replaced: AtomicU64::new(0),
            faults: Family::default(),
        })
    }

    /// What the connections of a shard count.
    pub(crate) fn of(&self, shard: ShardNumber) -> &NativeCounters {
        &self.shards[shard.index()]
    }

    /// Counts a connection for as long as what is returned lives.
    pub(crate) fn connection(self: &Arc<Self>, shard: ShardNumber) -> NativeConnection {
        self.of(shard).connections.fetch_add(1, Ordering::Relaxed);
        NativeConnection { metrics: Arc::clone(self), shard }
    }

    /// Counts a connection that found no seat.
    pub(crate) fn connection_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an idle connection that was ended for another.
    pub(crate) fn connection_replaced(&self) {
        self.replaced.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refusal of a message, a request, a link or a connection.
    pub(crate) fn fault(&self, code: FaultCode) {
        self.faults.get_or_create(&[("fault", code.name())]).inc();
    }

    /// Writes everything, for a collector of the broker's registry.
    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
        let sum = |of: fn(&NativeCounters) -> &AtomicU64| self.shards.iter().map(|shard| load(of(shard))).sum();
        let help = "Open connections of the native protocol";
        gauge(encoder, "native_connections", help, sum(|shard| &shard.connections))?;
        gauge(encoder, "native_links", "Open producers and consumers", sum(|shard| &shard.links))?;
        let help = "Native connections turned away because there were too many";
        counter(encoder, "native_connections_refused", help, load(&self.refused))?;
        let help = "Idle native connections closed because there were too many";
        counter(encoder, "native_connections_replaced", help, load(&self.replaced))?;
        let help = "Native connections ended because their clients did not read";
        counter(encoder, "native_connections_not_reading", help, sum(|shard| &shard.not_reading))?;
        let help = "Messages that native producers sent, those that were refused included";
        counter(encoder, "native_messages_sent", help, sum(|shard| &shard.sent))?;
        let help = "Messages that native consumers were delivered";
        counter(encoder, "native_messages_delivered", help, sum(|shard| &shard.delivered))?;
        let help = "Settlements that native consumers asked for";
        counter(encoder, "native_messages_settled", help, sum(|shard| &shard.settled))?;
        let help = "Bytes of the frames of native clients";
        counter(encoder, "native_received_bytes", help, sum(|shard| &shard.received_bytes))?;
        let help = "Bytes of messages that native consumers were delivered";
        counter(encoder, "native_delivered_bytes", help, sum(|shard| &shard.delivered_bytes))?;
        let help = "Messages, requests, links and connections of the native protocol that were refused";
        let family = encoder.encode_descriptor("native_faults", help, None, MetricType::Counter)?;
        self.faults.encode(family)
    }
}

impl NativeCounters {
    /// Counts a link that is opened.
    pub(crate) fn link_opened(&self) {
        self.links.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a link that has ended.
    pub(crate) fn link_closed(&self) {
        self.links.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts messages of a producer.
    pub(crate) fn sent(&self, messages: u16) {
        self.sent.fetch_add(messages.into(), Ordering::Relaxed);
    }

    /// Counts messages for a consumer, with their bytes.
    pub(crate) fn delivered(&self, messages: u16, bytes: usize) {
        self.delivered.fetch_add(messages.into(), Ordering::Relaxed);
        self.delivered_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts settlements.
    pub(crate) fn settled(&self, deliveries: usize) {
        self.settled.fetch_add(deliveries as u64, Ordering::Relaxed);
    }

    /// Counts the payload of a frame.
    pub(crate) fn received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a connection that was ended because its client does not read.
    pub(crate) fn not_reading(&self) {
        self.not_reading.fetch_add(1, Ordering::Relaxed);
    }
}
