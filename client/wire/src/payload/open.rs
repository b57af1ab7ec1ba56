//! OPEN_PRODUCER, PRODUCER_OPENED, OPEN_CONSUMER and CONSUMER_OPENED: links and their terms.

use bytes::{BufMut as _, BytesMut};

use super::{Decode, Payload};
use crate::error::{Malformed, Problem};
use crate::kind::Kind;
use crate::limits::NUMBER_MAX;
use crate::number::{MessageNumber, ProducerId};
use crate::reader::Reader;
use crate::text::Text;
use crate::writer;

/// What a producer sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A queue.
    Queue,
    /// A topic.
    Topic,
}

/// Opens a link that sends messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenProducer<'a> {
    /// The producer.
    pub producer: ProducerId,
    /// What the target is.
    pub target_kind: TargetKind,
    /// The target: its name, its ARN or a queue's URL.
    pub target: Text<'a>,
}

impl Payload for OpenProducer<'_> {
    const KIND: Kind = Kind::OpenProducer;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| {
            out.put_slice(self.producer.as_bytes());
            out.put_u8(match self.target_kind {
                TargetKind::Queue => 0,
                TargetKind::Topic => 1,
            });
            writer::text(out, self.target);
        });
    }
}

impl<'a> Decode<'a> for OpenProducer<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut head = Reader::new(payload).head()?;
        Ok(Self {
            producer: ProducerId::from_bytes(head.array("producer id")?),
            target_kind: match head.u8("target kind")? {
                0 => TargetKind::Queue,
                1 => TargetKind::Topic,
                _ => return Err(Malformed::new("target kind", Problem::Value)),
            },
            target: head.text("target")?,
        })
    }
}

const KNOWN: u8 = 1;
const FIFO: u8 = 1 << 1;
const CONTENT_BASED_DEDUPLICATION: u8 = 1 << 2;

/// The answer to OPEN_PRODUCER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerOpened<'a> {
    /// Whether the target remembers this producer.
    pub is_known: bool,
    /// The number of the last message that was stored or refused; `None` where there is none, or none is remembered.
    pub last: Option<MessageNumber>,
    /// Whether the target is FIFO.
    pub is_fifo: bool,
    /// Whether a FIFO target takes messages without a deduplication id.
    pub has_content_based_deduplication: bool,
    /// Bytes that a message may have, body and attributes.
    pub message_bytes_max: u32,
    /// Messages that may be unanswered.
    pub window_messages: u32,
    /// Bytes, of bodies and attributes, that may be unanswered. One message of any size may always be.
    pub window_bytes: u32,
    /// The target's ARN.
    pub arn: Text<'a>,
}

impl Payload for ProducerOpened<'_> {
    const KIND: Kind = Kind::ProducerOpened;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| {
            out.put_u8(
                writer::bit(self.is_known, KNOWN)
                    | writer::bit(self.is_fifo, FIFO)
                    | writer::bit(self.has_content_based_deduplication, CONTENT_BASED_DEDUPLICATION),
            );
            out.put_u64_le(self.last.map_or(0, MessageNumber::get));
            out.put_u32_le(self.message_bytes_max);
            out.put_u32_le(self.window_messages);
            out.put_u32_le(self.window_bytes);
            writer::text(out, self.arn);
        });
    }
}

impl<'a> Decode<'a> for ProducerOpened<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut head = Reader::new(payload).head()?;
        let flags = head.u8("flags")?;
        let last = head.u64("last")?;
        if last > NUMBER_MAX {
            return Err(Malformed::new("last", Problem::Value));
        }
        Ok(Self {
            is_known: flags & KNOWN != 0,
            last: MessageNumber::new(last),
            is_fifo: flags & FIFO != 0,
            has_content_based_deduplication: flags & CONTENT_BASED_DEDUPLICATION != 0,
            message_bytes_max: head.u32("message bytes")?,
            window_messages: head.u32("window messages")?,
            window_bytes: head.u32("window bytes")?,
            arn: head.text_or_empty("arn")?,
        })
    }
}

/// How long a delivered message stays invisible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// The queue's `VisibilityTimeout`.
    OfQueue,
    /// This many seconds; the broker checks the range.
    Seconds(u32),
}

/// Messages a second that a link takes: above zero and finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit(f64);

impl RateLimit {
    /// A rate; `None` where it is not above zero or not finite.
    #[must_use]
    pub fn per_second(rate: f64) -> Option<Self> {
        (rate.is_finite() && rate > 0.0).then_some(Self(rate))
    }

    /// Messages a second.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// What becomes of deliveries that are not settled when their link or the connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// They are visible again at once.
    #[default]
    GiveBack,
    /// They stay in flight until their visibility timeout passes.
    KeepInFlight,
}

const KEEPS_IN_FLIGHT: u8 = 1;

/// Opens a link that receives messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenConsumer<'a> {
    /// The queue: its name, its ARN or its URL.
    pub queue: Text<'a>,
    /// How long a delivered message stays invisible.
    pub visibility: Visibility,
    /// A limit of this link, beside the queue's own.
    pub rate: Option<RateLimit>,
    /// What becomes of deliveries that are not settled at its end.
    pub at_end: AtEnd,
    /// Messages that one DELIVER may have; 0 for as many as the broker likes.
    pub batch_max: u16,
}

impl Payload for OpenConsumer<'_> {
    const KIND: Kind = Kind::OpenConsumer;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| {
            writer::text(out, self.queue);
            out.put_u32_le(match self.visibility {
                Visibility::OfQueue => u32::MAX,
                Visibility::Seconds(seconds) => seconds,
            });
            out.put_u64_le(self.rate.map_or(0, |rate| rate.0.to_bits()));
            out.put_u8(writer::bit(self.at_end == AtEnd::KeepInFlight, KEEPS_IN_FLIGHT));
            out.put_u16_le(self.batch_max);
        });
    }
}

impl<'a> Decode<'a> for OpenConsumer<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut head = Reader::new(payload).head()?;
        Ok(Self {
            queue: head.text("queue")?,
            visibility: match head.u32_or("visibility", u32::MAX)? {
                u32::MAX => Visibility::OfQueue,
                seconds => Visibility::Seconds(seconds),
            },
            rate: match head.u64_or("rate", 0)? {
                0 => None,
                bits => {
                    Some(RateLimit::per_second(f64::from_bits(bits)).ok_or(Malformed::new("rate", Problem::Value))?)
                }
            },
            at_end: match head.u8_or("flags", 0)? & KEEPS_IN_FLIGHT {
                0 => AtEnd::GiveBack,
                _ => AtEnd::KeepInFlight,
            },
            batch_max: head.u16_or("batch max", 0)?,
        })
    }
}

/// The answer to OPEN_CONSUMER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerOpened<'a> {
    /// Whether the queue is FIFO.
    pub is_fifo: bool,
    /// How long a delivered message stays invisible, in seconds.
    pub visibility_seconds: u32,
    /// Messages that the broker delivers ahead of the client's settlements, whatever credit it has.
    pub unsettled_max: u32,
    /// Bytes of entries that the broker holds for this link, whatever credit it has.
    pub held_bytes_max: u32,
    /// The queue's ARN.
    pub arn: Text<'a>,
}

impl Payload for ConsumerOpened<'_> {
    const KIND: Kind = Kind::ConsumerOpened;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| {
            out.put_u8(writer::bit(self.is_fifo, FIFO));
            out.put_u32_le(self.visibility_seconds);
            out.put_u32_le(self.unsettled_max);
            out.put_u32_le(self.held_bytes_max);
            writer::text(out, self.arn);
        });
    }
}

impl<'a> Decode<'a> for ConsumerOpened<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut head = Reader::new(payload).head()?;
        Ok(Self {
            is_fifo: head.u8("flags")? & FIFO != 0,
            visibility_seconds: head.u32("visibility")?,
            unsettled_max: head.u32("unsettled max")?,
            held_bytes_max: head.u32("held bytes max")?,
            arn: head.text_or_empty("arn")?,
        })
    }
}
