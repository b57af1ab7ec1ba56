//! The memory of what a connection has sent and the broker has not answered yet.
//!
//! Each connection has [`OWN_BYTES`] of its own, so that small frames touch no counter that connections share. Beyond
//! that it borrows from `native.received_bytes_max`, in steps of [`STEP_BYTES`], and one connection at most a part of it.
//! What finds no room is not read from the socket.
//!
//! Invariant: `held <= own_bytes + borrowed`, unless a single frame is larger than all that a connection may hold.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of each connection's own.
pub(super) const OWN_BYTES: usize = 64 * 1024;
/// What is borrowed at once.
const STEP_BYTES: usize = 64 * 1024;
/// What a connection keeps borrowed that it does not use.
const SURPLUS_BYTES: usize = 1024 * 1024;
/// The part of the whole that one connection may borrow, as a divisor.
const CONNECTION_PART: usize = 8;

/// What all connections may hold together beyond their own bytes.
#[derive(Clone, Debug)]
pub(super) struct ReceivedBytes {
    left: Arc<Semaphore>,
    connection_max: usize,
}

impl ReceivedBytes {
    pub(super) fn new(bytes_max: usize) -> Self {
        let bytes_max = bytes_max.min(Semaphore::MAX_PERMITS);
        Self { left: Arc::new(Semaphore::new(bytes_max)), connection_max: bytes_max / CONNECTION_PART }
    }

    /// The intake of a new stream, with so many bytes of its own.
    pub(super) fn intake(&self, own_bytes: usize) -> Intake {
        Intake { shared: self.clone(), own_bytes, held: 0, borrowed: 0, waiting: None }
    }
}

/// What one stream of bytes holds: a connection, or over QUIC a link.
pub(super) struct Intake {
    shared: ReceivedBytes,
    own_bytes: usize,
    held: usize,
    borrowed: usize,
    waiting: Option<Pin<Box<dyn Future<Output = OwnedSemaphorePermit>>>>,
}

impl Intake {
    /// Takes so many bytes. While there is no room the task is woken when another connection makes some. Room that this
    /// connection makes itself wakes no task: the caller asks again after each [`Intake::release`].
    pub(super) fn poll_take(&mut self, bytes: usize, cx: &mut Context<'_>) -> Poll<()> {
        let held = self.held + bytes;
        let needed = held.saturating_sub(self.own_bytes).min(self.shared.connection_max);
        if self.held > 0 && held > self.own_bytes + self.shared.connection_max {
            return Poll::Pending;
        }
        while needed > self.borrowed {
            let more = (needed - self.borrowed).next_multiple_of(STEP_BYTES).min(self.shared.connection_max);
            let permits = u32::try_from(more).unwrap_or(u32::MAX);
            let permit = match &mut self.waiting {
                Some(waiting) => ready!(waiting.as_mut().poll(cx)),
                None => match Arc::clone(&self.shared.left).try_acquire_many_owned(permits) {
                    Ok(permit) => permit,
                    Err(_) => {
                        let acquire = Arc::clone(&self.shared.left).acquire_many_owned(permits);
                        self.waiting = Some(Box::pin(async { acquire.await.expect("it is never closed") }));
                        continue;
                    }
                },
            };
            self.waiting = None;
            self.borrowed += permit.num_permits();
            permit.forget();
        }
        self.held = held;
        Poll::Ready(())
    }

    /// Gives bytes back.
    pub(super) fn release(&mut self, bytes: usize) {
        self.held -= bytes;
        let spare = self.borrowed.saturating_sub(self.held.saturating_sub(self.own_bytes));
        if spare > 0 && (self.held == 0 || spare > SURPLUS_BYTES) {
            self.borrowed -= spare;
            self.shared.left.add_permits(spare);
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.shared.left.add_permits(self.borrowed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn takes(intake: &mut Intake, bytes: usize) -> bool {
        intake.poll_take(bytes, &mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn small_frames_borrow_nothing() {
        let received = ReceivedBytes::new(16 * MIB);
        let mut intake = received.intake(OWN_BYTES);
        assert!(takes(&mut intake, OWN_BYTES));
        assert_eq!(received.left.available_permits(), 16 * MIB);
        assert!(takes(&mut intake, 1));
        assert_eq!(received.left.available_permits(), 16 * MIB - STEP_BYTES);
        intake.release(OWN_BYTES + 1);
        assert_eq!(received.left.available_permits(), 16 * MIB);
    }

    #[test]
    fn one_connection_has_a_part_and_a_frame_always_fits() {
        let received = ReceivedBytes::new(16 * MIB);
        let mut intake = received.intake(OWN_BYTES);
        assert!(takes(&mut intake, 2 * MIB));
        assert!(!takes(&mut intake, OWN_BYTES + 1), "beyond its part");
        intake.release(2 * MIB);
        assert!(takes(&mut intake, 3 * MIB), "alone it is taken, however large");
        assert_eq!(received.left.available_permits(), 14 * MIB);
        drop(intake);
        assert_eq!(received.left.available_permits(), 16 * MIB);
    }

    #[test]
    fn what_finds_no_room_gets_it_when_others_give_it_back() {
        let received = ReceivedBytes::new(8 * MIB);
        let mut others: Vec<Intake> = (0..8).map(|_| received.intake(OWN_BYTES)).collect();
        assert!(others.iter_mut().all(|other| takes(other, MIB + OWN_BYTES)));
        let mut intake = received.intake(OWN_BYTES);
        assert!(takes(&mut intake, OWN_BYTES), "its own bytes are left");
        assert!(!takes(&mut intake, MIB / 2));
        others[3].release(MIB + OWN_BYTES);
        assert!(takes(&mut intake, MIB / 2));
        assert_eq!(intake.held, OWN_BYTES + MIB / 2);
    }
}
