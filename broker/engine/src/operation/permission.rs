//! `AddPermission` and `RemovePermission`: they add a statement to the attribute `Policy` and remove one from it.

use posthouse_model::operation::{AddPermission, RemovePermission, Reply};
use posthouse_model::{Action, AttributeChanges, Caller, Fault, QueueAttributeName, QueueId};

use super::{Answered, DecisionResult, set_queue_attributes};
use crate::decision::Decision;

pub(super) fn add(decision: &mut Decision<'_>, caller: &Caller, request: &AddPermission) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::AddPermission, &request.queue)?;
    let policy = posthouse_policy::queue::add_permission(decision.queue(queue).attributes.policy.as_deref(), request)?;
    set(decision, queue, &policy)
}

pub(super) fn remove(decision: &mut Decision<'_>, caller: &Caller, request: &RemovePermission) -> DecisionResult {
    let queue = decision.authorize_queue(caller, Action::RemovePermission, &request.queue)?;
    let policy =
        posthouse_policy::queue::remove_permission(decision.queue(queue).attributes.policy.as_deref(), request)?;
    set(decision, queue, policy.as_deref().unwrap_or_default())
}

/// Sets the policy of a queue. An empty text removes it.
fn set(decision: &mut Decision<'_>, queue: QueueId, policy: &str) -> Result<Answered, Fault> {
    let changes = AttributeChanges::parse([(QueueAttributeName::Policy.as_str(), policy)])?;
    set_queue_attributes::change(decision, queue, &changes)?;
    Ok(Answered::done(decision, Reply::Done))
}
