//! `StartMessageMoveTask`, `CancelMessageMoveTask` and `ListMessageMoveTasks`. The moving itself is in
//! `decision::moving`.

use posthouse_model::fault::{InvalidValue, MissingResource, Unsupported};
use posthouse_model::operation::{
    CancelMessageMoveTask, ListMessageMoveTasks, MoveTaskHandle, MoveTaskStatus, MoveTaskView, Reply,
    StartMessageMoveTask,
};
use posthouse_model::{Action, Caller, Fault, QueueAddress, QueueId};

use super::{Answered, DecisionResult};
use crate::access::Resource;
use crate::decision::Decision;
use crate::event::Event;
use crate::event::move_task::{MoveTaskEnded, MoveTaskStarted};
use crate::queue::move_task::MoveTask;

pub(super) fn start(decision: &mut Decision<'_>, caller: &Caller, request: &StartMessageMoveTask) -> DecisionResult {
    let source = authorize(decision, caller, Action::StartMessageMoveTask, &request.source)?;
    // The broker receives, deletes and sends for the caller (SQS Developer Guide, "Configuring queue permissions for
    // dead-letter queue redrive").
    authorize(decision, caller, Action::ReceiveMessage, &request.source)?;
    authorize(decision, caller, Action::DeleteMessage, &request.source)?;
    if decision.state().sources_of(&request.source, None).next().is_none() {
        return Err(Fault::invalid(InvalidValue::NotADeadLetterQueue));
    }
    if let Some(destination) = &request.destination {
        check_destination(decision, caller, source, destination)?;
    }
    let queue = decision.queue(source);
    if queue.running_task().is_some() {
        return Err(Fault::invalid(InvalidValue::MoveTaskRuns));
    }
    authorize_sends(decision, caller, request)?;
    let to_move = queue.messages.visible() as u64;
    decision.emit(&Event::MoveTaskStarted(MoveTaskStarted {
        source,
        time: decision.now,
        task: request.task,
        destination: request.destination.clone(),
        rate_per_second: request.rate_per_second,
        to_move,
    }));
    let handle = MoveTaskHandle { task: request.task, source: request.source.clone() };
    Ok(Answered::done(decision, Reply::StartMessageMoveTask(handle)))
}

/// Checks that the caller may send to the queues that messages can be moved to: the destination, or without one each
/// queue whose dead letters the source takes.
fn authorize_sends(decision: &Decision<'_>, caller: &Caller, request: &StartMessageMoveTask) -> Result<(), Fault> {
    // No policy binds an account itself, and there may be as many sources as queues.
    if caller.identity.is_root() {
        return Ok(());
    }
    let send = |queue: &QueueAddress| {
        let found = decision.state().find(queue);
        decision.authorize(caller, Action::SendMessage, Resource::Queue(queue, found))
    };
    match &request.destination {
        Some(destination) => send(destination),
        None => {
            let sources = decision.state().sources_of(&request.source, None);
            sources.filter(|queue| !queue.name.is_internal()).try_for_each(|queue| send(queue))
        }
    }
}

fn check_destination(
    decision: &Decision<'_>,
    caller: &Caller,
    source: QueueId,
    destination: &QueueAddress,
) -> Result<(), Fault> {
    let missing = || no_queue("DestinationArn");
    let found = decision.state().find(destination).filter(|_| caller.account() == Some(destination.account));
    let found = decision.queue(found.ok_or_else(missing)?);
    if found.id == source {
        return Err(Fault::invalid(InvalidValue::SameQueue));
    }
    if found.is_fifo() != decision.queue(source).is_fifo() {
        return Err(Fault::invalid(InvalidValue::QueueTypesDiffer));
    }
    Ok(())
}

pub(super) fn cancel(decision: &mut Decision<'_>, caller: &Caller, request: &CancelMessageMoveTask) -> DecisionResult {
    let source = authorize(decision, caller, Action::CancelMessageMoveTask, &request.handle.source)?;
    let task = decision.queue(source).move_tasks.iter().find(|task| task.id == request.handle.task);
    let task = task.ok_or_else(|| Fault::ResourceNotFound(MissingResource::MoveTask))?;
    if !task.is_running() {
        return Err(Fault::UnsupportedOperation(Unsupported::MoveTaskHasEnded));
    }
    let moved = task.moved;
    decision.emit(&Event::MoveTaskEnded(MoveTaskEnded {
        source,
        time: decision.now,
        task: request.handle.task,
        status: MoveTaskStatus::Cancelled,
        failure: "",
    }));
    Ok(Answered::done(decision, Reply::CancelMessageMoveTask(moved)))
}

pub(super) fn list(decision: &mut Decision<'_>, caller: &Caller, request: &ListMessageMoveTasks) -> DecisionResult {
    let source = authorize(decision, caller, Action::ListMessageMoveTasks, &request.source)?;
    let queue = decision.queue(source);
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

/// The source queue, if the caller may call the action on it. These operations answer with `ResourceNotFoundException`
/// if it does not exist (SQS API reference, `StartMessageMoveTask`).
fn authorize(
    decision: &mut Decision<'_>,
    caller: &Caller,
    action: Action,
    source: &QueueAddress,
) -> Result<QueueId, Fault> {
    decision.authorize_queue(caller, action, source).map_err(|fault| match fault {
        Fault::QueueDoesNotExist => no_queue("SourceArn"),
        other => other,
    })
}

const fn no_queue(parameter: &'static str) -> Fault {
    Fault::ResourceNotFound(MissingResource::Queue { parameter })
}
