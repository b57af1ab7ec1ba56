//! The data directory: its lock, its names, and whether it takes direct input and output.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{BLOCK_BYTES, Buffer, Entry};

/// The name of the file that [`DirectoryLock`] locks.
const LOCK_NAME: &str = "lock";
/// The name of the file that direct input and output is tried on.
const PROBE_NAME: &str = "probe";
/// The end of the name of a file that is still being made; such files are removed at the start.
const UNFINISHED_SUFFIX: &str = ".unfinished";

/// Holds a data directory for this process. Let go on drop, and by the kernel however the process ends.
#[derive(Debug)]
pub struct DirectoryLock {
    /// Locked with `flock`; closing it unlocks.
    _file: File,
}

/// Why a data directory could not be taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it.
    Held {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory or its lock file cannot be made or opened.
    Io {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DirectoryLock {
    /// Makes the directory if there is none and takes it, without waiting.
    ///
    /// # Errors
    ///
    /// Another broker holds it, or it cannot be used.
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

/// A directory whose files are opened in one way.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    direct: bool,
}

impl Directory {
    /// Removes what an earlier process left unfinished, makes its renames durable, and finds out how to open files.
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

    /// As on a file system that refuses direct writes.
    #[cfg(test)]
    pub(crate) fn buffered(path: &Path) -> io::Result<Self> {
        Ok(Self { direct: false, ..Self::open(path)? })
    }

    pub(crate) fn direct(&self) -> bool {
        self.direct
    }

    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        assert!(!name.is_empty() && !name.contains('/') && name != ".." && name != ".", "not a file name: {name:?}");
        self.path.join(name)
    }

    /// The name that a file has until it is complete.
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

    fn options(&self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        if self.direct {
            options.custom_flags(libc::O_DIRECT);
        }
        options
    }

    /// Makes names durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

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

/// Tries a direct write: some file systems refuse the flag, others only the write.
fn takes_direct_writes(directory: &Path) -> io::Result<bool> {
    let path = directory.join(PROBE_NAME);
    let opened = OpenOptions::new().write(true).create(true).truncate(true).custom_flags(libc::O_DIRECT).open(&path);
    let result = opened.and_then(|file| file.write_all_at(&Buffer::zeroed(BLOCK_BYTES), 0));
    let removed = fs::remove_file(&path);
    match result {
        Ok(()) => removed.map(|()| true),
        // Everything else wrong with the directory shows in the operations to come, with a better message.
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
