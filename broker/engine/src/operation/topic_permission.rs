//! `AddPermission` and `RemovePermission` of SNS: they add a statement to a topic's `Policy` and remove one from it.

use posthouse_model::operation::{AddTopicPermission, RemoveTopicPermission, Reply};
use posthouse_model::topic_attributes::TopicAttribute;
use posthouse_model::{Action, Caller, TopicAddress};

use super::{Answered, DecisionResult, topic};
use crate::decision::Decision;

pub(super) fn add(decision: &mut Decision<'_>, caller: &Caller, request: &AddTopicPermission) -> DecisionResult {
    decision.authorize_topic(caller, Action::AddTopicPermission, &request.topic)?;
    let policy = posthouse_policy::topic::add_permission(existing(decision, &request.topic), request)?;
    set(decision, &request.topic, Some(policy.into()))
}

pub(super) fn remove(decision: &mut Decision<'_>, caller: &Caller, request: &RemoveTopicPermission) -> DecisionResult {
    decision.authorize_topic(caller, Action::RemoveTopicPermission, &request.topic)?;
    let policy = posthouse_policy::topic::remove_permission(existing(decision, &request.topic), request)?;
    set(decision, &request.topic, policy.map(Into::into))
}

fn existing<'a>(decision: &'a Decision<'_>, topic: &TopicAddress) -> Option<&'a str> {
    decision.topic(topic).definition.attributes.policy()
}

/// Sets the policy of a topic, or removes it.
fn set(decision: &mut Decision<'_>, topic: &TopicAddress, policy: Option<Box<str>>) -> DecisionResult {
    topic::change(decision, topic, |definition| {
        definition.attributes.set(TopicAttribute::Policy(policy));
        Ok(())
    })?;
    Ok(Answered::done(decision, Reply::Done))
}
