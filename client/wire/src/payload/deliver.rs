//! DELIVER: messages for a consumer.

use bytes::{BufMut as _, Bytes};

use super::Decode;
use super::encoded::{Encoded, Full};
use super::entry::{Attributes, Entries, Entry, EntryReader, FIRST_BYTES, NewEntry};
use crate::chunks::Pieces;
use crate::error::{Malformed, Problem};
use crate::kind::Kind;
use crate::limits::DELIVER_MESSAGES_MAX;
use crate::number::DeliveryNumber;
use crate::reader::Reader;
use crate::text::Text;
use crate::writer;

/// What a delivered message has beside its body. Empty texts stand for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryHead<'a> {
    /// `MessageId`, as the bytes of a UUID.
    pub id: [u8; 16],
    /// `SentTimestamp`, in milliseconds since 1970.
    pub sent_ms: u64,
    /// `ApproximateFirstReceiveTimestamp`, in milliseconds since 1970.
    pub first_received_ms: u64,
    /// `ApproximateReceiveCount`
    pub receive_count: u32,
    /// `SequenceNumber`; 0 outside of FIFO queues.
    pub sequence_number: u128,
    /// `SenderId`
    pub sender: Text<'a>,
    /// `MessageGroupId`
    pub group: Text<'a>,
    /// `MessageDeduplicationId`
    pub deduplication: Text<'a>,
    /// `AWSTraceHeader`
    pub trace_header: Text<'a>,
    /// `DeadLetterQueueSourceArn`
    pub dead_letter_source: Text<'a>,
    /// `MessageAttributes`
    pub attributes: Attributes<'a>,
}

/// A message of a DELIVER, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveredEntry<'a> {
    /// What it has beside its body.
    pub head: DeliveryHead<'a>,
    /// Its body, which is text.
    pub body: &'a [u8],
}

impl<'a> Entry<'a> for DeliveredEntry<'a> {
    fn read(entry: &mut EntryReader<'a>) -> Result<Self, Malformed> {
        let mut head = entry.head()?;
        let lengths = EntryReader::lengths(&mut head)?;
        let id = head.array("message id")?;
        let (sent_ms, first_received_ms) = (head.u64("sent")?, head.u64("first received")?);
        let receive_count = head.u32("receive count")?;
        let sequence_number = head.u128_or("sequence number", 0)?;
        let (sender, group) = (head.text_or_empty("sender")?, head.text_or_empty("group")?);
        let (deduplication, trace_header) =
            (head.text_or_empty("deduplication id")?, head.text_or_empty("trace header")?);
        let dead_letter_source = head.text_or_empty("dead-letter source")?;
        let (attributes, body) = entry.content(&lengths)?;
        let head = DeliveryHead {
            id,
            sent_ms,
            first_received_ms,
            receive_count,
            sequence_number,
            sender,
            group,
            deduplication,
            trace_header,
            dead_letter_source,
            attributes,
        };
        Ok(Self { head, body })
    }
}

/// Messages for a consumer, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deliver<'a> {
    first: DeliveryNumber,
    count: u16,
    entries: &'a [u8],
}

impl<'a> Deliver<'a> {
    /// The number of the first delivery; the others follow it one by one.
    #[must_use]
    pub const fn first(&self) -> DeliveryNumber {
        self.first
    }

    /// How many messages there are: 1 to [`DELIVER_MESSAGES_MAX`].
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// The bytes that this DELIVER takes of the link's credit: those of its entries.
    #[must_use]
    pub const fn credit_bytes(&self) -> usize {
        self.entries.len()
    }

    /// The messages in order. They are checked while they are read.
    #[must_use]
    pub const fn entries(&self) -> Entries<'a, DeliveredEntry<'a>> {
        Entries::new(self.entries, self.count)
    }
}

impl<'a> Decode<'a> for Deliver<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let mut head = reader.head()?;
        let first = DeliveryNumber::new(head.u64("first")?).ok_or(Malformed::new("first", Problem::Value))?;
        let count = head.u16("count")?;
        if !(1..=DELIVER_MESSAGES_MAX).contains(&count) || first.checked_add(count.into()).is_none() {
            return Err(Malformed::new("count", Problem::Value));
        }
        Ok(Self { first, count, entries: reader.rest() })
    }
}

/// Makes the payload of a DELIVER.
#[derive(Debug)]
pub struct DeliverBuilder {
    pieces: Pieces,
    count: u16,
}

/// The fields of an entry's head between the lengths and the texts.
const FIELDS_BYTES: usize = 52;

/// The length of the head, the first number, the count.
const HEAD_BYTES: usize = 12;

impl DeliverBuilder {
    /// The payload of a DELIVER whose first message has this number.
    #[must_use]
    pub fn new(first: DeliveryNumber) -> Self {
        let mut pieces = Pieces::with_capacity(FIRST_BYTES);
        writer::head(pieces.written(), |out| {
            out.put_u64_le(first.get());
            out.put_u16_le(0);
        });
        debug_assert_eq!(pieces.len(), HEAD_BYTES);
        Self { pieces, count: 0 }
    }

    /// How many messages there are.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// The bytes that the messages take of the link's credit.
    #[must_use]
    pub fn credit_bytes(&self) -> usize {
        self.pieces.len() - HEAD_BYTES
    }

    /// Appends a message, whose body may come in several pieces. A large piece is not copied.
    ///
    /// # Errors
    /// [`Full`] where there are [`DELIVER_MESSAGES_MAX`] messages already. Bytes are the caller's business: a payload
    /// that is longer than a frame is cut into several.
    pub fn push(&mut self, head: &DeliveryHead<'_>, body: &[Bytes]) -> Result<(), Full> {
        if self.count == DELIVER_MESSAGES_MAX {
            return Err(Full);
        }
        let mut fields = [0; FIELDS_BYTES];
        fields[0..16].copy_from_slice(&head.id);
        fields[16..24].copy_from_slice(&head.sent_ms.to_le_bytes());
        fields[24..32].copy_from_slice(&head.first_received_ms.to_le_bytes());
        fields[32..36].copy_from_slice(&head.receive_count.to_le_bytes());
        fields[36..52].copy_from_slice(&head.sequence_number.to_le_bytes());
        let entry = NewEntry {
            fields: &fields,
            texts: &[head.sender, head.group, head.deduplication, head.trace_header, head.dead_letter_source],
            attributes: head.attributes,
            body,
        };
        entry.write(&mut self.pieces);
        self.count += 1;
        Ok(())
    }

    /// The payload; `None` without a message.
    #[must_use]
    pub fn finish(mut self) -> Option<Encoded> {
        let count = self.count.to_le_bytes();
        self.pieces.written()[HEAD_BYTES - 2..HEAD_BYTES].copy_from_slice(&count);
        (self.count > 0).then(|| Encoded::new(Kind::Deliver, self.pieces.take()))
    }
}
