//! Failed operations of the disk as facts, and the incidents that they begin or end.
//!
//! The log writes no lines. [`Log::next_incident`](crate::Log::next_incident) returns one [`Incident`] for each change
//! of its condition, however many operations fail in between, and the broker writes the lines.

use std::{collections::VecDeque, fmt, io, sync::Arc};

/// What an operation of the disk was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// Writing records into a segment.
    WriteRecords,
    /// Writing the superblock.
    WriteSuperblock,
    /// Creating a file for a later segment: open(2), fallocate(2), its zeros, its sync, its name.
    CreateFile,
    /// Opening a file that becomes a segment.
    OpenFile,
    /// Writing the header of a segment.
    WriteHeader,
    /// Giving a file the name of a segment.
    NameSegment,
    /// Finding a file of the log under its name in the data directory.
    FindFile,
    /// Renaming a segment that is no longer needed, so that it is used again.
    RecycleSegment,
    /// Removing a file that is no longer needed.
    RemoveFile,
    /// Waiting for completions.
    Wait,
}

impl Work {
    /// The work in words, as the broker's log and the answers to clients have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WriteRecords => "writing records into",
            Self::WriteSuperblock => "writing",
            Self::CreateFile => "creating",
            Self::OpenFile => "opening",
            Self::WriteHeader => "writing the header of",
            Self::NameSegment => "naming the segment",
            Self::FindFile => "finding in the data directory",
            Self::RecycleSegment => "renaming",
            Self::RemoveFile => "removing",
            Self::Wait => "waiting for the disk",
        }
    }
}

/// A failed operation of the disk: what it was for, the file, and the error of the system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    work: Work,
    file: Option<String>,
    errno: Option<i32>,
    error: String,
    full: bool,
}

impl Failure {
    /// The failure of an operation on a file of the data directory.
    pub(crate) fn of_file(work: Work, file: impl Into<String>, error: &io::Error) -> Self {
        Self { file: Some(file.into()), ..Self::of_disk(work, error) }
    }

    /// The failure of an operation that concerns no file in particular.
    pub(crate) fn of_disk(work: Work, error: &io::Error) -> Self {
        let (errno, full) = (error.raw_os_error(), posthouse_disk::is_full(error));
        Self { work, file: None, errno, error: error.to_string(), full }
    }

    /// What the operation was for.
    #[must_use]
    pub fn work(&self) -> Work {
        self.work
    }

    /// The name of the file in the data directory; `None` if the operation concerned no file in particular.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The error number of the system; `None` if the error is not the system's.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.errno
    }

    /// The error in words.
    #[must_use]
    pub fn error(&self) -> &str {
        &self.error
    }

    /// Whether the disk or the quota has no room left (`ENOSPC`, `EDQUOT`). Every other error is something else.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Whether both are the same work with the same error, perhaps on different files.
    fn is_like(&self, other: &Self) -> bool {
        (self.work, self.errno, &self.error) == (other.work, other.errno, &other.error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.work.as_str())?;
        if let Some(file) = &self.file {
            write!(formatter, " {file}")?;
        }
        write!(formatter, ": {}", self.error)
    }
}

/// A change of the log's condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incident {
    /// A write or sync failed, or the data directory lost a file of the log. No further record becomes durable. Never
    /// ends.
    LogFailed(Arc<Failure>),
    /// The log cannot get another file. If [`Failure::is_full`] holds, for want of room. What follows uses up the
    /// files that are prepared. Occurs again without an end between if the reason changes.
    ShortageBegan(Arc<Failure>),
    /// The log has the files that it needs again.
    ShortageEnded,
    /// A file that is no longer needed could not be renamed or removed. It stays, and the next start tries again.
    ReclaimFailed(Arc<Failure>),
    /// Files that are no longer needed are reclaimed in this way again.
    ReclaimEnded(Work),
}

/// Incidents not yet collected, and the conditions that begin and end them. At most [`INCIDENTS_MAX`] wait; the oldest
/// are dropped.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    waiting: VecDeque<Incident>,
    /// The failure to rename files and the one to remove them, while no later attempt has succeeded: two at most.
    reclaim: Vec<Arc<Failure>>,
}

/// More than one turn of a loop can begin or end.
const INCIDENTS_MAX: usize = 64;

impl Incidents {
    /// Adds an incident.
    pub(crate) fn add(&mut self, incident: Incident) {
        if self.waiting.len() == INCIDENTS_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(incident);
    }

    /// Takes the oldest incident.
    pub(crate) fn next(&mut self) -> Option<Incident> {
        self.waiting.pop_front()
    }

    /// Notes that a file could not be reclaimed. Each further one counts only if its reason is another.
    pub(crate) fn reclaim_failed(&mut self, failure: Failure) {
        if self.reclaim.iter().any(|known| known.is_like(&failure)) {
            return;
        }
        self.reclaim.retain(|known| known.work != failure.work);
        let failure = Arc::new(failure);
        self.reclaim.push(Arc::clone(&failure));
        self.add(Incident::ReclaimFailed(failure));
    }

    /// Notes that a file was reclaimed in this way.
    pub(crate) fn reclaimed(&mut self, work: Work) {
        let failing = self.reclaim.len();
        self.reclaim.retain(|known| known.work != work);
        if self.reclaim.len() < failing {
            self.add(Incident::ReclaimEnded(work));
        }
    }

    /// Notes that the log cannot get another file. Returns the failure to remember: the known one, if this is like it.
    pub(crate) fn ran_short(&mut self, known: Option<&Arc<Failure>>, failure: Failure) -> Arc<Failure> {
        if let Some(known) = known.filter(|known| known.is_like(&failure)) {
            return Arc::clone(known);
        }
        let failure = Arc::new(failure);
        self.add(Incident::ShortageBegan(Arc::clone(&failure)));
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(file: &str, errno: i32) -> Failure {
        Failure::of_file(Work::CreateFile, file, &io::Error::from_raw_os_error(errno))
    }

    #[test]
    fn only_a_lack_of_room_is_full() {
        const ENOSPC: i32 = 28;
        const EDQUOT: i32 = 122;
        for errno in 1..133 {
            assert_eq!(failure("a", errno).is_full(), [ENOSPC, EDQUOT].contains(&errno), "{errno}");
        }
        let error = io::Error::other("no error of the system");
        assert!(!Failure::of_disk(Work::Wait, &error).is_full());
    }

    #[test]
    fn a_failure_names_work_file_and_error() {
        let text = failure("000000000000001f.spare", 24).to_string();
        assert_eq!(text, "creating 000000000000001f.spare: Too many open files (os error 24)");
        let error = io::Error::other("halted");
        assert_eq!(Failure::of_disk(Work::Wait, &error).to_string(), "waiting for the disk: halted");
    }

    #[test]
    fn a_condition_is_one_incident_until_it_changes_or_ends() {
        let mut incidents = Incidents::default();
        let first = incidents.ran_short(None, failure("1", 28));
        let same = incidents.ran_short(Some(&first), failure("2", 28));
        assert_eq!(first, same);
        let other = incidents.ran_short(Some(&same), failure("3", 24));
        incidents.reclaimed(Work::CreateFile);
        incidents.reclaim_failed(failure("4", 5));
        incidents.reclaim_failed(failure("5", 5));
        incidents.reclaimed(Work::RemoveFile);
        incidents.reclaimed(Work::CreateFile);
        incidents.reclaimed(Work::CreateFile);
        let taken: Vec<Incident> = std::iter::from_fn(|| incidents.next()).collect();
        let reclaim = Arc::new(failure("4", 5));
        let expected = [
            Incident::ShortageBegan(first),
            Incident::ShortageBegan(other),
            Incident::ReclaimFailed(reclaim),
            Incident::ReclaimEnded(Work::CreateFile),
        ];
        assert_eq!(taken, expected);
    }
}
