//! Subscriptions to topics.

use std::collections::BTreeMap;
use std::future::IntoFuture;

use serde_json::{Value, json};

use super::output::{object, text};
use super::{Admin, Boxed};
use crate::error::Result;

impl Admin {
    /// Subscribes an endpoint to a topic: await the builder. The output is the ARN of the subscription. `protocol` is one
    /// of SNS's: `sqs`, `https`, `email`…
    pub fn subscribe(
        &self,
        topic_arn: impl Into<String>,
        protocol: impl Into<String>,
        endpoint: impl Into<String>,
    ) -> Subscribe {
        Subscribe {
            admin: self.clone(),
            topic: topic_arn.into(),
            protocol: protocol.into(),
            endpoint: endpoint.into(),
            attributes: BTreeMap::new(),
        }
    }

    /// Subscribes the queue with this ARN to a topic. The queue's policy must allow the topic to send, unless both are
    /// of one account.
    pub fn subscribe_queue(&self, topic_arn: impl Into<String>, queue_arn: impl Into<String>) -> Subscribe {
        self.subscribe(topic_arn, "sqs", queue_arn)
    }

    /// Confirms a subscription with the token that its endpoint was sent. Returns its ARN.
    pub async fn confirm_subscription(&self, topic_arn: &str, token: &str) -> Result<String> {
        let output = self.call("sns.ConfirmSubscription", json!({"TopicArn": topic_arn, "Token": token})).await?;
        Ok(text(&output, "SubscriptionArn"))
    }
}

/// Subscribes an endpoint when it is awaited. See [`Admin::subscribe`].
#[derive(Clone, Debug)]
#[must_use = "the endpoint is subscribed when this is awaited"]
pub struct Subscribe {
    admin: Admin,
    topic: String,
    protocol: String,
    endpoint: String,
    attributes: BTreeMap<String, String>,
}

impl Subscribe {
    /// Delivers the text of a notification as it is, without SNS's envelope.
    pub fn raw(self) -> Self {
        self.attribute("RawMessageDelivery", "true")
    }

    /// Delivers only notifications whose attributes match this policy.
    pub fn filter_policy(self, policy: &Value) -> Self {
        self.attribute("FilterPolicy", policy.to_string())
    }

    /// An attribute under SNS's name.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<String>;
    type IntoFuture = Boxed<String>;

    fn into_future(self) -> Boxed<String> {
        let Self { admin, topic, protocol, endpoint, attributes } = self;
        let parameters = json!({
            "TopicArn": topic,
            "Protocol": protocol,
            "Endpoint": endpoint,
            "Attributes": object(attributes),
            "ReturnSubscriptionArn": true,
        });
        Box::pin(async move {
            let output = admin.call("sns.Subscribe", parameters).await?;
            Ok(text(&output, "SubscriptionArn"))
        })
    }
}

/// A subscription of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription {
    /// Its ARN, or `PendingConfirmation`.
    pub arn: String,
    /// The protocol.
    pub protocol: String,
    /// The endpoint.
    pub endpoint: String,
    /// The account that it belongs to.
    pub owner: String,
}

impl Subscription {
    pub(super) fn read(item: &Value) -> Self {
        Self {
            arn: text(item, "SubscriptionArn"),
            protocol: text(item, "Protocol"),
            endpoint: text(item, "Endpoint"),
            owner: text(item, "Owner"),
        }
    }
}
