//! One message of a queue, and the states that it can be in.
//!
//! Invariants: a message whose generation is zero was never received in its queue; a message that waits for its first
//! receive ([`Message::is_fresh`]) is whole in an [`Entry`] and, if it was not only sent, an [`Extra`].

use posthouse_model::{MessageKey, QueueId, Timestamp};

use super::lanes::GROUPLESS;
use super::origin::Origin;
use super::pages::extra::Extra;
use super::pages::page::{Entry, Waiting, WaitingRef};
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

    /// Whether it waits for its first receive in this queue, as far as its own state says.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state == MessageState::Ready && self.generation == 0 && self.received == Timestamp::EPOCH
    }

    /// What is known of it while it waits for its first receive. Its state is [`MessageState::Ready`].
    pub(crate) fn fold(self, key: MessageKey) -> Waiting {
        let entry = Entry { key, sent: self.sent, length: self.body.length, lane: self.lane };
        let is_plain = self.body.position == Position::of(key)
            && self.inherited == 0
            && self.first_received == Timestamp::EPOCH
            && self.origin.is_none();
        let extra = (!is_plain).then(|| {
            Box::new(Extra {
                body: self.body.position,
                first_received: self.first_received,
                inherited: self.inherited,
                origin: self.origin.map(|origin| *origin).unwrap_or_default(),
            })
        });
        Waiting { entry, extra }
    }
}

/// The message of an entry.
pub(crate) fn unfold(waiting: WaitingRef<'_>) -> Message {
    let message = Message { lane: waiting.entry.lane, ..Message::new(waiting.body(), waiting.entry.sent) };
    match waiting.extra {
        None => message,
        Some(extra) => Message {
            first_received: extra.first_received,
            inherited: extra.inherited,
            origin: Some(&extra.origin).filter(|origin| origin.is_known()).map(|origin| Box::new(origin.clone())),
            ..message
        },
    }
}
