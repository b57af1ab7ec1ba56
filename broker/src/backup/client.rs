//! `posthouse backup`: asks the broker that runs for a backup, and shows how far it has come.

use core::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::status::{Order, Running, Status, Summary};
use crate::admin_client::{AdminEndpoint, AdminError, exchange};

/// How often the broker is asked.
const INTERVAL: Duration = Duration::from_millis(100);
/// How often a line says how far it has come.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The directory that holds the copies. Relative to where the command runs.
    pub to: PathBuf,
    /// Bytes a second at most. Zero for no limit.
    pub rate: u64,
    /// How many copies stay in the directory.
    pub keep: u32,
}

/// Why a command ended without a backup.
#[derive(Debug)]
pub enum BackupCommandError {
    /// The directory the command runs in cannot be found.
    Directory(io::Error),
    /// The broker cannot be reached, or refused.
    Admin(AdminError),
    /// The broker's answer is not one of this version.
    Answer(serde_json::Error),
    /// The broker did not make it, in its words.
    Failed(String),
    /// The broker knows of no backup: it was restarted.
    Forgotten,
    /// The output cannot be written.
    Output(io::Error),
}

impl fmt::Display for BackupCommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(error) => write!(f, "the present directory: {error}"),
            Self::Admin(error) => error.fmt(f),
            Self::Answer(error) => {
                write!(f, "the broker's answer is not understood; is it of another version? {error}")
            }
            Self::Failed(error) => write!(f, "no backup was made: {error}"),
            Self::Forgotten => f.write_str("no backup was made: the broker was restarted. Run the command again"),
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
        }
    }
}

impl std::error::Error for BackupCommandError {}

/// Asks the broker behind `admin` for a backup and waits until it is whole. Writes progress to `progress` and the result to
/// `out`. If `interrupted` is set meanwhile, the backup is stopped.
///
/// # Errors
/// [`BackupCommandError`]. There is no new backup then.
pub fn back_up(
    admin: &AdminEndpoint,
    wanted: Wanted,
    interrupted: &Arc<AtomicBool>,
    (progress, out): (&mut impl Write, &mut impl Write),
) -> Result<(), BackupCommandError> {
    let Wanted { to, rate, keep } = wanted;
    let to = std::path::absolute(to).map_err(BackupCommandError::Directory)?;
    let order = serde_json::to_string(&Order { to, rate, keep }).map_err(BackupCommandError::Answer)?;
    exchange(admin, "PUT /backup", &order).map_err(BackupCommandError::Admin)?;
    let mut shown = Instant::now();
    let mut stopping = false;
    loop {
        if interrupted.load(Ordering::Relaxed) && !stopping {
            stopping = true;
            // If it has just ended, there is nothing to stop, and its result comes next.
            let _ = exchange(admin, "DELETE /backup", "");
        }
        let answer = exchange(admin, "GET /backup", "").map_err(BackupCommandError::Admin)?;
        match serde_json::from_str(&answer.text).map_err(BackupCommandError::Answer)? {
            Status::Running(running) => {
                if shown.elapsed() >= LINE_INTERVAL {
                    shown = Instant::now();
                    line(&running, progress).map_err(BackupCommandError::Output)?;
                }
            }
            Status::Done(summary) => return conclude(&summary, out).map_err(BackupCommandError::Output),
            Status::Failed { error, .. } => return Err(BackupCommandError::Failed(error)),
            Status::None => return Err(BackupCommandError::Forgotten),
        }
        thread::sleep(INTERVAL);
    }
}

fn line(running: &Running, out: &mut impl Write) -> io::Result<()> {
    let Running { segments, segments_done, bytes, bytes_done, .. } = running;
    let percent = bytes_done.saturating_mul(100).checked_div(*bytes).unwrap_or(0);
    writeln!(out, "{percent:3} %: {segments_done} of {segments} segments, {bytes_done} of {bytes} bytes")?;
    out.flush()
}

fn conclude(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    let Summary {
        directory,
        position,
        segments,
        segments_kept,
        segments_cloned,
        segments_linked,
        segments_copied,
        bytes_copied,
        removed,
        milliseconds,
    } = summary;
    writeln!(out, "{}", directory.display())?;
    writeln!(
        out,
        "whole as of position {position}: {segments} segments, of which {segments_kept} were there, {segments_cloned} share \
         blocks with the broker's, {segments_linked} are hard links to the broker's, {segments_copied} were copied \
         ({bytes_copied} bytes); {removed} earlier backups removed; {}.{:03} s",
        milliseconds / 1000,
        milliseconds % 1000
    )?;
    out.flush()
}
