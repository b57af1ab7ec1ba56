//! The requests of push to the engine. Only the broker itself makes them ([`crate::Identity::Broker`]).
//!
//! The messages that a push subscription still has to deliver are in an internal queue. [`WatchPushTargets`] is answered
//! with its address. A worker receives from it with [`super::ReceiveMessage`] like any consumer, and waits with
//! [`crate::ReceiveWait::Forever`]. It reports the result of each delivery with [`SettlePushes`]. The receive count is
//! the count of attempts, and a retry is a visibility timeout, so a retry schedule survives a restart.

use std::sync::Arc;

use crate::delivery_policy::DeliveryPolicy;
use crate::endpoint::Endpoint;
use crate::name::{AccountId, QueueAddress, Region};
use crate::notification::PushFailure;
use crate::receipt::ReceiptHandle;
use crate::time::Seconds;
use crate::topic_attributes::SignatureVersion;
use crate::topic_name::SubscriptionAddress;

/// Waits until the set of push targets is another than that of version `seen`; answered with [`PushChanges`].
#[derive(Clone, Debug, PartialEq)]
pub struct WatchPushTargets {
    /// The version that the caller knows; 0 for none.
    pub seen: u64,
}

/// What has changed since the caller's version: all of it, or its first part.
#[derive(Clone, Debug, PartialEq)]
pub struct PushChanges {
    /// The version after these changes, which the next [`WatchPushTargets`] names. If there are more changes, that is
    /// answered at once.
    pub version: u64,
    /// The queues whose target is new or changed, or was deleted (`None`).
    pub changes: Vec<(QueueAddress, Option<Arc<PushTarget>>)>,
}

/// Where the messages of an internal queue are to be delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct PushTarget {
    /// Whose messages they are.
    pub source: PushSource,
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

/// Reports the results of deliveries. A message that is not in flight any more is skipped.
#[derive(Clone, Debug, PartialEq)]
pub struct SettlePushes {
    /// The internal queue.
    pub queue: QueueAddress,
    /// Each delivery with its result.
    pub deliveries: Vec<(ReceiptHandle, Settlement)>,
}

/// The result of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The endpoint took the message. It is deleted.
    Delivered,
    /// The delivery failed and is tried again after this span.
    Retry(Seconds),
    /// The delivery failed for good. The message goes to the subscription's dead-letter queue, where it bears this
    /// failure. Without a dead-letter queue it is deleted.
    Failed(Arc<PushFailure>),
}
