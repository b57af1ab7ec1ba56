//! What push delivery asks of the engine. Only the broker itself asks this ([`crate::Identity::Broker`]).
//!
//! What a push subscription still has to deliver lies in an internal queue, whose address [`WatchPushTargets`] tells.
//! Its worker receives from it with [`super::ReceiveMessage`] like any consumer, for as long as it takes
//! ([`super::ReceiveMessage::wait`] may be [`crate::Seconds::FOREVER`]), and says what became of each delivery with
//! [`SettlePushes`]. The count of receives is the count of attempts, and a retry is a visibility timeout: so a
//! retry schedule survives a restart.

use std::sync::Arc;

use crate::delivery_policy::DeliveryPolicy;
use crate::endpoint::Endpoint;
use crate::name::{AccountId, QueueAddress, Region};
use crate::receipt::ReceiptHandle;
use crate::time::Seconds;
use crate::topic_attributes::SignatureVersion;
use crate::topic_name::SubscriptionAddress;

/// Waits until there is another set of push targets than that of `seen`, and says what has changed since.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchPushTargets {
    /// The version that the asker knows; 0 for none.
    pub seen: u64,
}

/// What has changed since the asker's version, in part or all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PushChanges {
    /// The version that this leads to: what to ask with next. Where there is more it is answered at once.
    pub version: u64,
    /// The queues whose target is new, different or gone (`None`).
    pub changes: Vec<(QueueAddress, Option<Arc<PushTarget>>)>,
}

/// Where the messages of an internal queue are to be delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct PushTarget {
    /// Whose messages they are.
    pub source: PushSource,
    /// Whether the message is sent as it is, without SNS's envelope.
    pub raw: bool,
    /// Which signature confirmations bear; a notification says which it bears.
    pub signature_version: SignatureVersion,
    /// What the policies of the topic and the subscription come to.
    pub delivery_policy: DeliveryPolicy,
    /// The topic's `DisplayName`, which e-mail shows; empty for none.
    pub display_name: Box<str>,
}

/// Whose messages an internal queue holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushSource {
    /// A subscription's.
    Subscription {
        /// The subscription.
        subscription: SubscriptionAddress,
        /// Its endpoint.
        endpoint: Endpoint,
    },
    /// What was published to phone numbers and platform endpoints: each notification names its target.
    Direct {
        /// The publishers' region.
        region: Region,
        /// The publishers' account.
        account: AccountId,
    },
}

/// Says what became of deliveries. What is not in flight any more is skipped.
#[derive(Clone, Debug, PartialEq)]
pub struct SettlePushes {
    /// The internal queue.
    pub queue: QueueAddress,
    /// Each delivery with what became of it.
    pub deliveries: Vec<(ReceiptHandle, Settlement)>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It arrived.
    Delivered,
    /// It did not; it is tried again after this long.
    Retry(Seconds),
    /// It will not: it goes to the subscription's dead-letter queue, or away where there is none.
    Failed,
}
