//! `Received`: messages of a queue were handed to a consumer.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | queue |
//! | 4 | 1 | flags: 1 metered, 2 repeated |
//! | 5 | 8 | time, ms |
//! | 13 | 8 | visible again, ms |
//! | 21 | 8 | metered only: tokens left in the queue's bucket, f64 |
//! | - | 1 + n | receive request attempt id, empty for none |
//! | - | 4 | count |
//! | - | 8 each | message keys |
//!
//! A repeated receive gives an attempt the same messages once more: their receive counts stay.

use std::borrow::Cow;

use posthouse_model::{MessageKey, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use crate::malformed::Malformed;

const METERED: u8 = 1;
const REPEATED: u8 = 2;

/// Messages were received.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Received<'a> {
    pub(crate) queue: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) tokens: Option<f64>,
    pub(crate) repeated: bool,
    pub(crate) attempt: &'a str,
    pub(crate) messages: Cow<'a, [MessageKey]>,
}

impl<'a> Received<'a> {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        let metered = if self.tokens.is_some() { METERED } else { 0 };
        out.u8(metered | if self.repeated { REPEATED } else { 0 });
        out.time(self.time);
        out.time(self.until);
        if let Some(tokens) = self.tokens {
            out.f64(tokens);
        }
        out.short_text(self.attempt);
        out.count(self.messages.len());
        self.messages.iter().for_each(|key| out.key(*key));
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (queue, flags) = (bytes.queue()?, bytes.u8()?);
        if flags & !(METERED | REPEATED) != 0 {
            return Err("an unknown flag is set");
        }
        Ok(Self {
            queue,
            time: bytes.time()?,
            until: bytes.time()?,
            tokens: (flags & METERED != 0).then(|| bytes.f64()).transpose()?,
            repeated: flags & REPEATED != 0,
            attempt: bytes.short_text()?,
            messages: Cow::Owned(bytes.list(8, Reader::key)?),
        })
    }
}
