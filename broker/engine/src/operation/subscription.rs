//! Subscriptions: `Subscribe`, `ConfirmSubscription`, `Unsubscribe`, their attributes and listings. The rules for
//! attributes are in [`attributes`].

mod attributes;

use std::borrow::Cow;
use std::sync::Arc;

use posthouse_filter::Policy as FilterPolicy;
use posthouse_model::delivery_policy::DeliveryPolicy;
use posthouse_model::fault::{FilterPolicyLimit, Rule, SubscriptionLimit};
use posthouse_model::limits::{
    FIFO_SUBSCRIPTIONS_MAX, FILTER_POLICIES_MAX, LARGE_TOPIC_SUBSCRIPTIONS_MAX, SNS_LIST_RESULTS, SUBSCRIPTIONS_MAX,
};
use posthouse_model::notification::confirmation;
use posthouse_model::operation::{
    ConfirmSubscription, ConfirmationToken, GetSubscriptionAttributes, ListSubscriptions, ListSubscriptionsByTopic,
    Reply, SetSubscriptionAttributes, Subscribe, Subscribed, SubscriptionSummary, SubscriptionView, Unsubscribe,
};
use posthouse_model::topic_attributes::SubscriptionAttributeName;
use posthouse_model::{
    AccountId, Action, Caller, Fault, Identity, QueueId, ROOT_USER, SnsFault, StoredMessage, SubscriptionAddress,
    SubscriptionId, TopicAddress,
};
use posthouse_policy::Detail;

use super::{Answered, DecisionResult, page};
use crate::access::Resource;
use crate::decision::{Decision, visits};
use crate::event::Event;
use crate::event::enqueued::Enqueued;
use crate::event::queue::Emptied;
use crate::event::topic::{SubscriptionDeleted, SubscriptionSet};
use crate::journal::Position;
use crate::quota::Growth;
use crate::state::Exhausted;
use crate::topic::Topic;
use crate::topic::definition::{Status, SubscriptionDefinition};
use crate::topic::parsed::{ParsedFilter, parse_filter};
use crate::topic::subscription::Subscription;
use attributes::{Subject, Subscribing};

pub(super) fn subscribe(
    decision: &mut Decision<'_>,
    caller: &Caller,
    (request, parsed): (&Subscribe, Option<&ParsedFilter>),
) -> DecisionResult {
    let topic = &request.topic;
    // Conditions on the endpoint do not hold for one that is malformed.
    let detail = request.endpoint.as_ref().map_or(Detail::None, Detail::Endpoint);
    decision.authorize_topic_with(caller, Action::Subscribe, topic, detail)?;
    let endpoint = request.endpoint.as_ref().map_err(Clone::clone)?;
    let wanted = request.attributes.as_ref().map_err(Clone::clone)?;
    attributes::check_endpoint(decision, caller, Subscribing { topic, endpoint, attributes: wanted })?;
    if let Some(existing) = decision.topic(topic).find(endpoint) {
        attributes::same(existing, wanted)?;
        let (id, status) = (existing.definition.id, existing.definition.status);
        if status == Status::Pending {
            let (secret, since) = (request.secret, decision.now);
            let definition = SubscriptionDefinition { secret, since, ..existing.definition.clone() };
            decision.emit(&Event::SubscriptionSet(SubscriptionSet(definition)));
            // The token of the request names the id of a new subscription, so the message is made again with this id.
            let token = ConfirmationToken { subscription: id, secret: request.secret };
            let message = request.confirmation.as_ref().map(|drawn| confirmation(drawn.id(), &token));
            forget_confirmations(decision, topic, id);
            ask_to_confirm(decision, topic, id, message.as_ref());
        }
        return Ok(subscribed(decision, topic, id, status));
    }
    // An anonymous caller that the policy allows has no account. The subscription then belongs to the topic's owner.
    let (owner, subscriber) = match &caller.identity {
        Identity::User { account, name, .. } => (*account, name.as_str()),
        Identity::Anonymous | Identity::Broker => (topic.account, ROOT_USER),
    };
    let filter = parse_filter(wanted, parsed);
    attributes::check_all(Subject { topic, endpoint, owner, filter: &filter }, wanted)?;
    check_room(decision.topic(topic))?;
    if let Ok(Some(policy)) = &filter {
        check_filter_room(decision, (topic, owner), None, policy)?;
    }
    if let Some(max) = decision.state().options.quotas.subscriptions
        && decision.state().topics.owned(owner).subscriptions >= max
    {
        return Err(SnsFault::SubscriptionLimitExceeded(SubscriptionLimit::Account { max }).into());
    }
    if decision.state().topics.of_subscription(request.id).is_some() {
        // Ids are random. The client tries again and gets another.
        return Err(Fault::Throttled);
    }
    let protocol = endpoint.protocol();
    let queue = protocol.is_pushed().then(|| allocate_queue(decision)).transpose()?;
    let confirmed = Status::Confirmed { authenticated: true };
    let status = if protocol.needs_confirmation() { Status::Pending } else { confirmed };
    if let (Some(text), Ok(Some(policy))) = (wanted.filter_policy(), filter) {
        decision.keep_parsed(text, policy);
    }
    decision.emit(&Event::SubscriptionSet(SubscriptionSet(SubscriptionDefinition {
        id: request.id,
        secret: request.secret,
        since: decision.now,
        created: decision.now,
        queue,
        status,
        owner,
        subscriber: subscriber.into(),
        topic: Arc::new(topic.clone()),
        endpoint: Arc::new(endpoint.clone()),
        attributes: wanted.clone(),
    })));
    decision.settle_rate(topic, request.id);
    ask_to_confirm(decision, topic, request.id, request.confirmation.as_ref());
    Ok(subscribed(decision, topic, request.id, status))
}

fn subscribed(decision: &Decision<'_>, topic: &TopicAddress, id: SubscriptionId, status: Status) -> Answered {
    let subscription = SubscriptionAddress { topic: topic.clone(), id };
    let pending = status == Status::Pending;
    Answered::done(decision, Reply::Subscribed(Subscribed { subscription, pending }))
}

/// Checks that a topic takes one more subscription.
fn check_room(topic: &Topic) -> Result<(), Fault> {
    let most = if topic.is_fifo() {
        FIFO_SUBSCRIPTIONS_MAX
    } else if topic.takes_large_messages() {
        LARGE_TOPIC_SUBSCRIPTIONS_MAX
    } else {
        SUBSCRIPTIONS_MAX
    };
    if topic.subscribed() >= most {
        return Err(SnsFault::SubscriptionLimitExceeded(SubscriptionLimit::Topic { max: most }).into());
    }
    Ok(())
}

/// Checks that a topic and the owner of a subscription have room for a filter policy, which takes the place of the one
/// of `existing`.
fn check_filter_room(
    decision: &Decision<'_>,
    (topic, owner): (&TopicAddress, AccountId),
    existing: Option<&Subscription>,
    policy: &FilterPolicy,
) -> Result<(), Fault> {
    let refuse = |limit| Err(SnsFault::FilterPolicyLimitExceeded(limit).into());
    let (state, topic) = (decision.state(), decision.topic(topic));
    if topic.filtered() >= FILTER_POLICIES_MAX && !existing.is_some_and(Subscription::is_filtered) {
        return refuse(FilterPolicyLimit::Policies { max: FILTER_POLICIES_MAX });
    }
    let old = existing.map_or(0, Subscription::filter_bytes);
    let held = state.topics.owned(owner).filter_bytes;
    let growth = Growth { old, new: policy.memory_bytes() };
    state.options.quotas.check_filters(topic.filter_bytes(), held, growth).or_else(refuse)
}

/// Puts a confirmation into the queue of a subscription that is to be confirmed.
fn ask_to_confirm(
    decision: &mut Decision<'_>,
    topic: &TopicAddress,
    id: SubscriptionId,
    message: Option<&StoredMessage>,
) {
    let subscription = decision.topic(topic).subscription(id).expect("it was set in this decision");
    if let (Status::Pending, Some(queue), Some(message)) =
        (subscription.definition.status, subscription.definition.queue, message)
    {
        enqueue(decision, queue, message);
    }
}

/// Drops the confirmations in the queue of a subscription that is not confirmed. They carry a token that is used or no
/// longer valid, so they must be neither pushed nor dead-lettered.
fn forget_confirmations(decision: &mut Decision<'_>, topic: &TopicAddress, id: SubscriptionId) {
    let queue = decision.topic(topic).subscription(id).and_then(|subscription| subscription.definition.queue);
    if let Some(queue) = queue.filter(|queue| decision.queue(*queue).messages.len() > 0) {
        decision.emit(&Event::Purged(Emptied { queue, time: decision.now }));
    }
}

fn enqueue(decision: &mut Decision<'_>, queue: QueueId, message: &StoredMessage) {
    let message = Cow::Borrowed(message);
    decision.emit(&Event::Enqueued(Enqueued { queue, sent: decision.now, visible: decision.now, message }));
}

/// Any caller with the token may confirm, unless its user's identity policies do not allow it. The token alone says which subscription; of the topic that the request names
/// only the region is looked at. Only a caller with an account may set `AuthenticateOnUnsubscribe`.
pub(super) fn confirm(
    decision: &mut Decision<'_>,
    caller: &Caller,
    (request, parsed): (&ConfirmSubscription, Option<&ParsedFilter>),
) -> DecisionResult {
    if request.authenticate_on_unsubscribe {
        decision.account(caller, Action::ConfirmSubscription)?;
    }
    decision.authorize_user(caller, Action::ConfirmSubscription, Resource::Topic(&request.topic, None))?;
    let id = request.token.subscription;
    let topics = &decision.state().topics;
    let topic = topics.of_subscription(id).and_then(|address| topics.find(address));
    let named = topic.and_then(|topic| Some((topic, topic.subscription(id)?)));
    let named = named.filter(|(_, subscription)| subscription.definition.secret == request.token.secret);
    let (topic, subscription) = named.ok_or_else(|| SnsFault::invalid("Token", Rule::Malformed))?;
    decision.check_region(caller, Action::ConfirmSubscription, Resource::Topic(&request.topic, None))?;
    if topic.definition.address.region != request.topic.region {
        return Err(SnsFault::invalid("Topic", Rule::Malformed));
    }
    let topic_address = Arc::clone(&topic.definition.address);
    let address = |id| SubscriptionAddress { topic: (*topic_address).clone(), id };
    if subscription.is_confirmed() {
        return Ok(Answered { reply: Reply::Subscription(address(id)), after: subscription.changed });
    }
    if subscription.definition.lapses() <= decision.now {
        return Err(SnsFault::invalid("Token", Rule::Malformed));
    }
    // The endpoint may have been subscribed again since this subscription ended.
    if let Some(again) = topic.find(&subscription.definition.endpoint).filter(|found| found.definition.id != id) {
        return Ok(Answered { reply: Reply::Subscription(address(again.definition.id)), after: again.changed });
    }
    let status = Status::Confirmed { authenticated: request.authenticate_on_unsubscribe };
    let definition = SubscriptionDefinition { status, ..subscription.definition.clone() };
    forget_confirmations(decision, &topic_address, id);
    if let (Some(text), Ok(Some(policy))) =
        (definition.attributes.filter_policy(), parse_filter(&definition.attributes, parsed))
    {
        decision.keep_parsed(text, policy);
    }
    decision.emit(&Event::SubscriptionSet(SubscriptionSet(definition)));
    Ok(Answered::done(decision, Reply::Subscription(address(id))))
}

/// Ends a subscription. Succeeds if it does not exist, unless it would belong to another account. One that waits for its
/// confirmation cannot be ended; it is deleted after two days (SNS Developer Guide, "Deleting an Amazon SNS topic and
/// subscription"). If the endpoint must be sent a confirmation that its subscription has ended, the subscription stays for
/// two days so that the endpoint can undo the end.
pub(super) fn unsubscribe(decision: &mut Decision<'_>, caller: &Caller, request: &Unsubscribe) -> DecisionResult {
    let address = &request.subscription;
    let SubscriptionAddress { topic, id } = address;
    let found = decision.state().topics.subscription(address);
    let resource = Resource::Subscription(address, found);
    decision.check_region(caller, Action::Unsubscribe, resource)?;
    decision.authorize_user(caller, Action::Unsubscribe, resource)?;
    let Some(subscription) = found else {
        // An unsigned request follows a link, and may do so again after the subscription was deleted.
        if caller.account().is_some() {
            match decision.authorize(caller, Action::Unsubscribe, resource) {
                Ok(()) | Err(Fault::Sns(SnsFault::NotFound(_))) => {}
                Err(fault) => return Err(fault),
            }
        }
        return Ok(Answered::done(decision, Reply::Done));
    };
    match subscription.definition.status {
        Status::Ended => return Ok(Answered::done(decision, Reply::Done)),
        Status::Confirmed { authenticated: false } => {}
        Status::Confirmed { authenticated: true } => decision.authorize(caller, Action::Unsubscribe, resource)?,
        Status::Pending => {
            decision.authorize(caller, Action::Unsubscribe, resource)?;
            return Err(SnsFault::invalid("SubscriptionArn", Rule::SubscriptionPending));
        }
    }
    let notified = subscription.definition.endpoint.protocol().needs_confirmation();
    if let Some(queue) = subscription.definition.queue.filter(|_| notified) {
        let definition = SubscriptionDefinition {
            status: Status::Ended,
            secret: request.secret,
            since: decision.now,
            ..subscription.definition.clone()
        };
        decision.emit(&Event::SubscriptionSet(SubscriptionSet(definition)));
        // After the end only its confirmation is delivered.
        decision.emit(&Event::Purged(Emptied { queue, time: decision.now }));
        enqueue(decision, queue, &request.confirmation);
    } else {
        let (time, topic) = (decision.now, topic.clone());
        decision.emit(&Event::SubscriptionDeleted(SubscriptionDeleted { time, id: *id, topic }));
    }
    Ok(Answered::done(decision, Reply::Done))
}

/// A subscription that has not ended, if the caller is one of its owners.
fn owned<'a>(
    decision: &'a Decision<'_>,
    caller: &Caller,
    action: Action,
    address: &SubscriptionAddress,
) -> Result<&'a Subscription, Fault> {
    let found = decision.state().topics.subscription(address);
    let found = found.filter(|subscription| subscription.definition.status != Status::Ended);
    decision.authorize(caller, action, Resource::Subscription(address, found))?;
    Ok(found.expect("access is allowed only to a subscription that exists"))
}

pub(super) fn get_attributes(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &GetSubscriptionAttributes,
) -> DecisionResult {
    let address = &request.subscription;
    let subscription = owned(decision, caller, Action::GetSubscriptionAttributes, address)?;
    let topic = decision.topic(&address.topic);
    let (of_topic, own) = (&topic.definition.attributes, &subscription.definition.attributes);
    let effective = visits::has_delivery_policy(subscription.definition.endpoint.protocol())
        .then(|| DeliveryPolicy::effective(of_topic.delivery_policy(), own.delivery_policy()));
    let view = SubscriptionView {
        summary: summary(topic, subscription),
        attributes: own.clone(),
        subscriber: subscription.definition.subscriber.clone(),
        confirmation_was_authenticated: subscription.definition.status == (Status::Confirmed { authenticated: true }),
        effective_delivery_policy: effective,
    };
    let after = subscription.changed.max(topic.changed);
    Ok(Answered { reply: Reply::SubscriptionAttributes(Box::new(view)), after })
}

pub(super) fn set_attributes(
    decision: &mut Decision<'_>,
    caller: &Caller,
    (request, parsed): (&SetSubscriptionAttributes, Option<&ParsedFilter>),
) -> DecisionResult {
    let SubscriptionAddress { topic, id } = &request.subscription;
    let subscription = owned(decision, caller, Action::SetSubscriptionAttributes, &request.subscription)?;
    let attribute = request.attribute.as_ref().map_err(Clone::clone)?;
    let mut new = subscription.definition.clone();
    new.attributes.set(attribute.clone());
    let (endpoint, owner) = (&subscription.definition.endpoint, subscription.definition.owner);
    let filter = match attribute.name() {
        SubscriptionAttributeName::FilterPolicy | SubscriptionAttributeName::FilterPolicyScope => {
            parse_filter(&new.attributes, parsed)
        }
        SubscriptionAttributeName::DeliveryPolicy
        | SubscriptionAttributeName::RawMessageDelivery
        | SubscriptionAttributeName::RedrivePolicy
        | SubscriptionAttributeName::SubscriptionRoleArn => Ok(None),
    };
    attributes::check(Subject { topic, endpoint, owner, filter: &filter }, &new.attributes, attribute.name())?;
    if attribute.name() == SubscriptionAttributeName::RedrivePolicy {
        attributes::check_dead_letter_queue(decision, caller, topic, &new.attributes)?;
    }
    if let Ok(Some(policy)) = &filter {
        check_filter_room(decision, (topic, owner), Some(subscription), policy)?;
    }
    if new != subscription.definition {
        if let (Some(text), Ok(Some(policy))) = (new.attributes.filter_policy(), filter) {
            decision.keep_parsed(text, policy);
        }
        decision.emit(&Event::SubscriptionSet(SubscriptionSet(new)));
        decision.settle_rate(topic, *id);
    }
    Ok(Answered::done(decision, Reply::Done))
}

pub(super) fn list(decision: &mut Decision<'_>, caller: &Caller, request: &ListSubscriptions) -> DecisionResult {
    let account = decision.authorize_account(caller, Action::ListSubscriptions)?;
    let owned = decision.state().topics.owned_by(account, &caller.region, request.after.as_ref());
    Ok(listed(owned.map(|(topic, subscription)| summary(topic, subscription))))
}

pub(super) fn list_by_topic(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &ListSubscriptionsByTopic,
) -> DecisionResult {
    decision.authorize_topic(caller, Action::ListSubscriptionsByTopic, &request.topic)?;
    let topic = decision.topic(&request.topic);
    let after = request.after.as_ref().map(|after| after.id);
    let subscriptions =
        topic.subscriptions_after(after).filter(|subscription| subscription.definition.status != Status::Ended);
    Ok(listed(subscriptions.map(|subscription| summary(topic, subscription))))
}

fn listed(subscriptions: impl Iterator<Item = SubscriptionSummary>) -> Answered {
    let page = page::collect(subscriptions, SNS_LIST_RESULTS, |summary| summary.subscription.clone());
    Answered { reply: Reply::Subscriptions(page), after: Position::ZERO }
}

fn summary(topic: &Topic, subscription: &Subscription) -> SubscriptionSummary {
    SubscriptionSummary {
        subscription: SubscriptionAddress {
            topic: (*topic.definition.address).clone(),
            id: subscription.definition.id,
        },
        pending: subscription.definition.status == Status::Pending,
        owner: subscription.definition.owner,
        endpoint: (*subscription.definition.endpoint).clone(),
    }
}

/// The number of the next internal queue of a subscription or a FIFO topic.
pub(super) fn allocate_queue(decision: &Decision<'_>) -> Result<QueueId, Fault> {
    decision
        .state()
        .allocate_queue()
        .map_err(|Exhausted| SnsFault::SubscriptionLimitExceeded(SubscriptionLimit::Queues).into())
}
