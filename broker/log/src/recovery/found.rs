//! The files of a directory, and the creation of a log in an empty one.
//!
//! A directory counts as empty while it has no superblock. The superblock is created last, under another name, and
//! renamed when it is whole. The files of an interrupted creation are replaced, if no record was ever appended to them.

use std::{collections::BTreeMap, io};

use posthouse_disk::{Disk, FileId, Operation};
use posthouse_encryption::{KeyId, SegmentPlace};

use super::{
    headers::read_headers,
    scan::{run, run_open, run_read, run_write},
};
use crate::{
    Corruption, Damage, MissingKey, OpenError, Options, Position,
    header::{
        Closing, Named, Remainder, SUPERBLOCK_BYTES, SUPERBLOCK_NAME, SUPERBLOCK_UNFINISHED_NAME, Secrecy,
        SegmentHeader, Superblock, Unreadable, segment_name, spare_name,
    },
    position::BLOCK,
    protection::Protection,
    segments::{Reuse, Segment, SegmentState, Segments, SpareFile},
};

/// The files of the log, and the newest slot of its superblock.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) fresh: bool,
    pub(super) superblock_file: FileId,
    /// The newest valid slot.
    pub(super) superblock: Superblock,
    /// The offset in bytes of the other slot, if it was written and is not whole.
    pub(super) damaged_slot: Option<u64>,
    /// The lengths of the segments in bytes, by first position.
    segments: BTreeMap<Position, u64>,
    /// How the records of the segments are stored. One that is not named is not encrypted, or its header is damaged.
    protections: BTreeMap<Position, Protection>,
    /// The segments whose headers were read and are damaged.
    pub(super) damaged_headers: u64,
    /// The spares, by number.
    pub(super) spares: BTreeMap<u64, SpareFile>,
    pub(super) superblock_unfinished: bool,
}

impl Found {
    /// Lists the directory, reads the superblock, and the headers of encrypted segments. Creates a log first if the
    /// directory is empty.
    ///
    /// # Errors
    ///
    /// The superblock is missing, damaged or of a later version, a key is missing, or the disk refuses an operation.
    pub(super) fn look<D: Disk>(disk: &mut D, options: &Options) -> Result<Self, OpenError> {
        let Files { mut segments, spares, superblock, mut superblock_unfinished } = Files::list(disk)?;
        let mut made = None;
        if !superblock {
            if !never_used(disk, &segments).map_err(failed("reading the only segment"))? {
                return Err(superblock_missing().into());
            }
            let protection = make(disk, options, &spares).map_err(failed("making a log in an empty data directory"))?;
            segments = BTreeMap::from([(Position::FIRST, options.first_segment_bytes)]);
            superblock_unfinished = false;
            made = Some(protection);
        }
        let mut found = Self::of(disk, Files { segments, spares, superblock, superblock_unfinished })?;
        match made {
            Some(protection) => drop(found.protections.insert(Position::FIRST, protection)),
            None => found.find_keys(disk, options)?,
        }
        if options.encryption.first().is_some() {
            found.find_revealing(disk)?;
        }
        Ok(found)
    }

    /// Finds out which segments are encrypted, and checks that the key file holds their keys.
    ///
    /// # Errors
    ///
    /// [`OpenError::KeysMissing`], or the disk refuses an operation.
    fn find_keys<D: Disk>(&mut self, disk: &mut D, options: &Options) -> Result<(), OpenError> {
        // An older slot may have been written before the first segment was encrypted.
        if self.superblock.secrecy == Secrecy::Plain && self.damaged_slot.is_none() {
            return Ok(());
        }
        let names: Vec<String> = self.segments.keys().map(|first| segment_name(*first)).collect();
        let headers = read_headers(disk, &names)?;
        let mut missing: BTreeMap<KeyId, u64> = BTreeMap::new();
        for (first, header) in self.segments.keys().zip(headers) {
            let Ok(header) = header else {
                self.damaged_headers += 1;
                continue;
            };
            if let Some(key) = header.key.filter(|key| !options.encryption.ring().knows(key.master())) {
                *missing.entry(key.master()).or_default() += 1;
            }
            self.protections.insert(*first, Protection::found(header.key));
        }
        if missing.is_empty() {
            return Ok(());
        }
        let keys = missing.into_iter().map(|(id, segments)| MissingKey { id, segments }).collect();
        Err(OpenError::KeysMissing { keys })
    }

    /// Finds the spares that hold unencrypted records: those of segments that were not encrypted, and those whose headers
    /// do not say. They are not used again.
    ///
    /// # Errors
    ///
    /// The disk refuses an operation.
    fn find_revealing<D: Disk>(&mut self, disk: &mut D) -> Result<(), OpenError> {
        let long_enough = self.spares.iter().filter(|(_, spare)| spare.length >= BLOCK);
        let numbers: Vec<u64> = long_enough.map(|(number, _)| *number).collect();
        let names: Vec<String> = numbers.iter().map(|number| spare_name(*number)).collect();
        let headers = read_headers(disk, &names)?;
        for (number, header) in numbers.into_iter().zip(headers) {
            let is_revealing = match header {
                Ok(header) => header.key.is_none(),
                // It was filled with zeros and never used.
                Err(Unreadable::Blank) => false,
                Err(Unreadable::Damaged | Unreadable::Newer(_) | Unreadable::Older(_)) => true,
            };
            if is_revealing {
                self.spares.entry(number).and_modify(|spare| spare.reuse = Reuse::Revealing);
            }
        }
        Ok(())
    }

    /// As [`Found::look`], for a directory that must hold a log. Creates nothing.
    ///
    /// # Errors
    ///
    /// As [`Found::look`].
    pub(super) fn existing<D: Disk>(disk: &mut D) -> Result<Self, OpenError> {
        let files = Files::list(disk)?;
        if !files.superblock {
            return Err(superblock_missing().into());
        }
        Self::of(disk, files)
    }

    /// Reads the superblock, which is there.
    ///
    /// # Errors
    ///
    /// The superblock is damaged or of a later version, or the disk refuses an operation.
    fn of<D: Disk>(disk: &mut D, files: Files) -> Result<Self, OpenError> {
        let Slots { file, superblock, damaged } = read_superblock(disk)?;
        let Files { segments, spares, superblock_unfinished, .. } = files;
        Ok(Self {
            fresh: superblock.sequence == FIRST_SEQUENCE,
            superblock_file: file,
            superblock,
            damaged_slot: damaged,
            segments,
            protections: BTreeMap::new(),
            damaged_headers: 0,
            spares,
            superblock_unfinished,
        })
    }

    /// The table of segments, none of them open.
    ///
    /// # Errors
    ///
    /// A file has an impossible length or position, or overlaps the one before it.
    pub(super) fn table(&self) -> Result<Segments, OpenError> {
        let mut table = Segments::default();
        let mut free_from = Position::ZERO;
        for (&first, &length) in &self.segments {
            let corrupt = |damage| Corruption { file: segment_name(first), offset: 0, damage };
            if !first.get().is_multiple_of(BLOCK) || first.get().checked_add(length).is_none() {
                return Err(corrupt(Damage::SegmentPosition).into());
            }
            if length < 2 * BLOCK || !length.is_multiple_of(BLOCK) {
                return Err(corrupt(Damage::SegmentLength).into());
            }
            if first < free_from {
                return Err(corrupt(Damage::SegmentOverlap).into());
            }
            let segment = Segment::new(first, length, SegmentState::Ready);
            let protection = self.protections.get(&first).cloned().unwrap_or(Protection::Plain);
            free_from = segment.next_first();
            table.push(Segment { protection, ..segment });
        }
        Ok(table)
    }
}

/// The files of the log, by their names.
struct Files {
    /// The lengths of the segments in bytes, by first position.
    segments: BTreeMap<Position, u64>,
    /// The spares, by number.
    spares: BTreeMap<u64, SpareFile>,
    superblock: bool,
    superblock_unfinished: bool,
}

impl Files {
    /// Lists the directory.
    ///
    /// # Errors
    ///
    /// The disk refuses it.
    fn list<D: Disk>(disk: &D) -> Result<Self, OpenError> {
        let entries = disk.list().map_err(failed("listing the data directory"))?;
        let mut files = Self {
            segments: BTreeMap::new(),
            spares: BTreeMap::new(),
            superblock: false,
            superblock_unfinished: false,
        };
        for entry in entries {
            match Named::parse(&entry.name) {
                Named::Segment(first) => drop(files.segments.insert(first, entry.length)),
                Named::Spare(number) => {
                    let reuse = if entry.shared { Reuse::Shared } else { Reuse::Fit };
                    let spare = SpareFile { length: entry.length, reuse };
                    files.spares.insert(number, spare);
                }
                Named::Superblock => files.superblock = true,
                Named::SuperblockUnfinished => files.superblock_unfinished = true,
                Named::Other => {}
            }
        }
        Ok(files)
    }
}

/// The damage of a directory that holds segments and no superblock.
fn superblock_missing() -> Corruption {
    Corruption { file: SUPERBLOCK_NAME.to_owned(), offset: 0, damage: Damage::SuperblockMissing }
}

/// Makes an error of the disk an [`OpenError`] with this action.
fn failed(action: &str) -> impl Fn(io::Error) -> OpenError + '_ {
    move |source| OpenError::Io { action: action.to_owned(), source }
}

/// Whether the segments are those of an interrupted creation: none, or only the first one, without a record.
///
/// # Errors
///
/// The disk refuses a read.
fn never_used<D: Disk>(disk: &mut D, segments: &BTreeMap<Position, u64>) -> io::Result<bool> {
    let mut segments = segments.iter();
    let Some((first, length)) = segments.next() else { return Ok(true) };
    if *first != Position::FIRST || *length < 2 * BLOCK || segments.next().is_some() {
        return Ok(false);
    }
    let (file, _) = run_open(disk, Operation::Open { name: segment_name(*first) })?;
    let block = run_read(disk, file, BLOCK, BLOCK)?;
    run(disk, Operation::Close { file })?;
    Ok(block.iter().all(|byte| *byte == 0))
}

/// Creates the first segment and then the superblock. Returns how the records of that segment are stored.
///
/// # Errors
///
/// The disk refuses an operation.
fn make<D: Disk>(disk: &mut D, options: &Options, spares: &BTreeMap<u64, SpareFile>) -> io::Result<Protection> {
    let identity = options.identity;
    let length = options.first_segment_bytes;
    let spare = spare_name(spares.last_key_value().map_or(0, |(number, _)| number + 1));
    let (file, _) = run_open(disk, Operation::Create { name: spare.clone(), length })?;
    let place = SegmentPlace { identity, first: Position::FIRST.get() };
    let protection = Protection::planned(&options.encryption, &place);
    let key = protection.wrapped();
    let header = SegmentHeader { identity, first: Position::FIRST, length, remainder: Remainder::Zeros, key };
    run_write(disk, file, 0, block(header.encode()))?;
    run(disk, Operation::Rename { from: spare, to: segment_name(Position::FIRST) })?;
    run(disk, Operation::Close { file })?;

    let name = SUPERBLOCK_UNFINISHED_NAME.to_owned();
    let (file, _) = run_open(disk, Operation::Create { name: name.clone(), length: SUPERBLOCK_BYTES })?;
    let superblock = Superblock {
        identity,
        sequence: FIRST_SEQUENCE,
        replay_start: Position::FIRST,
        durable: Position::FIRST,
        closing: Closing::Open,
        secrecy: if key.is_some() { Secrecy::Encrypted } else { Secrecy::Plain },
    };
    run_write(disk, file, superblock.offset(), block(superblock.encode()))?;
    run(disk, Operation::Rename { from: name, to: SUPERBLOCK_NAME.to_owned() })?;
    run(disk, Operation::Close { file })?;
    Ok(protection)
}

/// The sequence number of the first slot ever written. Opening a log writes a larger one.
const FIRST_SEQUENCE: u64 = 1;

/// A whole buffer, frozen.
pub(super) fn block(buffer: posthouse_disk::Buffer) -> bytes::Bytes {
    let length = buffer.len();
    buffer.freeze(length)
}

/// The superblock of a directory.
struct Slots {
    file: FileId,
    /// The newest valid slot.
    superblock: Superblock,
    /// The offset in bytes of the other slot, if it was written and is not whole.
    damaged: Option<u64>,
}

/// Opens and reads the superblock.
///
/// # Errors
///
/// Neither slot is valid, one is of a later version, or the disk refuses a read.
fn read_superblock<D: Disk>(disk: &mut D) -> Result<Slots, OpenError> {
    let name = SUPERBLOCK_NAME.to_owned();
    let damaged = || Corruption { file: SUPERBLOCK_NAME.to_owned(), offset: 0, damage: Damage::Superblock };
    let reading = failed("reading the superblock");
    let (file, length) = run_open(disk, Operation::Open { name: name.clone() }).map_err(&reading)?;
    if length != SUPERBLOCK_BYTES {
        return Err(damaged().into());
    }
    let bytes = run_read(disk, file, 0, SUPERBLOCK_BYTES).map_err(&reading)?;
    let mut newest: Option<Superblock> = None;
    let mut unreadable = None;
    for (index, slot) in bytes.chunks(bytes.len() / 2).enumerate() {
        match Superblock::decode(slot) {
            Ok(superblock) => {
                if newest.is_none_or(|newest| superblock.sequence > newest.sequence) {
                    newest = Some(superblock);
                }
            }
            Err(Unreadable::Newer(version)) => return Err(OpenError::Newer { file: name, version }),
            Err(Unreadable::Older(version)) => return Err(OpenError::Older { file: name, version }),
            Err(error @ (Unreadable::Blank | Unreadable::Damaged)) => unreadable = Some((index as u64 * BLOCK, error)),
        }
    }
    let superblock = newest.ok_or_else(damaged)?;
    // The first start writes one slot and leaves the other one blank.
    let never_written = |error: &Unreadable| superblock.sequence == FIRST_SEQUENCE && *error == Unreadable::Blank;
    let damaged = unreadable.filter(|(_, error)| !never_written(error)).map(|(offset, _)| offset);
    Ok(Slots { file, superblock, damaged })
}
