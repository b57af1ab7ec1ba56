//! Makes one copy: a snapshot of the log, its files one after the other, the superblock last.
//!
//! A closed segment is taken from an earlier copy in the same directory, by a hard link. Otherwise it shares blocks with the
//! broker's file, if the file system can do that; or it is the broker's file under another name, if both directories lie on
//! one file system; or it is copied, at the rate that the operator gave. The last segment is always copied: the broker goes
//! on writing to its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use posthouse_core::Inbox;
use posthouse_disk::{CopiedPart, clone_file, copy_file};
use posthouse_log::{Extent, Position, Snapshot, SnapshotSegment};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::BackupError;
use super::manifest::Manifest;
use super::status::{Order, Running, Summary};
use super::target::{Target, UNFINISHED};
use crate::core_client::ReplySender;
use crate::history::History;

/// What the names of the files begin with that hold the key of notifications.
pub(crate) const SIGNING_KEY: &str = "sns-signing-key.";
/// How long the copy sleeps at once, so that a stop is seen soon.
const NAP: Duration = Duration::from_millis(50);

/// What the thread of a backup and those who watch it share.
#[derive(Debug, Default)]
pub(super) struct Progress {
    running: Mutex<Running>,
    stop: AtomicBool,
}

impl Progress {
    pub(super) fn of(to: &Path) -> Self {
        Self { running: Mutex::new(Running { to: to.to_owned(), ..Running::default() }), stop: AtomicBool::new(false) }
    }

    pub(super) fn now(&self) -> Running {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn change(&self, change: impl FnOnce(&mut Running)) {
        change(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Makes a copy of the data directory of the broker behind `inbox`. Blocks until it is whole.
///
/// # Errors
/// [`BackupError`]. The copies that were whole before still are.
pub(super) fn copy(
    order: &Order,
    data: &Path,
    inbox: &Inbox<ReplySender>,
    progress: &Progress,
) -> Result<Summary, BackupError> {
    let started = Instant::now();
    if !order.to.is_absolute() {
        return Err(BackupError::NotAbsolute(order.to.clone()));
    }
    let data = fs::canonicalize(data).map_err(BackupError::io("reading", data))?;
    let to = resolved(&order.to);
    if to.starts_with(&data) || data.starts_with(&to) {
        return Err(BackupError::Nested(to));
    }
    let target = Target::open(&to)?;
    let history = History::of(&data).map_err(BackupError::io("reading the history of", &data))?;
    let history = history.expect("a broker that runs has begun its history");
    // Before the snapshot, so that it holds everything up to this time.
    let made = OffsetDateTime::now_utc().replace_nanosecond(0).expect("zero is a nanosecond");
    let (snapshot, mut held) = Held::take(inbox)?;
    let made = made.format(&Rfc3339).expect("a time of these centuries");
    let manifest = Manifest::new(&snapshot.identity, history.latest().clone(), (snapshot.position, made));
    let sources = target.sources(&manifest.identity, &history)?;
    let mut summary = Summary {
        position: snapshot.position.to_string(),
        segments: snapshot.segments.len() as u64,
        ..Summary::default()
    };
    if let Some(copy) = target.copy_at(snapshot.position) {
        summary.directory.clone_from(&copy.path);
        summary.segments_kept = summary.segments;
        summary.removed = target.prune(keep(order), 0)?;
    } else {
        let bytes = snapshot.segments.iter().map(|segment| segment.length).sum();
        progress.change(|running| (running.segments, running.bytes) = (summary.segments, bytes));
        let unfinished = target.begin(&manifest)?;
        let mut files = Files { data: &data, sources: &sources, into: &unfinished.path, order, progress };
        let mut pace = Pace { started, bytes: 0 };
        let filled = files.fill(&snapshot, &mut held, (&mut summary, &mut pace));
        if let Err(error) = filled {
            if error.is_full() {
                // The room is given back. Otherwise the next run goes on with what is there.
                let _ = fs::remove_dir_all(&unfinished.path);
            }
            return Err(if progress.is_stopped() { BackupError::Stopped } else { error });
        }
        summary.bytes_copied = pace.bytes;
        summary.directory = target.complete(unfinished)?;
        summary.removed = target.prune(keep(order), 1)?;
    }
    summary.milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(summary)
}

fn keep(order: &Order) -> usize {
    usize::try_from(order.keep).unwrap_or(usize::MAX)
}

/// A path without links, also if its last parts do not exist yet.
fn resolved(path: &Path) -> PathBuf {
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Err(_), Some(parent), Some(name)) => resolved(parent).join(name),
        (Err(_), ..) => path.to_owned(),
        (Ok(path), ..) => path,
    }
}

/// The segments of a snapshot that the log still keeps for this copy.
struct Held<'a> {
    inbox: &'a Inbox<ReplySender>,
    segments: Vec<Position>,
}

impl<'a> Held<'a> {
    /// Takes a snapshot.
    ///
    /// # Errors
    /// The core loop has ended.
    fn take(inbox: &'a Inbox<ReplySender>) -> Result<(Snapshot, Self), BackupError> {
        let (give, taken) = mpsc::sync_channel(1);
        inbox.snapshot(Box::new(move |snapshot| {
            // The receiver waits for it.
            let _ = give.send(snapshot);
        }));
        let snapshot = taken.recv().map_err(|_| BackupError::Ending)?;
        let segments = snapshot.segments.iter().map(|segment| segment.first).collect();
        Ok((snapshot, Self { inbox, segments }))
    }

    /// Lets go of a segment.
    fn copied(&mut self, first: Position) {
        self.segments.retain(|segment| *segment != first);
        self.inbox.copied(first);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.segments.drain(..).for_each(|first| self.inbox.copied(first));
    }
}

/// How many bytes were copied since when.
struct Pace {
    started: Instant,
    bytes: u64,
}

impl Pace {
    /// Waits until another piece may be copied.
    ///
    /// # Errors
    /// `Interrupted` if the backup was stopped.
    fn piece(&mut self, bytes: u64, (rate, progress): (u64, &Progress)) -> io::Result<()> {
        let due = self.bytes.saturating_mul(1_000).checked_div(rate).map_or(Duration::ZERO, Duration::from_millis);
        loop {
            if progress.is_stopped() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let left = due.saturating_sub(self.started.elapsed());
            if left.is_zero() {
                break;
            }
            thread::sleep(left.min(NAP));
        }
        self.bytes += bytes;
        progress.change(|running| running.bytes_done += bytes);
        Ok(())
    }
}

/// The files of a copy that is being made.
struct Files<'a> {
    data: &'a Path,
    /// Earlier copies, with their positions.
    sources: &'a [(PathBuf, Position)],
    into: &'a Path,
    order: &'a Order,
    progress: &'a Progress,
}

impl Files<'_> {
    /// Makes all files. The superblock is the last.
    fn fill(
        &mut self,
        snapshot: &Snapshot,
        held: &mut Held<'_>,
        (summary, pace): (&mut Summary, &mut Pace),
    ) -> Result<(), BackupError> {
        for segment in &snapshot.segments {
            let before = pace.bytes;
            self.segment(segment, summary, pace)?;
            held.copied(segment.first);
            let without_copying = segment.length - (pace.bytes - before);
            self.progress.change(|running| {
                running.segments_done += 1;
                running.bytes_done += without_copying;
            });
        }
        self.signing_key()?;
        let path = self.into.join(snapshot.superblock_name);
        write_durably(&path, &snapshot.superblock).map_err(BackupError::io("writing", &path))
    }

    fn segment(&self, segment: &SnapshotSegment, summary: &mut Summary, pace: &mut Pace) -> Result<(), BackupError> {
        let (from, to) = (self.data.join(&segment.name), self.into.join(&segment.name));
        if self.progress.is_stopped() {
            return Err(BackupError::Stopped);
        }
        let taken = match segment.extent {
            Extent::First(bytes) => bytes,
            Extent::Whole => {
                if self.kept(segment, &to) {
                    summary.segments_kept += 1;
                    return Ok(());
                }
                // A link comes first: the log never overwrites a file that has another name. It would overwrite one that
                // shares its blocks, and each write would then allocate.
                if fs::hard_link(&from, &to).is_ok() {
                    summary.segments_linked += 1;
                    return Ok(());
                }
                if clone_file(&from, &to).is_ok() {
                    summary.segments_cloned += 1;
                    return Ok(());
                }
                segment.length
            }
        };
        let part = CopiedPart { bytes: taken, length: segment.length };
        copy_file(&from, &to, part, &mut |bytes| pace.piece(bytes, (self.order.rate, self.progress)))
            .map_err(BackupError::io("copying to", &to))?;
        summary.segments_copied += 1;
        Ok(())
    }

    /// Takes a closed segment from an earlier copy. False if none has it whole, or the file system has no hard links.
    fn kept(&self, segment: &SnapshotSegment, to: &Path) -> bool {
        let end = segment.first.get() + segment.length;
        self.sources.iter().any(|(directory, position)| {
            let from = directory.join(&segment.name);
            let is_whole = || fs::metadata(&from).is_ok_and(|found| found.len() == segment.length);
            end <= position.get()
                && is_whole()
                && is_synced(directory, &segment.name)
                && fs::hard_link(&from, to).is_ok()
        })
    }

    fn signing_key(&self) -> Result<(), BackupError> {
        let entries = fs::read_dir(self.data).map_err(BackupError::io("reading", self.data))?;
        for entry in entries {
            let name = entry.map_err(BackupError::io("reading", self.data))?.file_name();
            let is_key = name.to_str().is_some_and(|name| name.starts_with(SIGNING_KEY) && !name.ends_with(".new"));
            if is_key {
                let (from, to) = (self.data.join(&name), self.into.join(&name));
                let key = fs::read(&from).map_err(BackupError::io("reading", &from))?;
                write_durably(&to, &key).map_err(BackupError::io("writing", &to))?;
            }
        }
        Ok(())
    }
}

/// Writes a small file for its owner only, durably but for its name.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Whether a segment of a copy is known to be durable. In a copy that was not finished, only a later segment proves it:
/// segments are copied in their order, each synced before the next.
fn is_synced(directory: &Path, name: &str) -> bool {
    let unfinished = directory.as_os_str().to_string_lossy().ends_with(UNFINISHED);
    let is_later =
        |other: &std::ffi::OsStr| other.to_str().is_some_and(|other| other.ends_with(".segment") && other > name);
    !unfinished
        || fs::read_dir(directory)
            .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| is_later(&entry.file_name()))))
}
