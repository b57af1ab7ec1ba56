//! The subscriptions of an account, in the order of their addresses.
//!
//! The index also holds subscriptions of deleted topics that have not left it yet (`crate::topic::remains`). A listing
//! passes over all of one deleted topic in one step.

use core::cmp::Ordering;
use core::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use posthouse_model::{AccountId, Region, SubscriptionAddress, SubscriptionId, TopicAddress};

use super::subscription::Subscription;
use super::{Topic, Topics};

/// The lowest and the highest of all ids.
const ID_FIRST: SubscriptionId = SubscriptionId::from_bytes([0; 16]);
const ID_LAST: SubscriptionId = SubscriptionId::from_bytes([u8::MAX; 16]);

/// One subscription of an account. Those of one topic follow each other.
#[derive(Clone, Debug)]
pub(super) struct OwnedSubscription {
    pub(super) topic: Arc<TopicAddress>,
    /// The number of the topic's fan-out: a topic that was deleted and one that was made at its address differ in it.
    pub(super) table: u64,
    pub(super) id: SubscriptionId,
}

impl Ord for OwnedSubscription {
    fn cmp(&self, other: &Self) -> Ordering {
        // All subscriptions of a topic share its address.
        let by_topic =
            if Arc::ptr_eq(&self.topic, &other.topic) { Ordering::Equal } else { self.topic.cmp(&other.topic) };
        by_topic.then_with(|| (self.table, self.id).cmp(&(other.table, other.id)))
    }
}

impl PartialOrd for OwnedSubscription {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for OwnedSubscription {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for OwnedSubscription {}

impl Topics {
    /// The subscriptions of an owner to topics of a region that have not ended, after this one, in the order of their
    /// addresses.
    pub(crate) fn owned_by<'a>(
        &'a self,
        owner: AccountId,
        region: &'a Region,
        after: Option<&SubscriptionAddress>,
    ) -> impl Iterator<Item = (&'a Topic, &'a Subscription)> {
        // The lowest of all addresses in the region; `-` comes before digits, letters and underscores.
        let name = "-".parse().expect("a hyphen is a valid name");
        let first = TopicAddress { region: region.clone(), account: AccountId::DEFAULT, name };
        let mut from = match after.filter(|after| after.topic >= first) {
            Some(after) => {
                let topic = Arc::new(after.topic.clone());
                Excluded(match self.find(&after.topic) {
                    Some(found) => OwnedSubscription { topic, table: found.fan_out.number(), id: after.id },
                    None => OwnedSubscription { topic, table: u64::MAX, id: ID_LAST },
                })
            }
            None => Included(OwnedSubscription { topic: Arc::new(first), table: 0, id: ID_FIRST }),
        };
        let owned = self.owned.get(&owner);
        core::iter::from_fn(move || {
            loop {
                let next = owned?.range((from.clone(), Unbounded)).next()?;
                if next.topic.region != *region {
                    return None;
                }
                let topic = self.find(&next.topic).filter(|topic| topic.fan_out.number() == next.table);
                let Some(topic) = topic else {
                    from = Excluded(OwnedSubscription { id: ID_LAST, ..next.clone() });
                    continue;
                };
                from = Excluded(next.clone());
                if let Some(subscription) = topic.subscription(next.id) {
                    return Some((topic, subscription));
                }
            }
        })
    }
}
