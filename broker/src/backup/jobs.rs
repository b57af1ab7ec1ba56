//! The backups of a broker: one at a time, each on a thread of its own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use posthouse_core::Inbox;
use time::OffsetDateTime;

use super::copying::{self, Progress};
use super::error::BackupError;
use super::status::{Order, Status, Summary};
use crate::core_client::ReplySender;

/// The backups of a broker. Clones share them.
#[derive(Clone, Debug)]
pub struct Backups {
    data: Arc<Path>,
    jobs: Arc<Mutex<Jobs>>,
}

#[derive(Debug)]
struct Jobs {
    latest: Latest,
    counts: BackupCounts,
}

/// What has become of the backups since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BackupCounts {
    /// Backups that are whole.
    pub(crate) done: u64,
    /// Backups that failed or were stopped.
    pub(crate) failed: u64,
    /// The latest of those that are whole.
    pub(crate) last: Option<LastBackup>,
}

/// A backup that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastBackup {
    /// When it was whole, in seconds since 1970.
    pub(crate) ended_seconds: u64,
    /// Bytes that were copied for it. What was linked or cloned is not among them.
    pub(crate) bytes_copied: u64,
    /// How long it took, in milliseconds.
    pub(crate) milliseconds: u64,
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
        let jobs = Jobs { latest: Latest::Ended(Status::None), counts: BackupCounts::default() };
        Self { data: data.into(), jobs: Arc::new(Mutex::new(jobs)) }
    }

    /// Begins a backup of the broker behind `inbox`.
    ///
    /// # Errors
    /// [`Refused`] if one is being made.
    pub(crate) fn begin(&self, order: Order, inbox: Inbox<ReplySender>) -> Result<(), Refused> {
        let mut jobs = self.jobs();
        if let Latest::Running(progress) = &jobs.latest {
            return Err(Refused::Running(progress.now().to));
        }
        let progress = Arc::new(Progress::of(&order.to));
        let (backups, watched) = (self.clone(), Arc::clone(&progress));
        let work = move || {
            let mut ended = Ended { backups: &backups, order: &order, status: None };
            ended.note(copying::copy(&order, &backups.data, &inbox, &watched));
        };
        thread::Builder::new().name("backup".into()).spawn(work).map_err(Refused::Thread)?;
        jobs.latest = Latest::Running(progress);
        Ok(())
    }

    /// How far the latest backup has come.
    pub(crate) fn status(&self) -> Status {
        match &self.jobs().latest {
            Latest::Running(progress) => Status::Running(progress.now()),
            Latest::Ended(status) => status.clone(),
        }
    }

    /// What has become of the backups since the start.
    pub(crate) fn counts(&self) -> BackupCounts {
        self.jobs().counts
    }

    /// Whether a backup is being made.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.jobs().latest, Latest::Running(_))
    }

    /// Stops the backup that is being made. It ends within a second or so. False if there is none.
    pub(crate) fn stop(&self) -> bool {
        match &self.jobs().latest {
            Latest::Running(progress) => {
                progress.stop();
                true
            }
            Latest::Ended(_) => false,
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BackupCounts {
    /// Counts a backup that has ended.
    fn note(&mut self, status: &Status) {
        match status {
            Status::None | Status::Running(_) => {}
            Status::Failed { .. } => self.failed += 1,
            Status::Done(Summary { bytes_copied, milliseconds, .. }) => {
                self.done += 1;
                self.last = Some(LastBackup {
                    ended_seconds: u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default(),
                    bytes_copied: *bytes_copied,
                    milliseconds: *milliseconds,
                });
            }
        }
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
        let status = self.status.take().unwrap_or_else(panicked);
        let mut jobs = self.backups.jobs();
        jobs.counts.note(&status);
        jobs.latest = Latest::Ended(status);
    }
}
