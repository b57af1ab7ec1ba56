//! Messages in the JSON shapes of the service models, and as entries of frames.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use posthouse_wire::{
    Attribute, AttributeValue, Attributes, AttributesBuffer, Delay, DeliveredEntry, SendHead, Structure, Text,
};
use serde_json::{Map, Value, json};

use crate::support::digest::{attributes_md5, md5};
use crate::support::protocol::Service;

/// A message to be sent.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) body: Bytes,
    group: String,
    deduplication: String,
    subject: String,
    trace_header: String,
    structure: Structure,
    delay: Delay,
    attributes: AttributesBuffer,
}

impl Message {
    /// The message in the input of a send or a publish, or in an entry of a batch. `None` where an entry of a frame cannot
    /// say what the input says: a member is missing, empty or of another type.
    pub(super) fn of(service: Service, input: &Value) -> Option<Self> {
        let mut message = Self::default();
        let mut has_body = false;
        for (member, value) in input.as_object()? {
            match (member.as_str(), service) {
                ("MessageBody", Service::Sqs) | ("Message", Service::Sns) => {
                    message.body = Bytes::from(value.as_str().filter(|body| !body.is_empty())?.to_owned());
                    has_body = true;
                }
                ("MessageGroupId", _) => message.group = short(value)?,
                ("MessageDeduplicationId", _) => message.deduplication = short(value)?,
                ("Subject", Service::Sns) => message.subject = short(value)?,
                ("MessageStructure", Service::Sns) if value == "json" => message.structure = Structure::Json,
                ("DelaySeconds", Service::Sqs) => {
                    let seconds = value.as_u64().and_then(|seconds| u16::try_from(seconds).ok());
                    message.delay = Delay::Seconds(seconds.filter(|seconds| *seconds < u16::MAX)?);
                }
                ("MessageSystemAttributes", Service::Sqs) => {
                    let attributes = value.as_object().filter(|attributes| attributes.len() == 1)?;
                    let trace = attributes.get("AWSTraceHeader").filter(|trace| trace["DataType"] == "String")?;
                    message.trace_header = short(&trace["StringValue"])?;
                }
                ("MessageAttributes", _) => message.add(value)?,
                ("QueueUrl", Service::Sqs) | ("TopicArn", Service::Sns) | ("Id", _) => {}
                _ => return None,
            }
        }
        has_body.then_some(message)
    }

    fn add(&mut self, attributes: &Value) -> Option<()> {
        for (name, attribute) in attributes.as_object()? {
            let data_type = attribute["DataType"].as_str()?;
            let binary = attribute["BinaryValue"].as_str().map(|text| STANDARD.decode(text));
            let value = match (attribute["StringValue"].as_str(), &binary) {
                (Some(text), None) => AttributeValue::Text(text),
                (None, Some(Ok(bytes))) => AttributeValue::Binary(bytes),
                _ => return None,
            };
            let (name, data_type) = (Text::new(name).ok()?, Text::new(data_type).ok()?);
            self.attributes.push(&Attribute { name, data_type, value });
        }
        Some(())
    }

    /// The message's head in a frame.
    pub(super) fn head(&self) -> SendHead<'_> {
        SendHead {
            structure: self.structure,
            delay: self.delay,
            group: Text::clipped(&self.group),
            deduplication: Text::clipped(&self.deduplication),
            subject: Text::clipped(&self.subject),
            trace_header: Text::clipped(&self.trace_header),
            attributes: self.attributes.attributes(),
        }
    }

    /// The bytes that count against the size of a batch.
    pub(super) fn bytes(&self) -> usize {
        self.body.len() + self.attributes.attributes().len()
    }
}

/// A text of an entry's head, which says nothing about an empty one.
fn short(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty())?;
    Text::new(text).ok().map(|text| text.as_str().to_owned())
}

/// The digests that SQS answers a send with. The protocol has none, so these are those of the input.
pub(super) fn digests(input: &Value) -> Map<String, Value> {
    let mut digests = Map::new();
    if let Some(body) = input["MessageBody"].as_str() {
        digests.insert("MD5OfMessageBody".into(), json!(md5(body)));
    }
    for (member, digest) in
        [("MessageAttributes", "MD5OfMessageAttributes"), ("MessageSystemAttributes", "MD5OfMessageSystemAttributes")]
    {
        if input[member].as_object().is_some_and(|attributes| !attributes.is_empty()) {
            digests.insert(digest.into(), json!(attributes_md5(&input[member])));
        }
    }
    digests
}

/// A message id as SQS writes it.
pub(super) fn uuid(id: [u8; 16]) -> String {
    let hex = crate::support::signature::hex(&id);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A sequence number as SQS writes it.
pub(super) fn sequence_number(number: u128) -> String {
    format!("{number:020}")
}

/// A delivery as an answer to `ReceiveMessage` with all attributes shows it.
pub(super) fn received(entry: &DeliveredEntry<'_>, handle: &str) -> Value {
    let head = &entry.head;
    let body = std::str::from_utf8(entry.body).expect("a body is text");
    let mut system = Map::new();
    let mut show = |name: &str, value: Option<String>| {
        system.extend(value.map(|value| (name.to_owned(), json!(value))));
    };
    let text = |text: Text<'_>| text.non_empty().map(str::to_owned);
    show("SentTimestamp", Some(head.sent_ms.to_string()));
    show("ApproximateFirstReceiveTimestamp", Some(head.first_received_ms.to_string()));
    show("ApproximateReceiveCount", Some(head.receive_count.to_string()));
    show("SequenceNumber", (head.sequence_number > 0).then(|| sequence_number(head.sequence_number)));
    show("SenderId", text(head.sender));
    show("MessageGroupId", text(head.group));
    show("MessageDeduplicationId", text(head.deduplication));
    show("AWSTraceHeader", text(head.trace_header));
    show("DeadLetterQueueSourceArn", text(head.dead_letter_source));
    let mut message = json!({
        "MessageId": uuid(head.id), "ReceiptHandle": handle, "Body": body, "MD5OfBody": md5(body), "Attributes": system,
    });
    if !head.attributes.is_empty() {
        let attributes = attributes(head.attributes);
        message["MD5OfMessageAttributes"] = json!(attributes_md5(&attributes));
        message["MessageAttributes"] = attributes;
    }
    message
}

fn attributes(attributes: Attributes<'_>) -> Value {
    let shown = attributes.iter().map(|attribute| {
        let attribute = attribute.expect("a whole attribute");
        let data_type = attribute.data_type.as_str();
        let value = match attribute.value {
            AttributeValue::Text(text) => json!({ "DataType": data_type, "StringValue": text }),
            AttributeValue::Binary(bytes) => json!({ "DataType": data_type, "BinaryValue": STANDARD.encode(bytes) }),
        };
        (attribute.name.as_str().to_owned(), value)
    });
    Value::Object(shown.collect())
}
