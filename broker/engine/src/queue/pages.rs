//! The messages of a queue that were never received: 24 bytes each, in the order of their keys.
//!
//! Pages have a bounded size, so a growing queue never copies itself and a draining one gives memory back. Most entries
//! leave at the front. An entry that leaves from the middle (its group is served before others, or it expires) leaves a
//! tombstone. A page that is mostly tombstones is packed.
//!
//! Invariants: keys ascend; no page is empty; the first entry of all is no tombstone.

use std::collections::VecDeque;

use posthouse_model::{MessageKey, Timestamp};

use crate::shift::Shift;

/// Entries of one page: 12 KiB, so that a page of a long queue is allocated once.
const PAGE_ENTRIES: usize = 512;

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

const _: () = assert!(size_of::<Entry>() == 24, "a million waiting messages cost 24 megabytes");

impl Entry {
    const fn is_tombstone(&self) -> bool {
        self.length == 0
    }
}

/// The paged list.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pages: VecDeque<Page>,
    live: usize,
}

#[derive(Debug, Default)]
struct Page {
    entries: VecDeque<Entry>,
    live: usize,
}

impl Page {
    fn first_key(&self) -> MessageKey {
        self.entries.front().expect("no page is empty").key
    }

    fn index_of(&self, key: MessageKey) -> Option<usize> {
        self.entries.binary_search_by_key(&key, |entry| entry.key).ok()
    }

    /// Drops tombstones from a page that is mostly made of them.
    fn pack(&mut self) {
        if self.entries.len() >= 16 && self.live * 4 < self.entries.len() {
            self.entries.retain(|entry| !entry.is_tombstone());
            self.entries.shrink_to_fit();
        }
    }
}

impl Pages {
    /// How many messages there are.
    pub(crate) const fn len(&self) -> usize {
        self.live
    }

    /// The message with the lowest key.
    pub(crate) fn front(&self) -> Option<&Entry> {
        self.pages.front().and_then(|page| page.entries.front())
    }

    /// Adds a message whose key is above all others.
    pub(crate) fn push_back(&mut self, entry: Entry) {
        debug_assert!(self.pages.back().and_then(|page| page.entries.back()).is_none_or(|last| last.key < entry.key));
        if self.pages.back().is_none_or(|page| page.entries.len() >= PAGE_ENTRIES) {
            self.pages.push_back(Page::default());
        }
        let page = self.pages.back_mut().expect("pushed above");
        page.entries.push_back(entry);
        page.live += 1;
        self.live += 1;
    }

    /// Adds a message whose key is below all others, as a checkpoint is read back.
    pub(crate) fn push_front(&mut self, entry: Entry) {
        debug_assert!(self.front().is_none_or(|first| entry.key < first.key));
        if self.pages.front().is_none_or(|page| page.entries.len() >= PAGE_ENTRIES) {
            self.pages.push_front(Page::default());
        }
        let page = self.pages.front_mut().expect("pushed above");
        page.entries.push_front(entry);
        page.live += 1;
        self.live += 1;
    }

    fn page_of(&self, key: MessageKey) -> Option<usize> {
        self.pages.partition_point(|page| page.first_key() <= key).checked_sub(1)
    }

    /// Looks a message up.
    pub(crate) fn get(&self, key: MessageKey) -> Option<&Entry> {
        if let Some(first) = self.front()
            && first.key == key
        {
            return Some(first);
        }
        let page = &self.pages[self.page_of(key)?];
        page.index_of(key).map(|index| &page.entries[index]).filter(|entry| !entry.is_tombstone())
    }

    /// Removes a message.
    pub(crate) fn take(&mut self, key: MessageKey) -> Option<Entry> {
        if self.front().is_some_and(|first| first.key == key) {
            return self.take_front();
        }
        let at = self.page_of(key)?;
        let page = &mut self.pages[at];
        let entry =
            page.index_of(key).and_then(|index| page.entries.get_mut(index)).filter(|entry| !entry.is_tombstone())?;
        let taken = *entry;
        entry.length = 0;
        page.live -= 1;
        self.live -= 1;
        if page.live == 0 {
            self.pages.remove(at);
        } else {
            page.pack();
        }
        Some(taken)
    }

    fn take_front(&mut self) -> Option<Entry> {
        let page = self.pages.front_mut()?;
        let taken = page.entries.pop_front()?;
        page.live -= 1;
        self.live -= 1;
        if page.live == 0 {
            self.pages.pop_front();
        }
        if let Some(page) = self.pages.front_mut() {
            while page.entries.front().is_some_and(Entry::is_tombstone) {
                page.entries.pop_front();
            }
        }
        Some(taken)
    }

    /// Corrects when messages were sent after the clock was set back.
    pub(crate) fn shift(&mut self, shift: Shift) {
        for entry in self.pages.iter_mut().flat_map(|page| &mut page.entries) {
            entry.sent = shift.corrected(entry.sent);
        }
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        let entries = || self.pages.iter().flat_map(|page| &page.entries);
        assert!(entries().is_sorted_by(|a, b| a.key < b.key), "keys ascend");
        for page in &self.pages {
            let live = page.entries.iter().filter(|entry| !entry.is_tombstone()).count();
            assert!(live > 0 && live == page.live, "a page has {live} entries and counts {}", page.live);
        }
        assert_eq!(self.live, self.pages.iter().map(|page| page.live).sum::<usize>(), "the count of all pages");
        assert!(self.front().is_none_or(|first| !first.is_tombstone()), "the first entry is a tombstone");
    }

    /// The messages in the order of their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.pages.iter().flat_map(|page| &page.entries).filter(|entry| !entry.is_tombstone())
    }

    /// The messages with keys below `bound`, the highest first.
    pub(crate) fn below(&self, bound: MessageKey) -> impl Iterator<Item = &Entry> {
        let pages = self.pages.partition_point(|page| page.first_key() < bound);
        let entries = self.pages.range(..pages).rev().flat_map(|page| page.entries.iter().rev());
        // Only the first of the pages holds keys from `bound` on.
        entries.skip_while(move |entry| entry.key >= bound).filter(|entry| !entry.is_tombstone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: u64) -> Entry {
        Entry { key: MessageKey::new(key), sent: Timestamp::EPOCH, length: 1, lane: 0 }
    }

    fn keys<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<u64> {
        entries.map(|entry| entry.key.get()).collect()
    }

    /// Every operation agrees with a sorted list, whatever the order of removals.
    #[test]
    fn pages_are_a_sorted_list() {
        let mut pages = Pages::default();
        let mut model: Vec<u64> = (1000..3000).collect();
        for &key in &model {
            pages.push_back(entry(key));
        }
        for key in (0..1000).rev() {
            pages.push_front(entry(key));
            model.insert(0, key);
        }
        let mut state = 1u64;
        while let Some(last) = model.len().checked_sub(1) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Mostly from the front, as queues are read; sometimes from anywhere.
            let index = if state >> 62 == 0 { (state >> 33) as usize % (last + 1) } else { 0 };
            let key = model.remove(index);
            assert_eq!(pages.get(MessageKey::new(key)), Some(&entry(key)));
            assert_eq!(pages.take(MessageKey::new(key)), Some(entry(key)));
            assert_eq!((pages.take(MessageKey::new(key)), pages.get(MessageKey::new(key))), (None, None));
            assert_eq!(pages.len(), model.len());
            assert_eq!(pages.front().map(|first| first.key.get()), model.first().copied());
            if last % 100 == 0 {
                assert_eq!(keys(pages.iter()), model);
                let below: Vec<u64> = model.iter().copied().filter(|&other| other < key).rev().collect();
                assert_eq!(keys(pages.below(MessageKey::new(key))), below);
            }
        }
        assert!(pages.pages.is_empty());
    }

    #[test]
    fn a_page_of_tombstones_is_packed() {
        let mut pages = Pages::default();
        for key in 0..512 {
            pages.push_back(entry(key));
        }
        for key in 1..510 {
            pages.take(MessageKey::new(key));
        }
        assert!(pages.pages[0].entries.len() < 16 && pages.pages[0].entries.capacity() < 16);
        assert_eq!(keys(pages.iter()), [0, 510, 511]);
    }
}
