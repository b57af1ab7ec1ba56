//! Applying that the clock was set: every time in the state moves as `crate::shift` says.
//!
//! What a time becomes depends on nothing but that time, so a checkpoint may keep some parts of the state before the
//! event and others after it.

use crate::event::clock_set::ClockSet;
use crate::journal::Journal;
use crate::state::State;

impl State {
    pub(super) fn clock_set(&mut self, event: ClockSet, journal: &mut dyn Journal) {
        let ClockSet(shift) = event;
        // Copies that were still to be put into queues have times from before the event.
        self.deliver_some(usize::MAX, journal);
        self.forget_some(usize::MAX);
        for queue in self.queues_mut() {
            queue.shift(shift);
        }
        self.topics.shift(shift);
        self.registry.shift(shift);
        self.producers.shift(shift);
        self.deleted.values_mut().for_each(|deleted| *deleted = shift.moved(*deleted));
        let queues: Vec<_> = self.queues().map(|queue| queue.id).collect();
        self.changed_queues = queues;
    }
}
