//! `TagResource`, `UntagResource` and `ListTagsForResource`: the tags of topics.

use posthouse_model::fault::SnsMissing;
use posthouse_model::operation::{ListTagsForResource, Reply, TagResource, UntagResource};
use posthouse_model::{Action, Caller, Fault, SnsFault, TopicAddress};

use super::{Answered, Decision, topic};
use crate::engine::turn::Turn;

pub(super) fn tag(turn: &mut Turn<'_>, caller: &Caller, request: &TagResource) -> Decision {
    authorize(turn, caller, Action::TagResource, &request.topic)?;
    topic::change(turn, &request.topic, |event| {
        event.tags = event.tags.with(&request.tags).map_err(|_| SnsFault::TagLimitExceeded)?;
        Ok(())
    })?;
    Ok(Answered::done(turn, Reply::Done))
}

pub(super) fn untag(turn: &mut Turn<'_>, caller: &Caller, request: &UntagResource) -> Decision {
    authorize(turn, caller, Action::UntagResource, &request.topic)?;
    topic::change(turn, &request.topic, |event| {
        event.tags = event.tags.without(&request.keys);
        Ok(())
    })?;
    Ok(Answered::done(turn, Reply::Done))
}

pub(super) fn list(turn: &mut Turn<'_>, caller: &Caller, request: &ListTagsForResource) -> Decision {
    authorize(turn, caller, Action::ListTagsForResource, &request.topic)?;
    let topic = turn.topic(&request.topic);
    Ok(Answered { reply: Reply::Tags(topic.tags.clone()), after: topic.changed })
}

/// Here a topic that does not exist is a resource that is not found.
fn authorize(turn: &Turn<'_>, caller: &Caller, action: Action, topic: &TopicAddress) -> Result<(), Fault> {
    turn.authorize_topic(caller, action, topic).map_err(|fault| match fault {
        Fault::Sns(SnsFault::NotFound(_)) => SnsFault::ResourceNotFound(SnsMissing::Tagged).into(),
        other => other,
    })
}
