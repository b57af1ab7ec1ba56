//! CREDIT, SETTLE, SETTLED, GET_HANDLE and HANDLE: what a consumer says about its deliveries.

use bytes::{BufMut as _, BytesMut};

use super::{Decode, Payload};
use crate::error::{Malformed, Problem};
use crate::fault_code::FaultCode;
use crate::kind::Kind;
use crate::limits::{SETTLE_DELIVERIES_MAX, SETTLE_RANGES_MAX};
use crate::list::{Item, ItemHead, List};
use crate::number::DeliveryNumber;
use crate::reader::{Head, Reader};
use crate::text::Text;
use crate::writer;

/// How much a consumer may be sent over the life of its link. Both limits are absolute: a CREDIT that is repeated or
/// overtaken does no harm, and one that is lower than an earlier one changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    /// Deliveries up to this number, this one included.
    pub messages: u64,
    /// Entries are delivered while all entries before them have fewer bytes together. The last one may go beyond it.
    pub bytes: u64,
}

impl Payload for Credit {
    const KIND: Kind = Kind::Credit;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| {
            out.put_u64_le(self.messages);
            out.put_u64_le(self.bytes);
        });
    }
}

impl Decode<'_> for Credit {
    fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut head = Reader::new(payload).head()?;
        Ok(Self { messages: head.u64("messages")?, bytes: head.u64("bytes")? })
    }
}

/// What is to be done with deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// The messages are done: delete them.
    Delete,
    /// Give the messages back: they are visible again after `seconds`.
    Release {
        /// From now.
        seconds: u32,
    },
    /// Keep the messages invisible until `seconds` from now. They can be settled again.
    Extend {
        /// From now.
        seconds: u32,
    },
    /// Move the messages to the queue's dead-letter queue now.
    DeadLetter,
}

const DELETE: u8 = 1;
const RELEASE: u8 = 2;
const EXTEND: u8 = 3;
const DEAD_LETTER: u8 = 4;

/// Deliveries that follow each other, and what is to be done with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettleRange {
    /// What.
    pub verb: Verb,
    /// The first delivery.
    pub first: DeliveryNumber,
    /// How many, at least one.
    pub count: u32,
}

impl Item<'_> for SettleRange {
    fn read(head: &mut ItemHead<'_>) -> Result<Self, Malformed> {
        let (verb, seconds) = (head.0.u8("verb")?, head.0.u32("seconds")?);
        let (first, count) = read_range(&mut head.0)?;
        let verb = match verb {
            DELETE => Verb::Delete,
            RELEASE => Verb::Release { seconds },
            EXTEND => Verb::Extend { seconds },
            DEAD_LETTER => Verb::DeadLetter,
            _ => return Err(Malformed::new("verb", Problem::Value)),
        };
        Ok(Self { verb, first, count })
    }

    fn write(&self, out: &mut BytesMut) {
        let (verb, seconds) = match self.verb {
            Verb::Delete => (DELETE, 0),
            Verb::Release { seconds } => (RELEASE, seconds),
            Verb::Extend { seconds } => (EXTEND, seconds),
            Verb::DeadLetter => (DEAD_LETTER, 0),
        };
        out.put_u8(verb);
        out.put_u32_le(seconds);
        out.put_u64_le(self.first.get());
        out.put_u32_le(self.count);
    }
}

fn read_range(head: &mut Head<'_>) -> Result<(DeliveryNumber, u32), Malformed> {
    let first = DeliveryNumber::new(head.u64("first")?).ok_or(Malformed::new("first", Problem::Value))?;
    let count = head.u32("count")?;
    if count == 0 || first.checked_add(count.into()).is_none() {
        return Err(Malformed::new("count", Problem::Value));
    }
    Ok((first, count))
}

/// What is to be done with deliveries of the link. Without a request number there is no answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settle<'a> {
    ranges: List<'a, SettleRange>,
}

impl<'a> Settle<'a> {
    /// Ranges, carried out in order; `None` for more than [`SETTLE_RANGES_MAX`], or with more than
    /// [`SETTLE_DELIVERIES_MAX`] deliveries together.
    #[must_use]
    pub fn new(ranges: &'a [SettleRange]) -> Option<Self> {
        if ranges.len() > SETTLE_RANGES_MAX.into() {
            return None;
        }
        let ranges = List::of(ranges);
        are_few(&ranges).then_some(Self { ranges })
    }

    /// The ranges.
    #[must_use]
    pub const fn ranges(&self) -> List<'a, SettleRange> {
        self.ranges
    }
}

impl Payload for Settle<'_> {
    const KIND: Kind = Kind::Settle;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| out.put_u16_le(self.ranges.count()));
        self.ranges.write(out);
    }
}

impl<'a> Decode<'a> for Settle<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let count = reader.head()?.u16("ranges")?;
        if count > SETTLE_RANGES_MAX {
            return Err(Malformed::new("ranges", Problem::TooLong));
        }
        let ranges = List::read(&mut reader, count)?;
        if !are_few(&ranges) {
            return Err(Malformed::new("count", Problem::TooLong));
        }
        Ok(Self { ranges })
    }
}

/// Whether ranges name no more deliveries together than one SETTLE may.
fn are_few(ranges: &List<'_, SettleRange>) -> bool {
    ranges.iter().map(|range| u64::from(range.count)).sum::<u64>() <= SETTLE_DELIVERIES_MAX.into()
}

/// Deliveries that were not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSettled {
    first: DeliveryNumber,
    count: u32,
    code: u16,
}

impl NotSettled {
    /// `count` deliveries from `first` on, at least one.
    #[must_use]
    pub const fn new(first: DeliveryNumber, count: u32, code: FaultCode) -> Self {
        Self { first, count, code: code.number() }
    }

    /// The first delivery.
    #[must_use]
    pub const fn first(&self) -> DeliveryNumber {
        self.first
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Why; `None` for a code that only a newer peer knows.
    #[must_use]
    pub const fn code(&self) -> Option<FaultCode> {
        FaultCode::from_number(self.code)
    }

    /// The number of the code.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.code
    }
}

impl Item<'_> for NotSettled {
    fn read(head: &mut ItemHead<'_>) -> Result<Self, Malformed> {
        let (first, count) = read_range(&mut head.0)?;
        Ok(Self { first, count, code: head.0.u16("code")? })
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_u64_le(self.first.get());
        out.put_u32_le(self.count);
        out.put_u16_le(self.code);
    }
}

/// What became of a SETTLE. A delivery that no exception names is settled, durably.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settled<'a> {
    /// The deliveries that were not settled.
    pub exceptions: List<'a, NotSettled>,
}

impl Payload for Settled<'_> {
    const KIND: Kind = Kind::Settled;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| out.put_u16_le(self.exceptions.count()));
        self.exceptions.write(out);
    }
}

impl<'a> Decode<'a> for Settled<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let count = reader.head()?.u16_or("exceptions", 0)?;
        Ok(Self { exceptions: List::read(&mut reader, count)? })
    }
}

/// Asks for the receipt handle of a delivery, with which a client of SQS can settle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetHandle {
    /// The delivery.
    pub delivery: DeliveryNumber,
}

impl Payload for GetHandle {
    const KIND: Kind = Kind::GetHandle;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| out.put_u64_le(self.delivery.get()));
    }
}

impl Decode<'_> for GetHandle {
    fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let number = Reader::new(payload).head()?.u64("delivery")?;
        Ok(Self { delivery: DeliveryNumber::new(number).ok_or(Malformed::new("delivery", Problem::Value))? })
    }
}

/// The answer to GET_HANDLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle<'a> {
    /// `ReceiptHandle`
    pub handle: Text<'a>,
}

impl Payload for Handle<'_> {
    const KIND: Kind = Kind::Handle;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| writer::text(out, self.handle));
    }
}

impl<'a> Decode<'a> for Handle<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self { handle: Reader::new(payload).head()?.text("handle")? })
    }
}
