//! One page of waiting messages in memory.
//!
//! Most entries leave at the front. An entry that leaves from the middle leaves a tombstone. A page that is mostly
//! tombstones is packed.
//!
//! Messages that were only sent are in the order of their times. Dead letters bring older times with them: of a page that
//! has such, the time that no message of it is older than is kept, which may be that of a message that has left.
//!
//! Invariants: keys ascend; the first and the last entry of a page that is not empty are no tombstones; `live` counts the
//! entries that are no tombstones; each extra is that of a message; no message was sent before `Page::oldest`.

use std::collections::VecDeque;

use posthouse_model::{MessageKey, Timestamp};

use super::extra::{Extra, Extras};
use crate::budget::ENTRY_BYTES;
use crate::journal::{BodyRef, Position};
use crate::shift::Shift;

/// A message that waits. If it has no [`Extra`], its body lies where its key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: MessageKey,
    pub(crate) sent: Timestamp,
    /// Length of the record's payload in bytes. Zero marks a tombstone: no record of a message is empty.
    pub(crate) length: u32,
    /// The slot of its lane. Behind the window of its queue, the number of its group: that of the list in memory, or that of
    /// the page in a record.
    pub(crate) lane: u32,
}

const _: () = assert!(size_of::<Entry>() == ENTRY_BYTES, "a million waiting messages cost 24 megabytes");

impl Entry {
    const fn is_tombstone(&self) -> bool {
        self.length == 0
    }
}

/// A message that waits: its entry, and what the entry does not say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waiting {
    pub(crate) entry: Entry,
    pub(crate) extra: Option<Box<Extra>>,
}

/// A message of a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WaitingRef<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) extra: Option<&'a Extra>,
}

impl Waiting {
    pub(crate) fn view(&self) -> WaitingRef<'_> {
        WaitingRef { entry: &self.entry, extra: self.extra.as_deref() }
    }

    /// Where its body lies.
    pub(crate) fn body(&self) -> BodyRef {
        self.view().body()
    }

    /// What its extra takes in memory, in entries.
    pub(crate) fn extras(&self) -> usize {
        self.extra.as_deref().map_or(0, Extra::weight)
    }
}

impl WaitingRef<'_> {
    /// Where its body lies.
    pub(crate) fn body(self) -> BodyRef {
        let position = self.extra.map_or_else(|| Position::of(self.entry.key), |extra| extra.body);
        BodyRef { position, length: self.entry.length }
    }

    /// The same message, in no page.
    pub(crate) fn to_waiting(self) -> Waiting {
        Waiting { entry: *self.entry, extra: self.extra.map(|extra| Box::new(extra.clone())) }
    }
}

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    entries: VecDeque<Entry>,
    extras: Extras,
    live: usize,
    /// Whether the times of the entries ascend, so that the first message is the oldest.
    is_in_order: bool,
    /// No message was sent before this.
    oldest: Timestamp,
}

impl Default for Page {
    fn default() -> Self {
        let (entries, extras) = (VecDeque::new(), Extras::default());
        Self { entries, extras, live: 0, is_in_order: true, oldest: Timestamp::NEVER }
    }
}

impl FromIterator<Waiting> for Page {
    /// A page of these messages, whose keys ascend.
    fn from_iter<T: IntoIterator<Item = Waiting>>(messages: T) -> Self {
        let messages = messages.into_iter();
        let entries = VecDeque::with_capacity(messages.size_hint().0);
        let mut page = Self { entries, ..Self::default() };
        messages.for_each(|message| page.push_back(message));
        page
    }
}

impl Page {
    /// Messages.
    pub(crate) const fn live(&self) -> usize {
        self.live
    }

    /// Entries, tombstones included.
    pub(crate) fn length(&self) -> usize {
        self.entries.len()
    }

    /// What its extras take in memory, in entries. Zero if there are none.
    pub(crate) const fn extras(&self) -> usize {
        self.extras.weight()
    }

    /// A time before which none of its messages was sent: that of the oldest, or of one that has left.
    pub(crate) fn oldest(&self) -> Timestamp {
        if self.is_in_order { self.entries.front().map_or(Timestamp::NEVER, |first| first.sent) } else { self.oldest }
    }

    /// Makes [`Page::oldest`] the time of the oldest message.
    pub(crate) fn find_oldest(&mut self) {
        if !self.is_in_order {
            self.oldest = self.iter().map(|entry| entry.sent).min().unwrap_or(Timestamp::NEVER);
        }
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

    /// The messages in the order of their keys, whole.
    pub(crate) fn messages(&self) -> impl DoubleEndedIterator<Item = WaitingRef<'_>> {
        self.iter().map(|entry| WaitingRef { entry, extra: self.extras.get(entry.key) })
    }

    /// The keys of the messages that were sent at `bound` or before.
    pub(crate) fn sent_by(&self, bound: Timestamp) -> impl Iterator<Item = MessageKey> {
        let in_order = self.is_in_order;
        let messages = self.iter().take_while(move |entry| !in_order || entry.sent <= bound);
        messages.filter(move |entry| entry.sent <= bound).map(|entry| entry.key)
    }

    /// The messages with keys from `from` on, in the order of their keys, whole.
    pub(crate) fn messages_from(&self, from: MessageKey) -> impl Iterator<Item = WaitingRef<'_>> {
        let first = self.entries.partition_point(|entry| entry.key < from);
        let entries = self.entries.range(first..).filter(|entry| !entry.is_tombstone());
        entries.map(|entry| WaitingRef { entry, extra: self.extras.get(entry.key) })
    }

    fn index_of(&self, key: MessageKey) -> Option<usize> {
        self.entries.binary_search_by_key(&key, |entry| entry.key).ok()
    }

    /// The message with this key.
    pub(crate) fn get(&self, key: MessageKey) -> Option<WaitingRef<'_>> {
        let entry = self.index_of(key).map(|index| &self.entries[index]).filter(|entry| !entry.is_tombstone())?;
        Some(WaitingRef { entry, extra: self.extras.get(key) })
    }

    /// The first message, whole. `None` if there is none.
    pub(crate) fn first_message(&self) -> Option<WaitingRef<'_>> {
        self.first().map(|entry| WaitingRef { entry, extra: self.extras.get(entry.key) })
    }

    /// Adds a message whose key is above all others.
    pub(crate) fn push_back(&mut self, message: Waiting) {
        let Waiting { entry, extra } = message;
        self.is_in_order &= self.entries.back().is_none_or(|last| last.sent <= entry.sent);
        self.oldest = self.oldest.min(entry.sent);
        self.extras.push_back(entry.key, extra);
        self.entries.push_back(entry);
        self.live += 1;
    }

    /// Adds a message whose key is below all others.
    pub(crate) fn push_front(&mut self, message: Waiting) {
        let Waiting { entry, extra } = message;
        self.is_in_order &= self.entries.front().is_none_or(|first| entry.sent <= first.sent);
        self.oldest = self.oldest.min(entry.sent);
        self.extras.push_front(entry.key, extra);
        self.entries.push_front(entry);
        self.live += 1;
    }

    /// Removes the first message.
    pub(crate) fn take_first(&mut self) -> Option<Waiting> {
        let entry = self.entries.pop_front()?;
        self.live -= 1;
        self.trim();
        Some(Waiting { entry, extra: self.extras.take(entry.key) })
    }

    /// Removes the message with this key.
    pub(crate) fn take(&mut self, key: MessageKey) -> Option<Waiting> {
        let index = self.index_of(key)?;
        let entry = self.entries.get_mut(index).filter(|entry| !entry.is_tombstone())?;
        let taken = Waiting { entry: *entry, extra: self.extras.take(key) };
        entry.length = 0;
        self.live -= 1;
        self.trim();
        if self.entries.len() >= 16 && self.live * 4 < self.entries.len() {
            self.entries.retain(|entry| !entry.is_tombstone());
            self.entries.shrink_to_fit();
            self.extras.pack();
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
        let (extras, live) = (self.extras.split_off(key), entries.len());
        Self { entries, extras, live, ..*self }
    }

    /// Replaces the number of the group of each message.
    pub(crate) fn renumber(&mut self, mut number: impl FnMut(u32) -> u32) {
        let entries = self.entries.iter_mut().filter(|entry| !entry.is_tombstone());
        entries.for_each(|entry| entry.lane = number(entry.lane));
    }

    /// Its messages, in the order of their keys.
    pub(crate) fn into_messages(self) -> impl Iterator<Item = Waiting> {
        let Self { entries, mut extras, .. } = self;
        let entries = entries.into_iter().filter(|entry| !entry.is_tombstone());
        entries.map(move |entry| Waiting { entry, extra: extras.take(entry.key) })
    }

    /// Corrects times after the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        for entry in &mut self.entries {
            entry.sent = shift.corrected(entry.sent);
        }
        self.extras.shift(shift);
        // A clock that is set back does not keep the order of all times.
        self.is_in_order = self.entries.iter().is_sorted_by(|one, other| one.sent <= other.sent);
        // Also where they are in order now: a message that is added later may end that.
        self.oldest = self.iter().map(|entry| entry.sent).min().unwrap_or(Timestamp::NEVER);
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        assert!(self.entries.iter().is_sorted_by(|a, b| a.key < b.key), "keys ascend");
        let live = self.iter().count();
        assert!(live > 0 && live == self.live, "a page has {live} entries and counts {}", self.live);
        let ends = [self.first(), self.last()].into_iter().flatten();
        assert!(ends.into_iter().all(|entry| !entry.is_tombstone()), "a page begins and ends with messages");
        self.extras.check();
        assert!(self.extras.keys().all(|key| self.get(key).is_some()), "each extra is that of a message");
        assert!(self.iter().all(|entry| self.oldest() <= entry.sent), "no message was sent before the oldest");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_known_after_the_clock_was_set_back() {
        let at = Timestamp::from_millis;
        let message = |key, sent| {
            let entry = Entry { key: MessageKey::new(key), sent: at(sent), length: 1, lane: 0 };
            Waiting { entry, extra: None }
        };
        let mut page: Page = [message(1, 9_000_000), message(2, 9_000_001)].into_iter().collect();
        page.shift(Shift { from: at(9_000_001), to: at(1_000_000) });
        page.push_back(message(3, 1_000_005));
        page.push_back(message(4, 1_000_004));
        page.check();
        assert_eq!(page.oldest(), at(999_999));
    }

    #[test]
    fn a_page_of_tombstones_is_packed() {
        let mut page = Page::default();
        for key in 0..512 {
            let entry = Entry { key: MessageKey::new(key), sent: Timestamp::EPOCH, length: 1, lane: 0 };
            page.push_back(Waiting { entry, extra: None });
        }
        for key in 1..510 {
            page.take(MessageKey::new(key));
        }
        page.check();
        assert!(page.entries.len() < 16 && page.entries.capacity() < 16);
        assert_eq!(page.iter().map(|entry| entry.key.get()).collect::<Vec<_>>(), [0, 510, 511]);
    }
}
