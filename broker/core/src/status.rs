//! The condition of the core loop, which any thread reads without a request to the loop.
//!
//! The loop writes it at the transitions only: when the log fails, and when the disk becomes full or has room again.
//! Health probes read it, so that a probe costs the loop nothing.
//!
//! A loop that hangs writes nothing. [`Inbox::pulse`](crate::Inbox::pulse) finds that out.

use std::sync::{Arc, PoisonError, RwLock};

/// What is wrong with the broker. The default is that nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Why the log has failed, with the file and the error: every request is refused until the broker is restarted.
    pub failed: Option<Arc<str>>,
    /// Why the log gets no more files, with the file and the error: requests that add data are refused until there is
    /// room. Receives and deletes go on.
    pub full: Option<Arc<str>>,
}

impl Conditions {
    /// Whether every request is handled.
    #[must_use]
    pub const fn are_good(&self) -> bool {
        self.failed.is_none() && self.full.is_none()
    }
}

/// The latest [`Conditions`], shared by the loop, which sets them, and all who read them.
#[derive(Debug, Default)]
pub struct Status(RwLock<Conditions>);

impl Status {
    /// The conditions as of the loop's latest iteration.
    #[must_use]
    pub fn conditions(&self) -> Conditions {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the conditions. The loop calls this only when they differ from the ones before, and no reader holds the
    /// lock for longer than a clone.
    pub(crate) fn set(&self, conditions: Conditions) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = conditions;
    }
}
