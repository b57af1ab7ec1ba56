//! The figures that metrics and consoles show of queues and topics.

use core::ops::AddAssign;
use core::time::Duration;
use std::sync::Arc;

use posthouse_model::{QueueAddress, QueueId, Timestamp, TopicAddress};

/// All queues and topics. [`Engine::survey`](crate::Engine::survey) makes one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// The queues, but for the broker's own: those that were created first, as many as the survey lists.
    pub queues: Vec<QueueOverview>,
    /// All queues together, those that are not listed too, but for the broker's own.
    pub all_queues: AllQueues,
    /// The topics: the first by their addresses, as many as the survey lists.
    pub topics: Vec<TopicOverview>,
    /// All topics together, those that are not listed too.
    pub all_topics: AllTopics,
    /// Damaged messages of all queues, those of the broker's own included.
    pub damaged: u64,
}

/// Sums over all queues of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllQueues {
    /// Queues.
    pub count: u64,
    /// Messages that can be received.
    pub visible: u64,
    /// Messages that were received and neither deleted nor given back.
    pub in_flight: u64,
    /// Messages whose delay has not ended.
    pub delayed: u64,
    /// What happened since the broker started, in queues that were deleted too.
    pub counters: Counters,
}

/// Sums over all topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllTopics {
    /// Topics.
    pub count: u64,
    /// Subscriptions that are confirmed.
    pub confirmed: u64,
    /// Subscriptions that wait for their confirmation.
    pub pending: u64,
    /// Messages that wait to be pushed to subscribers, those under way included.
    pub undelivered: u64,
    /// What happened since the broker started, to topics that were deleted too.
    pub counters: TopicCounters,
}

/// One topic at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicOverview {
    /// Which topic.
    pub address: Arc<TopicAddress>,
    /// Subscriptions that are confirmed.
    pub confirmed: u64,
    /// Subscriptions that wait for their confirmation.
    pub pending: u64,
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
    /// Its number. A survey lists queues in this order, and no two queues ever have the same.
    pub id: QueueId,
    /// Which queue.
    pub address: Arc<QueueAddress>,
    /// Messages that can be received.
    pub visible: u64,
    /// Messages that were received and neither deleted nor given back.
    pub in_flight: u64,
    /// Messages whose delay has not ended.
    pub delayed: u64,
    /// Messages that were set aside because their records cannot be read.
    pub damaged: u64,
    /// Receives of clients that wait for messages.
    pub waiting: u64,
    /// When the oldest message that is not deleted was sent.
    pub oldest_sent: Option<Timestamp>,
    /// How long ago that was.
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
    /// Set aside because their records could not be read.
    pub set_aside: u64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        let Self { sent, received, deleted, dead_lettered, expired, set_aside } = other;
        self.sent += sent;
        self.received += received;
        self.deleted += deleted;
        self.dead_lettered += dead_lettered;
        self.expired += expired;
        self.set_aside += set_aside;
    }
}

impl AddAssign for TopicCounters {
    fn add_assign(&mut self, other: Self) {
        let Self { published, matched, failed } = other;
        self.published += published;
        self.matched += matched;
        self.failed += failed;
    }
}
