//! Topics, and the subscriptions that exist.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::output::{items, map, tags, text};
use super::{Admin, CreateTopic, Subscription};
use crate::error::Result;

impl Admin {
    /// Creates a topic: await the builder. A topic that exists with the same attributes is no error.
    pub fn create_topic(&self, name: impl Into<String>) -> CreateTopic {
        CreateTopic::new(self.clone(), name.into())
    }

    /// Deletes a topic with its subscriptions.
    pub async fn delete_topic(&self, topic_arn: &str) -> Result<()> {
        self.run("sns.DeleteTopic", json!({"TopicArn": topic_arn})).await
    }

    /// The ARNs of all topics.
    pub async fn list_topics(&self) -> Result<Vec<String>> {
        let pages = self.pages("sns.ListTopics", json!({}), "Topics").await?;
        Ok(pages.iter().map(|topic| text(topic, "TopicArn")).collect())
    }

    /// All attributes of a topic.
    pub async fn topic_attributes(&self, topic_arn: &str) -> Result<BTreeMap<String, String>> {
        let output = self.call("sns.GetTopicAttributes", json!({"TopicArn": topic_arn})).await?;
        Ok(map(&output, "Attributes"))
    }

    /// Sets an attribute of a topic, under SNS's name.
    pub async fn set_topic_attribute(&self, topic_arn: &str, name: &str, value: &str) -> Result<()> {
        let parameters = json!({"TopicArn": topic_arn, "AttributeName": name, "AttributeValue": value});
        self.run("sns.SetTopicAttributes", parameters).await
    }

    /// The tags of a topic.
    pub async fn topic_tags(&self, topic_arn: &str) -> Result<BTreeMap<String, String>> {
        let output = self.call("sns.ListTagsForResource", json!({"ResourceArn": topic_arn})).await?;
        Ok(items(&output, "Tags").iter().map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect())
    }

    /// Sets tags of a topic. The others stay as they are.
    pub async fn tag_topic<K: Into<String>, V: Into<String>>(
        &self,
        topic_arn: &str,
        own: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()> {
        self.run("sns.TagResource", json!({"ResourceArn": topic_arn, "Tags": tags(own)})).await
    }

    /// Removes tags of a topic.
    pub async fn untag_topic<K: Into<String>>(&self, topic_arn: &str, keys: impl IntoIterator<Item = K>) -> Result<()> {
        let keys: Vec<String> = keys.into_iter().map(Into::into).collect();
        self.run("sns.UntagResource", json!({"ResourceArn": topic_arn, "TagKeys": keys})).await
    }

    /// Allows accounts actions on a topic, by a statement of its policy that has this label.
    pub async fn add_topic_permission(
        &self,
        topic_arn: &str,
        label: &str,
        accounts: &[&str],
        actions: &[&str],
    ) -> Result<()> {
        let parameters =
            json!({"TopicArn": topic_arn, "Label": label, "AWSAccountId": accounts, "ActionName": actions});
        self.run("sns.AddPermission", parameters).await
    }

    /// Removes the statement with a label from the policy of a topic.
    pub async fn remove_topic_permission(&self, topic_arn: &str, label: &str) -> Result<()> {
        self.run("sns.RemovePermission", json!({"TopicArn": topic_arn, "Label": label})).await
    }

    /// The subscriptions of a topic.
    pub async fn list_subscriptions(&self, topic_arn: &str) -> Result<Vec<Subscription>> {
        let parameters = json!({"TopicArn": topic_arn});
        let pages = self.pages("sns.ListSubscriptionsByTopic", parameters, "Subscriptions").await?;
        Ok(pages.iter().map(Subscription::read).collect())
    }

    /// All attributes of a subscription.
    pub async fn subscription_attributes(&self, subscription_arn: &str) -> Result<BTreeMap<String, String>> {
        let parameters = json!({"SubscriptionArn": subscription_arn});
        let output = self.call("sns.GetSubscriptionAttributes", parameters).await?;
        Ok(map(&output, "Attributes"))
    }

    /// Sets an attribute of a subscription, under SNS's name.
    pub async fn set_subscription_attribute(&self, subscription_arn: &str, name: &str, value: &str) -> Result<()> {
        let parameters = json!({"SubscriptionArn": subscription_arn, "AttributeName": name, "AttributeValue": value});
        self.run("sns.SetSubscriptionAttributes", parameters).await
    }

    /// Ends a subscription.
    pub async fn unsubscribe(&self, subscription_arn: &str) -> Result<()> {
        self.run("sns.Unsubscribe", json!({"SubscriptionArn": subscription_arn})).await
    }

    /// The items of all pages of a list.
    async fn pages(&self, operation: &str, mut parameters: Value, member: &str) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let mut output = self.call(operation, parameters.clone()).await?;
            all.extend_from_slice(items(&output, member));
            match output["NextToken"].take() {
                Value::Null => return Ok(all),
                token => parameters["NextToken"] = token,
            }
        }
    }
}
