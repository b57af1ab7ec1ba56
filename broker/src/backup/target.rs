//! The directory that holds the copies: which copies there are, and how one is added and removed.
//!
//! | name | what |
//! |---|---|
//! | `lock` | held while a backup is made into the directory |
//! | `2026-11-30T11.45.50Z-00000000001f2000` | a whole copy: when it was made, and its position |
//! | the same with `.unfinished` | a copy that is being made or removed, or that was when the process ended |

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use posthouse_disk::{DirectoryLock, LockError};
use posthouse_log::Position;
use posthouse_model::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::BackupError;
use super::manifest::Manifest;
use crate::history::{self, History};

/// The suffix of a copy that is not whole.
pub(super) const UNFINISHED: &str = ".unfinished";
/// The lock file.
const LOCK_NAME: &str = "lock";

/// A directory of copies, kept for this backup.
#[derive(Debug)]
pub(super) struct Target {
    directory: PathBuf,
    _lock: DirectoryLock,
    /// Whole copies, the oldest first.
    copies: Vec<Backup>,
    /// What interrupted runs left.
    unfinished: Vec<PathBuf>,
}

/// A copy in a directory of copies.
#[derive(Clone, Debug)]
pub(crate) struct Backup {
    /// Its directory.
    pub(crate) path: PathBuf,
    /// Its position, by its name.
    pub(crate) position: Position,
    /// What it says of itself; `None` if that cannot be read.
    pub(crate) manifest: Option<Manifest>,
    /// Whether a broker has been started on it: it is a data directory of its own then.
    pub(crate) started: bool,
}

impl Backup {
    /// The copy that is this directory. `None` if it is none.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let position = position_of(path.file_name()?.to_str()?)?;
        let started = path.join(history::FILE_NAME).exists();
        Some(Self { path: path.to_owned(), position, manifest: Manifest::read(path), started })
    }

    /// When it was made.
    pub(crate) fn made(&self) -> Option<Timestamp> {
        let made = OffsetDateTime::parse(&self.manifest.as_ref()?.made, &Rfc3339).ok()?;
        u64::try_from(made.unix_timestamp_nanos() / 1_000_000).ok().map(Timestamp::from_millis)
    }
}

impl Target {
    /// Makes the directory if there is none, locks it, and looks at what it holds.
    ///
    /// # Errors
    /// It is in use, holds something else, or cannot be made or read.
    pub(super) fn open(directory: &Path) -> Result<Self, BackupError> {
        let lock = DirectoryLock::acquire(directory).map_err(|error| match error {
            LockError::Held { directory } => BackupError::InUse(directory),
            LockError::Io { directory, source } => BackupError::io("using", directory)(source),
        })?;
        let Contents { copies, unfinished, other } =
            Contents::of(directory).map_err(BackupError::io("reading", directory))?;
        if let Some(found) = other {
            return Err(BackupError::Occupied { directory: directory.to_owned(), found });
        }
        Ok(Self { directory: directory.to_owned(), _lock: lock, copies, unfinished })
    }

    /// The copies that a new one of this log and history may share files with, and what interrupted runs left of such.
    ///
    /// # Errors
    /// The directory holds copies of another log, or of another history of this one.
    pub(super) fn sources(&self, identity: &str, history: &History) -> Result<Vec<(PathBuf, Position)>, BackupError> {
        for manifest in self.copies.iter().filter_map(|copy| copy.manifest.as_ref()) {
            if manifest.identity != identity {
                return Err(BackupError::OtherLog(self.directory.clone()));
            }
            if !history.holds(&manifest.history, manifest.position) {
                return Err(BackupError::OtherHistory(self.directory.clone()));
            }
        }
        let whole = self.copies.iter().rev().filter(|copy| !copy.started && copy.manifest.is_some());
        let whole = whole.map(|copy| (copy.path.clone(), copy.position));
        let left = self.unfinished.iter().filter_map(|path| {
            let manifest = Manifest::read(path)?;
            let fits = manifest.identity == identity && history.holds(&manifest.history, manifest.position);
            fits.then(|| (path.clone(), manifest.position))
        });
        Ok(whole.chain(left).collect())
    }

    /// The copy as of this position, if there is one.
    pub(super) fn copy_at(&self, position: Position) -> Option<&Backup> {
        self.copies.iter().find(|copy| copy.position == position && copy.manifest.is_some() && !copy.started)
    }

    /// Makes the directory of a new copy, under its unfinished name.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn begin(&self, manifest: &Manifest) -> Result<Unfinished, BackupError> {
        let whole = self.directory.join(name(manifest));
        let mut path = whole.clone().into_os_string();
        path.push(UNFINISHED);
        let mut path = PathBuf::from(path);
        // An interrupted run may have left one as of the same second and position.
        while path.exists() {
            let mut longer = path.into_os_string();
            longer.push(UNFINISHED);
            path = PathBuf::from(longer);
        }
        DirBuilder::new().mode(0o700).create(&path).map_err(BackupError::io("making", &path))?;
        manifest.write(&path).map_err(BackupError::io("writing into", &path))?;
        Ok(Unfinished { path, whole })
    }

    /// Gives a whole copy its name, durably.
    ///
    /// # Errors
    /// A sync or the renaming fails. The copy is not whole then.
    pub(super) fn complete(&self, copy: Unfinished) -> Result<PathBuf, BackupError> {
        let Unfinished { path, whole } = copy;
        sync(&path).map_err(BackupError::io("syncing", &path))?;
        fs::rename(&path, &whole).map_err(BackupError::io("renaming", &path))?;
        sync(&self.directory).map_err(BackupError::io("syncing", &self.directory))?;
        Ok(whole)
    }

    /// Removes all but the latest copies, and what interrupted runs left. Copies that a broker was started on stay. Returns how
    /// many copies were removed. `added` says how many copies were made since the directory was opened.
    ///
    /// # Errors
    /// A copy cannot be removed. All that are left are whole, or have their unfinished names.
    pub(super) fn prune(self, keep: usize, added: usize) -> Result<u64, BackupError> {
        for path in &self.unfinished {
            fs::remove_dir_all(path).map_err(BackupError::io("removing", path))?;
        }
        let ours: Vec<&Backup> = self.copies.iter().filter(|copy| !copy.started && copy.manifest.is_some()).collect();
        let surplus = (ours.len() + added).saturating_sub(keep.max(1)).min(ours.len());
        for copy in &ours[..surplus] {
            let mut leaving = copy.path.clone().into_os_string();
            leaving.push(UNFINISHED);
            fs::rename(&copy.path, &leaving).map_err(BackupError::io("removing", &copy.path))?;
            // So that no loss of power brings the name of a whole copy back after files of it were removed.
            sync(&self.directory).map_err(BackupError::io("syncing", &self.directory))?;
            fs::remove_dir_all(&leaving).map_err(BackupError::io("removing", &copy.path))?;
        }
        Ok(surplus as u64)
    }
}

/// A copy that is being made.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// Its directory for now.
    pub(super) path: PathBuf,
    whole: PathBuf,
}

/// What a directory of copies holds.
struct Contents {
    copies: Vec<Backup>,
    unfinished: Vec<PathBuf>,
    /// Something else.
    other: Option<PathBuf>,
}

impl Contents {
    fn of(directory: &Path) -> io::Result<Self> {
        let mut contents = Self { copies: Vec::new(), unfinished: Vec::new(), other: None };
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (path, is_directory) = (entry.path(), entry.file_type()?.is_dir());
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            if is_directory && position_of(name.split(UNFINISHED).next().unwrap_or_default()).is_some() {
                match position_of(name) {
                    Some(_) => contents.copies.extend(Backup::at(&path)),
                    None => contents.unfinished.push(path),
                }
            } else if name != LOCK_NAME && name != "lost+found" {
                contents.other = Some(path);
            }
        }
        contents.copies.sort_by_key(|copy| copy.position);
        Ok(contents)
    }
}

/// The whole copies that a directory holds, the oldest first. `None` if it is no directory of copies.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn copies(directory: &Path) -> io::Result<Option<Vec<Backup>>> {
    let Contents { copies, unfinished, other } = Contents::of(directory)?;
    let is_target = other.is_none() && !(copies.is_empty() && unfinished.is_empty());
    Ok(is_target.then_some(copies))
}

/// The name of a copy.
fn name(manifest: &Manifest) -> String {
    format!("{}-{}", manifest.made.replace(':', "."), manifest.position)
}

/// The position in the name of a whole copy.
fn position_of(name: &str) -> Option<Position> {
    let (made, digits) = name.rsplit_once('-')?;
    let canonical = digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let dated = made.len() == "2026-11-30T11.45.50Z".len() && made.ends_with('Z');
    let position = u64::from_str_radix(digits, 16).ok()?;
    (canonical && dated).then(|| Position::new(position))
}

/// Makes the names in a directory durable.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
