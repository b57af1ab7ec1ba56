//! Creates what the configuration declares, at the start and at a reload: queues, then topics with their subscriptions.
//!
//! It makes the requests that clients make, as the root user of the account: at the start before the listener accepts
//! clients, at a reload beside them. A start that is interrupted is completed by the next one. A queue or topic that exists as declared is not changed, and
//! one that is not declared is never touched.
//!
//! - A queue that differs in an attribute stops the start, because a consumer relies on what the queue was made with; with
//!   `on_difference = "apply"` it is given the declared attributes.
//! - A topic and a subscription that differ are given the declared attributes and tags; the others they keep.
//! - A subscription that still waits for its confirmation is asked to confirm again.

use core::fmt;

use posthouse_model::attributes::AttributeChanges;
use posthouse_model::fault::Unavailable;
use posthouse_model::operation::{
    ConfirmationToken, CreateQueue, CreateTopic, GetQueueAttributes, GetSubscriptionAttributes, GetTopicAttributes,
    ListSubscriptionsByTopic, ListTagsForResource, SetQueueAttributes, SetSubscriptionAttributes, SetTopicAttributes,
    Subscribe, SubscriptionView, TagResource, Tags,
};
use posthouse_model::topic_attributes::{
    SubscriptionAttribute, SubscriptionAttributeName, TopicAttribute, TopicAttributeName,
};
use posthouse_model::{
    AccountId, Caller, Fault, MessageId, Operation, QueueAttributeName, QueueAttributes, Region, SnsFault,
    SubscriptionAddress, SubscriptionAttributes, SubscriptionId, TopicAddress, TopicAttributes, notification,
};

use crate::configuration::{Configuration, DeclaredQueue, DeclaredSubscription, DeclaredTopic, OnDifference};
use crate::core_client::{CoreClient, ask};

/// A declaration that cannot be met: which one, and why.
#[derive(Debug)]
pub struct DeclareError(String);

impl fmt::Display for DeclareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DeclareError {}

/// Creates the declared queues, topics and subscriptions that do not exist. If the disk is full or refuses a file,
/// nothing is created and a warning is logged: the broker starts nevertheless, so that its queues can be emptied.
///
/// # Errors
/// The first declaration that cannot be met.
pub async fn declare(core: &dyn CoreClient, configuration: &Configuration) -> Result<(), DeclareError> {
    let on_difference = configuration.settings.general.on_difference;
    for declared in &configuration.queues {
        let (region, account) = (&declared.address.region, declared.address.account);
        settle(queue(&Root::new(core, region, account), declared, on_difference).await)?;
    }
    for declared in &configuration.topics {
        let (region, account) = (&declared.address.region, declared.address.account);
        settle(topic_and_subscriptions(&Root::new(core, region, account), declared).await)?;
    }
    Ok(())
}

/// Compares the declared queues with those that exist, and changes nothing.
///
/// # Errors
/// The first queue that exists with another value of an attribute, unless the declaration is to be applied to it.
pub async fn check(core: &dyn CoreClient, configuration: &Configuration) -> Result<(), DeclareError> {
    if configuration.settings.general.on_difference == OnDifference::Apply {
        return Ok(());
    }
    for declared in &configuration.queues {
        let root = Root::new(core, &declared.address.region, declared.address.account);
        settle(same_queue(&root, declared).await)?;
    }
    Ok(())
}

async fn same_queue(root: &Root<'_>, declared: &DeclaredQueue) -> Result<(), Failed> {
    let DeclaredQueue { address, attributes, .. } = declared;
    let failed = |fault| (format!("the declared queue {address}"), fault);
    let names = attributes.iter().map(|(name, _)| name).collect();
    let view = match root.ask(GetQueueAttributes { queue: address.clone(), names }).await {
        Ok(view) => view,
        Err(Fault::QueueDoesNotExist) => return Ok(()),
        Err(fault) => return Err(failed(fault)),
    };
    let wanted = attributes.apply(&QueueAttributes::default()).map_err(failed)?;
    match attributes.iter().find(|(name, _)| wanted.get(*name) != view.get(name).cloned()) {
        Some((name, _)) => Err(failed(Fault::QueueNameExists { attribute: name.as_str() })),
        None => Ok(()),
    }
}

/// Why a declaration failed: what it is (table, name, key), and the fault.
type Failed = (String, Fault);

fn settle(result: Result<(), Failed>) -> Result<(), DeclareError> {
    match result {
        Ok(()) => Ok(()),
        Err((what, Fault::StorageFull)) => {
            tracing::warn!(declared = what, "the disk is full: a declaration is not checked");
            Ok(())
        }
        Err((what, Fault::Unavailable(Unavailable::NoLogFile(error)))) => {
            tracing::warn!(declared = what, %error, "the log gets no further file: a declaration is not checked");
            Ok(())
        }
        Err((what, Fault::QueueNameExists { attribute })) => Err(DeclareError(format!(
            "{what} exists with another value of {attribute}; change the declaration, or the queue with \
             SetQueueAttributes"
        ))),
        Err((what, fault)) => {
            let reason = posthouse_aws::fault_message(&fault);
            Err(DeclareError(format!("{what} cannot be made as declared: {reason}")))
        }
    }
}

/// The root user of an account, in one of its regions.
struct Root<'a> {
    core: &'a dyn CoreClient,
    caller: Caller,
}

impl<'a> Root<'a> {
    fn new(core: &'a dyn CoreClient, region: &Region, account: AccountId) -> Self {
        Self { core, caller: Caller::root(account, region.clone()) }
    }

    async fn ask<O: Operation>(&self, operation: O) -> Result<O::Reply, Fault> {
        ask(self.core, self.caller.clone(), operation).await
    }
}

async fn queue(root: &Root<'_>, declared: &DeclaredQueue, on_difference: OnDifference) -> Result<(), Failed> {
    let failed = |fault| (format!("the declared queue {}", declared.address), fault);
    let request = CreateQueue {
        name: declared.address.name.clone(),
        attributes: declared.attributes.clone(),
        tags: declared.tags.clone(),
    };
    match root.ask(request).await {
        Ok(_) => Ok(()),
        Err(Fault::QueueNameExists { attribute }) if on_difference == OnDifference::Apply => {
            tracing::warn!(queue = %declared.address, attribute, "a queue differs from its declaration, which is applied");
            let queue = declared.address.clone();
            // The type of a queue follows from its name.
            let changes = declared.attributes.iter().filter(|(name, _)| *name != QueueAttributeName::FifoQueue);
            let changes =
                AttributeChanges::parse(changes.map(|(name, value)| (name.as_str(), value))).map_err(failed)?;
            root.ask(SetQueueAttributes { queue, changes }).await.map_err(failed)
        }
        Err(fault) => Err(failed(fault)),
    }
}

async fn topic_and_subscriptions(root: &Root<'_>, declared: &DeclaredTopic) -> Result<(), Failed> {
    topic(root, declared).await?;
    for subscribed in &declared.subscriptions {
        subscription(root, &declared.address, subscribed).await?;
    }
    Ok(())
}

async fn topic(root: &Root<'_>, declared: &DeclaredTopic) -> Result<(), Failed> {
    let DeclaredTopic { address, attributes, tags, .. } = declared;
    let failed = |fault| (format!("the declared topic {address}"), fault);
    let existing = match root.ask(GetTopicAttributes { topic: address.clone() }).await {
        Ok(view) => view,
        Err(Fault::Sns(SnsFault::NotFound(_))) => {
            let request = CreateTopic {
                name: address.name.clone(),
                attributes: attributes.clone(),
                tags: tags.clone(),
                data_protection: None,
            };
            return root.ask(request).await.map(drop).map_err(failed);
        }
        Err(fault) => return Err(failed(fault)),
    };
    for attribute in topic_changes(&existing.attributes, attributes) {
        let name = attribute.name();
        let request = SetTopicAttributes { topic: address.clone(), attribute: Ok(attribute) };
        let set = root.ask(request).await;
        set.map_err(|fault| (format!("{name} of the declared topic {address}"), fault))?;
    }
    tag(root, address, tags).await.map_err(|fault| (format!("the tags of the declared topic {address}"), fault))
}

async fn tag(root: &Root<'_>, topic: &TopicAddress, declared: &Tags) -> Result<(), Fault> {
    let existing = root.ask(ListTagsForResource { topic: topic.clone() }).await?;
    if existing.with(declared)? == existing {
        return Ok(());
    }
    root.ask(TagResource { topic: topic.clone(), tags: declared.clone() }).await
}

async fn subscription(root: &Root<'_>, topic: &TopicAddress, declared: &DeclaredSubscription) -> Result<(), Failed> {
    let (protocol, endpoint) = (declared.endpoint.protocol(), declared.endpoint.shown());
    let what = format!("the declared subscription of {protocol} {endpoint} to {topic}");
    let fault = match root.ask(subscribe(topic, declared)).await {
        Ok(_) => return Ok(()),
        Err(fault @ Fault::Sns(SnsFault::InvalidParameter(_))) => fault,
        Err(fault) => return Err((what, fault)),
    };
    // It may be there with other attributes; else the fault means what it says.
    let found = find(root, topic, declared).await.map_err(|fault| (what.clone(), fault))?;
    let Some(existing) = found else { return Err((what, fault)) };
    for attribute in subscription_changes(&existing.attributes, &declared.attributes, &matches_nothing()) {
        let name = attribute.name();
        let subscription = existing.summary.subscription.clone();
        let request = SetSubscriptionAttributes { subscription, attribute: Ok(attribute) };
        let set = root.ask(request).await;
        set.map_err(|fault| (format!("{name} of {what}"), fault))?;
    }
    Ok(())
}

fn subscribe(topic: &TopicAddress, declared: &DeclaredSubscription) -> Subscribe {
    let id = SubscriptionId::from_random(rand::random());
    let token = ConfirmationToken { subscription: id, secret: rand::random() };
    let asks = declared.endpoint.protocol().needs_confirmation();
    Subscribe {
        topic: topic.clone(),
        endpoint: Ok(declared.endpoint.clone()),
        attributes: Ok(declared.attributes.clone()),
        id,
        secret: token.secret,
        confirmation: asks.then(|| notification::confirmation(MessageId::from_random(rand::random()), &token)),
    }
}

/// The subscription of the declared endpoint that exists.
async fn find(
    root: &Root<'_>,
    topic: &TopicAddress,
    declared: &DeclaredSubscription,
) -> Result<Option<SubscriptionView>, Fault> {
    let mut after: Option<SubscriptionAddress> = None;
    loop {
        let request = ListSubscriptionsByTopic { topic: topic.clone(), after };
        let page = root.ask(request).await?;
        if let Some(found) = page.items.iter().find(|summary| summary.endpoint == declared.endpoint) {
            let request = GetSubscriptionAttributes { subscription: found.subscription.clone() };
            return root.ask(request).await.map(|view| Some(*view));
        }
        let Some(next) = page.next else { return Ok(None) };
        after = Some(next);
    }
}

/// What to set for a topic to have all declared attributes.
fn topic_changes(existing: &TopicAttributes, declared: &TopicAttributes) -> Vec<TopicAttribute> {
    let wanted = TopicAttributeName::ALL.iter().filter_map(|name| declared.attribute(*name));
    wanted.filter(|wanted| !topic_has(existing, wanted)).collect()
}

fn topic_has(existing: &TopicAttributes, wanted: &TopicAttribute) -> bool {
    if let TopicAttribute::Policy(Some(wanted)) = wanted {
        return existing.policy().is_some_and(|existing| is_same_document(existing, wanted));
    }
    existing.attribute(wanted.name()).as_ref() == Some(wanted)
}

/// A filter policy that is valid in every scope and that no message matches: it asks for an attribute, or a key, of a random
/// name.
fn matches_nothing() -> SubscriptionAttributes {
    let policy = format!(r#"{{"{:032x}":[{{"exists":true}}]}}"#, rand::random::<u128>());
    SubscriptionAttributes::parse([("FilterPolicy", policy.as_str())]).expect("a filter policy")
}

/// What to set, in this order, for a subscription to have all declared attributes. A filter policy is valid within its
/// scope only: where the scope changes, the old policy is first replaced by `nothing`, which no message matches, and the new
/// one comes after the scope. Clients may publish meanwhile, during a reload. What they publish between the first step and
/// the last does not reach the subscription; without `nothing`, messages would that both policies keep out.
fn subscription_changes(
    existing: &SubscriptionAttributes,
    declared: &SubscriptionAttributes,
    nothing: &SubscriptionAttributes,
) -> Vec<SubscriptionAttribute> {
    use SubscriptionAttributeName::{FilterPolicy, FilterPolicyScope};
    let differs = |name| declared.attribute(name).is_some_and(|wanted| !subscription_has(existing, &wanted));
    let rescoped = differs(FilterPolicyScope);
    let replaced = declared.attribute(FilterPolicy).filter(|_| rescoped || differs(FilterPolicy));
    let mut changes = Vec::new();
    if rescoped && replaced.is_some() && existing.filter_policy().is_some() {
        changes.extend(nothing.attribute(FilterPolicy));
    }
    let others = SubscriptionAttributeName::ALL.iter().filter(|name| **name != FilterPolicy && differs(**name));
    changes.extend(others.filter_map(|name| declared.attribute(*name)));
    changes.extend(replaced);
    changes
}

fn subscription_has(existing: &SubscriptionAttributes, wanted: &SubscriptionAttribute) -> bool {
    if let SubscriptionAttribute::FilterPolicy(Some(wanted)) = wanted {
        let existing = existing.filter_policy();
        return existing.is_some_and(|existing| is_same_document(existing.as_str(), wanted.as_str()));
    }
    if let SubscriptionAttribute::RedrivePolicy(Some(wanted)) = wanted {
        return existing.redrive_policy().is_some_and(|existing| existing.target() == wanted.target());
    }
    existing.attribute(wanted.name()).as_ref() == Some(wanted)
}

/// Whether two texts are the same JSON document, perhaps written otherwise. The model keeps access policies and filter
/// policies as texts, so only these need it.
fn is_same_document(one: &str, other: &str) -> bool {
    let document = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    one == other || document(one).is_some_and(|one| Some(one) == document(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_set_what_differs() {
        for (existing, declared, changes) in [
            (&[][..], &[][..], &[][..]),
            (&[("DisplayName", "a")], &[], &[]),
            (&[("DisplayName", "a")], &[("DisplayName", "a")], &[]),
            (&[("DisplayName", "a")], &[("DisplayName", "b")], &["DisplayName=b"]),
            (&[("DisplayName", "a")], &[("SignatureVersion", "2")], &["SignatureVersion=2"]),
            (&[("Policy", r#"{ "a": 1, "b": 2 }"#)], &[("Policy", r#"{"b":2,"a":1}"#)], &[]),
            (&[("KmsMasterKeyId", "1")], &[("KmsMasterKeyId", "1 ")], &["KmsMasterKeyId=1 "]),
            (&[("Policy", "{}")], &[("Policy", r#"{"b":2}"#)], &[r#"Policy={"b":2}"#]),
        ] {
            let parse = |pairs: &[(&str, &str)]| TopicAttributes::parse(pairs.iter().copied()).expect("valid");
            let (existing, declared) = (parse(existing), parse(declared));
            let mut set = TopicAttributes::default();
            topic_changes(&existing, &declared).into_iter().for_each(|attribute| set.set(attribute));
            let set: Vec<_> = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(set, changes, "{existing:?} {declared:?}");
        }
    }

    #[test]
    fn a_subscription_is_set_what_differs_its_scope_before_its_policy() {
        const FLAT: &str = r#"{"a":["b"]}"#;
        const NESTED: &str = r#"{"a":{"b":["c"]}}"#;
        let (body, nested) = (("FilterPolicyScope", "MessageBody"), ("FilterPolicy", NESTED));
        let (flat, raw) = (("FilterPolicy", FLAT), ("RawMessageDelivery", "true"));
        for (existing, declared, changes) in [
            (&[][..], &[][..], &[][..]),
            (&[raw, flat], &[], &[]),
            (&[raw, flat], &[raw, flat], &[]),
            (&[], &[raw, flat], &["RawMessageDelivery", "FilterPolicy"]),
            (&[flat], &[("FilterPolicy", r#"{"a":["c"]}"#)], &["FilterPolicy"]),
            (&[flat], &[("FilterPolicy", "{ \"a\" : [\"b\"] }")], &[]),
            (&[flat], &[body, nested], &["FilterPolicy blocks", "FilterPolicyScope", "FilterPolicy"]),
            (
                &[body, nested],
                &[("FilterPolicyScope", "MessageAttributes"), flat],
                &["FilterPolicy blocks", "FilterPolicyScope", "FilterPolicy"],
            ),
            (&[flat], &[body, flat], &["FilterPolicy blocks", "FilterPolicyScope", "FilterPolicy"]),
            (&[flat], &[body], &["FilterPolicyScope"]),
            (&[], &[body, nested], &["FilterPolicyScope", "FilterPolicy"]),
        ] {
            let parse = |pairs: &[(&str, &str)]| SubscriptionAttributes::parse(pairs.iter().copied()).expect("valid");
            let (existing, declared) = (parse(existing), parse(declared));
            let nothing = matches_nothing();
            let changed = subscription_changes(&existing, &declared, &nothing);
            let blocks =
                |attribute: &SubscriptionAttribute| nothing.attribute(attribute.name()).as_ref() == Some(attribute);
            let set = changed.iter().map(|attribute| match attribute {
                attribute if blocks(attribute) => "FilterPolicy blocks",
                attribute => attribute.name().as_str(),
            });
            let set: Vec<_> = set.collect();
            assert_eq!(set, changes, "{existing:?} {declared:?}");
        }
    }
}
