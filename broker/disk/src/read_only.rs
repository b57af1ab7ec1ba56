//! A disk that changes nothing: for reading a data directory that no broker runs on, or a backup on a medium that cannot
//! be written to.
//!
//! Operations run in [`Disk::submit`], on the caller's thread, because nothing else waits for that thread. Reads go past
//! the page cache where the file system allows it, so that they return what the medium holds.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    task::Waker,
    time::{Duration, Instant},
};

use crate::{Buffer, Completion, Disk, DiskOutcome, Entry, FileId, Operation, OperationId, directory::regular_files};

/// A disk that changes nothing. It refuses every operation that would.
#[derive(Debug)]
pub struct ReadOnly {
    path: PathBuf,
    /// By number. `None` once it is closed.
    files: Vec<Option<File>>,
    finished: Vec<Completion>,
}

impl ReadOnly {
    /// Opens a directory, which must exist.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub fn open(directory: &Path) -> io::Result<Self> {
        fs::read_dir(directory)?;
        Ok(Self { path: directory.to_owned(), files: Vec::new(), finished: Vec::new() })
    }

    fn run(&mut self, operation: Operation) -> io::Result<DiskOutcome> {
        match operation {
            Operation::Open { name } => {
                let file = open(&self.path.join(name))?;
                let length = file.metadata()?.len();
                let id = u32::try_from(self.files.len()).map_err(io::Error::other)?;
                self.files.push(Some(file));
                Ok(DiskOutcome::Opened { file: FileId(id), length })
            }
            Operation::Read { file, offset, length } => {
                let length = usize::try_from(length).expect("a usize has at least 32 bits");
                let mut buffer = Buffer::zeroed(length);
                self.file(file).read_exact_at(&mut buffer[..length], offset)?;
                Ok(DiskOutcome::Read(buffer.freeze(length)))
            }
            Operation::Close { file } => {
                self.files[index(file)] = None;
                Ok(DiskOutcome::Done)
            }
            Operation::Create { .. }
            | Operation::Write { .. }
            | Operation::Sync { .. }
            | Operation::Rename { .. }
            | Operation::Recycle { .. }
            | Operation::Remove { .. }
            | Operation::Find { .. } => {
                Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "opened for reading only"))
            }
        }
    }

    fn file(&self, file: FileId) -> &File {
        self.files[index(file)].as_ref().expect("operations name files that are open")
    }
}

impl Disk for ReadOnly {
    fn submit(&mut self, id: OperationId, operation: Operation) {
        operation.check_alignment();
        let started = Instant::now();
        let result = self.run(operation);
        self.finished.push(Completion { id, result, elapsed: started.elapsed() });
    }

    fn wait(&mut self, _: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()> {
        completions.append(&mut self.finished);
        Ok(())
    }

    /// No other thread waits: an operation has completed when [`Disk::submit`] returns.
    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        regular_files(&self.path)
    }
}

fn index(file: FileId) -> usize {
    usize::try_from(file.0).expect("a usize has at least 32 bits")
}

/// Opens a file for reading, past the page cache if its file system takes that.
///
/// # Errors
///
/// What open(2) returns.
fn open(path: &Path) -> io::Result<File> {
    let direct = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path);
    match direct {
        // Some file systems refuse `O_DIRECT` in open(2), others only in the read.
        Ok(file) if file.read_at(&mut Buffer::zeroed(crate::BLOCK_BYTES), 0).is_ok() => Ok(file),
        Ok(_) | Err(_) => File::open(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_and_refuses_whatever_would_change_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, [7; 2 * crate::BLOCK_BYTES]).unwrap();
        let mut disk = ReadOnly::open(directory.path()).unwrap();
        let mut complete = |operation| {
            disk.submit(OperationId(3), operation);
            let mut completions = Vec::new();
            disk.wait(None, &mut completions).unwrap();
            let [Completion { id: OperationId(3), .. }] = completions[..] else { panic!("{completions:?}") };
            completions.remove(0).result
        };
        let Ok(DiskOutcome::Opened { file, length: 8192 }) = complete(Operation::Open { name: "a".into() }) else {
            panic!("the file is there")
        };
        let Ok(DiskOutcome::Read(bytes)) = complete(Operation::Read { file, offset: 4096, length: 4096 }) else {
            panic!("the block is there")
        };
        assert_eq!(bytes, [7; 4096][..]);
        let read = complete(Operation::Read { file, offset: 4096, length: 8192 });
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let changes = [
            Operation::Create { name: "b".into(), length: 4096 },
            Operation::Write { file, offset: 0, data: Vec::new(), durable: true },
            Operation::Sync { file },
            Operation::Rename { from: "a".into(), to: "b".into() },
            Operation::Recycle { from: "a".into(), to: "b".into() },
            Operation::Remove { name: "a".into() },
            Operation::Find { file, name: "a".into() },
        ];
        for change in changes {
            assert_eq!(complete(change).unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
        }
        assert!(matches!(complete(Operation::Close { file }), Ok(DiskOutcome::Done)));
        assert_eq!(disk.list().unwrap(), [Entry { name: "a".into(), length: 8192, shared: false }]);
        assert_eq!(fs::read(&path).unwrap(), [7; 8192]);
    }
}
