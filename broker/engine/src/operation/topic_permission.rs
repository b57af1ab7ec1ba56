//! `AddPermission` and `RemovePermission` of SNS: they add a statement to a topic's `Policy` and remove one from it.

use posthouse_model::operation::{AddTopicPermission, RemoveTopicPermission, Reply};
use posthouse_model::topic_attributes::TopicAttributeName;
use posthouse_model::{Action, Caller, TopicAddress};

use super::{Answered, DecisionResult, topic};
use crate::decision::Decision;

pub(super) fn add(decision: &mut Decision<'_>, caller: &Caller, request: &AddTopicPermission) -> DecisionResult {
    decision.authorize_topic(caller, Action::AddTopicPermission, &request.topic)?;
    let policy = posthouse_policy::topic::add_permission(existing(decision, &request.topic), request)?;
    set(decision, &request.topic, &policy)
}

pub(super) fn remove(decision: &mut Decision<'_>, caller: &Caller, request: &RemoveTopicPermission) -> DecisionResult {
    decision.authorize_topic(caller, Action::RemoveTopicPermission, &request.topic)?;
    let policy = posthouse_policy::topic::remove_permission(existing(decision, &request.topic), request)?;
    set(decision, &request.topic, policy.as_deref().unwrap_or_default())
}

fn existing<'a>(decision: &'a Decision<'_>, topic: &TopicAddress) -> Option<&'a str> {
    decision.topic(topic).attributes.get(TopicAttributeName::Policy)
}

/// Sets the policy of a topic. An empty text removes it.
fn set(decision: &mut Decision<'_>, topic: &TopicAddress, policy: &str) -> DecisionResult {
    topic::change(decision, topic, |event| event.attributes.set(TopicAttributeName::Policy, policy))?;
    Ok(Answered::done(decision, Reply::Done))
}
