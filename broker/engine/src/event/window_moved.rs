//! The window of a queue with groups was moved.
//!
//! | event | payload |
//! |---|---|
//! | `WindowMoved` | queue u32; time u64, ms; the last key of the window u64, all ones where it has no end |

use posthouse_model::{MessageKey, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use crate::malformed::Malformed;

/// Messages entered the window of a queue, or the window got its end. A checkpoint notes it behind `QueueKept`, where it
/// changes nothing for a queue that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowMoved {
    pub(crate) queue: QueueId,
    /// The epoch in a checkpoint.
    pub(crate) time: Timestamp,
    /// The last key of the window; [`MessageKey::MAX`] if it has no end.
    pub(crate) through: MessageKey,
}

impl WindowMoved {
    pub(super) fn encode(self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        out.time(self.time);
        out.key(self.through);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { queue: bytes.queue()?, time: bytes.time()?, through: bytes.key()? })
    }
}
