//! The history of a data directory: which starts its log has seen, in the file `history`.
//!
//! Positions in the log of a directory and of a copy of it are the same up to the position of the copy. A broker that runs
//! on the copy goes on from there, with other records at the same positions. So is it where a directory is put back to an
//! older state of itself. Each start therefore gets a random name of its own, and notes it with the position from which it
//! goes on. A backup notes the name of the start that it was made in. A later run into the same directory can tell by these
//! whether the files there still are those of the log that it copies ([`History::holds`]).
//!
//! A copy that `posthouse backup` or `posthouse restore` makes has no such file.
//!
//! Invariant: a history has at least one start; the latest is the last.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use posthouse_log::Position;

/// The file in the data directory.
pub(crate) const FILE_NAME: &str = "history";
/// Its name until it is whole.
const UNFINISHED_NAME: &str = "history.unfinished";
/// Hexadecimal digits of a name.
const DIGITS: usize = 32;
/// Starts that the file names: 50 KB. A backup that was made in an earlier one shares no files with later ones.
const STARTS_MAX: usize = 1000;

/// The name of a start: sixteen random bytes, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StartName(String);

impl StartName {
    /// The name that a text is, if it is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_name = text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_name.then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A start, and the end of the log that it found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Start {
    name: StartName,
    from: Position,
}

/// The starts that a log has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History(Vec<Start>);

impl History {
    /// The history of a data directory. `None` if no broker has run on the directory.
    ///
    /// # Errors
    /// The file cannot be read, or is no history.
    pub(crate) fn of(directory: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(directory.join(FILE_NAME)) {
            Ok(text) => Self::parse(&text).map(Some).ok_or_else(|| ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let start = |line: &str| {
            let (name, from) = line.split_once(' ')?;
            Some(Start { name: StartName::parse(name)?, from: Position::new(u64::from_str_radix(from, 16).ok()?) })
        };
        let starts: Vec<_> = text.lines().map(start).collect::<Option<_>>()?;
        (!starts.is_empty()).then_some(Self(starts))
    }

    /// Notes a start on a data directory, durably. Called before the first event of the start, with the end of the log.
    /// If the disk is full, a start that is not the first goes on without a note: backups are then taken for those of the
    /// start before.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn begin(directory: &Path, from: Position) -> io::Result<()> {
        let before = Self::of(directory)?;
        let is_first = before.is_none();
        let mut starts = before.map(|before| before.0).unwrap_or_default();
        let surplus = (starts.len() + 1).saturating_sub(STARTS_MAX);
        starts.drain(..surplus);
        starts.push(Start { name: StartName(hexadecimal(&rand::random::<[u8; DIGITS / 2]>())), from });
        match Self(starts).write(directory) {
            Err(error) if !is_first && matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                tracing::warn!(%error, "this start is not noted in the file `history` of the data directory");
                Ok(())
            }
            written => written,
        }
    }

    fn write(&self, directory: &Path) -> io::Result<()> {
        let unfinished = directory.join(UNFINISHED_NAME);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        let lines: String = self.0.iter().map(|Start { name, from }| format!("{} {from}\n", name.as_str())).collect();
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        fs::rename(unfinished, directory.join(FILE_NAME))?;
        File::open(directory)?.sync_all()
    }

    /// The start that is under way.
    pub(crate) fn latest(&self) -> &StartName {
        &self.0.last().expect("a history has a start").name
    }

    /// Whether this history has all that the log held up to a position during a start.
    pub(crate) fn holds(&self, start: &StartName, position: Position) -> bool {
        let place = self.0.iter().position(|known| known.name == *start);
        place.is_some_and(|place| self.0.get(place + 1).is_none_or(|next| position <= next.from))
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(directory: &Path, from: u64) -> History {
        History::begin(directory, Position::new(from)).expect("begun");
        History::of(directory).expect("readable").expect("begun")
    }

    #[test]
    fn a_history_holds_what_its_starts_have_written() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(History::of(directory.path()).expect("readable"), None);
        let first = begun(directory.path(), 0x1000);
        let one = first.latest().clone();
        assert!(first.holds(&one, Position::new(0x9000)));
        let second = begun(directory.path(), 0x9000);
        let two = second.latest().clone();
        assert!(second.holds(&one, Position::new(0x9000)) && second.holds(&two, Position::new(0xf000)));
        assert!(!first.holds(&two, Position::new(0x9000)), "a start that it has not seen");
        // The directory is put back to the first state, and goes on from another end.
        first.write(directory.path()).expect("written");
        let other = begun(directory.path(), 0x5000);
        assert!(other.holds(&one, Position::new(0x5000)));
        assert!(!other.holds(&one, Position::new(0x9000)), "other records lie there now");
        assert!(!other.holds(&two, Position::new(0x9000)));
    }

    #[test]
    fn a_damaged_history_is_refused_and_a_long_one_forgets_its_beginning() {
        let directory = tempfile::tempdir().expect("a directory");
        for wrong in ["", "0123", "0123 0", &format!("{} ", "0".repeat(32)), &format!("{} x\n", "0".repeat(32))] {
            fs::write(directory.path().join(FILE_NAME), wrong).expect("written");
            assert!(History::begin(directory.path(), Position::new(1)).is_err(), "{wrong}");
        }
        let line = |number: usize| format!("{number:032x} {number:016x}\n");
        fs::write(directory.path().join(FILE_NAME), (0..STARTS_MAX).map(line).collect::<String>()).expect("written");
        let history = begun(directory.path(), 0xffff);
        assert_eq!(history.0.len(), STARTS_MAX);
        assert!(!history.holds(&StartName::parse(&format!("{:032x}", 0)).expect("a name"), Position::new(0)));
        assert!(history.holds(&StartName::parse(&format!("{:032x}", 1)).expect("a name"), Position::new(1)));
    }
}
