//! A clock that was set: the event that says so, and what follows for receives that wait, for timers and for expiry.

use posthouse_model::{Seconds, Timestamp};

use super::Decision;
use crate::event::Event;
use crate::event::clock_set::ClockSet;
use crate::shift::Shift;

/// How far a clock is set forward, at least, for expiry to be held back.
pub(crate) const JUMP_MIN: Seconds = Seconds::new(5 * 60);
/// How long expiry is held back: long enough for an operator who is warned, and for a time service that starts late.
/// Deleting a message an hour late costs disk; deleting it early cannot be undone.
pub(crate) const EXPIRY_HELD: Seconds = Seconds::new(60 * 60);

impl Decision<'_> {
    /// Sets the clock, and settles. The decision goes on at the new time.
    pub(crate) fn set_clock(&mut self, to: Timestamp) {
        let shift = Shift { from: self.now, to };
        self.emit(&Event::ClockSet(ClockSet(shift)));
        self.now = to;
        self.volatile.now = to;
        self.volatile.waits.shift(shift);
        self.volatile.paging.shift(shift);
        if to.since(shift.from) >= JUMP_MIN.duration() {
            self.volatile.timers.hold_expiry(to + EXPIRY_HELD);
        } else {
            self.volatile.timers.shift(shift);
        }
        self.settle();
    }
}
