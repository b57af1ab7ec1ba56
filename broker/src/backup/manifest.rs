//! The file `backup` in each copy: of which log it is, as of when, and which history of the log it was made from.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use posthouse_log::Position;
use serde::Deserialize;

use crate::history::{StartName, hexadecimal};

/// The file's name.
pub(crate) const FILE_NAME: &str = "backup";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The identity of the log, in hexadecimal digits.
    pub(crate) identity: String,
    /// The start that the copy was made in.
    pub(crate) history: StartName,
    /// The end of the copy.
    pub(crate) position: Position,
    /// When it was made, as RFC 3339 writes it.
    pub(crate) made: String,
}

#[derive(Deserialize)]
struct Fields {
    identity: String,
    history: String,
    position: String,
    made: String,
}

impl Manifest {
    /// The manifest of a snapshot of this log.
    pub(crate) fn new(identity: &[u8; 16], history: StartName, (position, made): (Position, String)) -> Self {
        Self { identity: hexadecimal(identity), history, position, made }
    }

    /// Reads the manifest of a copy. `None` if it has none, or one that is not whole.
    pub(crate) fn read(directory: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(directory.join(FILE_NAME)).ok()?;
        let Fields { identity, history, position, made } = toml::from_str(&text).ok()?;
        let position = Position::new(u64::from_str_radix(&position, 16).ok()?);
        Some(Self { identity, history: StartName::parse(&history)?, position, made })
    }

    /// Writes the manifest of a copy, durably but for its name.
    ///
    /// # Errors
    /// The file exists, or cannot be written.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        let Self { identity, history, position, made } = self;
        let path = directory.join(FILE_NAME);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        write!(
            file,
            "# A copy of a data directory, made by `posthouse backup`. Check it with `posthouse verify`, and put it back with\n\
             # `posthouse restore`. docs/operating.md says how.\n\
             made = \"{made}\"\nposition = \"{position}\"\nidentity = \"{identity}\"\nhistory = \"{}\"\n",
            history.as_str()
        )?;
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let history = StartName::parse(&"0f".repeat(16)).expect("a name");
        let manifest =
            Manifest::new(b"0123456789abcdef", history, (Position::new(0x1f_2000), "2026-11-30T11:45:50Z".into()));
        assert_eq!(Manifest::read(directory.path()), None);
        manifest.write(directory.path()).expect("written");
        assert_eq!(Manifest::read(directory.path()), Some(manifest));
    }
}
