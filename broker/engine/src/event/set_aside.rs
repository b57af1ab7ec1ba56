//! `SetAside`: messages whose records cannot be read were taken out of their queue's messages, and are damaged from then
//! on. Their bodies stay where they are.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | queue |
//! | 4 | 8 | time, ms |
//! | 12 | 4 | count |
//!
//! and for each message:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | message key |
//! | 4 | how often a consumer got it before |
//! | 1 | cause: 1 wrong checksum, 2 the disk's error, 3 missing file, 4 not the message |

use posthouse_model::operation::DamageCause;
use posthouse_model::{MessageKey, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use crate::malformed::Malformed;

/// Messages were set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetAside {
    pub(crate) queue: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) messages: Vec<SetAsideMessage>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SetAsideMessage {
    pub(crate) key: MessageKey,
    pub(crate) receive_count: u32,
    pub(crate) cause: DamageCause,
}

/// Bytes of one message.
const ITEM_BYTES: usize = 13;

impl SetAside {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        out.time(self.time);
        out.count(self.messages.len());
        for message in &self.messages {
            out.key(message.key);
            out.u32(message.receive_count);
            out.u8(cause_number(message.cause));
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (queue, time) = (bytes.queue()?, bytes.time()?);
        let messages = bytes.list(ITEM_BYTES, |bytes| {
            Ok(SetAsideMessage { key: bytes.key()?, receive_count: bytes.u32()?, cause: cause(bytes.u8()?)? })
        })?;
        Ok(Self { queue, time, messages })
    }
}

/// The number that stands for a cause in events.
pub(super) const fn cause_number(cause: DamageCause) -> u8 {
    match cause {
        DamageCause::Checksum => 1,
        DamageCause::Unreadable => 2,
        DamageCause::Missing => 3,
        DamageCause::Content => 4,
    }
}

/// The cause that a number stands for.
pub(super) const fn cause(number: u8) -> Result<DamageCause, Malformed> {
    match number {
        1 => Ok(DamageCause::Checksum),
        2 => Ok(DamageCause::Unreadable),
        3 => Ok(DamageCause::Missing),
        4 => Ok(DamageCause::Content),
        _ => Err("a cause of damage is unknown"),
    }
}
