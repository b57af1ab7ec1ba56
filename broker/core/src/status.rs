//! The condition of the core loop, which any thread reads without a request to the loop.
//!
//! The loop writes it at the transitions only: when the log fails, and when the disk refuses the log a file or has one
//! again.
//! Health probes read it, so that a probe costs the loop nothing.
//!
//! A loop that hangs writes nothing. [`Inbox::pulse`](crate::Inbox::pulse) finds that out.

use std::sync::{Arc, PoisonError, RwLock};

use posthouse_log::Failure;

/// What is wrong with the broker. The default is that nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Why the log has failed: every request is refused until the broker is restarted.
    pub failed: Option<Arc<Failure>>,
    /// Why the log gets no more files. If [`Failure::is_full`] holds, for want of room. Requests that add data are
    /// refused until it gets one; receives and deletes go on.
    pub short: Option<Arc<Failure>>,
}

impl Conditions {
    /// Whether every request is handled.
    #[must_use]
    pub const fn are_good(&self) -> bool {
        self.failed.is_none() && self.short.is_none()
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
