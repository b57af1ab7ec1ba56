//! The headers of many files, before any of them is needed: of segments, to know which keys they are encrypted with, and
//! of spares, to know whether they hold unencrypted records.

use std::io;

use posthouse_disk::{Completion, Disk, DiskOutcome, Operation, OperationId};

use crate::{
    OpenError,
    header::{SegmentHeader, Unreadable},
    position::BLOCK,
};

/// Files that are open at once. A solid-state disk is at its full rate with fewer.
const FILES_AT_ONCE: usize = 64;

/// The header of each file, in the order of `names`. A header that the medium cannot deliver counts as damaged.
///
/// # Errors
///
/// The disk refuses an operation for another reason.
pub(super) fn read_headers<D: Disk>(
    disk: &mut D,
    names: &[String],
) -> Result<Vec<Result<SegmentHeader, Unreadable>>, OpenError> {
    let mut headers = Vec::with_capacity(names.len());
    for names in names.chunks(FILES_AT_ONCE) {
        let failed = |source| OpenError::Io { action: "reading the headers of segments".to_owned(), source };
        headers.extend(read_some(disk, names).map_err(failed)?);
    }
    Ok(headers)
}

/// As [`read_headers`], for as many files as may be open at once.
fn read_some<D: Disk>(disk: &mut D, names: &[String]) -> io::Result<Vec<Result<SegmentHeader, Unreadable>>> {
    let opened = run_all(disk, names.iter().map(|name| Operation::Open { name: name.clone() }))?;
    let mut files = Vec::with_capacity(names.len());
    for outcome in opened {
        match outcome? {
            DiskOutcome::Opened { file, length } => files.push((file, length)),
            other => unreachable!("an opening completed with {other:?}"),
        }
    }
    let block = u32::try_from(BLOCK).expect("a block is short");
    let reads = files.iter().map(|(file, _)| Operation::Read { file: *file, offset: 0, length: block });
    let read = run_all(disk, reads)?;
    for outcome in run_all(disk, files.iter().map(|(file, _)| Operation::Close { file: *file }))? {
        outcome?;
    }
    let decoded = read.into_iter().zip(&files).map(|(outcome, (_, length))| match outcome {
        Ok(DiskOutcome::Read(block)) => {
            let header = SegmentHeader::decode(&block);
            Ok(header.and_then(|header| if header.length == *length { Ok(header) } else { Err(Unreadable::Damaged) }))
        }
        Ok(other) => unreachable!("a read completed with {other:?}"),
        Err(error) if posthouse_disk::is_of_medium(&error) => Ok(Err(Unreadable::Damaged)),
        Err(error) => Err(error),
    });
    decoded.collect()
}

/// Submits the operations together and waits for all of them. No other operation may be under way.
///
/// # Errors
///
/// That of [`Disk::wait`].
fn run_all<D: Disk>(
    disk: &mut D,
    operations: impl Iterator<Item = Operation>,
) -> io::Result<Vec<io::Result<DiskOutcome>>> {
    let mut outcomes = Vec::new();
    for (index, operation) in operations.enumerate() {
        disk.submit(OperationId(index as u64), operation);
        outcomes.push(None);
    }
    let mut completions = Vec::new();
    let mut left = outcomes.len();
    while left > 0 {
        disk.wait(None, &mut completions)?;
        for Completion { id, result, .. } in completions.drain(..) {
            let slot = &mut outcomes[usize::try_from(id.0).expect("ids are small")];
            assert!(slot.replace(result).is_none(), "an operation completes once");
            left -= 1;
        }
    }
    Ok(outcomes.into_iter().map(|outcome| outcome.expect("all have completed")).collect())
}
