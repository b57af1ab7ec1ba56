//! Topics whose attributes have changed, and how far their subscriptions have been visited since.
//!
//! A topic may have millions of subscriptions, which takes longer to visit than other requests may wait. What visits them is
//! `crate::decision::visits`. Nothing here is durable: replay notes each topic that its events define, so that a visit
//! that a crash has cut off is made from the first subscription.

use std::collections::BTreeMap;
use std::sync::Arc;

use posthouse_model::{SubscriptionId, TopicAddress};

/// The topics that are to be visited.
#[derive(Debug, Default)]
pub(crate) struct ChangedTopics {
    topics: BTreeMap<Arc<TopicAddress>, Visit>,
}

/// How far the visit of one topic has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Visit {
    /// The last subscription that was visited.
    pub(crate) after: Option<SubscriptionId>,
    /// Whether the topic has changed again since the visit began.
    is_stale: bool,
}

impl ChangedTopics {
    /// Whether no topic is to be visited.
    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Notes that a topic has changed. A visit that is under way goes on, and is made once more after it.
    pub(crate) fn add(&mut self, topic: Arc<TopicAddress>) {
        let visit = self.topics.entry(topic).or_default();
        visit.is_stale = visit.after.is_some();
    }

    /// Takes out the first topic that is to be visited. [`ChangedTopics::put_back`] keeps what is left of its visit.
    pub(crate) fn take(&mut self) -> Option<(Arc<TopicAddress>, Visit)> {
        self.topics.pop_first()
    }

    /// Has a visit go on later, behind the last subscription that was visited.
    pub(crate) fn put_back(&mut self, topic: Arc<TopicAddress>, visit: Visit) {
        self.topics.insert(topic, visit);
    }

    /// Has a topic visited once more if it has changed since the visit began that has just ended.
    pub(crate) fn end(&mut self, topic: Arc<TopicAddress>, visit: Visit) {
        if visit.is_stale {
            self.topics.insert(topic, Visit::default());
        }
    }
}
