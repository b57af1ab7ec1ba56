//! The data directory: its lock, the names in it, and whether its file system takes direct input and output.
//!
//! What is created here is for the owner only: the directory with the mode 0700, its files with 0600. The modes of what
//! exists are the operator's.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{BLOCK_BYTES, Buffer, Entry};

/// The mode of a data directory that is created.
const DIRECTORY_MODE: u32 = 0o700;
/// The mode of the files in it.
pub(crate) const FILE_MODE: u32 = 0o600;
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
    /// Creates the directory if it does not exist, and locks it. Does not wait for the lock. Only the owner may use a
    /// directory that is created here; the ones above it have the mode that the process gives.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`] if another process has locked it, or [`LockError::Io`].
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { directory: directory.to_owned(), source };
        create(directory).map_err(failed)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(directory.join(LOCK_NAME))
            .map_err(failed)?;
        Self::lock(directory, file)
    }

    /// Locks a directory in which nothing is to be created: one that is only read, perhaps from a medium that cannot be
    /// written to. `None` if it has no lock file: no broker has run on it.
    ///
    /// # Errors
    ///
    /// As [`DirectoryLock::acquire`].
    pub fn acquire_existing(directory: &Path) -> Result<Option<Self>, LockError> {
        match File::open(directory.join(LOCK_NAME)) {
            Ok(file) => Self::lock(directory, file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LockError::Io { directory: directory.to_owned(), source }),
        }
    }

    fn lock(directory: &Path, file: File) -> Result<Self, LockError> {
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { directory: directory.to_owned() }),
            Err(TryLockError::Error(source)) => Err(LockError::Io { directory: directory.to_owned(), source }),
        }
    }
}

/// Creates a data directory, if there is none, for its owner only.
///
/// # Errors
///
/// What mkdir(2) returns.
fn create(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(above) = directory.parent() {
        fs::create_dir_all(above)?;
    }
    match DirBuilder::new().mode(DIRECTORY_MODE).create(directory) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        created => created,
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
    /// The directory itself. It stays open, so that a sync needs no descriptor that the system might refuse.
    handle: File,
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
        let directory = Self { path: path.to_owned(), handle: File::open(path)?, direct };
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
        self.options().create(true).truncate(true).mode(FILE_MODE).open(self.path_of(name))
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
    /// What fsync(2) returns.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    /// Checks that a name leads to this open file.
    ///
    /// # Errors
    ///
    /// `NotFound` if it leads to another file or to none, or what stat(2) returns.
    pub(crate) fn find(&self, file: &File, name: &str) -> io::Result<()> {
        let (named, open) = (fs::metadata(self.path_of(name))?, file.metadata()?);
        if (named.dev(), named.ino()) == (open.dev(), open.ino()) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "another file has its name"))
    }

    /// The regular files of the directory, without the lock file. Names that are not UTF-8 are left out, because the
    /// broker creates none.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub(crate) fn list(&self) -> io::Result<Vec<Entry>> {
        regular_files(&self.path)
    }
}

/// The regular files of a directory, as [`Directory::list`] returns them.
///
/// # Errors
///
/// The directory cannot be read.
pub(crate) fn regular_files(directory: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if metadata.is_file() && name != LOCK_NAME {
            entries.push(Entry { name, length: metadata.len(), shared: metadata.nlink() > 1 });
        }
    }
    Ok(entries)
}

/// Tries a direct write. Some file systems refuse `O_DIRECT` in open(2), others only in the write.
///
/// # Errors
///
/// The file of the trial cannot be removed.
fn takes_direct_writes(directory: &Path) -> io::Result<bool> {
    let path = directory.join(PROBE_NAME);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(FILE_MODE).custom_flags(libc::O_DIRECT);
    let opened = options.open(&path);
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
        assert!(matches!(DirectoryLock::acquire_existing(&directory), Err(LockError::Held { .. })));
        drop(lock);
        assert!(matches!(DirectoryLock::acquire_existing(&directory), Ok(Some(_))));
        assert!(matches!(DirectoryLock::acquire_existing(parent.path()), Ok(None)));
        DirectoryLock::acquire(&directory).unwrap();
    }

    #[test]
    fn what_is_created_is_for_the_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("above").join("data");
        let _lock = DirectoryLock::acquire(&path).unwrap();
        let directory = Directory::open(&path).unwrap();
        directory.create_file("a").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("a")), mode(&path.join(LOCK_NAME))), (0o700, 0o600, 0o600));
    }

    #[test]
    fn a_file_is_found_until_its_name_is_gone_or_leads_to_another() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        fs::create_dir(&path).unwrap();
        let directory = Directory::open(&path).unwrap();
        let file = directory.create_file("a").unwrap();
        directory.find(&file, "a").unwrap();
        directory.sync().unwrap();
        let kind = || directory.find(&file, "a").unwrap_err().kind();
        fs::rename(&path, parent.path().join("moved")).unwrap();
        assert_eq!(kind(), io::ErrorKind::NotFound);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a"), b"").unwrap();
        assert_eq!(kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn unfinished_files_of_an_earlier_process_are_removed_and_the_lock_is_not_listed() {
        let parent = tempfile::tempdir().unwrap();
        let _lock = DirectoryLock::acquire(parent.path()).unwrap();
        fs::write(parent.path().join(Directory::unfinished("a")), b"half").unwrap();
        fs::write(parent.path().join("b"), b"whole").unwrap();
        let directory = Directory::open(parent.path()).unwrap();
        assert_eq!(directory.list().unwrap(), [Entry { name: "b".into(), length: 5, shared: false }]);
    }
}
