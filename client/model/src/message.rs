//! A message as a sender makes it: its parts, the rules they obey, and the bytes it is stored as.
//!
//! [`MessageDraft::seal`] settles everything that can be settled before the core loop: validity, digests, size, and
//! whether the body can be written into JSON or XML as it is.

mod attribute;
mod digest;
mod stored;

pub use attribute::{AttributeValue, MessageAttribute, attributes_size_bytes, check_attributes};
pub(crate) use attribute::{is_allowed, is_number, is_reserved};
pub use digest::{attributes_md5, body_md5, body_md5_of_parts};
pub use stored::{Digests, InvalidMessage, StoredMessage};

use core::fmt;

use compact_str::CompactString;
use sha2::{Digest, Sha256};

use crate::fault::{Fault, InvalidValue, Rule, SnsFault};
use crate::limits::{
    DEDUPLICATION_ID_CHARS_MAX, MAXIMUM_MESSAGE_SIZE_BYTES, MESSAGE_GROUP_ID_CHARS_MAX, RECEIVE_ATTEMPT_ID_CHARS_MAX,
    TRACE_HEADER_BYTES_MAX,
};

/// A message's id: a random UUID, given by the broker at send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// From random bytes; the bits that say "random UUID" are set here.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes())
    }

    /// From bytes that [`MessageId::as_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes of the UUID.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The 36 characters of the UUID.
    pub fn encode<'a>(&self, buffer: &'a mut [u8; 36]) -> &'a str {
        uuid::Uuid::from_bytes(self.0).hyphenated().encode_lower(buffer)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encode(&mut [0; 36]))
    }
}

/// An id that a client chooses: a group's, a deduplication id, a receive attempt's.
/// 1 to 128 letters, digits and ASCII punctuation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(CompactString);

impl ClientId {
    /// A `MessageGroupId`.
    ///
    /// # Errors
    /// [`InvalidValue::Identifier`]
    pub fn group(text: &str) -> Result<Self, Fault> {
        Self::parse(text, "MessageGroupId", MESSAGE_GROUP_ID_CHARS_MAX)
    }

    /// A `MessageDeduplicationId`.
    ///
    /// # Errors
    /// [`InvalidValue::Identifier`]
    pub fn deduplication(text: &str) -> Result<Self, Fault> {
        Self::parse(text, "MessageDeduplicationId", DEDUPLICATION_ID_CHARS_MAX)
    }

    /// A `ReceiveRequestAttemptId`.
    ///
    /// # Errors
    /// [`InvalidValue::Identifier`]
    pub fn receive_attempt(text: &str) -> Result<Self, Fault> {
        Self::parse(text, "ReceiveRequestAttemptId", RECEIVE_ATTEMPT_ID_CHARS_MAX)
    }

    fn parse(text: &str, parameter: &'static str, chars_max: usize) -> Result<Self, Fault> {
        // Graphic ASCII is exactly SQS's "alphanumeric characters and punctuation".
        if (1..=chars_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(CompactString::new(text)))
        } else {
            Err(Fault::invalid(InvalidValue::Identifier { parameter, id: text.into(), chars_max }))
        }
    }

    /// The id as the client gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What deduplication remembers: the first half of the SHA-256 of the deduplication id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeduplicationKey([u8; 16]);

impl DeduplicationKey {
    /// The key that [`DeduplicationKey::as_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn of(id: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(id).into();
        Self(hash[..16].try_into().expect("half of 32 bytes"))
    }
}

/// The trace that a message belongs to, and how it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceHeader<'a> {
    /// As the system attribute `AWSTraceHeader`, whose digest the sender gets back.
    Attribute(&'a str),
    /// As a header of the request.
    Request(TraceId<'a>),
}

impl<'a> TraceHeader<'a> {
    pub(crate) const fn as_str(self) -> &'a str {
        match self {
            Self::Attribute(header) | Self::Request(TraceId(header)) => header,
        }
    }
}

/// The value of a request's HTTP header `X-Amzn-Trace-Id`: 1 to 1,024 printable ASCII characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId<'a>(&'a str);

impl<'a> TraceId<'a> {
    /// The value of a header. `None` where it cannot be a trace: a header that a proxy may have added is no reason to
    /// refuse a message.
    #[must_use]
    pub fn of_header(value: &'a [u8]) -> Option<Self> {
        let fits = (1..=TRACE_HEADER_BYTES_MAX).contains(&value.len());
        let text = core::str::from_utf8(value).ok().filter(|_| fits)?;
        text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()).then_some(Self(text))
    }
}

/// A message before it is stored.
#[derive(Clone, Debug)]
pub struct MessageDraft<'a> {
    /// The message's id.
    pub id: MessageId,
    /// `MessageBody`
    pub body: &'a str,
    /// `MessageAttributes`, in any order.
    pub attributes: Vec<MessageAttribute<'a>>,
    /// `AWSTraceHeader`
    pub trace_header: Option<TraceHeader<'a>>,
    /// `MessageGroupId`
    pub group: Option<&'a str>,
    /// `MessageDeduplicationId`
    pub deduplication: Option<&'a str>,
    /// Whether the queue is FIFO, as its name says: then a message without a deduplication id gets its content's.
    pub fifo: bool,
    /// `SenderId`: the user or the account that sends.
    pub sender: &'a str,
}

impl<'a> MessageDraft<'a> {
    /// A message to a standard queue that has nothing but a body.
    #[must_use]
    pub const fn new(id: MessageId, body: &'a str, sender: &'a str) -> Self {
        Self {
            id,
            body,
            attributes: Vec::new(),
            trace_header: None,
            group: None,
            deduplication: None,
            fifo: false,
            sender,
        }
    }
}

impl MessageDraft<'_> {
    /// Checks every rule that does not depend on the queue's attributes, and lays the message out for the log. Digests
    /// are computed here, so that the core loop does not hash.
    ///
    /// # Errors
    /// The fault of the first rule that the message breaks: body, attributes, trace header, ids, size.
    pub fn seal(mut self) -> Result<StoredMessage, Fault> {
        if self.body.is_empty() {
            return Err(Fault::missing("MessageBody"));
        }
        let escapes = stored::Escapes::of(self.body).ok_or(Fault::InvalidMessageContents)?;
        check_attributes(&mut self.attributes)?;
        if let Some(TraceHeader::Attribute(header)) = self.trace_header
            && !(1..=TRACE_HEADER_BYTES_MAX).contains(&header.len())
        {
            return Err(Fault::invalid(InvalidValue::TraceHeader));
        }
        let group = self.group.map(ClientId::group).transpose()?;
        let deduplication = self.deduplication.map(ClientId::deduplication).transpose()?;
        if let Some(id) = &deduplication
            && !self.fifo
        {
            return Err(Fault::invalid(InvalidValue::DeduplicationIdOfStandardQueue { id: id.as_str().into() }));
        }
        let size = self.body.len() + attributes_size_bytes(&self.attributes);
        if size > MAXIMUM_MESSAGE_SIZE_BYTES as usize {
            return Err(too_long(MAXIMUM_MESSAGE_SIZE_BYTES));
        }
        let of_content = || self.fifo.then(|| EffectiveId::of_content(self.body));
        let effective = deduplication.as_ref().map(EffectiveId::explicit).or_else(of_content);
        Ok(StoredMessage::encode(&stored::Parts {
            id: self.id,
            body: self.body,
            escapes,
            attributes: &self.attributes,
            trace_header: self.trace_header,
            group: group.as_ref().map(ClientId::as_str),
            deduplication: effective.as_ref().map(|id| id.text.as_str()),
            deduplication_is_explicit: effective.as_ref().is_some_and(|id| id.explicit),
            deduplication_key: effective.as_ref().map(|id| DeduplicationKey::of(&id.text)),
            sender: self.sender,
        }))
    }
}

/// The id that deduplication compares. Without an explicit one it is the SHA-256 of the content, which the engine
/// ignores unless the queue or topic has content-based deduplication. It is hashed here, not on the core loop.
struct EffectiveId {
    text: CompactString,
    explicit: bool,
}

impl EffectiveId {
    fn explicit(id: &ClientId) -> Self {
        Self { text: id.0.clone(), explicit: true }
    }

    fn of_content(content: &str) -> Self {
        Self { text: hex(&Sha256::digest(content)).into(), explicit: false }
    }
}

/// A message by SNS's rules, which are laxer than SQS's: it may have more attributes, and an empty body.
pub(crate) struct Lenient<'a> {
    pub(crate) id: MessageId,
    pub(crate) body: &'a str,
    /// What content-based deduplication looks at.
    pub(crate) content: &'a str,
    /// Checked and sorted.
    pub(crate) attributes: &'a [MessageAttribute<'a>],
    pub(crate) group: Option<&'a str>,
    pub(crate) deduplication: Option<&'a str>,
    pub(crate) trace: Option<TraceId<'a>>,
    pub(crate) fifo: bool,
    pub(crate) sender: &'a str,
}

impl StoredMessage {
    /// Lays a message out that SNS takes.
    ///
    /// # Errors
    /// In SNS's words, where the body or one of the ids has characters that are not allowed.
    pub(crate) fn lay_out(message: &Lenient<'_>) -> Result<Self, Fault> {
        let invalid = |parameter: &'static str| SnsFault::invalid(parameter, Rule::Characters);
        let escapes = stored::Escapes::of(message.body).ok_or_else(|| invalid("Message"))?;
        let group = message.group.map(ClientId::group).transpose();
        let group = group.map_err(|_| identifier_fault("MessageGroupId"))?;
        let deduplication = message.deduplication.map(ClientId::deduplication).transpose();
        let deduplication = deduplication.map_err(|_| identifier_fault("MessageDeduplicationId"))?;
        let of_content = || message.fifo.then(|| EffectiveId::of_content(message.content));
        let effective = deduplication.as_ref().map(EffectiveId::explicit).or_else(of_content);
        Ok(Self::encode(&stored::Parts {
            id: message.id,
            body: message.body,
            escapes,
            attributes: message.attributes,
            trace_header: message.trace.map(TraceHeader::Request),
            group: group.as_ref().map(ClientId::as_str),
            deduplication: effective.as_ref().map(|id| id.text.as_str()),
            deduplication_is_explicit: effective.as_ref().is_some_and(|id| id.explicit),
            deduplication_key: effective.as_ref().map(|id| DeduplicationKey::of(&id.text)),
            sender: message.sender,
        }))
    }
}

fn identifier_fault(parameter: &'static str) -> Fault {
    SnsFault::invalid(parameter, Rule::Identifier { chars_max: MESSAGE_GROUP_ID_CHARS_MAX })
}

/// SQS's answer to a message that is larger than its queue takes.
#[must_use]
pub fn too_long(limit_bytes: u32) -> Fault {
    Fault::invalid(InvalidValue::MessageTooLong { bytes_max: limit_bytes })
}

fn hex(bytes: &[u8]) -> String {
    use core::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}

#[cfg(test)]
mod tests;
