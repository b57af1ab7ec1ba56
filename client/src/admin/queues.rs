//! Queues.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::output::{map, object, text, texts};
use super::{Admin, CreateQueue};
use crate::error::Result;

impl Admin {
    /// Creates a queue: await the builder. A queue that exists with the same attributes is no error.
    pub fn create_queue(&self, name: impl Into<String>) -> CreateQueue {
        CreateQueue::new(self.clone(), name.into())
    }

    /// The URL of the queue with a name.
    pub async fn queue_url(&self, name: &str) -> Result<String> {
        let output = self.call("sqs.GetQueueUrl", json!({"QueueName": name})).await?;
        Ok(text(&output, "QueueUrl"))
    }

    /// The ARN of a queue.
    pub async fn queue_arn(&self, queue: &str) -> Result<String> {
        let parameters = json!({"QueueUrl": queue, "AttributeNames": ["QueueArn"]});
        let output = self.call("sqs.GetQueueAttributes", parameters).await?;
        Ok(text(&output["Attributes"], "QueueArn"))
    }

    /// All attributes of a queue, the counts of its messages among them.
    pub async fn queue_attributes(&self, queue: &str) -> Result<BTreeMap<String, String>> {
        let parameters = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
        let output = self.call("sqs.GetQueueAttributes", parameters).await?;
        Ok(map(&output, "Attributes"))
    }

    /// Sets attributes of a queue, under SQS's names. The others stay as they are.
    pub async fn set_queue_attributes<K: Into<String>, V: Into<String>>(
        &self,
        queue: &str,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()> {
        self.run("sqs.SetQueueAttributes", json!({"QueueUrl": queue, "Attributes": object(attributes)})).await
    }

    /// The URLs of all queues whose name begins with `prefix`; of all for the empty one.
    pub async fn list_queues(&self, prefix: &str) -> Result<Vec<String>> {
        let mut urls = Vec::new();
        let mut token = Value::Null;
        loop {
            let mut parameters = json!({"MaxResults": 1_000});
            if !prefix.is_empty() {
                parameters["QueueNamePrefix"] = prefix.into();
            }
            if !token.is_null() {
                parameters["NextToken"] = token;
            }
            let mut output = self.call("sqs.ListQueues", parameters).await?;
            urls.extend(texts(&output, "QueueUrls"));
            token = output["NextToken"].take();
            if token.is_null() {
                return Ok(urls);
            }
        }
    }

    /// Deletes all messages of a queue.
    pub async fn purge_queue(&self, queue: &str) -> Result<()> {
        self.run("sqs.PurgeQueue", json!({"QueueUrl": queue})).await
    }

    /// Deletes a queue with its messages.
    pub async fn delete_queue(&self, queue: &str) -> Result<()> {
        self.run("sqs.DeleteQueue", json!({"QueueUrl": queue})).await
    }

    /// The tags of a queue.
    pub async fn queue_tags(&self, queue: &str) -> Result<BTreeMap<String, String>> {
        let output = self.call("sqs.ListQueueTags", json!({"QueueUrl": queue})).await?;
        Ok(map(&output, "Tags"))
    }

    /// Sets tags of a queue. The others stay as they are.
    pub async fn tag_queue<K: Into<String>, V: Into<String>>(
        &self,
        queue: &str,
        tags: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()> {
        self.run("sqs.TagQueue", json!({"QueueUrl": queue, "Tags": object(tags)})).await
    }

    /// Removes tags of a queue.
    pub async fn untag_queue<K: Into<String>>(&self, queue: &str, keys: impl IntoIterator<Item = K>) -> Result<()> {
        let keys: Vec<String> = keys.into_iter().map(Into::into).collect();
        self.run("sqs.UntagQueue", json!({"QueueUrl": queue, "TagKeys": keys})).await
    }

    /// Allows accounts actions on a queue, by a statement of its policy that has this label.
    pub async fn add_queue_permission(
        &self,
        queue: &str,
        label: &str,
        accounts: &[&str],
        actions: &[&str],
    ) -> Result<()> {
        let parameters = json!({"QueueUrl": queue, "Label": label, "AWSAccountIds": accounts, "Actions": actions});
        self.run("sqs.AddPermission", parameters).await
    }

    /// Removes the statement with a label from the policy of a queue.
    pub async fn remove_queue_permission(&self, queue: &str, label: &str) -> Result<()> {
        self.run("sqs.RemovePermission", json!({"QueueUrl": queue, "Label": label})).await
    }
}
