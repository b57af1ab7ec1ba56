//! What finding may cost.
//!
//! The values of a message and the conditions of a topic's policies are limited each by itself; their product is not,
//! and whoever finds does nothing else meanwhile. So conditions asked are counted, and past a limit finding gives up.

use core::cell::Cell;
use core::fmt;

/// Conditions that are asked for one event at most. Ten nanoseconds each, eighty where none is in a cache: so that no
/// message holds up its broker for longer than a tenth of a second or two, while an array of 20,000 different values
/// may still be asked a hundred conditions each. The first value at each path is free: otherwise a topic might have so
/// many policies that it could be sent nothing.
const EVALUATIONS_MAX: u64 = 2_000_000;

/// The message has so many values, for so many conditions, that matching it was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyValues;

impl fmt::Display for TooManyValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message has too many values for the filter policies of its topic")
    }
}

impl core::error::Error for TooManyValues {}

/// What is left to be spent. What is found with nothing left means nothing.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<u64>,
}

impl Budget {
    /// For one event and an index.
    pub(crate) fn of_event() -> Self {
        Self { left: Cell::new(EVALUATIONS_MAX + 1) }
    }

    /// For one event and a policy: it cannot be spent in anybody's lifetime.
    pub(crate) fn unlimited() -> Self {
        Self { left: Cell::new(u64::MAX) }
    }

    /// Takes a cost out of it; says whether anything is left.
    pub(crate) fn spend(&self, cost: u64) -> bool {
        let left = self.left.get().saturating_sub(cost);
        self.left.set(left);
        left > 0
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }
}
