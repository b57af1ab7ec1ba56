//! A condition that many operations run into, for one line of the log where it begins and one where it is over.
//!
//! An operation that succeeds does not end it: a process without free descriptors gets one whenever a connection ends,
//! and runs out again with the next. It is over when one succeeds and none has failed for [`CALM`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long no operation may have failed for the condition to be over.
const CALM: Duration = Duration::from_secs(2);

/// A condition. It is over at first.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// Whether it has begun. Read without the lock, so that a success costs next to nothing.
    begun: AtomicBool,
    phase: Mutex<Option<Phase>>,
}

/// A condition that has begun.
#[derive(Clone, Copy, Debug)]
struct Phase {
    first: Instant,
    last: Instant,
    failures: u64,
}

/// A condition that is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Over {
    /// How many operations failed.
    pub(crate) failures: u64,
    /// How long after the first of them the last one failed, in seconds.
    pub(crate) seconds: u64,
}

impl Trouble {
    /// Notes an operation that failed. Returns whether the condition begins with it: then the caller logs it.
    pub(crate) fn failed(&self) -> bool {
        let now = Instant::now();
        let mut phase = self.lock();
        let begins = phase.is_none();
        let known = phase.get_or_insert(Phase { first: now, last: now, failures: 0 });
        known.last = now;
        known.failures += 1;
        self.begun.store(true, Ordering::Relaxed);
        begins
    }

    /// Notes an operation that succeeded. Returns what is over, if the condition ends with it: then the caller logs it.
    pub(crate) fn succeeded(&self) -> Option<Over> {
        if !self.begun.load(Ordering::Relaxed) {
            return None;
        }
        let mut phase = self.lock();
        let over = phase.take_if(|phase| phase.last.elapsed() >= CALM)?;
        self.begun.store(false, Ordering::Relaxed);
        Some(Over { failures: over.failures, seconds: (over.last - over.first).as_secs() })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Phase>> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets this much time pass.
    fn pass(trouble: &Trouble, time: Duration) {
        let mut phase = trouble.lock();
        let phase = phase.as_mut().expect("it has begun");
        phase.first -= time;
        phase.last -= time;
    }

    #[test]
    fn it_begins_once_and_is_over_after_some_calm() {
        let trouble = Trouble::default();
        assert_eq!(trouble.succeeded(), None);
        for _ in 0..2 {
            assert!(trouble.failed());
            assert!(!trouble.failed());
            assert_eq!(trouble.succeeded(), None, "the next one may fail again");
            pass(&trouble, CALM);
            assert!(!trouble.failed());
            assert_eq!(trouble.succeeded(), None);
            pass(&trouble, CALM);
            assert_eq!(trouble.succeeded(), Some(Over { failures: 3, seconds: CALM.as_secs() }));
            assert_eq!(trouble.succeeded(), None);
        }
    }
}
