//! `ProducerNoted`, `ProducerForgotten`, `ProducersKept` and `MissedKept`: native producers and the numbers of their
//! messages.
//!
//! `ProducerNoted` names the producer whose messages the numbered events bring that follow it: `NumberedEnqueued` and
//! `NumberedPublished`, whose payloads are those of `Enqueued` and `Published`. The first of them has the number that
//! follows those of the exceptions, and each other the next one. Any other event ends this, but for the other parts of a
//! publication. So if a crash cuts the journal between two of these events, the number of each message is durable exactly
//! if the message is.
//!
//! A *target* is: u8, then 1 a queue: its number u32; 2 a topic: its ARN, text.
//!
//! A *producer's key* is 16 bytes: the SipHash-2-4-128 of the caller under the producer's id. The caller is a byte (0
//! anonymous, 1 the broker, 2 a user), then of a user the twelve digits of its account and its name.
//!
//! An *exception* is: messages with consecutive numbers u32; what came of them u8; u64, as that says:
//!
//! | what came | u64 |
//! |---|---|
//! | 0 published to no recipient | 0 |
//! | 1 a duplicate; its original's id follows, 16 bytes | key of the original |
//! | 2 it broke a rule of its own | 0 |
//! | 3 too long | the most bytes |
//! | 4 a delay in a FIFO queue | the seconds |
//! | 5 no message group | 0 |
//! | 6 no deduplication id | 0 |
//! | 7 a quota on messages | the quota |
//! | 8 a quota on bytes | the quota |
//! | 9 no room for now | 0 |
//! | 10 too many values to match | 0 |
//!
//! | event | payload |
//! |---|---|
//! | `ProducerNoted` | time u64, ms; key; number of its next message u64; target; count u32 of exceptions |
//! | `ProducerForgotten` | key; target |
//! | `ProducersKept` | position of the beginning u64; count u32; each: target; key; time u64; last number u64; number up to which the answers are forgotten u64; count u32 of: first number u64, exception; count u32 of keys u64 of the latest messages |
//! | `MissedKept` | position of the beginning u64; count u32; each: target; time u64 until which a producer may be missing |

use std::sync::Arc;

use posthouse_model::{MessageKey, MessageNumber, Timestamp};

use super::bytes::{Reader, Writer};
use crate::journal::Position;
use crate::malformed::Malformed;
use crate::producer::{Exception, NumberedTarget, Producer, ProducerKey, Run};
use crate::refusal::{LoadQuota, Refusal};

/// A producer is about to send messages, or messages of it were not taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProducerNoted {
    pub(crate) time: Timestamp,
    pub(crate) key: ProducerKey,
    /// The number of the first exception, or else of the message that the next event brings.
    pub(crate) next: MessageNumber,
    pub(crate) target: NumberedTarget,
    /// What came of the messages from `next` on.
    pub(crate) runs: Vec<Run>,
}

impl ProducerNoted {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.time(self.time);
        out.array(&self.key.0);
        out.u64(self.next.get());
        encode_target(&self.target, out);
        out.count(self.runs.len());
        self.runs.iter().for_each(|run| encode_exception(run, out));
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (time, key, next) = (bytes.time()?, ProducerKey(bytes.array()?), number(bytes)?);
        if next == MessageNumber::NONE {
            return Err("no message has the number zero");
        }
        let target = decode_target(bytes)?;
        let mut runs = bytes.list(EXCEPTION, |bytes| decode_exception(bytes, MessageNumber::NONE))?;
        let mut first = next;
        for run in &mut runs {
            run.first = first;
            first = first.plus(run.messages.into());
        }
        Ok(Self { time, key, next, target, runs })
    }
}

/// A producer was forgotten before its time, for want of room.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProducerForgotten {
    pub(crate) target: NumberedTarget,
    pub(crate) key: ProducerKey,
}

impl ProducerForgotten {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.array(&self.key.0);
        encode_target(&self.target, out);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { key: ProducerKey(bytes.array()?), target: decode_target(bytes)? })
    }
}

/// What is remembered of producers, in part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProducersKept {
    pub(crate) began: Position,
    pub(crate) producers: Vec<Producer>,
}

impl ProducersKept {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.position(self.began);
        out.count(self.producers.len());
        for producer in &self.producers {
            encode_target(&producer.target, out);
            out.array(&producer.key.0);
            out.time(producer.time);
            out.u64(producer.last.get());
            out.u64(producer.forgotten.get());
            out.count(producer.runs.len());
            for run in &producer.runs {
                out.u64(run.first.get());
                encode_exception(run, out);
            }
            out.count(producer.keys.len());
            producer.keys.iter().for_each(|key| out.key(*key));
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let began = bytes.position()?;
        Ok(Self { began, producers: bytes.list(53, decode_producer)? })
    }
}

/// Until when producers may be missing that were forgotten for want of room, in part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MissedKept {
    pub(crate) began: Position,
    pub(crate) missed: Vec<(NumberedTarget, Timestamp)>,
}

/// The least bytes of a target and a time.
const MISSED: usize = 13;

impl MissedKept {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.position(self.began);
        out.count(self.missed.len());
        for (target, until) in &self.missed {
            encode_target(target, out);
            out.time(*until);
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let began = bytes.position()?;
        let missed = bytes.list(MISSED, |bytes| Ok((decode_target(bytes)?, bytes.time()?)))?;
        Ok(Self { began, missed })
    }
}

fn decode_producer(bytes: &mut Reader<'_>) -> Result<Producer, Malformed> {
    let (target, key, time) = (decode_target(bytes)?, ProducerKey(bytes.array()?), bytes.time()?);
    let (last, forgotten) = (number(bytes)?, number(bytes)?);
    let runs = bytes.list(8 + EXCEPTION, |bytes| {
        let first = number(bytes)?;
        decode_exception(bytes, first)
    })?;
    let keys: Vec<MessageKey> = bytes.list(8, Reader::key)?;
    let producer = Producer { target, key, last, forgotten, time, runs: runs.into(), keys: keys.into() };
    if producer.is_consistent() { Ok(producer) } else { Err("the numbers of a producer do not fit") }
}

fn number(bytes: &mut Reader<'_>) -> Result<MessageNumber, Malformed> {
    bytes.u64().map(MessageNumber::new)
}

fn encode_target(target: &NumberedTarget, out: &mut Writer<'_>) {
    match target {
        NumberedTarget::Queue(queue) => {
            out.u8(1);
            out.queue(*queue);
        }
        NumberedTarget::Topic(topic) => {
            out.u8(2);
            out.text(&topic.to_string());
        }
    }
}

fn decode_target(bytes: &mut Reader<'_>) -> Result<NumberedTarget, Malformed> {
    match bytes.u8()? {
        1 => bytes.queue().map(NumberedTarget::Queue),
        2 => {
            bytes.text()?.parse().map(|topic| NumberedTarget::Topic(Arc::new(topic))).map_err(|_| "an ARN is malformed")
        }
        _ => Err("its target is unknown"),
    }
}

/// Bytes of an exception that is no duplicate.
const EXCEPTION: usize = 13;

fn encode_exception(run: &Run, out: &mut Writer<'_>) {
    out.u32(run.messages);
    let (what, detail) = match run.exception {
        Exception::Unheard => (0, 0),
        Exception::Duplicate { message, .. } => (1, message.get()),
        Exception::Refused(refusal) => match refusal {
            Refusal::Invalid => (2, 0),
            Refusal::TooLong { bytes_max } => (3, bytes_max.into()),
            Refusal::Delayed { seconds } => (4, seconds.into()),
            Refusal::GroupMissing => (5, 0),
            Refusal::DeduplicationIdMissing => (6, 0),
            Refusal::Quota { of: LoadQuota::Messages, max } => (7, max),
            Refusal::Quota { of: LoadQuota::Bytes, max } => (8, max),
            Refusal::Throttled => (9, 0),
            Refusal::TooManyFilterValues => (10, 0),
        },
    };
    out.u8(what);
    out.u64(detail);
    if let Exception::Duplicate { id, .. } = run.exception {
        out.array(id.as_bytes());
    }
}

fn decode_exception(bytes: &mut Reader<'_>, first: MessageNumber) -> Result<Run, Malformed> {
    let (messages, what, detail) = (bytes.u32()?, bytes.u8()?, bytes.u64()?);
    let small = || u32::try_from(detail).map_err(|_| "a number is too large");
    let exception = match what {
        0 => Exception::Unheard,
        1 => Exception::Duplicate { message: MessageKey::new(detail), id: bytes.message_id()? },
        2 => Exception::Refused(Refusal::Invalid),
        3 => Exception::Refused(Refusal::TooLong { bytes_max: small()? }),
        4 => Exception::Refused(Refusal::Delayed { seconds: small()? }),
        5 => Exception::Refused(Refusal::GroupMissing),
        6 => Exception::Refused(Refusal::DeduplicationIdMissing),
        7 => Exception::Refused(Refusal::Quota { of: LoadQuota::Messages, max: detail }),
        8 => Exception::Refused(Refusal::Quota { of: LoadQuota::Bytes, max: detail }),
        9 => Exception::Refused(Refusal::Throttled),
        10 => Exception::Refused(Refusal::TooManyFilterValues),
        _ => return Err("what came of a message is unknown"),
    };
    if messages == 0 { Err("an exception without messages") } else { Ok(Run { first, messages, exception }) }
}
