//! `Publish` and `PublishBatch`.
//!
//! SNS refuses a whole batch for what is wrong with one message of it; only a `Subject` that breaks its rule fails its
//! entry alone (recorded from AWS). How large the entries may be together depends on the topic: the engine counts.

use std::borrow::Cow;

use posthouse_model::fault::{Constraint, InvalidMessageAttribute, Origin, Rule};
use posthouse_model::message::MessageAttribute;
use posthouse_model::notification::{PublicationDraft, PublicationKind, Subject};
use posthouse_model::operation::{BatchIds, BatchReply, Publish, PublishBatch, PublishEntry, PublishTarget, Published};
use posthouse_model::{Action, Fault, MessageId, SnsFault};
use serde::Deserialize;

use crate::protocol::attribute;
use crate::protocol::input::{Entries, List, Object, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::text::excerpt;
use crate::protocol::writer::{Plural, Writer};
use crate::sns::SNS;
use crate::sns::context::{Context, arn, constraint, malformed_arn, required, text};

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
    check_types(input, None)?;
    let (id, trace) = (MessageId::from_random((context.random)()), context.trace);
    let publication = subject(input)
        .and_then(|subject| Ok(PublicationDraft { subject, trace, ..draft(input, message, id, target.kind())? }))
        .and_then(PublicationDraft::seal);
    Ok(Publish { target, publication })
}

pub(super) fn decode_batch(input: BatchInput<'_>, context: &mut Context<'_>) -> Result<PublishBatch, Refusal> {
    const ENTRIES: &str = "publishBatchRequestEntries";
    let topic: posthouse_model::TopicAddress = arn(input.topic_arn.as_ref(), "TopicArn")?;
    let List(entries) = required(input.publish_batch_request_entries, ENTRIES)?;
    BatchIds::check_count(Action::PublishBatch, entries.len())?;
    let mut members = Vec::with_capacity(entries.len());
    for (index, Object(entry)) in entries.iter().enumerate() {
        let origin = |member| Origin::ListItem { list: ENTRIES, number: index + 1, member: Some(member) };
        members.push((text(entry.id.as_ref(), origin("id"))?, text(entry.message.as_ref(), origin("message"))?));
        check_types(entry, Some(index + 1))?;
    }
    let ids = BatchIds::parse(Action::PublishBatch, members.iter().map(|(id, _)| *id))?;
    let (kind, trace) = (PublicationKind::of_topic(&topic), context.trace);
    let entries = members.iter().zip(&entries).map(|((_, message), Object(entry))| {
        let id = MessageId::from_random((context.random)());
        let subject = subject(entry);
        let given = subject.as_ref().ok().copied().flatten();
        let publication = PublicationDraft { subject: given, trace, ..draft(entry, message, id, kind)? }.seal()?;
        Ok(PublishEntry { publication, refused: subject.err() })
    });
    let entries: Result<Vec<_>, Fault> = entries.collect();
    Ok(PublishBatch { topic, entries: entries.map(|entries| ids.with(entries.into_iter())) })
}

/// Checks that each attribute of a message names its type, as the service model demands. `entry` is the number of the
/// batch entry that has the message.
fn check_types(input: &Message<'_>, entry: Option<usize>) -> Result<(), Fault> {
    let attributes = input.message_attributes.as_ref().map_or(&[][..], |attributes| &attributes.0);
    attributes.iter().try_for_each(|(name, Object(attribute))| {
        let origin = || Origin::MessageAttribute { entry, name: excerpt(name).into(), member: "dataType" };
        attribute.data_type.as_ref().map(|_| ()).ok_or_else(|| constraint(None, origin(), Constraint::NotNull))
    })
}

fn subject<'a>(input: &'a Message<'_>) -> Result<Option<Subject<'a>>, Fault> {
    input.subject.as_deref().map(Subject::parse).transpose()
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

/// The publication of an input, still without its subject and its trace.
fn draft<'a>(
    input: &'a Message<'_>,
    message: &'a str,
    id: MessageId,
    kind: PublicationKind,
) -> Result<PublicationDraft<'a>, Fault> {
    let attributes = input.message_attributes.as_ref().map_or(&[][..], |attributes| &attributes.0);
    Ok(PublicationDraft {
        id,
        message,
        structure: input.message_structure.as_deref(),
        subject: None,
        attributes: attributes
            .iter()
            .map(|(name, Object(value))| message_attribute(name, value))
            .collect::<Result<_, _>>()?,
        group: input.message_group_id.as_deref(),
        deduplication: input.message_deduplication_id.as_deref(),
        trace: None,
        kind,
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
    writer.plain_text("MessageId", published.id.encode(&mut [0; 36]));
    if let Some(number) = published.sequence_number {
        writer.plain_text("SequenceNumber", &number.to_string());
    }
}

pub(super) fn encode_batch(writer: &mut Writer, reply: &BatchReply<Published>) {
    writer.list(Plural("Successful", "member"), &reply.successful, |writer, (id, published)| {
        writer.text("Id", id.as_str());
        encode(writer, published);
    });
    SNS.write_failures(writer, Plural("Failed", "member"), &reply.failed);
}
