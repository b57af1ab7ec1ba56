//! The events of a checkpoint: the state at some time, queue by queue and slice by slice. They change nothing; replay
//! that begins at `CheckpointBegan` takes the state from them. Each of the others begins with the position of the
//! `CheckpointBegan` of its checkpoint.
//!
//! | event | after the position of the beginning, u64 |
//! |---|---|
//! | `CheckpointBegan` | (no position) time u64, ms; next queue number u32 |
//! | `QueueKept` | queue u32; created, modified, purged u64 each, ms, zero for never; flags u8: 1 metered, 2 lanes; metered: tokens f64, their time u64; lanes: first key with a lane u64; ARN; settings; tags; move tasks |
//! | `OriginalsKept` | queue u32; count u32; each: message key u64, deduplication key 16 (where it counts in a group, the SipHash-2-4-128 of the group under it), message id 16, sent u64 |
//! | `AttemptsKept` | queue u32; count u32; each: position u64, began u64, until u64, id u8 + n, count u32 of message keys u64 |
//! | `MessagesKept` | queue u32; ARNs of sources, count u32; count u32; messages |
//! | `GroupsKept` | queue u32; count u32; each: group u8 + n, time of its turn u64, key of its turn u64 |
//! | `NamesKept` | count u32; each: ARN of a deleted queue, deleted u64, ms |
//! | `CheckpointEnded` | nothing |
//!
//! A move task is: task 16, status u8 (0 running, 1 completed, 2 cancelled, 3 failed), messages a second u32 (zero for
//! no limit), moved u64, to move u64, started u64, until key u64, next slice u64, ARN of the destination, failure text.
//!
//! A message is: key u64, length of its body's record u32, sent u64, group u8 + n, flags u8 (1 touched, 2 source,
//! 4 renamed, 8 delayed, 16 in flight, 32 first put into another queue, 64 its push failed, 128 became ready after a delay,
//! or was given back). A touched one goes on:
//! position of the body's record u64 (else it is the key), generation u32, inherited receives u32, received u64, first
//! received u64. Then, as flagged: index of the source u16; id 16; first queue u32; why its push failed, status u16 (zero
//! for none) and text; until u64 where it is delayed or in flight.

use std::borrow::Cow;
use std::sync::Arc;

use posthouse_model::notification::PushFailure;
use posthouse_model::operation::Tags;
use posthouse_model::ranges::MoveRate;
use posthouse_model::{MessageId, MessageKey, QueueAddress, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use super::move_task::{status, status_number};
use super::queue::{Settings, decode_tags, encode_tags};
use crate::journal::{BodyRef, Position};
use crate::malformed::Malformed;
use crate::queue::bucket::Bucket;
use crate::queue::deduplication::{Original, ScopedKey};
use crate::queue::lanes::Turn;
use crate::queue::message::MessageState;
use crate::queue::move_task::MoveTask;

/// A checkpoint began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckpointBegan {
    pub(crate) time: Timestamp,
    pub(crate) next_queue: QueueId,
}

impl CheckpointBegan {
    pub(super) fn encode(self, out: &mut Writer<'_>) {
        out.time(self.time);
        out.queue(self.next_queue);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { time: bytes.time()?, next_queue: bytes.queue()? })
    }
}

/// A queue without its messages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QueueKept {
    pub(crate) began: Position,
    pub(crate) queue: QueueId,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) purged: Option<Timestamp>,
    pub(crate) bucket: Option<Bucket>,
    pub(crate) lanes_since: Option<MessageKey>,
    pub(crate) address: QueueAddress,
    pub(crate) settings: Settings,
    pub(crate) tags: Tags,
    pub(crate) move_tasks: Vec<MoveTask>,
}

const METERED: u8 = 1;
const LANES: u8 = 2;

impl QueueKept {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.position(self.began);
        out.queue(self.queue);
        out.time(self.created);
        out.time(self.modified);
        out.time(self.purged.unwrap_or(Timestamp::EPOCH));
        let lanes = if self.lanes_since.is_some() { LANES } else { 0 };
        out.u8(lanes | if self.bucket.is_some() { METERED } else { 0 });
        if let Some(bucket) = self.bucket {
            out.f64(bucket.tokens);
            out.time(bucket.at);
        }
        if let Some(key) = self.lanes_since {
            out.key(key);
        }
        out.address(Some(&self.address));
        self.settings.encode(out);
        encode_tags(&self.tags, out);
        out.count(self.move_tasks.len());
        for task in &self.move_tasks {
            encode_task(task, out);
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (began, queue) = (bytes.position()?, bytes.queue()?);
        let (created, modified) = (bytes.time()?, bytes.time()?);
        let purged = Some(bytes.time()?).filter(|purged| *purged != Timestamp::EPOCH);
        let flags = bytes.u8()?;
        if flags & !(METERED | LANES) != 0 {
            return Err("an unknown flag is set");
        }
        Ok(Self {
            began,
            queue,
            created,
            modified,
            purged,
            bucket: (flags & METERED != 0).then(|| decode_bucket(bytes)).transpose()?,
            lanes_since: (flags & LANES != 0).then(|| bytes.key()).transpose()?,
            address: bytes.address()?.ok_or("an ARN is missing")?,
            settings: Settings::decode(bytes)?,
            tags: decode_tags(bytes)?,
            move_tasks: bytes.list(69, decode_task)?,
        })
    }
}

fn decode_bucket(bytes: &mut Reader<'_>) -> Result<Bucket, Malformed> {
    Ok(Bucket { tokens: bytes.f64()?, at: bytes.time()? })
}

fn encode_task(task: &MoveTask, out: &mut Writer<'_>) {
    out.array(task.id.as_bytes());
    out.u8(status_number(task.status));
    out.u32(task.rate_per_second.map_or(0, MoveRate::get));
    out.u64(task.moved);
    out.u64(task.to_move);
    out.time(task.started);
    out.key(task.until);
    out.time(task.next);
    out.address(task.destination.as_ref());
    out.text(task.failure.as_deref().unwrap_or_default());
}

fn decode_task(bytes: &mut Reader<'_>) -> Result<MoveTask, Malformed> {
    Ok(MoveTask {
        id: bytes.task_id()?,
        status: status(bytes.u8()?)?,
        rate_per_second: bytes.move_rate()?,
        moved: bytes.u64()?,
        to_move: bytes.u64()?,
        started: bytes.time()?,
        until: bytes.key()?,
        next: bytes.time()?,
        destination: bytes.address()?,
        failure: Some(bytes.text()?).filter(|text| !text.is_empty()).map(Into::into),
    })
}

/// What a queue's deduplication remembers, in part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OriginalsKept {
    pub(crate) began: Position,
    pub(crate) queue: QueueId,
    /// The latest first.
    pub(crate) originals: Vec<Original>,
}

impl OriginalsKept {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.position(self.began);
        out.queue(self.queue);
        out.count(self.originals.len());
        for original in &self.originals {
            out.key(original.message);
            out.array(&original.key.0);
            out.array(original.id.as_bytes());
            out.time(original.sent);
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (began, queue) = (bytes.position()?, bytes.queue()?);
        let originals = bytes.list(48, |bytes| {
            Ok(Original {
                message: bytes.key()?,
                key: ScopedKey(bytes.array()?),
                id: bytes.message_id()?,
                sent: bytes.time()?,
            })
        })?;
        Ok(Self { began, queue, originals })
    }
}

/// The receive request attempts of a queue, in part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttemptsKept<'a> {
    pub(crate) began: Position,
    pub(crate) queue: QueueId,
    pub(crate) attempts: Vec<AttemptKept<'a>>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttemptKept<'a> {
    pub(crate) id: &'a str,
    pub(crate) position: Position,
    pub(crate) began: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) messages: Cow<'a, [MessageKey]>,
}

impl<'a> AttemptsKept<'a> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.position(self.began);
        out.queue(self.queue);
        out.count(self.attempts.len());
        for attempt in &self.attempts {
            out.position(attempt.position);
            out.time(attempt.began);
            out.time(attempt.until);
            out.short_text(attempt.id);
            out.count(attempt.messages.len());
            attempt.messages.iter().for_each(|key| out.key(*key));
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (began, queue) = (bytes.position()?, bytes.queue()?);
        let attempts = bytes.list(29, |bytes| {
            Ok(AttemptKept {
                position: bytes.position()?,
                began: bytes.time()?,
                until: bytes.time()?,
                id: bytes.short_text()?,
                messages: Cow::Owned(bytes.list(8, Reader::key)?),
            })
        })?;
        Ok(Self { began, queue, attempts })
    }
}

/// Messages of a queue, in part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MessagesKept<'a> {
    pub(crate) began: Position,
    pub(crate) queue: QueueId,
    /// The queues that messages were dead-lettered from.
    pub(crate) sources: Vec<QueueAddress>,
    /// The highest key first.
    pub(crate) messages: Vec<MessageKept<'a>>,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MessageKept<'a> {
    pub(crate) key: MessageKey,
    pub(crate) body: BodyRef,
    pub(crate) state: MessageState,
    pub(crate) sent: Timestamp,
    pub(crate) received: Timestamp,
    pub(crate) first_received: Timestamp,
    pub(crate) generation: u32,
    pub(crate) inherited: u32,
    /// An index into the sources.
    pub(crate) source: Option<u16>,
    pub(crate) renamed: Option<MessageId>,
    /// The queue that it was first put into, where that is another one.
    pub(crate) entered: Option<QueueId>,
    /// Why its push failed, if it is the dead letter of one.
    pub(crate) failure: Option<Arc<PushFailure>>,
    /// Whether it waits apart from those that were never received, although nothing else of it says so: it was delayed, or
    /// was received and given back as if it had not been.
    pub(crate) returned: bool,
    pub(crate) group: &'a str,
}

const TOUCHED: u8 = 1;
const SOURCE: u8 = 2;
const RENAMED: u8 = 4;
const ENTERED: u8 = 32;
const DELAYED: u8 = 8;
const IN_FLIGHT: u8 = 16;
const FAILED: u8 = 64;
const RETURNED: u8 = 128;

impl<'a> MessagesKept<'a> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.position(self.began);
        out.queue(self.queue);
        out.count(self.sources.len());
        self.sources.iter().for_each(|source| out.address(Some(source)));
        out.count(self.messages.len());
        self.messages.iter().for_each(|message| message.encode(out));
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (began, queue) = (bytes.position()?, bytes.queue()?);
        let sources = bytes.list(4, |bytes| bytes.address()?.ok_or("an ARN is missing"))?;
        let messages = bytes.list(22, MessageKept::decode)?;
        if messages.iter().filter_map(|message| message.source).any(|source| usize::from(source) >= sources.len()) {
            return Err("a source is missing");
        }
        Ok(Self { began, queue, sources, messages })
    }

    /// Decodes an event of the earlier kind, in which no message bears the failure of a push.
    pub(super) fn decode_without_failures(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let event = Self::decode(bytes)?;
        let later = |message: &MessageKept<'_>| message.failure.is_some() || message.returned;
        if event.messages.iter().any(later) { Err("an unknown flag is set") } else { Ok(event) }
    }
}

impl<'a> MessageKept<'a> {
    /// Whether it is ready and was never received in this queue: it waits among the others, unless it is a returned one.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state == MessageState::Ready && self.generation == 0 && self.received == Timestamp::EPOCH
    }

    /// Whether its body lies elsewhere than its key says, or it was received in this queue or in one that it came from.
    fn is_touched(&self) -> bool {
        self.body.position != Position::of(self.key)
            || self.generation > 0
            || self.inherited > 0
            || self.received != Timestamp::EPOCH
            || self.first_received != Timestamp::EPOCH
    }

    fn encode(&self, out: &mut Writer<'_>) {
        out.key(self.key);
        out.u32(self.body.length);
        out.time(self.sent);
        out.short_text(self.group);
        let bit = |set: bool, flag: u8| if set { flag } else { 0 };
        out.u8(bit(self.is_touched(), TOUCHED)
            | bit(self.source.is_some(), SOURCE)
            | bit(self.renamed.is_some(), RENAMED)
            | bit(self.entered.is_some(), ENTERED)
            | bit(self.failure.is_some(), FAILED)
            | bit(self.returned, RETURNED)
            | bit(matches!(self.state, MessageState::Delayed(_)), DELAYED)
            | bit(matches!(self.state, MessageState::InFlight(_)), IN_FLIGHT));
        if self.is_touched() {
            out.position(self.body.position);
            out.u32(self.generation);
            out.u32(self.inherited);
            out.time(self.received);
            out.time(self.first_received);
        }
        if let Some(source) = self.source {
            out.u16(source);
        }
        if let Some(id) = &self.renamed {
            out.array(id.as_bytes());
        }
        if let Some(queue) = self.entered {
            out.queue(queue);
        }
        if let Some(failure) = &self.failure {
            out.push_failure(failure);
        }
        if let MessageState::Delayed(until) | MessageState::InFlight(until) = self.state {
            out.time(until);
        }
    }

    fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (key, length, sent, group) = (bytes.key()?, bytes.body_length()?, bytes.time()?, bytes.short_text()?);
        let body = BodyRef { position: Position::of(key), length };
        // Each of the eight bits has a meaning.
        let flags = bytes.u8()?;
        let mut message = Self {
            key,
            body,
            state: MessageState::Ready,
            sent,
            received: Timestamp::EPOCH,
            first_received: Timestamp::EPOCH,
            generation: 0,
            inherited: 0,
            source: None,
            renamed: None,
            entered: None,
            failure: None,
            returned: flags & RETURNED != 0,
            group,
        };
        if flags & TOUCHED != 0 {
            message.body.position = bytes.position()?;
            (message.generation, message.inherited) = (bytes.u32()?, bytes.u32()?);
            (message.received, message.first_received) = (bytes.time()?, bytes.time()?);
        }
        message.source = (flags & SOURCE != 0).then(|| bytes.u16()).transpose()?;
        message.renamed = (flags & RENAMED != 0).then(|| bytes.message_id()).transpose()?;
        message.entered = (flags & ENTERED != 0).then(|| bytes.queue()).transpose()?;
        message.failure = (flags & FAILED != 0).then(|| bytes.push_failure()).transpose()?;
        message.state = match flags & (DELAYED | IN_FLIGHT) {
            0 => MessageState::Ready,
            DELAYED => MessageState::Delayed(bytes.time()?),
            IN_FLIGHT => MessageState::InFlight(bytes.time()?),
            _ => return Err("a message is delayed and in flight"),
        };
        Ok(message)
    }
}

/// Turns of the groups of a FIFO queue, in part. A group that is not named has the turn of its first message's arrival.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupsKept<'a> {
    pub(crate) began: Position,
    pub(crate) queue: QueueId,
    pub(crate) groups: Vec<(&'a str, Turn)>,
}

impl<'a> GroupsKept<'a> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.position(self.began);
        out.queue(self.queue);
        out.count(self.groups.len());
        for (group, turn) in &self.groups {
            out.short_text(group);
            out.time(turn.at);
            out.key(turn.key);
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (began, queue) = (bytes.position()?, bytes.queue()?);
        let groups = bytes.list(17, |bytes| {
            let group = bytes.short_text()?;
            Ok((group, Turn { at: bytes.time()?, key: bytes.key()? }))
        })?;
        Ok(Self { began, queue, groups })
    }
}

/// Names of queues deleted lately, in part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NamesKept {
    pub(crate) began: Position,
    pub(crate) names: Vec<(QueueAddress, Timestamp)>,
}

impl NamesKept {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.position(self.began);
        out.count(self.names.len());
        for (address, deleted) in &self.names {
            out.address(Some(address));
            out.time(*deleted);
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let began = bytes.position()?;
        let names = bytes.list(12, |bytes| Ok((bytes.address()?.ok_or("an ARN is missing")?, bytes.time()?)))?;
        Ok(Self { began, names })
    }
}

/// The checkpoint that began there is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckpointEnded {
    pub(crate) began: Position,
}

impl CheckpointEnded {
    pub(super) fn encode(self, out: &mut Writer<'_>) {
        out.position(self.began);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { began: bytes.position()? })
    }
}
