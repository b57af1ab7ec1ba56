//! `TagResource`, `UntagResource` and `ListTagsForResource`: the tags of topics.

use posthouse_model::fault::SnsMissing;
use posthouse_model::operation::{ListTagsForResource, Reply, TagResource, UntagResource};
use posthouse_model::{Action, Caller, Fault, SnsFault, TopicAddress};
use posthouse_policy::Detail;

use super::{Answered, DecisionResult, topic};
use crate::decision::Decision;

pub(super) fn tag(decision: &mut Decision<'_>, caller: &Caller, request: &TagResource) -> DecisionResult {
    authorize(decision, caller, Action::TagResource, &request.topic, Detail::Tags(&request.tags))?;
    topic::change(decision, &request.topic, |definition| {
        definition.tags = definition.tags.with(&request.tags).map_err(|_| SnsFault::TagLimitExceeded)?;
        Ok(())
    })?;
    Ok(Answered::done(decision, Reply::Done))
}

pub(super) fn untag(decision: &mut Decision<'_>, caller: &Caller, request: &UntagResource) -> DecisionResult {
    authorize(decision, caller, Action::UntagResource, &request.topic, Detail::TagKeys(&request.keys))?;
    topic::change(decision, &request.topic, |definition| {
        definition.tags = definition.tags.without(&request.keys);
        Ok(())
    })?;
    Ok(Answered::done(decision, Reply::Done))
}

pub(super) fn list(decision: &mut Decision<'_>, caller: &Caller, request: &ListTagsForResource) -> DecisionResult {
    authorize(decision, caller, Action::ListTagsForResource, &request.topic, Detail::None)?;
    let topic = decision.topic(&request.topic);
    Ok(Answered { reply: Reply::Tags(topic.definition.tags.clone()), after: topic.changed })
}

/// Succeeds if the caller may call the action on a topic. These operations answer with `ResourceNotFoundException` if
/// it does not exist (SNS API reference, `TagResource`).
fn authorize(
    decision: &Decision<'_>,
    caller: &Caller,
    action: Action,
    topic: &TopicAddress,
    detail: Detail<'_>,
) -> Result<(), Fault> {
    decision.authorize_topic_with(caller, action, topic, detail).map_err(|fault| match fault {
        Fault::Sns(SnsFault::NotFound(_)) => SnsFault::ResourceNotFound(SnsMissing::Tagged).into(),
        other => other,
    })
}
