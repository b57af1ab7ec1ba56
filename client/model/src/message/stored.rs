//! The bytes that a message is stored as, and the view that reads them in place.
//!
//! Little-endian. `docs/format.md` draws the same table:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 1 | flags, see [`flag`] |
//! | 2 | 1 | length of the group id, 0 for none |
//! | 3 | 1 | length of the deduplication id, 0 for none |
//! | 4 | 2 | length of the trace header, 0 for none |
//! | 6 | 1 | length of the sender id |
//! | 7 | 1 | number of attributes |
//! | 8 | 4 | length of the attributes |
//! | 12 | 4 | length of the body |
//! | 16 | 16 | message id |
//! | 32 | 16 | MD5 of the body |
//! | 48 | 16 | MD5 of the attributes, zeros without any |
//! | 64 | 16 | MD5 of the system attributes, zeros where the sender gave none |
//! | 80 | 16 | deduplication key, zeros without an id |
//! | 96 | - | group id, deduplication id, trace header, sender id, attributes, body |
//!
//! An attribute is: name length u16, data type length u16, value length u32 whose top bit says "binary", name, data
//! type, value. Attributes are sorted by name.

use std::borrow::Cow;

use bytes::{BufMut as _, Bytes, BytesMut};

use core::fmt;

use super::attribute::{AttributeValue, MessageAttribute, is_allowed};
use super::digest::{attributes_md5, body_md5};
use super::{DeduplicationKey, MessageId, TraceHeader};

const VERSION: u8 = 1;
const HEADER: usize = 96;
const ATTRIBUTE_HEADER: usize = 8;
const BINARY: u32 = 1 << 31;

/// The bits of the flags byte.
mod flag {
    /// The body can be written between the quotes of a JSON string as it is.
    pub(super) const JSON_CLEAN: u8 = 1;
    /// The body can be written into an XML element as it is.
    pub(super) const XML_CLEAN: u8 = 1 << 1;
    /// The deduplication id came with the message; without this flag it is the body's SHA-256.
    pub(super) const DEDUPLICATION_EXPLICIT: u8 = 1 << 2;
    /// Every flag of this version.
    pub(super) const KNOWN: u8 = JSON_CLEAN | XML_CLEAN | DEDUPLICATION_EXPLICIT;
}

/// Whether a body needs escaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Escapes {
    json_clean: bool,
    xml_clean: bool,
}

impl Escapes {
    /// Scans a body once; `None` where it has a character that SQS does not allow.
    pub(super) fn of(body: &str) -> Option<Self> {
        const JSON: u8 = 1;
        const XML: u8 = 2;
        const RARE: u8 = 4;
        const CLASSES: [u8; 256] = {
            let mut classes = [0; 256];
            let mut byte = 0;
            while byte < 0x20 {
                classes[byte] = JSON | RARE;
                byte += 1;
            }
            // The controls that are allowed. They are in most texts of more than one line.
            classes[b'\t' as usize] = JSON;
            classes[b'\n' as usize] = JSON;
            // XML parsers turn a carriage return into a line feed unless it is written as a reference.
            classes[b'\r' as usize] = JSON | XML;
            classes[b'"' as usize] = JSON | XML;
            classes[b'\\' as usize] = JSON;
            classes[b'&' as usize] = XML;
            classes[b'<' as usize] = XML;
            classes[b'>' as usize] = XML;
            // Only U+FFFE and U+FFFF, encoded EF BF BE and EF BF BF, are refused past ASCII.
            classes[0xEF] = RARE;
            classes
        };
        let classes = body.bytes().fold(0, |classes, byte| classes | CLASSES[usize::from(byte)]);
        if classes & RARE != 0 && !body.chars().all(is_allowed) {
            return None;
        }
        Some(Self { json_clean: classes & JSON == 0, xml_clean: classes & XML == 0 })
    }
}

/// What a message is laid out from; everything in it was checked by `MessageDraft::seal`.
pub(super) struct Parts<'a> {
    pub(super) id: MessageId,
    pub(super) body: &'a str,
    pub(super) escapes: Escapes,
    pub(super) attributes: &'a [MessageAttribute<'a>],
    pub(super) trace_header: Option<TraceHeader<'a>>,
    pub(super) group: Option<&'a str>,
    pub(super) deduplication: Option<&'a str>,
    pub(super) deduplication_is_explicit: bool,
    pub(super) deduplication_key: Option<DeduplicationKey>,
    pub(super) sender: &'a str,
}

/// The digests that a send answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// `MD5OfMessageBody`
    pub body: [u8; 16],
    /// `MD5OfMessageAttributes`
    pub attributes: Option<[u8; 16]>,
    /// `MD5OfMessageSystemAttributes`: of those that the sender gave, not of a trace that came as a header.
    pub system_attributes: Option<[u8; 16]>,
}

/// A message in its stored form: a slice of the log's buffers, read in place.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredMessage(Bytes);

/// Bytes that are not a stored message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidMessage;

impl fmt::Display for InvalidMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these bytes are not a stored message")
    }
}

impl core::error::Error for InvalidMessage {}

impl StoredMessage {
    /// Lays a message out. Its parts keep the rules of the table above.
    pub(super) fn encode(parts: &Parts<'_>) -> Self {
        debug_assert!(parts.attributes.is_sorted_by(|a, b| a.name < b.name), "they are digested in this order");
        debug_assert_eq!(parts.deduplication.is_some(), parts.deduplication_key.is_some(), "the key is of the id");
        let attributes_length: usize = parts
            .attributes
            .iter()
            .map(|a| ATTRIBUTE_HEADER + a.name.len() + a.data_type.len() + a.value.as_bytes().len())
            .sum();
        let trace = parts.trace_header.map(TraceHeader::as_str);
        let texts = [parts.group, parts.deduplication, trace, Some(parts.sender)].map(Option::unwrap_or_default);
        let length = HEADER + texts.iter().map(|text| text.len()).sum::<usize>() + attributes_length + parts.body.len();
        let mut out = BytesMut::with_capacity(length);

        out.put_u8(VERSION);
        let bit = |set: bool, flag: u8| if set { flag } else { 0 };
        out.put_u8(
            bit(parts.escapes.json_clean, flag::JSON_CLEAN)
                | bit(parts.escapes.xml_clean, flag::XML_CLEAN)
                | bit(parts.deduplication_is_explicit, flag::DEDUPLICATION_EXPLICIT),
        );
        out.put_u8(u8::try_from(texts[0].len()).expect("a group id has at most 128 bytes"));
        out.put_u8(u8::try_from(texts[1].len()).expect("a deduplication id has at most 128 bytes"));
        out.put_u16_le(u16::try_from(texts[2].len()).expect("a trace header has at most 1,024 bytes"));
        out.put_u8(u8::try_from(texts[3].len()).expect("a sender id is an account or a user name below 128 bytes"));
        out.put_u8(u8::try_from(parts.attributes.len()).expect("a message has at most 255 attributes"));
        out.put_u32_le(below_1_mib(attributes_length));
        out.put_u32_le(below_1_mib(parts.body.len()));
        out.put_slice(parts.id.as_bytes());
        out.put_slice(&body_md5(parts.body));
        let attributes = (!parts.attributes.is_empty()).then(|| attributes_md5(parts.attributes.iter().cloned()));
        out.put_slice(&attributes.unwrap_or_default());
        let system = match parts.trace_header {
            Some(TraceHeader::Attribute(header)) => Some(attributes_md5([trace_attribute(header)])),
            Some(TraceHeader::Request(_)) | None => None,
        };
        out.put_slice(&system.unwrap_or_default());
        out.put_slice(&parts.deduplication_key.map(|key| *key.as_bytes()).unwrap_or_default());
        for text in texts {
            out.put_slice(text.as_bytes());
        }
        for attribute in parts.attributes {
            let value = attribute.value.as_bytes();
            let binary = if matches!(attribute.value, AttributeValue::Binary(_)) { BINARY } else { 0 };
            out.put_u16_le(u16::try_from(attribute.name.len()).expect("a name has at most 256 bytes"));
            out.put_u16_le(u16::try_from(attribute.data_type.len()).expect("a data type has at most 256 bytes"));
            out.put_u32_le(below_1_mib(value.len()) | binary);
            out.put_slice(attribute.name.as_bytes());
            out.put_slice(attribute.data_type.as_bytes());
            out.put_slice(value);
        }
        out.put_slice(parts.body.as_bytes());
        debug_assert_eq!(out.len(), length);
        Self(out.freeze())
    }

    /// The message in `bytes`, which are not copied. Everything that the accessors rely on is checked here.
    ///
    /// # Errors
    /// [`InvalidMessage`] where the version, a flag, a length or an encoding does not fit.
    pub fn decode(bytes: Bytes) -> Result<Self, InvalidMessage> {
        if bytes.len() < HEADER || bytes[0] != VERSION || bytes[1] & !flag::KNOWN != 0 {
            return Err(InvalidMessage);
        }
        let message = Self(bytes);
        let texts_end = HEADER + message.text_lengths().iter().sum::<usize>();
        let body_start = texts_end + message.attributes_length();
        let is_whole = message.0.len() == body_start + message.body_length()
            && core::str::from_utf8(&message.0[body_start..]).is_ok();
        if !is_whole {
            return Err(InvalidMessage);
        }
        // Each text alone must be UTF-8: a boundary between two could otherwise split a character.
        let mut start = HEADER;
        for length in message.text_lengths() {
            core::str::from_utf8(&message.0[start..start + length]).map_err(|_| InvalidMessage)?;
            start += length;
        }
        let mut rest = &message.0[texts_end..body_start];
        for _ in 0..message.0[7] {
            rest = read_attribute(rest).ok_or(InvalidMessage)?.1;
        }
        if rest.is_empty() { Ok(message) } else { Err(InvalidMessage) }
    }

    /// The stored bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The message's id.
    #[must_use]
    pub fn id(&self) -> MessageId {
        MessageId::from_bytes(self.array(16))
    }

    /// The digests that its send answers with.
    #[must_use]
    pub fn digests(&self) -> Digests {
        Digests {
            body: self.array(32),
            attributes: (self.0[7] > 0).then(|| self.array(48)),
            system_attributes: Some(self.array(64)).filter(|digest| *digest != [0; 16]),
        }
    }

    /// `MessageGroupId`
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.text(0)
    }

    /// `MessageDeduplicationId`, explicit or the body's SHA-256.
    #[must_use]
    pub fn deduplication(&self) -> Option<&str> {
        self.text(1)
    }

    /// What deduplication remembers of this message; `None` on a standard queue.
    #[must_use]
    pub fn deduplication_key(&self) -> Option<DeduplicationKey> {
        (self.0[3] > 0).then(|| DeduplicationKey::from_bytes(self.array(80)))
    }

    /// Whether the deduplication id came with the message.
    #[must_use]
    pub fn deduplication_is_explicit(&self) -> bool {
        self.0[1] & flag::DEDUPLICATION_EXPLICIT != 0
    }

    /// `AWSTraceHeader`
    #[must_use]
    pub fn trace_header(&self) -> Option<&str> {
        self.text(2)
    }

    /// `SenderId`
    #[must_use]
    pub fn sender(&self) -> &str {
        self.text(3).unwrap_or_default()
    }

    /// How many attributes there are.
    #[must_use]
    pub fn attributes_count(&self) -> usize {
        usize::from(self.0[7])
    }

    /// The attributes, sorted by name.
    pub fn attributes(&self) -> impl Iterator<Item = MessageAttribute<'_>> {
        let end = self.body_start();
        let mut rest = &self.0[end - self.attributes_length()..end];
        core::iter::from_fn(move || {
            let (attribute, after) = read_attribute(rest)?;
            rest = after;
            Some(attribute)
        })
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &str {
        core::str::from_utf8(&self.0[self.body_start()..]).expect("checked when the message was decoded")
    }

    /// The body as a slice that shares the message's memory.
    #[must_use]
    pub fn body_bytes(&self) -> Bytes {
        self.0.slice(self.body_start()..)
    }

    /// Whether the body can stand in a JSON string as it is.
    #[must_use]
    pub fn body_is_json_clean(&self) -> bool {
        self.0[1] & flag::JSON_CLEAN != 0
    }

    /// Whether the body can stand in an XML element as it is.
    #[must_use]
    pub fn body_is_xml_clean(&self) -> bool {
        self.0[1] & flag::XML_CLEAN != 0
    }

    /// The size that SQS's limits count: body, attribute names, types and values.
    #[must_use]
    pub fn size_bytes(&self) -> u32 {
        below_1_mib(self.body_length() + self.attributes_length() - usize::from(self.0[7]) * ATTRIBUTE_HEADER)
    }

    fn body_start(&self) -> usize {
        self.0.len() - self.body_length()
    }

    fn text_lengths(&self) -> [usize; 4] {
        let trace = usize::from(u16::from_le_bytes(self.array(4)));
        [usize::from(self.0[2]), usize::from(self.0[3]), trace, usize::from(self.0[6])]
    }

    fn attributes_length(&self) -> usize {
        u32::from_le_bytes(self.array(8)) as usize
    }

    fn body_length(&self) -> usize {
        u32::from_le_bytes(self.array(12)) as usize
    }

    fn text(&self, index: usize) -> Option<&str> {
        let lengths = self.text_lengths();
        let start = HEADER + lengths[..index].iter().sum::<usize>();
        let text = &self.0[start..start + lengths[index]];
        (!text.is_empty()).then(|| core::str::from_utf8(text).expect("checked when the message was decoded"))
    }

    fn array<const N: usize>(&self, offset: usize) -> [u8; N] {
        self.0[offset..offset + N].try_into().expect("inside the header")
    }
}

impl fmt::Debug for StoredMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredMessage")
            .field("id", &self.id())
            .field("group", &self.group())
            .field("deduplication", &self.deduplication())
            .field("body", &self.body())
            .finish_non_exhaustive()
    }
}

/// The system attribute as it is digested.
fn trace_attribute(header: &str) -> MessageAttribute<'_> {
    MessageAttribute {
        name: Cow::Borrowed("AWSTraceHeader"),
        data_type: Cow::Borrowed("String"),
        value: AttributeValue::Text(Cow::Borrowed(header)),
    }
}

fn read_attribute(bytes: &[u8]) -> Option<(MessageAttribute<'_>, &[u8])> {
    let (header, rest) = bytes.split_at_checked(ATTRIBUTE_HEADER)?;
    let short = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let value_word = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let (name, rest) = rest.split_at_checked(short(0))?;
    let (data_type, rest) = rest.split_at_checked(short(2))?;
    let (value, rest) = rest.split_at_checked((value_word & !BINARY) as usize)?;
    let value = if value_word & BINARY == 0 {
        AttributeValue::Text(Cow::Borrowed(core::str::from_utf8(value).ok()?))
    } else {
        AttributeValue::Binary(Cow::Borrowed(value))
    };
    let name = Cow::Borrowed(core::str::from_utf8(name).ok()?);
    let data_type = Cow::Borrowed(core::str::from_utf8(data_type).ok()?);
    Some((MessageAttribute { name, data_type, value }, rest))
}

fn below_1_mib(length: usize) -> u32 {
    u32::try_from(length).expect("a message is below its limit of 1 MiB")
}
