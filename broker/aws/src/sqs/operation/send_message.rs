//! `SendMessage` and `SendMessageBatch`.
//!
//! In a batch SQS refuses the whole for missing members, ids and the size of all together; what is wrong with one
//! message (its attributes, its delay, its characters) fails that entry alone.

use std::borrow::Cow;

use posthouse_model::fault::{InvalidValue, MessageAttributeRule, RangedParameter};
use posthouse_model::limits::BATCH_SIZE_MAX_BYTES;
use posthouse_model::message::{Digests, MessageAttribute, MessageDraft, TraceHeader, TraceId, attributes_size_bytes};
use posthouse_model::operation::{GivenIds, SendEntry, SendMessage, SendMessageBatch, Sent};
use posthouse_model::{Delay, Fault, MessageId, SqsAction};
use serde::Deserialize;

use super::batch;
use crate::protocol::Protocol;
use crate::protocol::attribute;
use crate::protocol::input::{Entries, Integer, List, Object, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::text::excerpt;
use crate::protocol::writer::{SMALL_REPLY_BYTES, Writer};
use crate::sqs::context::{Context, optional_within, required};

/// A message, of `SendMessage` itself or of an entry of `SendMessageBatch`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Message<'a> {
    /// Of `SendMessage`.
    queue_url: Option<Text<'a>>,
    /// Of an entry.
    id: Option<Text<'a>>,
    message_body: Option<Text<'a>>,
    delay_seconds: Option<Integer>,
    message_attributes: Option<Entries<'a, Object<Attribute<'a>>>>,
    message_system_attributes: Option<Entries<'a, Object<Attribute<'a>>>>,
    message_deduplication_id: Option<Text<'a>>,
    message_group_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
struct Attribute<'a> {
    data_type: Option<Text<'a>>,
    string_value: Option<Text<'a>>,
    binary_value: Option<Text<'a>>,
    string_list_values: Option<List<Text<'a>>>,
    binary_list_values: Option<List<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct BatchInput<'a> {
    queue_url: Option<Text<'a>>,
    entries: Option<List<Object<Message<'a>>>>,
}

pub(super) fn decode(input: &Message<'_>, context: &mut Context<'_>) -> Result<SendMessage, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let body = required(input.message_body.as_ref(), "MessageBody")?;
    let delay = delay(input.delay_seconds)?;
    let sender = context.sender();
    let sending = Sending { fifo: queue.name.is_fifo(), sender: &sender, trace: context.trace };
    let id = MessageId::from_random((context.random)());
    let message = draft(input, body, id, sending)?.seal()?;
    Ok(SendMessage { queue, delay, message })
}

pub(super) fn decode_batch(input: BatchInput<'_>, context: &mut Context<'_>) -> Result<SendMessageBatch, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let entries = batch::entries(SqsAction::SendMessageBatch, input.entries, |entry: &Message<'_>| entry.id.as_ref())?;
    let sender = context.sender();
    let sending = Sending { fifo: queue.name.is_fifo(), sender: &sender, trace: context.trace };
    let mut batch_bytes = 0;
    let entries = entries.try_map(|entry| {
        let body = required(entry.message_body.as_ref(), "MessageBody")?;
        let id = MessageId::from_random((context.random)());
        let draft = draft(&entry, body, id, sending);
        let attributes_bytes = draft.as_ref().map_or(0, |draft| attributes_size_bytes(&draft.attributes));
        let size_bytes = (body.len() + attributes_bytes) as u64;
        batch_bytes += size_bytes;
        // A batch that is too large is refused, so its messages need no digests.
        let sealed = if batch_bytes > BATCH_SIZE_MAX_BYTES.into() {
            Err(Fault::BatchRequestTooLong(batch_bytes))
        } else {
            delay(entry.delay_seconds).and_then(|delay| Ok((delay, draft?.seal()?)))
        };
        Ok::<_, Fault>(match sealed {
            Ok((delay, message)) => SendEntry::new(delay, message),
            Err(fault) => {
                let ids = GivenIds {
                    group: entry.message_group_id.is_some(),
                    deduplication: entry.message_deduplication_id.is_some(),
                };
                SendEntry::refused(size_bytes, ids, fault)
            }
        })
    });
    Ok(SendMessageBatch::new(queue, entries?)?)
}

fn delay(number: Option<Integer>) -> Result<Option<Delay>, Fault> {
    optional_within(number, RangedParameter::DelaySeconds)
}

/// What all messages of a request have in common.
#[derive(Clone, Copy)]
struct Sending<'a> {
    /// Whether the queue is FIFO.
    fifo: bool,
    sender: &'a str,
    trace: Option<TraceId<'a>>,
}

fn draft<'a>(
    input: &'a Message<'_>,
    body: &'a str,
    id: MessageId,
    Sending { fifo, sender, trace }: Sending<'a>,
) -> Result<MessageDraft<'a>, Fault> {
    let attributes = input.message_attributes.as_ref().map_or(&[][..], |attributes| &attributes.0);
    Ok(MessageDraft {
        id,
        body,
        attributes: attributes
            .iter()
            .map(|(name, Object(value))| message_attribute(name, value))
            .collect::<Result<_, _>>()?,
        // The attribute is what the sender asked for; the header may be a proxy's.
        trace_header: trace_header(input)?.map(TraceHeader::Attribute).or(trace.map(TraceHeader::Request)),
        group: input.message_group_id.as_deref(),
        deduplication: input.message_deduplication_id.as_deref(),
        fifo,
        sender,
    })
}

fn message_attribute<'a>(name: &'a str, input: &'a Attribute<'_>) -> Result<MessageAttribute<'a>, Fault> {
    let fault = |rule| {
        let name = excerpt(name).into();
        Fault::invalid(InvalidValue::MessageAttribute { name, rule })
    };
    // Some SDKs write the members that SQS reserves as empty lists.
    let lists = [&input.string_list_values, &input.binary_list_values];
    if lists.iter().any(|list| list.as_ref().is_some_and(|list| !list.is_empty())) {
        return Err(fault(MessageAttributeRule::Lists));
    }
    let Some(data_type) = input.data_type.as_deref().filter(|data_type| !data_type.is_empty()) else {
        return Err(fault(MessageAttributeRule::TypeMissing));
    };
    let value = attribute::value(input.string_value.as_ref(), input.binary_value.as_ref()).map_err(fault)?;
    Ok(MessageAttribute { name: Cow::Borrowed(name), data_type: Cow::Borrowed(data_type), value })
}

fn trace_header<'a>(input: &'a Message<'_>) -> Result<Option<&'a str>, Fault> {
    let mut header = None;
    let attributes = input.message_system_attributes.as_ref().map_or(&[][..], |attributes| &attributes.0);
    for (name, Object(value)) in attributes {
        if &**name != "AWSTraceHeader" {
            return Err(Fault::invalid(InvalidValue::SystemAttribute { name: excerpt(name).into() }));
        }
        if value.data_type.as_deref() != Some("String") {
            return Err(Fault::invalid(InvalidValue::TraceHeaderType));
        }
        header = Some(value.string_value.as_deref().unwrap_or_default());
    }
    Ok(header)
}

/// How long the output is: exactly in JSON without attributes, whose buffer then is the body without another allocation.
pub(super) const fn size_guess_bytes(sent: &Sent, protocol: Protocol) -> usize {
    const PLAIN_BYTES: usize = r#"{"MessageId":"","MD5OfMessageBody":""}"#.len() + 36 + 32;
    match (protocol, sent) {
        (
            Protocol::Json10 | Protocol::Json11,
            Sent { digests: Digests { attributes: None, system_attributes: None, .. }, sequence_number: None, .. },
        ) => PLAIN_BYTES,
        _ => SMALL_REPLY_BYTES,
    }
}

pub(super) fn encode(writer: &mut Writer, sent: &Sent) {
    writer.plain_text("MessageId", sent.id.encode(&mut [0; 36]));
    writer.hex("MD5OfMessageBody", &sent.digests.body);
    if let Some(md5) = &sent.digests.attributes {
        writer.hex("MD5OfMessageAttributes", md5);
    }
    if let Some(md5) = &sent.digests.system_attributes {
        writer.hex("MD5OfMessageSystemAttributes", md5);
    }
    if let Some(number) = sent.sequence_number {
        writer.plain_text("SequenceNumber", &number.to_string());
    }
}
