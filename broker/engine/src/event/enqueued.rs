//! `Enqueued`: a message was sent to a queue. Its position is the message's key, and the place of its body.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | queue |
//! | 4 | 4 | zero |
//! | 8 | 8 | sent, ms |
//! | 16 | 8 | visible from, ms; the same as sent without a delay |
//! | 24 | - | the message as `posthouse_model::StoredMessage` lays it out |

use std::borrow::Cow;

use bytes::Bytes;
use posthouse_model::{QueueId, StoredMessage, Timestamp};

use super::bytes::{Reader, Writer};
use crate::malformed::Malformed;

/// Bytes before the message.
const HEADER: usize = 24;

/// A message was sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Enqueued<'a> {
    pub(crate) queue: QueueId,
    pub(crate) sent: Timestamp,
    pub(crate) visible: Timestamp,
    pub(crate) message: Cow<'a, StoredMessage>,
}

impl<'a> Enqueued<'a> {
    /// Writes everything but the message, which follows as a part of its own.
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        out.u32(0);
        out.time(self.sent);
        out.time(self.visible);
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let queue = bytes.queue()?;
        if bytes.u32()? != 0 {
            return Err("a reserved field is not zero");
        }
        let (sent, visible) = (bytes.time()?, bytes.time()?);
        let message = StoredMessage::decode(bytes.shared_rest()).map_err(|_| "it holds no message")?;
        Ok(Self { queue, sent, visible, message: Cow::Owned(message) })
    }

    /// The length of the record's payload.
    pub(crate) fn length(&self) -> u32 {
        u32::try_from(HEADER + self.message.as_bytes().len()).expect("a message is at most some MiB long")
    }
}

/// The message in the payload of an `Enqueued`, sharing its memory.
pub(super) fn message(payload: &Bytes) -> Result<StoredMessage, Malformed> {
    if payload.len() < HEADER {
        return Err("it is too short");
    }
    StoredMessage::decode(payload.slice(HEADER..)).map_err(|_| "it holds no message")
}
