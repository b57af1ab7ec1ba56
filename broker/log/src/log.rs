//! The log itself: what is appended, and the one place where completions arrive.
//!
//! The parts with rules of their own are below it: `commit` (what is written when), `space` (segments made, prepared
//! and reclaimed), `reads`, `superblock`, `tasks`. `recovery` builds a log out of a directory and hands it over as a
//! [`Restored`].

mod cold_read;
mod commit;
mod reads;
mod space;
mod superblock;
mod tasks;

use std::{collections::BTreeMap, io, sync::Arc, task::Waker, time::Duration};

use posthouse_disk::{BLOCK_BYTES, Completion, Disk, FileId, Operation};

pub use cold_read::ReadId;
pub use reads::Read;

use commit::Commits;
use reads::Reads;
use space::Spares;
use superblock::SuperblockFile;
use tasks::{Task, Tasks};

use crate::{
    CommitSample, Options, Position, Stats,
    header::Superblock,
    record::{
        ALIGNMENT_BYTES, Framing, HEADER_BYTES, KIND_MAX, KIND_PADDING, KIND_SEAL, PAYLOAD_BYTES_MAX, SEAL_BYTES,
        record_bytes,
    },
    segments::{Seal, Segment, SegmentState, Segments},
    stats::Samples,
    tail::Tail,
};

/// Whether the log still makes anything durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    /// It does.
    Good,
    /// A write or sync failed. Nothing more becomes durable; only a restart, with its recovery, helps.
    Failed(Arc<str>),
}

/// Whether there is room for more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Space {
    /// There is, or will be.
    Plenty,
    /// No further file can be made. What is prepared is left to those who free space.
    Reserve {
        /// What the disk said.
        reason: Arc<str>,
    },
}

/// An append-only log on a disk, driven by one thread.
///
/// A turn of the caller's loop: [`append`](Log::append) as needed, [`commit`](Log::commit), [`wait`](Log::wait), look
/// at [`durable`](Log::durable).
#[derive(Debug)]
pub struct Log<D: Disk> {
    disk: D,
    options: Options,
    framing: Framing,
    identity: [u8; 16],
    tasks: Tasks,
    segments: Segments,
    tail: Tail,
    /// Where the next record goes.
    end: Position,
    /// The first position of the segment that it goes into.
    tail_first: Position,
    /// What a record must not reach, so that the seal still fits.
    tail_limit: Position,
    commits: Commits,
    spares: Spares,
    superblock: SuperblockFile,
    reads: Reads,
    health: Health,
    stats: Stats,
    samples: Samples,
    /// Reused by `wait`.
    completions: Vec<Completion>,
}

/// What recovery has read and decided: everything that a log goes on from.
#[derive(Debug)]
pub(crate) struct Restored<D: Disk> {
    pub(crate) disk: D,
    pub(crate) options: Options,
    /// The segments found. The file of the last one with records is open.
    pub(crate) segments: Segments,
    /// Holds the block in which `end` lies, up to `end`.
    pub(crate) tail: Tail,
    /// The end of the log: everything before it is durable.
    pub(crate) end: Position,
    /// The first position of the segment that `end` lies in.
    pub(crate) tail_first: Position,
    /// The lengths of the spare files in bytes, by number.
    pub(crate) spares: BTreeMap<u64, u64>,
    /// The names of other files to be removed.
    pub(crate) leftovers: Vec<String>,
    pub(crate) superblock_file: FileId,
    /// The newest slot, durable.
    pub(crate) superblock: Superblock,
}

const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

impl<D: Disk> Log<D> {
    /// Goes on where recovery has ended: removes surplus files, and starts to prepare the next segment.
    pub(crate) fn resume(restored: Restored<D>) -> Self {
        let Restored { disk, options, segments, tail, end, tail_first, spares, leftovers, superblock_file, superblock } =
            restored;
        let (spares, surplus) = Spares::adopt(&spares, options.segment_bytes);
        let mut log = Self {
            disk,
            framing: Framing::new(&superblock.identity),
            identity: superblock.identity,
            options,
            tasks: Tasks::default(),
            segments,
            tail,
            end,
            tail_first,
            tail_limit: end,
            commits: Commits::new(end),
            spares,
            superblock: SuperblockFile::new(superblock_file, superblock),
            reads: Reads::default(),
            health: Health::Good,
            stats: Stats::default(),
            samples: Samples::default(),
            completions: Vec::new(),
        };
        for name in surplus.into_iter().chain(leftovers) {
            log.submit(Task::Remove, Operation::Remove { name });
        }
        log.enter_segment(tail_first);
        log.reclaim_all();
        log.keep_up();
        log
    }

    /// Appends a record, in memory, and says where it stands. `parts` are one payload, one after the other.
    ///
    /// # Panics
    ///
    /// If the kind is zero or above [`KIND_MAX`], or the payload longer than [`Options::payload_bytes_max`].
    pub fn append(&mut self, kind: u8, parts: &[&[u8]]) -> Position {
        assert!((1..=KIND_MAX).contains(&kind), "kind {kind} is not the user's");
        let position = self.put(kind, parts);
        self.stats.records += 1;
        position
    }

    /// Where the next record would go, were it to fit there: behind everything appended.
    #[must_use]
    pub fn end(&self) -> Position {
        self.end
    }

    /// Everything before it survives a loss of power.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.commits.durable.position
    }

    /// How many bytes were appended that are not durable yet.
    #[must_use]
    pub fn unsynced_bytes(&self) -> u64 {
        self.stats.bytes_appended - self.commits.durable.bytes
    }

    /// Whether anything still becomes durable.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The identity of this log, given when its directory was fresh.
    #[must_use]
    pub fn identity(&self) -> &[u8; 16] {
        &self.identity
    }

    /// A handle that ends [`Log::wait`] from any thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.disk.waker()
    }

    /// The disk underneath.
    #[must_use]
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// The disk underneath, for simulations that reach into theirs.
    pub fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }

    /// Drives the disk: sleeps until something completes, a wake-up or the time-out (`None`: no time-out; zero: no
    /// sleep) and takes in all that has completed. Does not sleep while completed reads wait to be collected.
    pub fn wait(&mut self, timeout: Option<Duration>) {
        let timeout = if self.reads.has_completed() { Some(Duration::ZERO) } else { timeout };
        let mut completions = std::mem::take(&mut self.completions);
        if let Err(error) = self.disk.wait(timeout, &mut completions) {
            self.fail("waiting for the disk", &error);
        }
        for completion in completions.drain(..) {
            self.complete(completion);
        }
        self.completions = completions;
        self.advance();
        self.keep_up();
    }

    /// Counters and sizes.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            segments: self.segments.len() as u64,
            spares: self.spares.ready() as u64,
            tail_bytes: self.tail.bytes(),
            unsynced_bytes: self.unsynced_bytes(),
            ..self.stats
        }
    }

    /// Appends the commits since the last call, up to the last thousand or so.
    pub fn take_commit_samples(&mut self, samples: &mut Vec<CommitSample>) {
        self.samples.take(samples);
    }

    fn submit(&mut self, task: Task, operation: Operation) {
        let id = self.tasks.start(task);
        self.disk.submit(id, operation);
    }

    /// From here on nothing becomes durable. The first reason stays.
    fn fail(&mut self, action: &str, error: &io::Error) {
        if self.health == Health::Good {
            self.health = Health::Failed(format!("{action}: {error}").into());
        }
    }

    fn complete(&mut self, completion: Completion) {
        let Completion { id, result, elapsed } = completion;
        match self.tasks.end(id) {
            Task::Commit { flight } => self.commit_completed(flight, result, elapsed),
            Task::Superblock => self.superblock_completed(result),
            Task::Read(request) => self.read_completed(request, result),
            Task::OpenSegment { first } => self.segment_opened(first, result),
            Task::CreateSpare { name } => self.spare_created(name, result),
            Task::OpenSpare { first } => self.spare_opened(first, result),
            Task::WriteHeader { first } => self.header_written(first, result),
            Task::NameSegment { first } => self.segment_named(first, result),
            Task::Recycle { first, name } => self.segment_recycled(first, name, &result),
            Task::Remove => self.file_removed(&result),
            // A descriptor that does not close is no concern of the log.
            Task::Close => {}
        }
    }

    /// Appends a record of any kind.
    fn put(&mut self, kind: u8, parts: &[&[u8]]) -> Position {
        let length = parts.iter().map(|part| part.len()).sum();
        let size = record_bytes(length);
        if self.end.get() + size as u64 > self.tail_limit.get() || self.tail.room() < size {
            assert!(length <= self.options.payload_bytes_max(), "a record of {length} bytes is too large");
            self.make_room(size);
        }
        self.put_here(kind, length, parts)
    }

    /// Appends where it is known to fit.
    fn put_here(&mut self, kind: u8, length: usize, parts: &[&[u8]]) -> Position {
        assert!(length <= PAYLOAD_BYTES_MAX, "a record of {length} bytes is too large");
        let position = self.end;
        let header = self.framing.header(position, kind, length, parts);
        self.tail.append(&[&header]);
        self.tail.append(parts);
        let padding = length.next_multiple_of(ALIGNMENT_BYTES) - length;
        if padding > 0 {
            self.tail.append(&[&ZEROS[..padding]]);
        }
        let size = record_bytes(length) as u64;
        self.end = position.plus(size);
        self.stats.bytes_appended += size;
        position
    }

    /// Opens chunks and segments until a record of this size fits.
    #[cold]
    fn make_room(&mut self, size: usize) {
        loop {
            if self.end.plus(size as u64) > self.tail_limit {
                self.roll();
            } else if self.tail.room() >= size {
                return;
            } else if self.end == self.end.block_start() {
                self.open_chunk(size);
            } else {
                self.pad_block();
            }
        }
    }

    /// Fills up the present block, or closes the segment if the seal would not fit behind it.
    fn pad_block(&mut self) {
        let end = self.end.block_end();
        if end == self.end {
            return;
        }
        if end > self.tail_limit {
            self.roll();
            return;
        }
        let length = usize::try_from(end.since(self.end)).expect("less than a block") - HEADER_BYTES;
        self.put_here(KIND_PADDING, length, &[&ZEROS[..length]]);
    }

    fn open_chunk(&mut self, size: usize) {
        self.tail.open_chunk(self.end, size.max(self.options.chunk_bytes));
        self.tail.forget(self.commits.durable.position, self.options.tail_bytes);
    }

    /// Closes the segment with a seal and goes on in the next one.
    fn roll(&mut self) {
        let seal = usize::try_from(SEAL_BYTES).expect("a few bytes");
        if self.tail.room() < seal {
            // Then the chunk ends within the next eight bytes, and the block behind it belongs to the segment too.
            let length = self.tail.room();
            if length > 0 {
                self.put_here(KIND_PADDING, length - HEADER_BYTES, &[]);
            }
            self.open_chunk(seal);
        }
        let segment = self.segments.starting(self.tail_first).expect("the tail's segment is in the table");
        let next = segment.next_first();
        let (bytes, records) = (self.stats.bytes_appended + SEAL_BYTES, self.stats.records);
        segment.seal = Some(Seal { end: self.end.plus(SEAL_BYTES), bytes, records });
        self.put_here(KIND_SEAL, 8, &[&next.get().to_le_bytes()]);
        self.end = next;
        self.open_chunk(seal);
        self.enter_segment(next);
        self.keep_up();
    }

    /// Makes `first` the segment that is appended to, and plans the one behind it.
    fn enter_segment(&mut self, first: Position) {
        let segment = self.segments.starting(first).expect("the next segment is always planned");
        self.tail_first = first;
        self.tail_limit = Position::new(segment.end().get() - SEAL_BYTES);
        let next = segment.next_first();
        if self.segments.last().is_some_and(|last| last.first == first) {
            self.segments.push(Segment::new(next, self.options.segment_bytes, SegmentState::Planned));
        }
    }
}
