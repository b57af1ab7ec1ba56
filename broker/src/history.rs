//! The name of a data directory's history: sixteen random bytes, in hexadecimal digits, in the file `history`.
//!
//! Positions in the log of a directory and of a copy of it are the same up to the position of the copy. A broker that runs
//! on the copy goes on from there, with other records at the same positions. A copy that `posthouse backup` or
//! `posthouse restore` makes has no such file, so that the first start on it gives it another name. A backup notes the name
//! of the history that it was made from. A later run into the same directory can therefore tell whether the files there
//! still are those of the log that it copies.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The file in the data directory.
pub(crate) const FILE_NAME: &str = "history";
/// Its name until it is whole.
const UNFINISHED_NAME: &str = "history.unfinished";
/// Hexadecimal digits of a name.
const DIGITS: usize = 32;

/// The name of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History(String);

impl History {
    /// The name that a text is, if it is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end();
        let is_name = text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_name.then(|| Self(text.to_owned()))
    }

    /// The history of a data directory. `None` if no broker has run on the directory.
    ///
    /// # Errors
    /// The file cannot be read, or holds no name.
    pub(crate) fn of(directory: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(directory.join(FILE_NAME)) {
            Ok(text) => Self::parse(&text).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a data directory the name of a history, durably, unless it has one. Called before the first event of a start.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn begin(directory: &Path) -> io::Result<()> {
        if Self::of(directory)?.is_some() {
            return Ok(());
        }
        let name = hexadecimal(&rand::random::<[u8; DIGITS / 2]>());
        let unfinished = directory.join(UNFINISHED_NAME);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        writeln!(file, "{name}")?;
        file.sync_all()?;
        fs::rename(unfinished, directory.join(FILE_NAME))?;
        File::open(directory)?.sync_all()
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_its_name_and_a_damaged_one_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(History::of(directory.path()).expect("readable"), None);
        History::begin(directory.path()).expect("begun");
        let name = History::of(directory.path()).expect("readable").expect("begun");
        History::begin(directory.path()).expect("begun");
        assert_eq!(History::of(directory.path()).expect("readable"), Some(name));
        fs::write(directory.path().join(FILE_NAME), "0123").expect("written");
        assert!(History::begin(directory.path()).is_err());
    }
}
