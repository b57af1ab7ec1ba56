//! Reads by position: from memory at once, or from the disk later.
//!
//! At most [`Options::reads_in_flight_max`](crate::Options::reads_in_flight_max) cold reads are submitted to the disk.
//! The rest wait here, in order. A segment with cold reads is pinned: it is not reclaimed before they end. The file of
//! a cold segment is opened when a read needs it, and at most
//! [`Options::cold_files_open_max`](crate::Options::cold_files_open_max) stay open.
//!
//! A record that is not valid, or that the medium cannot deliver, is read once more before an error is returned: a read
//! of other bytes than those of the medium (a cable, a controller) is over by then, damage is not.

use std::{collections::VecDeque, io};

use bytes::Bytes;
use posthouse_disk::{Disk, DiskOutcome, FileId, Operation};
use posthouse_encryption::{RecordPlace, SegmentPlace};

use super::{
    Log,
    cold_read::{Attempt, ColdRead, Purpose, ReadId},
    tasks::Task,
};
use crate::{
    Position, ReadError,
    header::segment_name,
    position::BLOCK,
    protection::open,
    record::{HEADER_BYTES, Header, KIND_MAX},
    segments::Handle,
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
#[derive(Debug, Default)]
pub(super) struct Reads {
    next_id: u64,
    queue: VecDeque<ColdRead>,
    /// Reads whose segment is being opened.
    opening: Vec<ColdRead>,
    in_flight: usize,
    completed: Vec<(ReadId, Result<Bytes, ReadError>)>,
    /// Counts uses of segments. The segment with the smallest count has been unused for longest.
    clock: u64,
}

impl Reads {
    /// Whether no record is being read or waits to be.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.opening.is_empty() && self.in_flight == 0
    }

    /// Whether results wait for [`Log::completed_reads`].
    pub(super) fn has_completed(&self) -> bool {
        !self.completed.is_empty()
    }
}

impl<D: Disk> Log<D> {
    /// Returns the payload of the record at `position`, which is `length` bytes long. The caller holds a reference to
    /// the record, so that its segment stays, and bounds how many reads it starts.
    ///
    /// # Panics
    ///
    /// If the record is in memory and has another length.
    pub fn read(&mut self, position: Position, length: usize) -> Read {
        if let Some(payload) = self.tail.payload(position, length) {
            return Read::Ready(payload);
        }
        let id = ReadId(self.reads.next_id);
        self.reads.next_id += 1;
        match self.segments.holding(position) {
            Some(segment) => {
                segment.pins += 1;
                let (segment, stored) = (segment.first, segment.protection.stored_bytes(length));
                let purpose = Purpose::Record { id, attempt: Attempt::First };
                self.reads.queue.push_back(ColdRead { position, length: stored, segment, purpose });
                self.start_reads();
            }
            None => self.reads.completed.push((id, Err(ReadError::Missing { position }))),
        }
        Read::Pending(id)
    }

    /// The file in which a position lies and the offset of the position in it, in bytes. `None` if no file holds it.
    #[must_use]
    pub fn place_of(&self, position: Position) -> Option<(String, u64)> {
        let segment = self.segments.get(self.segments.index_of(position)?)?;
        Some((segment_name(segment.first), segment.offset_of(position)))
    }

    /// The first position of the segment in which a position lies. `None` if no segment holds it.
    #[must_use]
    pub fn segment_of(&self, position: Position) -> Option<Position> {
        self.segments.get(self.segments.index_of(position)?).map(|segment| segment.first)
    }

    /// Queues a read of whole blocks for the scrubber. The segment must be in the table.
    pub(super) fn read_blocks(&mut self, segment: Position, position: Position, length: usize) {
        self.segments.starting(segment).expect("the caller has just seen it").pins += 1;
        self.reads.queue.push_back(ColdRead { position, length, segment, purpose: Purpose::Scrub });
        self.start_reads();
    }

    /// Appends the results of the cold reads that have ended since the last call, in no particular order.
    pub fn completed_reads(&mut self, completed: &mut Vec<(ReadId, Result<Bytes, ReadError>)>) {
        completed.append(&mut self.reads.completed);
    }

    /// Drops results that no caller will collect, so that [`Log::wait`] can sleep.
    pub(super) fn drop_completed_reads(&mut self) {
        self.reads.completed.clear();
    }

    /// Submits waiting reads up to the limit, and opens the segments that they need.
    fn start_reads(&mut self) {
        while self.reads.in_flight < self.options.reads_in_flight_max {
            let Some(request) = self.reads.queue.pop_front() else { return };
            self.reads.clock += 1;
            let segment = self.segments.starting(request.segment).expect("pinned");
            if request.purpose != Purpose::Scrub {
                segment.used = self.reads.clock;
            }
            match segment.file {
                Handle::Open(file) => {
                    let offset = segment.offset_of(request.position);
                    let header = if request.purpose == Purpose::Scrub { 0 } else { HEADER_BYTES };
                    let end = offset + (header + request.length) as u64;
                    if end > segment.length {
                        self.end_read(request, Err(corrupt(request, offset)));
                        continue;
                    }
                    let start = offset / BLOCK * BLOCK;
                    let length = u32::try_from(end.next_multiple_of(BLOCK) - start).expect("records are short");
                    self.reads.in_flight += 1;
                    self.stats.cold_reads += 1;
                    self.submit(Task::Read(request), Operation::Read { file, offset: start, length });
                }
                Handle::Opening => self.reads.opening.push(request),
                Handle::Closed => {
                    segment.file = Handle::Opening;
                    let first = segment.first;
                    self.reads.opening.push(request);
                    self.submit(Task::OpenSegment { first }, Operation::Open { name: segment_name(first) });
                }
            }
        }
    }

    /// Takes in the end of an opening: its reads go to the front of the queue, or fail with its error.
    pub(super) fn segment_opened(&mut self, first: Position, result: io::Result<DiskOutcome>) {
        let segment = self.segments.starting(first).expect("pinned");
        let waiting: Vec<ColdRead> = self.reads.opening.extract_if(.., |request| request.segment == first).collect();
        match result {
            Ok(DiskOutcome::Opened { file, .. }) => {
                segment.file = Handle::Open(file);
                for request in waiting.into_iter().rev() {
                    self.reads.queue.push_front(request);
                }
                self.close_coldest();
            }
            Ok(other) => unreachable!("an opening completed with {other:?}"),
            Err(error) => {
                segment.file = Handle::Closed;
                for request in waiting {
                    let position = request.position;
                    self.end_read(
                        request,
                        Err(match error.kind() {
                            io::ErrorKind::NotFound => ReadError::Missing { position },
                            _ => ReadError::Io { position, reason: error.to_string() },
                        }),
                    );
                }
            }
        }
        self.start_reads();
    }

    /// Takes in the end of a read and checks the record.
    pub(super) fn read_completed(&mut self, request: ColdRead, result: io::Result<DiskOutcome>) {
        self.reads.in_flight = self.reads.in_flight.checked_sub(1).expect("a read ends once");
        let segment = self.segments.starting(request.segment).expect("pinned");
        let offset = segment.offset_of(request.position);
        let position = request.position;
        let result = match result {
            Ok(DiskOutcome::Read(bytes)) if request.purpose == Purpose::Scrub => Ok(bytes),
            Ok(DiskOutcome::Read(bytes)) => {
                self.payload_of(request, offset, &bytes).ok_or_else(|| corrupt(request, offset))
            }
            Ok(other) => unreachable!("a read completed with {other:?}"),
            Err(error) if posthouse_disk::is_of_medium(&error) => {
                let (file, reason) = (segment_name(request.segment), error.to_string());
                Err(ReadError::Unreadable { position, file, offset, reason })
            }
            Err(error) => Err(ReadError::Io { position, reason: error.to_string() }),
        };
        match (&result, request.purpose) {
            (
                Err(ReadError::Corrupt { .. } | ReadError::Unreadable { .. }),
                Purpose::Record { id, attempt: Attempt::First },
            ) => {
                self.stats.cold_reads_repeated += 1;
                let purpose = Purpose::Record { id, attempt: Attempt::Second };
                self.reads.queue.push_front(ColdRead { purpose, ..request });
            }
            _ => self.end_read(request, result),
        }
        self.start_reads();
    }

    /// The payload within the blocks that were read, or `None` if it is not a valid record of the length asked for.
    fn payload_of(&mut self, request: ColdRead, offset: u64, blocks: &Bytes) -> Option<Bytes> {
        let start = usize::try_from(offset % BLOCK).expect("within a block");
        let header = blocks.get(start..start + HEADER_BYTES)?;
        let header = Header::parse(header.try_into().expect("eight bytes"));
        let payload = start + HEADER_BYTES..start + HEADER_BYTES + request.length;
        let valid =
            header.kind() <= KIND_MAX && self.framing.is_valid(request.position, header, blocks.get(payload.clone())?);
        if !valid {
            return None;
        }
        let segment = self.segments.starting(request.segment).expect("pinned");
        let place = SegmentPlace { identity: self.identity, first: request.segment.get() };
        let key = segment.protection.key(&self.options.encryption, &place).ok()?;
        let record = RecordPlace { identity: self.identity, position: request.position.get(), kind: header.kind() };
        open(key.as_deref(), &record, blocks.slice(payload))
    }

    /// Stores the result and unpins the segment, which may have become free meanwhile.
    fn end_read(&mut self, request: ColdRead, result: Result<Bytes, ReadError>) {
        match request.purpose {
            Purpose::Record { id, .. } => self.reads.completed.push((id, result)),
            Purpose::Scrub => self.scrub_piece_read(request, result),
        }
        let segment = self.segments.starting(request.segment).expect("pinned");
        segment.pins = segment.pins.checked_sub(1).expect("a read ends once");
        if segment.pins == 0 && segment.live.count == 0 {
            self.reclaim(request.segment);
        }
    }

    /// If too many cold segments are open, closes the one that has been unused for longest.
    fn close_coldest(&mut self) {
        let mut open = 0;
        let mut coldest: Option<(u64, Position, FileId)> = None;
        for segment in self.segments.iter().take_while(|segment| segment.first < self.tail_first) {
            let Handle::Open(file) = segment.file else { continue };
            open += 1;
            let candidate = segment.pins == 0 && segment.end() <= self.commits.durable.position;
            if candidate && coldest.is_none_or(|(used, ..)| segment.used < used) {
                coldest = Some((segment.used, segment.first, file));
            }
        }
        if open > self.options.cold_files_open_max
            && let Some((_, first, file)) = coldest
        {
            let segment = self.segments.starting(first).expect("just seen");
            segment.file = Handle::Closed;
            segment.protection.forget_key();
            self.submit(Task::Close, Operation::Close { file });
        }
    }
}

/// The error for a record that is not valid.
fn corrupt(request: ColdRead, offset: u64) -> ReadError {
    ReadError::Corrupt { position: request.position, file: segment_name(request.segment), offset }
}
