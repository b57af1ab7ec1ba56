//! The log itself: appending, and the one place where completions of the disk arrive.
//!
//! Its parts are child modules: `commit` (which bytes are written when), `space` (which files are created, prepared and
//! reclaimed), `reads` (with `extents`, `turns`, `submitting` and `ahead`), `superblock` and `tasks`. `recovery` reads a directory and passes a [`Restored`] to
//! [`Log::resume`].

mod ahead;
mod cold_read;
mod commit;
mod extents;
mod reads;
mod relocating;
mod scrub;
mod snapshot;
mod space;
mod submitting;
mod superblock;
mod tasks;
mod turns;

use std::{collections::BTreeMap, sync::Arc, task::Waker, time::Duration};

use posthouse_disk::{BLOCK_BYTES, Completion, Disk, FileId, Operation};
use posthouse_encryption::{KeyId, SegmentPlace, TAG_BYTES};

pub use cold_read::{ReadId, Reader};
pub use reads::Read;
pub use relocating::{MovedRecord, Noted, RelocationCursor, SparseSegment};
pub use scrub::{ScrubStep, Suspect};
pub use snapshot::{Extent, Snapshot, SnapshotSegment};

use commit::Commits;
use reads::Reads;
use relocating::Relocating;
use scrub::Scrub;
use space::Spares;
use superblock::SuperblockFile;
use tasks::{Task, Tasks};

use crate::{
    CommitSample, Failure, Incident, Options, Position, Stats, Work,
    failure::Incidents,
    header::Superblock,
    image::Image,
    protection::Protection,
    record::{
        ALIGNMENT_BYTES, Framing, HEADER_BYTES, KIND_MAX, KIND_PADDING, KIND_SEAL, PAYLOAD_BYTES_MAX, SEAL_BYTES,
        record_bytes,
    },
    segments::{Seal, Segment, SegmentState, Segments, SpareFile},
    stats::Samples,
    tail::Tail,
};

/// Whether the log can still make records durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    /// It can.
    Good,
    /// A write or sync has failed. No further record becomes durable before a restart with its recovery.
    Failed(Arc<Failure>),
}

/// Whether the log can get more files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Space {
    /// It can, as far as is known.
    Plenty,
    /// The disk has refused a file. The rest of the tail and the prepared files are reserved for requests that free
    /// space.
    Reserve {
        /// Why. If [`Failure::is_full`] holds, for want of room.
        cause: Arc<Failure>,
    },
}

/// An append-only log on a disk, driven by one thread.
///
/// In each iteration of its loop the caller [appends](Log::append) records, calls [`Log::commit`] and [`Log::wait`],
/// and reads [`Log::durable`].
#[derive(Debug)]
pub struct Log<D: Disk> {
    disk: D,
    options: Options,
    framing: Framing,
    identity: [u8; 16],
    tasks: Tasks,
    segments: Segments,
    tail: Tail,
    /// The newest records as they are written to the disk. `None` while new data is not encrypted: then they are written
    /// as they stand in the tail.
    image: Option<Image>,
    /// The position of the next record, if it fits there.
    end: Position,
    /// The first position of the segment in which `end` lies.
    tail_first: Position,
    /// No record of this segment may end behind this position, because the seal must still fit. It is `end` in a segment
    /// that takes no records.
    tail_limit: Position,
    commits: Commits,
    spares: Spares,
    superblock: SuperblockFile,
    reads: Reads,
    relocating: Relocating,
    scrub: Scrub,
    health: Health,
    incidents: Incidents,
    stats: Stats,
    samples: Samples,
    /// Taken and put back by `wait`, so that it is not allocated again.
    completions: Vec<Completion>,
}

/// What recovery has read and decided: everything from which a log goes on.
#[derive(Debug)]
pub(crate) struct Restored<D: Disk> {
    pub(crate) disk: D,
    pub(crate) options: Options,
    /// All segments found. The file of the one in which `end` lies is open.
    pub(crate) segments: Segments,
    /// The bytes before `end` of the block in which `end` lies.
    pub(crate) tail: Tail,
    /// The same bytes once more, if new data is encrypted.
    pub(crate) image: Option<Image>,
    /// The end of the log. Everything before it is durable.
    pub(crate) end: Position,
    /// The first position of the segment in which `end` lies.
    pub(crate) tail_first: Position,
    /// The spare files, by number.
    pub(crate) spares: BTreeMap<u64, SpareFile>,
    /// The name of another file to remove.
    pub(crate) leftover: Option<String>,
    pub(crate) superblock_file: FileId,
    /// The newest slot, durable.
    pub(crate) superblock: Superblock,
}

const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

impl<D: Disk> Log<D> {
    /// Goes on where recovery has ended: removes surplus files and starts to prepare the next segment.
    pub(crate) fn resume(restored: Restored<D>) -> Self {
        let Restored { disk, options, segments, tail, image, end, .. } = restored;
        let Restored { tail_first, spares, leftover, superblock_file, superblock, .. } = restored;
        let (spares, surplus) = Spares::adopt(&spares, options.segment_bytes);
        let reads = Reads::new(options.read_cache_bytes);
        let mut log = Self {
            disk,
            framing: Framing::new(&superblock.identity),
            identity: superblock.identity,
            options,
            tasks: Tasks::default(),
            segments,
            tail,
            image,
            end,
            tail_first,
            tail_limit: end,
            commits: Commits::new(end),
            spares,
            superblock: SuperblockFile::new(superblock_file, superblock),
            reads,
            relocating: Relocating::default(),
            scrub: Scrub::default(),
            health: Health::Good,
            incidents: Incidents::default(),
            stats: Stats::default(),
            samples: Samples::default(),
            completions: Vec::new(),
        };
        for name in surplus.into_iter().chain(leftover) {
            log.submit(Task::Remove { name: name.clone() }, Operation::Remove { name });
        }
        log.enter_segment(tail_first);
        log.reclaim_unreferenced();
        log.reclaim_all();
        log.keep_up();
        log
    }

    /// Appends a record in memory and returns its position. Its payload is the concatenation of `parts`. It is durable
    /// once [`Log::durable`] is greater than the position.
    ///
    /// # Panics
    ///
    /// If the kind is zero or above [`KIND_MAX`], or the payload is longer than [`Options::payload_bytes_max`].
    pub fn append(&mut self, kind: u8, parts: &[&[u8]]) -> Position {
        assert!((1..=KIND_MAX).contains(&kind), "kind {kind} is not the user's");
        let position = self.put(kind, parts);
        self.stats.records += 1;
        position
    }

    /// The position behind all appended records. The next record gets this position or, if it does not fit into the
    /// segment, a later one.
    #[must_use]
    pub fn end(&self) -> Position {
        self.end
    }

    /// Every record before this position survives a loss of power.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.commits.durable.position
    }

    /// How many appended bytes are not durable yet.
    #[must_use]
    pub fn unsynced_bytes(&self) -> u64 {
        self.stats.bytes_appended - self.commits.durable.bytes
    }

    /// Whether further records can become durable.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The identity of this log: 16 random bytes, chosen when its directory was empty.
    #[must_use]
    pub fn identity(&self) -> &[u8; 16] {
        &self.identity
    }

    /// How many segments need each key, and how many need none. Planned segments count.
    #[must_use]
    pub fn segments_by_key(&self) -> BTreeMap<Option<KeyId>, u64> {
        let mut counts = BTreeMap::new();
        for segment in self.segments.iter().filter(|segment| segment.state != SegmentState::Emptied) {
            *counts.entry(segment.protection.wrapped().map(|key| key.master())).or_default() += 1;
        }
        counts
    }

    /// A handle that makes [`Log::wait`] return, from any thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.disk.waker()
    }

    /// The disk of this log.
    #[must_use]
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// The disk of this log, for simulations that change theirs.
    pub fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }

    /// Drives the disk: sleeps until an operation completes, a waker wakes the loop, or the time-out passes, and takes
    /// in all completions. With `None` there is no time-out; with zero the call does not sleep. It does not sleep
    /// either while completed reads wait for [`Log::completed_reads`].
    pub fn wait(&mut self, timeout: Option<Duration>) {
        self.start_reads();
        let timeout = if self.reads.has_completed() { Some(Duration::ZERO) } else { timeout };
        let mut completions = std::mem::take(&mut self.completions);
        if let Err(error) = self.disk.wait(timeout, &mut completions) {
            self.fail(Failure::of_disk(Work::Wait, &error));
        }
        for completion in completions.drain(..) {
            self.complete(completion);
        }
        self.completions = completions;
        self.advance();
        self.keep_up();
    }

    /// Counters since the start, and present sizes.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let held = self.segments.held(self.tail_first, self.end);
        let spares = self.spares.ready() as u64;
        Stats {
            segments: self.segments.iter().filter(|segment| segment.state != SegmentState::Emptied).count() as u64,
            relocations: self.relocations(),
            relocation_bytes: self.relocation_bytes(),
            segment_bytes: held.bytes,
            live_bytes: held.live_bytes,
            dead_bytes: held.dead_bytes,
            segments_live: held.live,
            segments_replayed: held.replayed,
            segments_open: held.open,
            spares,
            spare_bytes: spares * self.options.segment_bytes,
            tail_bytes: self.tail.bytes(),
            read_cache_bytes: self.reads.extents.bytes(),
            read_ahead_bytes: self.reads.extents.read_ahead(),
            read_ahead_unused_bytes: self.reads.extents.dropped_unused(),
            unsynced_bytes: self.unsynced_bytes(),
            ..self.stats
        }
    }

    /// Appends the samples of the commits completed since the last call, and of these at most the newest 1,024.
    pub fn take_commit_samples(&mut self, samples: &mut Vec<CommitSample>) {
        self.samples.take(samples);
    }

    /// The oldest change of the log's condition that was not returned yet. Call it in each iteration of the loop, until
    /// it returns `None`.
    pub fn next_incident(&mut self) -> Option<Incident> {
        self.incidents.next()
    }

    /// Submits an operation and remembers what its completion is for.
    fn submit(&mut self, task: Task, operation: Operation) {
        let id = self.tasks.start(task);
        self.disk.submit(id, operation);
    }

    /// Ends the log's durability for good. The first reason stays.
    fn fail(&mut self, failure: Failure) {
        if self.health == Health::Good {
            let failure = Arc::new(failure);
            self.incidents.add(Incident::LogFailed(Arc::clone(&failure)));
            self.health = Health::Failed(failure);
        }
    }

    /// Passes a completion to the part that waits for it.
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
            Task::Recycle { first, name } => self.segment_recycled(first, name, result),
            Task::Remove { name } => self.file_removed(name, result),
            Task::FindFile { name } => self.file_found(name, result),
            // A descriptor that does not close changes nothing for the log.
            Task::Close => {}
        }
    }

    /// Appends a record of any kind, in a new chunk or segment if it does not fit into the present ones.
    ///
    /// # Panics
    ///
    /// If the payload is longer than [`Options::payload_bytes_max`].
    fn put(&mut self, kind: u8, parts: &[&[u8]]) -> Position {
        let length = parts.iter().map(|part| part.len()).sum();
        let size = record_bytes(self.stored_bytes(kind, length));
        if self.end.get() + size as u64 > self.tail_limit.get() || self.tail.room() < size {
            assert!(length <= self.options.payload_bytes_max(), "a record of {length} bytes is too large");
            self.make_room(size);
        }
        self.put_here(kind, length, parts)
    }

    /// How many bytes of a record a payload of `length` bytes takes. The records of the log itself are not encrypted.
    fn stored_bytes(&self, kind: u8, length: usize) -> usize {
        if self.image.is_some() && kind <= KIND_MAX { length + TAG_BYTES } else { length }
    }

    /// Appends a record that fits into the present chunk and segment.
    fn put_here(&mut self, kind: u8, length: usize, parts: &[&[u8]]) -> Position {
        let stored = self.stored_bytes(kind, length);
        assert!(stored <= PAYLOAD_BYTES_MAX, "a record of {length} bytes is too large");
        let position = self.end;
        let header = match &mut self.image {
            Some(image) if kind <= KIND_MAX => image.seal(self.framing, position, kind, parts),
            image => {
                let header = self.framing.header(position, kind, length, parts);
                if let Some(image) = image {
                    image.copy(&header, parts);
                }
                header
            }
        };
        self.tail.append(&[&header]);
        self.tail.append(parts);
        let behind = stored.next_multiple_of(ALIGNMENT_BYTES) - length;
        if behind > 0 {
            self.tail.append(&[&ZEROS[..behind]]);
        }
        let size = record_bytes(stored) as u64;
        self.end = position.plus(size);
        self.stats.bytes_appended += size;
        position
    }

    /// Pads, opens chunks and closes segments until a record of `size` bytes fits at `end`.
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

    /// Appends padding up to the end of the block. Closes the segment instead if a seal would not fit behind the
    /// padding.
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

    /// Opens a chunk for at least `size` bytes at `end`, and frees the oldest chunks beyond [`Options::tail_bytes`].
    fn open_chunk(&mut self, size: usize) {
        let size = size.max(self.options.chunk_bytes);
        self.tail.open_chunk(self.end, size);
        self.tail.forget(self.commits.durable.position, self.options.tail_bytes);
        if let Some(image) = &mut self.image {
            image.open_chunk(self.end, size);
            image.forget(self.commits.durable.position);
        }
    }

    /// Closes the segment with a seal and goes on in the next one.
    fn roll(&mut self) {
        let seal = usize::try_from(SEAL_BYTES).expect("a few bytes");
        if self.tail.room() < seal {
            // The chunk ends within the next eight bytes. The block behind it belongs to the segment too, so the seal
            // goes there.
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

    /// Makes the segment at `first` the one that records are appended to, and plans the next one.
    fn enter_segment(&mut self, first: Position) {
        let segment = self.segments.starting(first).expect("the next segment is always planned");
        self.tail_first = first;
        self.tail_limit = if segment.protection.takes_records(&self.options.encryption) {
            Position::new(segment.end().get() - SEAL_BYTES)
        } else {
            self.end
        };
        if let Some(image) = &mut self.image {
            image.enter(segment.protection.own_key());
        }
        let next = segment.next_first();
        if self.segments.last().is_some_and(|last| last.first == first) {
            let place = SegmentPlace { identity: self.identity, first: next.get() };
            let protection = Protection::planned(&self.options.encryption, &place);
            let segment = Segment::new(next, self.options.segment_bytes, SegmentState::Planned);
            self.segments.push(Segment { protection, ..segment });
        }
    }
}
