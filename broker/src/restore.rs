//! `posthouse restore`: puts a backup back as a data directory, whole or as of an earlier time or position.
//!
//! The files are copied, or share blocks where the file system can do that, so that the backup stays as it is whatever
//! happens to the new directory. The superblock comes last: a directory without it does not start. The new directory has no
//! `history`: the first broker on it begins another one.

use core::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use posthouse_core::{CutAt, CutError, CutLog, Earliest, cut};
use posthouse_disk::{CopiedPart, DirectoryLock, LockError, ReadOnly, clone_file, copy_file};
use posthouse_encryption::Encryption;
use posthouse_log::{Extent, Position};
use posthouse_model::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::backup::{Backup, SIGNING_KEY, copies, write_durably};
use crate::verify::holds_log;

/// The file that makes a directory one that starts.
const SUPERBLOCK: &str = "superblock";
/// How often a line says how far it has come.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// A directory of backups, one backup, or the data directory of a broker that is stopped.
    pub from: PathBuf,
    /// The new data directory.
    pub to: PathBuf,
    /// Where to cut; `None` for the whole log.
    pub at: Option<CutAt>,
}

/// Why nothing was restored.
#[derive(Debug)]
pub enum RestoreError {
    /// There is nothing to restore from.
    NoLog(PathBuf),
    /// A broker runs on the directory.
    InUse(PathBuf),
    /// The new directory holds something.
    NotEmpty(PathBuf),
    /// The two directories lie within each other.
    Nested(PathBuf),
    /// The backups were made before the time, or end before the position.
    TooLate {
        /// The latest backup.
        latest: PathBuf,
        /// The end of what it holds.
        end: Earliest,
    },
    /// The backup does not hold the state as of then.
    TooEarly {
        /// The backup.
        backup: PathBuf,
        /// The first state that it holds.
        earliest: Earliest,
    },
    /// The log cannot be replayed.
    Log(CutError),
    /// The system refused something.
    Io {
        /// What was done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The output cannot be written.
    Output(io::Error),
}

impl RestoreError {
    fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLog(directory) => write!(f, "{} holds no whole backup and no data directory", directory.display()),
            Self::InUse(directory) => write!(f, "a broker runs on {}: stop it first", directory.display()),
            Self::NotEmpty(directory) => write!(
                f,
                "{} is not empty: name a directory that does not exist yet, or an empty one",
                directory.display()
            ),
            Self::Nested(directory) => {
                write!(
                    f,
                    "{} and what is restored lie within each other: choose another directory",
                    directory.display()
                )
            }
            Self::TooLate { latest, end } => write!(
                f,
                "the latest backup, {}, ends earlier: at {} with events up to {}. Without --at and --position it is restored \
                 whole",
                latest.display(),
                end.position,
                shown(end.latest)
            ),
            Self::TooEarly { backup, earliest } => write!(
                f,
                "{} does not hold the state as of then any more. The earliest that it holds is --position {} (events up to \
                 {}). An earlier backup may hold it",
                backup.display(),
                earliest.position,
                shown(earliest.latest)
            ),
            Self::Log(CutError::Nowhere) => {
                f.write_str("files that messages refer to are missing: `posthouse verify` says which")
            }
            Self::Log(error) => error.fmt(f),
            Self::Io { doing, path, source } => write!(f, "{doing} {}: {source}. Nothing was restored", path.display()),
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
        }
    }
}

impl std::error::Error for RestoreError {}

/// A time as RFC 3339 writes it, in UTC.
fn shown(time: Timestamp) -> String {
    let instant = OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.as_millis()) * 1_000_000).ok();
    instant.and_then(|instant| instant.format(&Rfc3339).ok()).unwrap_or_else(|| time.as_millis().to_string())
}

/// The time that a text names.
///
/// # Errors
/// What is wrong with it, for the command line.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|error| format!("{error}; a time looks like 2026-11-30T14:05:00Z or 2026-11-30T15:05:00+01:00"))?;
    let millis = time.unix_timestamp_nanos() / 1_000_000;
    u64::try_from(millis).map(Timestamp::from_millis).map_err(|_| "before 1970".to_owned())
}

/// The position that a text names.
///
/// # Errors
/// What is wrong with it, for the command line.
pub fn parse_position(text: &str) -> Result<Position, String> {
    let is_position = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let position = u64::from_str_radix(text, 16).ok().filter(|_| is_position);
    position.map(Position::new).ok_or_else(|| "a position is sixteen hexadecimal digits".to_owned())
}

/// Restores a directory. The keys are needed to cut an encrypted log, and not to restore it whole. Writes progress to `progress` and the result to `out`.
///
/// # Errors
/// [`RestoreError`]. The new directory holds nothing then.
pub fn restore(
    wanted: &Restore,
    encryption: Encryption,
    (progress, out): (&mut impl Write, &mut impl Write),
) -> Result<(), RestoreError> {
    let from = source(wanted)?;
    let _source_lock = DirectoryLock::acquire_existing(&from).map_err(in_use)?;
    let (real_from, to) = (fs::canonicalize(&from).map_err(RestoreError::io("reading", &from))?, &wanted.to);
    let real_to = fs::canonicalize(to).unwrap_or_else(|_| std::path::absolute(to).unwrap_or_else(|_| to.clone()));
    if real_to.starts_with(&real_from) || real_from.starts_with(&real_to) {
        return Err(RestoreError::Nested(to.clone()));
    }
    if holds_anything(to).map_err(RestoreError::io("reading", to))? {
        return Err(RestoreError::NotEmpty(to.clone()));
    }
    let plan = Plan::of(&from, wanted.at, encryption)?;
    let _lock = DirectoryLock::acquire(to).map_err(in_use)?;
    let copied = plan.copy(&from, to, progress);
    if copied.is_err() {
        // The error that is returned is the first one.
        let _ = plan.files.iter().try_for_each(|file| fs::remove_file(to.join(&file.name)));
        let _ = fs::remove_file(to.join(SUPERBLOCK));
    }
    copied?;
    plan.conclude(&from, to, out).map_err(RestoreError::Output)
}

fn in_use(error: LockError) -> RestoreError {
    match error {
        LockError::Held { directory } => RestoreError::InUse(directory),
        LockError::Io { directory, source } => RestoreError::io("locking", directory)(source),
    }
}

/// The directory to restore from: the one named, or a backup in it. Of several backups it is the first one that ends
/// behind the cut: in later ones what the state as of the cut needs may have been reclaimed.
fn source(wanted: &Restore) -> Result<PathBuf, RestoreError> {
    let Restore { from, at, .. } = wanted;
    let unreadable = |source| RestoreError::io("reading", from)(source);
    if holds_log(from).map_err(unreadable)? {
        return Ok(from.clone());
    }
    let none = || RestoreError::NoLog(from.clone());
    let backups = copies(from).map_err(unreadable)?.ok_or_else(none)?;
    let backups: Vec<Backup> = backups.into_iter().filter(|copy| !copy.started).collect();
    let latest = backups.last().ok_or_else(none)?;
    let reaches = |copy: &&Backup| match at {
        None => false,
        Some(CutAt::Position(position)) => copy.position >= *position,
        Some(CutAt::Time(time)) => copy.made().is_some_and(|made| made >= *time),
    };
    Ok(backups.iter().find(reaches).unwrap_or(latest).path.clone())
}

/// Whether a directory exists and holds anything.
fn holds_anything(directory: &Path) -> io::Result<bool> {
    match fs::read_dir(directory) {
        Ok(entries) => {
            for entry in entries {
                let name = entry?.file_name();
                if name != "lost+found" && name != "lock" {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What is copied.
struct Plan {
    files: Vec<PlannedFile>,
    /// The superblock, unless that of the source is copied.
    superblock: Option<bytes::Bytes>,
    cut: Option<CutLog>,
}

struct PlannedFile {
    name: String,
    part: CopiedPart,
}

impl Plan {
    fn of(from: &Path, at: Option<CutAt>, encryption: Encryption) -> Result<Self, RestoreError> {
        let mut plan = Self { files: Vec::new(), superblock: None, cut: None };
        for entry in fs::read_dir(from).map_err(RestoreError::io("reading", from))? {
            let entry = entry.map_err(RestoreError::io("reading", from))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let is_segment = at.is_none() && name.ends_with(".segment");
            let is_key = name.starts_with(SIGNING_KEY) && !name.ends_with(".new");
            if is_segment || is_key {
                let length = entry.metadata().map_err(RestoreError::io("reading", entry.path()))?.len();
                plan.files.push(PlannedFile { name, part: CopiedPart { bytes: length, length } });
            }
        }
        let Some(at) = at else { return Ok(plan) };
        let options = posthouse_log::Options { encryption, ..posthouse_log::Options::new([0; 16]) };
        let found = cut(|| ReadOnly::open(from), &options, at).map_err(|error| match error {
            CutError::TooEarly { earliest } => RestoreError::TooEarly { backup: from.into(), earliest },
            error => RestoreError::Log(error),
        })?;
        // A log that ends before the cut holds the state as of then only if it was copied after it.
        let ends_before = found.left_out.is_none()
            && match at {
                CutAt::Position(position) => found.snapshot.position < position,
                CutAt::Time(time) => Backup::at(from).is_some_and(|copy| copy.made().is_some_and(|made| made < time)),
            };
        if ends_before {
            let end = Earliest { position: found.snapshot.position, latest: found.latest };
            return Err(RestoreError::TooLate { latest: from.into(), end });
        }
        plan.files.extend(found.snapshot.segments.iter().map(|segment| PlannedFile {
            name: segment.name.clone(),
            part: CopiedPart {
                bytes: match segment.extent {
                    Extent::Whole => segment.length,
                    Extent::First(bytes) => bytes,
                },
                length: segment.length,
            },
        }));
        plan.superblock = Some(found.snapshot.superblock.clone());
        plan.cut = Some(found);
        Ok(plan)
    }

    fn copy(&self, from: &Path, to: &Path, progress: &mut impl Write) -> Result<(), RestoreError> {
        let total: u64 = self.files.iter().map(|file| file.part.length).sum();
        let (mut done, mut shown) = (0, Instant::now());
        for PlannedFile { name, part } in &self.files {
            let (source, target) = (from.join(name), to.join(name));
            if part.bytes == part.length && clone_file(&source, &target).is_ok() {
                done += part.length;
                continue;
            }
            let copied = copy_file(&source, &target, *part, &mut |bytes| {
                done += bytes;
                if shown.elapsed() >= LINE_INTERVAL {
                    shown = Instant::now();
                    writeln!(progress, "{:3} %: {done} of {total} bytes", done.saturating_mul(100) / total.max(1))?;
                }
                Ok(())
            });
            copied.map_err(RestoreError::io("copying to", &target))?;
        }
        let (source, target) = (from.join(SUPERBLOCK), to.join(SUPERBLOCK));
        let superblock = match &self.superblock {
            Some(superblock) => superblock.to_vec(),
            None => fs::read(&source).map_err(RestoreError::io("reading", &source))?,
        };
        let synced = || fs::File::open(to)?.sync_all();
        synced().map_err(RestoreError::io("syncing", to))?;
        write_durably(&target, &superblock).map_err(RestoreError::io("writing", &target))?;
        synced().map_err(RestoreError::io("syncing", to))
    }

    fn conclude(&self, from: &Path, to: &Path, out: &mut impl Write) -> io::Result<()> {
        write!(out, "restored {} from {}", to.display(), from.display())?;
        if let Some(CutLog { snapshot, latest, queues, messages, left_out }) = &self.cut {
            write!(
                out,
                " as of position {}, with events up to {}: {queues} queues with {messages} messages",
                snapshot.position,
                shown(*latest)
            )?;
            match left_out {
                Some(left_out) => write!(out, ". The record at {left_out} and all later ones are left out")?,
                None => write!(out, ". That is all that it holds")?,
            }
        }
        writeln!(out, "\nstart it with: posthouse serve --data-dir {}", to.display())?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_positions_are_read() {
        assert_eq!(parse_time("2023-11-14T22:13:20.25Z"), Ok(Timestamp::from_millis(1_700_000_000_250)));
        assert_eq!(parse_time("2023-11-14T23:13:20+01:00"), Ok(Timestamp::from_millis(1_700_000_000_000)));
        for wrong in ["14:05", "2023-11-14", "1960-01-01T00:00:00Z", ""] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_position("00000000001f2000"), Ok(Position::new(0x1f_2000)));
        for wrong in ["1f2000", "+0000000001f2000", "", "zzzzzzzzzzzzzzzz"] {
            assert!(parse_position(wrong).is_err(), "{wrong}");
        }
    }
}
