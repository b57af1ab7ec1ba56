//! `TagQueue`, `UntagQueue` and `ListQueueTags`.

use posthouse_model::operation::{ListQueueTags, Reply, TagQueue, Tags, UntagQueue};
use posthouse_model::{Action, Caller, QueueId};
use posthouse_policy::Detail;

use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::event::Event;
use crate::event::queue::TagsChanged;

pub(super) fn tag(decision: &mut Decision<'_>, caller: &Caller, request: &TagQueue) -> DecisionResult {
    let queue = decision.authorize_queue_with(caller, Action::TagQueue, &request.queue, Detail::Tags(&request.tags))?;
    let tags = decision.queue(queue).tags.with(&request.tags)?;
    Ok(set(decision, queue, tags))
}

pub(super) fn untag(decision: &mut Decision<'_>, caller: &Caller, request: &UntagQueue) -> DecisionResult {
    let queue = decision.authorize_queue_with(
        caller,
        Action::UntagQueue,
        &request.queue,
        Detail::TagKeys(request.keys.as_set()),
    )?;
    let tags = decision.queue(queue).tags.without(request.keys.as_set());
    Ok(set(decision, queue, tags))
}

pub(super) fn list(decision: &mut Decision<'_>, caller: &Caller, request: &ListQueueTags) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::ListQueueTags, &request.queue)?;
    let queue = decision.queue(queue);
    Ok(Answered { reply: Reply::Tags(queue.tags.clone()), after: queue.changed })
}

fn set(decision: &mut Decision<'_>, queue: QueueId, tags: Tags) -> Answered {
    if decision.queue(queue).tags != tags {
        decision.emit(&Event::TagsChanged(TagsChanged { queue, time: decision.now, tags }));
        // Policies may have conditions on tags.
        decision.end_standing(queue);
    }
    Answered::done(decision, Reply::Done)
}
