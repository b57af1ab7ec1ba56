//! Tasks that move messages from a dead-letter queue to where they came from, or elsewhere.

use std::future::IntoFuture;

use serde_json::{Value, json};

use super::output::{items, optional_text, text};
use super::{Admin, Boxed};
use crate::error::Result;

impl Admin {
    /// Starts to move all messages of a dead-letter queue, named by its ARN: await the builder. The output is the handle
    /// of the task.
    pub fn start_message_move(&self, source_arn: impl Into<String>) -> StartMessageMove {
        StartMessageMove { admin: self.clone(), source: source_arn.into(), destination: None, rate_max: None }
    }

    /// The latest tasks of a queue that is named by its ARN, up to ten, the newest first.
    pub async fn message_moves(&self, source_arn: &str) -> Result<Vec<MessageMove>> {
        let parameters = json!({"SourceArn": source_arn, "MaxResults": 10});
        let output = self.call("sqs.ListMessageMoveTasks", parameters).await?;
        Ok(items(&output, "Results").iter().map(MessageMove::read).collect())
    }

    /// Ends a task. Returns how many messages it had moved.
    pub async fn cancel_message_move(&self, task_handle: &str) -> Result<u64> {
        let output = self.call("sqs.CancelMessageMoveTask", json!({"TaskHandle": task_handle})).await?;
        Ok(output["ApproximateNumberOfMessagesMoved"].as_u64().unwrap_or_default())
    }
}

/// Starts a task that moves messages when it is awaited. See [`Admin::start_message_move`].
#[derive(Clone, Debug)]
#[must_use = "the task is started when this is awaited"]
pub struct StartMessageMove {
    admin: Admin,
    source: String,
    destination: Option<String>,
    rate_max: Option<u32>,
}

impl StartMessageMove {
    /// To the queue with this ARN. Without it, each message goes to the queue that it came from.
    pub fn to(mut self, destination_arn: impl Into<String>) -> Self {
        self.destination = Some(destination_arn.into());
        self
    }

    /// At most so many messages a second, from 1 to 500.
    pub fn rate_limit(mut self, per_second: u32) -> Self {
        self.rate_max = Some(per_second);
        self
    }
}

impl IntoFuture for StartMessageMove {
    type Output = Result<String>;
    type IntoFuture = Boxed<String>;

    fn into_future(self) -> Boxed<String> {
        let Self { admin, source, destination, rate_max } = self;
        let mut parameters = json!({"SourceArn": source});
        if let Some(destination) = destination {
            parameters["DestinationArn"] = destination.into();
        }
        if let Some(rate_max) = rate_max {
            parameters["MaxNumberOfMessagesPerSecond"] = rate_max.into();
        }
        Box::pin(async move {
            let output = admin.call("sqs.StartMessageMoveTask", parameters).await?;
            Ok(text(&output, "TaskHandle"))
        })
    }
}

/// A task that moves messages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageMove {
    /// What [`Admin::cancel_message_move`] takes. `None` when the task has ended.
    pub task_handle: Option<String>,
    /// `RUNNING`, `COMPLETED`, `CANCELLING`, `CANCELLED` or `FAILED`.
    pub status: String,
    /// The ARN of the queue that messages are moved from.
    pub source_arn: String,
    /// The ARN of the queue that all messages go to, if there is one.
    pub destination_arn: Option<String>,
    /// Messages that were moved.
    pub moved: u64,
    /// Messages that were in the queue when the task began.
    pub to_move: Option<u64>,
    /// Why the task failed.
    pub failure: Option<String>,
}

impl MessageMove {
    fn read(item: &Value) -> Self {
        Self {
            task_handle: optional_text(item, "TaskHandle"),
            status: text(item, "Status"),
            source_arn: text(item, "SourceArn"),
            destination_arn: optional_text(item, "DestinationArn"),
            moved: item["ApproximateNumberOfMessagesMoved"].as_u64().unwrap_or_default(),
            to_move: item["ApproximateNumberOfMessagesToMove"].as_u64(),
            failure: optional_text(item, "FailureReason"),
        }
    }
}
