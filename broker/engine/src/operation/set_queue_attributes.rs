//! `SetQueueAttributes`, and setting attributes in general.

use posthouse_model::operation::{Reply, SetQueueAttributes};
use posthouse_model::{Action, AttributeChanges, Caller, Fault, QueueAttributeName, QueueId};

use super::{Answered, DecisionResult, create_queue};
use crate::decision::Decision;
use crate::event::Event;
use crate::event::queue::{AttributesChanged, Settings};

pub(super) fn set(decision: &mut Decision<'_>, caller: &Caller, request: &SetQueueAttributes) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::SetQueueAttributes, &request.queue)?;
    change(decision, queue, &request.changes)?;
    Ok(Answered::done(decision, Reply::Done))
}

/// Changes attributes of a queue: all of them, or none with an error.
pub(super) fn change(decision: &mut Decision<'_>, id: QueueId, changes: &AttributeChanges) -> Result<(), Fault> {
    let queue = decision.queue(id);
    let attributes = changes.apply(&queue.attributes)?;
    if attributes.fifo != queue.attributes.fifo {
        // The type of a queue cannot be changed (SQS API reference, `SetQueueAttributes`, `FifoQueue`).
        return Err(Fault::InvalidAttributeName(QueueAttributeName::FifoQueue.as_str().into()));
    }
    create_queue::check(decision, &queue.address, changes, &attributes)?;
    let settings = Settings::of(&attributes);
    decision.emit(&Event::AttributesChanged(AttributesChanged { queue: id, time: decision.now, settings }));
    Ok(())
}
