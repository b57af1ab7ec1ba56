//! `DamagedKept`: the damaged messages of a queue as a checkpoint keeps them, in part, the highest key first.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | position of the `CheckpointBegan` of its checkpoint |
//! | 8 | 4 | queue |
//! | 12 | 4 | count |
//!
//! and for each message:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | message key |
//! | 8 | position of its body's record |
//! | 4 | length of that record's payload |
//! | 1 | cause, as in `SetAside` |
//! | 8 | when it was set aside, ms |
//! | 8 | sent, ms |
//! | 4 | how often a consumer got it before |
//! | 1 + n | group, empty for none |

use posthouse_model::{MessageKey, QueueId};

use super::bytes::{Reader, Writer};
use super::set_aside::{cause, cause_number};
use crate::journal::{BodyRef, Position};
use crate::malformed::Malformed;
use crate::queue::damaged::Damaged;

/// Damaged messages of a queue, in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DamagedKept {
    pub(crate) began: Position,
    pub(crate) queue: QueueId,
    pub(crate) messages: Vec<(MessageKey, Damaged)>,
}

/// Bytes of a message without a group.
const ITEM_BYTES_MIN: usize = 42;

impl DamagedKept {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.position(self.began);
        out.queue(self.queue);
        out.count(self.messages.len());
        for (key, message) in &self.messages {
            out.key(*key);
            out.position(message.body.position);
            out.u32(message.body.length);
            out.u8(cause_number(message.cause));
            out.time(message.found);
            out.time(message.sent);
            out.u32(message.receive_count);
            out.short_text(&message.group);
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (began, queue) = (bytes.position()?, bytes.queue()?);
        let messages = bytes.list(ITEM_BYTES_MIN, |bytes| {
            let key = bytes.key()?;
            let message = Damaged {
                body: BodyRef { position: bytes.position()?, length: bytes.body_length()? },
                cause: cause(bytes.u8()?)?,
                found: bytes.time()?,
                sent: bytes.time()?,
                receive_count: bytes.u32()?,
                group: bytes.short_text()?.into(),
            };
            Ok((key, message))
        })?;
        Ok(Self { began, queue, messages })
    }
}
