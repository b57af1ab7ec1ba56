//! A disk in memory that loses, tears and refuses what a real one may, and the small things all tests need.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "the files of tests are small")]

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
    task::{Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use posthouse_disk::{Buffer, Completion, Disk, DiskOutcome, Entry, FileId, Operation, OperationId};
use posthouse_log::{Log, OpenError, Options, Position, Recovered, Recovery};

pub const IDENTITY: [u8; 16] = *b"an identity of t";
const SECTOR: usize = 512;

/// A log of small files, so that a few kilobytes cross every boundary there is.
pub fn small() -> Options {
    Options {
        segment_bytes: 16 * 1024,
        first_segment_bytes: 8 * 1024,
        chunk_bytes: 8 * 1024,
        tail_bytes: 16 * 1024,
        batch_bytes: 3 * 1024,
        ..Options::new(IDENTITY)
    }
}

/// The storage behind [`MemoryDisk`]; survives it, as a disk survives a broker.
#[derive(Clone, Default)]
pub struct Storage(Arc<Mutex<State>>);

#[derive(Default)]
pub struct State {
    names: BTreeMap<String, usize>,
    nodes: Vec<Node>,
    random: u64,
    /// Operations handed over that have not completed, oldest first.
    pub queue: Vec<(OperationId, Operation)>,
    open: BTreeMap<FileId, usize>,
    next_file: u32,
    /// What all files together may hold.
    pub capacity: Option<u64>,
    /// Counts down with each write; the one that finds zero fails, and the disk stays broken.
    pub writes_until_failure: Option<u32>,
    /// Completes operations in random order rather than in that of submission.
    pub shuffle: bool,
    /// Completes at most this many operations per wait.
    pub pace: Option<usize>,
    /// Does not complete creations.
    pub creations_hang: bool,
    /// Does not complete reads.
    pub reads_hang: bool,
    /// Counts down with each operation; at zero the disk stands still, and whoever waits panics.
    pub operations_until_halt: Option<u32>,
    pub reads: u64,
}

#[derive(Clone, Default)]
struct Node {
    /// What reads see.
    seen: Vec<u8>,
    /// What survives.
    durable: Vec<u8>,
}

impl std::panic::UnwindSafe for Storage {}
impl std::panic::RefUnwindSafe for Storage {}

impl Storage {
    pub fn new(seed: u64) -> Self {
        let storage = Self::default();
        storage.lock().random = seed | 1;
        storage
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn disk(&self) -> MemoryDisk {
        let mut state = self.lock();
        state.queue.clear();
        state.open.clear();
        MemoryDisk(self.clone())
    }

    /// Power is lost: of each write under way, and each that was not durable, some sectors survive.
    pub fn crash(&self) {
        let mut state = self.lock();
        for (_, operation) in std::mem::take(&mut state.queue) {
            if let Operation::Write { file, offset, data, .. } = operation {
                let node = state.open[&file];
                let bytes: Vec<u8> = data.iter().flat_map(|slice| slice.iter().copied()).collect();
                // Everything, nothing, a beginning or a random part.
                let manner = state.next_random() % 4;
                let limit = state.next_random() as usize % (bytes.len() / SECTOR + 1);
                for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                    let survives = match manner {
                        0 => true,
                        1 => false,
                        2 => index < limit,
                        _ => state.next_random().is_multiple_of(2),
                    };
                    if survives {
                        let at = offset as usize + index * SECTOR;
                        state.nodes[node].durable[at..at + sector.len()].copy_from_slice(sector);
                    }
                }
            }
        }
        let mut nodes = std::mem::take(&mut state.nodes);
        for node in &mut nodes {
            // What was read but not durable may be lost, or not, sector by sector.
            for (seen, durable) in node.seen.chunks(SECTOR).zip(node.durable.chunks_mut(SECTOR)) {
                if seen != &*durable && state.next_random().is_multiple_of(2) {
                    durable.copy_from_slice(seen);
                }
            }
            node.seen.clone_from(&node.durable);
        }
        state.nodes = nodes;
    }

    /// The broker dies, the machine lives on: completed writes are there, durable or not; of those under way, a part.
    pub fn kill(&self) {
        let durable: Vec<Vec<u8>> = self.lock().nodes.iter().map(|node| node.durable.clone()).collect();
        self.crash();
        let mut state = self.lock();
        for (node, durable) in state.nodes.iter_mut().zip(durable) {
            node.seen = std::mem::replace(&mut node.durable, durable);
        }
    }

    pub fn names(&self) -> Vec<String> {
        self.lock().names.keys().cloned().collect()
    }

    pub fn segments(&self) -> Vec<String> {
        self.names().into_iter().filter(|name| name.ends_with(".segment")).collect()
    }

    pub fn contents(&self, name: &str) -> Vec<u8> {
        let state = self.lock();
        state.nodes[state.names[name]].durable.clone()
    }

    pub fn set_contents(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.lock();
        let node = state.nodes.len();
        state.nodes.push(Node { seen: bytes.clone(), durable: bytes });
        state.names.insert(name.to_owned(), node);
    }

    pub fn remove(&self, name: &str) {
        self.lock().names.remove(name).unwrap();
    }

    /// A copy with a life of its own.
    pub fn fork(&self) -> Self {
        let state = self.lock();
        let fork = Self::new(state.random);
        for (name, node) in &state.names {
            fork.set_contents(name, state.nodes[*node].durable.clone());
        }
        fork
    }
}

impl State {
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    fn used(&self) -> u64 {
        self.names.values().map(|node| self.nodes[*node].seen.len() as u64).sum()
    }

    fn open(&mut self, node: usize) -> DiskOutcome {
        let file = FileId(self.next_file);
        self.next_file += 1;
        self.open.insert(file, node);
        DiskOutcome::Opened { file, length: self.nodes[node].seen.len() as u64 }
    }

    fn perform(&mut self, operation: Operation) -> io::Result<DiskOutcome> {
        match operation {
            Operation::Create { name, length } => {
                if self.capacity.is_some_and(|capacity| self.used() + length > capacity) {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let zeros = vec![0; length as usize];
                self.nodes.push(Node { seen: zeros.clone(), durable: zeros });
                self.names.insert(name, self.nodes.len() - 1);
                Ok(self.open(self.nodes.len() - 1))
            }
            Operation::Open { name } => {
                let node = *self.names.get(&name).ok_or(io::ErrorKind::NotFound)?;
                Ok(self.open(node))
            }
            Operation::Write { file, offset, mut data, durable } => {
                if let Some(left) = &mut self.writes_until_failure {
                    if *left == 0 {
                        return Err(io::Error::other("the disk is broken"));
                    }
                    *left -= 1;
                }
                let node = &mut self.nodes[self.open[&file]];
                let mut at = offset as usize;
                assert_eq!(at % 4096, 0);
                for slice in data.drain(..) {
                    assert_eq!((slice.len() % 4096, slice.as_ptr() as usize % 4096), (0, 0), "aligned");
                    node.seen[at..at + slice.len()].copy_from_slice(&slice);
                    if durable {
                        node.durable[at..at + slice.len()].copy_from_slice(&slice);
                    }
                    at += slice.len();
                }
                Ok(DiskOutcome::Written(data))
            }
            Operation::Read { file, offset, length } => {
                assert_eq!((offset % 4096, length % 4096), (0, 0), "aligned");
                self.reads += 1;
                let (start, length) = (offset as usize, length as usize);
                let node = &self.nodes[self.open[&file]];
                let bytes = node.seen.get(start..start + length).ok_or(io::ErrorKind::UnexpectedEof)?;
                let mut buffer = Buffer::zeroed(length);
                buffer[..length].copy_from_slice(bytes);
                Ok(DiskOutcome::Read(buffer.freeze(length)))
            }
            Operation::Sync { file } => {
                let node = &mut self.nodes[self.open[&file]];
                node.durable.clone_from(&node.seen);
                Ok(DiskOutcome::Done)
            }
            Operation::Rename { from, to } => {
                let node = self.names.remove(&from).ok_or(io::ErrorKind::NotFound)?;
                self.names.insert(to, node);
                Ok(DiskOutcome::Done)
            }
            Operation::Remove { name } => {
                self.names.remove(&name).ok_or(io::ErrorKind::NotFound)?;
                Ok(DiskOutcome::Done)
            }
            Operation::Close { file } => {
                self.open.remove(&file).unwrap();
                Ok(DiskOutcome::Done)
            }
        }
    }
}

pub struct MemoryDisk(Storage);

struct Silent;

impl Wake for Silent {
    fn wake(self: Arc<Self>) {}
}

impl Disk for MemoryDisk {
    fn submit(&mut self, id: OperationId, operation: Operation) {
        self.0.lock().queue.push((id, operation));
    }

    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()> {
        let mut state = self.0.lock();
        let pace = state.pace.unwrap_or(usize::MAX);
        let (creations_hang, reads_hang) = (state.creations_hang, state.reads_hang);
        let may_complete = |(_, operation): &(OperationId, Operation)| match operation {
            Operation::Create { .. } => !creations_hang,
            Operation::Read { .. } => !reads_hang,
            _ => true,
        };
        let mut completed = 0;
        while completed < pace {
            let candidates: Vec<usize> =
                (0..state.queue.len()).filter(|index| may_complete(&state.queue[*index])).collect();
            let Some(&oldest) = candidates.first() else { break };
            let index =
                if state.shuffle { candidates[state.next_random() as usize % candidates.len()] } else { oldest };
            if let Some(left) = &mut state.operations_until_halt {
                if *left == 0 {
                    drop(state);
                    panic!("halted");
                }
                *left -= 1;
            }
            let (id, operation) = state.queue.remove(index);
            let result = state.perform(operation);
            completions.push(Completion { id, result, elapsed: Duration::from_micros(10) });
            completed += 1;
        }
        assert!(completed > 0 || timeout.is_some(), "a wait without end");
        Ok(())
    }

    fn waker(&self) -> Waker {
        Arc::new(Silent).into()
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        let state = self.0.lock();
        let entry = |(name, node): (&String, &usize)| Entry {
            name: name.clone(),
            length: state.nodes[*node].seen.len() as u64,
        };
        Ok(state.names.iter().map(entry).collect())
    }
}

/// What a test knows of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    pub position: Position,
    pub kind: u8,
    pub payload: Vec<u8>,
}

/// Every record from the start of replay on.
pub fn replay<D: Disk>(recovery: &mut Recovery<D>) -> Result<Vec<Known>, OpenError> {
    let mut records = Vec::new();
    while let Some(record) = recovery.next_record()? {
        assert_eq!(record.payload.as_ptr() as usize % 8, 0, "payloads are aligned");
        records.push(Known { position: record.position, kind: record.kind, payload: record.payload.to_vec() });
    }
    Ok(records)
}

pub fn open(storage: &Storage, options: &Options) -> Result<(Log<MemoryDisk>, Recovered, Vec<Known>), OpenError> {
    let mut recovery = Log::open(storage.disk(), options.clone())?;
    let records = replay(&mut recovery)?;
    let (log, recovered) = recovery.finish()?;
    Ok((log, recovered, records))
}

/// Appends a record with a payload that follows from its number, and remembers it.
pub fn append<D: Disk>(log: &mut Log<D>, known: &mut Vec<Known>, number: usize, length: usize) -> Position {
    let payload = payload(number, length);
    let kind = u8::try_from(number % 200 + 1).unwrap();
    let (front, back) = payload.split_at(length / 3);
    let position = log.append(kind, &[front, back]);
    known.push(Known { position, kind, payload });
    position
}

pub fn payload(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((number * 31 + at) % 255 + 1).unwrap()).collect()
}

/// Commits until everything is durable.
pub fn settle<D: Disk>(log: &mut Log<D>) {
    while log.durable() != log.end() {
        log.commit();
        log.wait(None);
    }
}

/// The answer of a read, however long it takes.
pub fn read<D: Disk>(log: &mut Log<D>, position: Position, length: usize) -> Result<Bytes, posthouse_log::ReadError> {
    match log.read(position, length) {
        posthouse_log::Read::Ready(bytes) => Ok(bytes),
        posthouse_log::Read::Pending(id) => {
            let mut completed = Vec::new();
            while completed.is_empty() {
                log.wait(None);
                log.completed_reads(&mut completed);
            }
            let (completed_id, result) = completed.pop().unwrap();
            assert_eq!((completed_id, completed.len()), (id, 0));
            result
        }
    }
}
