//! What the log is waiting for: each operation handed to the disk, by its id.

use posthouse_disk::OperationId;

use super::cold_read::ColdRead;
use crate::Position;

#[derive(Debug)]
pub(super) enum Task {
    /// A write of records, by its number.
    Commit { flight: u64 },
    /// A write of the superblock.
    Superblock,
    /// A cold read.
    Read(ColdRead),
    /// Opening a segment for cold reads.
    OpenSegment { first: Position },
    /// Making a spare.
    CreateSpare { name: String },
    /// Opening a spare that is to become the segment `first`.
    OpenSpare { first: Position },
    /// Writing the header of the segment to be.
    WriteHeader { first: Position },
    /// Giving the segment its name.
    NameSegment { first: Position },
    /// Turning a segment into a spare.
    Recycle { first: Position, name: String },
    /// Removing a segment, or a spare that nobody needs.
    Remove,
    /// Closing a file.
    Close,
}

/// Tasks by id; numbers of ended tasks are used again.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    slots: Vec<Option<Task>>,
    unused: Vec<usize>,
}

impl Tasks {
    pub(super) fn start(&mut self, task: Task) -> OperationId {
        let index = self.unused.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[index] = Some(task);
        OperationId(index as u64)
    }

    pub(super) fn end(&mut self, id: OperationId) -> Task {
        let index = usize::try_from(id.0).expect("ids are small");
        self.unused.push(index);
        self.slots[index].take().expect("an operation completes once")
    }
}
