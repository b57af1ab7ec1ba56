//! From a directory to a log: find the segments, return the records from the start of replay on, and decide what the
//! end of them means.
//!
//! A record that is not valid ends the log. It is either the torn end of the last commit, which was never acknowledged,
//! or damage. It is damage if there is evidence that it had been durable: the superblock, a later mark, or a later
//! segment. `docs/format.md` has the rules.
//!
//! # Invariants
//!
//! * Nothing is written before that decision, except to an empty directory.
//! * A torn end is overwritten with zeros before a record is appended, so that no part of it can become valid later.

use std::{fmt, io, sync::Arc};

use bytes::Bytes;
use posthouse_disk::{Disk, Operation};
use posthouse_encryption::{DataKey, RecordPlace, SegmentPlace, UnwrapError};

use crate::{
    Corruption, Damage, Log, MissingKey, OpenError, Options, Position,
    header::{Remainder, SegmentHeader, Superblock, Unreadable, segment_name},
    position::BLOCK,
    protection::{Protection, open},
    record::{
        Framing, HEADER_BYTES, Header, KIND_END, KIND_MARK, KIND_MAX, KIND_PADDING, KIND_SEAL, parse_position,
        record_bytes,
    },
    relocation::NAME_BYTES,
    segments::{Handle, References, Segments},
};

mod audit;
mod end;
mod finish;
mod found;
mod headers;
mod read;
mod relocated;
mod scan;

pub use audit::{Audit, CheckedSegment, SegmentFile};
pub use relocated::Relocated;

use end::End;
use found::Found;
use scan::{Scanner, run, run_open, run_read};

/// A record for replay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Where it stands.
    pub position: Position,
    /// The kind that it was appended with.
    pub kind: u8,
    /// The payload. It is a slice of a larger read, which it keeps in memory: copy it to keep it for long.
    pub payload: Bytes,
}

/// What recovery found, for the broker's log.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Recovered {
    /// Whether the directory was empty.
    pub fresh: bool,
    /// Whether the log had been closed.
    pub clean: bool,
    /// How many records were replayed.
    pub records: u64,
    /// How many bytes of records were read for it, those of the log itself included.
    pub bytes: u64,
    /// How many segments were read for it.
    pub segments: u64,
    /// The end of the log.
    pub end: Position,
    /// The durable end that the superblock states: every record before it was durable, and is there. Records from there
    /// to `end` are whole. What the disk held behind `end` is not known.
    pub noted: Position,
    /// The torn end, if there was one.
    pub cut: Option<Cut>,
    /// The offset in bytes of a slot of the superblock that was not whole: a crash tore its write, or it was damaged.
    /// The other slot counted. The start has overwritten it.
    pub damaged_slot: Option<u64>,
    /// How many segments before replay start have damaged headers. If they are encrypted, their records cannot be read.
    /// Counted only in a log that may have encrypted segments.
    pub damaged_headers: u64,
}

/// The torn end of a log: bytes behind its last whole record. As a rule they were being written when the broker or the
/// machine stopped, and were never acknowledged. If the device lost or damaged a write that had ended, acknowledged
/// records are among them. The bytes do not tell which of the two it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The position of the first record that was not whole.
    pub position: Position,
    /// How many bytes behind that position the traces of the commit end.
    pub bytes: u64,
}

impl Recovered {
    /// The payload of a record that was moved is longer by this, where it is now.
    pub const MOVED_NAME_BYTES: u32 = 8;
}

const _: () = assert!(Recovered::MOVED_NAME_BYTES as usize == NAME_BYTES);

impl fmt::Display for Recovered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fresh {
            return formatter.write_str("a fresh data directory");
        }
        write!(
            formatter,
            "{} records, {} bytes in {} segments replayed up to position {}",
            self.records, self.bytes, self.segments, self.end
        )?;
        match (self.clean, self.cut) {
            (true, _) => formatter.write_str("; the log had been closed"),
            (false, None) => formatter.write_str("; the log had not been closed"),
            (false, Some(cut)) => write!(
                formatter,
                "; the log had not been closed: behind its last whole record, {} bytes at {} were cut",
                cut.bytes, cut.position
            ),
        }
    }
}

/// A log during recovery. Take every record from [`Recovery::next_record`], count the references to records that are
/// still needed, then call [`Recovery::finish`].
#[derive(Debug)]
pub struct Recovery<D: Disk> {
    disk: D,
    options: Options,
    framing: Framing,
    found: Found,
    segments: Segments,
    /// The first position of the segment being read.
    first: Position,
    /// The key of that segment, if it is encrypted.
    key: Option<Arc<DataKey>>,
    scanner: Scanner,
    /// The first position of the segment read before, which is still open.
    before: Option<Position>,
    /// What follows the records of the segment being read.
    remainder: Remainder,
    next: Position,
    end: Option<End>,
    recovered: Recovered,
}

impl<D: Disk> Log<D> {
    /// Opens the log of a directory, or creates one in an empty directory.
    ///
    /// # Errors
    ///
    /// [`OpenError`]. The directory is unchanged then, unless it was empty.
    pub fn open(mut disk: D, options: Options) -> Result<Recovery<D>, OpenError> {
        options.check();
        let found = Found::look(&mut disk, &options)?;
        let framing = Framing::new(&found.superblock.identity);
        let mut segments = found.table()?;
        let start = found.superblock.replay_start;
        if start > Position::FIRST {
            // The checkpoint there names the segments that were emptied.
            segments.defer_missing();
        }
        let Some(index) = segments.index_of(start) else {
            let first = segments.iter().map(|segment| segment.first).take_while(|first| *first <= start).last();
            return Err(missing(first.unwrap_or(start)).into());
        };
        let first = segments.get(index).expect("just found").first;
        let mut recovery = Recovery {
            scanner: Scanner::new(found.superblock_file, 0, 0),
            disk,
            options,
            framing,
            segments,
            first,
            key: None,
            before: None,
            remainder: Remainder::Zeros,
            next: start,
            end: None,
            recovered: Recovered { fresh: found.fresh, ..Recovered::default() },
            found,
        };
        recovery.enter(first)?;
        Ok(recovery)
    }
}

impl<D: Disk> Recovery<D> {
    /// Where replay starts. No record before this position is returned.
    #[must_use]
    pub fn replay_start(&self) -> Position {
        self.found.superblock.replay_start
    }

    /// The identity of this log: 16 random bytes, chosen when its directory was empty.
    #[must_use]
    pub fn identity(&self) -> &[u8; 16] {
        &self.found.superblock.identity
    }

    /// The end of the region in which a position lies: a segment, or a gap between the segments that are there.
    #[must_use]
    pub fn region_end(&self, position: Position) -> Position {
        self.segments.region_end(position)
    }

    /// Counts live references, as [`Log::retain`] does. The records may lie before the start of replay.
    pub fn retain(&mut self, position: Position, references: References) {
        self.segments.retain(position, references);
    }

    /// Takes back references.
    ///
    /// # Panics
    ///
    /// If the references were not counted, or with other lengths.
    pub fn release(&mut self, position: Position, references: References) {
        // `Log::resume` reclaims segments that have become free.
        let _ = self.segments.release(position, references);
    }

    /// Keeps the segment of a record for replay, as [`Log::hold_for_replay`] does.
    pub fn hold_for_replay(&mut self, position: Position) {
        let next = self.next;
        let moved = self.segments.moved_to(position).map_or(position, |moved| moved.to);
        for position in [position, moved] {
            if let Some(segment) = self.segments.holding(position) {
                segment.replayed_until = next;
            }
        }
    }

    /// The next record, in the order of appending. `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`] if the disk refuses a read, [`OpenError::Corrupt`] if a record that was durable is damaged.
    pub fn next_record(&mut self) -> Result<Option<Record>, OpenError> {
        while self.end.is_none() {
            let position = self.next;
            let Some((kind, payload, size)) = self.payload_at(position)? else {
                self.end = Some(self.judge(position)?);
                self.segments.place();
                break;
            };
            self.recovered.bytes += size;
            self.next = position.plus(size);
            match kind {
                KIND_SEAL => self.follow(position, &payload)?,
                KIND_MARK | KIND_PADDING => {}
                _ => {
                    self.recovered.records += 1;
                    return Ok(Some(Record { position, kind, payload }));
                }
            }
        }
        Ok(None)
    }

    /// The kind, the payload and the size in bytes of the record at a position of the present segment, or `None` if it is
    /// not valid.
    ///
    /// # Errors
    ///
    /// The disk refuses a read.
    fn payload_at(&mut self, position: Position) -> Result<Option<(u8, Bytes, u64)>, OpenError> {
        let Some((kind, stored)) = self.record_at(position)? else { return Ok(None) };
        let size = record_bytes(stored.len()) as u64;
        if kind > KIND_MAX {
            return Ok(Some((kind, stored, size)));
        }
        let place = RecordPlace { identity: *self.identity(), position: position.get(), kind };
        Ok(open(self.key.as_deref(), &place, stored).map(|payload| (kind, payload, size)))
    }

    /// The kind of the record at a position of the present segment, and its payload as it is stored, or `None` if it is
    /// not valid.
    ///
    /// # Errors
    ///
    /// The disk refuses a read.
    fn record_at(&mut self, position: Position) -> Result<Option<(u8, Bytes)>, OpenError> {
        let offset = position.since(self.first) + BLOCK;
        let room = self.scanner.length() - offset;
        if room < HEADER_BYTES as u64 {
            return Ok(None);
        }
        let first = self.first;
        let failed = |error| reading(first, error);
        let header = self.scanner.bytes(&mut self.disk, offset, HEADER_BYTES).map_err(failed)?;
        let header = Header::parse(header[..].try_into().expect("eight bytes"));
        let size = HEADER_BYTES + header.length();
        if header.kind() == KIND_END || size as u64 > room {
            return Ok(None);
        }
        let bytes = self.scanner.bytes(&mut self.disk, offset, size).map_err(failed)?;
        let payload = bytes.slice(HEADER_BYTES..);
        let known = header.kind() <= KIND_MAX || matches!(header.kind(), KIND_SEAL | KIND_MARK | KIND_PADDING);
        let valid = known && self.framing.is_valid(position, header, &payload);
        Ok(valid.then_some((header.kind(), payload)))
    }

    /// Goes on in the segment that a seal names, and closes the one before the last.
    ///
    /// # Errors
    ///
    /// The seal or the next segment is damaged or missing, or the disk refuses an operation.
    fn follow(&mut self, position: Position, payload: &[u8]) -> Result<(), OpenError> {
        let segment = self.segments.starting(self.first).expect("being read");
        let next = segment.next_first();
        if parse_position(payload) != Some(next) {
            let corruption = Corruption {
                file: segment_name(self.first),
                offset: segment.offset_of(position),
                damage: Damage::Seal,
            };
            return Err(corruption.into());
        }
        if self.segments.starting(next).is_none() {
            return Err(missing(next).into());
        }
        self.next = next;
        let before = self.before.replace(self.first);
        self.enter(next)?;
        before.map_or(Ok(()), |before| self.leave(before))
    }

    /// Makes the segment at `first` the one being read, and checks its header.
    ///
    /// # Errors
    ///
    /// Those of [`Recovery::open_segment`].
    fn enter(&mut self, first: Position) -> Result<(), OpenError> {
        self.scanner.rest(&mut self.disk).map_err(|error| reading(self.first, error))?;
        let header = self.open_segment(first)?;
        let segment = self.segments.starting(first).expect("in the table");
        let Handle::Open(file) = segment.file else { unreachable!("just opened") };
        self.scanner = Scanner::new(file, segment.offset_of(self.next), segment.length);
        let place = SegmentPlace { identity: self.found.superblock.identity, first: first.get() };
        self.key = segment.protection.key(&self.options.encryption, &place).map_err(|error| match error {
            UnwrapError::UnknownKey(id) => OpenError::KeysMissing { keys: vec![MissingKey { id, segments: 1 }] },
            UnwrapError::Forged => damaged_key(first).into(),
        })?;
        self.first = first;
        self.remainder = header.remainder;
        self.recovered.segments += 1;
        Ok(())
    }

    /// Closes a segment, so that a long replay does not end with thousands of open files.
    ///
    /// # Errors
    ///
    /// The disk refuses to close the file.
    fn leave(&mut self, first: Position) -> Result<(), OpenError> {
        let segment = self.segments.starting(first).expect("in the table");
        segment.protection.forget_key();
        if let Handle::Open(file) = std::mem::replace(&mut segment.file, Handle::Closed) {
            run(&mut self.disk, Operation::Close { file }).map_err(|error| reading(first, error))?;
        }
        Ok(())
    }

    /// Opens a segment of the table and checks its header against the file and the superblock.
    ///
    /// # Errors
    ///
    /// The header is damaged, or of another log, length or version; or the disk refuses an operation.
    fn open_segment(&mut self, first: Position) -> Result<SegmentHeader, OpenError> {
        let name = segment_name(first);
        let failed = |error| reading(first, error);
        let (file, length) = run_open(&mut self.disk, Operation::Open { name: name.clone() }).map_err(failed)?;
        self.segments.starting(first).expect("in the table").file = Handle::Open(file);
        let block = run_read(&mut self.disk, file, 0, BLOCK).map_err(failed)?;
        let damage = |damage| OpenError::from(Corruption { file: name.clone(), offset: 0, damage });
        match SegmentHeader::decode(&block) {
            Err(Unreadable::Newer(version)) => Err(OpenError::Newer { file: name, version }),
            Err(Unreadable::Older(version)) => Err(OpenError::Older { file: name, version }),
            Err(Unreadable::Blank | Unreadable::Damaged) => Err(damage(Damage::SegmentHeader)),
            Ok(header) => match misfit(&header, &self.found.superblock.identity, (first, length)) {
                Some(found) => Err(damage(found)),
                None => {
                    let segment = self.segments.starting(first).expect("in the table");
                    if segment.protection.wrapped() != header.key {
                        segment.protection = Protection::found(header.key);
                    }
                    Ok(header)
                }
            },
        }
    }

    fn superblock(&self) -> &Superblock {
        &self.found.superblock
    }
}

/// What is wrong with the header of a file with the name of the segment at `first` and this length, in the directory of
/// this log. `None` if it fits.
fn misfit(header: &SegmentHeader, identity: &[u8; 16], (first, length): (Position, u64)) -> Option<Damage> {
    if header.identity != *identity {
        Some(Damage::ForeignSegment)
    } else if header.first != first {
        Some(Damage::SegmentHeader)
    } else if header.length != length {
        Some(Damage::SegmentLength)
    } else {
        None
    }
}

/// The damage of a segment whose data key was not wrapped by the master key that its header names.
fn damaged_key(first: Position) -> Corruption {
    Corruption { file: segment_name(first), offset: 0, damage: Damage::WrappedKey }
}

/// The damage of a segment that is missing.
fn missing(first: Position) -> Corruption {
    Corruption { file: segment_name(first), offset: 0, damage: Damage::SegmentMissing }
}

/// The error of a disk that refuses to read a segment.
fn reading(first: Position, source: io::Error) -> OpenError {
    OpenError::Io { action: format!("reading {}", segment_name(first)), source }
}
