//! Where the core loop sends the response to one request.
//!
//! A caller on an I/O shard has a slot there, and its response goes by way of the [`Outbox`]. Any other caller waits for a
//! channel of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use posthouse_core::{Responder, Response};
use tokio::sync::oneshot;

use super::delivery::Delivery;
use super::outbox::{Letter, Outbox, ShardNumber, Slot};
use crate::answer_budget::AnswerRoom;

/// The generation of a slot, which its shard changes when the caller leaves.
///
/// The core loop reads it for requests that may wait, whatever the shard is doing meanwhile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark(Arc<AtomicU32>);

impl Mark {
    pub(crate) fn generation(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends the generation. Only the slot's shard calls this.
    pub(crate) fn advance(&self) {
        // The note that cancels the request is sent after this and orders the two for the core loop.
        self.0.store(self.generation().wrapping_add(1), Ordering::Relaxed);
    }
}

/// A caller on an I/O shard.
pub(crate) struct ShardCaller {
    pub(crate) shard: ShardNumber,
    pub(crate) slot: Slot,
    /// The slot's mark, if the request may wait.
    pub(crate) mark: Option<Mark>,
}

/// Where the core loop sends the response to one request.
pub struct ReplySender {
    destination: Destination,
    room: Option<AnswerRoom>,
}

enum Destination {
    OnShard(ShardCaller),
    Alone(oneshot::Sender<Delivery>),
}

impl ReplySender {
    /// For a caller on no shard, which bounds by other means what it is given.
    pub(super) const fn alone(sender: oneshot::Sender<Delivery>) -> Self {
        Self { destination: Destination::Alone(sender), room: None }
    }

    /// For a caller on a shard. `room` is that of a receive's answer.
    pub(crate) const fn on_shard(caller: ShardCaller, room: Option<AnswerRoom>) -> Self {
        Self { destination: Destination::OnShard(caller), room }
    }
}

impl Responder for ReplySender {
    type Outbox = Outbox;

    fn respond(self, response: Response, outbox: &mut Outbox) {
        let delivery = Delivery { response, room: self.room };
        match self.destination {
            Destination::OnShard(ShardCaller { shard, slot, mark: _ }) => outbox.put(shard, Letter { slot, delivery }),
            // The error says that the caller no longer waits.
            Destination::Alone(sender) => drop(sender.send(delivery)),
        }
    }

    fn reserve(&mut self, lengths: &[u32]) -> usize {
        self.room.as_mut().map_or(lengths.len(), |room| room.fit(lengths))
    }

    fn waits(&mut self) {
        if let Some(room) = &mut self.room {
            room.clear();
        }
    }

    fn is_abandoned(&self) -> bool {
        match &self.destination {
            Destination::OnShard(ShardCaller { slot, mark, .. }) => {
                mark.as_ref().is_some_and(|mark| mark.generation() != slot.generation)
            }
            Destination::Alone(sender) => sender.is_closed(),
        }
    }
}
