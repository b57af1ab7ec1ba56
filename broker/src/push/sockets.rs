//! The limit on connections of push delivery: to endpoints, gateways and the e-mail server together.
//!
//! An attempt holds a place while it is under way, and has one connection at most. An idle connection that is kept holds
//! one too, and is kept only while more than half of the places are free: idle connections never take the other half
//! from attempts.
//!
//! If the system has no file for a connection nevertheless, the attempt was not made. Its message goes back to its queue,
//! and one line says so, however many attempts there are.

use std::io;
use std::sync::Arc;

use rustix::io::Errno;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::trouble::Trouble;

/// The places. Clones share them.
#[derive(Clone)]
pub(super) struct Sockets {
    places: Arc<Semaphore>,
    max: usize,
    out_of_files: Arc<Trouble>,
}

/// A place, until it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

impl Sockets {
    /// So many places; at least one.
    pub(super) fn new(max: u64) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(max)), max, out_of_files: Arc::default() }
    }

    /// A place for an attempt. Waits for one, in the order of the calls.
    pub(super) async fn take(&self) -> Place {
        Arc::clone(&self.places).acquire_owned().await.expect("it is never closed")
    }

    /// A place for an idle connection; `None` if the connection is to be closed.
    pub(super) fn keep(&self) -> Option<Place> {
        if self.places.available_permits() * 2 <= self.max {
            return None;
        }
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Whether the system refused a connection for want of a file. The first time this is logged, and later ones are
    /// not, until connections have been made again.
    pub(super) fn lacks_files(&self, error: &io::Error) -> bool {
        let lacks = error
            .raw_os_error()
            .is_some_and(|number| [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error).contains(&number));
        if lacks && self.out_of_files.failed() {
            tracing::error!(
                operation = "connecting to an endpoint",
                errno = error.raw_os_error(),
                %error,
                "push delivery gets no file for a connection: messages wait in their queues, untried"
            );
        }
        lacks
    }

    /// Notes that a connection was made.
    pub(super) fn connected(&self) {
        if let Some(over) = self.out_of_files.succeeded() {
            tracing::info!(
                failures = over.failures,
                seconds = over.seconds,
                "push delivery gets files for its connections again"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn idle_connections_leave_half_of_the_places() {
        let sockets = Sockets::new(4);
        let idle = [sockets.keep(), sockets.keep()];
        assert!(idle.iter().all(Option::is_some));
        assert!(sockets.keep().is_none());
        let attempts = (sockets.take().await, sockets.take().await);
        drop(idle);
        assert!(sockets.keep().is_none(), "attempts take the other half");
        drop(attempts);
        assert!(sockets.keep().is_some());
    }

    #[test]
    fn only_a_lack_of_files_is_one() {
        let sockets = Sockets::new(0);
        for errno in 1..133 {
            let lacks = sockets.lacks_files(&io::Error::from_raw_os_error(errno));
            assert_eq!(lacks, [23, 24].contains(&errno), "{errno}");
        }
        assert!(!sockets.lacks_files(&io::ErrorKind::TimedOut.into()));
    }
}
