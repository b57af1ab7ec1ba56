//! The key file of encryption at rest: read once, at the start.
//!
//! The keys protect against a reader of the disk, so that the file must lie elsewhere: one in the data directory is
//! refused, because every copy of the directory would hold the keys that open it. Who else on the machine may read the
//! file is the operator's decision; the broker warns ([`crate::exposure`]).

use core::fmt;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use posthouse_encryption::{Encryption, KeyFileError, KeyRing, Random};
use rand::Rng as _;

/// Bytes of a key file that are read at most: some 20,000 keys.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why the keys cannot be used.
#[derive(Debug)]
pub enum KeysError {
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The file is longer than any key file.
    TooLong(PathBuf),
    /// The text is not that of a key file.
    Invalid(PathBuf, KeyFileError),
    /// The file lies in the data directory.
    InDataDirectory(PathBuf),
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, source) => write!(f, "the key file {} cannot be read: {source}", path.display()),
            Self::TooLong(path) => {
                write!(f, "the key file {} has more than {FILE_BYTES_MAX} bytes", path.display())
            }
            Self::Invalid(path, source) => write!(f, "the key file {}: {source}", path.display()),
            Self::InDataDirectory(path) => write!(
                f,
                "the key file {} lies in the data directory, so that every copy of the directory would hold the keys that \
                 open it: keep it elsewhere",
                path.display()
            ),
        }
    }
}

impl Error for KeysError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable(_, source) => Some(source),
            Self::Invalid(_, source) => Some(source),
            Self::TooLong(_) | Self::InDataDirectory(_) => None,
        }
    }
}

/// Encryption with the keys of a file, or none where no file is named.
///
/// # Errors
/// [`KeysError`] if there is a file and its keys cannot be used.
pub fn read(file: Option<&Path>, data_dir: &Path) -> Result<Encryption, KeysError> {
    let Some(path) = file else { return Ok(Encryption::off()) };
    let unreadable = |error| KeysError::Unreadable(path.to_owned(), error);
    let real = fs::canonicalize(path).map_err(unreadable)?;
    if fs::canonicalize(data_dir).is_ok_and(|directory| real.starts_with(directory)) {
        return Err(KeysError::InDataDirectory(path.to_owned()));
    }
    if fs::metadata(&real).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(KeysError::TooLong(path.to_owned()));
    }
    let text = fs::read_to_string(&real).map_err(unreadable)?;
    let ring = KeyRing::parse(&text).map_err(|error| KeysError::Invalid(path.to_owned(), error))?;
    Ok(Encryption::new(ring, Random::new(|bytes| rand::rng().fill_bytes(bytes))))
}

/// The keys in words, for the operator.
#[must_use]
pub fn describe(encryption: &Encryption) -> String {
    let ids = |skipped: usize| {
        let ids: Vec<String> = encryption.ring().ids().skip(skipped).map(|id| id.to_string()).collect();
        if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
    };
    match encryption.first() {
        Some(first) => format!("new data is encrypted with key {first}; keys for earlier data: {}", ids(1)),
        None => format!("new data is not encrypted; keys for earlier data: {}", ids(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

    #[test]
    fn without_a_file_nothing_is_encrypted() {
        let encryption = read(None, Path::new("/nowhere")).expect("no file is fine");
        assert_eq!(describe(&encryption), "new data is not encrypted; keys for earlier data: none");
    }

    #[test]
    fn a_file_is_read_and_described_by_the_ids_of_its_keys() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys");
        fs::write(&path, KEY).expect("written");
        let encryption = read(Some(&path), &directory.path().join("data")).expect("valid");
        assert_eq!(
            describe(&encryption),
            "new data is encrypted with key 66687aadf862bd77; keys for earlier data: none"
        );
        fs::write(&path, format!("none\n{KEY}")).expect("written");
        let encryption = read(Some(&path), &directory.path().join("data")).expect("valid");
        assert_eq!(describe(&encryption), "new data is not encrypted; keys for earlier data: 66687aadf862bd77");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_without_its_content() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys");
        let refused = |data: &Path| read(Some(&path), data).expect_err("refused").to_string();
        assert!(refused(Path::new("/nowhere")).contains("cannot be read"));
        fs::write(&path, "hunter2\n").expect("written");
        let invalid = refused(Path::new("/nowhere"));
        assert!(invalid.contains("line 1 is no key") && !invalid.contains("hunter2"), "{invalid}");
        fs::write(&path, KEY).expect("written");
        assert!(refused(directory.path()).contains("lies in the data directory"));
        fs::write(&path, "#".repeat(2 << 20)).expect("written");
        assert!(refused(Path::new("/nowhere")).contains("more than 1048576 bytes"));
    }
}
