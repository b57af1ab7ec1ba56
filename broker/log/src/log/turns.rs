//! What waits for the disk, so that readers share it evenly: the reads of one reader keep their order, and the readers
//! take turns.
//!
//! Invariant: `order` lists each reader that has reads once, and no other.

use std::collections::{BTreeMap, VecDeque};

use super::cold_read::Reader;

/// Waiting reads, by reader.
#[derive(Debug)]
pub(super) struct Turns<T> {
    waiting: BTreeMap<Reader, VecDeque<T>>,
    /// Whose turn is next.
    order: VecDeque<Reader>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<T> Turns<T> {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Adds a read behind the others of its reader.
    pub(super) fn push(&mut self, reader: Reader, read: T) {
        let waiting = self.waiting.entry(reader).or_default();
        if waiting.is_empty() {
            self.order.push_back(reader);
        }
        waiting.push_back(read);
    }

    /// Puts a read before all others. It was taken, or is done for the second time.
    pub(super) fn push_first(&mut self, reader: Reader, read: T) {
        let waiting = self.waiting.entry(reader).or_default();
        if waiting.is_empty() {
            self.order.push_front(reader);
        }
        waiting.push_front(read);
    }

    /// Takes the next read of the first reader in turn that `may` read now.
    pub(super) fn pop(&mut self, may: impl Fn(Reader) -> bool) -> Option<T> {
        for _ in 0..self.order.len() {
            let reader = self.order.pop_front()?;
            if !may(reader) {
                self.order.push_back(reader);
                continue;
            }
            let waiting = self.waiting.get_mut(&reader).expect("a reader in `order` has reads");
            let read = waiting.pop_front().expect("a reader in `order` has reads");
            if waiting.is_empty() {
                self.waiting.remove(&reader);
            } else {
                self.order.push_back(reader);
            }
            return Some(read);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(turns: &mut Turns<u32>, may: impl Fn(Reader) -> bool) -> Vec<u32> {
        std::iter::from_fn(|| turns.pop(&may)).collect()
    }

    #[test]
    fn readers_take_turns_and_each_keeps_its_order() {
        let mut turns = Turns::default();
        for number in 0..5 {
            turns.push(Reader::new(1), number);
        }
        turns.push(Reader::new(2), 10);
        turns.push(Reader::new(3), 20);
        turns.push(Reader::new(3), 21);
        assert_eq!(taken(&mut turns, |_| true), [0, 10, 20, 1, 21, 2, 3, 4]);
        assert!(turns.is_empty() && turns.waiting.is_empty());
    }

    #[test]
    fn a_reader_that_may_not_read_holds_up_no_other() {
        let mut turns = Turns::default();
        for number in 0..3 {
            turns.push(Reader::new(1), number);
        }
        turns.push(Reader::new(2), 10);
        turns.push_first(Reader::new(2), 9);
        assert_eq!(taken(&mut turns, |reader| reader != Reader::new(1)), [9, 10]);
        assert!(!turns.is_empty());
        turns.push_first(Reader::new(3), 30);
        assert_eq!(taken(&mut turns, |_| true), [30, 0, 1, 2]);
    }
}
