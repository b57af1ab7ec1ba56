//! `SetQueueAttributes`, and setting attributes in general.

use posthouse_model::operation::{Reply, SetQueueAttributes};
use posthouse_model::{Action, AttributeChanges, Caller, Fault, QueueAttributeName, QueueId};

use super::{Answered, Decision, create_queue};
use crate::engine::turn::Turn;
use crate::event::Event;
use crate::event::queue::{AttributesChanged, Settings};

pub(super) fn set(turn: &mut Turn<'_>, caller: &Caller, request: &SetQueueAttributes) -> Decision {
    let queue = turn.authorize_queue(caller, Action::SetQueueAttributes, &request.queue)?;
    change(turn, queue, &request.changes)?;
    Ok(Answered::done(turn, Reply::Done))
}

/// Changes attributes of a queue, if all of them can be.
pub(super) fn change(turn: &mut Turn<'_>, id: QueueId, changes: &AttributeChanges) -> Result<(), Fault> {
    let queue = turn.queue(id);
    let attributes = changes.apply(&queue.attributes)?;
    if attributes.fifo != queue.attributes.fifo {
        // A queue's type is settled when it is created.
        return Err(Fault::InvalidAttributeName(QueueAttributeName::FifoQueue.as_str().into()));
    }
    create_queue::check(turn, &queue.address, changes, &attributes)?;
    let settings = Settings::of(&attributes);
    turn.emit(&Event::AttributesChanged(AttributesChanged { queue: id, time: turn.now, settings }));
    Ok(())
}
