//! `StartMessageMoveTask`, `CancelMessageMoveTask` and `ListMessageMoveTasks`.

use crate::limits::MOVE_TASKS_LISTED_MAX;
use crate::name::QueueAddress;
use crate::ranges::{MoveRate, PageSize};
use crate::time::Timestamp;

/// A move task's number: random, and given with the request that starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MoveTaskId([u8; 16]);

impl MoveTaskId {
    /// The task with these sixteen random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What names a move task to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveTaskHandle {
    /// The task.
    pub task: MoveTaskId,
    /// The queue that it moves messages out of.
    pub source: QueueAddress,
}

/// Starts moving the messages of a dead-letter queue back to where they came from, or elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct StartMessageMoveTask {
    /// The new task's number.
    pub task: MoveTaskId,
    /// `SourceArn`: the dead-letter queue.
    pub source: QueueAddress,
    /// `DestinationArn`; without it each message goes to the queue that it was dead-lettered from.
    pub destination: Option<QueueAddress>,
    /// `MaxNumberOfMessagesPerSecond`; without it as fast as the broker can.
    pub rate_per_second: Option<MoveRate>,
}

/// Stops a running task.
#[derive(Clone, Debug, PartialEq)]
pub struct CancelMessageMoveTask {
    /// `TaskHandle`
    pub handle: MoveTaskHandle,
}

/// Lists the latest tasks of a source queue.
#[derive(Clone, Debug, PartialEq)]
pub struct ListMessageMoveTasks {
    /// `SourceArn`
    pub source: QueueAddress,
    /// `MaxResults`
    pub results_max: PageSize<MOVE_TASKS_LISTED_MAX>,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveTaskStatus {
    /// `RUNNING`
    Running,
    /// `COMPLETED`
    Completed,
    /// `CANCELLED`
    Cancelled,
    /// `FAILED`
    Failed,
}

impl MoveTaskStatus {
    /// The status as SQS writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
        }
    }
}

/// One task of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct MoveTaskView {
    /// The task; SQS shows its handle only while it runs.
    pub handle: Option<MoveTaskHandle>,
    /// `Status`
    pub status: MoveTaskStatus,
    /// `SourceArn`
    pub source: QueueAddress,
    /// `DestinationArn`
    pub destination: Option<QueueAddress>,
    /// `MaxNumberOfMessagesPerSecond`
    pub rate_per_second: Option<MoveRate>,
    /// `ApproximateNumberOfMessagesMoved`
    pub moved: u64,
    /// `ApproximateNumberOfMessagesToMove`, as counted when the task started.
    pub to_move: u64,
    /// `FailureReason`, of a failed task.
    pub failure: Option<Box<str>>,
    /// `StartedTimestamp`
    pub started: Timestamp,
}
