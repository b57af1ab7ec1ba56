//! The limit on the bytes of messages that are being delivered: one for all targets, and a share of it for each.
//!
//! A receive that waits for a message holds no bytes: a few thousand idle targets would hold all of them. Instead, a
//! worker receives no more messages than its own share could hold, and only while the largest message would fit. If
//! many targets receive at the same moment, their messages wait for one another.
//!
//! Invariant: the bytes held never exceed the limit. A message larger than the limit holds all of it.

use std::sync::Arc;

use posthouse_model::limits::MAXIMUM_MESSAGE_SIZE_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// One target's share of the whole, as a divisor: hanging endpoints of one subscription leave room for the others.
const SHARES: u32 = 4;

/// The limit that all targets share.
pub(super) struct ByteLimit {
    room: Semaphore,
    bytes_max: u32,
}

impl ByteLimit {
    pub(super) fn new(bytes_max: u64) -> Self {
        let possible = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let bytes_max = u32::try_from(bytes_max).unwrap_or(u32::MAX).min(possible);
        Self { room: Semaphore::new(bytes_max as usize), bytes_max }
    }

    /// Waits until a message of the largest size would fit. Takes nothing.
    pub(super) async fn open(&self) {
        drop(self.take(MAXIMUM_MESSAGE_SIZE_BYTES.min(self.bytes_max / SHARES)).await);
    }

    /// Waits for room for a message, in the order of the calls. A message larger than the limit takes all of it.
    pub(super) async fn take(&self, bytes: u32) -> SemaphorePermit<'_> {
        let bytes = bytes.clamp(1, self.bytes_max);
        self.room.acquire_many(bytes).await.expect("it is never closed")
    }

    /// The share of one target: a quarter of the limit, and at least one message of the largest size.
    pub(super) fn share(&self) -> Share {
        let bytes_max = (self.bytes_max / SHARES).max(MAXIMUM_MESSAGE_SIZE_BYTES).min(self.bytes_max);
        Share { room: Arc::new(Semaphore::new(bytes_max as usize)) }
    }
}

/// One target's share.
pub(super) struct Share {
    room: Arc<Semaphore>,
}

impl Share {
    /// How many messages fit, each of the largest size.
    pub(super) fn messages_max(&self) -> usize {
        self.room.available_permits() / MAXIMUM_MESSAGE_SIZE_BYTES as usize
    }

    /// Takes room for a message.
    ///
    /// # Panics
    /// If more messages were taken than [`Share::messages_max`] returned.
    pub(super) fn take(&self, bytes: u32) -> OwnedSemaphorePermit {
        let bytes = bytes.clamp(1, MAXIMUM_MESSAGE_SIZE_BYTES);
        Arc::clone(&self.room).try_acquire_many_owned(bytes).expect("no more was received than fits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_share_is_a_quarter_and_at_least_one_message() {
        for (bytes_max, messages) in [(MIB, 1), (3 * MIB, 1), (8 * MIB, 2), (256 * MIB, 64)] {
            assert_eq!(ByteLimit::new(bytes_max).share().messages_max(), messages, "{bytes_max}");
        }
    }

    #[test]
    fn what_is_taken_is_missing_until_it_is_given_back() {
        let share = ByteLimit::new(8 * MIB).share();
        for (bytes, left) in [(1, 1), (MAXIMUM_MESSAGE_SIZE_BYTES, 1), (u32::MAX, 1), (0, 1)] {
            let held = share.take(bytes);
            assert_eq!(share.messages_max(), left, "{bytes}");
            let both = share.take(bytes);
            drop((held, both));
            assert_eq!(share.messages_max(), 2, "{bytes}");
        }
    }
}
