//! Logs that a crash has cut off at a chosen byte.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The kind of records of the log itself.
const PADDING: u8 = 255;

/// A copy of a data directory all of whose records are in its first segment.
pub(crate) struct Copied {
    directory: TempDir,
    segment: PathBuf,
}

impl Copied {
    /// The directory of a running broker, all of whose events are on disk: as a crash leaves it.
    pub(crate) fn of_running(directory: &Path) -> Self {
        let copied = tempfile::tempdir().expect("a temporary directory");
        copy(directory, copied.path());
        let segment = segment(copied.path());
        Self { directory: copied, segment }
    }

    /// The records of the first segment, as `docs/format.md` draws them: where each lies, and its kind.
    pub(crate) fn records(&self) -> Vec<(Range<usize>, u8)> {
        records(&fs::read(&self.segment).expect("a file"))
    }

    /// Another copy, whose first segment has zeros from this byte on.
    pub(crate) fn cut_off(&self, at: usize) -> TempDir {
        let torn = tempfile::tempdir().expect("a temporary directory");
        copy(self.directory.path(), torn.path());
        let mut bytes = fs::read(&self.segment).expect("a file");
        bytes[at..].fill(0);
        fs::write(torn.path().join(self.segment.file_name().expect("a file")), bytes).expect("written");
        torn
    }
}

/// The first segment of a directory. The next one may have been prepared, and is empty.
fn segment(directory: &Path) -> PathBuf {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let segments = entries.filter(|path| path.extension().is_some_and(|extension| extension == "segment"));
    segments.min().expect("a segment")
}

fn records(bytes: &[u8]) -> Vec<(Range<usize>, u8)> {
    const HEADER: usize = 4096;
    let (mut at, mut records) = (HEADER, Vec::new());
    while let Some([_, _, _, _, l0, l1, l2, kind]) = bytes.get(at..at + 8)
        && *kind != 0
    {
        let end = at + 8 + u32::from_le_bytes([*l0, *l1, *l2, 0]).next_multiple_of(8) as usize;
        if *kind != PADDING {
            records.push((at..end, *kind));
        }
        at = end;
    }
    records
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, to.join(path.file_name().expect("a file"))).expect("copied");
    }
}
