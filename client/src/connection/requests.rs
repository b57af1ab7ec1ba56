//! The numbers of a connection's requests, and how many of them may be unanswered.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};

use posthouse_wire::Request;

/// The requests of one connection. Over QUIC all of its streams share them.
#[derive(Debug)]
pub(crate) struct Requests {
    next: AtomicU32,
    unanswered: AtomicU32,
    unanswered_max: u32,
    /// The tasks of pipes that wait for an answer before they write a request.
    blocked: Mutex<Vec<Waker>>,
}

impl Requests {
    pub(crate) fn new(unanswered_max: u32) -> Self {
        Self {
            next: AtomicU32::new(1),
            unanswered: AtomicU32::new(0),
            unanswered_max: unanswered_max.max(1),
            blocked: Mutex::default(),
        }
    }

    /// The number of a new request.
    pub(crate) fn begin(&self) -> Request {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            // 0 asks for no answer.
            if number != 0 {
                return Request::new(number);
            }
        }
    }

    /// A request was answered.
    pub(crate) fn end(&self) {
        // An answer that nothing asked for must not make room.
        let lowered = |unanswered: u32| unanswered.checked_sub(1);
        let before = self.unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lowered);
        if before.is_ok_and(|before| before >= self.unanswered_max) {
            let blocked = std::mem::take(&mut *self.blocked.lock().unwrap_or_else(PoisonError::into_inner));
            blocked.into_iter().for_each(Waker::wake);
        }
    }

    /// Whether another request may be written now. If not, the task is woken when one may be.
    pub(crate) fn poll_room(&self, context: &Context<'_>) -> bool {
        if self.has_room() {
            return true;
        }
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).push(context.waker().clone());
        self.has_room()
    }

    fn has_room(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) < self.unanswered_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_skip_zero_and_the_limit_holds() {
        let requests = Requests::new(2);
        let context = Context::from_waker(Waker::noop());
        requests.next.store(u32::MAX, Ordering::Relaxed);
        assert_eq!(requests.begin(), Request::new(u32::MAX));
        assert!(requests.poll_room(&context));
        assert_eq!(requests.begin(), Request::new(1));
        assert!(!requests.poll_room(&context));
        requests.end();
        assert!(requests.poll_room(&context));
        requests.end();
        requests.end();
        requests.begin();
        requests.begin();
        assert!(!requests.poll_room(&context));
    }
}
