//! The choice between the implementations. It is made once, at the start, and reported as a [`Selection`].

use std::{fmt, io, path::Path, task::Waker, time::Duration};

use crate::{Completion, Disk, Entry, Operation, OperationId, Ring, Threads, directory::Directory};

/// Which implementation the operator asks for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Choice {
    /// [`Ring`] where the kernel allows it, else [`Threads`]. Both have the same latency per commit, and the ring takes
    /// less than half of the processor time (measured with `examples/commit.rs`).
    #[default]
    Auto,
    /// [`Ring`], or an error.
    Ring,
    /// [`Threads`].
    Threads,
}

/// Which implementation runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Implementation {
    /// [`Ring`].
    Ring,
    /// [`Threads`].
    Threads,
}

/// What [`Native::open`] has chosen, and why. Its text is meant for the broker's log.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The implementation that runs.
    pub implementation: Implementation,
    /// Whether files are opened for direct input and output, past the page cache.
    pub direct: bool,
    /// Why io_uring is not used, if [`Choice::Auto`] tried it.
    pub ring_refused: Option<String>,
}

impl fmt::Display for Selection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.implementation {
            Implementation::Ring => "io_uring",
            Implementation::Threads => "threads",
        })?;
        formatter.write_str(if self.direct {
            ", direct"
        } else {
            ", buffered because the file system of the data directory refuses direct writes"
        })?;
        if let Some(reason) = &self.ring_refused {
            write!(formatter, "; io_uring is not available: {reason}")?;
        }
        Ok(())
    }
}

/// The disk of this machine.
#[derive(Debug)]
pub enum Native {
    /// io_uring.
    Ring(Ring),
    /// Blocking calls on threads.
    Threads(Threads),
}

impl Native {
    /// Opens a directory, which must exist. Removes the files whose creation an earlier process did not finish.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, or [`Choice::Ring`] was asked for and the kernel refuses io_uring.
    pub fn open(directory: &Path, choice: Choice) -> io::Result<(Self, Selection)> {
        let mut ring_refused = None;
        let ring = match choice {
            Choice::Threads => None,
            Choice::Ring => Some(Ring::set_up()?),
            Choice::Auto => Ring::set_up().inspect_err(|error| ring_refused = Some(error.to_string())).ok(),
        };
        let directory = Directory::open(directory)?;
        let disk = match ring {
            Some(ring) => Self::Ring(Ring::over(ring, directory)?),
            None => Self::Threads(Threads::over(directory)?),
        };
        let (implementation, direct) = match &disk {
            Self::Ring(ring) => (Implementation::Ring, ring.direct()),
            Self::Threads(threads) => (Implementation::Threads, threads.direct()),
        };
        Ok((disk, Selection { implementation, direct, ring_refused }))
    }
}

impl Disk for Native {
    fn submit(&mut self, id: OperationId, operation: Operation) {
        match self {
            Self::Ring(ring) => ring.submit(id, operation),
            Self::Threads(threads) => threads.submit(id, operation),
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()> {
        match self {
            Self::Ring(ring) => ring.wait(timeout, completions),
            Self::Threads(threads) => threads.wait(timeout, completions),
        }
    }

    fn waker(&self) -> Waker {
        match self {
            Self::Ring(ring) => ring.waker(),
            Self::Threads(threads) => threads.waker(),
        }
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        match self {
            Self::Ring(ring) => ring.list(),
            Self::Threads(threads) => threads.list(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BLOCK_BYTES, Buffer, DiskOutcome, FileId};

    fn run(disk: &mut dyn Disk, operation: Operation) -> DiskOutcome {
        disk.submit(OperationId(0), operation);
        let mut completions = Vec::new();
        while completions.is_empty() {
            disk.wait(None, &mut completions).unwrap();
        }
        completions.pop().unwrap().result.unwrap()
    }

    fn round_trip(disk: &mut dyn Disk) {
        let created = run(disk, Operation::Create { name: "a".into(), length: 3 * BLOCK_BYTES as u64 });
        let DiskOutcome::Opened { file, .. } = created else { panic!("{created:?}") };
        assert_eq!(file, FileId(0));
        let mut buffer = Buffer::zeroed(BLOCK_BYTES);
        buffer.fill(7);
        let data = vec![buffer.freeze(BLOCK_BYTES)];
        run(disk, Operation::Write { file, offset: BLOCK_BYTES as u64, data, durable: true });
        let read = run(disk, Operation::Read { file, offset: 0, length: 3 * 4096 });
        let DiskOutcome::Read(bytes) = read else { panic!("{read:?}") };
        assert_eq!([bytes[0], bytes[BLOCK_BYTES], bytes[2 * BLOCK_BYTES]], [0, 7, 0]);
    }

    #[test]
    fn both_work_where_direct_writes_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        round_trip(&mut Threads::over(Directory::buffered(directory.path()).unwrap()).unwrap());
        match Ring::set_up() {
            Ok(ring) => round_trip(&mut Ring::over(ring, Directory::buffered(directory.path()).unwrap()).unwrap()),
            Err(error) => eprintln!("no io_uring here: {error}"),
        }
    }

    #[test]
    fn the_text_of_a_selection_gives_the_reasons() {
        let ring_refused = Some("Operation not permitted".to_owned());
        let selection = Selection { implementation: Implementation::Threads, direct: false, ring_refused };
        assert_eq!(
            selection.to_string(),
            "threads, buffered because the file system of the data directory refuses direct writes; io_uring is not \
             available: Operation not permitted"
        );
    }

    #[test]
    fn a_disk_moves_to_the_thread_of_its_loop() {
        fn movable<T: Send + 'static>() {}
        movable::<Native>();
    }
}
