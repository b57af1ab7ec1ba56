//! The disk behind one trait.
//!
//! Owns everything between the log and the kernel: files opened for direct input and output, durable writes, cold
//! reads, the preparation of files in the background, the sleep of the core loop and the call that ends it, and the
//! aligned memory that all of this needs. It is the only crate of Posthouse with unsafe code.
//!
//! It holds no policy. What is written where, in which order and how often is the log's business.
//!
//! * [`Disk`] is the seam: operations go in, completions come out. A simulated disk stands in for it in tests.
//! * [`Native`] is the real one, chosen by [`Native::open`]: a [`Ring`] (io_uring) or [`Threads`].
//! * [`Buffer`], [`Chunk`] and [`Pool`] are block-aligned memory that turns into [`Bytes`] without a copy.
//! * [`DirectoryLock`] keeps a second broker out of a data directory.
//!
//! Memory handed to the kernel is never written to while the kernel may read it: a write takes [`Bytes`], which are
//! immutable. (Checksumming file systems and mirrors break when a buffer changes under a direct write.)

#![deny(unsafe_op_in_unsafe_fn)]

mod alarm;
mod backstage;
mod directory;
mod memory;
mod native;
mod ring;
mod system;
mod threads;

use std::{fmt, io, task::Waker, time::Duration};

use bytes::Bytes;

pub use directory::{DirectoryLock, LockError};
pub use memory::{BLOCK_BYTES, Buffer, Chunk, Pool};
pub use native::{Choice, Implementation, Native, Selection};
pub use ring::Ring;
pub use threads::Threads;

/// A directory of files, driven by operations and completions from one thread.
///
/// Operations complete in any order. Each one completes exactly once, with the id that it was submitted with.
pub trait Disk {
    /// Hands over an operation. Never blocks; the kernel may see the operation only at the next [`Disk::wait`].
    fn submit(&mut self, id: OperationId, operation: Operation);

    /// Sleeps until there is a completion, a wake-up or the time-out (`None`: no time-out; zero: no sleep), then
    /// appends every completion there is to `completions`. May return early with none.
    ///
    /// # Errors
    ///
    /// The disk itself has broken: nothing is known about the operations under way, and none will complete.
    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()>;

    /// A handle that makes [`Disk::wait`] return, from any thread. Cheap unless the loop really sleeps; a wake-up
    /// between two waits ends the second one at once.
    fn waker(&self) -> Waker;

    /// The files of the directory, in no particular order. Blocks; meant for the start.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    fn list(&self) -> io::Result<Vec<Entry>>;
}

/// What a completion is recognised by. The caller chooses it; the disk does not look at it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OperationId(pub u64);

/// An open file. Given out by [`DiskOutcome::Opened`], never reused, valid until [`Operation::Close`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u32);

/// A file found by [`Disk::list`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry {
    /// Its name within the directory.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
}

/// What a disk can do. Names are plain file names within the directory.
#[derive(Debug)]
pub enum Operation {
    /// Makes a file of `length` bytes, all of them written with zeros and durable, as is its name. Atomic: after a
    /// crash there is no file of this name, or the whole one. Runs in the background and leaves room for commits.
    /// Completes with [`DiskOutcome::Opened`].
    Create {
        /// The name; a file that has it is replaced.
        name: String,
        /// A multiple of [`BLOCK_BYTES`].
        length: u64,
    },
    /// Opens a file. Completes with [`DiskOutcome::Opened`].
    Open {
        /// The name.
        name: String,
    },
    /// Overwrites a part of a file. Completes with [`DiskOutcome::Written`].
    Write {
        /// The file.
        file: FileId,
        /// Where it starts: a multiple of [`BLOCK_BYTES`].
        offset: u64,
        /// The bytes, one slice after the other. Address and length of each are multiples of [`BLOCK_BYTES`].
        data: Vec<Bytes>,
        /// Whether completion means that the bytes survive a loss of power.
        durable: bool,
    },
    /// Reads a part of a file. Completes with [`DiskOutcome::Read`].
    Read {
        /// The file.
        file: FileId,
        /// Where it starts: a multiple of [`BLOCK_BYTES`].
        offset: u64,
        /// How many bytes: a multiple of [`BLOCK_BYTES`], within the file.
        length: u32,
    },
    /// Makes everything written to a file so far durable. Completes with [`DiskOutcome::Done`].
    Sync {
        /// The file.
        file: FileId,
    },
    /// Renames a file durably, replacing any that has the new name. Open files stay open. Completes with
    /// [`DiskOutcome::Done`].
    Rename {
        /// The present name.
        from: String,
        /// The future name.
        to: String,
    },
    /// Removes a file durably. Completes with [`DiskOutcome::Done`].
    Remove {
        /// The name.
        name: String,
    },
    /// Forgets an open file once operations under way on it have ended. Completes with [`DiskOutcome::Done`].
    Close {
        /// The file.
        file: FileId,
    },
}

impl Operation {
    /// Checks what the fields say about blocks. Every implementation calls it in [`Disk::submit`]: with direct input and
    /// output the kernel would answer with `EINVAL` (open(2), `O_DIRECT`), without it the mistake would pass unnoticed.
    ///
    /// # Panics
    ///
    /// If an offset, a length or an address is not a multiple of [`BLOCK_BYTES`]: a defect of the caller.
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
            Self::Open { .. } | Self::Sync { .. } | Self::Rename { .. } | Self::Remove { .. } | Self::Close { .. } => {}
        }
    }
}

/// The end of an operation.
#[derive(Debug)]
pub struct Completion {
    /// The id of the operation.
    pub id: OperationId,
    /// How it ended.
    pub result: io::Result<DiskOutcome>,
    /// How long it took, from [`Disk::submit`] to the completion, by the disk's own clock.
    pub elapsed: Duration,
}

/// What a successful operation returns.
pub enum DiskOutcome {
    /// From [`Operation::Create`] and [`Operation::Open`].
    Opened {
        /// The handle for further operations.
        file: FileId,
        /// The length in bytes.
        length: u64,
    },
    /// From [`Operation::Write`]: the vector that came with it, emptied, so that its memory is used again.
    Written(Vec<Bytes>),
    /// From [`Operation::Read`]: exactly the bytes asked for, at an address that is a multiple of [`BLOCK_BYTES`].
    Read(Bytes),
    /// From all others.
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
            Self::Done => formatter.write_str("Done"),
        }
    }
}

/// Whether an error says that there is no room: the disk or the quota is used up.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
