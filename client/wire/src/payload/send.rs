//! SEND: messages for the target of a producer.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use super::Decode;
use super::encoded::{Encoded, Full};
use super::entry::{Attributes, Entries, Entry, EntryReader, FIRST_BYTES, NewEntry};
use crate::chunks::{Chunks, Pieces};
use crate::error::{Malformed, Problem};
use crate::kind::Kind;
use crate::limits::{FRAME_BYTES_MAX, SEND_BYTES_MAX, SEND_MESSAGES_MAX};
use crate::number::MessageNumber;
use crate::reader::Reader;
use crate::text::Text;
use crate::writer;

/// `MessageStructure` of a publication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Structure {
    /// Each subscriber gets the body.
    #[default]
    Same,
    /// The body is a JSON object with a text for each protocol.
    Json,
}

const STRUCTURE_JSON: u8 = 1;

/// `DelaySeconds`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delay {
    /// The queue's.
    #[default]
    OfQueue,
    /// This many seconds; the broker checks the range.
    Seconds(u16),
}

impl Delay {
    /// The number that stands for the queue's delay.
    const OF_QUEUE: u16 = u16::MAX;
}

/// What a message has beside its body. Empty texts stand for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendHead<'a> {
    /// `MessageStructure`, for a topic.
    pub structure: Structure,
    /// `DelaySeconds`, for a standard queue.
    pub delay: Delay,
    /// `MessageGroupId`
    pub group: Text<'a>,
    /// `MessageDeduplicationId`
    pub deduplication: Text<'a>,
    /// `Subject`, for a topic.
    pub subject: Text<'a>,
    /// `AWSTraceHeader`
    pub trace_header: Text<'a>,
    /// `MessageAttributes`
    pub attributes: Attributes<'a>,
}

/// A message of a SEND, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendEntry<'a> {
    /// What it has beside its body.
    pub head: SendHead<'a>,
    /// Its body; the broker checks that it is text.
    pub body: &'a [u8],
}

impl<'a> Entry<'a> for SendEntry<'a> {
    fn read(entry: &mut EntryReader<'a>) -> Result<Self, Malformed> {
        let mut head = entry.head()?;
        let lengths = EntryReader::lengths(&mut head)?;
        let flags = head.u8_or("flags", 0)?;
        let delay = match head.u16_or("delay", Delay::OF_QUEUE)? {
            Delay::OF_QUEUE => Delay::OfQueue,
            seconds => Delay::Seconds(seconds),
        };
        let (group, deduplication) = (head.text_or_empty("group")?, head.text_or_empty("deduplication id")?);
        let (subject, trace_header) = (head.text_or_empty("subject")?, head.text_or_empty("trace header")?);
        let (attributes, body) = entry.content(&lengths)?;
        let structure = if flags & STRUCTURE_JSON != 0 { Structure::Json } else { Structure::Same };
        let head = SendHead { structure, delay, group, deduplication, subject, trace_header, attributes };
        Ok(Self { head, body })
    }
}

/// Messages for the target of a producer, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendMessages<'a> {
    first: MessageNumber,
    count: u16,
    entries: &'a [u8],
}

impl<'a> SendMessages<'a> {
    /// The number of the first message; the others follow it one by one.
    #[must_use]
    pub const fn first(&self) -> MessageNumber {
        self.first
    }

    /// How many messages there are: 1 to [`SEND_MESSAGES_MAX`].
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// The messages in order. They are checked while they are read, so that the bytes are gone through once.
    #[must_use]
    pub const fn entries(&self) -> Entries<'a, SendEntry<'a>> {
        Entries::new(self.entries, self.count)
    }
}

impl<'a> Decode<'a> for SendMessages<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let mut head = reader.head()?;
        let first = MessageNumber::new(head.u64("first")?).ok_or(Malformed::new("first", Problem::Value))?;
        let count = head.u16("count")?;
        if !(1..=SEND_MESSAGES_MAX).contains(&count) || first.checked_add(count.into()).is_none() {
            return Err(Malformed::new("count", Problem::Value));
        }
        Ok(Self { first, count, entries: reader.rest() })
    }
}

/// Makes the payload of a SEND.
#[derive(Debug)]
pub struct SendBuilder {
    pieces: Pieces,
    count: u16,
    content_bytes: usize,
}

/// Where the first number lies: behind the length of the head.
const FIRST_AT: usize = 2;
/// Where the count lies: behind the first number.
const COUNT_AT: usize = FIRST_AT + 8;

impl Encoded {
    /// The same messages of a SEND, the first one under this number. The bodies are shared. A payload of another kind is
    /// returned as it is.
    #[must_use]
    pub fn renumbered(&self, first: MessageNumber) -> Self {
        if self.kind() != Kind::Send {
            return self.clone();
        }
        let mut rest = self.chunks().clone();
        let mut front = BytesMut::with_capacity(COUNT_AT);
        front.put_slice(&rest.copy_to_bytes(FIRST_AT));
        front.put_u64_le(first.get());
        rest.advance(COUNT_AT - FIRST_AT);
        let mut chunks = Chunks::default();
        chunks.push(front.freeze());
        rest.into_iter().for_each(|piece| chunks.push(piece));
        Self::new(Kind::Send, chunks)
    }
}

impl SendBuilder {
    /// The payload of a SEND whose first message has this number.
    #[must_use]
    pub fn new(first: MessageNumber) -> Self {
        let mut pieces = Pieces::with_capacity(FIRST_BYTES);
        writer::head(pieces.written(), |out| {
            out.put_u64_le(first.get());
            out.put_u16_le(0);
        });
        Self { pieces, count: 0, content_bytes: 0 }
    }

    /// How many messages there are.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// Appends a message, whose body may come in several pieces. A large piece is not copied.
    ///
    /// # Errors
    /// [`Full`] where the frame would have more messages or bytes than is allowed; nothing was appended then. Where the
    /// frame has no message yet, the message is too large for any frame.
    pub fn push(&mut self, head: &SendHead<'_>, body: &[Bytes]) -> Result<(), Full> {
        let flags = writer::bit(head.structure == Structure::Json, STRUCTURE_JSON);
        let delay = match head.delay {
            Delay::OfQueue => Delay::OF_QUEUE,
            Delay::Seconds(seconds) => seconds,
        };
        let [low, high] = delay.to_le_bytes();
        let entry = NewEntry {
            fields: &[flags, low, high],
            texts: &[head.group, head.deduplication, head.subject, head.trace_header],
            attributes: head.attributes,
            body,
        };
        let content_bytes = self.content_bytes.saturating_add(entry.content_bytes());
        let payload_bytes = self.pieces.len().saturating_add(entry.bytes());
        let is_too_much = self.count > 0 && content_bytes > SEND_BYTES_MAX;
        if is_too_much || self.count == SEND_MESSAGES_MAX || payload_bytes > FRAME_BYTES_MAX as usize {
            return Err(Full);
        }
        entry.write(&mut self.pieces);
        self.count += 1;
        self.content_bytes = content_bytes;
        Ok(())
    }

    /// The payload; `None` without a message.
    #[must_use]
    pub fn finish(mut self) -> Option<Encoded> {
        let count = self.count.to_le_bytes();
        self.pieces.written()[COUNT_AT..COUNT_AT + 2].copy_from_slice(&count);
        (self.count > 0).then(|| Encoded::new(Kind::Send, self.pieces.take()))
    }
}
