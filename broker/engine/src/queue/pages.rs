//! The messages of a queue that were never received: 24 bytes each, in the order of their keys.
//!
//! Pages have a bounded size, so a growing queue never copies itself and a draining one gives memory back. Between the
//! first page and the last, pages may be stored in the journal and dropped from memory:
//!
//! ```text
//!  filled in memory --(store)--> stored, spilled <--(load, evict)--> stored, in memory --(many removed)--> in memory
//! ```
//!
//! [`Pages::store`] is an event, because a page is stored once for all replays to come. Loading and evicting are none: they
//! change nothing that any other operation shows, but for what is answered where a page would have to be read. There
//! [`Pages::front`] and [`Pages::get`] answer `None`, [`Pages::take`] takes nothing, and [`Pages::head`] ends. A decision or
//! an event that needs a page waits until it was read: [`Pages::page_for_head`], [`Pages::page_of`] and
//! [`Pages::page_between`] say which one that is.
//!
//! Invariants: keys ascend; no page is empty; the counts are those of the pages. `Pages::check` looks at them.

pub(crate) mod page;
pub(crate) mod stored;

use std::collections::VecDeque;
use std::sync::Arc;

use posthouse_model::{MessageKey, Timestamp};

use crate::budget::{Budget, PageCounts};
use crate::journal::{BodyRef, Journal};
use crate::malformed::Malformed;
use crate::shift::Shift;
use page::{Entry, Page};
use stored::{PageSummary, StoredPage};

/// A page that is not in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRef {
    /// The record that holds it.
    pub(crate) record: BodyRef,
    /// Its first message.
    pub(crate) first: MessageKey,
}

/// What a checkpoint keeps of the list: a message, or a whole page.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Below<'a> {
    Message(&'a Entry),
    Page(&'a StoredPage),
}

/// The paged list.
#[derive(Debug)]
pub(crate) struct Pages {
    slots: VecDeque<Slot>,
    live: usize,
    page_messages: usize,
    /// Pages that were filled in memory.
    filled: u64,
    /// Pages that were read back.
    loaded: u64,
    /// Stored pages.
    stored: u64,
    /// Stored pages that are not in memory.
    spilled: u64,
    /// What of these counts is in the budget.
    counted: PageCounts,
    budget: Arc<Budget>,
    /// The records of pages that are used up, to be released.
    used: Vec<BodyRef>,
}

#[derive(Debug)]
enum Slot {
    Filled(Page),
    Stored(Box<StoredPage>),
}

impl Slot {
    fn page(&self) -> Option<&Page> {
        match self {
            Self::Filled(page) => Some(page),
            Self::Stored(stored) => stored.page(),
        }
    }

    fn first_key(&self) -> MessageKey {
        match self {
            Self::Filled(page) => page.first().expect("no page is empty").key,
            Self::Stored(stored) => stored.stored().first,
        }
    }

    fn last_key(&self) -> MessageKey {
        match self {
            Self::Filled(page) => page.last().expect("no page is empty").key,
            Self::Stored(stored) => stored.stored().last,
        }
    }

    fn live(&self) -> usize {
        match self {
            Self::Filled(page) => page.live(),
            Self::Stored(stored) => stored.stored().live as usize,
        }
    }

    /// The page, if it is stored and not in memory.
    fn spilled(&self) -> Option<&PageSummary> {
        match self {
            Self::Stored(stored) if stored.page().is_none() => Some(stored.stored()),
            Self::Stored(_) | Self::Filled(_) => None,
        }
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Pages {
    /// An empty list, whose pages count in a budget.
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            slots: VecDeque::new(),
            live: 0,
            page_messages: budget.options().page_messages,
            filled: 0,
            loaded: 0,
            stored: 0,
            spilled: 0,
            counted: PageCounts::default(),
            budget,
            used: Vec::new(),
        }
    }

    /// How many messages there are.
    pub(crate) const fn len(&self) -> usize {
        self.live
    }

    /// The key of the first message. `None` if there is none.
    pub(crate) fn first_key(&self) -> Option<MessageKey> {
        self.slots.front().map(Slot::first_key)
    }

    /// The first message. `None` if there is none, or if its page is not in memory.
    pub(crate) fn front(&self) -> Option<&Entry> {
        self.slots.front().and_then(Slot::page).and_then(Page::first)
    }

    /// When the first message was sent. `None` if there is none.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.slots.front().map(|slot| match slot {
            Slot::Filled(page) => page.first().expect("no page is empty").sent,
            Slot::Stored(stored) => stored.stored().oldest,
        })
    }

    /// Adds a message whose key is above all others.
    pub(crate) fn push_back(&mut self, entry: Entry) {
        debug_assert!(self.slots.back().is_none_or(|slot| slot.last_key() < entry.key));
        match self.slots.back_mut() {
            Some(Slot::Filled(page)) if page.length() < self.page_messages => page.push_back(entry),
            Some(_) | None => self.push_page_back(entry),
        }
        self.live += 1;
    }

    #[cold]
    fn push_page_back(&mut self, entry: Entry) {
        self.slots.push_back(Slot::Filled(Page::of(VecDeque::from([entry]))));
        self.filled += 1;
        self.recount();
    }

    /// Adds a message whose key is below all others, as a checkpoint is read back.
    pub(crate) fn push_front(&mut self, entry: Entry) {
        debug_assert!(self.first_key().is_none_or(|first| entry.key < first));
        match self.slots.front_mut() {
            Some(Slot::Filled(page)) if page.length() < self.page_messages => page.push_front(entry),
            Some(_) | None => {
                self.slots.push_front(Slot::Filled(Page::of(VecDeque::from([entry]))));
                self.filled += 1;
                self.recount();
            }
        }
        self.live += 1;
    }

    /// Adds a stored page whose keys are below all others, as a checkpoint is read back.
    pub(crate) fn push_front_page(&mut self, stored: PageSummary) {
        debug_assert!(self.first_key().is_none_or(|first| stored.last < first));
        self.live += stored.live as usize;
        self.slots.push_front(Slot::Stored(Box::new(StoredPage::spilled(stored))));
        self.stored += 1;
        self.spilled += 1;
        self.recount();
    }

    fn slot_of(&self, key: MessageKey) -> Option<usize> {
        self.slots.partition_point(|slot| slot.first_key() <= key).checked_sub(1)
    }

    /// Looks a message up. `None` if it is not here, or if its page is not in memory.
    pub(crate) fn get(&self, key: MessageKey) -> Option<&Entry> {
        if let Some(first) = self.front()
            && first.key == key
        {
            return Some(first);
        }
        self.slots[self.slot_of(key)?].page()?.get(key)
    }

    /// The page that a message with this key can be in, if that page is not in memory.
    pub(crate) fn page_of(&self, key: MessageKey) -> Option<PageRef> {
        if self.spilled == 0 {
            return None;
        }
        let stored = self.slots[self.slot_of(key)?].spilled().filter(|stored| key <= stored.last)?;
        Some(PageRef { record: stored.record, first: stored.first })
    }

    /// The first page between these keys that is not in memory.
    pub(crate) fn page_between(&self, first: MessageKey, last: MessageKey) -> Option<PageRef> {
        if self.spilled == 0 {
            return None;
        }
        let from = self.slots.partition_point(|slot| slot.last_key() < first);
        let slots = self.slots.range(from..).take_while(|slot| slot.first_key() <= last);
        let stored = slots.into_iter().find_map(Slot::spilled)?;
        Some(PageRef { record: stored.record, first: stored.first })
    }

    /// The page to read for the first `messages` messages to be in memory. `None` if they are, or if there are fewer and
    /// all are.
    pub(crate) fn page_for_head(&self, messages: usize) -> Option<PageRef> {
        if self.spilled == 0 {
            return None;
        }
        let mut held = 0;
        for slot in &self.slots {
            if held >= messages {
                return None;
            }
            if let Some(stored) = slot.spilled() {
                return Some(PageRef { record: stored.record, first: stored.first });
            }
            held += slot.live();
        }
        None
    }

    /// When the first message was sent of the first page that is not in memory. `None` if there is no such page.
    pub(crate) fn oldest_spilled(&self) -> Option<Timestamp> {
        if self.spilled == 0 {
            return None;
        }
        self.slots.iter().find_map(Slot::spilled).map(|stored| stored.oldest)
    }

    /// Removes a message. `None` if it is not here, or if its page is not in memory.
    pub(crate) fn take(&mut self, key: MessageKey) -> Option<Entry> {
        if self.front().is_some_and(|first| first.key == key) {
            return self.take_front();
        }
        let at = self.slot_of(key)?;
        let taken = match &mut self.slots[at] {
            Slot::Filled(page) => page.take(key)?,
            Slot::Stored(stored) => stored.take(key)?,
        };
        self.live -= 1;
        self.slot_shrank(at);
        Some(taken)
    }

    fn take_front(&mut self) -> Option<Entry> {
        let (taken, left) = match self.slots.front_mut()? {
            Slot::Filled(page) => (page.take_first()?, page.live()),
            Slot::Stored(stored) => (stored.take_first()?, stored.stored().live as usize),
        };
        self.live -= 1;
        if left == 0 {
            self.slot_shrank(0);
        }
        Some(taken)
    }

    /// Drops a slot that has become empty, and keeps a stored page as one in memory that has lost many messages.
    fn slot_shrank(&mut self, at: usize) {
        if self.slots[at].live() == 0 {
            match self.slots.remove(at) {
                Some(Slot::Filled(_)) => self.filled -= 1,
                Some(Slot::Stored(stored)) => {
                    self.stored -= 1;
                    self.loaded -= self.weight(&stored);
                    self.used.push(stored.stored().record);
                }
                None => {}
            }
            self.recount();
        } else if matches!(&self.slots[at], Slot::Stored(stored) if stored.is_worn()) {
            self.keep_in_memory(at);
        }
    }

    /// Pages in memory that a stored page counts as once it is read back.
    fn weight(&self, stored: &StoredPage) -> u64 {
        (stored.stored().entries as usize).div_ceil(self.page_messages) as u64
    }

    /// Makes a stored page that is in memory one that was filled in memory, and its record one that is used up.
    fn keep_in_memory(&mut self, at: usize) {
        let Some(Slot::Stored(stored)) = self.slots.remove(at) else { return };
        self.stored -= 1;
        self.loaded -= self.weight(&stored);
        self.used.push(stored.stored().record);
        let mut entries = stored.into_page().into_iter().flat_map(|page| page.iter().copied().collect::<Vec<_>>());
        for place in at.. {
            let page: VecDeque<Entry> = entries.by_ref().take(self.page_messages).collect();
            if page.is_empty() {
                break;
            }
            self.slots.insert(place, Slot::Filled(Page::of(page)));
            self.filled += 1;
        }
        self.recount();
    }

    /// Releases the records of pages that are used up.
    pub(crate) fn release_used(&mut self, journal: &mut dyn Journal) {
        while let Some(record) = self.used.pop() {
            journal.release_page(record);
        }
    }

    /// Keeps these messages as a stored page from now on, which is not in memory: the event that stored them is applied.
    ///
    /// # Errors
    /// If they are not all messages between the first and the last of them, or if one of them is in a page that is not in
    /// memory.
    pub(crate) fn store(
        &mut self,
        record: BodyRef,
        entries: &[Entry],
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        const OTHERS: Malformed = "its messages are not those of the queue";
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Err(OTHERS) };
        let (first, last) = (first.key, last.key);
        if self.page_between(first, last).is_some() {
            return Err("its messages are in a page that was not read");
        }
        loop {
            let (from, to) = self.overlapping(first, last);
            let mut slots = self.slots.range(from..to);
            let Some(at) = slots.position(|slot| matches!(slot, Slot::Stored(_))) else { break };
            self.keep_in_memory(from + at);
        }
        self.split_before(first);
        self.split_before(MessageKey::new(last.get().saturating_add(1)));
        let (from, to) = self.overlapping(first, last);
        let held = self.slots.range(from..to).filter_map(Slot::page).flat_map(Page::iter);
        let same =
            |(one, other): (&Entry, &Entry)| (one.key, one.sent, one.length) == (other.key, other.sent, other.length);
        let count: usize = self.slots.range(from..to).map(Slot::live).sum();
        if count != entries.len() || !held.zip(entries).all(same) {
            return Err(OTHERS);
        }
        self.slots.drain(from..to);
        self.filled -= (to - from) as u64;
        self.slots.insert(from, Slot::Stored(Box::new(StoredPage::written(record, entries, journal))));
        self.stored += 1;
        self.spilled += 1;
        self.recount();
        journal.retain(record);
        Ok(())
    }

    /// The slots that hold keys from `first` to `last`: from the first number to before the second.
    fn overlapping(&self, first: MessageKey, last: MessageKey) -> (usize, usize) {
        let from = self.slots.partition_point(|slot| slot.last_key() < first);
        let to = self.slots.partition_point(|slot| slot.first_key() <= last);
        (from, to.max(from))
    }

    /// Makes a page that was filled in memory begin at the first key from `key` on, if one holds keys on both sides.
    fn split_before(&mut self, key: MessageKey) {
        let Some(at) = self.slot_of(key) else { return };
        let Slot::Filled(page) = &mut self.slots[at] else { return };
        if page.first().is_some_and(|first| first.key < key) && page.last().is_some_and(|last| last.key >= key) {
            let rest = page.split_off(key);
            self.slots.insert(at + 1, Slot::Filled(rest));
            self.filled += 1;
        }
    }

    /// The messages of the next record to store: those of as many whole pages as a record holds, the pages before the last
    /// one, none of them the first, all with keys below `bound`. Empty if there is none.
    pub(crate) fn storable(&self, bound: MessageKey) -> Vec<Entry> {
        let record_pages = self.budget.options().record_pages;
        let mut chosen = 0..0;
        for at in (1..self.slots.len().saturating_sub(1)).rev() {
            let is_whole = matches!(&self.slots[at], Slot::Filled(_)) && self.slots[at].last_key() < bound;
            if !is_whole && !chosen.is_empty() || chosen.len() == record_pages {
                break;
            }
            if is_whole {
                chosen = at..chosen.end.max(at + 1);
            }
        }
        self.slots.range(chosen).filter_map(Slot::page).flat_map(Page::iter).copied().collect()
    }

    /// How many pages [`Pages::storable`] could store, or little more. Those that end at `bound` or behind it are not
    /// stored.
    pub(crate) fn storable_pages(&self, bound: MessageKey) -> u64 {
        let below = self.slots.partition_point(|slot| slot.last_key() < bound) as u64;
        self.filled.min(below + 1).saturating_sub(2)
    }

    /// Takes in the entries of a page. Returns `false` if the page is not wanted any more.
    ///
    /// # Errors
    /// If they are not the messages of the page.
    pub(crate) fn load(&mut self, page: PageRef, entries: &[Entry], journal: &dyn Journal) -> Result<bool, Malformed> {
        let Some(at) = self.slot_of(page.first) else { return Ok(false) };
        let Slot::Stored(stored) = &mut self.slots[at] else { return Ok(false) };
        if stored.page().is_some() || stored.stored().record != page.record {
            return Ok(false);
        }
        stored.load(entries, journal)?;
        let Slot::Stored(stored) = &self.slots[at] else { return Ok(false) };
        self.loaded += self.weight(stored);
        self.spilled -= 1;
        self.recount();
        Ok(true)
    }

    /// The slot of a stored page that is in memory, named as it was when it was read.
    fn loaded_at(&self, page: PageRef) -> Option<usize> {
        // Its first message may have another key by now: it is the page with that key, or the next one.
        let after = self.slots.partition_point(|slot| slot.first_key() <= page.first);
        let is_it = |at: &usize| {
            matches!(self.slots.get(*at), Some(Slot::Stored(stored))
                if stored.stored().record == page.record && stored.page().is_some())
        };
        (after.saturating_sub(1)..=after).find(is_it)
    }

    /// Whether a stored page is in memory, named as it was when it was read.
    pub(crate) fn has_page(&self, page: PageRef) -> bool {
        self.loaded_at(page).is_some()
    }

    /// Drops the entries of a stored page, named as it was when they were read. Returns `false` if they are not in memory.
    pub(crate) fn evict(&mut self, page: PageRef, journal: &dyn Journal) -> bool {
        let Some(at) = self.loaded_at(page) else { return false };
        let Slot::Stored(stored) = &mut self.slots[at] else { return false };
        stored.evict(journal);
        let weight = (stored.stored().entries as usize).div_ceil(self.page_messages) as u64;
        self.loaded -= weight;
        self.spilled += 1;
        self.recount();
        true
    }

    /// Notes in the budget how the pages have changed.
    fn recount(&mut self) {
        // The last page is being filled: it takes what is in it.
        let filled = self.filled.saturating_sub(1);
        let new = PageCounts { filled, loaded: self.loaded, stored: self.stored, spilled: self.spilled };
        if new != self.counted {
            self.budget.recount(self.counted, new);
            self.counted = new;
        }
    }

    /// Drops the first messages, about `budget` of them, with the references to them. Returns how many steps that took; none
    /// if the list is empty.
    pub(crate) fn dismantle(&mut self, budget: usize, journal: &mut dyn Journal) -> usize {
        let mut done = 0;
        while done < budget {
            if let Some(entry) = self.take_front() {
                journal.release(entry.body());
                done += 1;
            } else if let Some(Slot::Stored(page)) = self.slots.pop_front() {
                let stored = page.stored();
                self.live -= stored.live as usize;
                stored.bodies.iter().for_each(|(region, references)| journal.release_many(*region, *references));
                journal.release_page(stored.record);
                done += 1 + stored.bodies.len();
                self.stored -= 1;
                self.spilled -= 1;
                self.recount();
            } else {
                break;
            }
        }
        self.release_used(journal);
        done
    }

    /// Corrects when messages were sent after the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        for slot in &mut self.slots {
            match slot {
                Slot::Filled(page) => page.shift(shift),
                Slot::Stored(stored) => stored.shift(shift),
            }
        }
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        for slot in &self.slots {
            match slot {
                Slot::Filled(page) => page.check(),
                Slot::Stored(stored) => stored.check(),
            }
        }
        let ends = self.slots.iter().zip(self.slots.iter().skip(1));
        assert!(ends.into_iter().all(|(one, next)| one.last_key() < next.first_key()), "keys ascend");
        assert_eq!(self.live, self.slots.iter().map(Slot::live).sum::<usize>(), "the count of all pages");
        let (mut filled, mut loaded, mut stored, mut spilled) = (0, 0, 0, 0);
        for slot in &self.slots {
            match slot {
                Slot::Filled(_) => filled += 1,
                Slot::Stored(page) => {
                    stored += 1;
                    if page.page().is_some() { loaded += self.weight(page) } else { spilled += 1 }
                }
            }
        }
        let counts = (self.filled, self.loaded, self.stored, self.spilled);
        assert_eq!(counts, (filled, loaded, stored, spilled), "pages that are filled, loaded, stored, spilled");
        assert!(self.used.is_empty(), "the records of used pages are released");
    }

    /// The first messages in the order of their keys: all that come before the first page that is not in memory.
    pub(crate) fn head(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().map_while(Slot::page).flat_map(Page::iter)
    }

    /// The messages between two keys, the second excluded, that are in memory.
    pub(crate) fn in_memory_between(&self, first: MessageKey, end: MessageKey) -> impl Iterator<Item = &Entry> {
        let from = self.slots.partition_point(|slot| slot.last_key() < first);
        let slots = self.slots.range(from..).take_while(move |slot| slot.first_key() < end);
        let entries = slots.filter_map(Slot::page).flat_map(Page::iter);
        entries.filter(move |entry| (first..end).contains(&entry.key))
    }

    /// The messages with keys below `bound` and the stored pages whose keys all are, the highest first.
    pub(crate) fn below(&self, bound: MessageKey) -> impl Iterator<Item = Below<'_>> {
        let slots = self.slots.partition_point(|slot| slot.first_key() < bound);
        let parts = self.slots.range(..slots).rev().flat_map(|slot| {
            let (filled, stored) = match slot {
                Slot::Filled(page) => (Some(page), None),
                Slot::Stored(stored) => (None, Some(&**stored)),
            };
            let entries = filled.into_iter().flat_map(|page| page.iter().rev()).map(Below::Message);
            entries.chain(stored.map(Below::Page))
        });
        // Only the first of the pages holds keys from `bound` on.
        parts.skip_while(move |part| part.last_key() >= bound)
    }
}

impl Below<'_> {
    /// The key, or the highest key.
    pub(crate) const fn last_key(&self) -> MessageKey {
        match self {
            Self::Message(entry) => entry.key,
            Self::Page(page) => page.stored().last,
        }
    }
}

#[cfg(test)]
mod tests;
