//! Applying that the clock was set: every time in the state that something depends on moves as `crate::shift` says.
//!
//! What a time becomes depends on nothing but that time, so a checkpoint may keep some parts of the state before the
//! event and others after it. The times of queues are moved in slices while the engine runs (`crate::state::deliveries`).
//! When a topic or a subscription was made is kept for no answer: that stays as the clock then was.

use crate::event::clock_set::ClockSet;
use crate::journal::Position;
use crate::state::State;

impl State {
    pub(super) fn clock_set(&mut self, position: Position, event: ClockSet) {
        let ClockSet(shift) = event;
        if self.deliveries.go_in_slices() {
            let queues = self.queues_mut().map(|queue| queue.id).collect();
            self.deliveries.add_clock(position, shift, queues);
        } else {
            self.queues_mut().for_each(|queue| queue.shift(shift));
        }
        self.topics.shift(shift);
        self.registry.shift(shift);
        self.producers.shift(shift);
        self.deleted.values_mut().for_each(|deleted| *deleted = shift.moved(*deleted));
    }
}
