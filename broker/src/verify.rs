//! `posthouse verify`: reads a data directory or a backup completely, and says what it found.
//!
//! Exit status: 0 if a broker starts on the directory and serves every message; 1 if anything is damaged or missing; 2 if
//! the directory cannot be read, is in use, or holds no log, or if no damage was found in an encrypted directory without
//! its keys.

use core::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use posthouse_core::{FoundState, Place, SegmentVerdict, StartError, Totals, Verdict};
use posthouse_disk::{DirectoryLock, LockError, ReadOnly};
use posthouse_encryption::Encryption;
use posthouse_log::{Corruption, OpenError};

use crate::backup::copies;

/// What `posthouse verify` has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// A broker starts on the directory and serves every message.
    Sound,
    /// Something is damaged or missing.
    Damaged,
    /// Every checksum is right. Which messages there are is not known, because keys are missing.
    Unknown,
}

/// Why a directory could not be verified.
#[derive(Debug)]
pub enum VerifyError {
    /// It is not there, or cannot be read.
    Unreadable(PathBuf, io::Error),
    /// It holds no log.
    NoLog(PathBuf),
    /// A broker runs on it.
    InUse(PathBuf),
    /// Its lock file cannot be opened.
    Lock(LockError),
    /// The disk refuses an operation, or the format is a later one.
    Log(OpenError),
    /// The result cannot be written.
    Output(io::Error),
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(directory, source) => write!(f, "cannot read {}: {source}", directory.display()),
            Self::NoLog(directory) => write!(
                f,
                "{} holds no data directory and no backup: it has neither a superblock nor a segment",
                directory.display()
            ),
            Self::InUse(directory) => write!(
                f,
                "a broker runs on {}: stop it first, or make a backup with `posthouse backup` and verify that",
                directory.display()
            ),
            Self::Lock(error) => error.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::Output(error) => write!(f, "cannot write the result: {error}"),
        }
    }
}

impl std::error::Error for VerifyError {}

/// Verifies a directory, or the latest backup in it, with the keys that are known. Writes a line for each segment and then
/// what was found.
///
/// # Errors
/// [`VerifyError`] if it cannot be verified. Damage is no error.
pub fn verify(directory: &Path, encryption: Encryption, out: &mut impl Write) -> Result<Soundness, VerifyError> {
    let unreadable = |source| VerifyError::Unreadable(directory.into(), source);
    let chosen = if holds_log(directory).map_err(unreadable)? {
        directory.to_owned()
    } else {
        let copies = copies(directory).map_err(unreadable)?.ok_or_else(|| VerifyError::NoLog(directory.into()))?;
        let Some(copy) = copies.into_iter().rfind(|copy| !copy.started) else {
            writeln!(out, "DAMAGED: no backup in {} is whole: the first one was not finished", directory.display())
                .map_err(VerifyError::Output)?;
            return Ok(Soundness::Damaged);
        };
        writeln!(out, "the latest backup: {}", copy.path.display()).map_err(VerifyError::Output)?;
        copy.path
    };
    let directory = &*chosen;
    let _lock = DirectoryLock::acquire_existing(directory).map_err(|error| match error {
        LockError::Held { directory } => VerifyError::InUse(directory),
        error @ LockError::Io { .. } => VerifyError::Lock(error),
    })?;
    let mut written = Ok(());
    let options = posthouse_log::Options { encryption, ..posthouse_log::Options::new([0; 16]) };
    let open = || ReadOnly::open(directory);
    let verified = posthouse_core::verify(open, &options, &mut |segment| {
        if written.is_ok() {
            written = line(segment, out);
        }
    });
    let soundness = match verified {
        Ok(verdict) => {
            written = written.and_then(|()| conclude(&verdict, out));
            match &verdict.state {
                Err(StartError::Log(OpenError::KeysMissing { .. })) if !verdict.shows_damage() => Soundness::Unknown,
                _ if verdict.is_sound() => Soundness::Sound,
                _ => Soundness::Damaged,
            }
        }
        Err(OpenError::Corrupt(corruption)) => {
            written = written.and_then(|()| writeln!(out, "DAMAGED: {}: nothing else was checked", place(&corruption)));
            Soundness::Damaged
        }
        Err(
            error @ (OpenError::Io { .. }
            | OpenError::KeysMissing { .. }
            | OpenError::Newer { .. }
            | OpenError::Older { .. }),
        ) => {
            return Err(VerifyError::Log(error));
        }
    };
    written.and_then(|()| out.flush()).map_err(VerifyError::Output)?;
    Ok(soundness)
}

/// Whether a directory holds files of a log.
pub(crate) fn holds_log(directory: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let name = Path::new(&name);
        if name == Path::new("superblock") || name.extension().is_some_and(|extension| extension == "segment") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A segment as one line.
fn line(segment: &SegmentVerdict, out: &mut impl Write) -> io::Result<()> {
    let SegmentVerdict { file, place, references, checked } = segment;
    let place = match place {
        Place::Closed => "closed",
        Place::Last => "last",
        Place::Prepared => "prepared",
        Place::Unknown => "not checked",
    };
    let references = references.map_or_else(|| "?".to_owned(), |references| references.to_string());
    let state = if segment.is_damaged() { "DAMAGED" } else { "sound" };
    writeln!(
        out,
        "{}  {place:11} {:>10} records {:>12} bytes {references:>10} references  {state}",
        file.name, checked.records, checked.bytes,
    )?;
    if let Some(damage) = &checked.header {
        writeln!(out, "  its header: {damage}")?;
    }
    for suspect in &checked.suspects {
        let offset = |position: posthouse_log::Position| position.get() - file.first.get() + HEADER_BYTES;
        writeln!(
            out,
            "  a damaged record at offset {}; the next whole one is at offset {}",
            offset(suspect.start),
            offset(suspect.end)
        )?;
    }
    Ok(())
}

/// Bytes before the first record of a segment.
const HEADER_BYTES: u64 = posthouse_disk::BLOCK_BYTES as u64;

/// What was found, and what that means.
fn conclude(verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    let Verdict { state, damaged_slot, totals } = verdict;
    if let Some(offset) = damaged_slot {
        writeln!(
            out,
            "DAMAGED: the superblock at offset {offset}: one of its two slots is not whole. The other one counts; the next \
             start overwrites this one"
        )?;
    }
    if totals.damaged_segments > 0 {
        writeln!(out, "DAMAGED: {} of {} segments", totals.damaged_segments, totals.segments)?;
    }
    match state {
        Ok(state) => conclude_state(state, totals, out)?,
        Err(StartError::Log(OpenError::Corrupt(corruption))) => {
            writeln!(out, "DAMAGED: no broker starts on this directory: {}", place(corruption))?;
        }
        Err(StartError::Log(error @ OpenError::KeysMissing { .. })) => writeln!(
            out,
            "not checked: which messages there are and whether each has its record: {error}. With `--key-file` it is checked"
        )?,
        Err(error) => writeln!(out, "DAMAGED: no broker starts on this directory: {error}")?,
    }
    if verdict.is_sound()
        && let Ok(FoundState { log, queues, messages, .. }) = state
    {
        let Totals { segments, records, bytes, .. } = totals;
        writeln!(
            out,
            "sound: {queues} queues with {messages} messages; {records} whole records, {bytes} bytes in {segments} segments, \
             up to position {}",
            log.end
        )?;
    }
    Ok(())
}

/// What was found of the state that a start would have.
fn conclude_state(state: &FoundState, totals: &Totals, out: &mut impl Write) -> io::Result<()> {
    if let Some(missing) = &state.missing {
        writeln!(out, "DAMAGED: no broker starts on this directory: {}", place(missing))?;
    }
    if let Some(cut) = state.log.cut {
        writeln!(
            out,
            "note: {} bytes at position {} are a torn end, which the next start cuts: as a rule a write that was under way \
             and not acknowledged",
            cut.bytes, cut.position
        )?;
    }
    if state.set_aside > 0 {
        writeln!(
            out,
            "DAMAGED: the broker has set {} messages aside that it cannot read: `posthouse damaged list` shows them",
            state.set_aside
        )?;
    }
    if totals.lost_count > 0 {
        writeln!(
            out,
            "DAMAGED: {} messages cannot be read. A broker starts, sets them aside when it meets them, and serves the others:",
            totals.lost_count
        )?;
        for lost in &totals.lost {
            let queue = lost.queue.as_ref().map_or_else(String::new, ToString::to_string);
            writeln!(out, "  message {} of {queue}: no whole record at position {}", lost.id, lost.position)?;
        }
        if totals.lost_count > totals.lost.len() as u64 {
            writeln!(out, "  and {} more", totals.lost_count - totals.lost.len() as u64)?;
        }
    }
    Ok(())
}

/// Damage and its place, without the advice that the start of a broker gives.
fn place(corruption: &Corruption) -> String {
    format!("{} at offset {}: {}", corruption.file, corruption.offset, corruption.damage)
}
