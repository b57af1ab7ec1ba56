//! Reads by position: from memory at once, or from the disk later.
//!
//! A record that is neither in the tail nor in the cache (`extents`) waits for a read of the blocks that hold it. Reads
//! are submitted at the next [`Log::wait`], so that what one iteration of the loop asks for can be joined (`submitting`).
//! What lies behind is read ahead for a reader that reads on (`ahead`).
//!
//! A record that is not valid, or that the medium cannot deliver, is read once more, alone, before an error is returned:
//! a read of other bytes than those of the medium (a cable, a controller) is over by then, damage is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use bytes::Bytes;
use posthouse_disk::{Disk, DiskOutcome};
use posthouse_encryption::{RecordPlace, SegmentPlace};

use super::{
    Log,
    cold_read::{Attempt, ColdRead, ExtentId, Purpose, ReadId, Reader},
    extents::{Cause, Extents, Plan, State, Waiter},
    turns::Turns,
};
use crate::{
    Position, ReadError,
    header::segment_name,
    protection::open,
    record::{HEADER_BYTES, Header, KIND_MAX},
    relocation::NAME_BYTES,
    segments::{Segment, SegmentState},
};

/// The result of [`Log::read`].
#[derive(Debug)]
pub enum Read {
    /// The payload. It is shared with the log's memory, not copied.
    Ready(Bytes),
    /// The record lies only on the disk. [`Log::completed_reads`] returns it later, with this id.
    Pending(ReadId),
}

/// The cold reads, from the request to the collection of the result.
#[derive(Debug)]
pub(super) struct Reads {
    next_id: u64,
    pub(super) extents: Extents,
    /// What is asked for and waits for its turn.
    pub(super) asked: Turns<ColdRead>,
    /// What is to be read ahead once nothing that is asked for may be read.
    pub(super) ahead: Turns<ColdRead>,
    /// Reads whose segment is being opened.
    pub(super) opening: Vec<ColdRead>,
    /// The reads that are submitted, by reader.
    pub(super) in_flight: BTreeMap<Reader, usize>,
    completed: Vec<(ReadId, Result<Bytes, ReadError>)>,
    /// The reads of records that were moved: their names come before their payloads.
    named: BTreeSet<ReadId>,
    /// Counts uses of segments. The segment with the smallest count has been unused for longest.
    pub(super) clock: u64,
}

impl Reads {
    /// No reads, and a cache of this size in bytes.
    pub(super) fn new(cache_bytes: u64) -> Self {
        Self {
            next_id: 0,
            extents: Extents::new(cache_bytes),
            asked: Turns::default(),
            ahead: Turns::default(),
            opening: Vec::new(),
            in_flight: BTreeMap::new(),
            completed: Vec::new(),
            named: BTreeSet::new(),
            clock: 0,
        }
    }

    /// Whether nothing is being read or waits to be.
    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.ahead.is_empty() && self.opening.is_empty() && self.in_flight.is_empty()
    }

    /// Whether results wait for [`Log::completed_reads`].
    pub(super) fn has_completed(&self) -> bool {
        !self.completed.is_empty()
    }

    /// Notes that a read of a reader is no longer submitted.
    fn landed(&mut self, reader: Reader) {
        let count = self.in_flight.get_mut(&reader).expect("a read ends once");
        *count -= 1;
        if *count == 0 {
            self.in_flight.remove(&reader);
        }
    }

    fn new_id(&mut self) -> ReadId {
        self.next_id += 1;
        ReadId(self.next_id - 1)
    }
}

/// What the cache has of a record.
enum Cached {
    Valid(Bytes),
    /// The blocks are there, and hold no such record.
    Invalid,
    /// The blocks are not read yet.
    Coming,
}

impl<D: Disk> Log<D> {
    /// Returns the payload of the record at `position`, which is `length` bytes long. The caller holds a reference to
    /// the record, so that its segment stays, and bounds how many reads it starts.
    ///
    /// # Panics
    ///
    /// If the record is in memory and has another length.
    pub fn read(&mut self, reader: Reader, position: Position, length: usize) -> Read {
        if let Some(payload) = self.tail.payload(position, length) {
            return Read::Ready(payload);
        }
        if let Some(moved) = self.segments.moved_to(position) {
            let read = self.read_here(reader, moved.to, length + NAME_BYTES);
            return self.without_name(read);
        }
        self.read_here(reader, position, length)
    }

    fn read_here(&mut self, reader: Reader, position: Position, length: usize) -> Read {
        if let Some(payload) = self.tail.payload(position, length) {
            return Read::Ready(payload);
        }
        self.stats.cold_records += 1;
        match self.cold_segment(position, length) {
            Ok((segment, length)) => {
                let id = self.reads.new_id();
                self.read_cold(reader, segment, Waiter { id, position, length })
            }
            Err(error) => self.unreadable(error),
        }
    }

    /// Returns what [`Log::read`] returns, and reads the disk even if the cache has the record: for a caller that asks
    /// whether the bytes on the disk are whole.
    ///
    /// # Panics
    ///
    /// If the record is in memory and has another length.
    pub fn read_anew(&mut self, reader: Reader, position: Position, length: usize) -> Read {
        if let Some(payload) = self.tail.payload(position, length) {
            return Read::Ready(payload);
        }
        if let Some(moved) = self.segments.moved_to(position) {
            let read = self.read_here_anew(reader, moved.to, length + NAME_BYTES);
            return self.without_name(read);
        }
        self.read_here_anew(reader, position, length)
    }

    fn read_here_anew(&mut self, reader: Reader, position: Position, length: usize) -> Read {
        if let Some(payload) = self.tail.payload(position, length) {
            return Read::Ready(payload);
        }
        match self.cold_segment(position, length) {
            Ok((segment, length)) => {
                let id = self.reads.new_id();
                let purpose = Purpose::Record { id, attempt: Attempt::First };
                self.read_alone(ColdRead { position, length, segment, reader, purpose });
                Read::Pending(id)
            }
            Err(error) => self.unreadable(error),
        }
    }

    /// The payload of a moved record without the name before it.
    fn without_name(&mut self, read: Read) -> Read {
        match read {
            Read::Ready(payload) => Read::Ready(payload.slice(NAME_BYTES..)),
            Read::Pending(id) => {
                self.reads.named.insert(id);
                Read::Pending(id)
            }
        }
    }

    /// The file in which a record lies and its offset there, in bytes. `None` if no file holds it.
    #[must_use]
    pub fn place_of(&self, name: Position) -> Option<(String, u64)> {
        let position = self.record_of(name);
        let segment = self.segments.get(self.segments.index_of(position)?).filter(|segment| segment.has_file())?;
        Some((segment_name(segment.first), segment.offset_of(position)))
    }

    /// The first position of the segment in which a position lies. `None` if no segment holds it.
    #[must_use]
    pub fn segment_of(&self, position: Position) -> Option<Position> {
        self.segments.get(self.segments.index_of(position)?).map(|segment| segment.first)
    }

    /// Appends the results of the cold reads that have ended since the last call, in no particular order.
    pub fn completed_reads(&mut self, completed: &mut Vec<(ReadId, Result<Bytes, ReadError>)>) {
        let before = completed.len();
        completed.append(&mut self.reads.completed);
        if self.reads.named.is_empty() {
            return;
        }
        for (id, result) in &mut completed[before..] {
            if self.reads.named.remove(id)
                && let Ok(payload) = result
            {
                *payload = payload.slice(NAME_BYTES..);
            }
        }
    }

    /// Drops results that no caller will collect, so that [`Log::wait`] can sleep.
    pub(super) fn drop_completed_reads(&mut self) {
        self.reads.completed.clear();
        self.reads.named.clear();
    }

    /// The first position of the segment that holds a record, and the length of the payload as it is stored there.
    ///
    /// # Errors
    ///
    /// No segment holds it, or the segment ends within it.
    fn cold_segment(&mut self, position: Position, length: usize) -> Result<(Position, usize), ReadError> {
        // A file that is leaving holds nothing that is needed: compaction may ask for what was released meanwhile.
        let stays = |segment: &&mut Segment| segment.has_file() && segment.state != SegmentState::Leaving;
        let segment = self.segments.holding(position).filter(stays).ok_or(ReadError::Missing { position })?;
        let stored = segment.protection.stored_bytes(length);
        let end = segment.offset_of(position) + (HEADER_BYTES + stored) as u64;
        if end <= segment.length { Ok((segment.first, stored)) } else { Err(corrupt(segment, position)) }
    }

    /// Ends a read that needs no disk to fail.
    fn unreadable(&mut self, error: ReadError) -> Read {
        let id = self.reads.new_id();
        self.reads.completed.push((id, Err(error)));
        Read::Pending(id)
    }

    fn read_cold(&mut self, reader: Reader, segment: Position, record: Waiter) -> Read {
        let Waiter { id, position, length } = record;
        let Some(found) = self.reads.extents.holding(position, record.end()) else {
            self.read_blocks_of(reader, segment, record);
            return Read::Pending(id);
        };
        let goes_on = self.reads.extents.touch(found);
        match self.cached(found, position, length) {
            Cached::Valid(payload) => {
                self.stats.read_cache_hits += 1;
                if goes_on {
                    self.read_ahead(found);
                }
                return Read::Ready(payload);
            }
            Cached::Invalid => {
                self.stats.cold_reads_repeated += 1;
                let purpose = Purpose::Record { id, attempt: Attempt::Second };
                self.read_alone(ColdRead { position, length, segment, reader, purpose });
            }
            Cached::Coming => {
                self.stats.read_cache_joined += 1;
                let extent = self.reads.extents.get_mut(found).expect("just found");
                extent.waiters.push(record);
                extent.goes_on |= goes_on;
                if extent.is_planned() && extent.goes_with_asked() {
                    self.reads.asked.push(reader, ColdRead::of_extent(found, segment, reader));
                }
            }
        }
        Read::Pending(id)
    }

    /// Has the blocks read that hold a record: with others that are asked for, or as an extent of their own.
    fn read_blocks_of(&mut self, reader: Reader, segment: Position, record: Waiter) {
        let (start, needed) = (record.position.block_start(), record.end());
        let extent = match self.reads.extents.grow(segment, start, needed) {
            Some(growing) => {
                self.stats.read_cache_joined += 1;
                growing
            }
            None => {
                let window = self.reads.extents.window_at(record.position);
                let limit = self.readable_end();
                let holder = self.segments.starting(segment).expect("just found");
                holder.pins += 1;
                let limit = limit.min(holder.end());
                let plan =
                    Plan { segment, record: record.position, needed, limit, reader, window, cause: Cause::Asked };
                let planned = self.reads.extents.plan(plan);
                self.reads.asked.push(reader, ColdRead::of_extent(planned, segment, reader));
                planned
            }
        };
        self.reads.extents.get_mut(extent).expect("just planned").waiters.push(record);
    }

    /// What the cache has of a record in an extent. `length` is that of the payload as it is stored.
    fn cached(&mut self, id: ExtentId, position: Position, length: usize) -> Cached {
        let extent = self.reads.extents.get_mut(id).expect("just found");
        let State::Ready(blocks) = &extent.state else { return Cached::Coming };
        if let Some(payload) = extent.checked(position, length) {
            return Cached::Valid(payload);
        }
        let (blocks, first) = (blocks.clone(), extent.segment);
        let at = usize::try_from(position.since(id.start)).expect("within an extent");
        let Some(payload) = self.record_in(first, (position, length), &blocks, at) else { return Cached::Invalid };
        let extent = self.reads.extents.get_mut(id).expect("just found");
        extent.remember(position, length, &payload);
        let is_copied = self.reads.extents.is_copied(length, blocks.len());
        Cached::Valid(if is_copied { Bytes::copy_from_slice(&payload) } else { payload })
    }

    /// The payload of the record at a position, which begins at `at` in the blocks, or `None` if there is no valid record
    /// whose payload has this stored length. It is a slice of the blocks, unless it is decrypted.
    fn record_in(
        &mut self,
        segment: Position,
        (position, length): (Position, usize),
        blocks: &Bytes,
        at: usize,
    ) -> Option<Bytes> {
        let header = Header::parse(*blocks.get(at..)?.first_chunk::<HEADER_BYTES>()?);
        let payload = at + HEADER_BYTES..at + HEADER_BYTES + length;
        let is_valid =
            header.kind() <= KIND_MAX && self.framing.is_valid(position, header, blocks.get(payload.clone())?);
        if !is_valid {
            return None;
        }
        let segment = self.segments.starting(segment)?;
        let place = SegmentPlace { identity: self.identity, first: segment.first.get() };
        let key = segment.protection.key(&self.options.encryption, &place).ok()?;
        let record = RecordPlace { identity: self.identity, position: position.get(), kind: header.kind() };
        open(key.as_deref(), &record, blocks.slice(payload))
    }

    /// Queues a read of whatever is no extent.
    pub(super) fn read_alone(&mut self, request: ColdRead) {
        self.segments.starting(request.segment).expect("the caller has just seen it").pins += 1;
        match request.purpose {
            Purpose::Record { attempt: Attempt::Second, .. } => self.reads.asked.push_first(request.reader, request),
            Purpose::Record { attempt: Attempt::First, .. } | Purpose::Scrub => {
                self.reads.asked.push(request.reader, request);
            }
            Purpose::Extent(_) => unreachable!("an extent is planned"),
        }
    }

    /// Takes in the end of a read.
    pub(super) fn read_completed(&mut self, request: ColdRead, result: io::Result<DiskOutcome>) {
        self.reads.landed(request.reader);
        let result = match result {
            Ok(DiskOutcome::Read(bytes)) => Ok(bytes),
            Ok(other) => unreachable!("a read completed with {other:?}"),
            Err(error) => Err(error),
        };
        match request.purpose {
            Purpose::Extent(id) => self.extent_read(id, request, result),
            Purpose::Record { id, attempt } => self.record_read(id, attempt, request, result),
            Purpose::Scrub => {
                let result = result.map_err(|error| self.read_error(request, &error));
                self.scrub_piece_read(request, result);
            }
        }
        self.unpin(request.segment);
    }

    /// Takes in the blocks of an extent and gives each that waits its record. If there are no blocks, or no such record, the
    /// record is read once more.
    fn extent_read(&mut self, id: ExtentId, request: ColdRead, result: io::Result<Bytes>) {
        let waiters = match result {
            Ok(blocks) => {
                self.stats.cold_read_bytes += blocks.len() as u64;
                self.reads.extents.fill(id, blocks)
            }
            Err(_) => self.reads.extents.give_up(id),
        };
        for Waiter { id: read, position, length } in waiters {
            let cached = match self.reads.extents.get_mut(id) {
                Some(_) => self.cached(id, position, length),
                None => Cached::Invalid,
            };
            if let Cached::Valid(payload) = cached {
                self.reads.completed.push((read, Ok(payload)));
                continue;
            }
            self.stats.cold_reads_repeated += 1;
            let purpose = Purpose::Record { id: read, attempt: Attempt::Second };
            self.read_alone(ColdRead { position, length, purpose, ..request });
        }
        if self.reads.extents.get_mut(id).is_some_and(|extent| extent.goes_on) {
            self.read_ahead(id);
        }
        self.reads.extents.trim();
    }

    /// Takes in the blocks of one record.
    fn record_read(&mut self, id: ReadId, attempt: Attempt, request: ColdRead, result: io::Result<Bytes>) {
        let ColdRead { position, length, .. } = request;
        let result = match result {
            Ok(blocks) => {
                self.stats.cold_read_bytes += blocks.len() as u64;
                let at = usize::try_from(position.since(position.block_start())).expect("within a block");
                let payload = self.record_in(request.segment, (position, length), &blocks, at);
                payload.ok_or_else(|| self.corrupt(request))
            }
            Err(error) => Err(self.read_error(request, &error)),
        };
        match (&result, attempt) {
            (Err(ReadError::Corrupt { .. } | ReadError::Unreadable { .. }), Attempt::First) => {
                self.stats.cold_reads_repeated += 1;
                self.read_alone(ColdRead { purpose: Purpose::Record { id, attempt: Attempt::Second }, ..request });
            }
            _ => self.reads.completed.push((id, result)),
        }
    }

    /// Ends a read that was not submitted, because its segment cannot be opened.
    pub(super) fn read_failed(&mut self, request: ColdRead, error: &io::Error) {
        let of = |position| match error.kind() {
            io::ErrorKind::NotFound => ReadError::Missing { position },
            _ => ReadError::Io { position, reason: error.to_string() },
        };
        match request.purpose {
            Purpose::Extent(id) => {
                let failed = self.reads.extents.give_up(id).into_iter();
                self.reads.completed.extend(failed.map(|waiter| (waiter.id, Err(of(waiter.position)))));
            }
            Purpose::Record { id, .. } => self.reads.completed.push((id, Err(of(request.position)))),
            Purpose::Scrub => self.scrub_piece_read(request, Err(of(request.position))),
        }
        self.unpin(request.segment);
    }

    /// What the error of the disk says of the bytes that were to be read.
    fn read_error(&mut self, request: ColdRead, error: &io::Error) -> ReadError {
        let (position, reason) = (request.position, error.to_string());
        if !posthouse_disk::is_of_medium(error) {
            return ReadError::Io { position, reason };
        }
        let segment = self.segments.starting(request.segment).expect("pinned");
        ReadError::Unreadable {
            position,
            file: segment_name(segment.first),
            offset: segment.offset_of(position),
            reason,
        }
    }

    fn corrupt(&mut self, request: ColdRead) -> ReadError {
        corrupt(self.segments.starting(request.segment).expect("pinned"), request.position)
    }

    /// Unpins a segment, which may have become free meanwhile.
    fn unpin(&mut self, first: Position) {
        let segment = self.segments.starting(first).expect("pinned");
        segment.pins = segment.pins.checked_sub(1).expect("a read ends once");
        if segment.pins == 0 && !segment.holds_live() {
            self.reclaim(first);
        }
    }
}

/// The error for a record that is not valid.
fn corrupt(segment: &Segment, position: Position) -> ReadError {
    ReadError::Corrupt { position, file: segment_name(segment.first), offset: segment.offset_of(position) }
}
