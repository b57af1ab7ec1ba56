//! The limit on the work of one search.
//!
//! The values of a message and the conditions of a topic's policies have limits of their own, but their product has
//! none. The core loop does nothing else during a search. So the search counts the conditions that it evaluates, and
//! ends with [`TooManyValues`] at [`EVALUATIONS_MAX`].

use core::cell::Cell;
use core::fmt;

/// The conditions that are evaluated for one event at most. One takes 10 ns, or 80 ns if nothing is cached, so that a
/// search takes 0.02 to 0.16 s at most. An array of 20,000 different values can still be checked against 100 conditions
/// each. The first value at each path is free, so that no number of policies makes a topic refuse every message.
const EVALUATIONS_MAX: u64 = 2_000_000;

/// The search was ended, because the message has too many values for the conditions of the policies. The message has
/// not been matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyValues;

impl fmt::Display for TooManyValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message has too many values for the filter policies of its topic")
    }
}

impl core::error::Error for TooManyValues {}

/// The evaluations that are left. Once none is left, results of the search have no meaning.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<u64>,
}

impl Budget {
    /// The budget of a search in an index.
    pub(crate) fn of_event() -> Self {
        Self { left: Cell::new(EVALUATIONS_MAX + 1) }
    }

    /// The budget of a single policy. It does not run out: 2^64 evaluations take centuries.
    pub(crate) fn unlimited() -> Self {
        Self { left: Cell::new(u64::MAX) }
    }

    /// Takes a cost off the budget. Returns whether any of it is left.
    pub(crate) fn spend(&self, cost: u64) -> bool {
        let left = self.left.get().saturating_sub(cost);
        self.left.set(left);
        left > 0
    }

    /// Whether nothing is left.
    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }
}
