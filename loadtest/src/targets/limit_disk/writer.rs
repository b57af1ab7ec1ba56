//! The thread that writes and syncs, and the buffer of a group.
//!
//! A batch is acknowledged after the sync that covers it. If the disk is full, the group is refused and the next group
//! is written at the same position. Every other failure to write or sync ends the writer, because a sync that is
//! repeated after a failure may succeed although data was lost.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot};

use crate::target::Failure;

/// The unit of writes past the page cache, for address, position and length.
pub(super) const BLOCK_BYTES: usize = 4096;

/// A batch to write.
pub(super) struct Append {
    /// The bodies, one after the other.
    pub(super) bytes: Vec<u8>,
    /// Gets the buffer back, and the result.
    pub(super) done: oneshot::Sender<(Vec<u8>, Result<(), Failure>)>,
}

/// A buffer that begins at a multiple of [`BLOCK_BYTES`] in memory.
pub(super) struct Group {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Group {
    /// An empty group that holds `bytes` bytes, rounded up to whole blocks.
    pub(super) fn with_room(bytes: usize) -> Self {
        let memory = vec![0; bytes.next_multiple_of(BLOCK_BYTES) + BLOCK_BYTES];
        let start = memory.as_ptr().align_offset(BLOCK_BYTES);
        Self { memory, start, length: 0 }
    }

    fn room(&self) -> usize {
        self.memory.len() - BLOCK_BYTES - self.length
    }

    /// Appends bytes for which there is room.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let from = self.start + self.length;
        self.memory[from..from + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }

    /// The bytes, up to the end of their last block. The rest of that block has bytes of earlier groups.
    pub(super) fn blocks(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length.next_multiple_of(BLOCK_BYTES)]
    }
}

/// The state of the thread.
pub(super) struct Writer {
    file: File,
    /// The length of a prewritten file, which is written in whole blocks, and from the start again at its end.
    room: Option<u64>,
    at: u64,
    group: Group,
    inbox: mpsc::Receiver<Append>,
    /// Set before the results of the last group are sent, if the writer ends with a failure.
    ended: Arc<OnceLock<Failure>>,
}

impl Writer {
    /// A writer at the beginning of its file.
    pub(super) fn new(
        file: File,
        room: Option<u64>,
        group: Group,
        inbox: mpsc::Receiver<Append>,
        ended: Arc<OnceLock<Failure>>,
    ) -> Self {
        assert!(room.is_none_or(|room| room >= group.memory.len() as u64), "each group has room in the file");
        Self { file, room, at: 0, group, inbox, ended }
    }

    /// Writes until all senders of batches are dropped, or a write or sync fails.
    pub(super) fn run(mut self) {
        let mut taken = Vec::new();
        let mut held = None;
        while let Some(first) = held.take().or_else(|| self.inbox.blocking_recv()) {
            held = self.gather(first, &mut taken);
            let result = self.commit();
            if let Err(failure) = result.as_ref().map_err(Clone::clone)
                && failure.needs_new_connection()
            {
                self.ended.set(failure).expect("only this thread sets it, once");
            }
            for append in taken.drain(..) {
                // The send fails if the producer was dropped.
                let _ = append.done.send((append.bytes, result.clone()));
            }
            if self.ended.get().is_some() {
                return;
            }
        }
    }

    /// Moves the batches that wait into the group. Returns the first batch that does not fit.
    fn gather(&mut self, first: Append, taken: &mut Vec<Append>) -> Option<Append> {
        self.group.length = 0;
        let mut next = Some(first);
        while let Some(append) = next {
            if append.bytes.len() > self.group.room() {
                if self.group.length > 0 {
                    return Some(append);
                }
                let refusal = Failure::Refused("the batch is larger than the layout said".to_owned());
                let _ = append.done.send((append.bytes, Err(refusal)));
            } else {
                self.group.push(&append.bytes);
                taken.push(append);
            }
            next = self.inbox.try_recv().ok();
        }
        None
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let bytes = if self.room.is_some() { self.group.blocks() } else { self.group.bytes() };
        if self.room.is_some_and(|room| self.at + bytes.len() as u64 > room) {
            self.at = 0;
        }
        self.file.write_all_at(bytes, self.at).map_err(|error| match is_full(&error) {
            true => Failure::Refused(format!("the file cannot grow: {error}")),
            false => Failure::Disconnected(format!("a write failed: {error}")),
        })?;
        self.file.sync_data().map_err(|error| Failure::Disconnected(format!("a sync failed: {error}")))?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// Whether the disk, a quota or the limit of a file's size is used up.
pub(super) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
