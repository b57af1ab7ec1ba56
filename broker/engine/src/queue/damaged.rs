//! The damaged messages of one queue: those whose records cannot be read.
//!
//! ```text
//!    Messages --(set aside)--> Damaged --(dropped by the operator, deleted by a consumer that had it, purged)--> gone
//! ```
//!
//! A damaged message is out of [`Messages`](super::messages::Messages): it is not received, counts no receive, holds
//! back no group, and is not dead-lettered, moved or expired. Its body keeps its reference, so that the segment with the
//! record stays on the disk for as long as the message is here.
//!
//! No age ends this state. An expiry would free the only bytes of a message that no consumer has seen, and end the
//! alarm, before an operator has decided.

use std::collections::BTreeMap;

use posthouse_model::operation::DamageCause;
use posthouse_model::{MessageKey, Timestamp};

use crate::journal::BodyRef;
use crate::shift::Shift;

/// What is known of a damaged message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damaged {
    pub(crate) body: BodyRef,
    pub(crate) cause: DamageCause,
    /// When it was set aside.
    pub(crate) found: Timestamp,
    pub(crate) sent: Timestamp,
    /// How often a consumer got it before.
    pub(crate) receive_count: u32,
    /// Its group; empty for none.
    pub(crate) group: Box<str>,
}

/// The damaged messages of one queue, by key.
#[derive(Debug, Default)]
pub(crate) struct DamagedMessages(BTreeMap<MessageKey, Damaged>);

impl DamagedMessages {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, key: MessageKey) -> bool {
        self.0.contains_key(&key)
    }

    /// Looks a message up.
    pub(crate) fn get(&self, key: MessageKey) -> Option<&Damaged> {
        self.0.get(&key)
    }

    /// Adds a message that is not here.
    pub(crate) fn insert(&mut self, key: MessageKey, damaged: Damaged) {
        let replaced = self.0.insert(key, damaged);
        debug_assert!(replaced.is_none(), "message {key:?} is set aside once");
    }

    /// Corrects when messages were sent and set aside after the clock was set back.
    pub(crate) fn shift(&mut self, shift: Shift) {
        for damaged in self.0.values_mut() {
            damaged.sent = shift.corrected(damaged.sent);
            damaged.found = shift.corrected(damaged.found);
        }
    }

    /// Removes a message. Returns its body, or `None` if it is not here.
    pub(crate) fn remove(&mut self, key: MessageKey) -> Option<BodyRef> {
        self.0.remove(&key).map(|damaged| damaged.body)
    }

    /// Removes the message with the lowest key. Returns its body.
    pub(crate) fn pop(&mut self) -> Option<BodyRef> {
        self.0.pop_first().map(|(_, damaged)| damaged.body)
    }

    /// The messages after `after`, the lowest key first.
    pub(crate) fn after(&self, after: Option<MessageKey>) -> impl Iterator<Item = (MessageKey, &Damaged)> {
        use core::ops::Bound::{Excluded, Unbounded};
        let range = (after.map_or(Unbounded, Excluded), Unbounded);
        self.0.range(range).map(|(key, damaged)| (*key, damaged))
    }

    /// The messages with keys from `first` on, the lowest first.
    pub(crate) fn from(&self, first: MessageKey) -> impl Iterator<Item = (MessageKey, &Damaged)> {
        self.0.range(first..).map(|(key, damaged)| (*key, damaged))
    }

    /// The messages with keys below `bound`, the highest first.
    pub(crate) fn below(&self, bound: MessageKey) -> impl Iterator<Item = (MessageKey, &Damaged)> {
        self.0.range(..bound).rev().map(|(key, damaged)| (*key, damaged))
    }
}
