//! The limits on the work of a search.
//!
//! The values of a message and the conditions of a topic's policies have limits of their own, but their product has none.
//! Two things are counted. Evaluations for the values behind the first at each path are limited for each event: a message
//! that needs more is refused ([`Unfinished::TooManyValues`]). All work is limited by an [`Allowance`], which the caller
//! chooses: it says how long a search may take before the caller does something else.

use core::cell::Cell;
use core::fmt;

/// The conditions that are evaluated for the later values of one event at most. One takes 10 ns, or 80 ns if nothing is
/// cached, so that these take 0.02 to 0.16 s at most. An array of 20,000 different values can still be checked against
/// 100 conditions each. The first value at each path does not count, so that no number of policies makes a topic refuse
/// every message.
const EVALUATIONS_MAX: u64 = 2_000_000;

/// Why a search has found nothing. The message has not been matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// The message has too many values for the conditions of the policies. It never can be matched.
    TooManyValues,
    /// The search takes more work than the caller allows.
    TooMuchWork,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyValues => "the message has too many values for the filter policies of its topic",
            Self::TooMuchWork => "matching takes more work than it may",
        })
    }
}

impl core::error::Error for Unfinished {}

/// Work that may be done: one for each value that is looked up, each policy that is visited and each condition that is
/// evaluated. It takes 10 ns, or 150 ns if nothing is cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance(u64);

impl Allowance {
    /// As much as it takes.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(u64::MAX)
    }

    /// An allowance of this much work.
    #[must_use]
    pub const fn of(work: u64) -> Self {
        Self(work)
    }

    /// What is left.
    #[must_use]
    pub const fn left(self) -> u64 {
        self.0
    }

    /// Takes work off.
    pub(crate) fn take(&mut self, work: u64) {
        self.0 = self.0.saturating_sub(work);
    }
}

/// The evaluations for later values that are left. Once none is left, results of the search have no meaning.
#[derive(Debug)]
pub(crate) struct Budget {
    given: u64,
    left: Cell<u64>,
    /// What it means that none is left.
    spent: Unfinished,
}

impl Budget {
    /// The budget of a search in an index.
    pub(crate) fn of_event(allowance: Allowance) -> Self {
        if allowance.left() < EVALUATIONS_MAX {
            Self::new(allowance.left() + 1, Unfinished::TooMuchWork)
        } else {
            Self::new(EVALUATIONS_MAX + 1, Unfinished::TooManyValues)
        }
    }

    /// The budget of a single policy. It does not run out: 2^64 evaluations take centuries.
    pub(crate) fn unlimited() -> Self {
        Self::new(u64::MAX, Unfinished::TooManyValues)
    }

    const fn new(given: u64, spent: Unfinished) -> Self {
        Self { given, left: Cell::new(given), spent }
    }

    /// Takes a cost off the budget. Returns whether any of it is left.
    pub(crate) fn spend(&self, cost: u64) -> bool {
        let left = self.left.get().saturating_sub(cost);
        self.left.set(left);
        left > 0
    }

    /// What was spent.
    pub(crate) fn used(&self) -> u64 {
        self.given - self.left.get()
    }

    /// Whether nothing is left.
    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Why the search ends once nothing is left.
    pub(crate) const fn reason(&self) -> Unfinished {
        self.spent
    }
}
