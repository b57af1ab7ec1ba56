//! SNS's `AddPermission` and `RemovePermission`: setting a topic's `Policy` by the statement.

use posthouse_model::operation::{AddTopicPermission, RemoveTopicPermission, Reply};
use posthouse_model::topic_attributes::TopicAttributeName;
use posthouse_model::{Action, Caller, TopicAddress};

use super::{Answered, Decision, topic};
use crate::engine::turn::Turn;

pub(super) fn add(turn: &mut Turn<'_>, caller: &Caller, request: &AddTopicPermission) -> Decision {
    turn.authorize_topic(caller, Action::AddTopicPermission, &request.topic)?;
    let policy = posthouse_policy::topic::add_permission(existing(turn, &request.topic), request)?;
    set(turn, &request.topic, &policy)
}

pub(super) fn remove(turn: &mut Turn<'_>, caller: &Caller, request: &RemoveTopicPermission) -> Decision {
    turn.authorize_topic(caller, Action::RemoveTopicPermission, &request.topic)?;
    let policy = posthouse_policy::topic::remove_permission(existing(turn, &request.topic), request)?;
    set(turn, &request.topic, policy.as_deref().unwrap_or_default())
}

fn existing<'a>(turn: &'a Turn<'_>, topic: &TopicAddress) -> Option<&'a str> {
    turn.topic(topic).attributes.get(TopicAttributeName::Policy)
}

/// An empty text takes the policy away.
fn set(turn: &mut Turn<'_>, topic: &TopicAddress, policy: &str) -> Decision {
    topic::change(turn, topic, |event| event.attributes.set(TopicAttributeName::Policy, policy))?;
    Ok(Answered::done(turn, Reply::Done))
}
