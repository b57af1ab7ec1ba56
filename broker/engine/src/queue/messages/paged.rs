//! The fresh messages of a queue as pages: which are stored, read and dropped, and which must be read first.
//!
//! Invariants: no message of a lane lies in a stored page; among the messages of a stored page at most
//! [`TOUCHED_AMONG_MAX`] are touched when it is stored.

use posthouse_model::{MessageKey, Timestamp};

use super::Messages;
use crate::journal::{BodyRef, Journal};
use crate::malformed::Malformed;
use crate::queue::lanes::{GROUPLESS, Turn};
use crate::queue::pages::PageRef;
use crate::queue::pages::page::Waiting;
use crate::queue::pages::stored::PageSummary;
use crate::quota::Load;

/// Touched messages among those of one stored page at most, when it is stored. A checkpoint keeps a page and the touched
/// messages among its own in one step, and each message of the page may become one of them.
const TOUCHED_AMONG_MAX: usize = 4096;

impl Messages {
    /// The page to read before a message with this key can be looked up. `None` if none is needed.
    pub(crate) fn page_of(&self, key: MessageKey) -> Option<PageRef> {
        self.fresh.page_of(key).filter(|_| !self.touched.contains_key(&key))
    }

    /// The page to read before so many messages can be selected. `None` if none is needed.
    pub(crate) fn page_for_head(&self, messages: usize) -> Option<PageRef> {
        self.fresh.page_for_head(messages)
    }

    /// The page to read before messages between these keys can be stored. `None` if none is needed.
    pub(crate) fn page_between(&self, first: MessageKey, last: MessageKey) -> Option<PageRef> {
        self.fresh.page_between(first, last)
    }

    /// The page to read before all messages can be found that were sent at `bound` or before. `None` if none is needed.
    pub(crate) fn page_for_age(&self, bound: Timestamp) -> Option<PageRef> {
        self.fresh.page_for_age(bound)
    }

    /// Adds a stored page that a checkpoint keeps. Its keys are below those of all fresh messages.
    pub(crate) fn insert_page(&mut self, page: PageSummary) {
        let references = page.references();
        self.bytes += references.bytes;
        if let Some(tally) = &self.tally {
            tally.add(Load { messages: references.count, bytes: references.bytes });
        }
        let turn = Turn { at: page.oldest, key: page.first };
        self.fresh.push_front_page(page);
        self.rank(GROUPLESS, turn);
    }

    /// The messages of the next page to store. Empty if there is none: no message of a lane is stored in a page, and none
    /// among many touched ones, all of which a checkpoint keeps together with the page.
    pub(crate) fn storable(&self) -> Vec<Waiting> {
        let messages = self.fresh.storable(self.laneless_below());
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return messages };
        let among = self.touched.range(first.entry.key..=last.entry.key).take(TOUCHED_AMONG_MAX + 1).count();
        if among > TOUCHED_AMONG_MAX { Vec::new() } else { messages }
    }

    /// About how many pages could be stored.
    pub(crate) fn storable_pages(&self) -> u64 {
        self.fresh.storable_pages(self.laneless_below())
    }

    /// The key below which no message has a lane: in a FIFO queue the least one.
    fn laneless_below(&self) -> MessageKey {
        self.lanes.as_ref().map_or(MessageKey::MAX, |lanes| lanes.since)
    }

    /// Keeps these messages as a stored page from now on.
    ///
    /// # Errors
    /// As [`Pages::store`], or if one of them has a lane.
    pub(crate) fn store(
        &mut self,
        record: BodyRef,
        messages: &[Waiting],
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        if messages.last().is_some_and(|last| last.entry.key >= self.laneless_below()) {
            return Err("a message of its page has a lane");
        }
        self.fresh.store(record, messages, journal)?;
        self.fresh.release_used(journal);
        Ok(())
    }

    /// Takes in the messages of a page that was read. Returns `false` if the page is not wanted any more.
    ///
    /// # Errors
    /// As [`Pages::load`].
    pub(crate) fn load_page(
        &mut self,
        page: PageRef,
        messages: Vec<Waiting>,
        journal: &dyn Journal,
    ) -> Result<bool, Malformed> {
        self.fresh.load(page, messages, journal)
    }

    /// Whether a stored page is there and not in memory.
    pub(crate) fn is_spilled(&self, page: PageRef) -> bool {
        self.fresh.page_of(page.first).is_some_and(|found| found.record == page.record)
    }

    /// Whether a stored page that was read is still in memory.
    pub(crate) fn has_page(&self, page: PageRef) -> bool {
        self.fresh.has_page(page)
    }

    /// Drops the messages of a stored page from memory. Returns `false` if they are not in memory.
    pub(crate) fn evict_page(&mut self, page: PageRef, journal: &dyn Journal) -> bool {
        self.fresh.evict(page, journal)
    }

    /// Releases the records of stored pages that are used up. Follows every event that takes messages out of pages.
    pub(crate) fn release_pages(&mut self, journal: &mut dyn Journal) {
        self.fresh.release_used(journal);
    }
}
