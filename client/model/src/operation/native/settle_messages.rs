//! `SettleMessages`.

use crate::fault::{Fault, NativeFault};
use crate::limits::NATIVE_SETTLEMENTS_MAX;
use crate::name::QueueAddress;
use crate::ranges::VisibilityTimeout;
use crate::receipt::ReceiptHandle;

/// Says what becomes of received messages of one queue, up to [`NATIVE_SETTLEMENTS_MAX`]. Each is settled or not alone.
/// Access is checked as for `DeleteMessage` and `ChangeMessageVisibility`, whichever the settlements need.
#[derive(Clone, Debug, PartialEq)]
pub struct SettleMessages {
    queue: QueueAddress,
    settlements: Vec<(ReceiptHandle, DeliverySettlement)>,
}

impl SettleMessages {
    /// Settlements of messages of `queue`. Of two with the same message the first counts.
    ///
    /// # Errors
    /// [`NativeFault::MessageCount`]
    pub fn new(queue: QueueAddress, settlements: Vec<(ReceiptHandle, DeliverySettlement)>) -> Result<Self, Fault> {
        let (found, max) = (settlements.len(), NATIVE_SETTLEMENTS_MAX);
        if !(1..=max).contains(&found) {
            return Err(Fault::Native(NativeFault::MessageCount { found, max }));
        }
        Ok(Self { queue, settlements })
    }

    /// The queue.
    #[must_use]
    pub const fn queue(&self) -> &QueueAddress {
        &self.queue
    }

    /// The receives and what becomes of their messages.
    #[must_use]
    pub fn settlements(&self) -> &[(ReceiptHandle, DeliverySettlement)] {
        &self.settlements
    }
}

/// What becomes of a received message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliverySettlement {
    /// It is done with: deleted, as `DeleteMessage` does.
    Delete,
    /// It goes back to the queue, and is visible after this time.
    Release(VisibilityTimeout),
    /// It stays in flight, for this time from now.
    Extend(VisibilityTimeout),
    /// It goes to the dead-letter queue of the queue's `RedrivePolicy`, however often it was received.
    DeadLetter,
}

/// The settlements that were not carried out, by ascending index in the request. Every other was.
pub type MessagesSettled = Vec<(usize, Unsettled)>;

/// Why a settlement was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsettled {
    /// The message is not in flight from this receive any more: its visibility timeout is over, it was received again,
    /// or it was settled before. A standard queue deletes a message all the same, up to twelve hours after the receive.
    NotInFlight,
    /// The message would be in flight for more than twelve hours since it was received.
    TooLong,
    /// The queue has no dead-letter queue that exists. The message stays in flight.
    NoDeadLetterQueue,
}
