//! What an entry of a page does not say of its message.
//!
//! A message that was only sent needs none of it: its key says where its body lies. The others (dead letters, moved
//! messages, a queue's second copy of a publication) have an [`Extra`] beside their entry, in a list of the page.
//!
//! Invariants: keys ascend; the first and the last extra of a list are there. `Extras::check` looks at them.

use std::collections::VecDeque;

use posthouse_model::{MessageKey, Timestamp};

use crate::budget::ENTRY_BYTES;
use crate::journal::Position;
use crate::queue::origin::Origin;
use crate::shift::Shift;

/// What a message has beyond its entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Extra {
    /// The position of its body's record.
    pub(crate) body: Position,
    /// When it was first received in a queue that it came from; the epoch before.
    pub(crate) first_received: Timestamp,
    /// How often it was received in the queues that it came from.
    pub(crate) inherited: u32,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

/// What an extra takes in memory, in entries of a page: the extra as an allocation, and its place in the list. The error of
/// a push comes in addition.
const EXTRA_ENTRIES: usize = 4;

const _: () = assert!(
    size_of::<Extra>() + 8 + size_of::<(MessageKey, Option<Box<Extra>>)>() <= EXTRA_ENTRIES * ENTRY_BYTES,
    "an extra takes what the budget counts for it, with 8 bytes for the allocator"
);

/// The extras of a page, by the keys of their messages. One that is taken out of the middle leaves its key.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    list: VecDeque<(MessageKey, Option<Box<Extra>>)>,
    weight: usize,
}

impl Extras {
    /// What they take in memory, in entries of a page. Zero if there are none.
    pub(crate) const fn weight(&self) -> usize {
        self.weight
    }

    /// The extra of a message. `None` if it needs none.
    pub(crate) fn get(&self, key: MessageKey) -> Option<&Extra> {
        if self.list.is_empty() {
            return None;
        }
        let at = self.list.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.list[at].1.as_deref()
    }

    /// Adds the extra of a message whose key is above all others.
    pub(crate) fn push_back(&mut self, key: MessageKey, extra: Option<Box<Extra>>) {
        if let Some(extra) = extra {
            self.weight += extra.weight();
            self.list.push_back((key, Some(extra)));
        }
    }

    /// Adds the extra of a message whose key is below all others.
    pub(crate) fn push_front(&mut self, key: MessageKey, extra: Option<Box<Extra>>) {
        if let Some(extra) = extra {
            self.weight += extra.weight();
            self.list.push_front((key, Some(extra)));
        }
    }

    /// Takes the extra of a message out of the list. `None` if it needs none.
    pub(crate) fn take(&mut self, key: MessageKey) -> Option<Box<Extra>> {
        if self.list.is_empty() {
            return None;
        }
        let at = self.list.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        let taken = self.list[at].1.take();
        self.weight -= taken.as_deref().map_or(0, Extra::weight);
        while self.list.pop_front_if(|(_, extra)| extra.is_none()).is_some() {}
        while self.list.pop_back_if(|(_, extra)| extra.is_none()).is_some() {}
        taken
    }

    /// Drops the places of extras that were taken out, and memory that is not used.
    pub(crate) fn pack(&mut self) {
        self.list.retain(|(_, extra)| extra.is_some());
        self.list.shrink_to_fit();
    }

    /// Takes the extras of messages with keys from `key` on out of it, as a list of their own.
    pub(crate) fn split_off(&mut self, key: MessageKey) -> Self {
        let at = self.list.partition_point(|(other, _)| *other < key);
        let list = self.list.split_off(at);
        let mut rest = Self { weight: weight(&list), list };
        self.weight -= rest.weight;
        self.pack();
        rest.pack();
        rest
    }

    /// Corrects when messages were received after the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        for extra in self.list.iter_mut().filter_map(|(_, extra)| extra.as_deref_mut()) {
            extra.shift(shift);
        }
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        assert!(self.list.iter().is_sorted_by(|(one, _), (other, _)| one < other), "extras ascend");
        let ends = [self.list.front(), self.list.back()].into_iter().flatten();
        assert!(ends.into_iter().all(|(_, extra)| extra.is_some()), "a list of extras begins and ends with one");
        assert_eq!(self.weight, weight(&self.list), "the weight of all extras");
    }

    /// The keys of the messages that have one.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn keys(&self) -> impl Iterator<Item = MessageKey> {
        self.list.iter().filter(|(_, extra)| extra.is_some()).map(|(key, _)| *key)
    }
}

fn weight(list: &VecDeque<(MessageKey, Option<Box<Extra>>)>) -> usize {
    list.iter().filter_map(|(_, extra)| extra.as_deref()).map(Extra::weight).sum()
}

impl Extra {
    /// What it takes in memory, in entries of a page.
    pub(crate) fn weight(&self) -> usize {
        let error = self.origin.failure.as_ref().map_or(0, |failure| failure.error().len());
        EXTRA_ENTRIES + error.div_ceil(ENTRY_BYTES)
    }

    /// Corrects when the message was received after the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        self.first_received = shift.corrected(self.first_received);
    }
}
