//! What the journal says of a topic and of a subscription. The event that sets one of them and the topic or the
//! subscription itself hold one value of these types.

use std::sync::Arc;

use posthouse_model::operation::Tags;
use posthouse_model::{
    AccountId, DataProtectionPolicy, Endpoint, QueueId, SubscriptionAttributes, SubscriptionId, Timestamp,
    TopicAddress, TopicAttributes,
};

use super::LAPSE;

/// Everything durable of one topic but its subscriptions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TopicDefinition {
    pub(crate) address: Arc<TopicAddress>,
    pub(crate) created: Timestamp,
    /// The queue whose deduplication remembers what was published; of a FIFO topic only.
    pub(crate) deduplication_queue: Option<QueueId>,
    pub(crate) attributes: TopicAttributes,
    pub(crate) tags: Tags,
    pub(crate) data_protection: Option<DataProtectionPolicy>,
}

impl TopicDefinition {
    /// A topic without attributes, which a checkpoint's slices are read into until the topic's own one is read.
    pub(crate) fn unset(address: TopicAddress) -> Self {
        Self {
            address: Arc::new(address),
            created: Timestamp::EPOCH,
            deduplication_queue: None,
            attributes: TopicAttributes::default(),
            tags: Tags::default(),
            data_protection: None,
        }
    }
}

/// Whether a subscription gets messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It waits until its endpoint confirms it.
    Pending,
    /// It gets what is published.
    Confirmed {
        /// Whether only its owner may end it.
        authenticated: bool,
    },
    /// It was ended, and its endpoint may undo that.
    Ended,
}

/// Everything durable of one subscription.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SubscriptionDefinition {
    pub(crate) id: SubscriptionId,
    /// The secret of the token that confirms it.
    pub(crate) secret: [u8; 16],
    /// When it came to its status, or to its secret.
    pub(crate) since: Timestamp,
    pub(crate) created: Timestamp,
    /// Its internal queue, if its protocol is pushed.
    pub(crate) queue: Option<QueueId>,
    pub(crate) status: Status,
    pub(crate) owner: AccountId,
    /// The name of the owner's user that subscribed; [`ROOT_USER`](posthouse_model::ROOT_USER) for the account itself.
    pub(crate) subscriber: Box<str>,
    pub(crate) topic: Arc<TopicAddress>,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) attributes: SubscriptionAttributes,
}

impl SubscriptionDefinition {
    /// Whether it gets what is published.
    pub(crate) const fn is_confirmed(&self) -> bool {
        matches!(self.status, Status::Confirmed { .. })
    }

    /// When it is deleted, unless it is confirmed by then. Has no meaning for a confirmed subscription.
    pub(crate) fn lapses(&self) -> Timestamp {
        self.since + LAPSE
    }
}
