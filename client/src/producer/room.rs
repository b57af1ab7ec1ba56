//! The room of a window: who may enqueue now.

use tokio::sync::{Semaphore, TryAcquireError};

use crate::window::Window;

/// What is left of a window. Those who wait for room get it in the order in which they came.
#[derive(Debug)]
pub(crate) struct Room {
    messages: Semaphore,
    bytes: Semaphore,
    /// A message takes at most this many bytes of room, so that one that is larger than the window fits when nothing
    /// else is under way.
    cost_max: u32,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// The window is full now.
    Full,
    /// The producer has ended.
    Closed,
}

impl Room {
    pub(crate) fn new(window: Window) -> Self {
        Self {
            messages: Semaphore::new(window.messages_max() as usize),
            bytes: Semaphore::new(window.bytes_max() as usize),
            cost_max: window.bytes_max(),
        }
    }

    /// What a message of `bytes` takes.
    pub(crate) fn cost(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).unwrap_or(u32::MAX).clamp(1, self.cost_max)
    }

    /// Waits for room for one message. Cancelling the wait takes no room.
    pub(crate) async fn take(&self, cost: u32) -> Result<(), NoRoom> {
        let message = self.messages.acquire().await.map_err(|_| NoRoom::Closed)?;
        self.bytes.acquire_many(cost).await.map_err(|_| NoRoom::Closed)?.forget();
        message.forget();
        Ok(())
    }

    /// Takes room for one message if there is some now.
    pub(crate) fn try_take(&self, cost: u32) -> Result<(), NoRoom> {
        let reason = |error| match error {
            TryAcquireError::Closed => NoRoom::Closed,
            TryAcquireError::NoPermits => NoRoom::Full,
        };
        let message = self.messages.try_acquire().map_err(reason)?;
        self.bytes.try_acquire_many(cost).map_err(reason)?.forget();
        message.forget();
        Ok(())
    }

    /// Gives back the room of messages that cost `bytes` together.
    pub(crate) fn give_back(&self, messages: usize, bytes: usize) {
        self.messages.add_permits(messages);
        self.bytes.add_permits(bytes);
    }

    /// Refuses those who wait and all who come.
    pub(crate) fn close(&self) {
        self.messages.close();
        self.bytes.close();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use super::*;

    fn is_pending(wait: &mut (impl Future + Unpin)) -> bool {
        Pin::new(wait).poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[test]
    fn a_message_larger_than_the_window_fits_alone() {
        let room = Room::new(Window::bytes(100).and_messages(10));
        assert_eq!(room.cost(1_000), 100);
        assert_eq!(room.try_take(room.cost(1_000)), Ok(()));
        assert_eq!(room.try_take(room.cost(1)), Err(NoRoom::Full));
        room.give_back(1, 100);
        assert_eq!(room.try_take(room.cost(1)), Ok(()));
        assert_eq!(room.try_take(room.cost(1_000)), Err(NoRoom::Full));
    }

    #[test]
    fn a_refusal_for_bytes_takes_no_message() {
        let room = Room::new(Window::bytes(100).and_messages(2));
        assert_eq!(room.try_take(60), Ok(()));
        assert_eq!(room.try_take(60), Err(NoRoom::Full));
        assert_eq!(room.try_take(40), Ok(()));
        assert_eq!(room.try_take(1), Err(NoRoom::Full));
    }

    #[tokio::test]
    async fn a_cancelled_wait_takes_nothing_and_a_closed_room_ends_waits() {
        let room = Room::new(Window::bytes(10).and_messages(2));
        room.take(10).await.expect("room");
        {
            let mut wait = Box::pin(room.take(5));
            assert!(is_pending(&mut wait));
        }
        room.give_back(1, 10);
        assert_eq!(room.messages.available_permits(), 2);
        assert_eq!(room.bytes.available_permits(), 10);
        room.take(10).await.expect("room");
        let mut wait = Box::pin(room.take(5));
        assert!(is_pending(&mut wait));
        room.close();
        assert_eq!(wait.await, Err(NoRoom::Closed));
        assert_eq!(room.try_take(1), Err(NoRoom::Closed));
    }
}
