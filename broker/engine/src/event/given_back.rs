//! `GivenBack`: messages of a receive could not be read for now, and no consumer got them. Their receive is undone, and
//! they come back at a later time.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | queue |
//! | 4 | 8 | time, ms |
//! | 12 | 8 | visible again, ms |
//! | 20 | 4 | count |
//! | 24 | 8 each | message keys |

use std::borrow::Cow;

use posthouse_model::{MessageKey, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use crate::malformed::Malformed;

/// Messages were given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GivenBack<'a> {
    pub(crate) queue: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) messages: Cow<'a, [MessageKey]>,
}

impl<'a> GivenBack<'a> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        out.time(self.time);
        out.time(self.until);
        out.count(self.messages.len());
        self.messages.iter().for_each(|key| out.key(*key));
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (queue, time, until) = (bytes.queue()?, bytes.time()?, bytes.time()?);
        Ok(Self { queue, time, until, messages: Cow::Owned(bytes.list(8, Reader::key)?) })
    }
}
