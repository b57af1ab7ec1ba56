//! Deciding requests, one file for each operation or family, as `posthouse_model::operation` has them.
//!
//! A decision reads the state, may refuse with a fault, and otherwise writes down what happens; it changes nothing
//! itself. This file only says who decides what.

mod change_message_visibility;
mod create_queue;
mod delete_message;
mod get_queue_attributes;
mod list_queues;
mod message_move_task;
mod permission;
mod queue;
mod receive_message;
mod send_message;
mod set_queue_attributes;
mod tags;

use posthouse_model::operation::Reply;
use posthouse_model::{Call, Fault, Request};

use crate::answer::{Outcome, Token};
use crate::engine::turn::Turn;
use crate::journal::Position;

/// A reply, and the event that it waits for.
pub(crate) struct Answered {
    reply: Reply,
    after: Position,
}

impl Answered {
    /// A reply that says that something is done, whenever that happened.
    fn done(turn: &Turn<'_>, reply: Reply) -> Self {
        Self { reply, after: turn.end() }
    }
}

type Decision = Result<Answered, Fault>;

/// Decides one request and answers it, unless it is a receive that waits.
pub(crate) fn decide(turn: &mut Turn<'_>, token: Token, call: Call) {
    let Call { caller, request } = call;
    let decision = match &request {
        Request::AddPermission(request) => permission::add(turn, &caller, request),
        Request::CancelMessageMoveTask(request) => message_move_task::cancel(turn, &caller, request),
        Request::ChangeMessageVisibility(request) => change_message_visibility::one(turn, &caller, request),
        Request::ChangeMessageVisibilityBatch(request) => change_message_visibility::batch(turn, &caller, request),
        Request::CreateQueue(request) => create_queue::create(turn, &caller, request),
        Request::DeleteMessage(request) => delete_message::one(turn, &caller, request),
        Request::DeleteMessageBatch(request) => delete_message::batch(turn, &caller, request),
        Request::DeleteQueue(request) => queue::delete(turn, &caller, request),
        Request::GetQueueAttributes(request) => get_queue_attributes::get(turn, &caller, request),
        Request::GetQueueUrl(request) => queue::get_url(turn, &caller, request),
        Request::ListDeadLetterSourceQueues(request) => list_queues::sources(turn, &caller, request),
        Request::ListMessageMoveTasks(request) => message_move_task::list(turn, &caller, request),
        Request::ListQueueTags(request) => tags::list(turn, &caller, request),
        Request::ListQueues(request) => list_queues::list(turn, &caller, request),
        Request::PurgeQueue(request) => queue::purge(turn, &caller, request),
        Request::ReceiveMessage(request) => {
            return receive_message::receive(turn, &caller, token, request);
        }
        Request::RemovePermission(request) => permission::remove(turn, &caller, request),
        Request::SendMessage(request) => send_message::one(turn, &caller, request),
        Request::SendMessageBatch(request) => send_message::batch(turn, &caller, request),
        Request::SetQueueAttributes(request) => set_queue_attributes::set(turn, &caller, request),
        Request::StartMessageMoveTask(request) => message_move_task::start(turn, &caller, request),
        Request::TagQueue(request) => tags::tag(turn, &caller, request),
        Request::UntagQueue(request) => tags::untag(turn, &caller, request),
    };
    let (reply, after) = match decision {
        Ok(Answered { reply, after }) => (Ok(reply), after),
        Err(fault) => (Err(fault), Position::ZERO),
    };
    turn.answer(token, Outcome::Reply(reply), after);
}
