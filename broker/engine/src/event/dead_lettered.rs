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
//! | 1 | 1 where an id follows that a move task gave it, else 0 |
//! | 16 | that id, if any |
//! | 1 + n | group, empty for none |

use std::borrow::Cow;

use posthouse_model::{MessageId, MessageKey, QueueAddress, QueueId, Timestamp};

use super::bytes::{Malformed, Reader, Writer};
use crate::answer::BodyRef;

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
    pub(crate) group: Cow<'a, str>,
}

/// Bytes of a message without an id and a group.
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
            out.u8(u8::from(message.renamed.is_some()));
            if let Some(id) = &message.renamed {
                out.array(id.as_bytes());
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
}

impl<'a> DeadLetter<'a> {
    fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            key: bytes.key()?,
            body: BodyRef { position: bytes.position()?, length: bytes.body_length()? },
            receive_count: bytes.u32()?,
            sent: bytes.time()?,
            first_received: bytes.time()?,
            renamed: match bytes.u8()? {
                0 => None,
                1 => Some(bytes.message_id()?),
                _ => return Err("an unknown flag is set"),
            },
            group: Cow::Borrowed(bytes.short_text()?),
        })
    }
}
