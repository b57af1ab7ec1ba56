//! `OpenConsumer`: whether a consumer may receive from a queue, and what it needs to know.

use posthouse_model::operation::{ConsumerOpened, OpenConsumer, Reply};
use posthouse_model::{Action, Caller};

use super::{Answered, DecisionResult};
use crate::decision::Decision;

pub(super) fn open(decision: &mut Decision<'_>, caller: &Caller, request: &OpenConsumer) -> DecisionResult {
    let id = decision.authorize_queue(caller, Action::ReceiveMessage, &request.queue)?;
    decision.authorize_queue(caller, Action::DeleteMessage, &request.queue)?;
    let queue = decision.queue(id);
    let opened = ConsumerOpened {
        visibility_timeout: queue.attributes.visibility_timeout,
        fifo: queue.is_fifo(),
        has_dead_letter_queue: decision.redrive(id).is_some(),
    };
    Ok(Answered { reply: Reply::ConsumerOpened(opened), after: queue.changed })
}
