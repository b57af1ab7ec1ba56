//! One message of a queue, and the states that it can be in.
//!
//! Invariants: a message whose generation is zero was never received in its queue; a message that an [`Entry`] says all of
//! ([`Message::is_fresh`]) needs no more memory than the entry.

use std::sync::Arc;

use posthouse_model::notification::PushFailure;
use posthouse_model::{MessageId, MessageKey, QueueAddress, QueueId, Timestamp};

use super::lanes::GROUPLESS;
use super::pages::page::Entry;
use crate::journal::{BodyRef, Position};

/// What is known of one message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) body: BodyRef,
    pub(crate) state: MessageState,
    pub(crate) sent: Timestamp,
    /// When it was last received; the epoch before the first time.
    pub(crate) received: Timestamp,
    /// When it was first received, also in queues that it came from; the epoch before.
    pub(crate) first_received: Timestamp,
    /// How often it was received in this queue.
    pub(crate) generation: u32,
    /// How often it was received in the queues that it came from.
    pub(crate) inherited: u32,
    pub(crate) origin: Option<Box<Origin>>,
    /// The slot of its lane. It has no meaning outside [`Messages`].
    pub(crate) lane: u32,
}

/// Whether a message can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageState {
    /// Now.
    Ready,
    /// When its delay is over.
    Delayed(Timestamp),
    /// When its visibility timeout is over.
    InFlight(Timestamp),
}

/// The origin of a message that was not sent to its queue: it was published, dead-lettered or moved there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Origin {
    /// The queue that dead-lettered it.
    pub(crate) source: Option<Arc<QueueAddress>>,
    /// The id that a move task gave it.
    pub(crate) renamed: Option<MessageId>,
    /// The queue that it was first put into. A `Published` event lists the message under that queue.
    pub(crate) entered: Option<QueueId>,
    /// Why its push failed, if it is the dead letter of one.
    pub(crate) failure: Option<Arc<PushFailure>>,
}

impl Message {
    /// A message that was sent and not received yet.
    pub(crate) fn new(body: BodyRef, sent: Timestamp) -> Self {
        Self {
            body,
            state: MessageState::Ready,
            sent,
            received: Timestamp::EPOCH,
            first_received: Timestamp::EPOCH,
            generation: 0,
            inherited: 0,
            origin: None,
            lane: GROUPLESS,
        }
    }

    /// The queue that it was first put into: `here`, unless it came from another one.
    pub(crate) fn entered(&self, here: QueueId) -> QueueId {
        self.origin.as_ref().and_then(|origin| origin.entered).unwrap_or(here)
    }

    /// The latest time at which the receive of a generation can have been. `None` if a crash has lost the receive, which
    /// need not be durable before it is answered.
    ///
    /// The times of the first and the last receive are known exactly. A receive between them was at the last or before.
    pub(crate) fn received_by(&self, generation: u32) -> Option<Timestamp> {
        if generation > self.generation {
            None
        } else if generation == 1 && self.generation > 1 && self.inherited == 0 {
            Some(self.first_received)
        } else {
            Some(self.received)
        }
    }

    /// Whether it is in flight from the receive of this generation.
    pub(crate) fn is_in_flight_from(&self, generation: u32) -> bool {
        self.generation == generation && matches!(self.state, MessageState::InFlight(_))
    }

    /// Whether an [`Entry`] says all of it.
    pub(crate) fn is_fresh(&self, key: MessageKey) -> bool {
        self.state == MessageState::Ready
            && self.body.position == Position::of(key)
            && self.generation == 0
            && self.inherited == 0
            && self.origin.is_none()
    }
}

/// The message of an entry.
pub(crate) fn unfold(entry: &Entry) -> Message {
    Message { lane: entry.lane, ..Message::new(entry.body(), entry.sent) }
}
