//! The output for users: text, JSON, charts, histogram logs, and the live line. This file has what they share: the
//! [`Report`] of a run or a comparison, and the writing of files.
//!
//! Files are written after the last run, also if it ended early. A file is replaced as a whole or not at all. The
//! exception are paths that are no ordinary files (a pipe, a link): they are opened and written.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::compare::Comparison;
use crate::outcome::Outcome;
use crate::plan::{Extent, Plan};

mod hdr;
mod json;
mod plot;
pub mod progress;
#[cfg(test)]
pub(crate) mod sample;
pub mod table;
mod units;
mod warnings;

/// The subject of a report.
#[derive(Clone, Copy, Debug)]
pub enum Report<'a> {
    /// One run.
    Run(&'a Outcome),
    /// A comparison.
    Comparison(&'a Comparison),
}

/// The files that the user has named.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The JSON document.
    pub json: Option<PathBuf>,
    /// The chart, as SVG.
    pub plot: Option<PathBuf>,
    /// The directory of histogram logs. It is made if it does not exist.
    pub hdr: Option<PathBuf>,
}

/// A file that cannot be written, and the error.
#[derive(Debug)]
pub struct CannotWrite {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for CannotWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for CannotWrite {}

impl<'a> Report<'a> {
    /// The plan of each run.
    #[must_use]
    pub fn plan(self) -> &'a Plan {
        match self {
            Self::Run(outcome) => &outcome.plan,
            Self::Comparison(comparison) => &comparison.plan,
        }
    }

    /// The runs that have an outcome, by round, and within a round in the order of the targets.
    fn runs(self) -> Vec<Run<'a>> {
        match self {
            Self::Run(outcome) => vec![Run { target: 0, round: 1, outcome }],
            Self::Comparison(comparison) => {
                let candidates = comparison.candidates.iter().enumerate();
                let mut runs: Vec<_> = candidates
                    .flat_map(|(target, candidate)| {
                        candidate.outcomes().map(move |(round, outcome)| Run { target, round, outcome })
                    })
                    .collect();
                runs.sort_by_key(|run| (run.round, run.target));
                runs
            }
        }
    }
}

/// An outcome with its target and round.
#[derive(Clone, Copy, Debug)]
struct Run<'a> {
    /// The number of the target, from 0.
    target: usize,
    /// From 1.
    round: usize,
    outcome: &'a Outcome,
}

impl Files {
    /// Checks that the files can be written. Called before the first run.
    ///
    /// # Errors
    ///
    /// The first file that cannot be written.
    pub fn check(&self) -> Result<(), CannotWrite> {
        let mut files = [&self.json, &self.plot].into_iter().flatten();
        files.try_for_each(|path| with_path(path, try_write(path)))?;
        self.hdr.as_deref().map_or(Ok(()), |directory| with_path(directory, hdr::try_write(directory)))
    }

    /// Writes all files.
    ///
    /// # Errors
    ///
    /// The files that could not be written. The others are written.
    pub fn write(&self, report: Report<'_>) -> Result<(), Vec<CannotWrite>> {
        let mut wrong = Vec::new();
        if let Some(path) = &self.json {
            wrong.extend(with_path(path, write(path, &json::document(report))).err());
        }
        if let Some(path) = &self.plot {
            wrong.extend(with_path(path, write(path, plot::svg(report).as_bytes())).err());
        }
        if let Some(directory) = &self.hdr {
            wrong.extend(hdr::write(directory, report).err());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

fn with_path<T>(path: &Path, result: io::Result<T>) -> Result<T, CannotWrite> {
    result.map_err(|error| CannotWrite { path: path.to_owned(), error })
}

/// Whether the path exists and is no ordinary file. Such a path is written in place, because a rename would replace it.
fn is_special(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| !there.is_file())
}

/// The name of a file while it is written, in the same directory.
fn unfinished(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.unfinished", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn try_write(path: &Path) -> io::Result<()> {
    if is_special(path) {
        return OpenOptions::new().append(true).open(path).map(drop);
    }
    let unfinished = unfinished(path)?;
    fs::write(&unfinished, [])?;
    fs::remove_file(unfinished)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if is_special(path) {
        let mut file = OpenOptions::new().write(true).truncate(fs::metadata(path)?.is_file()).open(path)?;
        return file.write_all(bytes);
    }
    let unfinished = unfinished(path)?;
    let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The first error is reported, not that of the removal.
        let _ = fs::remove_file(unfinished);
    }
    written
}

/// The parameters of a plan that say something, in words.
fn parameters(plan: &Plan) -> Vec<String> {
    use crate::plan::Work;
    use units::{count, rate, seconds};

    let many = |number: usize, one: &str, more: &str| {
        if number == 1 { format!("1 {one}") } else { format!("{} {more}", count(number as u64)) }
    };
    let mut parts = vec![many(plan.producers, "producer", "producers")];
    if plan.consumers > 0 {
        parts.push(many(plan.consumers, "consumer", "consumers"));
    }
    parts.push(format!("bodies of {} bytes", plan.body));
    if plan.batch > 1 {
        parts.push(format!("batches of {}", plan.batch));
    }
    match plan.work {
        Work::Fanout if plan.filtered => {
            parts.push(format!("{} with a filter each", many(plan.queues as usize, "queue", "queues")));
        }
        Work::Fanout => parts.push(many(plan.queues as usize, "queue", "queues")),
        Work::Fifo => parts.push(many(plan.groups as usize, "message group", "message groups")),
        Work::Delay => parts.push(format!("a delay of {}", seconds(plan.delay))),
        Work::Receive | Work::Backlog => parts.push(format!("{} messages put there first", count(plan.fill))),
        Work::Send | Work::Cycle | Work::Latency => {}
    }
    if let Some(messages) = plan.rate {
        parts.push(format!("{} messages a second", rate(messages)));
    }
    let extent = match plan.extent {
        Extent::Seconds(duration) => seconds(duration),
        Extent::Messages(messages) => format!("{} messages", count(messages)),
    };
    parts.push(format!("{extent} measured"));
    if !plan.warm_up.is_zero() {
        parts.push(format!("{} of warm-up", seconds(plan.warm_up)));
    }
    parts
}

#[cfg(test)]
mod tests;
