//! `AddPermission` and `RemovePermission`: setting the attribute `Policy` by the statement.

use posthouse_model::operation::{AddPermission, RemovePermission, Reply};
use posthouse_model::{Action, AttributeChanges, Caller, Fault, QueueAttributeName, QueueId};

use super::{Answered, Decision, set_queue_attributes};
use crate::engine::turn::Turn;

pub(super) fn add(turn: &mut Turn<'_>, caller: &Caller, request: &AddPermission) -> Decision {
    let queue = turn.authorize_queue(caller, Action::AddPermission, &request.queue)?;
    let policy = posthouse_policy::queue::add_permission(turn.queue(queue).attributes.policy.as_deref(), request)?;
    set(turn, queue, &policy)
}

pub(super) fn remove(turn: &mut Turn<'_>, caller: &Caller, request: &RemovePermission) -> Decision {
    let queue = turn.authorize_queue(caller, Action::RemovePermission, &request.queue)?;
    let policy = posthouse_policy::queue::remove_permission(turn.queue(queue).attributes.policy.as_deref(), request)?;
    set(turn, queue, policy.as_deref().unwrap_or_default())
}

/// An empty text takes the policy away.
fn set(turn: &mut Turn<'_>, queue: QueueId, policy: &str) -> Result<Answered, Fault> {
    let changes = AttributeChanges::parse([(QueueAttributeName::Policy.as_str(), policy)])?;
    set_queue_attributes::change(turn, queue, &changes)?;
    Ok(Answered::done(turn, Reply::Done))
}
