//! Ends a consumer from elsewhere.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::consumer::core::Core;

/// Ends a [`Consumer`](crate::Consumer) that another task reads: made by [`Consumer::stopper`](crate::Consumer::stopper).
/// It does not keep the consumer or the client alive.
#[derive(Clone)]
pub struct Stopper {
    core: Weak<Core>,
}

impl Stopper {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::downgrade(core) }
    }

    /// Receives nothing more: the broker gets back what the program has not taken, and `try_next` returns `None`.
    /// Deliveries that the program holds can still be settled. It does not wait, and may be called again.
    pub fn stop(&self) {
        if let Some(core) = self.core.upgrade() {
            core.stop();
        }
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").finish_non_exhaustive()
    }
}
