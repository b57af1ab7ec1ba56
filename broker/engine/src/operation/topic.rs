//! `CreateTopic`, `DeleteTopic`, `GetTopicAttributes`, `SetTopicAttributes`, `ListTopics`, and the data protection
//! policy, which is kept and returned without effect.

use std::sync::Arc;

use posthouse_model::delivery_policy::DeliveryPolicy;
use posthouse_model::fault::{Origin, Rule, TopicLimit};
use posthouse_model::limits::{
    LARGE_TOPIC_SUBSCRIPTIONS_MAX, SNS_LIST_RESULTS, TOPIC_MESSAGE_SIZE_DEFAULT_BYTES, TOPICS_MAX,
};
use posthouse_model::operation::{
    CreateTopic, DeleteTopic, GetDataProtectionPolicy, GetTopicAttributes, ListTopics, PutDataProtectionPolicy, Reply,
    SetTopicAttributes, Tags, TopicView,
};
use posthouse_model::topic_attributes::{TopicAttribute, TopicAttributeName as Name};
use posthouse_model::{Action, Caller, Endpoint, Fault, Service, SnsFault, TopicAddress, TopicAttributes, TopicName};
use posthouse_policy::{Detail, Policy};

use super::{Answered, DecisionResult, page, subscription};
use crate::access::Resource;
use crate::decision::Decision;
use crate::event::Event;
use crate::event::topic::{TopicDeleted, TopicSet};
use crate::journal::Position;
use crate::topic::Topic;
use crate::topic::definition::TopicDefinition;

pub(super) fn create(decision: &mut Decision<'_>, caller: &Caller, request: &CreateTopic) -> DecisionResult {
    let account = decision.account(caller, Action::CreateTopic)?;
    let topic = TopicAddress { region: caller.region.clone(), account, name: request.name.clone() };
    let (new, tags) = (Resource::NewTopic(&topic), Detail::Tags(&request.tags));
    decision.authorize_with(caller, Action::CreateTopic, new, tags)?;
    // Tags need a permission of their own (SNS Developer Guide, "Configuring Amazon SNS topic tags").
    if !request.tags.is_empty() {
        decision.authorize_with(caller, Action::TagResource, new, tags)?;
    }
    let attributes = typed(&request.name, &request.attributes)?;
    if let Some(existing) = decision.state().topics.find(&topic) {
        same(existing, &attributes, &request.tags)?;
        return Ok(Answered::done(decision, Reply::Topic(topic)));
    }
    check_all(&topic.name, &attributes)?;
    let topics = &decision.state().topics;
    if topics.count_in(&topic.region, topic.account) >= TOPICS_MAX {
        return Err(SnsFault::TopicLimitExceeded(TopicLimit::Region { max: TOPICS_MAX }).into());
    }
    if let Some(max) = decision.state().options.quotas.topics
        && topics.owned(account).topics >= max
    {
        return Err(SnsFault::TopicLimitExceeded(TopicLimit::Account { max }).into());
    }
    let deduplication_queue = topic.name.is_fifo().then(|| subscription::allocate_queue(decision)).transpose()?;
    decision.emit(&Event::TopicSet(TopicSet(TopicDefinition {
        address: Arc::new(topic.clone()),
        created: decision.now,
        deduplication_queue,
        attributes,
        tags: request.tags.clone(),
        data_protection: request.data_protection.clone(),
    })));
    Ok(Answered::done(decision, Reply::Topic(topic)))
}

/// The attributes of a topic, if its name and `FifoTopic` agree. SNS does not keep `FifoTopic` if it is false.
fn typed(name: &TopicName, given: &TopicAttributes) -> Result<TopicAttributes, Fault> {
    match (given.is_fifo(), name.is_fifo()) {
        (true, true) => Ok(given.clone()),
        (false, false) => {
            let mut attributes = given.clone();
            attributes.set(TopicAttribute::FifoTopic(None));
            Ok(attributes)
        }
        (true, false) | (false, true) => Err(SnsFault::invalid("Name", Rule::TopicName)),
    }
}

/// Checks that an existing topic has each attribute value and tag that the request names.
fn same(existing: &Topic, wanted: &TopicAttributes, tags: &Tags) -> Result<(), Fault> {
    let has = &existing.definition.attributes;
    let differs = |(name, value)| has.get(name).or_else(|| default_of(name).map(Into::into)) != Some(value);
    if wanted.iter().any(differs) {
        return Err(SnsFault::invalid("Attributes", Rule::TopicAttributesDiffer));
    }
    if tags.iter().any(|tag| existing.definition.tags.iter().all(|has| has != tag)) {
        return Err(SnsFault::invalid("Tags", Rule::TopicTagsDiffer));
    }
    Ok(())
}

/// The value of an attribute that was not set. `None` if it has no default.
const fn default_of(name: Name) -> Option<&'static str> {
    match name {
        Name::ContentBasedDeduplication | Name::FifoTopic => Some("false"),
        Name::FifoThroughputScope => Some("Topic"),
        Name::MaximumMessageSize => Some("262144"),
        Name::SignatureVersion => Some("1"),
        Name::TracingConfig => Some("PassThrough"),
        Name::ApplicationFailureFeedbackRoleArn
        | Name::ApplicationSuccessFeedbackRoleArn
        | Name::ApplicationSuccessFeedbackSampleRate
        | Name::DeliveryPolicy
        | Name::DisplayName
        | Name::FirehoseFailureFeedbackRoleArn
        | Name::FirehoseSuccessFeedbackRoleArn
        | Name::FirehoseSuccessFeedbackSampleRate
        | Name::HTTPFailureFeedbackRoleArn
        | Name::HTTPSuccessFeedbackRoleArn
        | Name::HTTPSuccessFeedbackSampleRate
        | Name::KmsMasterKeyId
        | Name::LambdaFailureFeedbackRoleArn
        | Name::LambdaSuccessFeedbackRoleArn
        | Name::LambdaSuccessFeedbackSampleRate
        | Name::Policy
        | Name::SQSFailureFeedbackRoleArn
        | Name::SQSSuccessFeedbackRoleArn
        | Name::SQSSuccessFeedbackSampleRate => None,
    }
}

/// Checks all attributes as `CreateTopic` gives them.
fn check_all(topic: &TopicName, attributes: &TopicAttributes) -> Result<(), Fault> {
    attributes.iter().try_for_each(|(name, _)| {
        check_type(topic, name).map_err(|rule| SnsFault::invalid(Origin::attributes(name.as_str()), rule))
    })?;
    let in_map = || Origin::attributes(Name::Policy.as_str());
    attributes.policy().map_or(Ok(()), |text| check_policy(text).map_err(|rule| SnsFault::invalid(in_map(), rule)))
}

/// Checks one attribute as `SetTopicAttributes` gives it.
fn check(topic: &TopicName, attribute: &TopicAttribute) -> Result<(), Fault> {
    let name = attribute.name();
    let policy = if let TopicAttribute::Policy(policy) = attribute { policy.as_deref() } else { None };
    let checked = check_type(topic, name).and_then(|()| policy.map_or(Ok(()), check_policy));
    checked.map_err(|rule| SnsFault::invalid(Origin::Attribute(name.as_str()), rule))
}

/// Checks that a topic of this type has the attribute.
fn check_type(topic: &TopicName, name: Name) -> Result<(), Rule> {
    match name {
        Name::ContentBasedDeduplication if !topic.is_fifo() => Err(Rule::DeduplicationOfStandardTopic),
        Name::FifoThroughputScope if !topic.is_fifo() => Err(Rule::ThroughputScopeOfStandardTopic),
        Name::ApplicationFailureFeedbackRoleArn
        | Name::ApplicationSuccessFeedbackRoleArn
        | Name::ApplicationSuccessFeedbackSampleRate
        | Name::ContentBasedDeduplication
        | Name::DeliveryPolicy
        | Name::DisplayName
        | Name::FifoThroughputScope
        | Name::FifoTopic
        | Name::FirehoseFailureFeedbackRoleArn
        | Name::FirehoseSuccessFeedbackRoleArn
        | Name::FirehoseSuccessFeedbackSampleRate
        | Name::HTTPFailureFeedbackRoleArn
        | Name::HTTPSuccessFeedbackRoleArn
        | Name::HTTPSuccessFeedbackSampleRate
        | Name::KmsMasterKeyId
        | Name::LambdaFailureFeedbackRoleArn
        | Name::LambdaSuccessFeedbackRoleArn
        | Name::LambdaSuccessFeedbackSampleRate
        | Name::MaximumMessageSize
        | Name::Policy
        | Name::SQSFailureFeedbackRoleArn
        | Name::SQSSuccessFeedbackRoleArn
        | Name::SQSSuccessFeedbackSampleRate
        | Name::SignatureVersion
        | Name::TracingConfig => Ok(()),
    }
}

fn check_policy(text: &str) -> Result<(), Rule> {
    Policy::parse(Service::Sns, text).map(drop).map_err(Rule::Policy)
}

/// Checks that the subscriptions of a topic allow the attribute: a `MaximumMessageSize` above the default allows some
/// protocols only, and few subscriptions (SNS API Reference, `SetTopicAttributes`).
fn check_subscriptions(topic: &Topic, attribute: &TopicAttribute) -> Result<(), Fault> {
    const BYTES: u32 = TOPIC_MESSAGE_SIZE_DEFAULT_BYTES;
    let TopicAttribute::MaximumMessageSize(Some(limit)) = attribute else { return Ok(()) };
    if limit.get() <= BYTES {
        return Ok(());
    }
    let refused = |rule| Err(SnsFault::invalid(Origin::Attribute(attribute.name().as_str()), rule));
    if topic.subscribed() > LARGE_TOPIC_SUBSCRIPTIONS_MAX {
        return refused(Rule::LargeTopicSubscriptions { bytes: BYTES, max: LARGE_TOPIC_SUBSCRIPTIONS_MAX });
    }
    let mut protocols = topic.endpoints().map(Endpoint::protocol);
    match protocols.find(|protocol| !protocol.takes_large_messages()) {
        Some(protocol) => refused(Rule::LargeTopicProtocol { protocol: protocol.as_str(), bytes: BYTES }),
        None => Ok(()),
    }
}

pub(super) fn delete(decision: &mut Decision<'_>, caller: &Caller, request: &DeleteTopic) -> DecisionResult {
    match decision.authorize_topic(caller, Action::DeleteTopic, &request.topic) {
        Ok(()) => {
            decision.emit(&Event::TopicDeleted(TopicDeleted { time: decision.now, topic: request.topic.clone() }));
        }
        // Deleting a topic that does not exist succeeds (SNS API reference, `DeleteTopic`).
        Err(Fault::Sns(SnsFault::NotFound(_))) => {}
        Err(fault) => return Err(fault),
    }
    Ok(Answered::done(decision, Reply::Done))
}

pub(super) fn get_attributes(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &GetTopicAttributes,
) -> DecisionResult {
    decision.authorize_topic(caller, Action::GetTopicAttributes, &request.topic)?;
    let topic = decision.topic(&request.topic);
    let attributes = &topic.definition.attributes;
    let policy = attributes.policy().map(Into::into);
    let view = TopicView {
        topic: request.topic.clone(),
        attributes: attributes.clone(),
        policy: policy.unwrap_or_else(|| posthouse_policy::topic::default_policy(&request.topic).into()),
        effective_delivery_policy: DeliveryPolicy::effective(attributes.delivery_policy(), None),
        confirmed: topic.confirmed() as u64,
        pending: topic.pending() as u64,
        deleted: topic.deleted,
    };
    // The counts depend on events about the subscriptions, so the reply waits for all events.
    Ok(Answered::done(decision, Reply::TopicAttributes(Box::new(view))))
}

pub(super) fn set_attributes(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &SetTopicAttributes,
) -> DecisionResult {
    decision.authorize_topic(caller, Action::SetTopicAttributes, &request.topic)?;
    let attribute = request.attribute.as_ref().map_err(Clone::clone)?;
    if attribute.name() == Name::FifoTopic {
        // The type of a topic cannot be changed.
        return Err(SnsFault::invalid("AttributeName", Rule::Malformed));
    }
    check(&request.topic.name, attribute)?;
    check_subscriptions(decision.topic(&request.topic), attribute)?;
    change(decision, &request.topic, |definition| {
        definition.attributes.set(attribute.clone());
        Ok(())
    })?;
    decision.visit_changed();
    Ok(Answered::done(decision, Reply::Done))
}

pub(super) fn list(decision: &mut Decision<'_>, caller: &Caller, request: &ListTopics) -> DecisionResult {
    let account = decision.authorize_account(caller, Action::ListTopics)?;
    // The lowest of all names, in the order of bytes; `-` comes before digits, letters and underscores.
    let name = "-".parse().expect("a hyphen is a valid name");
    let first = TopicAddress { region: caller.region.clone(), account, name };
    let from = request.after.as_ref().filter(|after| **after >= first).unwrap_or(&first);
    let topics = decision
        .state()
        .topics
        .from(Some(from))
        .take_while(|topic| {
            topic.definition.address.account == account && topic.definition.address.region == caller.region
        })
        .filter(|topic| Some(&*topic.definition.address) != request.after.as_ref())
        .map(|topic| (*topic.definition.address).clone());
    let topics = page::collect(topics, SNS_LIST_RESULTS, Clone::clone);
    Ok(Answered { reply: Reply::Topics(topics), after: Position::ZERO })
}

pub(super) fn get_data_protection(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &GetDataProtectionPolicy,
) -> DecisionResult {
    decision.authorize_topic(caller, Action::GetDataProtectionPolicy, &request.topic)?;
    let topic = decision.topic(&request.topic);
    Ok(Answered { reply: Reply::DataProtectionPolicy(topic.definition.data_protection.clone()), after: topic.changed })
}

pub(super) fn put_data_protection(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &PutDataProtectionPolicy,
) -> DecisionResult {
    decision.authorize_topic(caller, Action::PutDataProtectionPolicy, &request.topic)?;
    let policy = request.policy.clone()?;
    change(decision, &request.topic, |definition| {
        definition.data_protection = policy;
        Ok(())
    })?;
    Ok(Answered::done(decision, Reply::Done))
}

/// Changes the definition of a topic. Emits no event if the result is the same.
pub(super) fn change(
    decision: &mut Decision<'_>,
    topic: &TopicAddress,
    edit: impl FnOnce(&mut TopicDefinition) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let old = &decision.topic(topic).definition;
    let mut new = old.clone();
    edit(&mut new)?;
    if new != *old {
        decision.emit(&Event::TopicSet(TopicSet(new)));
    }
    Ok(())
}
