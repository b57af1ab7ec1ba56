//! What one consumer was delivered and has not settled: delivery numbers and the receipt handles that they stand for.
//!
//! Numbers are given one after the other and most are settled in about that order, so that a ring holds them. A delivery
//! that stays unsettled while many others pass moves to a map, so that the memory follows the number of unsettled
//! deliveries and not the distance between the first and the last of them.
//!
//! Invariant: `unsettled` is the number of handles in the ring and in the map.

use std::collections::{BTreeMap, VecDeque};

use posthouse_model::ReceiptHandle;

/// Places of the ring. Beyond, its first delivery moves to the map.
const RING_PLACES_MAX: usize = 8 * 1024;
/// Places that the ring may have whatever is in them. Beyond, a quarter of them is taken by unsettled deliveries, or its
/// first one moves to the map.
const RING_PLACES_MIN: usize = 64;

/// The unsettled deliveries of one link.
#[derive(Debug)]
pub(super) struct Deliveries {
    /// The number of the ring's first place.
    first: u64,
    ring: VecDeque<Option<ReceiptHandle>>,
    /// Those before the ring.
    earlier: BTreeMap<u64, ReceiptHandle>,
    unsettled: usize,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self { first: 1, ring: VecDeque::new(), earlier: BTreeMap::new(), unsettled: 0 }
    }
}

impl Deliveries {
    /// The number of the next delivery: 1 for the first.
    pub(super) fn next(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    /// How many deliveries are not settled.
    pub(super) const fn unsettled(&self) -> usize {
        self.unsettled
    }

    /// Numbers a delivery.
    pub(super) fn add(&mut self, handle: ReceiptHandle) {
        self.ring.push_back(Some(handle));
        self.unsettled += 1;
        while self.is_long() || matches!(self.ring.front(), Some(None)) {
            if let Some(Some(handle)) = self.ring.pop_front() {
                self.earlier.insert(self.first, handle);
            }
            self.first += 1;
        }
        if self.ring.capacity() > 4 * self.ring.len().max(RING_PLACES_MIN) {
            self.ring.shrink_to(2 * self.ring.len());
        }
    }

    /// Whether the first place of the ring is to be given up.
    fn is_long(&self) -> bool {
        let unsettled = self.unsettled - self.earlier.len();
        self.ring.len() > RING_PLACES_MAX.min(RING_PLACES_MIN.max(4 * unsettled))
    }

    /// The handle of a delivery; `None` if there is none of this number or it is settled.
    pub(super) fn get(&self, number: u64) -> Option<ReceiptHandle> {
        match self.index(number) {
            Some(index) => self.ring.get(index).copied().flatten(),
            None => self.earlier.get(&number).copied(),
        }
    }

    /// Takes a delivery out: it is settled.
    pub(super) fn take(&mut self, number: u64) -> Option<ReceiptHandle> {
        let taken = match self.index(number) {
            Some(index) => self.ring.get_mut(index).and_then(Option::take),
            None => self.earlier.remove(&number),
        };
        self.unsettled -= usize::from(taken.is_some());
        taken
    }

    /// Puts a delivery back that [`Deliveries::take`] gave: it was not settled after all.
    pub(super) fn put_back(&mut self, number: u64, handle: ReceiptHandle) {
        let before = match self.index(number) {
            Some(index) => self.ring.get_mut(index).and_then(|place| place.replace(handle)),
            None => self.earlier.insert(number, handle),
        };
        debug_assert!(before.is_none(), "delivery {number} was taken");
        self.unsettled += 1;
    }

    /// The numbers in `first..end` that are not settled, in order. Its cost does not depend on the numbers between them
    /// that were never given.
    pub(super) fn within(&self, first: u64, end: u64) -> impl Iterator<Item = u64> {
        let end = end.min(self.next());
        let earlier = self.earlier.range(first.min(end)..end).map(|(number, _)| *number);
        let in_ring = first.max(self.first)..end;
        earlier.chain(in_ring.filter(|number| self.get(*number).is_some()))
    }

    /// Takes out everything.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = ReceiptHandle> {
        self.first = self.next();
        self.unsettled = 0;
        core::mem::take(&mut self.earlier).into_values().chain(core::mem::take(&mut self.ring).into_iter().flatten())
    }

    /// The place of a number in the ring, or behind its end; `None` before it.
    fn index(&self, number: u64) -> Option<usize> {
        number.checked_sub(self.first).map(|index| usize::try_from(index).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use posthouse_model::{MessageKey, QueueId};

    use super::*;

    fn handle(number: u64) -> ReceiptHandle {
        ReceiptHandle { queue: QueueId::FIRST, message: MessageKey::new(number), generation: 1 }
    }

    fn delivered(count: u64) -> Deliveries {
        let mut deliveries = Deliveries::default();
        for number in 1..=count {
            assert_eq!(deliveries.next(), number);
            deliveries.add(handle(number));
        }
        deliveries
    }

    #[test]
    fn a_delivery_is_there_until_it_is_taken() {
        let mut deliveries = delivered(3);
        for number in [0, 4, u64::MAX] {
            assert_eq!((deliveries.get(number), deliveries.take(number)), (None, None));
        }
        assert_eq!(deliveries.take(2), Some(handle(2)));
        assert_eq!((deliveries.take(2), deliveries.get(2), deliveries.unsettled()), (None, None, 2));
        deliveries.put_back(2, handle(2));
        assert_eq!((deliveries.get(2), deliveries.unsettled()), (Some(handle(2)), 3));
        assert_eq!(deliveries.drain().collect::<Vec<_>>(), [1, 2, 3].map(handle));
        assert_eq!((deliveries.unsettled(), deliveries.next(), deliveries.get(2)), (0, 4, None));
    }

    #[test]
    fn one_that_stays_holds_no_others() {
        let count = 3 * RING_PLACES_MAX as u64;
        let mut deliveries = delivered(2);
        for number in 3..=count {
            deliveries.add(handle(number));
            assert_eq!(deliveries.take(number), Some(handle(number)));
        }
        assert_eq!((deliveries.unsettled(), deliveries.earlier.len()), (2, 2));
        assert!(deliveries.ring.capacity() <= 8 * RING_PLACES_MIN, "little is unsettled");
        assert_eq!(deliveries.within(1, u64::MAX).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(deliveries.take(1), Some(handle(1)));
        deliveries.put_back(1, handle(1));
        assert_eq!((deliveries.get(1), deliveries.get(2)), (Some(handle(1)), Some(handle(2))));
        deliveries.add(handle(count + 1));
        assert_eq!(deliveries.next(), count + 2);
        assert_eq!(deliveries.drain().collect::<Vec<_>>(), [1, 2, count + 1].map(handle));
    }

    #[test]
    fn a_range_has_the_unsettled_ones() {
        let mut deliveries = delivered(RING_PLACES_MAX as u64 + 10);
        deliveries.take(5);
        let next = deliveries.next();
        deliveries.take(next - 2);
        for (first, end, expected) in [
            (1, 4, vec![1, 2, 3]),
            (4, 7, vec![4, 6]),
            (next - 3, next + 10, vec![next - 3, next - 1]),
            (next, u64::MAX, vec![]),
            (7, 7, vec![]),
            (9, 7, vec![]),
        ] {
            assert_eq!(deliveries.within(first, end).collect::<Vec<_>>(), expected, "{first}..{end}");
        }
        assert_eq!(deliveries.within(0, u64::MAX).count(), deliveries.unsettled());
    }
}
