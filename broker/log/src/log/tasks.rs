//! What each operation submitted to the disk is for, by its id.

use posthouse_disk::OperationId;

use super::cold_read::ColdRead;
use crate::Position;

/// What the completion of an operation is for.
#[derive(Debug)]
pub(super) enum Task {
    /// A write of records, by its number.
    Commit { flight: u64 },
    /// A write of the superblock.
    Superblock,
    /// A cold read.
    Read(ColdRead),
    /// The opening of a segment for cold reads.
    OpenSegment { first: Position },
    /// The creation of a spare.
    CreateSpare { name: String },
    /// The opening of a spare that becomes the segment at `first`.
    OpenSpare { first: Position },
    /// The write of a header for the segment at `first`.
    WriteHeader { first: Position },
    /// The renaming of a spare to the segment at `first`.
    NameSegment { first: Position },
    /// The renaming of a segment to a spare.
    Recycle { first: Position, name: String },
    /// The removal of a segment or of a surplus file.
    Remove { name: String },
    /// The check that a name still leads to a file of the log.
    FindFile { name: String },
    /// The closing of a file.
    Close,
}

/// The tasks under way by id. The number of a task that has ended is used again.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    slots: Vec<Option<Task>>,
    unused: Vec<usize>,
}

impl Tasks {
    /// Remembers a task and returns the id for its operation.
    pub(super) fn start(&mut self, task: Task) -> OperationId {
        let index = self.unused.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[index] = Some(task);
        OperationId(index as u64)
    }

    /// Returns the task of an operation that has completed.
    ///
    /// # Panics
    ///
    /// If no operation with this id is under way.
    pub(super) fn end(&mut self, id: OperationId) -> Task {
        let index = usize::try_from(id.0).expect("ids are small");
        self.unused.push(index);
        self.slots[index].take().expect("an operation completes once")
    }
}
