//! `StartMessageMoveTask`, `CancelMessageMoveTask` and `ListMessageMoveTasks`. The moving itself is in
//! `engine::moving`.

use posthouse_model::fault::{MissingResource, Unsupported};
use posthouse_model::operation::{
    CancelMessageMoveTask, ListMessageMoveTasks, MoveTaskHandle, MoveTaskStatus, MoveTaskView, Reply,
    StartMessageMoveTask,
};
use posthouse_model::{Action, Caller, Fault, QueueAddress, QueueId};

use super::{Answered, Decision};
use crate::engine::turn::Turn;
use crate::event::Event;
use crate::event::move_task::{MoveTaskEnded, MoveTaskStarted};
use crate::queue::move_task::MoveTask;

pub(super) fn start(turn: &mut Turn<'_>, caller: &Caller, request: &StartMessageMoveTask) -> Decision {
    let source = authorize(turn, caller, Action::StartMessageMoveTask, &request.source)?;
    if turn.state().sources_of(&request.source).is_none() {
        return Err(Fault::invalid_parameter("Source queue must be configured as a Dead Letter Queue."));
    }
    if let Some(destination) = &request.destination {
        check_destination(turn, caller, source, destination)?;
    }
    let queue = turn.queue(source);
    if queue.running_task().is_some() {
        return Err(Fault::UnsupportedOperation(Unsupported::MoveTaskRuns));
    }
    let to_move = queue.messages.visible() as u64;
    turn.emit(&Event::MoveTaskStarted(MoveTaskStarted {
        source,
        time: turn.now,
        task: request.task,
        destination: request.destination.clone(),
        rate_per_second: request.rate_per_second,
        to_move,
    }));
    let handle = MoveTaskHandle { task: request.task, source: request.source.clone() };
    Ok(Answered::done(turn, Reply::StartMessageMoveTask(handle)))
}

fn check_destination(
    turn: &Turn<'_>,
    caller: &Caller,
    source: QueueId,
    destination: &QueueAddress,
) -> Result<(), Fault> {
    let missing = || no_queue("DestinationArn");
    let found = turn.state().find(destination).filter(|_| caller.account() == Some(destination.account));
    let found = turn.queue(found.ok_or_else(missing)?);
    if found.id == source {
        return Err(Fault::invalid_parameter("Source queue arn and destination queue arn cannot be the same."));
    }
    if found.is_fifo() != turn.queue(source).is_fifo() {
        return Err(Fault::invalid_parameter("Source queue and destination queue must be of the same type."));
    }
    Ok(())
}

pub(super) fn cancel(turn: &mut Turn<'_>, caller: &Caller, request: &CancelMessageMoveTask) -> Decision {
    let source = authorize(turn, caller, Action::CancelMessageMoveTask, &request.handle.source)?;
    let task = turn.queue(source).move_tasks.iter().find(|task| task.id == request.handle.task);
    let task = task.ok_or_else(|| Fault::ResourceNotFound(MissingResource::MoveTask))?;
    if !task.is_running() {
        return Err(Fault::UnsupportedOperation(Unsupported::MoveTaskHasEnded));
    }
    let moved = task.moved;
    turn.emit(&Event::MoveTaskEnded(MoveTaskEnded {
        source,
        time: turn.now,
        task: request.handle.task,
        status: MoveTaskStatus::Cancelled,
        failure: "",
    }));
    Ok(Answered::done(turn, Reply::CancelMessageMoveTask(moved)))
}

pub(super) fn list(turn: &mut Turn<'_>, caller: &Caller, request: &ListMessageMoveTasks) -> Decision {
    let source = authorize(turn, caller, Action::ListMessageMoveTasks, &request.source)?;
    let queue = turn.queue(source);
    let tasks = queue.move_tasks.iter().take(request.results_max.get() as usize).map(|task| view(task, &queue.address));
    Ok(Answered { reply: Reply::MoveTasks(tasks.collect()), after: queue.changed })
}

fn view(task: &MoveTask, source: &QueueAddress) -> MoveTaskView {
    let handle = || MoveTaskHandle { task: task.id, source: source.clone() };
    MoveTaskView {
        handle: task.is_running().then(handle),
        status: task.status,
        source: source.clone(),
        destination: task.destination.clone(),
        rate_per_second: task.rate_per_second,
        moved: task.moved,
        to_move: task.to_move,
        failure: task.failure.clone(),
        started: task.started,
    }
}

/// Here a queue that does not exist is a resource that is not found.
fn authorize(turn: &mut Turn<'_>, caller: &Caller, action: Action, source: &QueueAddress) -> Result<QueueId, Fault> {
    turn.authorize_queue(caller, action, source).map_err(|fault| match fault {
        Fault::QueueDoesNotExist => no_queue("SourceArn"),
        other => other,
    })
}

const fn no_queue(parameter: &'static str) -> Fault {
    Fault::ResourceNotFound(MissingResource::Queue { parameter })
}
