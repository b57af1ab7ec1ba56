//! `DeleteQueue`, `GetQueueUrl` and `PurgeQueue`.

use posthouse_model::operation::{DeleteQueue, GetQueueUrl, PurgeQueue, Reply};
use posthouse_model::{Action, Caller, Fault};

use super::{Answered, Decision};
use crate::engine::turn::Turn;
use crate::event::Event;
use crate::event::queue::Emptied;

pub(super) fn delete(turn: &mut Turn<'_>, caller: &Caller, request: &DeleteQueue) -> Decision {
    let queue = turn.authorize_queue(caller, Action::DeleteQueue, &request.queue)?;
    turn.emit(&Event::QueueDeleted(Emptied { queue, time: turn.now }));
    Ok(Answered::done(turn, Reply::Done))
}

pub(super) fn get_url(turn: &mut Turn<'_>, caller: &Caller, request: &GetQueueUrl) -> Decision {
    let queue = turn.authorize_queue(caller, Action::GetQueueUrl, &request.queue)?;
    let queue = turn.queue(queue);
    Ok(Answered { reply: Reply::Queue((*queue.address).clone()), after: queue.changed })
}

pub(super) fn purge(turn: &mut Turn<'_>, caller: &Caller, request: &PurgeQueue) -> Decision {
    let id = turn.authorize_queue(caller, Action::PurgeQueue, &request.queue)?;
    let interval = turn.state().options.purge_interval;
    let queue = turn.queue(id);
    if queue.purged.is_some_and(|purged| purged + interval > turn.now) {
        return Err(Fault::PurgeQueueInProgress { queue: queue.address.name.clone(), interval });
    }
    turn.emit(&Event::Purged(Emptied { queue: id, time: turn.now }));
    Ok(Answered::done(turn, Reply::Done))
}
