//! Until when a producer may be missing that its queue or topic has forgotten before its five minutes were over.
//!
//! A producer that is not known has sent nothing for five minutes, unless it was forgotten for want of room. So each target
//! keeps until when such a producer would have been remembered, the latest of all. Until then `OpenProducer` cannot say
//! that what is sent again was not stored.
//!
//! Invariant: `order` has each entry of `until` once.

use core::ops::Bound::{Excluded, Unbounded};
use std::collections::{BTreeMap, BTreeSet};

use posthouse_model::Timestamp;

use crate::producer::NumberedTarget;
use crate::shift::Shift;

/// The targets that have forgotten a producer early.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    until: BTreeMap<NumberedTarget, Timestamp>,
    order: BTreeSet<(Timestamp, NumberedTarget)>,
}

impl Missed {
    /// Notes that a producer is missing until this time.
    pub(crate) fn note(&mut self, target: &NumberedTarget, until: Timestamp) {
        let before = self.until.get(target).copied();
        if before.is_some_and(|before| until <= before) {
            return;
        }
        self.forget(target);
        self.until.insert(target.clone(), until);
        self.order.insert((until, target.clone()));
    }

    /// Whether a producer of this target may be missing at `now`.
    pub(crate) fn is_any_of(&self, target: &NumberedTarget, now: Timestamp) -> bool {
        self.until.get(target).is_some_and(|until| *until > now)
    }

    /// Forgets a target, which was deleted.
    pub(crate) fn forget(&mut self, target: &NumberedTarget) {
        if let Some((target, until)) = self.until.remove_entry(target) {
            self.order.remove(&(until, target));
        }
    }

    /// Forgets up to `budget` targets whose time is over. Returns how many.
    pub(crate) fn advance(&mut self, now: Timestamp, budget: usize) -> usize {
        let mut done = 0;
        while done < budget && self.next_deadline().is_some_and(|until| until <= now) {
            if let Some((_, target)) = self.order.pop_first() {
                self.until.remove(&target);
            }
            done += 1;
        }
        done
    }

    /// When the first of them is over.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.order.first().map(|(until, _)| *until)
    }

    /// Moves every time with the clock, which was set. The caller has advanced to that time.
    pub(crate) fn shift(&mut self, shift: Shift) {
        self.until.values_mut().for_each(|until| *until = shift.moved(*until));
        self.order = self.until.iter().map(|(target, until)| (*until, target.clone())).collect();
    }

    /// The targets after this one, each with its time.
    pub(crate) fn after(&self, after: Option<&NumberedTarget>) -> impl Iterator<Item = (&NumberedTarget, Timestamp)> {
        let bounds = (after.map_or(Unbounded, Excluded), Unbounded);
        self.until.range::<NumberedTarget, _>(bounds).map(|(target, until)| (target, *until))
    }

    /// Panics unless the invariant holds that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        assert_eq!(self.order.len(), self.until.len(), "each target has its place");
        for (target, until) in &self.until {
            assert!(self.order.contains(&(*until, target.clone())), "{target:?} has the place of its time");
        }
    }
}
