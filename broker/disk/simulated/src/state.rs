//! The state of a storage, and what each operation does to it.

use std::io;

use posthouse_disk::{DiskOutcome, Operation, OperationId};

use crate::{
    faults::{Faults, OperationKind},
    files::{Files, index},
    random::Random,
};

/// The files, the operations under way, and the source of chance.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) files: Files,
    pub(crate) random: Random,
    pub(crate) faults: Faults,
    /// Operations that have not completed, in the order of submission.
    pub(crate) queue: Vec<(OperationId, Operation)>,
    /// How many reads have completed.
    pub(crate) reads: u64,
}

impl State {
    /// Lets an operation take effect.
    ///
    /// # Errors
    ///
    /// What a completion of it says: `StorageFull`, `NotFound`, `UnexpectedEof`, a refusal, or a broken disk.
    pub(crate) fn perform(&mut self, operation: Operation) -> io::Result<DiskOutcome> {
        let kind = OperationKind::of(&operation);
        if let Some(refusal) = self.faults.refusals.iter().find(|refusal| refusal.kind == kind) {
            return Err(io::Error::from_raw_os_error(refusal.errno));
        }
        match operation {
            Operation::Create { name, length } => {
                let used = self.files.used_bytes();
                if self.faults.capacity_bytes.is_some_and(|capacity| used + length > capacity) {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                Ok(self.files.create(&name, index(length)))
            }
            Operation::Open { name } => self.files.open(&name),
            Operation::Write { file, offset, mut data, durable } => {
                self.spend_write()?;
                let node = self.files.node_of(file);
                let node = self.files.node(node);
                let mut at = index(offset);
                for slice in data.drain(..) {
                    node.seen[at..at + slice.len()].copy_from_slice(&slice);
                    if durable {
                        node.durable[at..at + slice.len()].copy_from_slice(&slice);
                    }
                    at += slice.len();
                }
                Ok(DiskOutcome::Written(data))
            }
            Operation::Read { file, offset, length } => {
                self.reads += 1;
                if !self.faults.read_errors.is_empty() {
                    return Err(io::Error::from_raw_os_error(self.faults.read_errors.remove(0)));
                }
                let buffer = self.files.read(file, offset, length)?;
                Ok(DiskOutcome::Read(buffer.freeze(index(length.into()))))
            }
            Operation::Sync { file } => {
                let node = self.files.node_of(file);
                let node = self.files.node(node);
                node.durable.clone_from(&node.seen);
                Ok(DiskOutcome::Done)
            }
            Operation::Rename { from, to } => self.files.rename(&from, to).map(|()| DiskOutcome::Done),
            Operation::Recycle { from, to } => self.files.recycle(&from, to),
            Operation::Remove { name } => self.files.remove(&name).map(|()| DiskOutcome::Done),
            Operation::Find { file, name } => self.files.find(file, &name).map(|()| DiskOutcome::Done),
            Operation::Close { file } => {
                self.files.close(file);
                Ok(DiskOutcome::Done)
            }
        }
    }

    /// Counts a write.
    ///
    /// # Errors
    ///
    /// The disk is broken: [`Faults::writes_until_failure`] has come down to zero.
    fn spend_write(&mut self) -> io::Result<()> {
        match &mut self.faults.writes_until_failure {
            None => Ok(()),
            Some(0) => Err(io::Error::other("the disk is broken")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}
