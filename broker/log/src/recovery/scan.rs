//! Reads a segment from front to back at the speed of the disk.
//!
//! Several windows of the file are read ahead. A record is a slice of its window. A record that crosses into the next
//! window is copied into memory of its own.

use std::{collections::VecDeque, io};

use bytes::Bytes;
use posthouse_disk::{Buffer, Completion, Disk, DiskOutcome, FileId, Operation, OperationId};

/// The bytes of one read. 1 MiB reaches the full speed of common disks.
pub(super) const WINDOW_BYTES: u64 = 1024 * 1024;
/// Windows that are held or being read.
const WINDOWS: usize = 4;

/// Submits an operation and waits for its outcome. No other operation may be under way.
///
/// # Errors
///
/// The error of the operation, or of [`Disk::wait`].
pub(super) fn run<D: Disk>(disk: &mut D, operation: Operation) -> io::Result<DiskOutcome> {
    disk.submit(OperationId(0), operation);
    let mut completions = Vec::with_capacity(1);
    while completions.is_empty() {
        disk.wait(None, &mut completions)?;
    }
    let Completion { result, .. } = completions.pop().expect("just seen");
    assert!(completions.is_empty(), "nothing else was under way");
    result
}

/// As [`run`], for an operation that opens a file. Returns the file and its length in bytes.
///
/// # Errors
///
/// As [`run`].
pub(super) fn run_open<D: Disk>(disk: &mut D, operation: Operation) -> io::Result<(FileId, u64)> {
    match run(disk, operation)? {
        DiskOutcome::Opened { file, length } => Ok((file, length)),
        other => unreachable!("an opening completed with {other:?}"),
    }
}

/// As [`run`], for a read.
///
/// # Errors
///
/// As [`run`].
pub(super) fn run_read<D: Disk>(disk: &mut D, file: FileId, offset: u64, length: u64) -> io::Result<Bytes> {
    let length = u32::try_from(length).expect("reads are short");
    match run(disk, Operation::Read { file, offset, length })? {
        DiskOutcome::Read(bytes) => Ok(bytes),
        other => unreachable!("a read completed with {other:?}"),
    }
}

/// As [`run`], for a durable write of one slice.
///
/// # Errors
///
/// As [`run`].
pub(super) fn run_write<D: Disk>(disk: &mut D, file: FileId, offset: u64, data: Bytes) -> io::Result<()> {
    run(disk, Operation::Write { file, offset, data: vec![data], durable: true }).map(drop)
}

/// A file that is read from front to back.
#[derive(Debug)]
pub(super) struct Scanner {
    file: FileId,
    length: u64,
    /// Consecutive windows. The first one holds the byte last asked for.
    windows: VecDeque<Window>,
    /// The offset of the next window to read.
    next: u64,
    in_flight: usize,
    completions: Vec<Completion>,
}

#[derive(Debug)]
struct Window {
    start: u64,
    /// `None` until the read has completed.
    bytes: Option<Bytes>,
    length: u64,
}

impl Scanner {
    /// Starts at `offset` of a file of `length` bytes. Reads nothing yet.
    pub(super) fn new(file: FileId, offset: u64, length: u64) -> Self {
        let next = offset / WINDOW_BYTES * WINDOW_BYTES;
        Self { file, length, windows: VecDeque::new(), next, in_flight: 0, completions: Vec::new() }
    }

    /// The file.
    pub(super) fn file(&self) -> FileId {
        self.file
    }

    /// The length of the file in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// `length` bytes from `offset` on, which must lie within the file. `offset` never decreases from call to call.
    ///
    /// # Errors
    ///
    /// The disk refuses a read.
    pub(super) fn bytes<D: Disk>(&mut self, disk: &mut D, offset: u64, length: usize) -> io::Result<Bytes> {
        let end = offset + length as u64;
        if let Some(Window { start, bytes: Some(bytes), length: held }) = self.windows.front()
            && end <= start + held
        {
            let at = usize::try_from(offset - start).expect("within a window");
            return Ok(bytes.slice(at..at + length));
        }
        self.fetch(disk, offset, end)?;
        let window = self.windows.front().expect("fetched");
        if end <= window.start + window.length {
            let at = usize::try_from(offset - window.start).expect("within a window");
            return Ok(window.bytes.as_ref().expect("fetched").slice(at..at + length));
        }
        let mut whole = Buffer::zeroed(length);
        let mut filled = 0;
        for window in &self.windows {
            let at = usize::try_from((offset + filled as u64) - window.start).expect("within a window");
            let part = &window.bytes.as_ref().expect("fetched")[at..];
            let part = &part[..part.len().min(length - filled)];
            whole[filled..filled + part.len()].copy_from_slice(part);
            filled += part.len();
            if filled == length {
                break;
            }
        }
        Ok(whole.freeze(length))
    }

    /// Waits until no read is under way. Must be called before the disk is used for anything else.
    ///
    /// # Errors
    ///
    /// The disk refuses a read.
    pub(super) fn rest<D: Disk>(&mut self, disk: &mut D) -> io::Result<()> {
        while self.in_flight > 0 {
            self.wait(disk)?;
        }
        Ok(())
    }

    /// Holds the bytes from `offset` to `end`, drops windows before them, and reads ahead.
    ///
    /// # Errors
    ///
    /// The disk refuses a read.
    fn fetch<D: Disk>(&mut self, disk: &mut D, offset: u64, end: u64) -> io::Result<()> {
        assert!(end <= self.length, "within the file");
        while let Some(window) = self.windows.front()
            && window.start + window.length <= offset
        {
            if window.bytes.is_none() {
                self.wait(disk)?;
                continue;
            }
            self.windows.pop_front();
        }
        loop {
            while (self.windows.len() < WINDOWS || self.next < end) && self.next < self.length {
                let length = WINDOW_BYTES.min(self.length - self.next);
                let operation = Operation::Read {
                    file: self.file,
                    offset: self.next,
                    length: u32::try_from(length).expect("a window is short"),
                };
                disk.submit(OperationId(self.next), operation);
                self.windows.push_back(Window { start: self.next, bytes: None, length });
                self.next += length;
                self.in_flight += 1;
            }
            if self.windows.iter().take_while(|window| window.start < end).all(|window| window.bytes.is_some()) {
                return Ok(());
            }
            self.wait(disk)?;
        }
    }

    /// Takes in the next completions.
    ///
    /// # Errors
    ///
    /// The error of a read, or of [`Disk::wait`].
    fn wait<D: Disk>(&mut self, disk: &mut D) -> io::Result<()> {
        disk.wait(None, &mut self.completions)?;
        let mut failed = None;
        for Completion { id, result, .. } in self.completions.drain(..) {
            self.in_flight -= 1;
            match result {
                Ok(DiskOutcome::Read(bytes)) => {
                    let window = self.windows.iter_mut().find(|window| window.start == id.0);
                    window.expect("windows stay until they are read").bytes = Some(bytes);
                }
                Ok(other) => unreachable!("a read completed with {other:?}"),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
