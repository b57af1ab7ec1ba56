//! The decision about the place where no valid record follows: the end of the log, or damage.

use posthouse_disk::Disk;

use super::{
    Cut, Recovery, missing, reading,
    scan::{Scanner, WINDOW_BYTES, run_read},
};
use crate::{
    Corruption, Damage, OpenError, Position,
    header::{Closing, Remainder, segment_name},
    position::BLOCK,
    record::{ALIGNMENT_BYTES, MARK_BYTES},
    segments::Handle,
};

/// The end of a log, once damage is excluded.
#[derive(Debug)]
pub(super) struct End {
    pub(super) position: Position,
    pub(super) clean: bool,
    pub(super) cut: Option<Cut>,
    /// The parts of the last segment's file behind the end that are not zero: offsets and lengths in bytes, in whole
    /// blocks. The first part may begin with records.
    pub(super) dirty: Vec<(u64, u64)>,
}

/// What was found behind a position in a segment.
#[derive(Default)]
struct Behind {
    /// The largest durable end that a valid mark states.
    durable: Option<Position>,
    /// The end of the last valid mark.
    marks_end: Option<Position>,
    /// The end of the last byte that is not zero.
    bytes_end: Option<Position>,
    dirty: Vec<(u64, u64)>,
}

impl<D: Disk> Recovery<D> {
    /// Decides between a torn end and damage.
    ///
    /// # Errors
    ///
    /// [`OpenError::Corrupt`] if the record at `position` had been durable, or [`OpenError::Io`].
    pub(super) fn judge(&mut self, position: Position) -> Result<End, OpenError> {
        self.scanner.rest(&mut self.disk).map_err(|error| reading(self.first, error))?;
        let segment = self.segments.starting(self.first).expect("being read");
        let (offset, next) = (segment.offset_of(position), segment.next_first());
        let file = segment_name(self.first);
        let corrupt = |damage| OpenError::from(Corruption { file, offset, damage });

        let durable = self.superblock().durable;
        if durable > position {
            return Err(corrupt(Damage::Record { position, durable }));
        }
        let later: Vec<Position> =
            self.segments.iter().map(|segment| segment.first).filter(|first| *first > self.first).take(2).collect();
        match later[..] {
            [later, ..] if later != next => return Err(missing(next).into()),
            // One segment is prepared ahead, never two: the second one proves that the log went on.
            [_, later] => return Err(corrupt(Damage::RecordBeforeSegment { position, later })),
            [later] => drop(self.open_segment(later)?),
            _ => {}
        }
        // If the other slot is whole or was never written, no newer one can have existed.
        if self.superblock().closing == Closing::Clean && self.found.damaged_slot.is_none() && durable == position {
            return Ok(End { position, clean: true, cut: None, dirty: Vec::new() });
        }

        let (handle, length) = (self.scanner.file(), self.scanner.length());
        let behind = self.look_behind(handle, self.first, length, position)?;
        if let Some(durable) = behind.durable.filter(|durable| *durable > position) {
            return Err(corrupt(Damage::Record { position, durable }));
        }
        if let [later] = later[..]
            && self.holds_records(later)?
        {
            return Err(corrupt(Damage::RecordBeforeSegment { position, later }));
        }
        // In a recycled file, bytes of an earlier use follow. There, only marks show what was being written.
        let torn_end = match self.remainder {
            Remainder::EarlierUse => behind.marks_end,
            Remainder::Zeros => behind.marks_end.max(behind.bytes_end),
        };
        let cut = torn_end.map(|end| Cut { position, bytes: end.since(position) });
        Ok(End { position, clean: false, cut, dirty: behind.dirty })
    }

    /// Whether a segment that should only be prepared holds a valid first record or a valid mark.
    ///
    /// # Errors
    ///
    /// The disk refuses a read.
    fn holds_records(&mut self, first: Position) -> Result<bool, OpenError> {
        let segment = self.segments.starting(first).expect("in the table");
        let length = segment.length;
        let Handle::Open(file) = segment.file else { unreachable!("opened before") };
        let (own_scanner, own_first) = (Scanner::new(file, 0, length), first);
        let scanner = std::mem::replace(&mut self.scanner, own_scanner);
        let before = std::mem::replace(&mut self.first, own_first);
        let record = self.record_at(first);
        self.scanner.rest(&mut self.disk).map_err(|error| reading(first, error))?;
        self.scanner = scanner;
        self.first = before;
        Ok(record?.is_some() || self.look_behind(file, first, length, first)?.durable.is_some())
    }

    /// Reads everything from `position` to the end of its segment.
    ///
    /// # Errors
    ///
    /// The disk refuses a read.
    fn look_behind(
        &mut self,
        file: posthouse_disk::FileId,
        first: Position,
        length: u64,
        position: Position,
    ) -> Result<Behind, OpenError> {
        let mut behind = Behind::default();
        let mut start = (position.since(first) + BLOCK) / BLOCK * BLOCK;
        while start < length {
            // One block more than the window, for a mark that begins at the end of the window.
            let window = WINDOW_BYTES.min(length - start);
            let read = (window + BLOCK).min(length - start);
            let bytes = run_read(&mut self.disk, file, start, read).map_err(|error| reading(first, error))?;
            let window = usize::try_from(window).expect("a window is short");
            let block_bytes = usize::try_from(BLOCK).expect("a block is short");
            for (index, block) in bytes[..window].chunks(block_bytes).enumerate() {
                let at = start + (index * block_bytes) as u64;
                let block_start = first.plus(at).get() - BLOCK;
                // The first block may begin with records.
                let skip = usize::try_from(position.get().saturating_sub(block_start)).expect("within a block");
                let Some(last) = block.iter().rposition(|byte| *byte != 0).filter(|last| *last >= skip) else {
                    continue;
                };
                behind.bytes_end = Some(Position::new(block_start).plus(last as u64 + 1));
                match behind.dirty.last_mut() {
                    Some((from, size)) if *from + *size == at => *size += BLOCK,
                    _ => behind.dirty.push((at, BLOCK)),
                }
                let in_window = index * block_bytes;
                for candidate in (skip.next_multiple_of(ALIGNMENT_BYTES)..=last).step_by(ALIGNMENT_BYTES) {
                    let place = Position::new(block_start).plus(candidate as u64);
                    if let Some(durable) = self.framing.mark(place, &bytes[in_window + candidate..]) {
                        behind.durable = behind.durable.max(Some(durable));
                        behind.marks_end = Some(place.plus(MARK_BYTES as u64));
                    }
                }
            }
            start += window as u64;
        }
        Ok(behind)
    }
}
