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

use posthouse_filter::{Dialect, Policy as FilterPolicy, Scope};
use posthouse_model::fault::FilterProblem;
use posthouse_model::notification::NotificationForm;
use posthouse_model::topic_attributes::{FilterPolicyScope, FilterPolicyText, SubscriptionRedrivePolicy};
use posthouse_model::{QueueAddress, QueueId, SubscriptionAttributes, TopicAddress};

use super::definition::SubscriptionDefinition;
use super::fan_out::{Filter, Target};
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
        (self.is_confirmed() && self.is_filtered()).then(|| scope(&self.definition.attributes))
    }

    /// Which messages it receives. A policy is checked when it is set, so only one that an earlier version took can be
    /// refused here. It stays as it is shown, and lets no message through until it is set again: a message that its
    /// subscriber may have excluded must not be delivered.
    pub(super) fn filter(&self) -> Filter {
        let attributes = &self.definition.attributes;
        let Some(text) = attributes.filter_policy() else { return Filter::Open };
        match FilterPolicy::parse(text.as_str(), scope(attributes), Dialect::Sns) {
            Ok(policy) => Filter::Policy(policy),
            Err(_) => Filter::Closed { text_bytes: text.as_str().len() as u64 },
        }
    }

    /// Whether it has this filter policy with this scope.
    pub(super) fn has_filter(&self, text: &FilterPolicyText, of: Scope) -> bool {
        let attributes = &self.definition.attributes;
        attributes.filter_policy() == Some(text) && scope(attributes) == of
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

/// The filter policy of attributes, if they have one.
///
/// # Errors
/// What is wrong with it. That of a stored subscription can be wrong: see [`Subscription::filter`].
pub(crate) fn parse_filter(attributes: &SubscriptionAttributes) -> Result<Option<FilterPolicy>, FilterProblem> {
    let text = attributes.filter_policy();
    text.map(|text| FilterPolicy::parse(text.as_str(), scope(attributes), Dialect::Sns)).transpose()
}

fn scope(attributes: &SubscriptionAttributes) -> Scope {
    match attributes.filter_policy_scope() {
        FilterPolicyScope::MessageAttributes => Scope::MessageAttributes,
        FilterPolicyScope::MessageBody => Scope::MessageBody,
    }
}
