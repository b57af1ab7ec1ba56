//! The storage behind a disk, and what a test does to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    faults::{Faults, OperationKind},
    files::Files,
    random::Random,
    state::State,
};

/// Files that outlive the disks opened on them. Clones share the same files.
///
/// # Examples
///
/// ```
/// use posthouse_disk::{Buffer, Disk, DiskOutcome, Operation, OperationId};
/// use posthouse_simulated_disk::{SimulatedDisk, Storage};
///
/// let storage = Storage::new(1);
/// let mut disk = SimulatedDisk::open(&storage);
/// let mut completions = Vec::new();
/// disk.submit(OperationId(0), Operation::Create { name: "a".into(), length: 4096 });
/// disk.wait(None, &mut completions)?;
/// let Ok(DiskOutcome::Opened { file, .. }) = completions.remove(0).result else { panic!("a file") };
///
/// let mut block = Buffer::zeroed(4096);
/// block.fill(7);
/// let data = vec![block.freeze(4096)];
/// disk.submit(OperationId(1), Operation::Write { file, offset: 0, data, durable: true });
/// disk.wait(None, &mut completions)?;
/// assert!(completions.remove(0).result.is_ok());
///
/// storage.lose_power();
/// assert_eq!(storage.contents("a"), [7; 4096]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Storage(Arc<Mutex<State>>);

impl Storage {
    /// An empty storage whose chance follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::over(Files::default(), Random::new(seed))
    }

    fn over(files: Files, random: Random) -> Self {
        let (faults, queue) = (Faults::default(), Vec::new());
        Self(Arc::new(Mutex::new(State { files, random, faults, queue, reads: 0 })))
    }

    /// Changes the faults from the next wait on.
    ///
    /// ```
    /// # let storage = posthouse_simulated_disk::Storage::new(1);
    /// storage.set_faults(|faults| faults.capacity_bytes = Some(1 << 20));
    /// ```
    pub fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.lock().faults);
    }

    /// Power is lost: of writes that were not acknowledged as durable, some sectors survive. The disk opened on this
    /// storage must not be used any more.
    pub fn lose_power(&self) {
        self.lock().lose_power();
    }

    /// The process dies and the machine lives on: completed writes are there, and parts of those under way. The disk
    /// opened on this storage must not be used any more.
    pub fn kill(&self) {
        self.lock().kill();
    }

    /// How many operations of a kind are under way.
    #[must_use]
    pub fn pending(&self, kind: OperationKind) -> usize {
        self.lock().queue.iter().filter(|(_, operation)| OperationKind::of(operation) == kind).count()
    }

    /// Whether no operation is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lock().queue.is_empty()
    }

    /// How many reads have completed since the storage was made.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.lock().reads
    }

    /// The names of all files, in ascending order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.lock().files.names().cloned().collect()
    }

    /// The durable bytes of a file.
    ///
    /// # Panics
    ///
    /// If there is none of this name.
    #[must_use]
    pub fn contents(&self, name: &str) -> Vec<u8> {
        self.lock().files.durable(name).unwrap_or_else(|| panic!("no file {name}")).to_vec()
    }

    /// Gives a file these bytes, durably, and creates it if there is none: damage, or a directory made by hand.
    pub fn set_contents(&self, name: &str, bytes: Vec<u8>) {
        self.lock().files.set(name, bytes);
    }

    /// Gives a file a name outside of the storage too, as a hard link does.
    ///
    /// # Panics
    ///
    /// If there is none of this name.
    pub fn share(&self, name: &str) {
        self.lock().files.share(name).unwrap_or_else(|_| panic!("no file {name}"));
    }

    /// Removes a file, durably.
    ///
    /// # Panics
    ///
    /// If there is none of this name.
    pub fn remove(&self, name: &str) {
        self.lock().files.remove(name).unwrap_or_else(|_| panic!("no file {name}"));
    }

    /// Another storage with the durable files of this one, the same chance from here on, and no faults.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = self.lock();
        let mut files = Files::default();
        for name in state.files.names() {
            files.set(name, state.files.durable(name).expect("it was just listed").to_vec());
        }
        Self::over(files, state.random.clone())
    }

    /// The state, also after a test has panicked while it held it: that test has failed already.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
