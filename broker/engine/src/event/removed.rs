//! `Deleted`, `Expired` and `DamagedDropped`: messages were removed from a queue, by a consumer, because of their age, or
//! as damaged ones by the operator.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | queue |
//! | 4 | 8 | time, ms |
//! | 12 | 4 | count |
//! | 16 | 8 each | message keys |

use std::borrow::Cow;

use posthouse_model::{MessageKey, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use crate::malformed::Malformed;

/// Messages left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Removed<'a> {
    pub(crate) queue: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) messages: Cow<'a, [MessageKey]>,
}

impl<'a> Removed<'a> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        out.time(self.time);
        out.count(self.messages.len());
        self.messages.iter().for_each(|key| out.key(*key));
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (queue, time) = (bytes.queue()?, bytes.time()?);
        Ok(Self { queue, time, messages: Cow::Owned(bytes.list(8, Reader::key)?) })
    }
}
