//! `SendMessages`, and what both kinds of batches are limited to and answered with.

use super::Numbering;
use crate::fault::{Fault, NativeFault};
use crate::limits::{BATCH_SIZE_MAX_BYTES, NATIVE_SEND_MESSAGES_MAX};
use crate::message::MessageId;
use crate::name::QueueAddress;
use crate::operation::SendEntry;
use crate::receipt::SequenceNumber;

/// Appends a producer's messages to a queue, up to [`NATIVE_SEND_MESSAGES_MAX`]; each succeeds or fails alone. All of
/// them together have at most [`BATCH_SIZE_MAX_BYTES`], unless there is only one.
///
/// The caller has sealed each message with the id that follows from its number ([`super::ProducerId::message_id`]). A
/// message that breaks a rule comes as [`SendEntry::refused`]: it uses up its number as every other does.
#[derive(Clone, Debug, PartialEq)]
pub struct SendMessages {
    queue: QueueAddress,
    numbering: Numbering,
    entries: Vec<SendEntry>,
}

impl SendMessages {
    /// A batch for `queue`.
    ///
    /// # Errors
    /// [`NativeFault::MessageCount`], [`NativeFault::NumberOutOfRange`] or [`NativeFault::BatchTooLong`].
    pub fn new(queue: QueueAddress, numbering: Numbering, entries: Vec<SendEntry>) -> Result<Self, Fault> {
        check(&numbering, entries.iter().map(SendEntry::size_bytes))?;
        Ok(Self { queue, numbering, entries })
    }

    /// The queue.
    #[must_use]
    pub const fn queue(&self) -> &QueueAddress {
        &self.queue
    }

    /// Whose messages they are, and their numbers.
    #[must_use]
    pub const fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// The messages in the order of their numbers.
    #[must_use]
    pub fn entries(&self) -> &[SendEntry] {
        &self.entries
    }
}

/// Checks what a batch of messages of these sizes is limited to.
pub(super) fn check(numbering: &Numbering, sizes: impl ExactSizeIterator<Item = u64>) -> Result<(), Fault> {
    let found = sizes.len();
    if !(1..=NATIVE_SEND_MESSAGES_MAX).contains(&found) {
        return Err(Fault::Native(NativeFault::MessageCount { found, max: NATIVE_SEND_MESSAGES_MAX }));
    }
    numbering.check(found)?;
    let (bytes, max) = (sizes.sum(), BATCH_SIZE_MAX_BYTES.into());
    if bytes > max && found > 1 {
        return Err(Fault::Native(NativeFault::BatchTooLong { bytes, max }));
    }
    Ok(())
}

/// What a producer gets for a batch. A message that no exception names is stored, under the id of its number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessagesSent {
    /// By ascending index in the batch.
    pub exceptions: Vec<(usize, SendException)>,
    /// The place of each message in the order of its FIFO queue or topic, `None` for one that was refused. Empty where
    /// the queue or topic is none.
    pub sequence_numbers: Vec<Option<SequenceNumber>>,
}

/// What is to be said of a message besides that it is stored under the id of its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendException {
    /// It is not stored.
    Refused(Fault),
    /// A FIFO queue or topic has had a message with its deduplication id: that one's id.
    Duplicate(MessageId),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::GivenIds;
    use crate::operation::native::{MessageNumber, ProducerId};

    #[test]
    fn a_batch_is_bounded() {
        let batch = |sizes: &[u64]| {
            let refused = |bytes: &u64| SendEntry::refused(*bytes, GivenIds::default(), Fault::InvalidMessageContents);
            let (producer, first) = (ProducerId::from_bytes([1; 16]), MessageNumber::FIRST);
            let numbering = Numbering { producer, first, answered: MessageNumber::NONE };
            let queue = "arn:aws:sqs:us-east-1:000000000000:q".parse().expect("an ARN");
            SendMessages::new(queue, numbering, sizes.iter().map(refused).collect()).map(|_| ())
        };
        let (most, max) = (u64::from(BATCH_SIZE_MAX_BYTES), NATIVE_SEND_MESSAGES_MAX);
        let count = |found| Err(Fault::Native(NativeFault::MessageCount { found, max }));
        assert_eq!(batch(&[most, 0]), Ok(()));
        assert_eq!(batch(&[most + 1]), Ok(()), "the queue judges a message alone");
        let bytes = most + 1;
        assert_eq!(batch(&[most, 1]), Err(Fault::Native(NativeFault::BatchTooLong { bytes, max: most })));
        assert_eq!(batch(&[]), count(0));
        assert_eq!(batch(&vec![1; max]), Ok(()));
        assert_eq!(batch(&vec![1; max + 1]), count(max + 1));
    }
}
