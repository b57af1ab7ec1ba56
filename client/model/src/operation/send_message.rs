//! `SendMessage` and `SendMessageBatch`.

use crate::fault::Fault;
use crate::limits::BATCH_SIZE_MAX_BYTES;
use crate::message::{Digests, MessageId, StoredMessage};
use crate::name::QueueAddress;
use crate::operation::Batch;
use crate::ranges::Delay;
use crate::receipt::SequenceNumber;

/// Appends one message to a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct SendMessage {
    /// The queue.
    pub queue: QueueAddress,
    /// `DelaySeconds`; the queue's where it is not given.
    pub delay: Option<Delay>,
    /// The message, checked and laid out.
    pub message: StoredMessage,
}

/// Appends up to ten messages; each succeeds or fails alone. All entries together have at most
/// [`BATCH_SIZE_MAX_BYTES`].
#[derive(Clone, Debug, PartialEq)]
pub struct SendMessageBatch {
    queue: QueueAddress,
    entries: Batch<SendEntry>,
}

impl SendMessageBatch {
    /// A batch for `queue`.
    ///
    /// # Errors
    /// [`Fault::BatchRequestTooLong`] where the entries are too large together. An entry that was refused counts, too.
    pub fn new(queue: QueueAddress, entries: Batch<SendEntry>) -> Result<Self, Fault> {
        let size_bytes = entries.iter().map(|(_, entry)| entry.size_bytes).sum();
        if size_bytes > u64::from(BATCH_SIZE_MAX_BYTES) {
            return Err(Fault::BatchRequestTooLong(size_bytes));
        }
        Ok(Self { queue, entries })
    }

    /// The queue.
    #[must_use]
    pub const fn queue(&self) -> &QueueAddress {
        &self.queue
    }

    /// The entries.
    #[must_use]
    pub const fn entries(&self) -> &Batch<SendEntry> {
        &self.entries
    }
}

/// The ids that a sender gave a message. A FIFO queue asks for them before it looks at anything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenIds {
    /// Whether there is a `MessageGroupId`.
    pub group: bool,
    /// Whether there is a `MessageDeduplicationId`.
    pub deduplication: bool,
}

impl GivenIds {
    /// Those of a message.
    #[must_use]
    pub fn of(message: &StoredMessage) -> Self {
        Self { group: message.group().is_some(), deduplication: message.deduplication_is_explicit() }
    }
}

/// One entry of a `SendMessageBatch`: a message, or the fault that the entry is answered with.
#[derive(Clone, Debug, PartialEq)]
pub struct SendEntry {
    delay: Option<Delay>,
    message: Result<StoredMessage, Fault>,
    ids: GivenIds,
    size_bytes: u64,
}

impl SendEntry {
    /// The size of its message, or what it would have been.
    #[must_use]
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// A message with its `DelaySeconds`; without that the queue's delay holds.
    #[must_use]
    pub fn new(delay: Option<Delay>, message: StoredMessage) -> Self {
        let (ids, size_bytes) = (GivenIds::of(&message), message.size_bytes().into());
        Self { delay, message: Ok(message), ids, size_bytes }
    }

    /// An entry of this many bytes, body and attributes, whose message or delay breaks a rule.
    #[must_use]
    pub const fn refused(size_bytes: u64, ids: GivenIds, fault: Fault) -> Self {
        Self { delay: None, message: Err(fault), ids, size_bytes }
    }

    /// `DelaySeconds`
    #[must_use]
    pub const fn delay(&self) -> Option<Delay> {
        self.delay
    }

    /// The ids that the entry has, whether its message is refused or not.
    #[must_use]
    pub const fn ids(&self) -> GivenIds {
        self.ids
    }

    /// The message.
    ///
    /// # Errors
    /// The fault that the entry is answered with.
    pub const fn message(&self) -> Result<&StoredMessage, &Fault> {
        self.message.as_ref()
    }
}

/// What a sender gets for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its id; a duplicate's is the original's.
    pub id: MessageId,
    /// Its digests.
    pub digests: Digests,
    /// Its place in the order of a FIFO queue.
    pub sequence_number: Option<SequenceNumber>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Action;

    #[test]
    fn a_batch_has_a_size() {
        let batch = |bytes: [u64; 2]| {
            let entries =
                bytes.map(|bytes| SendEntry::refused(bytes, GivenIds::default(), Fault::InvalidMessageContents));
            let entries = Batch::new(Action::SendMessageBatch, ["a", "b"].into_iter().zip(entries).collect())?;
            SendMessageBatch::new("arn:aws:sqs:us-east-1:000000000000:q".parse().expect("an ARN"), entries)
        };
        let most = u64::from(BATCH_SIZE_MAX_BYTES);
        assert!(batch([most, 0]).is_ok());
        assert_eq!(batch([most, 1]), Err(Fault::BatchRequestTooLong(most + 1)));
    }
}
