//! Makes and removes queues, topics and subscriptions, by calls that have the parameters of the AWS API.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use posthouse_client::{Client, Error, ErrorKind};
use serde_json::{Value, json};

use super::failure;
use crate::target::{Failure, Kind, Layout};
use crate::targets::aws::Parameters;
use crate::targets::sns::setup::{create_queue, create_topic, queue_arn, subscribe};
use crate::targets::sqs::new_queue;

pub(super) use crate::targets::sns::setup::{queue_name, topic_name};

/// Calls that are under way at once.
const CALLS: usize = 32;

/// Makes the queue, or the topic with its queues and subscriptions.
pub(super) async fn make(client: &Client, layout: &Layout) -> Result<(), Failure> {
    match layout.kind {
        Kind::Queue | Kind::Fifo | Kind::Delay(_) => {
            call(client, "sqs.CreateQueue", new_queue(&queue_name(layout, 0), layout)).await?;
            Ok(())
        }
        Kind::Fanout { queues, .. } => {
            let topic = topic_arn(client, layout).await?;
            let made = stream::iter(0..queues).map(|destination| make_queue(client, layout, &topic, destination));
            made.buffer_unordered(CALLS).try_collect().await
        }
    }
}

async fn make_queue(client: &Client, layout: &Layout, topic: &str, destination: u32) -> Result<(), Failure> {
    let name = queue_name(layout, destination);
    let arn = queue_arn(topic, &name)?;
    call(client, "sqs.CreateQueue", create_queue(&name, &arn, topic, layout)).await?;
    call(client, "sns.Subscribe", subscribe(topic, &arn, layout.kind, destination)).await?;
    Ok(())
}

/// Removes what was made, as far as it exists.
pub(super) async fn unmake(client: &Client, layout: &Layout) -> Result<(), Failure> {
    if let Kind::Fanout { .. } = layout.kind {
        // The subscriptions go with the topic.
        let topic = topic_arn(client, layout).await?;
        call(client, "sns.DeleteTopic", [("TopicArn".to_owned(), json!(topic))].into_iter().collect()).await?;
    }
    let removed = stream::iter(0..layout.kind.destinations()).map(|destination| async move {
        // A name stands for a URL.
        let queue = [("QueueUrl".to_owned(), json!(queue_name(layout, destination)))];
        match client.call("sqs.DeleteQueue", Value::Object(queue.into_iter().collect())).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failure(&error)),
            _ => Ok(()),
        }
    });
    removed.buffer_unordered(CALLS).try_collect().await
}

/// Makes the topic if it does not exist, and returns its ARN.
async fn topic_arn(client: &Client, layout: &Layout) -> Result<String, Failure> {
    let output = call(client, "sns.CreateTopic", create_topic(&topic_name(layout), layout)).await?;
    let arn = output["TopicArn"].as_str();
    arn.map(str::to_owned).ok_or_else(|| Failure::Malformed(format!("no ARN of a topic in {output}")))
}

async fn call(client: &Client, operation: &str, parameters: Parameters) -> Result<Value, Failure> {
    client.call(operation, Value::Object(parameters)).await.map_err(|error: Error| failure(&error))
}
