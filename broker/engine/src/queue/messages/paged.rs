//! The fresh messages of a queue as pages: which are stored, read and dropped, and which must be read first.
//!
//! Invariants: no message of a lane lies in a stored page; among the messages of a stored page at most
//! [`TOUCHED_AMONG_MAX`] are touched when it is stored; the messages of a stored page are all behind the window of the queue,
//! or none is.

use std::collections::BTreeMap;

use posthouse_model::{MessageKey, Timestamp};

use super::Messages;
use crate::journal::{BodyRef, Journal};
use crate::malformed::Malformed;
use crate::queue::lanes::{GROUPLESS, Turn};
use crate::queue::pages::groups::PageGroups;
use crate::queue::pages::page::Waiting;
use crate::queue::pages::stored::{PageSummary, StoredPage};
use crate::queue::pages::{PageRef, Pages};
use crate::quota::Load;

/// Touched messages among those of one stored page at most, when it is stored. A checkpoint keeps a page and the touched
/// messages among its own in one step, and each message of the page may become one of them.
const TOUCHED_AMONG_MAX: usize = 4096;

impl Messages {
    /// The page to read before a message with this key can be looked up. `None` if none is needed.
    pub(crate) fn page_of(&self, key: MessageKey) -> Option<PageRef> {
        self.list_of(key).page_of(key).filter(|_| !self.touched.contains_key(&key))
    }

    /// The page to read before so many messages can be selected, or in a queue with groups any. `None` if none is needed.
    pub(crate) fn page_for_head(&self, messages: usize) -> Option<PageRef> {
        self.fresh.page_for_head(messages).or_else(|| self.page_for_window())
    }

    /// The page to read before messages between these keys can be stored. `None` if none is needed.
    pub(crate) fn page_between(&self, first: MessageKey, last: MessageKey) -> Option<PageRef> {
        self.list_of(first).page_between(first, last)
    }

    /// The page to read before all messages can be found that were sent at `bound` or before. `None` if none is needed.
    pub(crate) fn page_for_age(&self, bound: Timestamp) -> Option<PageRef> {
        let behind = || self.behind.as_ref()?.pages.page_for_age(bound);
        self.fresh.page_for_age(bound).or_else(behind)
    }

    /// Whether none of a page's messages has a lane, as a checkpoint keeps it.
    pub(crate) fn is_laneless(&self, page: &PageSummary) -> bool {
        self.is_behind(page.first) || page.last < self.laneless_below()
    }

    /// Adds a stored page that a checkpoint keeps. Its keys are below those of all fresh messages of its list.
    pub(crate) fn insert_page(&mut self, page: PageSummary) {
        let references = page.references();
        self.bytes += references.bytes;
        if let Some(tally) = &self.tally {
            tally.add(Load { messages: references.count, bytes: references.bytes });
        }
        if let Some(behind) = self.behind.as_mut().filter(|behind| page.first > behind.through) {
            behind.pages.push_front_page(page);
            return;
        }
        let turn = Turn { at: page.oldest, key: page.first };
        if let Some(lanes) = &mut self.lanes {
            lanes.unlisted += page.live as usize;
        }
        self.fresh.push_front_page(page);
        self.rank(GROUPLESS, turn);
    }

    /// The messages of the next page to store, all with keys below `below`, and the groups that they number. No messages if
    /// there is none: no message of a lane is stored in a page, and none among many touched ones, all of which a checkpoint
    /// keeps together with the page.
    pub(crate) fn storable(&self, below: MessageKey) -> (Vec<Waiting>, PageGroups) {
        let bound = self.laneless_below().min(below);
        let (mut messages, mut groups) = (self.storable_of(&self.fresh, bound), PageGroups::default());
        if messages.is_empty()
            && let Some(behind) = &self.behind
        {
            messages = self.storable_of(&behind.pages, below);
            let mut numbers = BTreeMap::new();
            for Waiting { entry, .. } in &mut messages {
                let Some(group) = behind.groups.text(entry.lane) else { continue };
                entry.lane = *numbers.entry(entry.lane).or_insert_with(|| groups.push(group));
            }
        }
        (messages, groups)
    }

    fn storable_of(&self, list: &Pages, bound: MessageKey) -> Vec<Waiting> {
        let messages = list.storable(bound);
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return messages };
        let among = self.touched.range(first.entry.key..=last.entry.key).take(TOUCHED_AMONG_MAX + 1).count();
        if among > TOUCHED_AMONG_MAX { Vec::new() } else { messages }
    }

    /// About how many pages could be stored.
    pub(crate) fn storable_pages(&self) -> u64 {
        let behind = self.behind.as_ref().map_or(0, |behind| behind.pages.storable_pages(MessageKey::MAX));
        self.fresh.storable_pages(self.laneless_below()) + behind
    }

    /// The key below which no message has a lane: in a FIFO queue the least one.
    fn laneless_below(&self) -> MessageKey {
        self.lanes.as_ref().map_or(MessageKey::MAX, |lanes| lanes.since)
    }

    /// Keeps these messages as a stored page from now on. `groups` are those that they number.
    ///
    /// # Errors
    /// As [`Pages::store`], or if one of them has a lane or another group.
    pub(crate) fn store(
        &mut self,
        record: BodyRef,
        messages: &[Waiting],
        groups: &PageGroups,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Err("it has no messages") };
        let (first, last) = (first.entry.key, last.entry.key);
        let laneless_below = self.laneless_below();
        if let Some(behind) = self.behind.as_mut().filter(|behind| first > behind.through) {
            let end = MessageKey::new(last.get().saturating_add(1));
            let held: Vec<u32> = behind.pages.in_memory_between(first, end).map(|message| message.entry.lane).collect();
            let stored = messages.iter().map(|message| groups.get(message.entry.lane));
            if !stored.eq(held.iter().map(|number| behind.groups.text(*number))) {
                return Err("its messages are not those of the queue");
            }
            behind.pages.store(record, messages, journal)?;
            held.into_iter().for_each(|number| behind.groups.leave(number));
            behind.pages.release_used(journal);
            return Ok(());
        }
        if last >= laneless_below || !groups.is_empty() {
            return Err("a message of its page has a lane");
        }
        self.fresh.store(record, messages, journal)?;
        self.fresh.release_used(journal);
        Ok(())
    }

    /// Takes in the messages of a page that was read, and their groups. Returns `false` if the page is not wanted any more.
    ///
    /// # Errors
    /// As [`Pages::load`].
    pub(crate) fn load_page(
        &mut self,
        page: PageRef,
        messages: Vec<Waiting>,
        groups: &PageGroups,
        journal: &dyn Journal,
    ) -> Result<bool, Malformed> {
        let Some(behind) = self.behind.as_mut().filter(|behind| page.first > behind.through) else {
            return self.fresh.load(page, messages, journal);
        };
        let is_loaded = behind.pages.load(page, messages, journal)?;
        if is_loaded {
            behind.pages.renumber(page, |number| behind.groups.enter(groups.get(number)));
        }
        Ok(is_loaded)
    }

    /// Whether a stored page is there and not in memory.
    pub(crate) fn is_spilled(&self, page: PageRef) -> bool {
        self.list_of(page.first).page_of(page.first).is_some_and(|found| found.record == page.record)
    }

    /// The fresh messages from a key on that are in memory, and their bodies.
    pub(crate) fn fresh_from(&self, first: MessageKey) -> impl Iterator<Item = (MessageKey, BodyRef)> {
        let behind = self.behind.as_ref().map(|behind| behind.pages.in_memory_between(first, MessageKey::MAX));
        let fresh = self.fresh.in_memory_between(first, MessageKey::MAX).chain(behind.into_iter().flatten());
        fresh.map(|message| (message.entry.key, message.body()))
    }

    /// The touched messages from a key on, and their bodies.
    pub(crate) fn touched_from(&self, first: MessageKey) -> impl Iterator<Item = (MessageKey, BodyRef)> {
        self.touched.range(first..).map(|(key, message)| (*key, message.body))
    }

    /// The stored pages that have keys from `first` to before `end`, in memory or not.
    pub(crate) fn stored_between(&self, first: MessageKey, end: MessageKey) -> impl Iterator<Item = &StoredPage> {
        let behind = self.behind.as_ref().map(|behind| behind.pages.stored_between(first, end));
        self.fresh.stored_between(first, end).chain(behind.into_iter().flatten())
    }

    /// How many messages are in memory.
    pub(crate) fn in_memory(&self) -> usize {
        let behind = self.behind.as_ref().map_or(0, |behind| behind.pages.in_memory());
        self.fresh.in_memory() + behind + self.touched.len()
    }

    /// Whether a stored page that was read is still in memory.
    pub(crate) fn has_page(&self, page: PageRef) -> bool {
        self.fresh.has_page(page) || self.behind.as_ref().is_some_and(|behind| behind.pages.has_page(page))
    }

    /// Drops the messages of a stored page from memory. Returns `false` if they are not in memory.
    pub(crate) fn evict_page(&mut self, page: PageRef, journal: &dyn Journal) -> bool {
        if let Some(behind) = &mut self.behind
            && behind.pages.has_page(page)
        {
            behind.pages.loaded(page).for_each(|entry| behind.groups.leave(entry.lane));
            return behind.pages.evict(page, journal);
        }
        self.fresh.evict(page, journal)
    }

    /// Releases the records of stored pages that are used up. Follows every event that takes messages out of pages.
    pub(crate) fn release_pages(&mut self, journal: &mut dyn Journal) {
        self.fresh.release_used(journal);
        if let Some(behind) = &mut self.behind {
            behind.pages.release_used(journal);
        }
    }
}
