//! `ReceiveMessage`.
//!
//! The codec selects the attributes that a consumer asked for; the engine returns all of them.

use crate::message::{ClientId, MessageId, StoredMessage};
use crate::name::QueueAddress;
use crate::notification::{FailedPush, Notification};
use crate::ranges::{MessageCount, ReceiveWait, VisibilityTimeout};
use crate::receipt::{ReceiptHandle, SequenceNumber};
use crate::time::Timestamp;

/// Receives messages: up to ten over SQS, up to 1,024 over the native protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiveMessage {
    /// The queue.
    pub queue: QueueAddress,
    /// How many at most: `MaxNumberOfMessages`.
    pub messages_max: MessageCount,
    /// `VisibilityTimeout`; the queue's where it is not given.
    pub visibility_timeout: Option<VisibilityTimeout>,
    /// `WaitTimeSeconds`; the queue's where it is not given.
    pub wait: Option<ReceiveWait>,
    /// `ReceiveRequestAttemptId`
    pub attempt: Option<ClientId>,
}

/// A received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// What to delete it with.
    pub handle: ReceiptHandle,
    /// Its id: the stored one, but for a message that a move task brought here, which counts as new.
    pub id: MessageId,
    /// Everything that its sender settled.
    pub message: StoredMessage,
    /// `SentTimestamp`
    pub sent: Timestamp,
    /// `ApproximateReceiveCount`
    pub receive_count: u32,
    /// `ApproximateFirstReceiveTimestamp`
    pub first_received: Timestamp,
    /// `SequenceNumber`, in a FIFO queue.
    pub sequence_number: Option<SequenceNumber>,
    /// `DeadLetterQueueSourceArn`, in a dead-letter queue.
    pub dead_letter_source: Option<QueueAddress>,
    /// What SNS says of it, where it was published to a topic or a target of SNS's.
    pub notification: Option<Box<Notification>>,
    /// Why it is a dead letter, where its push was given up.
    pub failure: Option<Box<FailedPush>>,
}

impl ReceivedMessage {
    /// Whether it lies in a FIFO queue as a dead letter. Its `MessageDeduplicationId` is then its message id, no longer
    /// that of its sender (recorded from AWS).
    #[must_use]
    pub const fn is_fifo_dead_letter(&self) -> bool {
        self.dead_letter_source.is_some() && self.sequence_number.is_some()
    }

    /// Whether it shows `MessageGroupId` and `MessageDeduplicationId` where its sender gave them. What a FIFO topic put
    /// into a standard queue shows neither (recorded from AWS).
    #[must_use]
    pub fn shows_ids(&self) -> bool {
        let of_fifo_topic = |notification: &Notification| notification.sequence_number.is_some();
        self.sequence_number.is_some() || !self.notification.as_deref().is_some_and(of_fifo_topic)
    }
}
