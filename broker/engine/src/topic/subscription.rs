//! One subscription: who gets what, and whether its endpoint has agreed.
//!
//! ```text
//!                 Subscribe, where the endpoint has to agree
//!                      |
//!                      v         two days
//!                   Pending ------------------> deleted
//!                      |                           ^
//!  Subscribe, where    | ConfirmSubscription       | two days
//!  nobody is asked     v         Unsubscribe       |
//!  ----------------> Confirmed ----------------> Ended, where the endpoint is told
//!                      ^                           |
//!                      +---------------------------+
//!                           ConfirmSubscription
//! ```
//!
//! `Unsubscribe` deletes every other subscription at once.

use std::sync::Arc;

use posthouse_filter::{Dialect, Policy as FilterPolicy, Scope};
use posthouse_model::topic_attributes::{FilterPolicyScope, SubscriptionAttributeName};
use posthouse_model::{
    AccountId, Endpoint, QueueAddress, QueueId, SubscriptionAttributes, SubscriptionId, Timestamp, TopicAddress,
};

use super::fan_out::Target;
use crate::event::topic::SubscriptionSet;
use crate::journal::Position;

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

/// One subscription.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) id: SubscriptionId,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) owner: AccountId,
    pub(crate) attributes: SubscriptionAttributes,
    /// Where what cannot be delivered goes: what `RedrivePolicy` names.
    pub(crate) dead_letters: Option<QueueAddress>,
    pub(crate) status: Status,
    /// The secret of the token that confirms it.
    pub(crate) secret: [u8; 16],
    /// When it came to its status, or to its secret.
    pub(crate) since: Timestamp,
    pub(crate) created: Timestamp,
    /// Its internal queue, where its protocol is pushed.
    pub(crate) queue: Option<QueueId>,
    /// The last event about it, for answers that show what it says.
    pub(crate) changed: Position,
    /// Not durable: its place in the fan-out while it is confirmed.
    pub(super) slot: Option<u32>,
}

impl Subscription {
    /// What an event says that a subscription is.
    pub(crate) fn new(event: &SubscriptionSet, dead_letters: Option<QueueAddress>, changed: Position) -> Self {
        Self {
            id: event.id,
            endpoint: Arc::new(event.endpoint.clone()),
            owner: event.owner,
            attributes: event.attributes.clone(),
            dead_letters,
            status: event.status,
            secret: event.secret,
            since: event.since,
            created: event.created,
            queue: event.queue,
            changed,
            slot: None,
        }
    }

    pub(crate) const fn is_confirmed(&self) -> bool {
        matches!(self.status, Status::Confirmed { .. })
    }

    pub(crate) fn is_filtered(&self) -> bool {
        self.attributes.get(SubscriptionAttributeName::FilterPolicy).is_some()
    }

    /// The part of a message that its filter policy looks at while it is confirmed; `None` where no policy is in force.
    pub(super) fn scope_in_force(&self) -> Option<Scope> {
        (self.is_confirmed() && self.is_filtered()).then(|| scope(&self.attributes))
    }

    /// Its filter policy, which was checked when it was set.
    pub(super) fn filter(&self) -> Option<FilterPolicy> {
        parse_filter(&self.attributes).map(|policy| policy.expect("checked before the subscription was made of it"))
    }

    /// What a publication has to know of it. `queue` is the queue of an `sqs` endpoint, if that exists.
    pub(super) fn target(&self, topic: &TopicAddress, queue: Option<QueueId>) -> Target {
        let protocol = self.endpoint.protocol();
        let platform = self.endpoint.device().map(|device| device.application.platform);
        Target {
            subscription: self.id,
            queue: self.queue.or(queue),
            protocol,
            platform,
            raw: self.attributes.is_raw(),
            foreign: self
                .endpoint
                .queue()
                .is_some_and(|queue| queue.account != topic.account || queue.account != self.owner),
        }
    }
}

/// The filter policy of attributes, if they have one.
pub(crate) fn parse_filter(
    attributes: &SubscriptionAttributes,
) -> Option<Result<FilterPolicy, posthouse_filter::InvalidPolicy>> {
    let text = attributes.get(SubscriptionAttributeName::FilterPolicy)?;
    Some(FilterPolicy::parse(text, scope(attributes), Dialect::Sns))
}

fn scope(attributes: &SubscriptionAttributes) -> Scope {
    match attributes.filter_policy_scope() {
        FilterPolicyScope::MessageAttributes => Scope::MessageAttributes,
        FilterPolicyScope::MessageBody => Scope::MessageBody,
    }
}

/// The queue that a `RedrivePolicy` of SNS's names: `deadLetterTargetArn` and nothing else. `None` where it is no such
/// policy.
pub(crate) fn parse_redrive(text: &str) -> Option<QueueAddress> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RedrivePolicy {
        #[serde(rename = "deadLetterTargetArn")]
        target: String,
    }
    let policy: RedrivePolicy = serde_json::from_str(text).ok()?;
    policy.target.parse().ok()
}
