//! A queue of a client, with short methods for the calls that most cases make.

use serde_json::{Value, json};

use super::client::{Client, Refusal};

/// A queue of a client.
#[derive(Clone)]
pub(crate) struct Queue {
    pub client: Client,
    pub name: String,
    pub url: String,
}

/// A received message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub body: String,
    pub handle: String,
    /// The message as the answer has it.
    pub whole: Value,
}

impl Message {
    fn of(whole: Value) -> Self {
        let member = |name: &str| whole[name].as_str().unwrap_or_else(|| panic!("{name} of {whole}")).to_owned();
        Self { body: member("Body"), handle: member("ReceiptHandle"), whole }
    }

    pub(crate) fn id(&self) -> &str {
        self.whole["MessageId"].as_str().expect("a message has an id")
    }

    /// A system attribute. Panics if it is missing.
    #[track_caller]
    pub(crate) fn attribute(&self, name: &str) -> &str {
        self.whole["Attributes"][name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.whole))
    }

    #[track_caller]
    pub(crate) fn receive_count(&self) -> u32 {
        self.attribute("ApproximateReceiveCount").parse().expect("a count")
    }
}

/// The bodies, for comparing.
pub(crate) fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

/// Attributes as a JSON map.
pub(crate) fn map(pairs: &[(&str, &str)]) -> Value {
    Value::Object(pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect())
}

impl Queue {
    #[track_caller]
    pub(crate) fn create(client: &Client, name: &str, attributes: &[(&str, &str)]) -> Self {
        let output = client.ok("CreateQueue", &json!({ "QueueName": name, "Attributes": map(attributes) }));
        let url = output["QueueUrl"].as_str().unwrap_or_else(|| panic!("no URL in {output}")).to_owned();
        Self { client: client.clone(), name: name.into(), url }
    }

    /// The same queue, called by another client.
    pub(crate) fn as_seen_by(&self, client: &Client) -> Self {
        Self { client: client.clone(), ..self.clone() }
    }

    fn with_url(&self, mut input: Value) -> Value {
        input["QueueUrl"] = json!(self.url);
        input
    }

    /// Calls an action on this queue.
    pub(crate) fn call(&self, action: &str, input: Value) -> Result<Value, Refusal> {
        self.client.call(action, &self.with_url(input))
    }

    #[track_caller]
    pub(crate) fn ok(&self, action: &str, input: Value) -> Value {
        self.client.ok(action, &self.with_url(input))
    }

    #[track_caller]
    pub(crate) fn refused(&self, action: &str, input: Value) -> Refusal {
        self.client.refused(action, &self.with_url(input))
    }

    #[track_caller]
    pub(crate) fn send(&self, body: &str) -> Value {
        self.ok("SendMessage", json!({ "MessageBody": body }))
    }

    #[track_caller]
    pub(crate) fn send_all(&self, bodies: &[&str]) {
        for body in bodies {
            self.send(body);
        }
    }

    /// Sends to a group of a FIFO queue; the deduplication id is the body.
    #[track_caller]
    pub(crate) fn send_to_group(&self, group: &str, body: &str) -> Value {
        let input = json!({ "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body });
        self.ok("SendMessage", input)
    }

    /// Receives up to ten messages with all of their attributes, without waiting.
    #[track_caller]
    pub(crate) fn receive(&self) -> Vec<Message> {
        self.receive_with(&json!({}))
    }

    /// Like [`Queue::receive`], with these parameters in place of the defaults.
    #[track_caller]
    pub(crate) fn receive_with(&self, input: &Value) -> Vec<Message> {
        let mut all = json!({
            "MaxNumberOfMessages": 10,
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        for (name, value) in input.as_object().expect("a structure") {
            all[name] = value.clone();
        }
        messages(&self.ok("ReceiveMessage", all))
    }

    /// Receives one message. Panics if there is none.
    #[track_caller]
    pub(crate) fn receive_one(&self) -> Message {
        let mut messages = self.receive_with(&json!({ "MaxNumberOfMessages": 1 }));
        assert_eq!(messages.len(), 1, "a message was expected in {}", self.name);
        messages.remove(0)
    }

    /// Fails unless a receive gives exactly these bodies, in this order.
    #[track_caller]
    pub(crate) fn gives(&self, expected: &[&str]) -> Vec<Message> {
        let messages = self.receive();
        assert_eq!(bodies(&messages), expected, "from {}", self.name);
        messages
    }

    #[track_caller]
    pub(crate) fn delete(&self, message: &Message) {
        self.ok("DeleteMessage", json!({ "ReceiptHandle": message.handle }));
    }

    #[track_caller]
    pub(crate) fn delete_all(&self, messages: &[Message]) {
        for message in messages {
            self.delete(message);
        }
    }

    #[track_caller]
    pub(crate) fn change_visibility(&self, message: &Message, seconds: u32) {
        let input = json!({ "ReceiptHandle": message.handle, "VisibilityTimeout": seconds });
        self.ok("ChangeMessageVisibility", input);
    }

    #[track_caller]
    pub(crate) fn set(&self, attributes: &[(&str, &str)]) {
        self.ok("SetQueueAttributes", json!({ "Attributes": map(attributes) }));
    }

    #[track_caller]
    pub(crate) fn attributes(&self) -> Value {
        self.ok("GetQueueAttributes", json!({ "AttributeNames": ["All"] }))["Attributes"].clone()
    }

    /// The value of an attribute. `None` if the queue does not show it.
    #[track_caller]
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let output = self.ok("GetQueueAttributes", json!({ "AttributeNames": [name] }));
        output["Attributes"][name].as_str().map(str::to_owned)
    }

    /// Visible, in flight and delayed messages.
    #[track_caller]
    pub(crate) fn counts(&self) -> [u64; 3] {
        let attributes = self.attributes();
        ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
            .map(|name| {
                attributes[name].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name}"))
            })
    }

    #[track_caller]
    pub(crate) fn arn(&self) -> String {
        self.attribute("QueueArn").expect("a queue has an ARN")
    }

    /// Makes `target` this queue's dead-letter queue.
    #[track_caller]
    pub(crate) fn redrive_to(&self, target: &Self, max_receive_count: u32) {
        self.set(&[("RedrivePolicy", &redrive_policy(&target.arn(), max_receive_count))]);
    }
}

/// A `RedrivePolicy`.
pub(crate) fn redrive_policy(target_arn: &str, max_receive_count: u32) -> String {
    json!({ "deadLetterTargetArn": target_arn, "maxReceiveCount": max_receive_count }).to_string()
}

/// The messages of an answer to `ReceiveMessage`.
#[track_caller]
pub(crate) fn messages(output: &Value) -> Vec<Message> {
    output["Messages"].as_array().cloned().unwrap_or_default().into_iter().map(Message::of).collect()
}
