//! What both implementations do on threads beside the loop: names, syncs, and the preparation of files.
//!
//! Two threads, so that a rename never waits for a file of many megabytes to be written: one runs errands in order,
//! the other makes files. Finished work lies in a [`Mailbox`] until the loop collects it. Also here: the table of open
//! files.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
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

/// Zeros are written this much at a time: large enough for full speed, small enough for a commit to slip in between.
const ZEROS_BYTES: usize = 256 * 1024;
/// Files up to this size are made at full speed: the first start waits for one.
const UNHURRIED_ABOVE_BYTES: u64 = 8 * 1024 * 1024;

/// An id and the time of its submission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) id: OperationId,
    pub(crate) started: Instant,
}

impl Ticket {
    pub(crate) fn new(id: OperationId) -> Self {
        Self { id, started: Instant::now() }
    }

    pub(crate) fn complete(self, result: io::Result<DiskOutcome>) -> Completion {
        Completion { id: self.id, result, elapsed: self.started.elapsed() }
    }
}

/// What a thread returns.
pub(crate) enum Product {
    Opened { file: File, length: u64 },
    Written(Vec<Bytes>),
    Read(Bytes),
    Done,
}

/// Where threads leave what they have finished; each delivery calls the loop.
pub(crate) struct Mailbox {
    finished: Mutex<Vec<(Ticket, io::Result<Product>)>>,
    alarm: Arc<Alarm>,
}

impl Mailbox {
    pub(crate) fn deliver(&self, ticket: Ticket, result: io::Result<Product>) {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).push((ticket, result));
        self.alarm.ring();
    }
}

/// Work for the two threads.
enum Job {
    Create { name: String, length: u64 },
    Open { name: String },
    Rename { from: String, to: String },
    Remove { name: String },
    Sync { file: Arc<File> },
}

/// A thread and the way to give it work; dropping it ends the thread once its queue is empty.
pub(crate) struct Worker<J> {
    queue: Option<mpsc::Sender<(Ticket, J)>>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Send + 'static> Worker<J> {
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

    pub(crate) fn give(&self, ticket: Ticket, job: J) {
        let queue = self.queue.as_ref().expect("only the drop closes the queue");
        queue.send((ticket, job)).expect("a worker lives as long as its queue");
    }
}

impl<J> Drop for Worker<J> {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

pub(crate) struct Backstage {
    // The workers stand first: they are dropped, and their threads joined, before the rest.
    errands: Worker<Job>,
    maker: Worker<Job>,
    directory: Arc<Directory>,
    mailbox: Arc<Mailbox>,
    stop: Arc<AtomicBool>,
    files: BTreeMap<FileId, Arc<File>>,
    next_file: u32,
    /// Completed without a thread.
    immediate: Vec<Completion>,
    /// Reused by `collect`.
    collected: Vec<(Ticket, io::Result<Product>)>,
}

impl Backstage {
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
            errands: worker("disk-errands")?,
            maker: worker("disk-maker")?,
            directory,
            mailbox,
            stop,
            files: BTreeMap::new(),
            next_file: 0,
            immediate: Vec::new(),
            collected: Vec::new(),
        })
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    pub(crate) fn file(&self, file: FileId) -> &Arc<File> {
        self.files.get(&file).expect("operations name files that are open")
    }

    pub(crate) fn create(&self, ticket: Ticket, name: String, length: u64) {
        self.maker.give(ticket, Job::Create { name, length });
    }

    pub(crate) fn open(&self, ticket: Ticket, name: String) {
        self.errands.give(ticket, Job::Open { name });
    }

    pub(crate) fn rename(&self, ticket: Ticket, from: String, to: String) {
        self.errands.give(ticket, Job::Rename { from, to });
    }

    pub(crate) fn remove(&self, ticket: Ticket, name: String) {
        self.errands.give(ticket, Job::Remove { name });
    }

    pub(crate) fn sync(&self, ticket: Ticket, file: FileId) {
        self.errands.give(ticket, Job::Sync { file: Arc::clone(self.file(file)) });
    }

    pub(crate) fn close(&mut self, ticket: Ticket, file: FileId) {
        self.files.remove(&file).expect("files are closed once");
        self.immediate.push(ticket.complete(Ok(DiskOutcome::Done)));
    }

    /// Appends what has finished. True: there was something.
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
                Product::Done => DiskOutcome::Done,
            });
            completions.push(ticket.complete(result));
        }
        completions.len() > before
    }
}

impl Drop for Backstage {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

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
        Job::Remove { name } => {
            fs::remove_file(directory.path_of(&name))?;
            directory.sync()?;
            Ok(Product::Done)
        }
        Job::Sync { file } => {
            file.sync_data()?;
            Ok(Product::Done)
        }
    }
}

fn create(directory: &Directory, stop: &AtomicBool, name: &str, length: u64) -> io::Result<Product> {
    let unfinished = Directory::unfinished(name);
    let result = fill(directory, stop, &unfinished, length).and_then(|file| {
        fs::rename(directory.path_of(&unfinished), directory.path_of(name))?;
        directory.sync()?;
        Ok(Product::Opened { file, length })
    });
    if result.is_err() {
        // Frees what it took of a full disk. Should that fail too, the next start removes the file.
        let _ = fs::remove_file(directory.path_of(&unfinished));
    }
    result
}

/// Writes zeros, not only reserves blocks: a commit into reserved but unwritten blocks also has to commit the file
/// system's journal, which doubles its time.
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
            // Half of the disk's time is left to commits.
            thread::sleep(started.elapsed());
        }
    }
    file.sync_all()?;
    Ok(file)
}
