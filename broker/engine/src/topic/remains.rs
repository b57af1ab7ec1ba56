//! Deleted topics whose subscriptions are still in the indices.
//!
//! A topic may have millions of subscriptions, and to take them out of the indices takes longer than other requests may
//! wait. So the running engine takes them out in slices, one each tick. From the event of its deletion on a topic is
//! found nowhere, nor are its subscriptions and their internal queues. No answer and no event therefore depends on the
//! slices, and the journal says nothing about them: in replay all of it happens when the event is applied. Only what an
//! account has ([`Topics::owned`]) is counted until its slice.

use std::sync::Arc;

use posthouse_model::{QueueId, SubscriptionId, TopicAddress};

use super::owned::OwnedSubscription;
use super::subscription::Subscription;
use super::{Topic, Topics};

/// What is left of a deleted topic.
#[derive(Debug)]
pub(super) struct Remains {
    topic: Box<Topic>,
    /// The last subscription that has left the indices.
    after: Option<SubscriptionId>,
}

/// A topic that was taken out.
#[derive(Debug)]
pub(crate) struct RemovedTopic {
    pub(crate) address: Arc<TopicAddress>,
    /// The queue in which a FIFO topic remembers its publications.
    pub(crate) deduplication_queue: Option<QueueId>,
}

/// What has left the indices.
#[derive(Debug, Default)]
pub(crate) struct Forgotten {
    /// How many subscriptions.
    pub(crate) subscriptions: usize,
    /// Their internal queues.
    pub(crate) queues: Vec<QueueId>,
    /// The topics of which nothing is left in an index. To drop a large one takes long.
    pub(crate) topics: Vec<Topic>,
}

impl Remains {
    /// What is left of a topic that has just been deleted: all.
    pub(super) const fn of(topic: Box<Topic>) -> Self {
        Self { topic, after: None }
    }

    /// The subscriptions that are still in the indices.
    pub(super) fn left(&self) -> impl Iterator<Item = &Subscription> {
        self.topic.subscriptions_after(self.after)
    }
}

impl Topics {
    /// Whether subscriptions of deleted topics are in the indices.
    pub(crate) fn has_remains(&self) -> bool {
        !self.remains.is_empty()
    }

    /// Whether an internal queue is that of a subscription whose topic was deleted.
    pub(crate) fn has_lost(&self, queue: QueueId) -> bool {
        self.queue_of_subscription(queue)
            .is_some_and(|(topic, id)| self.find(topic).and_then(|topic| topic.subscription(*id)).is_none())
    }

    /// Takes up to `budget` subscriptions of deleted topics out of the indices.
    pub(crate) fn forget_some(&mut self, budget: usize) -> Forgotten {
        let mut forgotten = Forgotten::default();
        while let Some(mut remains) = self.remains.pop_front() {
            let (topic, table) = (Arc::clone(&remains.topic.definition.address), remains.topic.fan_out.number());
            let mut last = remains.after;
            for subscription in remains.left().take(budget - forgotten.subscriptions) {
                let id = subscription.definition.id;
                self.forget(&OwnedSubscription { topic: Arc::clone(&topic), table, id }, subscription);
                forgotten.queues.extend(subscription.definition.queue);
                forgotten.subscriptions += 1;
                last = Some(id);
            }
            remains.after = last;
            if remains.left().next().is_some() {
                self.remains.push_front(remains);
                break;
            }
            forgotten.topics.push(*remains.topic);
        }
        forgotten
    }
}
