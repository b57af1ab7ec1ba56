//! The figures that metrics and consoles show of queues and topics.

use core::time::Duration;
use std::sync::Arc;

use posthouse_model::{QueueAddress, TopicAddress};

/// All queues at one moment, in the order of their addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// The queues, but for the broker's own.
    pub queues: Vec<QueueOverview>,
    /// The topics.
    pub topics: Vec<TopicOverview>,
    /// Receives that wait for messages, in all queues.
    pub waiting_receives: usize,
}

/// One topic at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicOverview {
    /// Which topic.
    pub address: Arc<TopicAddress>,
    /// Subscriptions that are confirmed.
    pub confirmed: usize,
    /// Subscriptions that wait for their confirmation.
    pub pending: usize,
    /// Messages that wait to be pushed to its subscribers, those under way included.
    pub undelivered: u64,
    /// Counts since the start.
    pub counters: TopicCounters,
}

/// What happened to a topic since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicCounters {
    /// Messages published, duplicates not counted.
    pub published: u64,
    /// Subscriptions that they went to.
    pub matched: u64,
    /// Deliveries that failed finally: messages that no queue could take and no dead-letter queue took, and pushes that
    /// were given up.
    pub failed: u64,
}

/// One queue at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueOverview {
    /// Which queue.
    pub address: Arc<QueueAddress>,
    /// Messages that can be received.
    pub visible: u64,
    /// Messages that were received and neither deleted nor given back.
    pub in_flight: u64,
    /// Messages whose delay has not ended.
    pub delayed: u64,
    /// How long ago the oldest message that is not deleted was sent.
    pub oldest_age: Option<Duration>,
    /// What happened in the queue since the broker started.
    pub counters: Counters,
}

/// Counts of messages since the broker started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Put into the queue: sent, dead-lettered or moved there.
    pub sent: u64,
    /// Handed to consumers.
    pub received: u64,
    /// Deleted by consumers.
    pub deleted: u64,
    /// Moved to the dead-letter queue.
    pub dead_lettered: u64,
    /// Dropped because their retention period was over.
    pub expired: u64,
}
