//! Connections that several workers share.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use posthouse_client::{Client, Error};
use tokio::sync::Mutex;

use super::{Dialer, failure};
use crate::target::Failure;

/// The connections of the workers of a kind.
pub(super) struct Lines {
    dialer: Arc<Dialer>,
    /// The most workers of a connection.
    workers_max: usize,
    /// Those that are open. The lock is held while one is opened, so that workers that come meanwhile share it.
    open: Mutex<Vec<Arc<Line>>>,
}

/// A connection of one or more workers.
pub(super) struct Line {
    client: Client,
    has_failed: AtomicBool,
}

impl Lines {
    pub(super) fn new(dialer: Arc<Dialer>, workers_max: NonZeroU32) -> Self {
        Self { dialer, workers_max: workers_max.get() as usize, open: Mutex::default() }
    }

    /// A connection for one worker more, which keeps what is returned while it works.
    pub(super) async fn line(&self) -> Result<Arc<Line>, Failure> {
        if self.workers_max == 1 {
            return self.connect().await;
        }
        let mut open = self.open.lock().await;
        // One reference is that of the list.
        open.retain(|line| Arc::strong_count(line) > 1 && !line.has_failed.load(Ordering::Relaxed));
        if let Some(line) = open.iter().find(|line| Arc::strong_count(line) <= self.workers_max) {
            return Ok(Arc::clone(line));
        }
        let line = self.connect().await?;
        open.push(Arc::clone(&line));
        Ok(line)
    }

    async fn connect(&self) -> Result<Arc<Line>, Failure> {
        let client = self.dialer.connect().await?;
        Ok(Arc::new(Line { client, has_failed: AtomicBool::new(false) }))
    }
}

impl Line {
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// What an error is to the driver. After one that ends the connection no other worker joins it.
    pub(super) fn failure(&self, error: &Error) -> Failure {
        let failure = failure(error);
        if failure.needs_new_connection() {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        failure
    }
}
