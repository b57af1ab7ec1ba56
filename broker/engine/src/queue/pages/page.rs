//! One page of waiting messages in memory.
//!
//! Most entries leave at the front. An entry that leaves from the middle leaves a tombstone. A page that is mostly
//! tombstones is packed.
//!
//! Invariants: keys ascend; the first and the last entry of a page that is not empty are no tombstones; `live` counts the
//! entries that are no tombstones.

use std::collections::VecDeque;

use posthouse_model::{MessageKey, Timestamp};

use crate::budget::ENTRY_BYTES;
use crate::journal::{BodyRef, Position};
use crate::shift::Shift;

/// A message that lies where its key says: its record's position is its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: MessageKey,
    pub(crate) sent: Timestamp,
    /// Length of the record's payload in bytes. Zero marks a tombstone: no record of a message is empty.
    pub(crate) length: u32,
    /// The slot of its lane.
    pub(crate) lane: u32,
}

const _: () = assert!(size_of::<Entry>() == ENTRY_BYTES, "a million waiting messages cost 24 megabytes");

impl Entry {
    const fn is_tombstone(&self) -> bool {
        self.length == 0
    }

    /// Where its body lies.
    pub(crate) const fn body(&self) -> BodyRef {
        BodyRef { position: Position::of(self.key), length: self.length }
    }
}

/// A page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    entries: VecDeque<Entry>,
    live: usize,
}

impl Page {
    /// A page of these entries, none of which is a tombstone.
    pub(crate) fn of(entries: VecDeque<Entry>) -> Self {
        debug_assert!(entries.iter().all(|entry| !entry.is_tombstone()));
        Self { live: entries.len(), entries }
    }

    /// Messages.
    pub(crate) const fn live(&self) -> usize {
        self.live
    }

    /// Entries, tombstones included: what it takes in memory.
    pub(crate) fn length(&self) -> usize {
        self.entries.len()
    }

    /// The first message. `None` if there is none.
    pub(crate) fn first(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// The last message. `None` if there is none.
    pub(crate) fn last(&self) -> Option<&Entry> {
        self.entries.back()
    }

    /// The messages in the order of their keys.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is_tombstone())
    }

    fn index_of(&self, key: MessageKey) -> Option<usize> {
        self.entries.binary_search_by_key(&key, |entry| entry.key).ok()
    }

    /// The message with this key.
    pub(crate) fn get(&self, key: MessageKey) -> Option<&Entry> {
        self.index_of(key).map(|index| &self.entries[index]).filter(|entry| !entry.is_tombstone())
    }

    /// Adds a message whose key is above all others.
    pub(crate) fn push_back(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        self.live += 1;
    }

    /// Adds a message whose key is below all others.
    pub(crate) fn push_front(&mut self, entry: Entry) {
        self.entries.push_front(entry);
        self.live += 1;
    }

    /// Removes the first message.
    pub(crate) fn take_first(&mut self) -> Option<Entry> {
        let taken = self.entries.pop_front()?;
        self.live -= 1;
        self.trim();
        Some(taken)
    }

    /// Removes the message with this key.
    pub(crate) fn take(&mut self, key: MessageKey) -> Option<Entry> {
        let index = self.index_of(key)?;
        let entry = self.entries.get_mut(index).filter(|entry| !entry.is_tombstone())?;
        let taken = *entry;
        entry.length = 0;
        self.live -= 1;
        self.trim();
        if self.entries.len() >= 16 && self.live * 4 < self.entries.len() {
            self.entries.retain(|entry| !entry.is_tombstone());
            self.entries.shrink_to_fit();
        }
        Some(taken)
    }

    /// Drops tombstones at both ends.
    fn trim(&mut self) {
        while self.entries.front().is_some_and(Entry::is_tombstone) {
            self.entries.pop_front();
        }
        while self.entries.back().is_some_and(Entry::is_tombstone) {
            self.entries.pop_back();
        }
    }

    /// Takes the messages with keys from `key` on out of it, as a page of their own.
    pub(crate) fn split_off(&mut self, key: MessageKey) -> Self {
        let at = self.entries.partition_point(|entry| entry.key < key);
        let entries: VecDeque<Entry> =
            self.entries.split_off(at).into_iter().filter(|entry| !entry.is_tombstone()).collect();
        self.live -= entries.len();
        self.trim();
        Self::of(entries)
    }

    /// Corrects when messages were sent after the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        for entry in &mut self.entries {
            entry.sent = shift.corrected(entry.sent);
        }
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        assert!(self.entries.iter().is_sorted_by(|a, b| a.key < b.key), "keys ascend");
        let live = self.iter().count();
        assert!(live > 0 && live == self.live, "a page has {live} entries and counts {}", self.live);
        let ends = [self.first(), self.last()].into_iter().flatten();
        assert!(ends.into_iter().all(|entry| !entry.is_tombstone()), "a page begins and ends with messages");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_tombstones_is_packed() {
        let mut page = Page::default();
        for key in 0..512 {
            page.push_back(Entry { key: MessageKey::new(key), sent: Timestamp::EPOCH, length: 1, lane: 0 });
        }
        for key in 1..510 {
            page.take(MessageKey::new(key));
        }
        page.check();
        assert!(page.entries.len() < 16 && page.entries.capacity() < 16);
        assert_eq!(page.iter().map(|entry| entry.key.get()).collect::<Vec<_>>(), [0, 510, 511]);
    }
}
