//! `DeleteQueue`, `GetQueueUrl` and `PurgeQueue`.

use posthouse_model::operation::{DeleteQueue, GetQueueUrl, PurgeQueue, Reply};
use posthouse_model::{Action, Caller, Fault};

use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::event::Event;
use crate::event::queue::Emptied;

pub(super) fn delete(decision: &mut Decision<'_>, caller: &Caller, request: &DeleteQueue) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::DeleteQueue, &request.queue)?;
    decision.emit(&Event::QueueDeleted(Emptied { queue, time: decision.now }));
    Ok(Answered::done(decision, Reply::Done))
}

pub(super) fn get_url(decision: &mut Decision<'_>, caller: &Caller, request: &GetQueueUrl) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::GetQueueUrl, &request.queue)?;
    let queue = decision.queue(queue);
    Ok(Answered { reply: Reply::Queue((*queue.address).clone()), after: queue.changed })
}

pub(super) fn purge(decision: &mut Decision<'_>, caller: &Caller, request: &PurgeQueue) -> DecisionResult {
    let id = decision.authorize_queue(caller, Action::PurgeQueue, &request.queue)?;
    let interval = decision.state().options.purge_interval;
    let queue = decision.queue(id);
    if queue.purged.is_some_and(|purged| purged + interval > decision.now) {
        return Err(Fault::PurgeQueueInProgress { queue: queue.address.name.clone(), interval });
    }
    decision.emit(&Event::Purged(Emptied { queue: id, time: decision.now }));
    Ok(Answered::done(decision, Reply::Done))
}
