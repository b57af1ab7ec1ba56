//! `TagQueue`, `UntagQueue` and `ListQueueTags`.

use posthouse_model::operation::{ListQueueTags, Reply, TagQueue, Tags, UntagQueue};
use posthouse_model::{Action, Caller, QueueId};

use super::{Answered, Decision};
use crate::engine::turn::Turn;
use crate::event::Event;
use crate::event::queue::TagsChanged;

pub(super) fn tag(turn: &mut Turn<'_>, caller: &Caller, request: &TagQueue) -> Decision {
    let queue = turn.authorize_queue(caller, Action::TagQueue, &request.queue)?;
    let tags = turn.queue(queue).tags.with(&request.tags)?;
    Ok(set(turn, queue, tags))
}

pub(super) fn untag(turn: &mut Turn<'_>, caller: &Caller, request: &UntagQueue) -> Decision {
    let queue = turn.authorize_queue(caller, Action::UntagQueue, &request.queue)?;
    let tags = turn.queue(queue).tags.without(&request.keys);
    Ok(set(turn, queue, tags))
}

pub(super) fn list(turn: &mut Turn<'_>, caller: &Caller, request: &ListQueueTags) -> Decision {
    let queue = turn.authorize_queue(caller, Action::ListQueueTags, &request.queue)?;
    let queue = turn.queue(queue);
    Ok(Answered { reply: Reply::Tags(queue.tags.clone()), after: queue.changed })
}

fn set(turn: &mut Turn<'_>, queue: QueueId, tags: Tags) -> Answered {
    if turn.queue(queue).tags != tags {
        turn.emit(&Event::TagsChanged(TagsChanged { queue, time: turn.now, tags }));
    }
    Answered::done(turn, Reply::Done)
}
