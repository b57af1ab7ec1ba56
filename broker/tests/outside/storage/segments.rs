//! The files of the log, read and damaged as `docs/format.md` draws them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const BLOCK: u64 = 4096;
const RECORD_HEAD_BYTES: u64 = 8;

/// One segment.
pub(crate) struct Segment {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Segment {
    /// Every segment of a data directory, in the order of their positions.
    pub(crate) fn all(directory: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(directory).expect("a data directory");
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
            .collect();
        paths.sort();
        paths.into_iter().map(|path| Self { bytes: std::fs::read(&path).expect("a segment"), path }).collect()
    }

    /// The segment that was written to last.
    pub(crate) fn last(directory: &Path) -> Self {
        let all = Self::all(directory);
        let mut written = all.into_iter().filter(|segment| segment.end() > BLOCK);
        written.next_back().expect("a log has a segment with records")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file's name.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().and_then(|name| name.to_str()).expect("sixteen digits").to_owned()
    }

    /// Where the records start, in order; then where the log ends.
    fn records(&self) -> Vec<u64> {
        let mut starts = vec![BLOCK];
        loop {
            let at = *starts.last().expect("one at least");
            let head = usize::try_from(at).ok().and_then(|at| self.bytes.get(at..)?.first_chunk::<8>());
            let Some(head) = head else { return starts };
            if head[7] == 0 {
                return starts;
            }
            let length = u64::from(u32::from_le_bytes([head[4], head[5], head[6], 0]));
            starts.push((at + RECORD_HEAD_BYTES + length).next_multiple_of(8));
        }
    }

    /// The offset behind the last record.
    pub(crate) fn end(&self) -> u64 {
        *self.records().last().expect("one at least")
    }

    /// The offset of the record that `offset` lies in.
    pub(crate) fn record_around(&self, offset: u64) -> u64 {
        *self.records().iter().rfind(|start| **start <= offset).expect("the first one")
    }

    /// The offsets at which these bytes are found.
    pub(crate) fn places_of(&self, text: &[u8]) -> Vec<u64> {
        let found = self.bytes.windows(text.len()).enumerate().filter(|(_, window)| *window == text);
        found.map(|(offset, _)| offset as u64).collect()
    }

    /// Flips the lowest bit of a byte.
    pub(crate) fn flip(&self, offset: u64) {
        let file = File::options().read(true).write(true).open(&self.path).expect("a segment");
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).expect("within the file");
        file.write_all_at(&[byte[0] ^ 1], offset).expect("within the file");
    }

    /// Overwrites bytes.
    pub(crate) fn write_at(&self, offset: u64, bytes: &[u8]) {
        let file = File::options().write(true).open(&self.path).expect("a segment");
        file.write_all_at(bytes, offset).expect("within the file");
    }
}
