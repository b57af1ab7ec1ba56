//! `SendMessage` and `SendMessageBatch`.

use crate::fault::Fault;
use crate::message::{Digests, MessageId, StoredMessage};
use crate::name::QueueAddress;
use crate::operation::{BatchEntryId, SequenceNumber};
use crate::ranges::Delay;

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

/// Appends up to ten messages; each succeeds or fails alone.
#[derive(Clone, Debug, PartialEq)]
pub struct SendMessageBatch {
    /// The queue.
    pub queue: QueueAddress,
    /// The entries; one whose message broke a rule carries its fault.
    pub entries: Vec<SendEntry>,
}

/// One entry of a `SendMessageBatch`.
#[derive(Clone, Debug, PartialEq)]
pub struct SendEntry {
    /// Its id.
    pub id: BatchEntryId,
    /// `DelaySeconds`
    pub delay: Option<Delay>,
    /// The message, or why it is none.
    pub message: Result<StoredMessage, Fault>,
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
