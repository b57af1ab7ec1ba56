//! One subscription and its states.
//!
//! ```text
//!                 Subscribe, if the endpoint must confirm
//!                      |
//!                      v         two days
//!                   Pending ------------------> deleted
//!                      |                           ^
//!  Subscribe, if no    | ConfirmSubscription       | two days
//!  confirmation needed v         Unsubscribe       |
//!  ----------------> Confirmed ----------------> Ended, if the endpoint gets a confirmation of that
//!                      ^                           |
//!                      +---------------------------+
//!                           ConfirmSubscription
//! ```
//!
//! `Unsubscribe` deletes every other subscription at once.

use posthouse_filter::Scope;
use posthouse_model::notification::NotificationForm;
use posthouse_model::topic_attributes::{FilterPolicyText, SubscriptionRedrivePolicy};
use posthouse_model::{QueueAddress, QueueId, TopicAddress};

use super::definition::SubscriptionDefinition;
use super::fan_out::{Filter, Target};
use super::parsed::{parse_filter, scope};
use crate::journal::Position;

/// One subscription.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) definition: SubscriptionDefinition,
    /// The position of the last event about it. Answers that show it wait for that.
    pub(crate) changed: Position,
    /// The memory that its filter policy takes ([`Filter::memory_bytes`]), since it was put into its topic.
    pub(super) filter_bytes: u64,
    /// Not durable: its place in the fan-out while it is confirmed.
    pub(super) slot: Option<u32>,
}

impl Subscription {
    /// The subscription that the event at `changed` defines.
    pub(crate) const fn new(definition: SubscriptionDefinition, changed: Position) -> Self {
        Self { definition, changed, filter_bytes: 0, slot: None }
    }

    /// The queue that messages go to that cannot be delivered, if its `RedrivePolicy` names one.
    pub(crate) fn dead_letters(&self) -> Option<&QueueAddress> {
        self.definition.attributes.redrive_policy().map(SubscriptionRedrivePolicy::target)
    }

    /// Its place in the fan-out, while it is confirmed.
    pub(crate) const fn slot(&self) -> Option<u32> {
        self.slot
    }

    pub(crate) const fn is_confirmed(&self) -> bool {
        self.definition.is_confirmed()
    }

    pub(crate) fn is_filtered(&self) -> bool {
        self.definition.attributes.filter_policy().is_some()
    }

    /// The part of a message that its filter policy looks at while it is confirmed; `None` where no policy is in force.
    pub(super) fn scope_in_force(&self) -> Option<Scope> {
        (self.is_confirmed() && self.is_filtered()).then(|| self.scope())
    }

    /// The part of a message that its filter policy looks at.
    pub(super) fn scope(&self) -> Scope {
        scope(self.definition.attributes.filter_policy_scope())
    }

    /// Which messages it receives. A policy is checked when it is set, so only one that an earlier version took can be
    /// refused here. It stays as it is shown, and lets no message through until it is set again: a message that its
    /// subscriber may have excluded must not be delivered.
    pub(super) fn filter(&self) -> Filter {
        let attributes = &self.definition.attributes;
        match (attributes.filter_policy(), parse_filter(attributes, None)) {
            (None, _) | (_, Ok(None)) => Filter::Open,
            (Some(_), Ok(Some(policy))) => Filter::Policy(policy),
            (Some(text), Err(_)) => Filter::Closed { text_bytes: text.as_str().len() as u64 },
        }
    }

    /// Whether it has this filter policy with this scope.
    pub(super) fn has_filter(&self, text: &FilterPolicyText, scope: Scope) -> bool {
        self.definition.attributes.filter_policy() == Some(text) && self.scope() == scope
    }

    /// Whether another one has the same filter policy in force, or the same while neither is confirmed.
    pub(super) fn filters_as(&self, other: &Self) -> bool {
        let (own, others) = (&self.definition.attributes, &other.definition.attributes);
        self.is_confirmed() == other.is_confirmed()
            && own.filter_policy() == others.filter_policy()
            && self.scope() == other.scope()
    }

    /// The memory that its filter policy takes.
    pub(crate) const fn filter_bytes(&self) -> u64 {
        self.filter_bytes
    }

    /// Its row in the fan-out. `queue` is the queue of an `sqs` endpoint, if that exists.
    pub(super) fn target(&self, topic: &TopicAddress, queue: Option<QueueId>) -> Target {
        let protocol = self.definition.endpoint.protocol();
        let platform = self.definition.endpoint.device().map(|device| device.application.platform);
        Target {
            subscription: self.definition.id,
            queue: self.definition.queue.or(queue),
            protocol,
            platform,
            form: NotificationForm::of(&self.definition.attributes),
            foreign: self
                .definition
                .endpoint
                .queue()
                .is_some_and(|queue| queue.account != topic.account || queue.account != self.definition.owner),
        }
    }
}
