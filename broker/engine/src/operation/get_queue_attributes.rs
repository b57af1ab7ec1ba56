//! `GetQueueAttributes`.

use posthouse_model::operation::{GetQueueAttributes, Reply};
use posthouse_model::{Action, Caller, QueueAttributeName};

use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::queue::Queue;

pub(super) fn get(decision: &mut Decision<'_>, caller: &Caller, request: &GetQueueAttributes) -> DecisionResult {
    let id = decision.authorize_queue(caller, Action::GetQueueAttributes, &request.queue)?;
    let queue = decision.queue(id);
    let view = request.names.iter().filter_map(|name| show(queue, *name).map(|value| (*name, value))).collect();
    Ok(Answered { reply: Reply::Attributes(view), after: queue.changed })
}

fn show(queue: &Queue, name: QueueAttributeName) -> Option<String> {
    use QueueAttributeName as Name;
    match name {
        // An attribute that AWS does not have is shown only where it says something.
        Name::ApproximateNumberOfDamagedMessages => {
            Some(queue.damaged.len()).filter(|damaged| *damaged > 0).map(|damaged| damaged.to_string())
        }
        Name::ApproximateNumberOfMessages => Some(queue.messages.visible().to_string()),
        Name::ApproximateNumberOfMessagesDelayed => Some(queue.messages.delayed().to_string()),
        Name::ApproximateNumberOfMessagesNotVisible => Some(queue.messages.in_flight().to_string()),
        Name::CreatedTimestamp => Some(queue.created.as_secs().to_string()),
        Name::LastModifiedTimestamp => Some(queue.modified.as_secs().to_string()),
        Name::QueueArn => Some(queue.address.to_string()),
        _ => queue.attributes.get(name),
    }
}
