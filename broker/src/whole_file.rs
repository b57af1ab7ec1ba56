//! Files that another program may be writing while they are read: configuration, certificates, keys.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// How often a file is read that changes meanwhile.
const ATTEMPTS: u32 = 5;
/// How long the next attempt waits.
const PAUSE: Duration = Duration::from_millis(50);

/// The bytes of a file, whose length and times were the same before the first byte was read and after the last. A program
/// that pauses while it writes cannot be noticed, nor can a write within one tick of the file system's clock. One that
/// renames a whole new file into place is never seen half way.
///
/// # Errors
/// The system's, or one that says that the file changes whenever it is read.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(PAUSE);
        }
        let mut file = File::open(path)?;
        let before = file.metadata()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // A pipe or a device has no length.
        if !before.is_file() || (is_same(&before, &file.metadata()?) && before.len() == bytes.len() as u64) {
            return Ok(bytes);
        }
    }
    Err(io::Error::other("the file is being written: it has changed each time that it was read"))
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    let facts = |file: &Metadata| (file.len(), file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec());
    facts(one) == facts(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_written_are_read_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, "whole").expect("written");
        assert_eq!(read(&path).expect("read"), b"whole");
        assert_eq!(read(&directory.path().join("none")).expect_err("none").kind(), io::ErrorKind::NotFound);
        assert!(read(Path::new("/dev/null")).expect("a device").is_empty());
    }
}
