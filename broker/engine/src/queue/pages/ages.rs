//! How old the messages of the pages are: when the oldest was sent, and which ones are too old.
//!
//! Keys ascend, but dead letters are older than what came before them. So each page has a time before which none of its
//! messages was sent, and an index has the pages by that time. The first page, whose messages leave one by one, and the
//! last, which is being filled, are not in the index: they are asked themselves.
//!
//! Invariants: the index has each slot but the first and the last; no message of a page was sent before the time that the
//! index has of it.

use posthouse_model::{MessageKey, Timestamp};

use super::slot::{Held, Slot};
use super::{PageRef, Pages};

impl Pages {
    /// A time before which no message was sent: that of the oldest one, or of one that has left a page with dead letters.
    /// `None` if there are no messages.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        let ends = [self.slots.front(), self.slots.back()].into_iter().flatten().map(Slot::oldest);
        ends.chain(self.ages.first().map(|(oldest, _)| *oldest)).min()
    }

    /// Messages in memory that were sent at `bound` or before, at most `messages_max`.
    pub(crate) fn sent_by(&mut self, bound: Timestamp, messages_max: usize) -> Vec<MessageKey> {
        let mut found = Vec::new();
        for at in self.slots_from(bound, messages_max) {
            let slot = &mut self.slots[at];
            let before = found.len();
            if let Some(page) = slot.page() {
                found.extend(page.sent_by(bound).take(messages_max - before));
                if found.len() == before {
                    // The oldest of its messages have left.
                    slot.find_oldest();
                    self.age_anew(at);
                } else if found.len() == messages_max {
                    break;
                }
            }
        }
        found
    }

    /// The first page found that is not in memory and may have messages that were sent at `bound` or before.
    pub(crate) fn page_for_age(&self, bound: Timestamp) -> Option<PageRef> {
        if self.spilled == 0 {
            return None;
        }
        let slots = self.slots_from(bound, usize::MAX);
        slots.into_iter().find_map(|at| self.slots[at].spilled()).map(PageRef::of)
    }

    /// The slots with messages that may have been sent at `bound` or before, the first one first. At most `slots_max` of
    /// those in the index.
    fn slots_from(&self, bound: Timestamp, slots_max: usize) -> Vec<usize> {
        let ends = [Some(0), self.slots.len().checked_sub(1).filter(|last| *last > 0)];
        let is_due = |at: &usize| self.slots.get(*at).is_some_and(|slot| slot.oldest() <= bound);
        let [first, last] = ends.map(|at| at.filter(is_due));
        let due = self.ages.range(..=(bound, MessageKey::MAX)).take(slots_max).map(|age| self.aged_at(*age));
        first.into_iter().chain(due).chain(last).collect()
    }

    /// The place of a slot that the index has.
    fn aged_at(&self, age: (Timestamp, MessageKey)) -> usize {
        // Its first message may have another key by now: it is the slot with that key, or the next one.
        let after = self.slots.partition_point(|slot| slot.first_key() <= age.1);
        if self.slots[after.saturating_sub(1)].age == Some(age) { after.saturating_sub(1) } else { after }
    }

    /// Adds a page before the one at this place.
    pub(super) fn insert_slot(&mut self, at: usize, held: Held) {
        self.slots.insert(at, Slot::new(held));
        self.age(at);
        self.age_ends();
    }

    /// Removes the page at this place.
    pub(super) fn remove_slot(&mut self, at: usize) -> Option<Held> {
        self.age_no_more(at);
        let removed = self.slots.remove(at)?;
        self.age_ends();
        Some(removed.held)
    }

    /// Has the index know what it is to know of a slot, whose messages or their times have changed.
    pub(super) fn age_anew(&mut self, at: usize) {
        self.age_no_more(at);
        self.age(at);
    }

    /// Has the index know all slots anew.
    pub(super) fn age_all(&mut self) {
        (0..self.slots.len()).for_each(|at| self.age_anew(at));
    }

    /// Takes the first slot and the last out of the index, and adds those next to them.
    fn age_ends(&mut self) {
        let Some(last) = self.slots.len().checked_sub(1) else { return };
        self.age_no_more(0);
        self.age_no_more(last);
        self.age(1.min(last));
        self.age(last.saturating_sub(1));
    }

    /// Adds a slot to the index, unless it is there, or is the first or the last.
    fn age(&mut self, at: usize) {
        if at == 0 || at + 1 >= self.slots.len() {
            return;
        }
        let slot = &mut self.slots[at];
        if slot.age.is_none() {
            let age = (slot.oldest(), slot.first_key());
            slot.age = Some(age);
            self.ages.insert(age);
        }
    }

    /// Takes a slot out of the index.
    pub(super) fn age_no_more(&mut self, at: usize) {
        if let Some(age) = self.slots.get_mut(at).and_then(|slot| slot.age.take()) {
            self.ages.remove(&age);
        }
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn check_ages(&self) {
        let last = self.slots.len().saturating_sub(1);
        for (at, slot) in self.slots.iter().enumerate() {
            assert_eq!(slot.age.is_some(), at > 0 && at < last, "the index has slot {at} of {last}");
            if let Some(age) = slot.age {
                assert!(self.ages.contains(&age) && age.0 <= slot.oldest(), "the age of slot {at}");
                assert_eq!(self.aged_at(age), at, "the place of a slot in the index");
            }
        }
        assert_eq!(self.ages.len(), self.slots.len().saturating_sub(2), "the index has no other slots");
    }
}
