//! Looks at messages for a client that gets them in one answer.

use posthouse_model::limits::PEEKED_BYTES_MAX;
use posthouse_model::operation::{Page, Peeked};
use posthouse_model::{Call, Reply, Request};

use super::Shard;
use crate::core_client::Answer;

/// Messages after which no further look is made.
const MESSAGES_MAX: usize = 1000;
/// Bytes of messages after which no further look is made.
const BYTES_MAX: usize = 1024 * 1024;
/// Looks that one request makes at most: some 16,000 messages.
const LOOKS_MAX: usize = 64;
/// What a message takes in an answer beside its record: names, digests and attributes.
const MESSAGE_BYTES: usize = 1024;

/// Bytes of records that one look brings at most.
const LOOK_RECORDS_MAX: usize = 4 * 1024 * 1024;
const _: () = assert!(LOOK_RECORDS_MAX as u64 == PEEKED_BYTES_MAX);

/// Bytes that the answer holds at most: the last look may bring as many messages as all before it.
pub(crate) const LOOK_BYTES_MAX: u64 = (BYTES_MAX + LOOK_RECORDS_MAX + 2 * MESSAGES_MAX * MESSAGE_BYTES) as u64;

impl Shard {
    /// Makes one look after the other, until the queue has ended, or [`MESSAGES_MAX`] messages, [`BYTES_MAX`] bytes or
    /// [`LOOKS_MAX`] looks are used up. Returns one reply with all that they showed.
    ///
    /// # Errors
    /// Those of [`Shard::call`].
    pub(crate) async fn look(&self, mut call: Box<Call>) -> Answer {
        let (mut items, mut bytes, mut next): (Vec<Peeked>, usize, _) = (Vec::new(), 0, None);
        for _ in 0..LOOKS_MAX {
            let page = match self.call(call.clone()).await? {
                Reply::Peeked(page) => page,
                other => return Ok(other),
            };
            bytes += page.items.iter().map(length).sum::<usize>();
            items.extend(page.items);
            next = page.next;
            if next.is_none() || items.len() >= MESSAGES_MAX || bytes >= BYTES_MAX {
                break;
            }
            if let Request::PeekMessages(look) = &mut call.request {
                look.after = next;
            }
        }
        Ok(Reply::Peeked(Page { items, next }))
    }
}

fn length(peeked: &Peeked) -> usize {
    match peeked {
        Peeked::Message(message, _) => message.message.as_bytes().len(),
        Peeked::Unreadable { .. } | Peeked::Damaged { .. } | Peeked::Unlisted { .. } => 0,
    }
}
