//! Reads all segments of a directory and checks every record, for `posthouse verify`. Changes nothing.
//!
//! Replay reads from the start of replay to the end of the log. An audit also reads the segments before it, whose
//! records replay only refers to, and it goes on behind damage. It does not depend on replay: it says what it finds even
//! of a directory that no broker starts on.

use posthouse_disk::{Disk, FileId, Operation};

use super::{
    found::Found,
    misfit, missing, reading,
    scan::{WINDOW_BYTES, run, run_open, run_read},
};
use crate::{
    Damage, OpenError, Position,
    header::{Closing, SegmentHeader, Unreadable, segment_name},
    position::BLOCK,
    protection::Protection,
    record::{Framing, KIND_MAX, KIND_SEAL, record_bytes},
    segments::Segments,
    verifier::{Findings, Suspect, Verifier, WholeRecord},
};

/// A log that is read and not changed.
#[derive(Debug)]
pub struct Audit<D: Disk> {
    disk: D,
    found: Found,
    segments: Segments,
}

/// A segment as its name and its length state it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentFile {
    /// The name of the file.
    pub name: String,
    /// The position of its first record.
    pub first: Position,
    /// The end of the file: every record has a smaller position.
    pub end: Position,
    /// The length of the file in bytes.
    pub bytes: u64,
}

/// What the check of a segment found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CheckedSegment {
    /// What is wrong with the header, if something is.
    pub header: Option<Damage>,
    /// How many records of the log's user are whole.
    pub records: u64,
    /// The bytes of whole records, those of the log itself included.
    pub bytes: u64,
    /// Whether it ends with a seal.
    pub sealed: bool,
    /// The parts that hold a damaged record, in the order of positions.
    pub suspects: Vec<Suspect>,
}

impl<D: Disk> Audit<D> {
    /// Opens the log of a directory.
    ///
    /// # Errors
    ///
    /// [`OpenError`], if the superblock is missing, damaged or of another version, if the names and lengths of the
    /// segments contradict each other, or if the disk refuses an operation.
    pub fn open(mut disk: D) -> Result<Self, OpenError> {
        let found = Found::existing(&mut disk)?;
        let segments = found.table()?;
        Ok(Self { disk, found, segments })
    }

    /// The identity of the log.
    #[must_use]
    pub fn identity(&self) -> &[u8; 16] {
        &self.found.superblock.identity
    }

    /// Where replay starts.
    #[must_use]
    pub fn replay_start(&self) -> Position {
        self.found.superblock.replay_start
    }

    /// The durable end that the superblock states.
    #[must_use]
    pub fn noted(&self) -> Position {
        self.found.superblock.durable
    }

    /// Whether the log was closed, so that it ends at [`Audit::noted`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.found.superblock.closing == Closing::Clean
    }

    /// The offset in bytes of a slot of the superblock that is not whole, if there is one. The other slot counts.
    #[must_use]
    pub fn damaged_slot(&self) -> Option<u64> {
        self.found.damaged_slot
    }

    /// All segments in the order of positions.
    pub fn segments(&self) -> impl Iterator<Item = SegmentFile> {
        self.segments.iter().map(|segment| SegmentFile {
            name: segment_name(segment.first),
            first: segment.first,
            end: segment.end(),
            bytes: segment.length,
        })
    }

    /// Checks the header of the segment at `first`, and its records up to its seal or up to `until`, whichever comes
    /// first. Passes each whole record of the log's user to `visit`, in the order of positions.
    ///
    /// # Errors
    ///
    /// [`OpenError::Corrupt`] if there is no such segment, [`OpenError::Newer`] or [`OpenError::Older`] if its header is
    /// of another version, or
    /// [`OpenError::Io`] if the disk refuses an operation for a reason that says nothing of the bytes. Damage is no error.
    pub fn check(
        &mut self,
        first: Position,
        until: Position,
        visit: &mut dyn FnMut(WholeRecord),
    ) -> Result<CheckedSegment, OpenError> {
        let segment = self.segments.starting(first).ok_or_else(|| missing(first))?;
        let until = until.min(segment.end());
        let length = segment.length;
        let failed = |error| reading(first, error);
        let (file, _) = run_open(&mut self.disk, Operation::Open { name: segment_name(first) }).map_err(failed)?;
        let (header, tag_bytes) = self.header(first, length, file)?;
        let mut check = Check { found: CheckedSegment { header, ..CheckedSegment::default() }, tag_bytes, visit };
        let mut verifier = Verifier::new(Framing::new(&self.found.superblock.identity), first, until);
        while !verifier.is_done() {
            let at = verifier.position();
            let left = until.since(at);
            let window = WINDOW_BYTES.min(left);
            let offset = at.since(first) + BLOCK;
            match run_read(&mut self.disk, file, offset, window.next_multiple_of(BLOCK)) {
                Ok(bytes) => verifier.take(&bytes[..usize::try_from(window).expect("a window is short")], &mut check),
                // The window is read again block by block, so that the records around the damage are checked.
                Err(error) if posthouse_disk::is_of_medium(&error) => {
                    self.check_blocks(file, (first, window), &mut verifier, &mut check)?;
                }
                Err(error) => return Err(failed(error)),
            }
        }
        let found = check.found;
        run(&mut self.disk, Operation::Close { file }).map_err(failed)?;
        Ok(found)
    }

    /// Checks the next bytes block by block, and skips those that the medium does not deliver.
    ///
    /// # Errors
    ///
    /// The disk refuses a read for a reason that says nothing of the bytes.
    fn check_blocks(
        &mut self,
        file: FileId,
        (first, length): (Position, u64),
        verifier: &mut Verifier,
        findings: &mut Check<'_>,
    ) -> Result<(), OpenError> {
        let end = verifier.position().plus(length);
        while verifier.position() < end {
            let at = verifier.position();
            let piece = usize::try_from(BLOCK.min(end.since(at))).expect("a block is short");
            match run_read(&mut self.disk, file, at.since(first) + BLOCK, BLOCK) {
                Ok(bytes) => verifier.take(&bytes[..piece], findings),
                Err(error) if posthouse_disk::is_of_medium(&error) => verifier.skip(piece, findings),
                Err(error) => return Err(reading(first, error)),
            }
        }
        Ok(())
    }

    /// What is wrong with the header of a segment, if something is, and how many bytes its records have behind their
    /// payloads.
    ///
    /// # Errors
    ///
    /// The header is of another version, or the disk refuses the read for a reason that says nothing of the bytes.
    fn header(&mut self, first: Position, length: u64, file: FileId) -> Result<(Option<Damage>, usize), OpenError> {
        let block = match run_read(&mut self.disk, file, 0, BLOCK) {
            Ok(block) => block,
            Err(error) if posthouse_disk::is_of_medium(&error) => return Ok((Some(Damage::SegmentHeader), 0)),
            Err(error) => return Err(reading(first, error)),
        };
        match SegmentHeader::decode(&block) {
            Err(Unreadable::Newer(version)) => Err(OpenError::Newer { file: segment_name(first), version }),
            Err(Unreadable::Older(version)) => Err(OpenError::Older { file: segment_name(first), version }),
            Err(Unreadable::Blank | Unreadable::Damaged) => Ok((Some(Damage::SegmentHeader), 0)),
            Ok(header) => {
                let tag_bytes = Protection::found(header.key).stored_bytes(0);
                Ok((misfit(&header, &self.found.superblock.identity, (first, length)), tag_bytes))
            }
        }
    }
}

/// What the check of one segment has found so far.
struct Check<'a> {
    found: CheckedSegment,
    /// How many bytes the records of the log's user have behind their payloads.
    tag_bytes: usize,
    visit: &'a mut dyn FnMut(WholeRecord),
}

impl Findings for Check<'_> {
    fn whole(&mut self, record: WholeRecord) {
        self.found.bytes += record_bytes(record.length) as u64;
        self.found.sealed |= record.kind == KIND_SEAL;
        if record.kind <= KIND_MAX {
            self.found.records += 1;
            // A shorter record was not written by this log: its length is wrong in either case.
            let length = record.length.saturating_sub(self.tag_bytes);
            (self.visit)(WholeRecord { length, ..record });
        }
    }

    fn suspect(&mut self, suspect: Suspect) {
        self.found.suspects.push(suspect);
    }
}
