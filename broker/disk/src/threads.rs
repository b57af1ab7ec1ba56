//! The disk by blocking calls on threads: one writes and syncs, others read, so that a cold read never delays a
//! commit. Used where io_uring is not to be had.

use std::{fmt, fs::File, io, os::unix::fs::FileExt, path::Path, sync::Arc, task::Waker, time::Duration};

use bytes::Bytes;

use crate::{
    BLOCK_BYTES, Completion, Disk, Entry, Operation, OperationId,
    alarm::Alarm,
    backstage::{Backstage, Product, Ticket, Worker},
    directory::Directory,
    memory::ReadPools,
    system,
};

/// Cold reads under way at once: enough to keep a solid-state disk busy from one process, few enough to be cheap.
const READERS: usize = 4;

struct WriteJob {
    file: Arc<File>,
    offset: u64,
    data: Vec<Bytes>,
    durable: bool,
}

struct ReadJob {
    file: Arc<File>,
    offset: u64,
    length: usize,
}

/// The disk by blocking calls on threads.
pub struct Threads {
    // The workers stand first: they are dropped, and their threads joined, before the rest.
    writer: Worker<WriteJob>,
    readers: Vec<Worker<ReadJob>>,
    next_reader: usize,
    backstage: Backstage,
    alarm: Arc<Alarm>,
}

impl Threads {
    /// Starts the threads on a directory, which must exist.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, or no thread can be started.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Self::over(Directory::open(directory)?)
    }

    pub(crate) fn over(directory: Directory) -> io::Result<Self> {
        let alarm = Alarm::new()?;
        let backstage = Backstage::start(directory, &alarm)?;
        let writer = Worker::start("disk-writer", backstage.mailbox(), write)?;
        let pools = Arc::new(ReadPools::new());
        let readers = (0..READERS).map(|_| {
            let pools = Arc::clone(&pools);
            Worker::start("disk-reader", backstage.mailbox(), move |job| read(&pools, &job))
        });
        let readers = readers.collect::<io::Result<_>>()?;
        Ok(Self { writer, readers, next_reader: 0, backstage, alarm })
    }

    pub(crate) fn direct(&self) -> bool {
        self.backstage.directory().direct()
    }
}

impl Disk for Threads {
    fn submit(&mut self, id: OperationId, operation: Operation) {
        operation.check_alignment();
        let ticket = Ticket::new(id);
        match operation {
            Operation::Create { name, length } => self.backstage.create(ticket, name, length),
            Operation::Open { name } => self.backstage.open(ticket, name),
            Operation::Write { file, offset, data, durable } => {
                let file = Arc::clone(self.backstage.file(file));
                self.writer.give(ticket, WriteJob { file, offset, data, durable });
            }
            Operation::Read { file, offset, length } => {
                let file = Arc::clone(self.backstage.file(file));
                let length = usize::try_from(length).expect("a usize has at least 32 bits");
                self.readers[self.next_reader].give(ticket, ReadJob { file, offset, length });
                self.next_reader = (self.next_reader + 1) % self.readers.len();
            }
            Operation::Sync { file } => self.backstage.sync(ticket, file),
            Operation::Rename { from, to } => self.backstage.rename(ticket, from, to),
            Operation::Remove { name } => self.backstage.remove(ticket, name),
            Operation::Close { file } => self.backstage.close(ticket, file),
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()> {
        if self.backstage.collect(completions) || timeout == Some(Duration::ZERO) {
            self.alarm.stay_awake();
            return Ok(());
        }
        if self.alarm.lie_down() {
            let result = system::sleep_until_readable(self.alarm.descriptor(), timeout);
            self.alarm.get_up();
            self.alarm.silence();
            result?;
        }
        self.backstage.collect(completions);
        Ok(())
    }

    fn waker(&self) -> Waker {
        self.alarm.waker()
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        self.backstage.directory().list()
    }
}

fn write(job: WriteJob) -> io::Result<Product> {
    let total: usize = job.data.iter().map(Bytes::len).sum();
    let mut done = 0;
    while done < total {
        match system::write_at(&job.file, &job.data, done, job.offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            // A direct write goes on from a block's start; its first bytes are written twice.
            Ok(written) if done + written < total => done = (done + written) / BLOCK_BYTES * BLOCK_BYTES,
            Ok(written) => done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if job.durable {
        job.file.sync_data()?;
    }
    Ok(Product::Written(job.data))
}

fn read(pools: &ReadPools, job: &ReadJob) -> io::Result<Product> {
    let mut buffer = pools.take(job.length);
    job.file.read_exact_at(&mut buffer[..job.length], job.offset)?;
    Ok(Product::Read(buffer.freeze(job.length)))
}

impl fmt::Debug for Threads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Threads").finish_non_exhaustive()
    }
}
