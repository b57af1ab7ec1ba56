//! The core loop as the rest of the broker waits for it: its end, the failure of its log, and the lines of the broker's
//! log for what it reports.

use core::fmt;
use std::error::Error;
use std::time::Duration;

use posthouse_core::{EndError, Inbox, Running};
use posthouse_log::CloseError;
use tokio::task::{JoinError, JoinHandle};

use crate::core_client::ReplySender;
use crate::incidents::{self, LogFailure};

/// Why the core loop did not end well. Every acknowledged change is durable nevertheless.
#[derive(Debug)]
pub(crate) enum CoreTaskError {
    /// It ended with an error.
    Ended(EndError),
    /// It was not possible to wait for its end.
    Join(JoinError),
    /// Its log has failed, and the disk did not end the operations under way in time.
    Hangs,
}

impl CoreTaskError {
    /// Whether the log has failed.
    pub(crate) const fn is_log_failure(&self) -> bool {
        match self {
            Self::Ended(EndError::Close(CloseError::Failed { .. })) | Self::Hangs => true,
            Self::Ended(EndError::Close(CloseError::Short { .. }) | EndError::Panicked) | Self::Join(_) => false,
        }
    }
}

impl fmt::Display for CoreTaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(error) => error.fmt(f),
            Self::Join(error) => error.fmt(f),
            Self::Hangs => f.write_str("the log has failed, and the disk does not end the operations under way"),
        }
    }
}

impl Error for CoreTaskError {}

/// The core loop, and the lines about it.
pub(crate) struct CoreTask {
    inbox: Inbox<ReplySender>,
    ended: JoinHandle<Result<(), EndError>>,
    writing: JoinHandle<()>,
    log_failure: LogFailure,
    /// How long a failed log may take to close.
    patience: Duration,
}

impl CoreTask {
    /// Waits for the end of the loop and writes the lines about it, each on a thread of its own.
    pub(crate) fn watch(running: Running<ReplySender>, patience: Duration) -> Self {
        let (writing, log_failure) = incidents::write(running.incidents.clone());
        let inbox = running.inbox.clone();
        let ended = tokio::task::spawn_blocking(|| running.join());
        Self { inbox, ended, writing, log_failure, patience }
    }

    /// What says that the log has failed.
    pub(crate) fn log_failure(&self) -> LogFailure {
        self.log_failure.clone()
    }

    /// The result of the loop, once it has ended. Must not be called again then.
    pub(crate) async fn ended(&mut self) -> Result<(), CoreTaskError> {
        (&mut self.ended).await.map_err(CoreTaskError::Join)?.map_err(CoreTaskError::Ended)
    }

    /// Ends the loop. Waits until everything is committed and the last line about it is written; after a failure of the
    /// log for the patience at most, because the disk may never end what is under way.
    ///
    /// # Errors
    /// [`CoreTaskError`] if it did not end well.
    pub(crate) async fn close(mut self) -> Result<(), CoreTaskError> {
        self.inbox.shut_down();
        let (mut log_failure, patience) = (self.log_failure(), self.patience);
        let hangs = async {
            log_failure.happened().await;
            tokio::time::sleep(patience).await;
        };
        let ended = tokio::select! {
            ended = self.ended() => ended,
            () = hangs => return Err(CoreTaskError::Hangs),
        };
        // Its thread ends with the loop. It cannot fail but by a panic, which has been reported.
        let _ = self.writing.await;
        ended
    }
}
