//! Reading single records during recovery: those that replay needs beside the ones that it goes through.

use bytes::Bytes;
use posthouse_disk::Disk;
use posthouse_encryption::{DataKey, RecordPlace, SegmentPlace, TAG_BYTES};

use super::{Recovery, missing, reading, scan::run_read};
use crate::{
    Corruption, Damage, OpenError, Position,
    header::segment_name,
    position::BLOCK,
    protection::open,
    record::{HEADER_BYTES, Header, KIND_MAX},
    relocation::NAME_BYTES,
    segments::Handle,
};

impl<D: Disk> Recovery<D> {
    /// The payload of the record at `position`, which is `length` bytes long. It may lie before the start of replay, in any
    /// segment that is there, and behind the end of what was read so far only if the log goes on there.
    ///
    /// # Errors
    ///
    /// [`OpenError::Corrupt`] if no segment holds the record, or if it is not valid; [`OpenError::Io`] if the disk refuses
    /// an operation.
    pub fn read(&mut self, position: Position, length: usize) -> Result<Bytes, OpenError> {
        match self.segments.moved_to(position) {
            None => self.read_here(position, length),
            Some(moved) => Ok(self.read_here(moved.to, length + NAME_BYTES)?.slice(NAME_BYTES..)),
        }
    }

    fn read_here(&mut self, position: Position, length: usize) -> Result<Bytes, OpenError> {
        self.scanner.rest(&mut self.disk).map_err(|error| reading(self.first, error))?;
        let segment = self.segments.holding(position).filter(|segment| segment.has_file());
        let segment = segment.ok_or_else(|| missing(position))?;
        let first = segment.first;
        let was_open = matches!(segment.file, Handle::Open(_));
        if !was_open {
            self.open_segment(first)?;
        }
        let payload = self.record_of(first, position, length);
        if !was_open {
            self.leave(first)?;
        }
        payload
    }

    /// The payload of the record at `position` in the segment at `first`, whose file is open.
    ///
    /// # Errors
    ///
    /// Those of [`Recovery::read`].
    fn record_of(&mut self, first: Position, position: Position, length: usize) -> Result<Bytes, OpenError> {
        let place = SegmentPlace { identity: *self.identity(), first: first.get() };
        let segment = self.segments.starting(first).expect("in the table");
        let Handle::Open(file) = segment.file else { unreachable!("opened by the caller") };
        let offset = segment.offset_of(position);
        let damaged = Corruption {
            file: segment_name(first),
            offset,
            damage: Damage::Record { position, durable: self.found.superblock.durable },
        };
        let start = offset / BLOCK * BLOCK;
        // What is stored is longer than the payload if it is encrypted.
        let end = (offset + (HEADER_BYTES + length + TAG_BYTES) as u64).next_multiple_of(BLOCK).min(segment.length);
        let key = segment.protection.key(&self.options.encryption, &place).ok();
        let blocks = run_read(&mut self.disk, file, start, end - start).map_err(|error| reading(first, error))?;
        let at = usize::try_from(offset - start).expect("within a block");
        let payload =
            key.and_then(|key| self.payload_in(position, key.as_deref(), &blocks.slice(at.min(blocks.len())..)));
        payload.filter(|payload| payload.len() == length).ok_or_else(|| damaged.into())
    }

    /// The payload of the record at `position`, whose header `bytes` begin with. `None` if it is not valid.
    fn payload_in(&self, position: Position, key: Option<&DataKey>, bytes: &Bytes) -> Option<Bytes> {
        let header = Header::parse(bytes.get(..HEADER_BYTES)?.try_into().expect("eight bytes"));
        let stored = HEADER_BYTES..HEADER_BYTES + header.length();
        let is_valid = header.kind() <= KIND_MAX && self.framing.is_valid(position, header, bytes.get(stored.clone())?);
        let place = RecordPlace { identity: *self.identity(), position: position.get(), kind: header.kind() };
        is_valid.then(|| open(key, &place, bytes.slice(stored)))?
    }
}
