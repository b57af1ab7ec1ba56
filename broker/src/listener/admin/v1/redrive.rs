//! `/v1/queues/{account}/{name}/redrive`: moving the messages of a dead-letter queue back to where they came from, or to
//! another queue. It is the message move task of SQS.

use posthouse_model::operation::{
    CancelMessageMoveTask, ListMessageMoveTasks, MoveTaskHandle, MoveTaskId, MoveTaskView, StartMessageMoveTask,
};
use posthouse_model::ranges::MoveRate;
use posthouse_model::{MessageId, PageSize, QueueAddress};
use serde::{Deserialize, Serialize};

use super::answer::{Json, List, Time};
use super::error::{ApiError, Code};
use super::input::{Params, Parsed};
use super::queue_path::{Body, Core, InRegion, QueueOf};
use crate::core_client::ask;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// The ARN of the queue to move to. Without it each message goes to the queue that it was dead-lettered from.
    destination: Option<Parsed<QueueAddress>>,
    /// Without it as fast as the broker can.
    messages_per_second: Option<i64>,
}

#[derive(Serialize)]
pub(super) struct Started {
    task: String,
}

/// A task's number, as SQS shows it within a task's handle.
fn number(task: MoveTaskId) -> String {
    MessageId::from_bytes(*task.as_bytes()).to_string()
}

/// Starts to move.
pub(super) async fn start(
    Core(serving): Core,
    queue: QueueOf,
    _: Params<InRegion>,
    Body(order): Body<Order>,
) -> Result<Json<Started>, ApiError> {
    let rate = order.messages_per_second.map(MoveRate::new).transpose();
    let rate_per_second = rate.map_err(|error| {
        let (value, min, max) = (error.value, error.min, error.max);
        ApiError::bad_request(format!("`messages_per_second` is {value}; allowed: {min} to {max}"))
    })?;
    let task = StartMessageMoveTask {
        task: MoveTaskId::from_bytes(rand::random()),
        source: queue.address.clone(),
        destination: order.destination.map(|destination| destination.0),
        rate_per_second,
    };
    let handle = ask(&serving.inbox, queue.caller(), task).await?;
    Ok(Json(Started { task: number(handle.task) }))
}

#[derive(Serialize)]
pub(super) struct TaskView {
    /// `null` unless it runs.
    task: Option<String>,
    status: String,
    destination: Option<String>,
    messages_per_second: Option<u32>,
    moved: u64,
    /// As counted when the task started.
    to_move: u64,
    failure: Option<Box<str>>,
    started: Time,
}

impl From<MoveTaskView> for TaskView {
    fn from(view: MoveTaskView) -> Self {
        Self {
            task: view.handle.map(|handle| number(handle.task)),
            status: view.status.as_str().to_lowercase(),
            destination: view.destination.map(|destination| destination.to_string()),
            messages_per_second: view.rate_per_second.map(MoveRate::get),
            moved: view.moved,
            to_move: view.to_move,
            failure: view.failure,
            started: Time(view.started),
        }
    }
}

/// Answers with the latest tasks, the latest first.
pub(super) async fn show(
    Core(serving): Core,
    queue: QueueOf,
    _: Params<InRegion>,
) -> Result<Json<List<TaskView>>, ApiError> {
    let tasks = ListMessageMoveTasks { source: queue.address.clone(), results_max: PageSize::MAX };
    let tasks = ask(&serving.inbox, queue.caller(), tasks).await?;
    Ok(Json(List { items: tasks.into_iter().map(TaskView::from).collect(), next: None }))
}

#[derive(Serialize)]
pub(super) struct Cancelled {
    /// How many messages had been moved.
    moved: u64,
}

/// Stops the task that runs.
pub(super) async fn cancel(
    Core(serving): Core,
    queue: QueueOf,
    _: Params<InRegion>,
) -> Result<Json<Cancelled>, ApiError> {
    let tasks = ListMessageMoveTasks { source: queue.address.clone(), results_max: PageSize::MAX };
    let tasks = ask(&serving.inbox, queue.caller(), tasks).await?;
    let running: Option<MoveTaskHandle> = tasks.into_iter().find_map(|task| task.handle);
    let handle = running.ok_or_else(|| ApiError::new(Code::Conflict, "no redrive of this queue is running"))?;
    let moved = ask(&serving.inbox, queue.caller(), CancelMessageMoveTask { handle }).await?;
    Ok(Json(Cancelled { moved }))
}
