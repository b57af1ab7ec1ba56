//! `SetQueueAttributes`, and setting attributes in general.

use posthouse_model::fault::AttributeRule;
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
    let fifo = QueueAttributeName::FifoQueue;
    // A standard queue does not know the attribute, whatever its value (recorded from AWS).
    if !queue.is_fifo() && changes.get(fifo).is_some() {
        return Err(Fault::unknown_attribute(fifo.as_str()));
    }
    let attributes = changes.apply(&queue.attributes)?;
    if queue.is_fifo() && !attributes.fifo {
        return Err(Fault::InvalidAttributeValue { attribute: fifo.as_str(), rule: Some(AttributeRule::TypeIsFixed) });
    }
    create_queue::check(decision, &queue.address, changes, &attributes)?;
    let is_policy_new = attributes.policy != queue.attributes.policy;
    let settings = Settings::of(&attributes);
    decision.emit(&Event::AttributesChanged(AttributesChanged { queue: id, time: decision.now, settings }));
    if is_policy_new {
        decision.end_standing(id);
    }
    Ok(())
}
