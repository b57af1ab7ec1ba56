//! SENT: what became of the messages of a SEND.

use bytes::{BufMut as _, BytesMut};

use super::fault::Fault;
use super::{Decode, Payload};
use crate::error::{Malformed, Problem};
use crate::kind::Kind;
use crate::list::{Item, ItemHead, List};
use crate::number::MessageNumber;
use crate::reader::Reader;
use crate::writer;

/// What became of the messages of a SEND. A message that no list names is stored, durably, under the id of its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sent<'a> {
    /// The number of the SEND's first message.
    pub first: MessageNumber,
    /// How many messages it had.
    pub count: u16,
    /// The messages that were refused, in order.
    pub failures: List<'a, Failure<'a>>,
    /// The messages that a FIFO target had already, in order.
    pub duplicates: List<'a, Duplicate>,
    /// The sequence numbers that a FIFO target gave, in order.
    pub sequence_numbers: List<'a, SequenceRange>,
}

/// A message that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    /// Its place in the SEND, from 0.
    pub index: u16,
    /// Why.
    pub fault: Fault<'a>,
}

impl<'a> Item<'a> for Failure<'a> {
    fn read(head: &mut ItemHead<'a>) -> Result<Self, Malformed> {
        Ok(Self { index: head.0.u16("index")?, fault: Fault::read(&mut head.0)? })
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_u16_le(self.index);
        self.fault.write_fields(out);
    }
}

/// A message that a FIFO target had already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Its place in the SEND, from 0.
    pub index: u16,
    /// The id of the message that the target has.
    pub id: [u8; 16],
}

impl Item<'_> for Duplicate {
    fn read(head: &mut ItemHead<'_>) -> Result<Self, Malformed> {
        Ok(Self { index: head.0.u16("index")?, id: head.0.array("message id")? })
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_u16_le(self.index);
        out.put_slice(&self.id);
    }
}

/// The sequence numbers of messages that follow each other: `first`, `first + 1`…
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceRange {
    /// The place of the first message in the SEND, from 0.
    pub index: u16,
    /// How many messages.
    pub count: u16,
    /// The sequence number of the first one.
    pub first: u128,
}

impl Item<'_> for SequenceRange {
    fn read(head: &mut ItemHead<'_>) -> Result<Self, Malformed> {
        let (index, count, first) = (head.0.u16("index")?, head.0.u16("count")?, head.0.u128("sequence number")?);
        if first.checked_add(count.into()).is_none() {
            return Err(Malformed::new("sequence number", Problem::Value));
        }
        Ok(Self { index, count, first })
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_u16_le(self.index);
        out.put_u16_le(self.count);
        out.put_u128_le(self.first);
    }
}

impl Payload for Sent<'_> {
    const KIND: Kind = Kind::Sent;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| {
            out.put_u64_le(self.first.get());
            out.put_u16_le(self.count);
            out.put_u16_le(self.failures.count());
            out.put_u16_le(self.duplicates.count());
            out.put_u16_le(self.sequence_numbers.count());
        });
        self.failures.write(out);
        self.duplicates.write(out);
        self.sequence_numbers.write(out);
    }
}

impl<'a> Decode<'a> for Sent<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let mut head = reader.head()?;
        let first = MessageNumber::new(head.u64("first")?).ok_or(Malformed::new("first", Problem::Value))?;
        let count = head.u16("count")?;
        let failures = head.u16_or("failures", 0)?;
        let duplicates = head.u16_or("duplicates", 0)?;
        let sequence_numbers = head.u16_or("sequence numbers", 0)?;
        Ok(Self {
            first,
            count,
            failures: List::read(&mut reader, failures)?,
            duplicates: List::read(&mut reader, duplicates)?,
            sequence_numbers: List::read(&mut reader, sequence_numbers)?,
        })
    }
}
