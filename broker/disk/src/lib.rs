//! The disk behind one trait.
//!
//! This crate owns everything between the log and the kernel: files opened for direct input and output, durable writes,
//! cold reads, the creation of files in the background, the sleep of the core loop and its wake-up, and block-aligned
//! memory. It and `posthouse-rsa` are the crates of Posthouse with unsafe code.
//!
//! It holds no policy. The log decides what is written, where, in which order and how often.
//!
//! * [`Disk`] is the seam: operations go in, completions come out. Tests use the crate `posthouse-simulated-disk`
//!   instead.
//! * [`Native`] is the disk of this machine. [`Native::open`] chooses a [`Ring`] (io_uring) or [`Threads`].
//! * [`ReadOnly`] reads a directory and changes nothing.
//! * [`Buffer`], [`Chunk`] and [`Pool`] are block-aligned memory that turns into [`Bytes`] without a copy.
//! * [`clone_file`] and [`copy_file`] copy files for backups, away from the core loop.
//! * [`DirectoryLock`] keeps a second broker out of a data directory.
//!
//! # Invariants
//!
//! * Every operation completes exactly once, with its own id.
//! * Memory is not written to while the kernel may read it: a write takes [`Bytes`], which are immutable. Checksums of
//!   file systems and mirrors break when a buffer changes during a direct write (open(2), `O_DIRECT`).
//! * Memory that the kernel may write to is not freed before the kernel has finished.
//!
//! # Examples
//!
//! ```
//! use posthouse_disk::{Buffer, Choice, Disk, DiskOutcome, Native, Operation, OperationId};
//!
//! fn complete(disk: &mut Native, operation: Operation) -> std::io::Result<DiskOutcome> {
//!     disk.submit(OperationId(1), operation);
//!     let mut completions = Vec::new();
//!     while completions.is_empty() {
//!         disk.wait(None, &mut completions)?;
//!     }
//!     completions.remove(0).result
//! }
//!
//! let directory = tempfile::tempdir()?;
//! let (mut disk, selection) = Native::open(directory.path(), Choice::Auto)?;
//! println!("{selection}");
//!
//! let created = complete(&mut disk, Operation::Create { name: "a".into(), length: 4096 })?;
//! let DiskOutcome::Opened { file, .. } = created else { panic!("a creation opens the file") };
//!
//! let mut block = Buffer::zeroed(4096);
//! block[..5].copy_from_slice(b"hello");
//! let data = vec![block.freeze(4096)];
//! complete(&mut disk, Operation::Write { file, offset: 0, data, durable: true })?;
//!
//! let DiskOutcome::Read(bytes) = complete(&mut disk, Operation::Read { file, offset: 0, length: 4096 })? else {
//!     panic!("a read returns bytes")
//! };
//! assert_eq!(&bytes[..5], b"hello");
//! # Ok::<(), std::io::Error>(())
//! ```

#![deny(unsafe_op_in_unsafe_fn)]

mod alarm;
mod background;
mod copying;
mod directory;
mod memory;
mod native;
mod read_only;
mod ring;
mod system;
mod threads;

use std::{fmt, io, task::Waker, time::Duration};

use bytes::Bytes;

pub use copying::{CopiedPart, clone_file, copy_file};
pub use directory::{DirectoryLock, LockError};
pub use memory::{BLOCK_BYTES, Buffer, Chunk, Pool};
pub use native::{Choice, Implementation, Native, Selection};
pub use read_only::ReadOnly;
pub use ring::Ring;
pub use threads::Threads;

/// A directory of files, driven by one thread through operations and completions.
///
/// Operations take effect and complete in any order. A caller that needs an order submits the second operation after
/// the first has completed. Each operation completes exactly once, with the id that it was submitted with.
pub trait Disk {
    /// Takes an operation. Does not block. The kernel may see the operation only at the next [`Disk::wait`].
    ///
    /// # Panics
    ///
    /// If the operation violates its contract: it names a file that is not open, or fails
    /// [`Operation::check_alignment`].
    fn submit(&mut self, id: OperationId, operation: Operation);

    /// Waits until an operation completes, a waker wakes the loop, or the time-out passes; then appends all completions
    /// to `completions`. With `None` there is no time-out; with zero the call does not sleep. It may return early
    /// without a completion.
    ///
    /// # Errors
    ///
    /// The disk cannot be used any more. Operations under way may have taken effect or not, and none of them completes.
    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()>;

    /// A handle that makes [`Disk::wait`] return, from any thread. It makes a system call only if the loop sleeps. A
    /// wake-up between two waits makes the second one return at once.
    fn waker(&self) -> Waker;

    /// The regular files of the directory, in no particular order. Blocks, and is meant for the start.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    fn list(&self) -> io::Result<Vec<Entry>>;
}

/// Identifies an operation until it completes. The caller chooses the number, and the disk only returns it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OperationId(pub u64);

/// An open file. [`DiskOutcome::Opened`] returns it, [`Operation::Close`] ends it. A disk uses no number twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u32);

/// A file that [`Disk::list`] found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry {
    /// The name within the directory.
    pub name: String,
    /// The length in bytes.
    pub length: u64,
    /// Whether the file has another name too, in this directory or elsewhere: it must not be overwritten then.
    pub shared: bool,
}

/// An operation of a disk. Names are plain file names within the directory.
#[derive(Debug)]
pub enum Operation {
    /// Creates a file of `length` zero bytes. The bytes and the name are durable on completion. After a crash the file is
    /// absent or whole. Runs in the background, and pauses while it writes a large file, so that commits get half of the
    /// disk's time. Completes with [`DiskOutcome::Opened`], or with an error for which [`is_full`] holds.
    Create {
        /// The name. A file that has it is replaced.
        name: String,
        /// The length in bytes, a multiple of [`BLOCK_BYTES`].
        length: u64,
    },
    /// Opens a file that exists. Completes with [`DiskOutcome::Opened`].
    Open {
        /// The name.
        name: String,
    },
    /// Overwrites a part of a file, without changing its length. Completes with [`DiskOutcome::Written`]. On an error
    /// the part may hold old bytes, new bytes or a mixture.
    Write {
        /// The file.
        file: FileId,
        /// The offset of the first byte, a multiple of [`BLOCK_BYTES`].
        offset: u64,
        /// The bytes, as consecutive slices. The address and the length of each are multiples of [`BLOCK_BYTES`].
        data: Vec<Bytes>,
        /// Whether the bytes survive a loss of power once the operation has completed (`RWF_DSYNC` of pwritev2(2), or fdatasync(2)).
        durable: bool,
    },
    /// Reads a part of a file. Completes with [`DiskOutcome::Read`], or with `UnexpectedEof` if the file ends before.
    Read {
        /// The file.
        file: FileId,
        /// The offset of the first byte, a multiple of [`BLOCK_BYTES`].
        offset: u64,
        /// The number of bytes, a multiple of [`BLOCK_BYTES`].
        length: u32,
    },
    /// Makes everything durable that was written to a file by completed operations (fdatasync(2)). Completes with
    /// [`DiskOutcome::Done`].
    Sync {
        /// The file.
        file: FileId,
    },
    /// Renames a file, durably. A file that has the new name is replaced. Open files stay open. Completes with
    /// [`DiskOutcome::Done`].
    Rename {
        /// The present name.
        from: String,
        /// The new name.
        to: String,
    },
    /// Renames a file that is to be overwritten under its new name, durably, and completes with [`DiskOutcome::Done`]. If the
    /// file has another name too, in this directory or elsewhere, it must not change: only this name is removed then,
    /// durably, and the operation completes with [`DiskOutcome::Shared`]. Open files stay open.
    Recycle {
        /// The present name.
        from: String,
        /// The new name.
        to: String,
    },
    /// Removes a file, durably. Open files stay open. Completes with [`DiskOutcome::Done`].
    Remove {
        /// The name.
        name: String,
    },
    /// Checks that a name still leads to an open file (stat(2), fstat(2)). Completes with [`DiskOutcome::Done`], or with
    /// `NotFound` if the name leads to another file or to none.
    Find {
        /// The file.
        file: FileId,
        /// The name.
        name: String,
    },
    /// Ends the use of an open file. Operations under way on it still complete. Completes with [`DiskOutcome::Done`].
    Close {
        /// The file.
        file: FileId,
    },
}

impl Operation {
    /// Checks the alignment of all fields. Every implementation calls it in [`Disk::submit`], because the kernel checks
    /// alignment only with direct input and output (open(2), `O_DIRECT`: `EINVAL`).
    ///
    /// # Panics
    ///
    /// If an offset, a length or an address is not a multiple of [`BLOCK_BYTES`]. That is a defect of the caller.
    pub fn check_alignment(&self) {
        let whole = |number: u64| number.is_multiple_of(BLOCK_BYTES as u64);
        match self {
            Self::Create { name, length } => assert!(whole(*length), "{name} is created with whole blocks: {length}"),
            Self::Write { offset, data, .. } => {
                assert!(whole(*offset), "a write starts at a block: {offset}");
                for slice in data {
                    assert!(whole(slice.len() as u64), "a slice is whole blocks: {}", slice.len());
                    assert!(slice.as_ptr().addr().is_multiple_of(BLOCK_BYTES), "a slice starts at a block of memory");
                }
            }
            Self::Read { offset, length, .. } => {
                assert!(whole(*offset), "a read starts at a block: {offset}");
                assert!(whole((*length).into()), "a read is whole blocks: {length}");
            }
            Self::Open { .. }
            | Self::Sync { .. }
            | Self::Rename { .. }
            | Self::Recycle { .. }
            | Self::Remove { .. }
            | Self::Find { .. }
            | Self::Close { .. } => {}
        }
    }
}

/// The end of an operation.
#[derive(Debug)]
pub struct Completion {
    /// The id that the operation was submitted with.
    pub id: OperationId,
    /// The outcome, or the error of the system call.
    pub result: io::Result<DiskOutcome>,
    /// The time from [`Disk::submit`] to the completion, by the clock of the disk.
    pub elapsed: Duration,
}

/// What an operation returns on success.
pub enum DiskOutcome {
    /// Of [`Operation::Create`] and [`Operation::Open`].
    Opened {
        /// The file, for further operations.
        file: FileId,
        /// The length in bytes.
        length: u64,
    },
    /// Of [`Operation::Write`]: the vector of the operation, empty, so that the caller can reuse its memory.
    Written(Vec<Bytes>),
    /// Of [`Operation::Read`]: exactly the bytes asked for, at an address that is a multiple of [`BLOCK_BYTES`].
    Read(Bytes),
    /// Of [`Operation::Recycle`]: the file has another name, and was not renamed.
    Shared,
    /// Of all other operations.
    Done,
}

impl fmt::Debug for DiskOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { file, length } => {
                formatter.debug_struct("Opened").field("file", file).field("length", length).finish()
            }
            Self::Written(_) => formatter.write_str("Written"),
            Self::Read(bytes) => formatter.debug_tuple("Read").field(&bytes.len()).finish(),
            Self::Shared => formatter.write_str("Shared"),
            Self::Done => formatter.write_str("Done"),
        }
    }
}

/// Whether an error of a read says that the medium cannot deliver these bytes (`EIO`, `ENODATA`, `EREMOTEIO`, `EILSEQ`), that
/// the file system found its own checksum wrong (`EBADMSG`, `EUCLEAN`), or that the file is too short. Any other error says
/// nothing of the bytes.
#[must_use]
pub fn is_of_medium(error: &io::Error) -> bool {
    let of_medium = [libc::EIO, libc::ENODATA, libc::EREMOTEIO, libc::EILSEQ, libc::EBADMSG, libc::EUCLEAN];
    error.raw_os_error().is_some_and(|code| of_medium.contains(&code)) || error.kind() == io::ErrorKind::UnexpectedEof
}

/// Whether an error means that the disk or the quota has no room left (`ENOSPC`, `EDQUOT`).
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
