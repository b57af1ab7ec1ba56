//! The deduplication ids that a FIFO queue remembers, for five minutes (SQS API reference, `SendMessage`,
//! `MessageDeduplicationId`).
//!
//! An id counts in the whole queue or in its group, as `DeduplicationScope` was when its original was sent: a change of
//! that attribute forgets no id (recorded from AWS).
//!
//! Originals are listed in the order in which they were sent, 48 bytes each. A table of 16 bytes each finds them by
//! key. Both give memory back when they empty.
//!
//! Invariants: originals ascend by message; the table names, for each key, the latest original that is remembered; no
//! original is newer than the newest of both scopes.

use std::collections::VecDeque;

use hashbrown::HashTable;
use posthouse_model::attributes::DeduplicationScope;
use posthouse_model::limits::DEDUPLICATION_SECONDS;
use posthouse_model::message::DeduplicationKey;
use posthouse_model::{MessageId, MessageKey, Seconds, Timestamp};
use siphasher::sip128::SipHasher24;

use crate::hash::Seed;
use crate::shift::Shift;

/// How long a key is remembered.
const WINDOW: Seconds = Seconds::new(DEDUPLICATION_SECONDS);
/// How much longer a key may stay in memory: keys are removed in bulk. It is not found any more.
const SLACK: Seconds = Seconds::new(1);
/// Capacity that an empty list keeps.
const CAPACITY_KEPT: usize = 64;

/// A deduplication key within its scope: the whole queue, or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScopedKey(pub(crate) [u8; 16]);

impl ScopedKey {
    /// The key itself, or the SipHash-2-4-128 of the group under it.
    pub(crate) fn new(key: DeduplicationKey, group: Option<&str>) -> Self {
        match group {
            None => Self(*key.as_bytes()),
            Some(group) => Self(SipHasher24::new_with_key(key.as_bytes()).hash(group.as_bytes()).as_bytes()),
        }
    }

    /// The half that is hashed. Both halves are the output of a hash.
    fn head(self) -> u64 {
        u64::from_le_bytes(self.0[..8].try_into().expect("half of sixteen bytes"))
    }
}

/// The message that later ones with its deduplication id are duplicates of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Original {
    pub(crate) message: MessageKey,
    pub(crate) key: ScopedKey,
    pub(crate) id: MessageId,
    pub(crate) sent: Timestamp,
}

impl Original {
    /// Whether it is five minutes old.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.sent + WINDOW <= now
    }
}

/// The newest message that was remembered in each scope, so that no key is looked up in a scope without originals.
#[derive(Clone, Copy, Debug)]
struct Newest {
    in_queue: MessageKey,
    in_group: MessageKey,
}

/// The keys of one queue.
#[derive(Debug)]
pub(crate) struct Deduplication {
    newest: Newest,
    originals: VecDeque<Original>,
    /// The latest original of each key, with the head of the key.
    by_key: HashTable<(u64, MessageKey)>,
    seed: Seed,
}

impl Deduplication {
    pub(crate) const fn new(seed: Seed) -> Self {
        let newest = Newest { in_queue: MessageKey::MIN, in_group: MessageKey::MIN };
        Self { newest, originals: VecDeque::new(), by_key: HashTable::new(), seed }
    }

    /// How many originals are remembered.
    pub(crate) fn len(&self) -> usize {
        self.originals.len()
    }

    /// The original of a key in a group. `None` if no message with the key was sent in the last five minutes, to any group
    /// while keys counted in the whole queue, or to this one.
    pub(crate) fn find(&self, key: DeduplicationKey, group: Option<&str>, now: Timestamp) -> Option<&Original> {
        let oldest = self.originals.front()?.message;
        let in_queue = || self.find_scoped(ScopedKey::new(key, None), now);
        let in_group = || self.find_scoped(ScopedKey::new(key, Some(group?)), now);
        let found = if oldest <= self.newest.in_queue { in_queue() } else { None };
        found.or_else(|| if oldest <= self.newest.in_group { in_group() } else { None })
    }

    fn find_scoped(&self, key: ScopedKey, now: Timestamp) -> Option<&Original> {
        let of_key = |(head, message): &(u64, MessageKey)| *head == key.head() && self.has_key(*message, key);
        let (_, message) = self.by_key.find(hash(self.seed, key.head()), of_key)?;
        self.original(*message).filter(|original| !original.is_over(now))
    }

    /// Remembers a message whose key counts in this scope. It is newer than all others.
    pub(crate) fn insert(&mut self, original: Original, scope: DeduplicationScope) {
        match scope {
            DeduplicationScope::Queue => self.newest.in_queue = original.message,
            DeduplicationScope::MessageGroup => self.newest.in_group = original.message,
        }
        self.put(original);
    }

    /// Remembers a message that a checkpoint has kept. It is older than all others. A checkpoint does not say the scope
    /// of a key.
    pub(crate) fn restore(&mut self, original: Original) {
        self.newest.in_queue = self.newest.in_queue.max(original.message);
        self.newest.in_group = self.newest.in_group.max(original.message);
        self.put(original);
    }

    /// Of two originals with the same key the newer one is found.
    fn put(&mut self, original: Original) {
        let head = original.key.head();
        let of_key =
            |(other, message): &(u64, MessageKey)| *other == head && has_key(&self.originals, *message, original.key);
        match self.by_key.find_mut(hash(self.seed, head), of_key) {
            Some((_, message)) => *message = original.message.max(*message),
            None => {
                let seed = self.seed;
                let entry = (head, original.message);
                self.by_key.insert_unique(hash(seed, head), entry, |(head, _)| hash(seed, *head));
            }
        }
        if self.originals.back().is_none_or(|last| last.message < original.message) {
            self.originals.push_back(original);
        } else {
            let index = self.originals.partition_point(|other| other.message < original.message);
            self.originals.insert(index, original);
        }
    }

    /// Removes originals that are older than five minutes.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        if self.originals.front().is_none_or(|first| !first.is_over(now)) {
            return;
        }
        while let Some(first) = self.originals.pop_front_if(|first| first.is_over(now)) {
            let own = |(_, message): &(u64, MessageKey)| *message == first.message;
            if let Ok(entry) = self.by_key.find_entry(hash(self.seed, first.key.head()), own) {
                entry.remove();
            }
        }
        let kept = CAPACITY_KEPT.max(self.originals.len() * 2);
        if self.originals.capacity() > kept * 2 {
            let seed = self.seed;
            self.originals.shrink_to(kept);
            self.by_key.shrink_to(kept, |(head, _)| hash(seed, *head));
        }
    }

    /// Keeps the age of every original when the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        self.originals.iter_mut().for_each(|original| original.sent = shift.moved(original.sent));
    }

    /// When [`Deduplication::advance`] is to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.originals.front().map(|original| original.sent + WINDOW + SLACK)
    }

    /// Panics unless originals ascend and the table finds an original of each key that is as new as any other.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        assert!(self.originals.iter().is_sorted_by(|a, b| a.message < b.message), "originals ascend");
        let newest = self.newest.in_queue.max(self.newest.in_group);
        assert!(self.originals.back().is_none_or(|last| last.message <= newest), "no original is newer");
        for (head, message) in &self.by_key {
            let original = self.original(*message).expect("the table names originals that are remembered");
            assert_eq!(original.key.head(), *head, "the table's key is that of its original");
            let newer = self.originals.iter().rev().take_while(|other| other.message > *message);
            assert!(newer.clone().all(|other| other.key != original.key), "a newer original has the same key");
        }
    }

    /// The originals among messages below `bound`, the latest first.
    pub(crate) fn below(&self, bound: MessageKey) -> impl Iterator<Item = &Original> {
        let end = self.originals.partition_point(|original| original.message < bound);
        self.originals.range(..end).rev().filter(|original| self.is_latest(original))
    }

    /// Whether no newer message has the same key. An older one may still be remembered after the clock was set back.
    fn is_latest(&self, original: &Original) -> bool {
        let own = |(_, message): &(u64, MessageKey)| *message == original.message;
        self.by_key.find(hash(self.seed, original.key.head()), own).is_some()
    }

    fn original(&self, message: MessageKey) -> Option<&Original> {
        find(&self.originals, message)
    }

    fn has_key(&self, message: MessageKey, key: ScopedKey) -> bool {
        has_key(&self.originals, message, key)
    }
}

fn find(originals: &VecDeque<Original>, message: MessageKey) -> Option<&Original> {
    originals.binary_search_by_key(&message, |original| original.message).ok().map(|index| &originals[index])
}

fn has_key(originals: &VecDeque<Original>, message: MessageKey, key: ScopedKey) -> bool {
    find(originals, message).is_some_and(|original| original.key == key)
}

fn hash(seed: Seed, head: u64) -> u64 {
    seed.hash(&head.to_le_bytes())
}
