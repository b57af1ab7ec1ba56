//! The disk by blocking calls on threads, for kernels that refuse io_uring. One thread writes and syncs. Others read,
//! so that a cold read never delays a commit.

use std::{fmt, fs::File, io, os::unix::fs::FileExt, path::Path, sync::Arc, task::Waker, time::Duration};

use bytes::Bytes;

use crate::{
    BLOCK_BYTES, Completion, Disk, Entry, Operation, OperationId,
    alarm::Alarm,
    background::{Background, Product, Ticket, Worker},
    directory::Directory,
    memory::ReadPools,
    system,
};

/// Threads that read. Four keep a solid-state disk busy with the cold reads of one process.
const READERS: usize = 4;

/// A write for the thread `disk-writer`.
struct WriteJob {
    file: Arc<File>,
    offset: u64,
    data: Vec<Bytes>,
    durable: bool,
}

/// A read for a thread `disk-reader`.
struct ReadJob {
    file: Arc<File>,
    offset: u64,
    length: usize,
}

/// The disk by blocking calls on threads.
pub struct Threads {
    // Fields drop in this order. The workers come first, so that their threads have ended before the rest is dropped.
    writer: Worker<WriteJob>,
    readers: Vec<Worker<ReadJob>>,
    next_reader: usize,
    background: Background,
    alarm: Arc<Alarm>,
}

impl Threads {
    /// Opens a directory, which must exist, and starts the threads.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, or the system cannot start a thread.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Self::over(Directory::open(directory)?)
    }

    /// Starts the threads on an open directory.
    ///
    /// # Errors
    ///
    /// No eventfd or no thread can be had.
    pub(crate) fn over(directory: Directory) -> io::Result<Self> {
        let alarm = Alarm::new()?;
        let background = Background::start(directory, &alarm)?;
        let writer = Worker::start("disk-writer", background.mailbox(), write)?;
        let pools = Arc::new(ReadPools::new());
        let readers = (0..READERS).map(|_| {
            let pools = Arc::clone(&pools);
            Worker::start("disk-reader", background.mailbox(), move |job| read(&pools, &job))
        });
        let readers = readers.collect::<io::Result<_>>()?;
        Ok(Self { writer, readers, next_reader: 0, background, alarm })
    }

    /// Whether files are opened with `O_DIRECT`.
    pub(crate) fn direct(&self) -> bool {
        self.background.directory().direct()
    }
}

impl Disk for Threads {
    fn submit(&mut self, id: OperationId, operation: Operation) {
        operation.check_alignment();
        let ticket = Ticket::new(id);
        match operation {
            Operation::Create { name, length } => self.background.create(ticket, name, length),
            Operation::Open { name } => self.background.open(ticket, name),
            Operation::Write { file, offset, data, durable } => {
                let file = Arc::clone(self.background.file(file));
                self.writer.give(ticket, WriteJob { file, offset, data, durable });
            }
            Operation::Read { file, offset, length } => {
                let file = Arc::clone(self.background.file(file));
                let length = usize::try_from(length).expect("a usize has at least 32 bits");
                self.readers[self.next_reader].give(ticket, ReadJob { file, offset, length });
                self.next_reader = (self.next_reader + 1) % self.readers.len();
            }
            Operation::Sync { file } => self.background.sync(ticket, file),
            Operation::Rename { from, to } => self.background.rename(ticket, from, to),
            Operation::Recycle { from, to } => self.background.recycle(ticket, from, to),
            Operation::Remove { name } => self.background.remove(ticket, name),
            Operation::Find { file, name } => self.background.find(ticket, file, name),
            Operation::Close { file } => self.background.close(ticket, file),
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()> {
        if self.background.collect(completions) || timeout == Some(Duration::ZERO) {
            self.alarm.skip_sleep();
            return Ok(());
        }
        if self.alarm.begin_sleep() {
            let result = system::sleep_until_readable(self.alarm.descriptor(), timeout);
            self.alarm.end_sleep();
            self.alarm.drain();
            result?;
        }
        self.background.collect(completions);
        Ok(())
    }

    fn waker(&self) -> Waker {
        self.alarm.waker()
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        self.background.directory().list()
    }
}

/// Writes all bytes and, if the job says so, makes them durable.
///
/// # Errors
///
/// What pwritev(2) or fdatasync(2) return, or `WriteZero`.
fn write(job: WriteJob) -> io::Result<Product> {
    let total: usize = job.data.iter().map(Bytes::len).sum();
    let mut done = 0;
    while done < total {
        match system::write_at(&job.file, &job.data, done, job.offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            // The rest starts at a block, as a direct write needs. The bytes between are written a second time.
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

/// Reads all bytes.
///
/// # Errors
///
/// What pread(2) returns, or `UnexpectedEof`.
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
