//! Handshakes of TLS under way on all listeners over TCP. They are bounded in number: for one more, the oldest is ended.
//!
//! A handshake that stands still holds some 64 KiB until its time is over. A client that opens many of them can thus take
//! neither memory nor the handshakes of others, which take a few round trips: it would have to open as many new ones in that
//! time as there may be.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// The handshakes. One for all listeners.
pub struct Handshakes {
    most: usize,
    /// Those under way, the oldest first.
    under_way: Mutex<VecDeque<Arc<Notify>>>,
}

/// A handshake under way. Dropping it says that it has ended.
pub(super) struct Handshake {
    all: Arc<Handshakes>,
    makes_room: Arc<Notify>,
}

impl Handshakes {
    /// So many at once.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), under_way: Mutex::default() })
    }

    /// Begins one. The oldest ends if there are too many.
    pub(super) fn begin(self: &Arc<Self>) -> Handshake {
        let makes_room = Arc::new(Notify::new());
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.len() >= self.most
            && let Some(oldest) = under_way.pop_front()
        {
            oldest.notify_one();
        }
        under_way.push_back(Arc::clone(&makes_room));
        Handshake { all: Arc::clone(self), makes_room }
    }
}

impl Handshake {
    /// Resolves when the handshake is to make room for a later one.
    pub(super) async fn makes_room(&self) {
        self.makes_room.notified().await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut under_way = self.all.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|other| !Arc::ptr_eq(other, &self.makes_room));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let all = Handshakes::new(2);
        let (first, second) = (all.begin(), all.begin());
        assert!(first.makes_room().now_or_never().is_none());
        let third = all.begin();
        assert!(first.makes_room().now_or_never().is_some());
        assert!(second.makes_room().now_or_never().is_none());
        drop(second);
        let _fourth = all.begin();
        assert!(third.makes_room().now_or_never().is_none(), "one had ended");
        drop(first);
        assert_eq!(all.under_way.lock().expect("not poisoned").len(), 2);
    }
}
