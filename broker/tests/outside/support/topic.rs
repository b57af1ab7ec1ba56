//! A topic and a subscription of a client, with short methods for the calls that most cases make.

use serde_json::{Value, json};

use super::client::{Client, Refusal};
use super::queue::{Message, map};
use super::{Endpoint, Queue, eventually};

/// A topic of a client, which calls SNS's actions.
#[derive(Clone)]
pub(crate) struct Topic {
    pub client: Client,
    pub name: String,
    pub arn: String,
}

/// A subscription of a client, which calls SNS's actions.
#[derive(Clone)]
pub(crate) struct Subscription {
    pub client: Client,
    pub arn: String,
}

impl Topic {
    #[track_caller]
    pub(crate) fn create(client: &Client, name: &str, attributes: &[(&str, &str)]) -> Self {
        let client = client.sns();
        let output = client.ok("CreateTopic", &json!({ "Name": name, "Attributes": map(attributes) }));
        let arn = output["TopicArn"].as_str().unwrap_or_else(|| panic!("no ARN in {output}")).to_owned();
        Self { client, name: name.into(), arn }
    }

    /// The same topic, called by another client.
    pub(crate) fn as_seen_by(&self, client: &Client) -> Self {
        Self { client: client.sns(), ..self.clone() }
    }

    fn with_arn(&self, mut input: Value) -> Value {
        input["TopicArn"] = json!(self.arn);
        input
    }

    /// Calls an action on this topic.
    pub(crate) fn call(&self, action: &str, input: Value) -> Result<Value, Refusal> {
        self.client.call(action, &self.with_arn(input))
    }

    #[track_caller]
    pub(crate) fn ok(&self, action: &str, input: Value) -> Value {
        self.client.ok(action, &self.with_arn(input))
    }

    #[track_caller]
    pub(crate) fn refused(&self, action: &str, input: Value) -> Refusal {
        self.client.refused(action, &self.with_arn(input))
    }

    /// Publishes a message. Returns its id.
    #[track_caller]
    pub(crate) fn publish(&self, message: &str) -> String {
        let output = self.publish_with(json!({ "Message": message }));
        output["MessageId"].as_str().unwrap_or_else(|| panic!("no id in {output}")).to_owned()
    }

    /// Publishes with these parameters.
    #[track_caller]
    pub(crate) fn publish_with(&self, input: Value) -> Value {
        self.ok("Publish", input)
    }

    /// Publishes to a group of a FIFO topic; the deduplication id is the message.
    #[track_caller]
    pub(crate) fn publish_to_group(&self, group: &str, message: &str) -> Value {
        let input = json!({ "Message": message, "MessageGroupId": group, "MessageDeduplicationId": message });
        self.publish_with(input)
    }

    #[track_caller]
    pub(crate) fn subscribe(&self, protocol: &str, endpoint: &str, attributes: &[(&str, &str)]) -> Subscription {
        let input = json!({
            "Protocol": protocol, "Endpoint": endpoint, "Attributes": map(attributes), "ReturnSubscriptionArn": true,
        });
        let output = self.ok("Subscribe", input);
        let arn = output["SubscriptionArn"].as_str().unwrap_or_else(|| panic!("no ARN in {output}")).to_owned();
        Subscription { client: self.client.clone(), arn }
    }

    /// Subscribes a queue that is to get SNS's envelopes.
    #[track_caller]
    pub(crate) fn subscribe_queue(&self, queue: &Queue) -> Subscription {
        self.subscribe("sqs", &queue.arn(), &[])
    }

    /// Subscribes a queue that is to get messages as they were published.
    #[track_caller]
    pub(crate) fn subscribe_raw(&self, queue: &Queue) -> Subscription {
        self.subscribe("sqs", &queue.arn(), &[("RawMessageDelivery", "true")])
    }

    /// Subscribes a path of an HTTP endpoint, and confirms the subscription by the link that was posted there.
    #[track_caller]
    pub(crate) fn subscribe_endpoint(
        &self,
        endpoint: &Endpoint,
        path: &str,
        attributes: &[(&str, &str)],
    ) -> Subscription {
        let before = endpoint.confirmations(path);
        let subscription = self.subscribe("http", &endpoint.url(path), attributes);
        eventually("a confirmation", || (endpoint.confirmations(path) > before).then_some(()));
        let token = endpoint.confirmation(path)["Token"].as_str().expect("a token").to_owned();
        let confirmed = self.ok("ConfirmSubscription", json!({ "Token": token }));
        assert_eq!(confirmed["SubscriptionArn"], json!(subscription.arn));
        subscription
    }

    #[track_caller]
    pub(crate) fn set(&self, name: &str, value: &str) {
        self.ok("SetTopicAttributes", json!({ "AttributeName": name, "AttributeValue": value }));
    }

    #[track_caller]
    pub(crate) fn attributes(&self) -> Value {
        self.ok("GetTopicAttributes", json!({}))["Attributes"].clone()
    }

    /// The value of an attribute. `None` if the topic does not show it.
    #[track_caller]
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        self.attributes()[name].as_str().map(str::to_owned)
    }

    /// The confirmed, pending and deleted subscriptions.
    #[track_caller]
    pub(crate) fn counts(&self) -> [u64; 3] {
        let attributes = self.attributes();
        ["SubscriptionsConfirmed", "SubscriptionsPending", "SubscriptionsDeleted"].map(|name| {
            attributes[name].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name}"))
        })
    }

    /// The subscriptions on the first page of the topic's listing.
    #[track_caller]
    pub(crate) fn listed(&self) -> Vec<Value> {
        self.ok("ListSubscriptionsByTopic", json!({}))["Subscriptions"].as_array().cloned().unwrap_or_default()
    }
}

impl Subscription {
    fn with_arn(&self, mut input: Value) -> Value {
        input["SubscriptionArn"] = json!(self.arn);
        input
    }

    #[track_caller]
    pub(crate) fn ok(&self, action: &str, input: Value) -> Value {
        self.client.ok(action, &self.with_arn(input))
    }

    #[track_caller]
    pub(crate) fn refused(&self, action: &str, input: Value) -> Refusal {
        self.client.refused(action, &self.with_arn(input))
    }

    #[track_caller]
    pub(crate) fn unsubscribe(&self) {
        self.ok("Unsubscribe", json!({}));
    }

    #[track_caller]
    pub(crate) fn set(&self, name: &str, value: &str) {
        self.ok("SetSubscriptionAttributes", json!({ "AttributeName": name, "AttributeValue": value }));
    }

    /// The refusal to set an attribute.
    #[track_caller]
    pub(crate) fn set_refused(&self, name: &str, value: &str) -> Refusal {
        self.refused("SetSubscriptionAttributes", json!({ "AttributeName": name, "AttributeValue": value }))
    }

    #[track_caller]
    pub(crate) fn attributes(&self) -> Value {
        self.ok("GetSubscriptionAttributes", json!({}))["Attributes"].clone()
    }

    /// The value of an attribute. `None` if the subscription does not show it.
    #[track_caller]
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        self.attributes()[name].as_str().map(str::to_owned)
    }

    /// Makes a queue this subscription's dead-letter queue.
    #[track_caller]
    pub(crate) fn dead_letters_to(&self, queue: &Queue) {
        self.set("RedrivePolicy", &dead_letter_policy(queue));
    }
}

/// The `RedrivePolicy` of a subscription.
#[track_caller]
pub(crate) fn dead_letter_policy(queue: &Queue) -> String {
    json!({ "deadLetterTargetArn": queue.arn() }).to_string()
}

/// SNS's envelope in a message of a queue.
#[track_caller]
pub(crate) fn envelope(message: &Message) -> Value {
    let envelope: Value =
        serde_json::from_str(&message.body).unwrap_or_else(|error| panic!("{error} in {}", message.body));
    assert!(envelope.is_object(), "{envelope}");
    envelope
}

/// Receives exactly so many messages within [`PATIENCE`](super::PATIENCE) and returns their bodies, sorted. The
/// messages stay in flight.
#[track_caller]
pub(crate) fn awaited_bodies(queue: &Queue, count: usize) -> Vec<String> {
    let mut bodies = Vec::new();
    eventually(&format!("{count} messages in {}", queue.name), || {
        bodies.extend(queue.receive().into_iter().map(|message| message.body));
        (bodies.len() >= count).then_some(())
    });
    bodies.extend(queue.receive().into_iter().map(|message| message.body));
    assert_eq!(bodies.len(), count, "{bodies:?}");
    bodies.sort();
    bodies
}
