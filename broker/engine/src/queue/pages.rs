//! The messages of a queue that wait and were never received, in the order of their keys. One that was only sent takes 24
//! bytes; dead letters and moved messages have an extra (`extra.rs`).
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

mod ages;
pub(crate) mod extra;
pub(crate) mod groups;
pub(crate) mod looking;
pub(crate) mod page;
mod slot;
pub(crate) mod stored;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use posthouse_model::{MessageKey, Timestamp};

use crate::budget::{Budget, ENTRY_BYTES, PageCounts};
use crate::journal::{BodyRef, Journal};
use crate::malformed::Malformed;
use crate::shift::Shift;
use page::{Entry, Page, Waiting, WaitingRef};
use slot::{Held, Slot};
use stored::{PageSummary, StoredPage};

/// Extras of one record, in entries: it takes no further page once its extras are more. The errors of pushes may be long.
const EXTRAS_MAX: usize = 1024 * 1024 / ENTRY_BYTES;

/// A page that is not in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRef {
    /// The record that holds it.
    pub(crate) record: BodyRef,
    /// Its first message.
    pub(crate) first: MessageKey,
}

impl PageRef {
    fn of(stored: &PageSummary) -> Self {
        Self { record: stored.record, first: stored.first }
    }
}

/// What a checkpoint keeps of the list: a message, or a whole page.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Below<'a> {
    Message(WaitingRef<'a>),
    Page(&'a StoredPage),
}

/// The paged list.
#[derive(Debug)]
pub(crate) struct Pages {
    slots: VecDeque<Slot>,
    /// The pages by the ages of their messages (`ages.rs`).
    ages: BTreeSet<(Timestamp, MessageKey)>,
    live: usize,
    page_messages: usize,
    /// Pages that were filled in memory.
    filled: u64,
    /// What the extras of these pages take in memory, in entries.
    extras: usize,
    /// Pages in memory that are stored.
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
            ages: BTreeSet::new(),
            live: 0,
            page_messages: budget.options().page_messages,
            filled: 0,
            extras: 0,
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

    /// The key of the last message. `None` if there is none.
    pub(crate) fn last_key(&self) -> Option<MessageKey> {
        self.slots.back().map(Slot::last_key)
    }

    /// The budget that the pages count in.
    pub(crate) const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// The first message. `None` if there is none, or if its page is not in memory.
    pub(crate) fn front(&self) -> Option<&Entry> {
        self.slots.front().and_then(Slot::page).and_then(Page::first)
    }

    /// Adds a message whose key is above all others.
    pub(crate) fn push_back(&mut self, message: Waiting) {
        debug_assert!(self.slots.back().is_none_or(|slot| slot.last_key() < message.entry.key));
        let extras = message.extras();
        match self.slots.back_mut().map(|slot| &mut slot.held) {
            Some(Held::Filled(page)) if page.length() < self.page_messages => page.push_back(message),
            Some(_) | None => self.push_page_back(message),
        }
        self.live += 1;
        if extras > 0 {
            self.extras += extras;
            self.recount();
        }
    }

    #[cold]
    fn push_page_back(&mut self, message: Waiting) {
        self.insert_slot(self.slots.len(), Held::Filled(Page::from_iter([message])));
        self.filled += 1;
        self.recount();
    }

    /// Adds a message whose key is below all others, as a checkpoint is read back.
    pub(crate) fn push_front(&mut self, message: Waiting) {
        debug_assert!(self.first_key().is_none_or(|first| message.entry.key < first));
        self.extras += message.extras();
        match self.slots.front_mut().map(|slot| &mut slot.held) {
            Some(Held::Filled(page)) if page.length() < self.page_messages => page.push_front(message),
            Some(_) | None => {
                self.insert_slot(0, Held::Filled(Page::from_iter([message])));
                self.filled += 1;
            }
        }
        self.live += 1;
        self.recount();
    }

    /// Adds a stored page whose keys are below all others, as a checkpoint is read back.
    pub(crate) fn push_front_page(&mut self, stored: PageSummary) {
        debug_assert!(self.first_key().is_none_or(|first| stored.last < first));
        self.live += stored.live as usize;
        self.insert_slot(0, Held::Stored(Box::new(StoredPage::spilled(stored))));
        self.stored += 1;
        self.spilled += 1;
        self.recount();
    }

    fn slot_of(&self, key: MessageKey) -> Option<usize> {
        self.slots.partition_point(|slot| slot.first_key() <= key).checked_sub(1)
    }

    /// Looks a message up. `None` if it is not here, or if its page is not in memory.
    pub(crate) fn get(&self, key: MessageKey) -> Option<WaitingRef<'_>> {
        if let Some(page) = self.slots.front().and_then(Slot::page)
            && let Some(first) = page.first_message()
            && first.entry.key == key
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
        Some(PageRef::of(stored))
    }

    /// The first page between these keys that is not in memory.
    pub(crate) fn page_between(&self, first: MessageKey, last: MessageKey) -> Option<PageRef> {
        if self.spilled == 0 {
            return None;
        }
        let from = self.slots.partition_point(|slot| slot.last_key() < first);
        let slots = self.slots.range(from..).take_while(|slot| slot.first_key() <= last);
        let stored = slots.into_iter().find_map(Slot::spilled)?;
        Some(PageRef::of(stored))
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
                return Some(PageRef::of(stored));
            }
            held += slot.live();
        }
        None
    }

    /// The first page that is not in memory.
    pub(crate) fn first_spilled(&self) -> Option<PageRef> {
        if self.spilled == 0 {
            return None;
        }
        let stored = self.slots.iter().find_map(Slot::spilled)?;
        Some(PageRef { record: stored.record, first: stored.first })
    }

    /// Removes a message. `None` if it is not here, or if its page is not in memory.
    pub(crate) fn take(&mut self, key: MessageKey) -> Option<Waiting> {
        if self.front().is_some_and(|first| first.key == key) {
            return self.take_front();
        }
        let at = self.slot_of(key)?;
        let taken = match &mut self.slots[at].held {
            Held::Filled(page) => {
                let extras = page.extras();
                let taken = page.take(key)?;
                self.extras -= extras - page.extras();
                taken
            }
            Held::Stored(stored) => stored.take(key)?,
        };
        self.live -= 1;
        self.slot_shrank(at);
        Some(taken)
    }

    fn take_front(&mut self) -> Option<Waiting> {
        let (taken, left) = match &mut self.slots.front_mut()?.held {
            Held::Filled(page) => {
                let extras = page.extras();
                let taken = page.take_first()?;
                self.extras -= extras - page.extras();
                (taken, page.live())
            }
            Held::Stored(stored) => (stored.take_first()?, stored.stored().live as usize),
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
            match self.remove_slot(at) {
                Some(Held::Filled(_)) => self.filled -= 1,
                Some(Held::Stored(stored)) => {
                    self.stored -= 1;
                    self.loaded -= self.weight(&stored);
                    self.used.push(stored.stored().record);
                }
                None => {}
            }
            self.recount();
        } else if self.slots[at].stored().is_some_and(StoredPage::is_worn) {
            self.keep_in_memory(at);
        }
    }

    /// Pages in memory that a stored page that was read back counts as.
    fn weight(&self, stored: &StoredPage) -> u64 {
        stored.weight().div_ceil(self.page_messages) as u64
    }

    /// Makes a stored page that is in memory one that was filled in memory, and its record one that is used up.
    fn keep_in_memory(&mut self, at: usize) {
        let Some(Held::Stored(stored)) = self.remove_slot(at) else { return };
        self.stored -= 1;
        self.loaded -= self.weight(&stored);
        self.used.push(stored.stored().record);
        let mut messages = stored.into_page().into_iter().flat_map(Page::into_messages);
        for place in at.. {
            let page: Page = messages.by_ref().take(self.page_messages).collect();
            if page.live() == 0 {
                break;
            }
            self.extras += page.extras();
            self.insert_slot(place, Held::Filled(page));
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
        messages: &[Waiting],
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        const OTHERS: Malformed = "its messages are not those of the queue";
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Err(OTHERS) };
        let (first, last) = (first.entry.key, last.entry.key);
        if self.page_between(first, last).is_some() {
            return Err("its messages are in a page that was not read");
        }
        loop {
            let (from, to) = self.overlapping(first, last);
            let mut slots = self.slots.range(from..to);
            let Some(at) = slots.position(|slot| slot.stored().is_some()) else { break };
            self.keep_in_memory(from + at);
        }
        self.split_before(first);
        self.split_before(MessageKey::new(last.get().saturating_add(1)));
        let (from, to) = self.overlapping(first, last);
        let held = self.slots.range(from..to).filter_map(Slot::page).flat_map(Page::messages);
        let same = |(one, other): (WaitingRef<'_>, &Waiting)| {
            let facts = |entry: &Entry| (entry.key, entry.sent, entry.length);
            facts(one.entry) == facts(&other.entry) && one.extra == other.extra.as_deref()
        };
        let count: usize = self.slots.range(from..to).map(Slot::live).sum();
        if count != messages.len() || !held.zip(messages).all(same) {
            return Err(OTHERS);
        }
        (from..to).for_each(|at| self.age_no_more(at));
        self.extras -= self.slots.range(from..to).filter_map(Slot::page).map(Page::extras).sum::<usize>();
        self.slots.drain(from..to);
        self.filled -= (to - from) as u64;
        self.insert_slot(from, Held::Stored(Box::new(StoredPage::written(record, messages, journal))));
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
        let Held::Filled(page) = &mut self.slots[at].held else { return };
        if page.first().is_some_and(|first| first.key < key) && page.last().is_some_and(|last| last.key >= key) {
            let extras = page.extras();
            let rest = page.split_off(key);
            // Places of extras that have left are dropped.
            self.extras -= extras - page.extras() - rest.extras();
            self.insert_slot(at + 1, Held::Filled(rest));
            self.filled += 1;
        }
    }

    /// The messages of the next record to store: those of as many whole pages as a record holds, the pages before the last
    /// one, none of them the first, all with keys below `bound`. Empty if there is none.
    pub(crate) fn storable(&self, bound: MessageKey) -> Vec<Waiting> {
        let record_pages = self.budget.options().record_pages;
        let (mut chosen, mut extras) = (0..0, 0);
        for at in (1..self.slots.len().saturating_sub(1)).rev() {
            let is_whole = self.slots[at].stored().is_none() && self.slots[at].last_key() < bound;
            if !is_whole && !chosen.is_empty() || chosen.len() == record_pages || extras > EXTRAS_MAX {
                break;
            }
            if is_whole {
                chosen = at..chosen.end.max(at + 1);
                extras += self.slots[at].page().map_or(0, Page::extras);
            }
        }
        let messages = self.slots.range(chosen).filter_map(Slot::page).flat_map(Page::messages);
        messages.map(WaitingRef::to_waiting).collect()
    }

    /// How many pages [`Pages::storable`] could store, or little more. Those that end at `bound` or behind it are not
    /// stored.
    pub(crate) fn storable_pages(&self, bound: MessageKey) -> u64 {
        let below = self.slots.partition_point(|slot| slot.last_key() < bound) as u64;
        self.filled.min(below + 1).saturating_sub(2)
    }

    /// Takes in the messages of a page. Returns `false` if the page is not wanted any more.
    ///
    /// # Errors
    /// If they are not the messages of the page.
    pub(crate) fn load(
        &mut self,
        page: PageRef,
        messages: Vec<Waiting>,
        journal: &dyn Journal,
    ) -> Result<bool, Malformed> {
        let Some(at) = self.slot_of(page.first) else { return Ok(false) };
        let Held::Stored(stored) = &mut self.slots[at].held else { return Ok(false) };
        if stored.page().is_some() || stored.stored().record != page.record {
            return Ok(false);
        }
        stored.load(messages, journal)?;
        let weight = stored.weight();
        self.loaded += weight.div_ceil(self.page_messages) as u64;
        self.spilled -= 1;
        self.age_anew(at);
        self.recount();
        Ok(true)
    }

    /// The slot of a stored page that is in memory, named as it was when it was read.
    fn loaded_at(&self, page: PageRef) -> Option<usize> {
        // Its first message may have another key by now: it is the page with that key, or the next one.
        let after = self.slots.partition_point(|slot| slot.first_key() <= page.first);
        let is_it = |at: &usize| {
            let stored = self.slots.get(*at).and_then(Slot::stored);
            stored.is_some_and(|stored| stored.stored().record == page.record && stored.page().is_some())
        };
        (after.saturating_sub(1)..=after).find(is_it)
    }

    /// Whether a stored page is in memory, named as it was when it was read.
    pub(crate) fn has_page(&self, page: PageRef) -> bool {
        self.loaded_at(page).is_some()
    }

    /// The messages of a stored page that is in memory, named as it was when it was read.
    pub(crate) fn loaded(&self, page: PageRef) -> impl Iterator<Item = &Entry> {
        let slot = self.loaded_at(page).map(|at| &self.slots[at]);
        slot.and_then(Slot::page).into_iter().flat_map(Page::iter)
    }

    /// Replaces the number of the group of each message of a stored page that is in memory.
    pub(crate) fn renumber(&mut self, page: PageRef, number: impl FnMut(u32) -> u32) {
        if let Some(at) = self.loaded_at(page)
            && let Held::Stored(stored) = &mut self.slots[at].held
        {
            stored.renumber(number);
        }
    }

    /// Drops the entries of a stored page, named as it was when they were read. Returns `false` if they are not in memory.
    pub(crate) fn evict(&mut self, page: PageRef, journal: &dyn Journal) -> bool {
        let Some(at) = self.loaded_at(page) else { return false };
        let Held::Stored(stored) = &mut self.slots[at].held else { return false };
        stored.evict(journal);
        let weight = stored.weight();
        self.loaded -= weight.div_ceil(self.page_messages) as u64;
        self.spilled += 1;
        self.age_anew(at);
        self.recount();
        true
    }

    /// Notes in the budget how the pages have changed.
    fn recount(&mut self) {
        // The last page is being filled: it takes what is in it.
        let extras = (self.extras / self.page_messages) as u64;
        let filled = self.filled.saturating_sub(1) + extras;
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
            if let Some(message) = self.take_front() {
                journal.release(message.body());
                done += 1;
            } else if let Some(Held::Stored(page)) = self.remove_slot(0) {
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
            match &mut slot.held {
                Held::Filled(page) => page.shift(shift),
                Held::Stored(stored) => stored.shift(shift),
            }
        }
        self.age_all();
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        self.check_ages();
        for slot in &self.slots {
            match &slot.held {
                Held::Filled(page) => page.check(),
                Held::Stored(stored) => stored.check(),
            }
        }
        let ends = self.slots.iter().zip(self.slots.iter().skip(1));
        assert!(ends.into_iter().all(|(one, next)| one.last_key() < next.first_key()), "keys ascend");
        assert_eq!(self.live, self.slots.iter().map(Slot::live).sum::<usize>(), "the count of all pages");
        let (mut filled, mut extras, mut loaded, mut stored, mut spilled) = (0, 0, 0, 0, 0);
        for slot in &self.slots {
            match &slot.held {
                Held::Filled(page) => (filled, extras) = (filled + 1, extras + page.extras()),
                Held::Stored(page) => {
                    stored += 1;
                    if page.page().is_some() { loaded += self.weight(page) } else { spilled += 1 }
                }
            }
        }
        let counts = (self.filled, self.extras, self.loaded, self.stored, self.spilled);
        assert_eq!(
            counts,
            (filled, extras, loaded, stored, spilled),
            "pages: filled (extras), loaded, stored, spilled"
        );
        assert!(self.used.is_empty(), "the records of used pages are released");
    }

    /// The first messages in the order of their keys: all that come before the first page that is not in memory.
    pub(crate) fn head(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().map_while(Slot::page).flat_map(Page::iter)
    }

    /// The stored pages that have keys from `first` to before `end`, in memory or not.
    pub(crate) fn stored_between(&self, first: MessageKey, end: MessageKey) -> impl Iterator<Item = &StoredPage> {
        let from = self.slots.partition_point(|slot| slot.last_key() < first);
        let slots = self.slots.range(from..).take_while(move |slot| slot.first_key() < end);
        slots.filter_map(Slot::stored)
    }

    /// How many messages are in memory.
    pub(crate) fn in_memory(&self) -> usize {
        self.slots.iter().filter(|slot| slot.page().is_some()).map(Slot::live).sum()
    }

    /// The messages between two keys, the second excluded, that are in memory.
    pub(crate) fn in_memory_between(&self, first: MessageKey, end: MessageKey) -> impl Iterator<Item = WaitingRef<'_>> {
        let from = self.slots.partition_point(|slot| slot.last_key() < first);
        let slots = self.slots.range(from..).take_while(move |slot| slot.first_key() < end);
        let messages = slots.filter_map(Slot::page).flat_map(Page::messages);
        messages.filter(move |message| (first..end).contains(&message.entry.key))
    }

    /// The messages with keys from `first` on whose pages are in memory and have extras.
    pub(crate) fn among_extras_from(&self, first: MessageKey) -> impl Iterator<Item = WaitingRef<'_>> {
        let from = self.slots.partition_point(|slot| slot.last_key() < first);
        let pages = self.slots.range(from..).filter_map(Slot::page).filter(|page| page.extras() > 0);
        pages.flat_map(Page::messages).skip_while(move |message| message.entry.key < first)
    }

    /// The messages with keys below `bound` and the stored pages whose keys all are, the highest first.
    pub(crate) fn below(&self, bound: MessageKey) -> impl Iterator<Item = Below<'_>> {
        let slots = self.slots.partition_point(|slot| slot.first_key() < bound);
        let parts = self.slots.range(..slots).rev().flat_map(|slot| {
            let (filled, stored) = match &slot.held {
                Held::Filled(page) => (Some(page), None),
                Held::Stored(stored) => (None, Some(&**stored)),
            };
            let messages = filled.into_iter().flat_map(|page| page.messages().rev()).map(Below::Message);
            messages.chain(stored.map(Below::Page))
        });
        // Only the first of the pages holds keys from `bound` on.
        parts.skip_while(move |part| part.last_key() >= bound)
    }
}

impl Below<'_> {
    /// The key, or the highest key.
    pub(crate) const fn last_key(&self) -> MessageKey {
        match self {
            Self::Message(message) => message.entry.key,
            Self::Page(page) => page.stored().last,
        }
    }
}

#[cfg(test)]
mod tests;
