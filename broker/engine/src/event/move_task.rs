//! `MoveTaskStarted`, `Moved`, `MoveTaskEnded`: messages go from a dead-letter queue back to where they came from.
//! `Moved` and `Copied`: an operator puts messages into another queue.
//!
//! `MoveTaskStarted`. Its position bounds the messages that the task moves:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | source queue |
//! | 4 | 4 | messages a second, zero for no limit |
//! | 8 | 8 | time, ms |
//! | 16 | 16 | task |
//! | 32 | 8 | messages in the source |
//! | 40 | 4 + n | ARN of the destination, empty where each message goes back to its own source |
//!
//! `Moved`. The key of each message in its new queue is the event's position plus its index; its new id is the
//! SipHash-2-4-128 of that key under the task's number. What an operator moved has a number that no task has. `Copied` has
//! the same bytes, and leaves the messages where they are:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | source queue |
//! | 4 | 8 | time, ms |
//! | 12 | 16 | task |
//! | 28 | 4 | count |
//! | 32 | 25 + n each | key in the source u64; destination u32; position of the body's record u64; length of its payload u32, whose top bit says that four bytes follow: the queue that the message was first put into; and whose next bit says that then follows why its push failed: status u16, zero for none, and the error as a text; length of the group u8; group |
//!
//! `MoveTaskEnded`:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | source queue |
//! | 4 | 8 | time, ms |
//! | 12 | 16 | task |
//! | 28 | 1 | how: 1 completed, 2 cancelled, 3 failed |
//! | 29 | 4 + n | why it failed |

use std::borrow::Cow;
use std::sync::Arc;

use posthouse_model::notification::PushFailure;
use posthouse_model::operation::{MoveTaskId, MoveTaskStatus};
use posthouse_model::ranges::MoveRate;
use posthouse_model::{MessageKey, QueueAddress, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use crate::journal::BodyRef;
use crate::malformed::Malformed;

/// A task was started.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MoveTaskStarted {
    pub(crate) source: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) task: MoveTaskId,
    pub(crate) destination: Option<QueueAddress>,
    pub(crate) rate_per_second: Option<MoveRate>,
    pub(crate) to_move: u64,
}

impl MoveTaskStarted {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.source);
        out.u32(self.rate_per_second.map_or(0, MoveRate::get));
        out.time(self.time);
        out.array(self.task.as_bytes());
        out.u64(self.to_move);
        out.address(self.destination.as_ref());
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (source, rate) = (bytes.queue()?, bytes.move_rate()?);
        Ok(Self {
            source,
            rate_per_second: rate,
            time: bytes.time()?,
            task: bytes.task_id()?,
            to_move: bytes.u64()?,
            destination: bytes.address()?,
        })
    }
}

/// A task or an operator moved messages, or an operator copied them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moved<'a> {
    pub(crate) source: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) task: MoveTaskId,
    pub(crate) messages: Vec<MovedMessage<'a>>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MovedMessage<'a> {
    pub(crate) key: MessageKey,
    pub(crate) destination: QueueId,
    pub(crate) body: BodyRef,
    /// The queue that it was first put into; without it the source.
    pub(crate) entered: Option<QueueId>,
    /// Why its push failed, if it is the dead letter of one.
    pub(crate) failure: Option<Arc<PushFailure>>,
    pub(crate) group: Cow<'a, str>,
}

/// The bit of a body's length that says that the first queue follows.
const ENTERED: u32 = 1 << 31;
/// The bit of a body's length that says that the failure of a push follows.
const FAILED: u32 = 1 << 30;

impl<'a> Moved<'a> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.source);
        out.time(self.time);
        out.array(self.task.as_bytes());
        out.count(self.messages.len());
        for message in &self.messages {
            out.key(message.key);
            out.queue(message.destination);
            out.position(message.body.position);
            let bit = |set: bool, flag: u32| if set { flag } else { 0 };
            out.u32(
                message.body.length | bit(message.entered.is_some(), ENTERED) | bit(message.failure.is_some(), FAILED),
            );
            if let Some(queue) = message.entered {
                out.queue(queue);
            }
            if let Some(failure) = &message.failure {
                out.push_failure(failure);
            }
            out.short_text(&message.group);
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (source, time, task) = (bytes.queue()?, bytes.time()?, bytes.task_id()?);
        let messages = bytes.list(25, |bytes| {
            let (key, destination, position) = (bytes.key()?, bytes.queue()?, bytes.position()?);
            let word = bytes.body_length()?;
            let entered = (word & ENTERED != 0).then(|| bytes.queue()).transpose()?;
            let failure = (word & FAILED != 0).then(|| bytes.push_failure()).transpose()?;
            let body = BodyRef { position, length: word & !(ENTERED | FAILED) };
            Ok(MovedMessage { key, destination, body, entered, failure, group: Cow::Borrowed(bytes.short_text()?) })
        })?;
        Ok(Self { source, time, task, messages })
    }

    /// Decodes an event of the earlier kind, in which no message bears the failure of a push.
    pub(super) fn decode_without_failures(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let event = Self::decode(bytes)?;
        let failed = event.messages.iter().any(|message| message.failure.is_some());
        if failed { Err("an unknown flag is set") } else { Ok(event) }
    }
}

/// A task ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MoveTaskEnded<'a> {
    pub(crate) source: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) task: MoveTaskId,
    pub(crate) status: MoveTaskStatus,
    pub(crate) failure: &'a str,
}

impl<'a> MoveTaskEnded<'a> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.source);
        out.time(self.time);
        out.array(self.task.as_bytes());
        out.u8(status_number(self.status));
        out.text(self.failure);
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (source, time, task) = (bytes.queue()?, bytes.time()?, bytes.task_id()?);
        let status = status(bytes.u8()?)?;
        if status == MoveTaskStatus::Running {
            return Err("a task that ended cannot be running");
        }
        Ok(Self { source, time, task, status, failure: bytes.text()? })
    }
}

/// A status as it is stored.
pub(super) const fn status_number(status: MoveTaskStatus) -> u8 {
    match status {
        MoveTaskStatus::Running => 0,
        MoveTaskStatus::Completed => 1,
        MoveTaskStatus::Cancelled => 2,
        MoveTaskStatus::Failed => 3,
    }
}

pub(super) const fn status(number: u8) -> Result<MoveTaskStatus, Malformed> {
    match number {
        0 => Ok(MoveTaskStatus::Running),
        1 => Ok(MoveTaskStatus::Completed),
        2 => Ok(MoveTaskStatus::Cancelled),
        3 => Ok(MoveTaskStatus::Failed),
        _ => Err("an unknown status"),
    }
}
