//! The data directory: its lock, the names in it, and whether its file system takes direct input and output.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{BLOCK_BYTES, Buffer, Entry};

/// The file that [`DirectoryLock`] locks.
const LOCK_NAME: &str = "lock";
/// The file on which a direct write is tried. Exists only while it is tried.
const PROBE_NAME: &str = "probe";
/// The suffix of a file whose creation has not ended. [`Directory::open`] removes such files.
const UNFINISHED_SUFFIX: &str = ".unfinished";

/// Keeps a data directory for this process. Dropping it releases the directory. The kernel releases it when the process
/// ends, in whatever way.
#[derive(Debug)]
pub struct DirectoryLock {
    /// Locked with flock(2). Closing the file releases the lock.
    _file: File,
}

/// Why a data directory could not be locked.
#[derive(Debug)]
pub enum LockError {
    /// Another process has locked it.
    Held {
        /// The data directory.
        directory: PathBuf,
    },
    /// The directory or its lock file could not be created or opened.
    Io {
        /// The data directory.
        directory: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },
}

impl DirectoryLock {
    /// Creates the directory if it does not exist, and locks it. Does not wait for the lock.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`] if another process has locked it, or [`LockError::Io`].
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { directory: directory.to_owned(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.join(LOCK_NAME))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { directory: directory.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { directory } => write!(
                formatter,
                "another broker is running on the data directory {}: stop it, or give this one a directory of its own",
                directory.display()
            ),
            Self::Io { directory, source } => {
                write!(formatter, "cannot use the data directory {}: {source}", directory.display())
            }
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Held { .. } => None,
            Self::Io { source, .. } => Some(source),
        }
    }
}

/// A data directory, and how its files are opened.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    direct: bool,
}

impl Directory {
    /// Removes the unfinished files of an earlier process, makes its renames durable, and tries a direct write.
    ///
    /// # Errors
    ///
    /// The directory cannot be read, changed or synced.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(UNFINISHED_SUFFIX) {
                fs::remove_file(entry.path())?;
            }
        }
        let direct = takes_direct_writes(path)?;
        let directory = Self { path: path.to_owned(), direct };
        directory.sync()?;
        Ok(directory)
    }

    /// Opens the directory as if its file system refused direct writes.
    #[cfg(test)]
    pub(crate) fn buffered(path: &Path) -> io::Result<Self> {
        Ok(Self { direct: false, ..Self::open(path)? })
    }

    /// Whether files are opened with `O_DIRECT`.
    pub(crate) fn direct(&self) -> bool {
        self.direct
    }

    /// The path of a file.
    ///
    /// # Panics
    ///
    /// If the name is not a plain file name: it would lead out of the directory.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        assert!(!name.is_empty() && !name.contains('/') && name != ".." && name != ".", "not a file name: {name:?}");
        self.path.join(name)
    }

    /// The name that a file has until its creation has ended.
    pub(crate) fn unfinished(name: &str) -> String {
        format!("{name}{UNFINISHED_SUFFIX}")
    }

    /// Opens a file that exists, for reading and writing.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none of this name, or what `open(2)` returns.
    pub(crate) fn open_file(&self, name: &str) -> io::Result<File> {
        self.options().open(self.path_of(name))
    }

    /// Opens an empty file for reading and writing, readable by its owner only. A file of this name is truncated.
    ///
    /// # Errors
    ///
    /// What `open(2)` returns.
    pub(crate) fn create_file(&self, name: &str) -> io::Result<File> {
        self.options().create(true).truncate(true).mode(0o600).open(self.path_of(name))
    }

    /// The options that all files share.
    fn options(&self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        if self.direct {
            options.custom_flags(libc::O_DIRECT);
        }
        options
    }

    /// Makes the names in the directory durable: an fsync(2) of a file does not cover its directory entry.
    ///
    /// # Errors
    ///
    /// What open(2) or fsync(2) return.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// The regular files of the directory, without the lock file. Names that are not UTF-8 are left out, because the
    /// broker creates none.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub(crate) fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if metadata.is_file() && name != LOCK_NAME {
                entries.push(Entry { name, length: metadata.len() });
            }
        }
        Ok(entries)
    }
}

/// Tries a direct write. Some file systems refuse `O_DIRECT` in open(2), others only in the write.
///
/// # Errors
///
/// The file of the trial cannot be removed.
fn takes_direct_writes(directory: &Path) -> io::Result<bool> {
    let path = directory.join(PROBE_NAME);
    let opened = OpenOptions::new().write(true).create(true).truncate(true).custom_flags(libc::O_DIRECT).open(&path);
    let result = opened.and_then(|file| file.write_all_at(&Buffer::zeroed(BLOCK_BYTES), 0));
    let removed = fs::remove_file(&path);
    match result {
        Ok(()) => removed.map(|()| true),
        // Any other defect of the directory shows in a later operation, whose error names the operation.
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_holder() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("data");
        let lock = DirectoryLock::acquire(&directory).unwrap();
        let error = DirectoryLock::acquire(&directory).unwrap_err();
        assert!(matches!(&error, LockError::Held { .. }));
        assert!(error.to_string().contains("another broker is running on the data directory"), "{error}");
        drop(lock);
        DirectoryLock::acquire(&directory).unwrap();
    }

    #[test]
    fn unfinished_files_of_an_earlier_process_are_removed_and_the_lock_is_not_listed() {
        let parent = tempfile::tempdir().unwrap();
        let _lock = DirectoryLock::acquire(parent.path()).unwrap();
        fs::write(parent.path().join(Directory::unfinished("a")), b"half").unwrap();
        fs::write(parent.path().join("b"), b"whole").unwrap();
        let directory = Directory::open(parent.path()).unwrap();
        assert_eq!(directory.list().unwrap(), [Entry { name: "b".into(), length: 5 }]);
    }
}
