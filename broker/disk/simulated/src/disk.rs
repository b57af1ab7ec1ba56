//! The seam: operations in, completions out.

use std::{io, task::Waker, time::Duration};

use posthouse_disk::{Completion, Disk, Entry, Operation, OperationId};

use crate::{
    faults::{OperationKind, Order},
    state::State,
    storage::Storage,
};

/// What each operation takes, as completions say.
const LATENCY: Duration = Duration::from_micros(10);

/// A [`Storage`] as a [`Disk`]. Operations take effect in [`Disk::wait`], which never sleeps.
///
/// [`Disk::wait`] panics when it is called without a time-out and no operation can complete: the caller would sleep for
/// ever, because the waker wakes nothing.
#[derive(Debug)]
pub struct SimulatedDisk(Storage);

impl SimulatedDisk {
    /// Opens a storage. Operations of an earlier disk that are still under way end as in [`Storage::kill`]; that disk
    /// must not be used any more.
    #[must_use]
    pub fn open(storage: &Storage) -> Self {
        storage.kill();
        Self(storage.clone())
    }

    /// The storage that this disk is open on.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.0
    }
}

impl Disk for SimulatedDisk {
    fn submit(&mut self, id: OperationId, operation: Operation) {
        operation.check_alignment();
        self.0.lock().queue.push((id, operation));
    }

    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()> {
        let mut state = self.0.lock();
        let mut left = state.faults.completions_max.unwrap_or(usize::MAX);
        let mut completed = 0;
        while left > 0 {
            let Some(index) = state.next_to_complete() else { break };
            state.spend_operation()?;
            let (id, operation) = state.queue.remove(index);
            let result = state.perform(operation);
            completions.push(Completion { id, result, elapsed: LATENCY });
            completed += 1;
            left -= 1;
        }
        drop(state);
        assert!(completed > 0 || timeout.is_some(), "a wait that nothing would end");
        Ok(())
    }

    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        Ok(self.0.lock().files.entries())
    }
}

impl State {
    /// The index in the queue of the operation to complete next, if there is one that does not hang.
    fn next_to_complete(&mut self) -> Option<usize> {
        let (hanging, slow_files) = (&self.faults.hanging, &self.faults.hanging_reads);
        let can_complete = |(_, operation): &(OperationId, Operation)| {
            let is_slow = |file| slow_files.iter().any(|name| self.files.find(file, name).is_ok());
            let hangs = matches!(operation, Operation::Read { file, .. } if is_slow(*file));
            !hangs && !hanging.contains(&OperationKind::of(operation))
        };
        match self.faults.order {
            Order::Submission => self.queue.iter().position(can_complete),
            Order::Random => {
                let able: Vec<usize> =
                    (0..self.queue.len()).filter(|index| can_complete(&self.queue[*index])).collect();
                if able.is_empty() { None } else { Some(able[self.random.below(able.len())]) }
            }
        }
    }

    /// Counts an operation.
    ///
    /// # Errors
    ///
    /// The disk has halted: [`Faults::operations_until_halt`](crate::Faults::operations_until_halt) has come down to
    /// zero.
    fn spend_operation(&mut self) -> io::Result<()> {
        match &mut self.faults.operations_until_halt {
            None => Ok(()),
            Some(0) => Err(io::Error::other("the disk has halted")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}
