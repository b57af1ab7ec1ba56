//! The work that both implementations do on threads beside the loop: operations on names, syncs, and the creation of
//! files.
//!
//! There are two threads. `disk-metadata` opens, renames, removes and syncs in the order of submission. `disk-creator`
//! writes new files, so that a rename never waits until a file of many megabytes has been written. Results lie in a
//! [`Mailbox`] until the loop collects them.
//!
//! The table of open files is here too, because these operations fill it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use bytes::Bytes;

use crate::{Buffer, Completion, DiskOutcome, FileId, OperationId, alarm::Alarm, directory::Directory, system};

/// Bytes of zeros per write. 256 KiB is written at the full speed of common disks, and a commit waits for at most one
/// such write.
const ZEROS_BYTES: usize = 256 * 1024;
/// Files of up to this many bytes are created without pauses, because the first start waits for one.
const UNHURRIED_ABOVE_BYTES: u64 = 8 * 1024 * 1024;

/// The id of an operation and the time of its submission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) id: OperationId,
    pub(crate) started: Instant,
}

impl Ticket {
    /// A ticket for an operation submitted now.
    pub(crate) fn new(id: OperationId) -> Self {
        Self { id, started: Instant::now() }
    }

    /// The completion of the operation, with the time since its submission.
    pub(crate) fn complete(self, result: io::Result<DiskOutcome>) -> Completion {
        Completion { id: self.id, result, elapsed: self.started.elapsed() }
    }
}

/// The result of a job, before its file has a [`FileId`].
pub(crate) enum Product {
    Opened { file: File, length: u64 },
    Written(Vec<Bytes>),
    Read(Bytes),
    Shared,
    Done,
}

/// Results of finished jobs. Each [`Mailbox::deliver`] wakes the loop.
pub(crate) struct Mailbox {
    finished: Mutex<Vec<(Ticket, io::Result<Product>)>>,
    alarm: Arc<Alarm>,
}

impl Mailbox {
    /// Adds a result and wakes the loop.
    pub(crate) fn deliver(&self, ticket: Ticket, result: io::Result<Product>) {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).push((ticket, result));
        self.alarm.wake_loop();
    }
}

/// A job of one of the two threads.
enum Job {
    Create { name: String, length: u64 },
    Open { name: String },
    Rename { from: String, to: String },
    Recycle { from: String, to: String },
    Remove { name: String },
    Sync { file: Arc<File> },
    Find { file: Arc<File>, name: String },
}

/// A thread with a queue of jobs. Dropping it runs the jobs in the queue, then ends and joins the thread.
pub(crate) struct Worker<J> {
    queue: Option<mpsc::Sender<(Ticket, J)>>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Send + 'static> Worker<J> {
    /// Starts a thread of this name. It calls `work` for each job and delivers the result.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub(crate) fn start(
        name: &str,
        mailbox: &Arc<Mailbox>,
        mut work: impl FnMut(J) -> io::Result<Product> + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel::<(Ticket, J)>();
        let mailbox = Arc::clone(mailbox);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            for (ticket, job) in jobs {
                mailbox.deliver(ticket, work(job));
            }
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Appends a job to the queue.
    pub(crate) fn give(&self, ticket: Ticket, job: J) {
        let queue = self.queue.as_ref().expect("only the drop closes the queue");
        queue.send((ticket, job)).expect("a worker lives as long as its queue");
    }
}

impl<J> Drop for Worker<J> {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // The panic hook has reported a panic of the thread already.
            let _ = thread.join();
        }
    }
}

/// The two threads, their results, and the open files.
pub(crate) struct Background {
    // Fields drop in this order. The workers come first, so that their threads have ended before the rest is dropped.
    metadata: Worker<Job>,
    creator: Worker<Job>,
    directory: Arc<Directory>,
    mailbox: Arc<Mailbox>,
    stop: Arc<AtomicBool>,
    files: BTreeMap<FileId, Arc<File>>,
    next_file: u32,
    /// Completions of operations that needed no thread.
    immediate: Vec<Completion>,
    /// Swapped with the mailbox by `collect`, so that neither vector is allocated again.
    collected: Vec<(Ticket, io::Result<Product>)>,
}

impl Background {
    /// Starts both threads on a directory.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub(crate) fn start(directory: Directory, alarm: &Arc<Alarm>) -> io::Result<Self> {
        let directory = Arc::new(directory);
        let mailbox = Arc::new(Mailbox { finished: Mutex::new(Vec::new()), alarm: Arc::clone(alarm) });
        let stop = Arc::new(AtomicBool::new(false));
        let worker = |name| {
            let directory = Arc::clone(&directory);
            let stop = Arc::clone(&stop);
            Worker::start(name, &mailbox, move |job| run(&directory, &stop, job))
        };
        Ok(Self {
            metadata: worker("disk-metadata")?,
            creator: worker("disk-creator")?,
            directory,
            mailbox,
            stop,
            files: BTreeMap::new(),
            next_file: 0,
            immediate: Vec::new(),
            collected: Vec::new(),
        })
    }

    /// The directory that all names lie in.
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Where other workers of the same disk deliver their results.
    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// An open file.
    ///
    /// # Panics
    ///
    /// If it is not open: the caller names only files that [`DiskOutcome::Opened`] gave it.
    pub(crate) fn file(&self, file: FileId) -> &Arc<File> {
        self.files.get(&file).expect("operations name files that are open")
    }

    /// Starts [`Operation::Create`](crate::Operation::Create).
    pub(crate) fn create(&self, ticket: Ticket, name: String, length: u64) {
        self.creator.give(ticket, Job::Create { name, length });
    }

    /// Starts [`Operation::Open`](crate::Operation::Open).
    pub(crate) fn open(&self, ticket: Ticket, name: String) {
        self.metadata.give(ticket, Job::Open { name });
    }

    /// Starts [`Operation::Rename`](crate::Operation::Rename).
    pub(crate) fn rename(&self, ticket: Ticket, from: String, to: String) {
        self.metadata.give(ticket, Job::Rename { from, to });
    }

    /// Starts [`Operation::Recycle`](crate::Operation::Recycle).
    pub(crate) fn recycle(&self, ticket: Ticket, from: String, to: String) {
        self.metadata.give(ticket, Job::Recycle { from, to });
    }

    /// Starts [`Operation::Remove`](crate::Operation::Remove).
    pub(crate) fn remove(&self, ticket: Ticket, name: String) {
        self.metadata.give(ticket, Job::Remove { name });
    }

    /// Starts [`Operation::Sync`](crate::Operation::Sync).
    pub(crate) fn sync(&self, ticket: Ticket, file: FileId) {
        self.metadata.give(ticket, Job::Sync { file: Arc::clone(self.file(file)) });
    }

    /// Starts [`Operation::Find`](crate::Operation::Find).
    pub(crate) fn find(&self, ticket: Ticket, file: FileId, name: String) {
        self.metadata.give(ticket, Job::Find { file: Arc::clone(self.file(file)), name });
    }

    /// Removes a file from the table. Operations under way hold their own reference, so that the descriptor closes
    /// after the last of them.
    pub(crate) fn close(&mut self, ticket: Ticket, file: FileId) {
        self.files.remove(&file).expect("files are closed once");
        self.immediate.push(ticket.complete(Ok(DiskOutcome::Done)));
    }

    /// Appends the completions of finished jobs and returns whether there were any. Gives each opened file its
    /// [`FileId`].
    pub(crate) fn collect(&mut self, completions: &mut Vec<Completion>) -> bool {
        let before = completions.len();
        completions.append(&mut self.immediate);
        std::mem::swap(&mut self.collected, &mut self.mailbox.finished.lock().unwrap_or_else(PoisonError::into_inner));
        for (ticket, result) in self.collected.drain(..) {
            let result = result.map(|product| match product {
                Product::Opened { file, length } => {
                    let id = FileId(self.next_file);
                    self.next_file = self.next_file.checked_add(1).expect("2^32 files are not opened in one run");
                    self.files.insert(id, Arc::new(file));
                    DiskOutcome::Opened { file: id, length }
                }
                Product::Written(mut data) => {
                    data.clear();
                    DiskOutcome::Written(data)
                }
                Product::Read(bytes) => DiskOutcome::Read(bytes),
                Product::Shared => DiskOutcome::Shared,
                Product::Done => DiskOutcome::Done,
            });
            completions.push(ticket.complete(result));
        }
        completions.len() > before
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Runs a job on its thread.
///
/// # Errors
///
/// What the system calls of the job return.
fn run(directory: &Directory, stop: &AtomicBool, job: Job) -> io::Result<Product> {
    match job {
        Job::Create { name, length } => create(directory, stop, &name, length),
        Job::Open { name } => {
            let file = directory.open_file(&name)?;
            let length = file.metadata()?.len();
            Ok(Product::Opened { file, length })
        }
        Job::Rename { from, to } => {
            fs::rename(directory.path_of(&from), directory.path_of(&to))?;
            directory.sync()?;
            Ok(Product::Done)
        }
        Job::Recycle { from, to } => {
            let shared = fs::metadata(directory.path_of(&from))?.nlink() > 1;
            if shared {
                fs::remove_file(directory.path_of(&from))?;
            } else {
                fs::rename(directory.path_of(&from), directory.path_of(&to))?;
            }
            directory.sync()?;
            Ok(if shared { Product::Shared } else { Product::Done })
        }
        Job::Remove { name } => {
            fs::remove_file(directory.path_of(&name))?;
            directory.sync()?;
            Ok(Product::Done)
        }
        Job::Sync { file } => {
            file.sync_data()?;
            Ok(Product::Done)
        }
        Job::Find { file, name } => {
            directory.find(&file, &name)?;
            Ok(Product::Done)
        }
    }
}

/// Creates a file under an unfinished name, renames it, and syncs the directory: after a crash the file is absent or
/// whole.
///
/// # Errors
///
/// What the system calls return, or `Interrupted` if the disk is closed meanwhile. Nothing of the file is left then.
fn create(directory: &Directory, stop: &AtomicBool, name: &str, length: u64) -> io::Result<Product> {
    let unfinished = Directory::unfinished(name);
    let result = fill(directory, stop, &unfinished, length).and_then(|file| {
        fs::rename(directory.path_of(&unfinished), directory.path_of(name))?;
        directory.sync()?;
        Ok(Product::Opened { file, length })
    });
    if result.is_err() {
        // This frees the blocks that the file took of a full disk. If the removal fails too, the next start removes the
        // file.
        let _ = fs::remove_file(directory.path_of(&unfinished));
    }
    result
}

/// Fills a new file with zeros and syncs it. The zeros are written, not only allocated with fallocate(2): a commit into
/// blocks that are allocated but unwritten would also commit the journal of the file system, which doubles its time.
///
/// # Errors
///
/// What the system calls return, or `Interrupted` if `stop` is set meanwhile.
fn fill(directory: &Directory, stop: &AtomicBool, name: &str, length: u64) -> io::Result<File> {
    let file = directory.create_file(name)?;
    system::allocate(&file, length)?;
    let zeros = Buffer::zeroed(ZEROS_BYTES);
    let mut offset = 0;
    while offset < length {
        if stop.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the disk is being closed"));
        }
        let started = Instant::now();
        let piece = usize::try_from(length - offset).map_or(ZEROS_BYTES, |rest| rest.min(ZEROS_BYTES));
        file.write_all_at(&zeros[..piece], offset)?;
        offset += piece as u64;
        if length > UNHURRIED_ABOVE_BYTES {
            // The pause leaves half of the disk's time to commits.
            thread::sleep(started.elapsed());
        }
    }
    file.sync_all()?;
    Ok(file)
}
