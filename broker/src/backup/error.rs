//! Why a backup was not made.

use core::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no backup.
#[derive(Debug)]
pub enum BackupError {
    /// The directory for it is not absolute.
    NotAbsolute(PathBuf),
    /// The directory for it lies in the data directory, or the other way round.
    Nested(PathBuf),
    /// Another backup into the directory is under way.
    InUse(PathBuf),
    /// The directory holds something else.
    Occupied {
        /// The directory.
        directory: PathBuf,
        /// A file in it that belongs to no backup.
        found: PathBuf,
    },
    /// The directory holds backups of another log.
    OtherLog(PathBuf),
    /// The directory holds backups of this log before it was restored, or after.
    OtherHistory(PathBuf),
    /// The system refused something.
    Io {
        /// What was done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The operator stopped it.
    Stopped,
    /// The broker ends.
    Ending,
}

impl BackupError {
    /// A failure at a path.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }

    /// Whether the file system of the backup has no room left.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if posthouse_disk::is_full(source))
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAbsolute(directory) => write!(f, "{} is no absolute path", directory.display()),
            Self::Nested(directory) => write!(
                f,
                "{} and the data directory lie within each other: choose a directory outside, best on another disk",
                directory.display()
            ),
            Self::InUse(directory) => write!(f, "another backup into {} is under way", directory.display()),
            Self::Occupied { directory, found } => write!(
                f,
                "{} holds something else than backups ({}): choose an empty directory or one of earlier backups",
                directory.display(),
                found.display()
            ),
            Self::OtherLog(directory) => {
                write!(f, "{} holds backups of another data directory: choose an empty directory", directory.display())
            }
            Self::OtherHistory(directory) => write!(
                f,
                "{} holds backups of another history of this log: a broker was started on a restored copy, or on an older \
                 state of the data directory, since. Choose an empty directory, and keep this one as long as you may \
                 need it",
                directory.display()
            ),
            Self::Io { doing, path, source } => {
                write!(f, "{doing} {}: {source}. Earlier backups are as they were", path.display())
            }
            Self::Stopped => f.write_str("it was stopped. Earlier backups are as they were"),
            Self::Ending => f.write_str("the broker is ending. Earlier backups are as they were"),
        }
    }
}

impl std::error::Error for BackupError {}
