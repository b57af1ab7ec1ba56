//! `ReceiveMessage`, and which attributes of the messages its caller wants to see.

use bytes::Bytes;
use posthouse_model::fault::RangedParameter;
use posthouse_model::limits::ATTRIBUTE_NAME_CHARS_MAX;
use posthouse_model::message::{
    AttributeValue, ClientId, MessageAttribute, StoredMessage, attributes_md5, body_md5, body_md5_of_parts,
};
use posthouse_model::operation::{ReceiveMessage, ReceivedMessage};
use posthouse_model::{Fault, HandleKey, ReceiveWait, SqsMessageCount};
use serde::Deserialize;

use super::ATTRIBUTES;
use crate::protocol::input::{Integer, List, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::text::{Escaped, Escaping, excerpt};
use crate::protocol::writer::{Plural, SLICE_BYTES_MIN, Writer};
use crate::sqs::context::{Context, optional_within};
use crate::sqs::envelope::{Envelope, Envelopes};

/// The list of the messages.
pub(super) const MESSAGES: Plural = Plural("Messages", "Message");
const MESSAGE_ATTRIBUTES: Plural = Plural("MessageAttributes", "MessageAttribute");
/// What one message adds to its body: ids, digests, system attributes, and their names.
const MESSAGE_OVERHEAD_BYTES: usize = 768;

/// The longest name of an attribute, and two characters that make a prefix of it.
const NAME_BYTES_MAX: usize = ATTRIBUTE_NAME_CHARS_MAX + 2;
/// What SNS's envelope adds to a body.
const ENVELOPE_BYTES: usize = 2048;

/// The system attributes, in the order in which they are written.
const SYSTEM_ATTRIBUTES: [&str; 9] = [
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Input<'a> {
    queue_url: Option<Text<'a>>,
    attribute_names: Option<List<Text<'a>>>,
    message_system_attribute_names: Option<List<Text<'a>>>,
    message_attribute_names: Option<List<Text<'a>>>,
    max_number_of_messages: Option<Integer>,
    visibility_timeout: Option<Integer>,
    wait_time_seconds: Option<Integer>,
    receive_request_attempt_id: Option<Text<'a>>,
}

/// Which attributes a receiver wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// A bit for each of [`SYSTEM_ATTRIBUTES`].
    system: u16,
    user: UserSelection,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum UserSelection {
    All,
    Some { names: Vec<Box<str>>, prefixes: Vec<Box<str>> },
}

impl Default for UserSelection {
    fn default() -> Self {
        Self::Some { names: Vec::new(), prefixes: Vec::new() }
    }
}

/// How received messages are shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    selection: Selection,
    /// What their receipt handles are sealed with.
    handle_key: HandleKey,
    /// What those are wrapped with that SNS put into the queue.
    envelopes: Envelopes,
}

impl Shown {
    /// With all attributes.
    pub(super) fn all(context: &Context<'_>) -> Self {
        let selection = Selection { system: u16::MAX, user: UserSelection::All };
        let envelopes = Envelopes { signer: context.signer.clone(), url_base: context.url_base() };
        Self { selection, handle_key: context.handle_key, envelopes }
    }
}

/// What a message shows that is not its own.
pub(super) struct Beside<'a> {
    /// Its receipt handle.
    pub(super) handle: &'a str,
    /// Further system attributes.
    pub(super) attributes: &'a [(&'static str, &'static str)],
}

impl Selection {
    fn of(input: &Input<'_>) -> Result<Self, Fault> {
        let lists = [&input.attribute_names, &input.message_system_attribute_names];
        let mut system = 0;
        for name in lists.into_iter().flatten().flatten() {
            system |= match (&**name, SYSTEM_ATTRIBUTES.iter().position(|known| *known == &**name)) {
                (_, Some(position)) => 1 << position,
                ("All", None) => u16::MAX,
                // Documented as a name that may be asked for; no message has it.
                ("SqsManagedSseEnabled", None) => 0,
                _ => return Err(Fault::unknown_attribute(excerpt(name))),
            };
        }
        Ok(Self { system, user: UserSelection::of(input.message_attribute_names.as_deref().unwrap_or_default()) })
    }

    fn wants_system(&self, position: usize) -> bool {
        self.system & 1 << position != 0
    }
}

impl UserSelection {
    fn of(asked: &[Text<'_>]) -> Self {
        let (mut names, mut prefixes) = (Vec::new(), Vec::new());
        // A longer one is the name of no attribute.
        for name in asked.iter().filter(|name| name.len() <= NAME_BYTES_MAX) {
            match name.strip_suffix(".*") {
                Some("") => return Self::All,
                Some(prefix) => prefixes.push(prefix.into()),
                None if matches!(&**name, "All" | "*") => return Self::All,
                None => names.push((&**name).into()),
            }
        }
        Self::Some { names, prefixes }
    }

    fn wants(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some { names, prefixes } => {
                names.iter().any(|wanted| **wanted == *name)
                    || prefixes.iter().any(|prefix| name.starts_with(&**prefix))
            }
        }
    }

    fn wants_none(&self) -> bool {
        matches!(self, Self::Some { names, prefixes } if names.is_empty() && prefixes.is_empty())
    }
}

pub(super) fn decode(input: &Input<'_>, context: &Context<'_>) -> Result<(ReceiveMessage, Shown), Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let selection = Selection::of(input)?;
    let messages_max = optional_within(input.max_number_of_messages, RangedParameter::MaxNumberOfMessages)?;
    let request = ReceiveMessage {
        queue,
        messages_max: messages_max.unwrap_or(SqsMessageCount::MIN).into(),
        visibility_timeout: optional_within(input.visibility_timeout, RangedParameter::ReceivedVisibilityTimeout)?,
        wait: optional_within(input.wait_time_seconds, RangedParameter::WaitTimeSeconds)?.map(ReceiveWait::AtMost),
        attempt: input.receive_request_attempt_id.as_deref().map(ClientId::receive_attempt).transpose()?,
    };
    let envelopes = Envelopes { signer: context.signer.clone(), url_base: context.url_base() };
    Ok((request, Shown { selection, handle_key: context.handle_key, envelopes }))
}

/// About how long the answer is.
pub(super) fn size_guess_bytes(messages: &[ReceivedMessage]) -> usize {
    size_guess_of(messages.iter())
}

/// About how long an answer with these messages is.
pub(super) fn size_guess_of<'a>(messages: impl Iterator<Item = &'a ReceivedMessage>) -> usize {
    let sizes = messages.map(|received| match &received.notification {
        None => received.message.as_bytes().len().min(SLICE_BYTES_MIN),
        // Its quotes are escaped twice.
        Some(_) => received.message.as_bytes().len().min(SLICE_BYTES_MIN) * 5 / 4 + ENVELOPE_BYTES,
    });
    sizes.map(|bytes| bytes + MESSAGE_OVERHEAD_BYTES).sum::<usize>() + MESSAGE_OVERHEAD_BYTES
}

/// SQS leaves the list out where it is empty.
pub(super) fn encode(writer: &mut Writer, messages: &[ReceivedMessage], shown: &Shown) {
    if !messages.is_empty() {
        writer.list(MESSAGES, messages, |writer, received| {
            let handle = shown.handle_key.seal(received.handle);
            encode_message(writer, received, shown, &Beside { handle: handle.as_str(), attributes: &[] });
        });
    }
}

/// Writes one message.
pub(super) fn encode_message(writer: &mut Writer, received: &ReceivedMessage, shown: &Shown, beside: &Beside<'_>) {
    let Shown { selection, envelopes, .. } = shown;
    let message = &received.message;
    writer.plain_text("MessageId", received.id.encode(&mut [0; 36]));
    writer.plain_text("ReceiptHandle", beside.handle);
    if let Some(envelope) = envelopes.wrap(received) {
        encode_envelope(writer, message, &envelope);
        encode_system_attributes(writer, received, selection, beside.attributes);
        encode_user_attributes(writer, None, received, &selection.user);
        return;
    }
    writer.hex("MD5OfBody", &message.digests().body);
    let clean = if writer.is_json() { message.body_is_json_clean() } else { message.body_is_xml_clean() };
    if clean {
        writer.clean_text("Body", message.body_bytes());
    } else if message.body().len() >= SLICE_BYTES_MIN {
        writer.large_text("Body", message.body_bytes());
    } else {
        writer.text("Body", message.body());
    }
    encode_system_attributes(writer, received, selection, beside.attributes);
    encode_user_attributes(writer, Some(message), received, &selection.user);
}

/// The envelope of a message as its body.
fn encode_envelope(writer: &mut Writer, message: &StoredMessage, envelope: &Envelope) {
    match envelope {
        Envelope::Whole(envelope) => {
            writer.hex("MD5OfBody", &body_md5(envelope));
            writer.text("Body", envelope);
        }
        Envelope::Around { head, tail } => {
            let (head_bytes, tail_bytes) =
                (Bytes::copy_from_slice(head.as_bytes()), Bytes::copy_from_slice(tail.as_bytes()));
            let string = Escaped::new(message.body_bytes(), Escaping::Json);
            let md5 = body_md5_of_parts(core::iter::once(head_bytes).chain(string).chain([tail_bytes]));
            writer.hex("MD5OfBody", &md5);
            writer.json_around("Body", head, message.body_bytes(), tail);
        }
    }
}

fn encode_system_attributes(
    writer: &mut Writer,
    received: &ReceivedMessage,
    selection: &Selection,
    further: &[(&'static str, &'static str)],
) {
    if selection.system == 0 {
        return;
    }
    let message = &received.message;
    let (mut first_received, mut receive_count, mut sent) =
        (itoa::Buffer::new(), itoa::Buffer::new(), itoa::Buffer::new());
    let mut id = [0; 36];
    let own_id = received.is_fifo_dead_letter().then(|| received.id.encode(&mut id));
    let source = received.dead_letter_source.as_ref().map(ToString::to_string);
    let sequence_number = received.sequence_number.map(|number| number.to_string());
    let values: [Option<&str>; SYSTEM_ATTRIBUTES.len()] = [
        Some(first_received.format(received.first_received.as_millis())),
        Some(receive_count.format(received.receive_count)),
        message.trace_header(),
        source.as_deref(),
        own_id.or(message.deduplication().filter(|_| received.shows_ids())),
        message.group().filter(|_| received.shows_ids()),
        Some(message.sender()),
        Some(sent.format(received.sent.as_millis())),
        sequence_number.as_deref(),
    ];
    let wanted = |position: usize| values[position].filter(|_| selection.wants_system(position));
    let mut shown = (0..values.len())
        .filter_map(|position| wanted(position).map(|value| (SYSTEM_ATTRIBUTES[position], value)))
        .chain(further.iter().copied())
        .peekable();
    if shown.peek().is_some() {
        writer.map(ATTRIBUTES, "Name", shown);
    }
}

/// The attributes of `message`, and of the failure of a push. `message` is `None` where its envelope has them.
///
/// The digest is of the attributes that are shown: SDKs check it against what they see.
fn encode_user_attributes(
    writer: &mut Writer,
    message: Option<&StoredMessage>,
    received: &ReceivedMessage,
    selection: &UserSelection,
) {
    let stored_md5 = message.and_then(|message| message.digests().attributes);
    if selection.wants_none() || (stored_md5.is_none() && received.failure.is_none()) {
        return;
    }
    let stored = message.into_iter().flat_map(StoredMessage::attributes);
    let mut shown: Vec<MessageAttribute<'_>> = match &received.failure {
        None => stored.collect(),
        Some(failure) => failure.add_to(stored),
    };
    shown.retain(|attribute| selection.wants(&attribute.name));
    if shown.is_empty() {
        return;
    }
    let is_stored =
        received.failure.is_none() && message.is_some_and(|message| message.attributes_count() == shown.len());
    let md5 = stored_md5.filter(|_| is_stored).unwrap_or_else(|| attributes_md5(shown.iter().cloned()));
    writer.hex("MD5OfMessageAttributes", &md5);
    writer.structures(
        MESSAGE_ATTRIBUTES,
        shown,
        |attribute| &attribute.name,
        |writer, attribute| {
            match &attribute.value {
                AttributeValue::Text(text) => writer.text("StringValue", text),
                AttributeValue::Binary(bytes) => writer.base64("BinaryValue", bytes),
            }
            writer.text("DataType", &attribute.data_type);
        },
    );
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn texts(names: &[&'static str]) -> Vec<Text<'static>> {
        names.iter().map(|name| Text(Cow::Borrowed(*name))).collect()
    }

    #[test]
    fn message_attribute_names() {
        for (asked, wanted, unwanted) in [
            (&[][..], &[][..], &["a", "All"][..]),
            (&["All"], &["a", "b.c"], &[]),
            (&["x", ".*"], &["a", "b.c"], &[]),
            (&["a", "b"], &["a", "b"], &["ab", "a.b", "A"]),
            (&["bar.*"], &["bar.x", "bar.", "barn"], &["ba", "x.bar."]),
            (&["bar.*", "a"], &["bar.x", "a"], &["b"]),
        ] {
            let selection = UserSelection::of(&texts(asked));
            assert!(wanted.iter().all(|name| selection.wants(name)), "{asked:?}");
            assert!(!unwanted.iter().any(|name| selection.wants(name)), "{asked:?}");
            assert_eq!(selection.wants_none(), asked.is_empty(), "{asked:?}");
        }
    }
}
