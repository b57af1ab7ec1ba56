//! `DeadLettered`: messages went from a queue to its dead-letter queue. Their bodies stay where they are.
//!
//! The event says everything about them, so that the dead-letter queue can be rebuilt from it alone. The key of each in
//! its new queue is the event's position plus its index.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | queue that they left |
//! | 4 | 4 | dead-letter queue |
//! | 8 | 8 | time, ms |
//! | 16 | 4 + n | ARN of the queue that they left |
//! | - | 4 | count |
//!
//! and for each message:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | key in the queue that it left |
//! | 8 | position of its body's record |
//! | 4 | length of that record's payload |
//! | 4 | receive count so far |
//! | 8 | sent, ms: the original time, or in a FIFO queue the event's |
//! | 8 | first received, ms |
//! | 1 | flags: 1 an id follows that a move task gave it; 2 the queue follows that it was first put into; 4 why its push failed follows |
//! | 16 | that id, if any |
//! | 4 | that queue, if any; without it the queue that it left |
//! | 2, 4 + n | status of the last response, zero without one; the error in words: where its push failed |
//! | 1 + n | group, empty for none |

use std::borrow::Cow;
use std::sync::Arc;

use posthouse_model::notification::PushFailure;
use posthouse_model::{MessageId, MessageKey, QueueAddress, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use crate::journal::BodyRef;
use crate::malformed::Malformed;

/// Messages went to a dead-letter queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DeadLettered<'a> {
    pub(crate) source: QueueId,
    pub(crate) target: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) address: Cow<'a, QueueAddress>,
    pub(crate) messages: Vec<DeadLetter<'a>>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DeadLetter<'a> {
    pub(crate) key: MessageKey,
    pub(crate) body: BodyRef,
    pub(crate) receive_count: u32,
    pub(crate) sent: Timestamp,
    pub(crate) first_received: Timestamp,
    pub(crate) renamed: Option<MessageId>,
    pub(crate) entered: Option<QueueId>,
    pub(crate) failure: Option<Arc<PushFailure>>,
    pub(crate) group: Cow<'a, str>,
}

const RENAMED: u8 = 1;
const ENTERED: u8 = 2;
const FAILED: u8 = 4;

/// Bytes of a message without an id, a first queue, a failure and a group.
const ITEM_BYTES_MIN: usize = 42;

impl<'a> DeadLettered<'a> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.source);
        out.queue(self.target);
        out.time(self.time);
        out.address(Some(&self.address));
        out.count(self.messages.len());
        for message in &self.messages {
            out.key(message.key);
            out.position(message.body.position);
            out.u32(message.body.length);
            out.u32(message.receive_count);
            out.time(message.sent);
            out.time(message.first_received);
            let bit = |set: bool, flag: u8| if set { flag } else { 0 };
            out.u8(bit(message.renamed.is_some(), RENAMED)
                | bit(message.entered.is_some(), ENTERED)
                | bit(message.failure.is_some(), FAILED));
            if let Some(id) = &message.renamed {
                out.array(id.as_bytes());
            }
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
        Ok(Self {
            source: bytes.queue()?,
            target: bytes.queue()?,
            time: bytes.time()?,
            address: Cow::Owned(bytes.address()?.ok_or("an ARN is missing")?),
            messages: bytes.list(ITEM_BYTES_MIN, DeadLetter::decode)?,
        })
    }

    /// Decodes an event of the earlier kind, in which no message bears the failure of a push.
    pub(super) fn decode_without_failures(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let event = Self::decode(bytes)?;
        let failed = event.messages.iter().any(|message| message.failure.is_some());
        if failed { Err("an unknown flag is set") } else { Ok(event) }
    }
}

impl<'a> DeadLetter<'a> {
    fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (key, position, length) = (bytes.key()?, bytes.position()?, bytes.body_length()?);
        let (receive_count, sent, first_received) = (bytes.u32()?, bytes.time()?, bytes.time()?);
        let flags = bytes.u8()?;
        if flags & !(RENAMED | ENTERED | FAILED) != 0 {
            return Err("an unknown flag is set");
        }
        Ok(Self {
            key,
            body: BodyRef { position, length },
            receive_count,
            sent,
            first_received,
            renamed: (flags & RENAMED != 0).then(|| bytes.message_id()).transpose()?,
            entered: (flags & ENTERED != 0).then(|| bytes.queue()).transpose()?,
            failure: (flags & FAILED != 0).then(|| bytes.push_failure()).transpose()?,
            group: Cow::Borrowed(bytes.short_text()?),
        })
    }
}
