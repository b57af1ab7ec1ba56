//! All native producers that are remembered, in all queues and topics.
//!
//! A producer is forgotten five minutes after its last message. Nothing says so in the journal: whether that time is over
//! follows from the time alone. Forgetting one earlier, for want of room, is an event; until when it may be missed is kept
//! for its queue or topic ([`Missed`]).
//!
//! A producer's deadline moves with each of its messages, and its place in the indices by deadline does not: it is
//! corrected when it comes first. So a message costs these indices nothing.
//!
//! Invariants, which `Producers::check` looks at: each producer is in its target's list and in both indices, at a time
//! that is not after its deadline; a target without producers has no entry; `bytes` is the sum over all producers.

mod missed;

use core::ops::Bound::{Excluded, Unbounded};
use std::collections::{BTreeMap, BTreeSet};

use posthouse_model::{MessageKey, MessageNumber, Timestamp};

use crate::producer::{KeysKept, NumberedTarget, Producer, ProducerKey, Run};
use crate::shift::Shift;
use missed::Missed;

/// The place of a producer in [`Producers::slots`]. It has no meaning outside of this process.
type Slot = u32;

/// All producers.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    slots: Vec<Option<Remembered>>,
    free: Vec<Slot>,
    targets: BTreeMap<NumberedTarget, OfTarget>,
    deadlines: BTreeSet<(Timestamp, Slot)>,
    /// The producer whose next message the next numbered event brings: that of the latest `ProducerNoted`, while only its
    /// messages have followed.
    open: Option<Slot>,
    bytes: u64,
    missed: Missed,
}

/// The producers of one queue or topic.
#[derive(Debug, Default)]
struct OfTarget {
    by_key: BTreeMap<ProducerKey, Slot>,
    deadlines: BTreeSet<(Timestamp, Slot)>,
}

#[derive(Debug)]
struct Remembered {
    producer: Producer,
    /// Its place in the indices by deadline.
    due: Timestamp,
    /// What of `Producers::bytes` is for it.
    bytes: u64,
}

impl Producers {
    /// A producer that is not over.
    pub(crate) fn find(&self, target: &NumberedTarget, key: ProducerKey, now: Timestamp) -> Option<&Producer> {
        let producer = self.producer(self.slot(target, key)?);
        Some(producer).filter(|producer| !producer.is_over(now))
    }

    /// Whether a producer of a queue or topic that is not known may have sent messages in the last five minutes.
    pub(crate) fn may_miss(&self, target: &NumberedTarget, now: Timestamp) -> bool {
        self.missed.is_any_of(target, now)
    }

    /// How many a queue or topic has.
    pub(crate) fn count(&self, target: &NumberedTarget) -> usize {
        self.targets.get(target).map_or(0, |of_target| of_target.by_key.len())
    }

    /// The bytes that all of them take.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the next numbered event brings this message: no `ProducerNoted` is needed.
    pub(crate) fn is_open(
        &self,
        target: &NumberedTarget,
        key: ProducerKey,
        (number, now): (MessageNumber, Timestamp),
    ) -> bool {
        self.open.is_some_and(|slot| {
            let producer = self.producer(slot);
            let is_own = producer.key == key && producer.target == *target;
            is_own && producer.last.plus(1) == number && !producer.is_over(now)
        })
    }

    /// Notes that an event has followed that brings no message of the open producer.
    pub(crate) const fn close(&mut self) {
        self.open = None;
    }

    /// Opens a producer whose next message has the number `next`, and notes what came of `runs` from there on. If it is not
    /// known with that number, it is new.
    pub(crate) fn note(
        &mut self,
        (target, key): (&NumberedTarget, ProducerKey),
        (next, time): (MessageNumber, Timestamp),
        runs: &[Run],
        keys: KeysKept,
    ) {
        let slot = match self.slot(target, key) {
            Some(slot) => slot,
            None => self.insert(Producer::new(target.clone(), key, next, time)),
        };
        let remembered = self.slots[slot as usize].as_mut().expect("a slot that is listed is taken");
        let producer = &mut remembered.producer;
        if producer.is_over(time) || producer.last.plus(1) != next {
            *producer = Producer::new(target.clone(), key, next, time);
        }
        producer.time = time;
        runs.iter().for_each(|run| producer.excepted(run, keys));
        self.open = Some(slot);
        self.account(slot);
    }

    /// Notes that the next message of the open producer was taken, by the event of this key. Returns `false` if no
    /// producer of `target` is open.
    pub(crate) fn taken(
        &mut self,
        is_target: impl FnOnce(&NumberedTarget) -> bool,
        (message, time): (MessageKey, Timestamp),
        keys: KeysKept,
    ) -> bool {
        let Some(slot) = self.open else { return false };
        let remembered = self.slots[slot as usize].as_mut().expect("an open producer is remembered");
        if !is_target(&remembered.producer.target) {
            return false;
        }
        remembered.producer.time = time;
        remembered.producer.taken(message, keys);
        self.account(slot);
        true
    }

    /// Remembers a producer that a checkpoint has kept, in place of what is known of it.
    pub(crate) fn restore(&mut self, producer: Producer) {
        if let Some(slot) = self.slot(&producer.target, producer.key) {
            self.remove(slot);
        }
        self.insert(producer);
    }

    /// Notes until when producers of a queue or topic are missing that a checkpoint does not keep.
    pub(crate) fn restore_missed(&mut self, target: &NumberedTarget, until: Timestamp) {
        self.missed.note(target, until);
    }

    /// Forgets a producer before its time is over, if it is known.
    pub(crate) fn forget(&mut self, target: &NumberedTarget, key: ProducerKey) {
        if let Some(slot) = self.slot(target, key) {
            let until = self.producer(slot).deadline();
            self.missed.note(target, until);
            self.remove(slot);
        }
    }

    /// Forgets all producers of a queue or topic.
    pub(crate) fn forget_target(&mut self, target: &NumberedTarget) {
        self.missed.forget(target);
        let Some(of_target) = self.targets.remove(target) else { return };
        for (due, slot) in of_target.deadlines {
            self.deadlines.remove(&(due, slot));
            self.vacate(slot);
        }
    }

    /// Forgets up to `budget` producers and [`Missed`] times that are over. Returns how many it has looked at.
    pub(crate) fn advance(&mut self, now: Timestamp, budget: usize) -> usize {
        for done in self.missed.advance(now, budget)..budget {
            let Some(&(_, slot)) = self.deadlines.first().filter(|(due, _)| *due <= now) else { return done };
            if self.producer(slot).is_over(now) {
                self.remove(slot);
            } else {
                self.rearm(slot);
            }
        }
        budget
    }

    /// When [`Producers::advance`] is to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let producer = self.deadlines.first().map(|(due, _)| *due);
        producer.into_iter().chain(self.missed.next_deadline()).min()
    }

    /// The producer of a queue or topic that was silent longest.
    pub(crate) fn oldest_of(&mut self, target: &NumberedTarget) -> Option<(NumberedTarget, ProducerKey)> {
        self.oldest_by(|producers| producers.targets.get(target)?.deadlines.first().copied())
    }

    /// The producer of all that was silent longest, but for this one.
    pub(crate) fn oldest_but(
        &mut self,
        target: &NumberedTarget,
        key: ProducerKey,
    ) -> Option<(NumberedTarget, ProducerKey)> {
        let own = self.slot(target, key);
        self.oldest_by(|producers| producers.deadlines.iter().find(|(_, slot)| Some(*slot) != own).copied())
    }

    fn oldest_by(
        &mut self,
        first: impl Fn(&Self) -> Option<(Timestamp, Slot)>,
    ) -> Option<(NumberedTarget, ProducerKey)> {
        loop {
            let (due, slot) = first(self)?;
            let producer = self.producer(slot);
            if producer.deadline() == due {
                return Some((producer.target.clone(), producer.key));
            }
            self.rearm(slot);
        }
    }

    /// Moves every time with the clock, which was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        self.advance(shift.from, usize::MAX);
        self.missed.shift(shift);
        for remembered in self.slots.iter_mut().flatten() {
            let Remembered { producer, due, .. } = remembered;
            producer.time = shift.moved(producer.time);
            *due = producer.deadline();
        }
        let slots = &self.slots;
        let place = |slot: Slot| {
            let remembered = slots[slot as usize].as_ref().expect("a slot that is listed is taken");
            (remembered.due, slot)
        };
        // A set that is made of many places at once takes a fraction of the time that it takes to insert each.
        self.deadlines = self.deadlines.iter().map(|(_, slot)| place(*slot)).collect();
        for of_target in self.targets.values_mut() {
            of_target.deadlines = of_target.deadlines.iter().map(|(_, slot)| place(*slot)).collect();
        }
    }

    /// The producers after this one, by target and key.
    pub(crate) fn after<'a>(
        &'a self,
        after: Option<&'a (NumberedTarget, ProducerKey)>,
    ) -> impl Iterator<Item = &'a Producer> {
        let first = after.and_then(|(target, key)| Some((self.targets.get(target)?, *key)));
        let of_first =
            first.into_iter().flat_map(|(of_target, key)| of_target.by_key.range((Excluded(key), Unbounded)));
        let bounds = (after.map_or(Unbounded, |(target, _)| Excluded(target)), Unbounded);
        let rest = self.targets.range::<NumberedTarget, _>(bounds).flat_map(|(_, of_target)| &of_target.by_key);
        of_first.chain(rest).map(|(_, slot)| self.producer(*slot))
    }

    /// The queues and topics after this one of which producers are missing, and until when.
    pub(crate) fn missed_after(
        &self,
        after: Option<&NumberedTarget>,
    ) -> impl Iterator<Item = (&NumberedTarget, Timestamp)> {
        self.missed.after(after)
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        self.missed.check();
        let (mut bytes, mut count) = (0, 0);
        for (slot, remembered) in (0..).zip(&self.slots) {
            let Some(Remembered { producer, due, bytes: own }) = remembered else { continue };
            assert!(producer.is_consistent(), "{producer:?}");
            assert_eq!((*own, self.slot(&producer.target, producer.key)), (producer.bytes(), Some(slot)));
            assert!(*due <= producer.deadline(), "it is looked at in time");
            assert!(self.deadlines.contains(&(*due, slot)), "it has its place among all");
            assert!(self.targets[&producer.target].deadlines.contains(&(*due, slot)), "and among its target's");
            bytes += own;
            count += 1;
        }
        let listed: usize = self.targets.values().map(|of_target| of_target.by_key.len()).sum();
        let indexed: usize = self.targets.values().map(|of_target| of_target.deadlines.len()).sum();
        assert_eq!((listed, indexed, self.deadlines.len(), self.bytes), (count, count, count, bytes));
        assert!(self.targets.values().all(|of_target| !of_target.by_key.is_empty()), "a target has producers");
    }

    fn slot(&self, target: &NumberedTarget, key: ProducerKey) -> Option<Slot> {
        self.targets.get(target)?.by_key.get(&key).copied()
    }

    fn producer(&self, slot: Slot) -> &Producer {
        &self.slots[slot as usize].as_ref().expect("a slot that is listed is taken").producer
    }

    fn insert(&mut self, producer: Producer) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            Slot::try_from(self.slots.len() - 1).expect("all producers are in memory, and fewer than 2^32")
        });
        let (due, bytes) = (producer.deadline(), producer.bytes());
        let of_target = self.targets.entry(producer.target.clone()).or_default();
        of_target.by_key.insert(producer.key, slot);
        of_target.deadlines.insert((due, slot));
        self.deadlines.insert((due, slot));
        self.bytes += bytes;
        self.slots[slot as usize] = Some(Remembered { producer, due, bytes });
        slot
    }

    fn remove(&mut self, slot: Slot) {
        let Remembered { producer, due, .. } = self.vacate(slot);
        self.deadlines.remove(&(due, slot));
        if let Some(of_target) = self.targets.get_mut(&producer.target) {
            of_target.deadlines.remove(&(due, slot));
            of_target.by_key.remove(&producer.key);
            if of_target.by_key.is_empty() {
                self.targets.remove(&producer.target);
            }
        }
    }

    /// Frees a slot. The caller takes the producer out of the indices.
    fn vacate(&mut self, slot: Slot) -> Remembered {
        let remembered = self.slots[slot as usize].take().expect("a slot that is listed is taken");
        self.bytes -= remembered.bytes;
        self.free.push(slot);
        if self.open == Some(slot) {
            self.open = None;
        }
        remembered
    }

    /// Counts the bytes of a producer that has changed. If its deadline is earlier than before, because a crash has cut off
    /// that the clock was set back, its place in the indices is corrected.
    fn account(&mut self, slot: Slot) {
        let remembered = self.slots[slot as usize].as_mut().expect("a slot that is listed is taken");
        let bytes = remembered.producer.bytes();
        self.bytes = self.bytes - remembered.bytes + bytes;
        remembered.bytes = bytes;
        if remembered.producer.deadline() < remembered.due {
            self.rearm(slot);
        }
    }

    /// Gives a producer the place of its deadline in the indices.
    fn rearm(&mut self, slot: Slot) {
        let remembered = self.slots[slot as usize].as_mut().expect("a slot that is listed is taken");
        let (old, new) = (remembered.due, remembered.producer.deadline());
        remembered.due = new;
        let of_target = self.targets.get_mut(&remembered.producer.target).expect("a producer's target is listed");
        for deadlines in [&mut self.deadlines, &mut of_target.deadlines] {
            deadlines.remove(&(old, slot));
            deadlines.insert((new, slot));
        }
    }
}
