//! Builders of queues and topics.

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::time::Duration;

use serde_json::json;

use super::output::{object, tags, text};
use super::{Admin, Boxed};
use crate::error::Result;
use crate::message::whole_seconds;

/// What is created, and by whose connection.
#[derive(Clone, Debug)]
struct Creation {
    admin: Admin,
    name: String,
    attributes: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
}

/// Creates a queue when it is awaited; the output is its URL. See [`Admin::create_queue`].
#[derive(Clone, Debug)]
#[must_use = "the queue is created when this is awaited"]
pub struct CreateQueue(Creation);

impl CreateQueue {
    pub(super) fn new(admin: Admin, name: String) -> Self {
        Self(Creation { admin, name, attributes: BTreeMap::new(), tags: BTreeMap::new() })
    }

    /// A FIFO queue, whose name ends in `.fifo`.
    pub fn fifo(self) -> Self {
        self.attribute("FifoQueue", "true")
    }

    /// A FIFO queue that takes the digest of a body for the deduplication id that a message does not have.
    pub fn content_based_deduplication(self) -> Self {
        self.fifo().attribute("ContentBasedDeduplication", "true")
    }

    /// How long a received message stays invisible, in whole seconds; a fraction counts as one.
    pub fn visibility_timeout(self, timeout: Duration) -> Self {
        self.attribute("VisibilityTimeout", whole_seconds(timeout).to_string())
    }

    /// How long a message stays hidden after it was sent, in whole seconds; a fraction counts as one.
    pub fn delay(self, delay: Duration) -> Self {
        self.attribute("DelaySeconds", whole_seconds(delay).to_string())
    }

    /// How long a message is kept, in whole seconds; a fraction counts as one.
    pub fn retention(self, retention: Duration) -> Self {
        self.attribute("MessageRetentionPeriod", whole_seconds(retention).to_string())
    }

    /// Moves a message to the queue with this ARN after so many receives.
    pub fn dead_letters_to(self, queue_arn: &str, receives_max: u32) -> Self {
        let policy = json!({"deadLetterTargetArn": queue_arn, "maxReceiveCount": receives_max});
        self.attribute("RedrivePolicy", policy.to_string())
    }

    /// An attribute under SQS's name, or one of Posthouse's own such as `MaxReceiveRate`.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.attributes.insert(name.into(), value.into());
        self
    }

    /// A tag.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.tags.insert(key.into(), value.into());
        self
    }
}

impl IntoFuture for CreateQueue {
    type Output = Result<String>;
    type IntoFuture = Boxed<String>;

    fn into_future(self) -> Boxed<String> {
        let Creation { admin, name, attributes, tags } = self.0;
        let parameters = json!({"QueueName": name, "Attributes": object(attributes), "tags": object(tags)});
        Box::pin(async move {
            let output = admin.call("sqs.CreateQueue", parameters).await?;
            Ok(text(&output, "QueueUrl"))
        })
    }
}

/// Creates a topic when it is awaited; the output is its ARN. See [`Admin::create_topic`].
#[derive(Clone, Debug)]
#[must_use = "the topic is created when this is awaited"]
pub struct CreateTopic(Creation);

impl CreateTopic {
    pub(super) fn new(admin: Admin, name: String) -> Self {
        Self(Creation { admin, name, attributes: BTreeMap::new(), tags: BTreeMap::new() })
    }

    /// A FIFO topic, whose name ends in `.fifo`.
    pub fn fifo(self) -> Self {
        self.attribute("FifoTopic", "true")
    }

    /// A FIFO topic that takes the digest of a body for the deduplication id that a notification does not have.
    pub fn content_based_deduplication(self) -> Self {
        self.fifo().attribute("ContentBasedDeduplication", "true")
    }

    /// An attribute under SNS's name.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.attributes.insert(name.into(), value.into());
        self
    }

    /// A tag.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.tags.insert(key.into(), value.into());
        self
    }
}

impl IntoFuture for CreateTopic {
    type Output = Result<String>;
    type IntoFuture = Boxed<String>;

    fn into_future(self) -> Boxed<String> {
        let Creation { admin, name, attributes, tags: own } = self.0;
        let parameters = json!({"Name": name, "Attributes": object(attributes), "Tags": tags(own)});
        Box::pin(async move {
            let output = admin.call("sns.CreateTopic", parameters).await?;
            Ok(text(&output, "TopicArn"))
        })
    }
}
