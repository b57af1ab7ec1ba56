//! `[[topics]]` and `[[topics.subscriptions]]`: the topics and subscriptions that the broker creates at its start.
//!
//! Names, attributes, tags, endpoints and filter policies are checked here as `CreateTopic` and `Subscribe` check them.
//! The start checks topic policies, and whether all of it agrees with the topics that exist (`declare`).

use posthouse_filter::{Dialect, Policy, Scope};
use posthouse_model::fault::{Origin, Rule, SubscriptionRule};
use posthouse_model::operation::Tags;
use posthouse_model::topic_attributes::{FilterPolicyScope, SubscriptionAttributeName};
use posthouse_model::{
    Endpoint, Fault, QueueAddress, QueueName, SnsFault, SubscriptionAttributes, SubscriptionProtocol, TopicAddress,
    TopicAttributes, TopicName,
};
use toml::Spanned;

use super::ConfigurationError;
use super::declared::{Declaration, Home, attribute_texts, pairs};
use super::file::{SubscriptionEntry, TopicEntry};
use super::layers::out_of_range;
use super::users::Place;

/// A topic to create at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredTopic {
    /// Its region, account and name.
    pub address: TopicAddress,
    /// The attributes that differ from their defaults.
    pub attributes: TopicAttributes,
    /// Its tags.
    pub tags: Tags,
    /// Its subscriptions, in the order of the file.
    pub subscriptions: Vec<DeclaredSubscription>,
}

/// A subscription to create at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredSubscription {
    /// The endpoint that it delivers to.
    pub endpoint: Endpoint,
    /// The attributes that differ from their defaults.
    pub attributes: SubscriptionAttributes,
}

pub(super) fn check(
    place: &Place<'_>,
    entries: Vec<Spanned<TopicEntry>>,
    home: &Home<'_>,
) -> Result<Vec<DeclaredTopic>, ConfigurationError> {
    let mut topics: Vec<DeclaredTopic> = Vec::with_capacity(entries.len());
    for entry in entries {
        let topic = one(place, entry.get_ref(), home)?;
        if topics.iter().any(|other| other.address == topic.address) {
            return Err(place.blame(&entry.get_ref().name, format!("topic {} is declared twice", topic.address)));
        }
        topics.push(topic);
    }
    Ok(topics)
}

fn one(place: &Place<'_>, entry: &TopicEntry, home: &Home<'_>) -> Result<DeclaredTopic, ConfigurationError> {
    let TopicEntry { name, account, region, .. } = entry;
    let declaration = Declaration { what: "topic", name, account: account.as_ref(), region: region.as_ref() };
    let name: TopicName = name.get_ref().parse().map_err(|_| {
        let allowed = "1 to 256 letters, digits, hyphens and underscores; .fifo at the end of a FIFO topic's";
        place.blame(name, out_of_range("topics.name", name.get_ref(), allowed))
    })?;
    let (region, account) = declaration.whereabouts(place, home)?;
    let alone = |name: &str, value: &str| TopicAttributes::parse([(name, value)]).map(drop);
    let texts = attribute_texts(place, &format!("topic {name}"), &entry.attributes, alone)?;
    let refused = |fault: Fault| declaration.refused(place, posthouse_aws::fault_message(&fault));
    let attributes = TopicAttributes::parse(pairs(&texts)).map_err(refused)?;
    if name.is_fifo() != attributes.is_fifo() {
        return Err(declaration.refused(place, "a name ends in .fifo exactly where FifoTopic is true"));
    }
    let tags = entry.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags = Tags::parse(tags).map_err(refused)?;
    let address = TopicAddress { region, account, name };
    let subscriptions = subscriptions(place, &entry.subscriptions, &address)?;
    Ok(DeclaredTopic { address, attributes, tags, subscriptions })
}

fn subscriptions(
    place: &Place<'_>,
    entries: &[SubscriptionEntry],
    topic: &TopicAddress,
) -> Result<Vec<DeclaredSubscription>, ConfigurationError> {
    let mut subscriptions: Vec<DeclaredSubscription> = Vec::with_capacity(entries.len());
    for entry in entries {
        let subscription = subscription(place, entry, topic)?;
        let endpoint = &subscription.endpoint;
        if subscriptions.iter().any(|other| other.endpoint == *endpoint) {
            let (name, protocol, endpoint) = (&topic.name, endpoint.protocol(), endpoint.shown());
            let message = format!("topic {name}: the {protocol} endpoint {endpoint} is subscribed twice");
            return Err(place.blame(&entry.endpoint, message));
        }
        subscriptions.push(subscription);
    }
    Ok(subscriptions)
}

fn subscription(
    place: &Place<'_>,
    entry: &SubscriptionEntry,
    topic: &TopicAddress,
) -> Result<DeclaredSubscription, ConfigurationError> {
    let protocol = entry.protocol.get_ref().parse().map_err(|_| {
        let known: Vec<_> = SubscriptionProtocol::ALL.iter().map(|protocol| protocol.as_str()).collect();
        let message = out_of_range("topics.subscriptions.protocol", entry.protocol.get_ref(), &known.join(", "));
        place.blame(&entry.protocol, message)
    })?;
    let endpoint = endpoint(protocol, entry.endpoint.get_ref(), topic).map_err(|fault| {
        let why = posthouse_aws::fault_message(&fault);
        let (name, given) = (&topic.name, entry.endpoint.get_ref());
        place.blame(&entry.endpoint, format!("topic {name}: `topics.subscriptions.endpoint` is `{given}`: {why}"))
    })?;
    let what = format!("topic {}, subscription {protocol} {endpoint}", topic.name);
    let alone = |name: &str, value: &str| SubscriptionAttributes::parse([(name, value)]).map(drop);
    let texts = attribute_texts(place, &what, &entry.attributes, alone)?;
    let attributes = SubscriptionAttributes::parse(pairs(&texts))
        .map_err(|fault| place.blame(&entry.endpoint, format!("{what}: {}", posthouse_aws::fault_message(&fault))))?;
    check_filter_policy(place, entry, &what, &attributes)?;
    Ok(DeclaredSubscription { endpoint, attributes })
}

fn check_filter_policy(
    place: &Place<'_>,
    entry: &SubscriptionEntry,
    what: &str,
    attributes: &SubscriptionAttributes,
) -> Result<(), ConfigurationError> {
    const NAME: SubscriptionAttributeName = SubscriptionAttributeName::FilterPolicy;
    let Some(policy) = attributes.filter_policy() else { return Ok(()) };
    let scope = match attributes.filter_policy_scope() {
        FilterPolicyScope::MessageAttributes => Scope::MessageAttributes,
        FilterPolicyScope::MessageBody => Scope::MessageBody,
    };
    Policy::parse(policy.as_str(), scope, Dialect::Sns).map(drop).map_err(|problem| {
        let rule = Rule::Subscription(SubscriptionRule::FilterPolicy(problem));
        let fault = SnsFault::invalid(Origin::Attribute(NAME.as_str()), rule);
        place.blame(&entry.attributes[NAME.as_str()], format!("{what}: {}", posthouse_aws::fault_message(&fault)))
    })
}

/// The endpoint. A queue of the topic's account and region may be given by its name alone.
fn endpoint(protocol: SubscriptionProtocol, text: &str, topic: &TopicAddress) -> Result<Endpoint, Fault> {
    let queue: Option<QueueName> = (protocol == SubscriptionProtocol::Sqs).then(|| text.parse().ok()).flatten();
    match queue {
        Some(name) => {
            let queue = QueueAddress { region: topic.region.clone(), account: topic.account, name };
            Endpoint::parse(protocol, &queue.to_string())
        }
        None => Endpoint::parse(protocol, text),
    }
}
