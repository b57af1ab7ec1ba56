//! `Publish` and `PublishBatch`.
//!
//! In a batch SNS refuses the whole for missing members and for ids; what is wrong with one message fails its entry
//! alone. How large the entries may be together depends on the topic: the engine counts.

use std::borrow::Cow;

use posthouse_model::fault::{InvalidMessageAttribute, Origin, Rule};
use posthouse_model::message::MessageAttribute;
use posthouse_model::notification::PublicationDraft;
use posthouse_model::operation::{BatchIds, BatchReply, Publish, PublishBatch, PublishTarget, Published};
use posthouse_model::{Action, Fault, MessageId, SnsFault};
use serde::Deserialize;

use crate::protocol::attribute;
use crate::protocol::input::{Entries, List, Object, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::text::excerpt;
use crate::protocol::writer::{Plural, Writer};
use crate::sns::SNS;
use crate::sns::context::{Context, arn, malformed_arn, required, text};

/// A message, of `Publish` itself or of an entry of `PublishBatch`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Message<'a> {
    /// These three of `Publish`.
    topic_arn: Option<Text<'a>>,
    target_arn: Option<Text<'a>>,
    phone_number: Option<Text<'a>>,
    /// Of an entry.
    id: Option<Text<'a>>,
    message: Option<Text<'a>>,
    subject: Option<Text<'a>>,
    message_structure: Option<Text<'a>>,
    message_attributes: Option<Entries<'a, Object<Attribute<'a>>>>,
    message_deduplication_id: Option<Text<'a>>,
    message_group_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
struct Attribute<'a> {
    data_type: Option<Text<'a>>,
    string_value: Option<Text<'a>>,
    binary_value: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct BatchInput<'a> {
    topic_arn: Option<Text<'a>>,
    publish_batch_request_entries: Option<List<Object<Message<'a>>>>,
}

pub(super) fn decode(input: &Message<'_>, context: &mut Context<'_>) -> Result<Publish, Refusal> {
    let target = target(input)?;
    let message = text(input.message.as_ref(), "Message")?;
    let fifo = matches!(&target, PublishTarget::Topic(topic) if topic.name.is_fifo());
    let id = MessageId::from_random((context.random)());
    Ok(Publish { target, publication: draft(input, message, id, fifo)?.seal()? })
}

pub(super) fn decode_batch(input: BatchInput<'_>, context: &mut Context<'_>) -> Result<PublishBatch, Refusal> {
    const ENTRIES: &str = "publishBatchRequestEntries";
    let topic: posthouse_model::TopicAddress = arn(input.topic_arn.as_ref(), "TopicArn")?;
    let List(entries) = required(input.publish_batch_request_entries, ENTRIES)?;
    let mut members = Vec::with_capacity(entries.len());
    for (index, Object(entry)) in entries.iter().enumerate() {
        let origin = |member| Origin::ListItem { list: ENTRIES, number: index + 1, member: Some(member) };
        members.push((text(entry.id.as_ref(), origin("id"))?, text(entry.message.as_ref(), origin("message"))?));
    }
    let ids = BatchIds::parse(Action::PublishBatch, members.iter().map(|(id, _)| *id))?;
    let entries = members.iter().zip(&entries).map(|((_, message), Object(entry))| {
        let id = MessageId::from_random((context.random)());
        draft(entry, message, id, topic.name.is_fifo()).and_then(PublicationDraft::seal)
    });
    let entries = ids.with(entries);
    Ok(PublishBatch { topic, entries })
}

fn target(input: &Message<'_>) -> Result<PublishTarget, Fault> {
    match (&input.topic_arn, &input.target_arn, &input.phone_number) {
        (Some(topic), None, None) => arn(Some(topic), "TopicArn").map(PublishTarget::Topic),
        (None, Some(target), None) => {
            let topic = target.parse().map(PublishTarget::Topic).ok();
            let target_or_topic = topic.or_else(|| target.parse().map(PublishTarget::Endpoint).ok());
            target_or_topic.ok_or_else(|| malformed_arn(target, "TargetArn"))
        }
        (None, None, Some(number)) => number.parse().map(PublishTarget::PhoneNumber),
        (None, None, None) => Err(SnsFault::invalid("TargetArn", Rule::NoTarget)),
        _ => Err(SnsFault::invalid("TargetArn", Rule::ManyTargets)),
    }
}

fn draft<'a>(
    input: &'a Message<'_>,
    message: &'a str,
    id: MessageId,
    fifo: bool,
) -> Result<PublicationDraft<'a>, Fault> {
    let attributes = input.message_attributes.as_ref().map_or(&[][..], |attributes| &attributes.0);
    Ok(PublicationDraft {
        id,
        message,
        structure: input.message_structure.as_deref(),
        subject: input.subject.as_deref(),
        attributes: attributes
            .iter()
            .map(|(name, Object(value))| message_attribute(name, value))
            .collect::<Result<_, _>>()?,
        group: input.message_group_id.as_deref(),
        deduplication: input.message_deduplication_id.as_deref(),
        fifo,
    })
}

fn message_attribute<'a>(name: &'a str, input: &'a Attribute<'_>) -> Result<MessageAttribute<'a>, Fault> {
    let fault = |rule| -> Fault {
        let name = excerpt(name).into();
        SnsFault::ParameterValueInvalid(Box::new(InvalidMessageAttribute { name, rule })).into()
    };
    let value = attribute::value(input.string_value.as_ref(), input.binary_value.as_ref()).map_err(fault)?;
    let data_type = Cow::Borrowed(input.data_type.as_deref().unwrap_or_default());
    Ok(MessageAttribute { name: Cow::Borrowed(name), data_type, value })
}

pub(super) fn encode(writer: &mut Writer, published: &Published) {
    writer.text("MessageId", published.id.encode(&mut [0; 36]));
    if let Some(number) = published.sequence_number {
        writer.text("SequenceNumber", &number.to_string());
    }
}

pub(super) fn encode_batch(writer: &mut Writer, reply: &BatchReply<Published>) {
    writer.list(Plural("Successful", "member"), &reply.successful, |writer, (id, published)| {
        writer.text("Id", id.as_str());
        encode(writer, published);
    });
    SNS.write_failures(writer, Plural("Failed", "member"), &reply.failed);
}
