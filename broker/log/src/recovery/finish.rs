//! From the end of replay to a log that appends.

use std::io;

use bytes::Bytes;
use posthouse_disk::{Buffer, Disk, DiskOutcome, Operation};
use posthouse_encryption::TAG_BYTES;

use super::{
    End, Recovered, Recovery,
    found::block,
    reading,
    scan::{WINDOW_BYTES, run, run_read, run_write},
};
use crate::{
    Corruption, Damage, Log, OpenError, Position, Snapshot,
    header::{Closing, SUPERBLOCK_UNFINISHED_NAME, Secrecy, Superblock, segment_name, spare_name},
    image::Image,
    log::Restored,
    position::BLOCK,
    segments::{Handle, Reuse, SpareFile},
    tail::Tail,
};

impl<D: Disk> Recovery<D> {
    /// What recovery found.
    ///
    /// # Panics
    ///
    /// If [`Recovery::next_record`] has not returned `None` yet.
    #[must_use]
    pub fn report(&self) -> Recovered {
        let end = self.end.as_ref().expect("every record is replayed first");
        Recovered {
            clean: end.clean,
            cut: end.cut,
            end: end.position,
            noted: self.superblock().durable,
            damaged_slot: self.found.damaged_slot,
            damaged_headers: self.found.damaged_headers,
            ..self.recovered
        }
    }

    /// The first missing segment that live references lead into; `None` if every reference leads into a segment.
    #[must_use]
    pub fn missing(&self) -> Option<Corruption> {
        let missing = self.segments.missing()?;
        let damage = Damage::ReferencedSegmentMissing { references: missing.references };
        Some(Corruption { file: segment_name(missing.first), offset: 0, damage })
    }

    /// The first position of each segment, and how many live references lead into it, in the order of positions.
    pub fn references(&self) -> impl Iterator<Item = (Position, u64)> {
        self.segments.iter().map(|segment| (segment.first, segment.live.count))
    }

    /// The end of the records that were read so far. The next record stands there or, if another segment or records of the
    /// log itself come first, later.
    #[must_use]
    pub fn position(&self) -> Position {
        self.next
    }

    /// The log as of a position, with the references as they are counted now: the caller has applied the records before it
    /// and none from there on. `position` is one that [`Recovery::position`] returned.
    #[must_use]
    pub fn snapshot(&self, position: Position) -> Snapshot {
        Snapshot::of(self.segments.iter(), self.superblock(), position)
    }

    /// Checks that every live reference leads into a segment, overwrites a torn end, and opens the log behind it.
    ///
    /// # Errors
    ///
    /// [`OpenError::Corrupt`] if a segment with live records is missing, or [`OpenError::Io`].
    ///
    /// # Panics
    ///
    /// If [`Recovery::next_record`] has not returned `None` yet.
    pub fn finish(mut self) -> Result<(Log<D>, Recovered), OpenError> {
        self.recovered = self.report();
        if let Some(missing) = self.missing() {
            return Err(missing.into());
        }
        let end = self.end.take().expect("just reported");
        let first = self.first;
        self.clear(&end).map_err(|source| OpenError::Io {
            action: format!("clearing the end of {}", segment_name(first)),
            source,
        })?;
        self.retire_prepared()
            .map_err(|source| OpenError::Io { action: "renaming a segment that was prepared".to_owned(), source })?;
        let superblock = self.reopen_superblock(&end)?;
        let (mut tail, image) = self.load_tail(end.position).map_err(|error| reading(first, error))?;
        let own = self.segments.starting(first).expect("being read").protection.takes_records(&self.options.encryption);
        if !own || image.is_some() {
            tail.open_from(end.position, if image.is_some() { TAG_BYTES } else { 0 });
        }
        let recovered = self.recovered;
        let leftover = self.found.superblock_unfinished.then(|| SUPERBLOCK_UNFINISHED_NAME.to_owned());
        let log = Log::resume(Restored {
            disk: self.disk,
            options: self.options,
            segments: self.segments,
            tail,
            image,
            end: end.position,
            tail_first: first,
            spares: self.found.spares,
            leftover,
            superblock_file: self.found.superblock_file,
            superblock,
        });
        Ok((log, recovered))
    }

    /// Overwrites everything behind the end with zeros and makes the last two segments durable.
    ///
    /// Their bytes may have been read from a cache that the next loss of power would empty. That concerns the last
    /// segment and, because the last one may hold no record yet, the one before it. All earlier ones were durable
    /// before the last one was written to.
    ///
    /// # Errors
    ///
    /// The disk refuses an operation.
    fn clear(&mut self, end: &End) -> io::Result<()> {
        let file = self.scanner.file();
        let zeros = block(Buffer::zeroed(usize::try_from(WINDOW_BYTES).expect("a window is short")));
        for &(start, length) in &end.dirty {
            let mut at = start;
            let end_offset = end.position.since(self.first) + BLOCK;
            if at < end_offset {
                let kept = usize::try_from(end_offset - at).expect("within a block");
                let present = run_read(&mut self.disk, file, at, BLOCK)?;
                let mut buffer = Buffer::zeroed(present.len());
                buffer[..kept].copy_from_slice(&present[..kept]);
                run_write(&mut self.disk, file, at, block(buffer))?;
                at += BLOCK;
            }
            while at < start + length {
                let size = WINDOW_BYTES.min(start + length - at);
                let piece = zeros.slice(..usize::try_from(size).expect("a window is short"));
                run_write(&mut self.disk, file, at, piece)?;
                at += size;
            }
        }
        for first in [self.before, Some(self.first)].into_iter().flatten() {
            let segment = self.segments.starting(first).expect("in the table");
            let Handle::Open(file) = segment.file else { unreachable!("the last two stay open") };
            run(&mut self.disk, Operation::Sync { file })?;
        }
        Ok(())
    }

    /// Takes a segment back that an earlier run has prepared and that this run may not append to. It holds no record.
    ///
    /// # Errors
    ///
    /// The disk refuses an operation.
    fn retire_prepared(&mut self) -> io::Result<()> {
        let Some(last) = self.segments.last().filter(|last| last.first > self.first) else { return Ok(()) };
        if last.protection.takes_records(&self.options.encryption) {
            return Ok(());
        }
        let segment = self.segments.remove(last.first).expect("just seen");
        if let Handle::Open(file) = segment.file {
            run(&mut self.disk, Operation::Close { file })?;
        }
        let name = segment_name(segment.first);
        if segment.protection.wrapped().is_none() {
            return run(&mut self.disk, Operation::Remove { name }).map(drop);
        }
        let number = self.found.spares.last_key_value().map_or(0, |(number, _)| number + 1);
        if let DiskOutcome::Done = run(&mut self.disk, Operation::Recycle { from: name, to: spare_name(number) })? {
            self.found.spares.insert(number, SpareFile { length: segment.length, reuse: Reuse::Fit });
        }
        Ok(())
    }

    /// Notes in the superblock that the log is open, and how far it is durable.
    ///
    /// # Errors
    ///
    /// The disk refuses the write.
    fn reopen_superblock(&mut self, end: &End) -> Result<Superblock, OpenError> {
        let current = *self.superblock();
        // A header that cannot be read now may be that of an encrypted segment.
        let encrypted = self.options.encryption.first().is_some()
            || current.secrecy == Secrecy::Encrypted && self.found.damaged_headers > 0
            || self.segments.iter().any(|segment| segment.protection.wrapped().is_some());
        let next = Superblock {
            sequence: current.sequence + 1,
            durable: end.position,
            closing: Closing::Open,
            secrecy: if encrypted { Secrecy::Encrypted } else { Secrecy::Plain },
            ..current
        };
        run_write(&mut self.disk, self.found.superblock_file, next.offset(), block(next.encode()))
            .map_err(|source| OpenError::Io { action: "writing the superblock".to_owned(), source })?;
        Ok(next)
    }

    /// A tail with the block in which the end lies, and the same as an image if new data is encrypted.
    ///
    /// # Errors
    ///
    /// The disk refuses the read.
    fn load_tail(&mut self, end: Position) -> io::Result<(Tail, Option<Image>)> {
        let present = usize::try_from(end.since(end.block_start())).expect("within a block");
        let mut bytes = Bytes::new();
        if present > 0 {
            let offset = end.block_start().since(self.first) + BLOCK;
            bytes = run_read(&mut self.disk, self.scanner.file(), offset, BLOCK)?;
        }
        let load = || {
            let mut tail = Tail::new(self.options.chunk_bytes, self.options.tail_bytes);
            tail.open_chunk(end.block_start(), self.options.chunk_bytes);
            tail.append(&[&bytes[..present]]);
            tail
        };
        let image = self.options.encryption.first().map(|_| Image::new(load(), self.found.superblock.identity));
        Ok((load(), image))
    }
}
