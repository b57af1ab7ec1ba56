//! The lanes of a queue: its messages by group, and which group is served next.
//!
//! In a FIFO queue a lane is served only if none of its messages is in flight and its first message is not delayed. The
//! lane with the oldest first message comes first. A standard queue with groups is a fair queue (SQS Developer Guide,
//! "Amazon SQS fair queues"): the lane with the fewest messages in flight comes first, and among equal ones that with
//! the oldest first message. Messages without a group share lane [`GROUPLESS`].
//!
//! Slots are reused once a lane is empty, and are never stored.
//!
//! Invariants: a lane is found by its group while it has messages; `order` holds the rank of each lane that can be
//! served. `Lanes::check` looks at them.

use std::collections::{BTreeSet, VecDeque};

use hashbrown::HashTable;
use posthouse_model::{MessageKey, QueueAttributes};

use crate::hash::Seed;

/// The slot of messages without a group.
pub(crate) const GROUPLESS: u32 = 0;

/// Where a lane stands: messages in flight, its first message, its slot.
pub(crate) type Rank = (u32, MessageKey, u32);

/// The messages of one group.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    group: Box<str>,
    /// Messages never received, in the order of their keys.
    pub(crate) fresh: VecDeque<MessageKey>,
    /// Messages that can be received and are not fresh.
    pub(crate) returned: BTreeSet<MessageKey>,
    /// Messages whose delay has not ended, in a FIFO queue only: later messages of the group wait for them.
    pub(crate) delayed: BTreeSet<MessageKey>,
    pub(crate) in_flight: u32,
    /// How many messages the lane has, in any state. Not counted for [`GROUPLESS`], which is never dropped.
    messages: usize,
    rank: Option<Rank>,
}

impl Lane {
    /// Removes a message from `fresh`, if it is listed there.
    pub(crate) fn take_fresh(&mut self, key: MessageKey) {
        if self.fresh.front() == Some(&key) {
            self.fresh.pop_front();
        } else if let Ok(index) = self.fresh.binary_search(&key) {
            self.fresh.remove(index);
        }
    }

    /// The first delayed message of a FIFO queue. Messages from this one on wait for its delay.
    pub(crate) fn first_delayed(&self) -> Option<MessageKey> {
        self.delayed.first().copied()
    }
}

/// Which of SQS's two types of queue a queue is. It never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueKind {
    Standard,
    Fifo,
}

impl QueueKind {
    /// The type that a queue's attributes say.
    pub(crate) const fn of(attributes: &QueueAttributes) -> Self {
        if attributes.fifo { Self::Fifo } else { Self::Standard }
    }

    /// Whether groups are served in order.
    pub(crate) const fn is_fifo(self) -> bool {
        matches!(self, Self::Fifo)
    }
}

/// All lanes of a queue.
#[derive(Debug)]
pub(crate) struct Lanes {
    kind: QueueKind,
    /// Messages below this key have no group and are not listed in a lane's `fresh`: a standard queue has no lanes
    /// before its first message with a group.
    pub(crate) since: MessageKey,
    slots: Vec<Lane>,
    free: Vec<u32>,
    by_group: HashTable<u32>,
    order: BTreeSet<Rank>,
    seed: Seed,
}

impl Lanes {
    pub(crate) fn new(kind: QueueKind, since: MessageKey, seed: Seed) -> Self {
        Self {
            kind,
            since,
            slots: vec![Lane::default()],
            free: Vec::new(),
            by_group: HashTable::new(),
            order: BTreeSet::new(),
            seed,
        }
    }

    pub(crate) const fn is_fifo(&self) -> bool {
        self.kind.is_fifo()
    }

    pub(crate) fn get(&self, slot: u32) -> &Lane {
        &self.slots[slot as usize]
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut Lane {
        &mut self.slots[slot as usize]
    }

    /// The group of a lane; `None` for [`GROUPLESS`].
    pub(crate) fn group(&self, slot: u32) -> Option<&str> {
        (slot != GROUPLESS).then(|| &*self.get(slot).group)
    }

    /// The lanes that can be served, the next one first.
    pub(crate) fn order(&self) -> impl Iterator<Item = Rank> + '_ {
        self.order.iter().copied()
    }

    /// How many lanes can be served.
    pub(crate) fn available(&self) -> usize {
        self.order.len()
    }

    /// How many messages all lanes list as fresh.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn fresh_count(&self) -> usize {
        self.slots.iter().map(|lane| lane.fresh.len()).sum()
    }

    #[cfg(test)]
    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Counts one more message in the lane of a group, and returns its slot. [`Lanes::rank`] must follow.
    pub(crate) fn enter(&mut self, group: Option<&str>) -> u32 {
        let Some(group) = group else { return GROUPLESS };
        let seed = self.seed;
        let hash = |text: &str| seed.hash(text.as_bytes());
        let slots = &mut self.slots;
        let slot = match self.by_group.find(hash(group), |&slot| *slots[slot as usize].group == *group) {
            Some(&slot) => slot,
            None => {
                let lane = Lane { group: group.into(), ..Lane::default() };
                let slot = if let Some(slot) = self.free.pop() {
                    slots[slot as usize] = lane;
                    slot
                } else {
                    slots.push(lane);
                    u32::try_from(slots.len() - 1).expect("fewer groups than 2^32: each has a message in memory")
                };
                self.by_group.insert_unique(hash(group), slot, |&slot| hash(&slots[slot as usize].group));
                slot
            }
        };
        slots[slot as usize].messages += 1;
        slot
    }

    /// Counts one message less in a lane. [`Lanes::rank`] must follow.
    pub(crate) fn leave(&mut self, slot: u32) {
        if slot != GROUPLESS {
            self.get_mut(slot).messages -= 1;
        }
    }

    /// Updates the place of a lane in the order, and drops the lane if it has no messages. `before` is its first
    /// message that is in none of its lists.
    pub(crate) fn rank(&mut self, slot: u32, before: Option<MessageKey>) {
        let lane = &mut self.slots[slot as usize];
        let head = [before, lane.fresh.front().copied(), lane.returned.first().copied()].into_iter().flatten().min();
        let rank = match head {
            Some(head) if self.kind.is_fifo() => {
                let waits = lane.in_flight > 0 || lane.first_delayed().is_some_and(|delayed| delayed < head);
                (!waits).then_some((0, head, slot))
            }
            Some(head) => Some((lane.in_flight, head, slot)),
            None => None,
        };
        if rank != lane.rank {
            let old = core::mem::replace(&mut lane.rank, rank);
            if let Some(old) = old {
                self.order.remove(&old);
            }
            if let Some(rank) = rank {
                self.order.insert(rank);
            }
        }
        if slot != GROUPLESS && self.get(slot).messages == 0 {
            self.drop_lane(slot);
        }
    }

    /// Panics unless each lane is found by its group, counts its messages, and stands in the order where it should.
    /// `in_flight` is the count of the queue.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self, in_flight: usize) {
        let ranked = self.slots.iter().filter_map(|lane| lane.rank).collect::<BTreeSet<_>>();
        assert_eq!(ranked, self.order, "the order holds the rank of each lane that can be served");
        assert_eq!(
            self.slots.iter().map(|lane| lane.in_flight as usize).sum::<usize>(),
            in_flight,
            "messages in flight"
        );
        for (slot, lane) in self.slots.iter().enumerate().skip(1) {
            let slot = u32::try_from(slot).expect("slots are numbered by u32");
            let found = self.by_group.find(self.seed.hash(lane.group.as_bytes()), |&other| other == slot);
            assert_eq!(found.is_some(), lane.messages > 0, "a lane is found by its group while it has messages");
            assert_eq!(self.free.contains(&slot), lane.messages == 0, "the slot of an empty lane is free");
            let listed = lane.fresh.len() + lane.returned.len() + lane.delayed.len() + lane.in_flight as usize;
            assert!(listed <= lane.messages, "lane {slot} lists {listed} messages of {}", lane.messages);
            assert!(lane.rank.is_none_or(|(_, _, own)| own == slot), "a lane's rank names its slot");
        }
    }

    fn drop_lane(&mut self, slot: u32) {
        let lane = core::mem::take(self.get_mut(slot));
        let hash = self.seed.hash(lane.group.as_bytes());
        if let Ok(found) = self.by_group.find_entry(hash, |&other| other == slot) {
            found.remove();
        }
        self.free.push(slot);
    }
}
