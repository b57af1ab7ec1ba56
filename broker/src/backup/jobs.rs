//! The backups of a broker: one at a time, each on a thread of its own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use posthouse_core::Inbox;

use super::copying::{self, Progress};
use super::error::BackupError;
use super::status::{Order, Status, Summary};
use crate::core_client::ReplySender;

/// The backups of a broker. Clones share them.
#[derive(Clone, Debug)]
pub struct Backups {
    data: Arc<Path>,
    latest: Arc<Mutex<Latest>>,
}

/// The latest backup.
#[derive(Debug)]
enum Latest {
    Running(Arc<Progress>),
    Ended(Status),
}

/// Why a backup was not begun.
#[derive(Debug)]
pub(crate) enum Refused {
    /// One is being made, into this directory.
    Running(PathBuf),
    /// The system gives no thread.
    Thread(std::io::Error),
}

impl Backups {
    /// Of the broker on this data directory.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self { data: data.into(), latest: Arc::new(Mutex::new(Latest::Ended(Status::None))) }
    }

    /// Begins a backup of the broker behind `inbox`.
    ///
    /// # Errors
    /// [`Refused`] if one is being made.
    pub(crate) fn begin(&self, order: Order, inbox: Inbox<ReplySender>) -> Result<(), Refused> {
        let mut latest = self.latest();
        if let Latest::Running(progress) = &*latest {
            return Err(Refused::Running(progress.now().to));
        }
        let progress = Arc::new(Progress::of(&order.to));
        let (backups, watched) = (self.clone(), Arc::clone(&progress));
        let work = move || {
            let mut ended = Ended { backups: &backups, order: &order, status: None };
            ended.note(copying::copy(&order, &backups.data, &inbox, &watched));
        };
        thread::Builder::new().name("backup".into()).spawn(work).map_err(Refused::Thread)?;
        *latest = Latest::Running(progress);
        Ok(())
    }

    /// How far the latest backup has come.
    pub(crate) fn status(&self) -> Status {
        match &*self.latest() {
            Latest::Running(progress) => Status::Running(progress.now()),
            Latest::Ended(status) => status.clone(),
        }
    }

    /// Stops the backup that is being made. It ends within a second or so. False if there is none.
    pub(crate) fn stop(&self) -> bool {
        match &*self.latest() {
            Latest::Running(progress) => {
                progress.stop();
                true
            }
            Latest::Ended(_) => false,
        }
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes how a backup has ended, also if its thread panics.
struct Ended<'a> {
    backups: &'a Backups,
    order: &'a Order,
    status: Option<Status>,
}

impl Ended<'_> {
    fn note(&mut self, result: Result<Summary, BackupError>) {
        self.status = Some(match result {
            Ok(summary) => {
                tracing::info!(
                    directory = %summary.directory.display(),
                    position = summary.position,
                    segments = summary.segments,
                    bytes_copied = summary.bytes_copied,
                    milliseconds = summary.milliseconds,
                    "a backup is whole"
                );
                Status::Done(summary)
            }
            Err(error) => {
                tracing::warn!(to = %self.order.to.display(), %error, "no backup was made");
                Status::Failed { to: self.order.to.clone(), error: error.to_string() }
            }
        });
    }
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let panicked = || Status::Failed {
            to: self.order.to.clone(),
            error: "a bug of the broker: its log has the details".to_owned(),
        };
        *self.backups.latest() = Latest::Ended(self.status.take().unwrap_or_else(panicked));
    }
}
