//! The memory of what a connection has sent and the broker has not answered yet.
//!
//! Each connection has [`OWN_BYTES`] of its own, so that small frames touch no counter that connections share. Beyond
//! that it borrows from `native.received_bytes_max`, in steps of [`STEP_BYTES`], and one connection at most a part of it.
//! What finds no room is not read from the socket. Over QUIC the streams of a connection have an intake each, and a part of
//! the whole together.
//!
//! Invariant: `held <= own_bytes + borrowed`, unless a single frame is larger than all that a connection may hold.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of each connection's own.
const OWN_BYTES: usize = 64 * 1024;
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

    /// The intake of a new connection.
    pub(super) fn intake(&self) -> Intake {
        Intake { shared: self.clone(), of_links: None, own_bytes: OWN_BYTES, held: 0, borrowed: 0, waiting: None }
    }

    /// What the links of a new QUIC connection may borrow.
    pub(super) fn links(&self) -> LinksIntake {
        LinksIntake { left: Arc::new(Semaphore::new(self.connection_max)), shared: self.clone() }
    }
}

/// What the links of one QUIC connection may borrow together.
#[derive(Clone, Debug)]
pub(super) struct LinksIntake {
    left: Arc<Semaphore>,
    shared: ReceivedBytes,
}

impl LinksIntake {
    /// The intake of a new link, which has no bytes of its own.
    pub(super) fn intake(&self) -> Intake {
        let of_links = Some(Arc::clone(&self.left));
        Intake { shared: self.shared.clone(), of_links, own_bytes: 0, held: 0, borrowed: 0, waiting: None }
    }
}

/// What one stream of bytes holds: a connection, or over QUIC a link.
pub(super) struct Intake {
    shared: ReceivedBytes,
    /// What all links of the connection may borrow, if this is one.
    of_links: Option<Arc<Semaphore>>,
    own_bytes: usize,
    held: usize,
    borrowed: usize,
    waiting: Option<Pin<Box<dyn Future<Output = Permits>>>>,
}

/// Permits of the whole, and of the links of a connection.
type Permits = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

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
            let most = self.shared.connection_max - self.borrowed;
            let more = (needed - self.borrowed).next_multiple_of(STEP_BYTES).min(most);
            let (permits, of_links) = match &mut self.waiting {
                Some(waiting) => ready!(waiting.as_mut().poll(cx)),
                None => match self.try_borrow(more) {
                    Some(permits) => permits,
                    None => {
                        self.waiting = Some(Box::pin(self.borrow(more)));
                        continue;
                    }
                },
            };
            self.waiting = None;
            self.borrowed += permits.num_permits();
            permits.forget();
            of_links.into_iter().for_each(OwnedSemaphorePermit::forget);
        }
        // What the connection has released meanwhile may be enough. A future that is kept would hold what others release.
        self.waiting = None;
        self.held = held;
        Poll::Ready(())
    }

    /// Borrows so many bytes if they are there.
    fn try_borrow(&self, bytes: usize) -> Option<Permits> {
        let take = |left: &Arc<Semaphore>| Arc::clone(left).try_acquire_many_owned(permits(bytes));
        let of_links = self.of_links.as_ref().map(take).transpose().ok()?;
        Some((take(&self.shared.left).ok()?, of_links))
    }

    /// Waits for so many bytes.
    fn borrow(&self, bytes: usize) -> impl Future<Output = Permits> + use<> {
        let take = |left: &Arc<Semaphore>| Arc::clone(left).acquire_many_owned(permits(bytes));
        let (all, of_links) = (take(&self.shared.left), self.of_links.as_ref().map(take));
        async {
            const OPEN: &str = "it is never closed";
            // First of the connection's own, so that it holds nothing of the others' while it waits for itself.
            let of_links = match of_links {
                Some(of_links) => Some(of_links.await.expect(OPEN)),
                None => None,
            };
            (all.await.expect(OPEN), of_links)
        }
    }

    /// Takes so many bytes if there is room for them now.
    pub(super) fn try_take(&mut self, bytes: usize) -> bool {
        if self.waiting.is_some() {
            return false;
        }
        let mut nothing = Context::from_waker(Waker::noop());
        let taken = self.poll_take(bytes, &mut nothing).is_ready();
        self.waiting = None;
        taken
    }

    /// Gives bytes back.
    pub(super) fn release(&mut self, bytes: usize) {
        self.held -= bytes;
        let spare = self.borrowed.saturating_sub(self.held.saturating_sub(self.own_bytes));
        if spare > 0 && (self.held == 0 || spare > SURPLUS_BYTES) {
            self.give_back(spare);
        }
    }

    fn give_back(&mut self, bytes: usize) {
        self.borrowed -= bytes;
        self.shared.left.add_permits(bytes);
        self.of_links.iter().for_each(|left| left.add_permits(bytes));
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.give_back(self.borrowed);
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn takes(intake: &mut Intake, bytes: usize) -> bool {
        intake.poll_take(bytes, &mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn small_frames_borrow_nothing() {
        let received = ReceivedBytes::new(16 * MIB);
        let mut intake = received.intake();
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
        let mut intake = received.intake();
        assert!(takes(&mut intake, 2 * MIB));
        assert!(!takes(&mut intake, OWN_BYTES + 1), "beyond its part");
        intake.release(2 * MIB);
        assert!(takes(&mut intake, 3 * MIB), "alone it is taken, however large");
        assert_eq!(received.left.available_permits(), 14 * MIB);
        drop(intake);
        assert_eq!(received.left.available_permits(), 16 * MIB);
    }

    #[test]
    fn the_links_of_a_connection_have_its_part_together() {
        let received = ReceivedBytes::new(16 * MIB);
        let links = received.links();
        let [mut first, mut second] = [links.intake(), links.intake()];
        assert!(takes(&mut first, 2 * MIB - STEP_BYTES));
        assert!(takes(&mut second, STEP_BYTES));
        assert!(!second.try_take(1), "beyond the connection's part");
        assert!(received.links().intake().try_take(2 * MIB), "another connection has its own");
        drop(first);
        assert!(second.try_take(MIB));
        drop(second);
        assert_eq!((received.left.available_permits(), links.left.available_permits()), (16 * MIB, 2 * MIB));
    }

    #[test]
    fn what_finds_no_room_gets_it_when_others_give_it_back() {
        let received = ReceivedBytes::new(8 * MIB);
        let mut others: Vec<Intake> = (0..8).map(|_| received.intake()).collect();
        assert!(others.iter_mut().all(|other| takes(other, MIB + OWN_BYTES)));
        let mut intake = received.intake();
        assert!(takes(&mut intake, OWN_BYTES), "its own bytes are left");
        assert!(!takes(&mut intake, MIB / 2));
        others[3].release(MIB + OWN_BYTES);
        assert!(takes(&mut intake, MIB / 2));
        assert!(intake.waiting.is_none());
        assert_eq!(intake.held, OWN_BYTES + MIB / 2);
        assert!(!others[0].try_take(8 * MIB), "not to be waited for");
        others.clear();
        assert!(intake.try_take(MIB / 4));
    }
}
