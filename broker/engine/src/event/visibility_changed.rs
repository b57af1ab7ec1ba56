//! `VisibilityChanged`: messages in flight come back at another time.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | queue |
//! | 4 | 8 | time, ms |
//! | 12 | 4 | count |
//! | 16 | 16 each | message key; visible again, ms |

use std::borrow::Cow;

use posthouse_model::{MessageKey, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use crate::malformed::Malformed;

/// Messages come back at another time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VisibilityChanged<'a> {
    pub(crate) queue: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) messages: Cow<'a, [(MessageKey, Timestamp)]>,
}

impl<'a> VisibilityChanged<'a> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        out.time(self.time);
        out.count(self.messages.len());
        for (key, until) in self.messages.iter() {
            out.key(*key);
            out.time(*until);
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (queue, time) = (bytes.queue()?, bytes.time()?);
        let messages = bytes.list(16, |bytes| Ok((bytes.key()?, bytes.time()?)))?;
        Ok(Self { queue, time, messages: Cow::Owned(messages) })
    }
}
