//! A page that was written to the journal as a record: what is known of it without reading it, and its entries while they
//! are in memory.
//!
//! The record never changes. What became of its messages since is said by [`PageSummary`]: those before the first one and
//! behind the last one that is left, and those that are listed as removed, are not in the page any more. Whether the
//! entries are in memory is no state: reading them and dropping them is no event.
//!
//! Invariants: a stored page has a message; `first`, `last` and `live` are those of the messages that are left, none of which
//! was sent before `oldest`;
//! `removed` ascends and lies between `first` and `last`. While the entries are not in memory, `bodies` counts the
//! references to the bodies of the messages that are left, by region and in ascending order.

use std::collections::{BTreeMap, VecDeque};

use posthouse_model::{MessageKey, Timestamp};

use super::page::{Page, Waiting, WaitingRef};
use crate::journal::{BodyRef, Journal, Position, References};
use crate::malformed::Malformed;
use crate::shift::Shift;

/// Messages that are removed from the middle of a stored page before it is no longer kept as one. Messages leave at the
/// front, but for those whose receive a crash has lost and those that are damaged.
const REMOVED_MAX: usize = 64;

/// What is known of a stored page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageSummary {
    /// The record that holds its entries.
    pub(crate) record: BodyRef,
    /// Entries of the record.
    pub(crate) entries: u32,
    /// Messages that are left.
    pub(crate) live: u32,
    /// The first message that is left.
    pub(crate) first: MessageKey,
    /// The last message that is left.
    pub(crate) last: MessageKey,
    /// A time before which no message that is left was sent.
    pub(crate) oldest: Timestamp,
    /// The references to the bodies of the messages that are left: a position of each region, and those into it.
    pub(crate) bodies: Vec<(Position, References)>,
    /// The messages between the first and the last that were removed since the record was written.
    pub(crate) removed: VecDeque<MessageKey>,
    /// How the clock was set since the record was written.
    pub(crate) shifts: Vec<Shift>,
}

impl PageSummary {
    /// The bodies of all messages that are left, added up. Only while the entries are not in memory.
    pub(crate) fn references(&self) -> References {
        self.bodies.iter().fold(References::default(), |sum, (_, more)| sum.and(*more))
    }

    /// Whether a message of the record is left.
    pub(crate) fn is_left(&self, key: MessageKey) -> bool {
        (self.first..=self.last).contains(&key) && self.removed.binary_search(&key).is_err()
    }

    /// The messages of the record that are left, as they are now.
    pub(crate) fn left_of(&self, messages: Vec<Waiting>) -> Page {
        let corrected = |mut message: Waiting| {
            for shift in &self.shifts {
                message.entry.sent = shift.corrected(message.entry.sent);
                message.extra.iter_mut().for_each(|extra| extra.shift(*shift));
            }
            message
        };
        messages.into_iter().filter(|message| self.is_left(message.entry.key)).map(corrected).collect()
    }

    /// Whether these messages are those that are left.
    fn is_of(&self, left: &Page, journal: &dyn Journal) -> bool {
        let ends = left.first().zip(left.last()).map(|(first, last)| (first.key, last.key));
        let counted = by_region(left.messages().map(WaitingRef::body), journal);
        // A page that was written when other regions were there may count two regions for one of today.
        let by_end = |bodies: &[(Position, References)]| {
            let mut ends: Vec<(Position, References)> = Vec::with_capacity(bodies.len());
            for (region, more) in bodies {
                let end = journal.region_end(*region);
                match ends.last_mut().filter(|(last, _)| *last == end) {
                    Some((_, sum)) => *sum = sum.and(*more),
                    None => ends.push((end, *more)),
                }
            }
            ends
        };
        ends == Some((self.first, self.last)) && by_end(&counted) == by_end(&self.bodies)
    }
}

/// A stored page, and its entries if they are in memory.
#[derive(Debug)]
pub(crate) struct StoredPage {
    stored: PageSummary,
    page: Option<Page>,
    /// What its messages took in memory when they were read, in entries.
    weight: usize,
}

impl StoredPage {
    /// A page whose entries are not in memory.
    pub(crate) const fn spilled(stored: PageSummary) -> Self {
        Self { stored, page: None, weight: 0 }
    }

    /// A page of these messages, which are not kept in memory. There is at least one.
    pub(crate) fn written(record: BodyRef, messages: &[Waiting], journal: &dyn Journal) -> Self {
        let count = u32::try_from(messages.len()).expect("a record has far fewer messages than 2^32");
        let (first, last) = (messages[0].entry, messages[messages.len() - 1].entry);
        Self::spilled(PageSummary {
            record,
            entries: count,
            live: count,
            first: first.key,
            last: last.key,
            oldest: messages.iter().map(|message| message.entry.sent).min().unwrap_or(first.sent),
            bodies: by_region(messages.iter().map(Waiting::body), journal),
            removed: VecDeque::new(),
            shifts: Vec::new(),
        })
    }

    /// What is known of it, but for the bodies of a page in memory: [`StoredPage::summary`] counts them.
    pub(crate) const fn stored(&self) -> &PageSummary {
        &self.stored
    }

    /// All that is known of it.
    pub(crate) fn summary(&self, journal: &dyn Journal) -> PageSummary {
        let mut stored = self.stored.clone();
        if let Some(page) = &self.page {
            stored.bodies = by_region(page.messages().map(WaitingRef::body), journal);
        }
        stored
    }

    /// Its entries. `None` if they are not in memory.
    pub(crate) const fn page(&self) -> Option<&Page> {
        self.page.as_ref()
    }

    /// Replaces the number of the group of each message, if its entries are in memory.
    pub(crate) fn renumber(&mut self, number: impl FnMut(u32) -> u32) {
        if let Some(page) = &mut self.page {
            page.renumber(number);
        }
    }

    /// Takes in the messages of its record.
    ///
    /// # Errors
    /// If they are not those that the page was written with.
    pub(crate) fn load(&mut self, messages: Vec<Waiting>, journal: &dyn Journal) -> Result<(), Malformed> {
        let left = self.stored.left_of(messages);
        if !self.stored.is_of(&left, journal) {
            return Err("a page does not hold the messages that it was written with");
        }
        self.stored.oldest = left.oldest();
        self.weight = left.length() + left.extras();
        self.page = Some(left);
        Ok(())
    }

    /// What its messages took in memory when they were last read, in entries of a page.
    pub(crate) const fn weight(&self) -> usize {
        self.weight
    }

    /// Makes its `oldest` the time of the oldest message, if its messages are in memory.
    pub(crate) fn find_oldest(&mut self) {
        if let Some(page) = &mut self.page {
            page.find_oldest();
            self.stored.oldest = page.oldest();
        }
    }

    /// Drops its entries.
    pub(crate) fn evict(&mut self, journal: &dyn Journal) {
        self.find_oldest();
        if let Some(page) = self.page.take() {
            self.stored.bodies = by_region(page.messages().map(WaitingRef::body), journal);
        }
    }

    /// Removes its first message. `None` if its entries are not in memory.
    pub(crate) fn take_first(&mut self) -> Option<Waiting> {
        let taken = self.page.as_mut()?.take_first()?;
        self.note_removed(taken.entry.key);
        Some(taken)
    }

    /// Removes a message. `None` if its entries are not in memory, or the message is not in it.
    pub(crate) fn take(&mut self, key: MessageKey) -> Option<Waiting> {
        let taken = self.page.as_mut()?.take(key)?;
        self.note_removed(key);
        Some(taken)
    }

    fn note_removed(&mut self, key: MessageKey) {
        let stored = &mut self.stored;
        stored.live -= 1;
        let Some(page) = &self.page else { return };
        let Some((first, last)) = page.first().zip(page.last()) else { return };
        (stored.first, stored.last, stored.oldest) = (first.key, last.key, page.oldest());
        if key > first.key && key < last.key {
            let at = stored.removed.partition_point(|removed| *removed < key);
            stored.removed.insert(at, key);
        }
        while stored.removed.front().is_some_and(|removed| *removed < first.key) {
            stored.removed.pop_front();
        }
        while stored.removed.back().is_some_and(|removed| *removed > last.key) {
            stored.removed.pop_back();
        }
    }

    /// Whether so many messages were removed from its middle that it is no longer to be kept as a stored page.
    pub(crate) fn is_worn(&self) -> bool {
        self.stored.removed.len() > REMOVED_MAX
    }

    /// The lengths of the records of its messages.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn bytes(&self) -> u64 {
        let in_memory = self.page.as_ref().map(|page| page.iter().map(|entry| u64::from(entry.length)).sum());
        in_memory.unwrap_or_else(|| self.stored.references().bytes)
    }

    /// Its entries, if they are in memory.
    pub(crate) fn into_page(self) -> Option<Page> {
        self.page
    }

    /// Corrects when messages were sent after the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        self.stored.shifts.push(shift);
        self.stored.oldest = shift.corrected_from(self.stored.oldest);
        if let Some(page) = &mut self.page {
            page.shift(shift);
            self.stored.oldest = page.oldest();
        }
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        let stored = &self.stored;
        assert!(stored.live > 0 && stored.first <= stored.last, "a stored page has a message");
        assert!(stored.removed.iter().is_sorted_by(|a, b| a < b), "removed messages ascend");
        assert!(stored.removed.iter().all(|key| (stored.first..stored.last).contains(key)), "removed from the middle");
        match &self.page {
            None => assert_eq!(stored.references().count, u64::from(stored.live), "one reference for each message"),
            Some(page) => {
                page.check();
                assert_eq!(page.live(), stored.live as usize, "the messages that are left");
                let ends = page.first().zip(page.last()).map(|(first, last)| (first.key, last.key));
                assert_eq!(ends, Some((stored.first, stored.last)), "the ends of a stored page");
                assert_eq!(page.oldest(), stored.oldest, "the age of a stored page");
            }
        }
    }
}

/// The references to these bodies, by region.
fn by_region(bodies: impl Iterator<Item = BodyRef>, journal: &dyn Journal) -> Vec<(Position, References)> {
    let mut regions: BTreeMap<Position, (Position, References)> = BTreeMap::new();
    // Most bodies lie behind the one before, in the same region.
    let (mut from, mut end, mut sum) = (Position::ZERO, Position::ZERO, References::default());
    let mut add = |end: Position, from: Position, sum: References| {
        if sum.count > 0 {
            let (least, all) = regions.entry(end).or_insert((from, References::default()));
            (*least, *all) = ((*least).min(from), all.and(sum));
        }
    };
    for body in bodies {
        if body.position < from || body.position >= end {
            add(end, from, core::mem::take(&mut sum));
            (from, end) = (body.position, journal.region_end(body.position));
        }
        sum = sum.and(References::one(body));
    }
    add(end, from, sum);
    regions.into_values().collect()
}
