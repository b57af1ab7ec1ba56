//! The rules for attributes of a subscription, and which endpoints a topic takes.

use posthouse_filter::Policy as FilterPolicy;
use posthouse_model::fault::{FilterProblem, Origin, Rule, SubscriptionRule, TopicType};
use posthouse_model::limits::TOPIC_MESSAGE_SIZE_DEFAULT_BYTES;
use posthouse_model::topic_attributes::{FilterPolicyScope, SubscriptionAttributeName as Name};
use posthouse_model::{
    AccountId, Action, Caller, Endpoint, Fault, QueueAddress, SnsFault, SubscriptionAttributes, SubscriptionProtocol,
    TopicAddress,
};

use crate::access::{self, Resource};
use crate::decision::Decision;
use crate::decision::visits::has_delivery_policy;
use crate::topic::subscription::Subscription;

/// What `Subscribe` asks for, with everything well formed.
#[derive(Clone, Copy)]
pub(super) struct Subscribing<'a> {
    pub(super) topic: &'a TopicAddress,
    pub(super) endpoint: &'a Endpoint,
    pub(super) attributes: &'a SubscriptionAttributes,
}

/// Whether an endpoint may be subscribed to a topic at all.
pub(super) fn check_endpoint(
    decision: &Decision<'_>,
    caller: &Caller,
    Subscribing { topic, endpoint, attributes }: Subscribing<'_>,
) -> Result<(), Fault> {
    let protocol = endpoint.protocol();
    if topic.name.is_fifo() && protocol != SubscriptionProtocol::Sqs {
        let rule = Rule::FifoTopicProtocol { protocol: protocol.as_str() };
        return Err(SnsFault::invalid("Protocol", rule));
    }
    if !protocol.takes_large_messages() && decision.topic(topic).takes_large_messages() {
        let rule = Rule::LargeTopicProtocol { protocol: protocol.as_str(), bytes: TOPIC_MESSAGE_SIZE_DEFAULT_BYTES };
        return Err(SnsFault::invalid("Protocol", rule));
    }
    if !topic.name.is_fifo() && endpoint.queue().is_some_and(|queue| queue.name.is_fifo()) {
        return Err(SnsFault::invalid("Endpoint", Rule::FifoQueue));
    }
    if let Some(device) = endpoint.device() {
        // The devices of another account are neither shown to this one nor pushed to.
        decision.authorize(caller, Action::Subscribe, Resource::Device(device))?;
        if decision.state().registry.endpoint(device).is_none() {
            let rule = Rule::NoSuchEndpoint { endpoint: endpoint.to_string().into() };
            return Err(SnsFault::invalid("Endpoint", rule));
        }
    }
    // A caller without an account has no queues, neither as endpoint nor as dead-letter queue.
    if protocol == SubscriptionProtocol::Sqs || attributes.redrive_policy().is_some() {
        decision.account(caller, Action::Subscribe)?;
    }
    if protocol == SubscriptionProtocol::Firehose && attributes.role().is_none() {
        let origin = Origin::attributes(Name::SubscriptionRoleArn.as_str());
        return Err(SnsFault::invalid(origin, Rule::Subscription(SubscriptionRule::RoleMissing)));
    }
    // Between accounts, the policy of the queue is asked at each delivery.
    if let Some(queue) = endpoint.queue().filter(|queue| queue.account == topic.account) {
        check_reach(decision, caller, topic, queue)?;
    }
    check_dead_letter_queue(decision, caller, topic, attributes)
}

/// Checks that the caller may have messages put into the dead-letter queue that a subscription names.
pub(super) fn check_dead_letter_queue(
    decision: &Decision<'_>,
    caller: &Caller,
    topic: &TopicAddress,
    attributes: &SubscriptionAttributes,
) -> Result<(), Fault> {
    match attributes.redrive_policy() {
        Some(policy) => check_reach(decision, caller, topic, policy.target()),
        None => Ok(()),
    }
}

/// Checks that a user with identity policies reaches no queue of its account through a topic that it may not send to
/// itself: within an account, the broker delivers without asking the policy of the queue. Where that policy lets the
/// topic send, as AWS wants it, or the user may send itself, the queue may be subscribed.
fn check_reach(
    decision: &Decision<'_>,
    caller: &Caller,
    topic: &TopicAddress,
    queue: &QueueAddress,
) -> Result<(), Fault> {
    if !caller.is_limited() || caller.account() != Some(queue.account) {
        return Ok(());
    }
    match decision.state().find(queue) {
        Some(id) if access::may_deliver(decision.state(), topic, id, decision.now) => Ok(()),
        found @ Some(_) => decision.authorize(caller, Action::SendMessage, Resource::Queue(queue, found)),
        // It may be created later.
        None => decision.authorize(caller, Action::SendMessage, Resource::NewQueue(queue)),
    }
}

/// Checks that an existing subscription has each attribute value that the request names.
pub(super) fn same(existing: &Subscription, wanted: &SubscriptionAttributes) -> Result<(), Fault> {
    let has = &existing.definition.attributes;
    let default_of = |name| match name {
        Name::RawMessageDelivery => Some("false"),
        Name::FilterPolicyScope => Some(FilterPolicyScope::default().as_str()),
        Name::DeliveryPolicy | Name::FilterPolicy | Name::RedrivePolicy | Name::SubscriptionRoleArn => None,
    };
    let differs = |(name, value)| has.get(name).or_else(|| default_of(name).map(Into::into)) != Some(value);
    if wanted.iter().any(differs) {
        return Err(SnsFault::invalid("Attributes", Rule::SubscriptionAttributesDiffer));
    }
    Ok(())
}

/// Whose attributes are checked, and the filter policy among them, which is parsed once.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) topic: &'a TopicAddress,
    pub(super) endpoint: &'a Endpoint,
    pub(super) owner: AccountId,
    /// Of the attributes' [`parse_filter`](crate::topic::parsed::parse_filter) where the filter policy or its scope is checked.
    pub(super) filter: &'a Result<Option<FilterPolicy>, FilterProblem>,
}

/// Checks all attributes as `Subscribe` gives them.
pub(super) fn check_all(subject: Subject<'_>, attributes: &SubscriptionAttributes) -> Result<(), Fault> {
    attributes.iter().try_for_each(|(name, _)| {
        check_rule(subject, attributes, name)
            .map_err(|rule| SnsFault::invalid(Origin::attributes(name.as_str()), Rule::Subscription(rule)))
    })
}

/// Checks one attribute as `SetSubscriptionAttributes` gives it, among the others.
pub(super) fn check(subject: Subject<'_>, attributes: &SubscriptionAttributes, name: Name) -> Result<(), Fault> {
    let refused = |rule| SnsFault::invalid(Origin::Attribute(name.as_str()), Rule::Subscription(rule));
    if name == Name::SubscriptionRoleArn
        && subject.endpoint.protocol() == SubscriptionProtocol::Firehose
        && attributes.role().is_none()
    {
        return Err(refused(SubscriptionRule::RoleMissing));
    }
    check_rule(subject, attributes, name).map_err(refused)
}

/// Checks one attribute; refuses it with the rule that it breaks.
fn check_rule(subject: Subject<'_>, attributes: &SubscriptionAttributes, name: Name) -> Result<(), SubscriptionRule> {
    let protocol = subject.endpoint.protocol();
    match name {
        // A filter policy must fit its scope, whichever of the two is set.
        Name::FilterPolicy | Name::FilterPolicyScope => {
            subject.filter.as_ref().map(drop).map_err(|problem| SubscriptionRule::FilterPolicy(problem.clone()))
        }
        Name::RawMessageDelivery if attributes.is_raw() && !protocol.may_be_raw() => {
            Err(SubscriptionRule::RawDelivery { protocol: protocol.as_str() })
        }
        Name::RedrivePolicy => {
            attributes.redrive_policy().map_or(Ok(()), |policy| check_dead_letters(subject, policy.target()))
        }
        Name::DeliveryPolicy if attributes.delivery_policy().is_some() && !has_delivery_policy(protocol) => {
            Err(SubscriptionRule::NoDeliveryPolicy { protocol: protocol.as_str() })
        }
        Name::DeliveryPolicy | Name::RawMessageDelivery | Name::SubscriptionRoleArn => Ok(()),
    }
}

/// Checks that a dead-letter queue is in the topic's region, takes the subscription's messages and belongs to the
/// subscription's owner. Access is not checked again when messages are put there.
fn check_dead_letters(
    Subject { topic, endpoint, owner, filter: _ }: Subject<'_>,
    queue: &QueueAddress,
) -> Result<(), SubscriptionRule> {
    if queue.region != topic.region {
        return Err(SubscriptionRule::RedriveRegion);
    }
    if queue.account != owner {
        return Err(SubscriptionRule::RedriveOwner);
    }
    // Recorded from AWS: a standard queue that is subscribed to a FIFO topic may have a standard dead-letter queue.
    let keeps_order = endpoint.queue().is_some_and(|queue| queue.name.is_fifo());
    match (topic.name.is_fifo(), queue.name.is_fifo()) {
        (true, false) if keeps_order => Err(SubscriptionRule::RedriveType { topic: TopicType::Fifo }),
        // The messages of a standard topic need have no group, without which no FIFO queue takes them.
        (false, true) => Err(SubscriptionRule::RedriveType { topic: TopicType::Standard }),
        (true, _) | (false, false) => Ok(()),
    }
}
