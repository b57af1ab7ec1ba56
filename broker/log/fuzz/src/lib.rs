//! A disk in memory, for the fuzz target: operations complete at the next wait, in order.

use std::collections::BTreeMap;
use std::io;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use posthouse_disk::{Completion, Disk, Entry, FileId, Operation, DiskOutcome, OperationId};

/// Files by name, and the names of open ones.
#[derive(Clone, Default)]
pub struct Memory {
    pub files: BTreeMap<String, Vec<u8>>,
    open: Vec<String>,
    done: Vec<(OperationId, Done)>,
}

/// An outcome that can be cloned with the disk.
#[derive(Clone)]
enum Done {
    Opened(FileId, u64),
    Written,
    Read(Bytes),
    Nothing,
    Failed,
}

impl Memory {
    fn open(&mut self, name: String) -> Done {
        let Some(file) = self.files.get(&name) else { return Done::Failed };
        let length = file.len() as u64;
        self.open.push(name);
        Done::Opened(FileId(u32::try_from(self.open.len() - 1).expect("few files")), length)
    }

    fn file(&mut self, file: FileId) -> Option<&mut Vec<u8>> {
        self.files.get_mut(&self.open[file.0 as usize])
    }

    fn run(&mut self, operation: Operation) -> Done {
        match operation {
            Operation::Create { name, length } => {
                self.files.insert(name.clone(), vec![0; usize::try_from(length).expect("a small file")]);
                self.open(name)
            }
            Operation::Open { name } => self.open(name),
            Operation::Write { file, offset, data, .. } => {
                let mut at = usize::try_from(offset).expect("a small file");
                let Some(file) = self.file(file) else { return Done::Failed };
                for slice in data {
                    file[at..at + slice.len()].copy_from_slice(&slice);
                    at += slice.len();
                }
                Done::Written
            }
            Operation::Read { file, offset, length } => {
                let at = usize::try_from(offset).expect("a small file");
                let found = self.file(file).and_then(|file| file.get(at..at + length as usize));
                found.map_or(Done::Failed, |bytes| Done::Read(Bytes::copy_from_slice(bytes)))
            }
            Operation::Rename { from, to } => match self.files.remove(&from) {
                Some(file) => {
                    self.files.insert(to.clone(), file);
                    self.open.iter_mut().filter(|name| **name == from).for_each(|name| name.clone_from(&to));
                    Done::Nothing
                }
                None => Done::Failed,
            },
            Operation::Remove { name } => {
                self.files.remove(&name);
                Done::Nothing
            }
            Operation::Sync { .. } | Operation::Close { .. } => Done::Nothing,
        }
    }
}

impl Disk for Memory {
    fn submit(&mut self, id: OperationId, operation: Operation) {
        let done = self.run(operation);
        self.done.push((id, done));
    }

    fn wait(&mut self, _: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()> {
        completions.extend(self.done.drain(..).map(|(id, done)| {
            let result = match done {
                Done::Opened(file, length) => Ok(DiskOutcome::Opened { file, length }),
                Done::Written => Ok(DiskOutcome::Written(Vec::new())),
                Done::Read(bytes) => Ok(DiskOutcome::Read(bytes)),
                Done::Nothing => Ok(DiskOutcome::Done),
                Done::Failed => Err(io::Error::from(io::ErrorKind::NotFound)),
            };
            Completion { id, result, elapsed: Duration::ZERO }
        }));
        Ok(())
    }

    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        let entry = |(name, file): (&String, &Vec<u8>)| Entry { name: name.clone(), length: file.len() as u64 };
        Ok(self.files.iter().map(entry).collect())
    }
}
