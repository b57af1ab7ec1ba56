//! What all connections share beyond what each has of its own: links, and the windows of QUIC.
//!
//! Taking and giving back is one atomic operation. It is done when a link or a connection begins and ends, and for no
//! message.

use std::sync::atomic::{AtomicU64, Ordering};

/// So many pieces of something, for all connections together.
#[derive(Debug)]
pub(super) struct Pool {
    left: AtomicU64,
}

impl Pool {
    pub(super) const fn new(pieces: u64) -> Self {
        Self { left: AtomicU64::new(pieces) }
    }

    /// Takes one piece. Returns whether there was one.
    pub(super) fn take_one(&self) -> bool {
        self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Takes `most` pieces, or the `divisor`th part of what is left if that is less. So the first to come get what they can
    /// use, and there is something left for those that come later. Returns how many it has taken.
    pub(super) fn take_part(&self, most: u64, divisor: u64) -> u64 {
        let part = |left: u64| (left / divisor).min(most);
        let before = self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left - part(left)));
        part(before.unwrap_or(0))
    }

    /// Gives pieces back.
    pub(super) fn give_back(&self, pieces: u64) {
        self.left.fetch_add(pieces, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_taken_once() {
        let pool = Pool::new(2);
        assert_eq!([pool.take_one(), pool.take_one(), pool.take_one()], [true, true, false]);
        pool.give_back(1);
        assert_eq!([pool.take_one(), pool.take_one()], [true, false]);
    }

    #[test]
    fn late_comers_get_less_and_never_more_than_there_is() {
        let pool = Pool::new(100);
        let taken: Vec<u64> = (0..40).map(|_| pool.take_part(10, 4)).collect();
        assert_eq!(taken[..4], [10; 4]);
        assert!(taken.is_sorted_by(|earlier, later| earlier >= later), "{taken:?}");
        assert!(taken.iter().sum::<u64>() <= 100, "{taken:?}");
        taken.iter().for_each(|pieces| pool.give_back(*pieces));
        assert_eq!(pool.take_part(10, 4), 10);
    }
}
