//! The lanes of a queue: its messages by group, and which group is served next.
//!
//! In a FIFO queue a message that is delayed or in flight holds back itself and what is behind it in its lane, nothing
//! before it. A lane is therefore available exactly if its first message is ready. Lanes take turns: an available lane
//! has the [`Turn`] at which it last became available, and the lane with the oldest turn comes first. A lane that is
//! served, or whose message is given back, takes a new turn behind all others, so that one message that no consumer can
//! process does not starve other groups (both recorded from AWS).
//!
//! A turn follows from events alone: from the time and the place of the event, or from the end of the visibility timeout,
//! that made the lane available. It is the same after replay. A checkpoint keeps turns. Turns compare by time first. They
//! are corrected if the clock is set back: otherwise lanes from before would come after new ones until the clock has
//! caught up.
//!
//! A standard queue with groups is a fair queue (SQS Developer Guide, "Amazon SQS fair queues"): the lane with the
//! fewest messages in flight comes first, and among equal ones that with the oldest first message. Messages without a
//! group share lane [`GROUPLESS`].
//!
//! Lanes know the messages of the queue's window only (`messages::window`): what is behind it is in no lane.
//!
//! Slots are reused once a lane is empty, and are never stored.
//!
//! Invariants: a lane is found by its group while it has messages; `order` holds the rank of each lane that can be
//! served; a lane of a FIFO queue can be served exactly if its first message is ready; no two lanes of a FIFO queue have
//! the same turn. `Lanes::check` looks at them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use hashbrown::HashTable;
use posthouse_model::{MessageKey, QueueAttributes, Timestamp};

use crate::budget::{Budget, GroupBytes, GroupsOf};
use crate::hash::Seed;
use crate::shift::Shift;

/// The slot of messages without a group.
pub(crate) const GROUPLESS: u32 = 0;

/// What a lane takes in memory besides the text of its group: its slot, its places in the order and in the table, and the
/// allocations of its text and of its list.
const LANE_BYTES: usize = size_of::<Lane>() + 2 * size_of::<Rank>() + 64;

/// What made a message ready, or a lane available: an event, or a delay or visibility timeout that ended.
///
/// Turns ascend as things happen: what ends at the time of an event ends before the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    /// The time of the event, or the end.
    pub(crate) at: Timestamp,
    /// For an event its position plus the index of the item in it. For an end the key of the message, which is below the
    /// positions of later events.
    pub(crate) key: MessageKey,
}

/// Where a lane stands in the order of lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Messages in flight. Zero in a FIFO queue.
    pub(crate) load: u32,
    /// In a standard queue the key is that of the first message, and the time is the epoch.
    pub(crate) turn: Turn,
    pub(crate) slot: u32,
}

/// The messages of a lane that hold back what is behind them. One needs no memory besides: most groups have one message
/// in flight at a time.
#[derive(Debug, Default)]
pub(crate) enum Held {
    #[default]
    None,
    One(MessageKey),
    Many(BTreeSet<MessageKey>),
}

impl Held {
    pub(crate) fn first(&self) -> Option<MessageKey> {
        match self {
            Self::None => None,
            Self::One(key) => Some(*key),
            Self::Many(keys) => keys.first().copied(),
        }
    }

    /// Adds a message that is not in it.
    pub(crate) fn insert(&mut self, key: MessageKey) {
        match self {
            Self::None => *self = Self::One(key),
            Self::One(other) => *self = Self::Many([*other, key].into()),
            Self::Many(keys) => {
                keys.insert(key);
            }
        }
    }

    /// Removes a message that is in it.
    pub(crate) fn remove(&mut self, key: MessageKey) {
        match self {
            Self::None => {}
            Self::One(_) => *self = Self::None,
            Self::Many(keys) => {
                keys.remove(&key);
                if keys.is_empty() {
                    *self = Self::None;
                }
            }
        }
    }

    #[cfg(any(test, debug_assertions))]
    pub(crate) fn contains(&self, key: MessageKey) -> bool {
        match self {
            Self::None => false,
            Self::One(other) => *other == key,
            Self::Many(keys) => keys.contains(&key),
        }
    }

    #[cfg(any(test, debug_assertions))]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Many(keys) => keys.len(),
        }
    }
}

/// The messages of one group.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    group: Box<str>,
    /// Messages never received, in the order of their keys.
    pub(crate) fresh: VecDeque<MessageKey>,
    /// Messages that can be received and are not fresh.
    pub(crate) returned: BTreeSet<MessageKey>,
    /// Messages that are delayed or in flight, in a FIFO queue only: what is behind one waits for it.
    pub(crate) held: Held,
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

    /// The first message that can be received, if nothing holds it back.
    pub(crate) fn first_ready(&self) -> Option<MessageKey> {
        [self.fresh.front(), self.returned.first()].into_iter().flatten().min().copied()
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
    /// How many messages there are below `since`. Their owner counts them.
    pub(crate) unlisted: usize,
    slots: Vec<Lane>,
    free: Vec<u32>,
    by_group: HashTable<u32>,
    order: BTreeSet<Rank>,
    seed: Seed,
    bytes: GroupBytes,
}

impl Lanes {
    pub(crate) fn new(kind: QueueKind, since: MessageKey, seed: Seed, budget: Arc<Budget>) -> Self {
        Self {
            kind,
            since,
            unlisted: 0,
            bytes: GroupBytes::new(budget, GroupsOf::Window),
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

    /// The groups that can be served and their turns, in the order of the turns, from after `after` on. Only in a FIFO
    /// queue.
    pub(crate) fn turns_after(&self, after: Option<Turn>) -> impl Iterator<Item = (Turn, u32)> {
        use core::ops::Bound::{Excluded, Unbounded};
        let after = after.map(|turn| Rank { load: 0, turn, slot: u32::MAX });
        let ranks = self.order.range((after.map_or(Unbounded, Excluded), Unbounded));
        ranks.map(|rank| (rank.turn, rank.slot))
    }

    /// The last turn that a lane has. `None` if no lane can be served.
    pub(crate) fn last_turn(&self) -> Option<Turn> {
        self.order.last().map(|rank| rank.turn)
    }

    /// The lanes of groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (u32, &Lane)> {
        (0..).zip(&self.slots).skip(1).filter(|(_, lane)| lane.messages > 0)
    }

    /// Sets the turn of a FIFO queue's group to what a checkpoint says. Does nothing if the group cannot be served: it
    /// takes a turn when it can.
    pub(crate) fn set_turn(&mut self, group: &str, turn: Turn) {
        let hash = self.seed.hash(group.as_bytes());
        let found = self.by_group.find(hash, |&slot| *self.slots[slot as usize].group == *group);
        if let Some(&slot) = found
            && self.get(slot).rank.is_some()
        {
            self.set_rank(slot, Some(Rank { load: 0, turn, slot }));
        }
    }

    /// Takes a lane out of the order, so that the next [`Lanes::rank`] gives it a new turn.
    pub(crate) fn end_turn(&mut self, slot: u32) {
        self.set_rank(slot, None);
    }

    fn set_rank(&mut self, slot: u32, rank: Option<Rank>) {
        let lane = &mut self.slots[slot as usize];
        if rank != lane.rank {
            let old = core::mem::replace(&mut lane.rank, rank);
            if let Some(old) = old {
                self.order.remove(&old);
            }
            if let Some(rank) = rank {
                self.order.insert(rank);
            }
        }
    }

    /// Corrects the turns after the clock was set back.
    pub(crate) fn shift(&mut self, shift: Shift) {
        for lane in &mut self.slots {
            if let Some(rank) = &mut lane.rank {
                rank.turn.at = shift.corrected(rank.turn.at);
            }
        }
        self.order = self.slots.iter().filter_map(|lane| lane.rank).collect();
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
                self.bytes.add(LANE_BYTES + group.len());
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
    /// message that is in none of its lists. `turn` is what happened. A lane of a FIFO queue that becomes available takes
    /// it; one that was available already keeps its own.
    pub(crate) fn rank(&mut self, slot: u32, before: Option<MessageKey>, turn: Turn) {
        let lane = &self.slots[slot as usize];
        let head = [before, lane.first_ready()].into_iter().flatten().min();
        let rank = match head {
            Some(head) if self.kind.is_fifo() => {
                let is_held = lane.held.first().is_some_and(|held| held < head);
                (!is_held).then(|| lane.rank.unwrap_or(Rank { load: 0, turn, slot }))
            }
            Some(head) => Some(Rank { load: lane.in_flight, turn: Turn { at: Timestamp::EPOCH, key: head }, slot }),
            None => None,
        };
        self.set_rank(slot, rank);
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
            assert!(lane.rank.is_none_or(|rank| rank.slot == slot), "a lane's rank names its slot");
            if self.kind.is_fifo() {
                let listed = lane.fresh.len() + lane.returned.len() + lane.held.len();
                assert_eq!(listed, lane.messages, "lane {slot} lists each of its messages once");
                let is_free = lane.first_ready().is_some_and(|ready| lane.held.first().is_none_or(|held| ready < held));
                assert_eq!(lane.rank.is_some(), is_free, "lane {slot} can be served if its first message is ready");
            } else {
                assert!(lane.held.len() == 0, "a lane of a standard queue holds nothing back");
                let listed = lane.fresh.len() + lane.returned.len() + lane.in_flight as usize;
                assert!(listed <= lane.messages, "lane {slot} lists {listed} messages of {}", lane.messages);
            }
        }
        if self.kind.is_fifo() {
            assert!(self.order.iter().is_sorted_by(|a, b| a.turn < b.turn), "no two lanes have the same turn");
        }
    }

    /// Counts the lanes in no budget any more: their messages are those of a deleted or purged queue.
    pub(crate) fn count_nowhere(&mut self) {
        self.bytes.count_nowhere();
    }

    fn drop_lane(&mut self, slot: u32) {
        let lane = core::mem::take(self.get_mut(slot));
        let hash = self.seed.hash(lane.group.as_bytes());
        if let Ok(found) = self.by_group.find_entry(hash, |&other| other == slot) {
            found.remove();
        }
        self.bytes.take(LANE_BYTES + lane.group.len());
        self.free.push(slot);
    }
}
