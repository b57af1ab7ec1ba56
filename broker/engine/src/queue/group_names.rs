//! The groups of the messages behind a queue's window, as far as these are in memory: each text once, by number.
//!
//! Numbers are used again once a group has no messages left, and are never stored. Zero stands for no group.
//!
//! Invariants: a group is found by its text while it has messages; `bytes` counts what the groups take in memory.
//! `GroupNames::check` looks at them.

use std::sync::Arc;

use hashbrown::HashTable;

use super::lanes::GROUPLESS;
use crate::budget::{Budget, GroupBytes, GroupsOf};
use crate::hash::Seed;

/// What a group takes in memory besides its text: its slot, its place in the table, and the allocation of its text.
const GROUP_BYTES: usize = 48;

#[derive(Debug, Default)]
struct Named {
    text: Box<str>,
    messages: u32,
}

/// The groups.
#[derive(Debug)]
pub(crate) struct GroupNames {
    /// The slot of number n is n − 1.
    slots: Vec<Named>,
    free: Vec<u32>,
    by_text: HashTable<u32>,
    seed: Seed,
    bytes: GroupBytes,
}

impl GroupNames {
    /// No groups.
    pub(crate) fn new(seed: Seed, budget: Arc<Budget>) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_text: HashTable::new(),
            seed,
            bytes: GroupBytes::new(budget, GroupsOf::Behind),
        }
    }

    /// The text of a number that [`GroupNames::enter`] gave. `None` for no group.
    pub(crate) fn text(&self, number: u32) -> Option<&str> {
        let slot = number.checked_sub(1)?;
        Some(&*self.slots[slot as usize].text)
    }

    /// Counts one more message of a group. Returns the group's number.
    pub(crate) fn enter(&mut self, group: Option<&str>) -> u32 {
        let Some(group) = group else { return GROUPLESS };
        let seed = self.seed;
        let hash = |text: &str| seed.hash(text.as_bytes());
        let slots = &mut self.slots;
        let found = self.by_text.find(hash(group), |&slot| *slots[slot as usize].text == *group);
        let slot = match found {
            Some(&slot) => slot,
            None => {
                let named = Named { text: group.into(), messages: 0 };
                let slot = if let Some(slot) = self.free.pop() {
                    slots[slot as usize] = named;
                    slot
                } else {
                    slots.push(named);
                    u32::try_from(slots.len() - 1).expect("fewer groups than 2^32: each has a message in memory")
                };
                self.by_text.insert_unique(hash(group), slot, |&slot| hash(&slots[slot as usize].text));
                self.bytes.add(GROUP_BYTES + group.len());
                slot
            }
        };
        slots[slot as usize].messages += 1;
        slot + 1
    }

    /// Counts one message less of a group.
    pub(crate) fn leave(&mut self, number: u32) {
        let Some(slot) = number.checked_sub(1) else { return };
        let named = &mut self.slots[slot as usize];
        named.messages -= 1;
        if named.messages > 0 {
            return;
        }
        let text = core::mem::take(&mut named.text);
        if let Ok(entry) = self.by_text.find_entry(self.seed.hash(text.as_bytes()), |&other| other == slot) {
            entry.remove();
        }
        self.bytes.take(GROUP_BYTES + text.len());
        if self.by_text.is_empty() {
            // What a long list has grown is given back.
            (self.slots, self.free, self.by_text) = (Vec::new(), Vec::new(), HashTable::new());
        } else {
            self.free.push(slot);
        }
    }

    /// Counts the groups in no budget any more: their messages are those of a deleted or purged queue.
    pub(crate) fn count_nowhere(&mut self) {
        self.bytes.count_nowhere();
    }

    /// Panics unless the invariants hold that this file's header states, for messages of these numbers.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self, numbers: impl Iterator<Item = u32>) {
        let mut messages = vec![0; self.slots.len()];
        numbers.filter_map(|number| number.checked_sub(1)).for_each(|slot| messages[slot as usize] += 1);
        assert!(self.slots.iter().map(|named| named.messages).eq(messages), "the messages of each group");
        for (slot, named) in (0..).zip(&self.slots) {
            let found = self.by_text.find(self.seed.hash(named.text.as_bytes()), |&other| other == slot);
            assert_eq!(found.is_some(), named.messages > 0, "a group is found while it has messages");
            assert_eq!(self.free.contains(&slot), named.messages == 0, "the number of an empty group is free");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_one_number_while_it_has_messages() {
        let mut names = GroupNames::new(Seed::new([7; 16]), Arc::default());
        let numbers = [Some("a"), None, Some("b"), Some("a")].map(|group| names.enter(group));
        assert_eq!(numbers, [1, GROUPLESS, 2, 1]);
        names.check(numbers.into_iter());
        names.leave(1);
        assert_eq!(names.text(1), Some("a"));
        names.leave(1);
        assert_eq!((names.enter(Some("c")), names.text(1), names.text(GROUPLESS)), (1, Some("c"), None));
        names.check([1, 2].into_iter());
        names.leave(2);
        names.leave(1);
        assert!(names.slots.is_empty() && names.free.is_empty());
    }
}
