//! Values that are held once, counted by their uses, and found by their content.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::marker::PhantomData;
use core::ops::{Index, IndexMut};

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

/// A hash function whose results follow from a secret seed.
#[derive(Clone, Debug)]
pub(super) struct Seeded(pub(super) [u8; 16]);

impl BuildHasher for Seeded {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

/// Names one value of an interner until its last use is released.
pub(super) struct Handle<T>(u32, PhantomData<fn() -> T>);

impl<T> Handle<T> {
    /// A number below [`Interner::slots`], for tables beside the interner.
    pub(super) fn slot(self) -> usize {
        self.0 as usize
    }
}

/// A table of values with counts of their uses. The caller computes hashes and compares.
#[derive(Debug)]
pub(super) struct Interner<T> {
    table: HashTable<u32>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    hash: u64,
    uses: u32,
    /// `None` if the slot is free.
    value: Option<T>,
}

impl<T> Interner<T> {
    /// What a value takes, besides its entry in the table.
    pub(super) const SLOT_BYTES: usize = size_of::<Slot<T>>();

    /// An empty interner.
    pub(super) fn new() -> Self {
        Self { table: HashTable::new(), slots: Vec::new(), free: Vec::new() }
    }

    /// A number greater than that of every slot.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The value with this hash for which `is` holds.
    pub(super) fn find(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<Handle<T>> {
        let found = self.table.find(hash, |&slot| self.slots[slot as usize].value.as_ref().is_some_and(&is));
        found.map(|&slot| Handle(slot, PhantomData))
    }

    /// Adds a use of the value with this hash for which `is` holds, if there is one.
    pub(super) fn take(&mut self, hash: u64, is: impl Fn(&T) -> bool) -> Option<Handle<T>> {
        let found = self.find(hash, is)?;
        self.retain(found);
        Some(found)
    }

    /// Adds a use of a value.
    pub(super) fn retain(&mut self, handle: Handle<T>) {
        self.slots[handle.slot()].uses += 1;
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Adds a value with one use. There must be no equal one.
    pub(super) fn add(&mut self, hash: u64, value: T) -> Handle<T> {
        let slot = Slot { hash, uses: 1, value: Some(value) };
        let number = match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = slot;
                number
            }
            None => {
                self.slots.push(slot);
                u32::try_from(self.slots.len() - 1).expect("fewer things than memory holds")
            }
        };
        let Self { table, slots, .. } = self;
        table.insert_unique(hash, number, |&slot| slots[slot as usize].hash);
        Handle(number, PhantomData)
    }

    /// Takes back a use. Returns the value after its last use.
    ///
    /// # Panics
    ///
    /// If the value has no use left.
    pub(super) fn release(&mut self, handle: Handle<T>) -> Option<T> {
        let slot = &mut self.slots[handle.slot()];
        slot.uses = slot.uses.checked_sub(1).expect("each use is released once");
        if slot.uses > 0 {
            return None;
        }
        let entry = self.table.find_entry(slot.hash, |&number| number == handle.0).expect("it is in use");
        entry.remove();
        self.free.push(handle.0);
        slot.value.take()
    }
}

impl<T> Index<Handle<T>> for Interner<T> {
    type Output = T;

    fn index(&self, handle: Handle<T>) -> &T {
        self.slots[handle.slot()].value.as_ref().expect("it is in use")
    }
}

impl<T> IndexMut<Handle<T>> for Interner<T> {
    fn index_mut(&mut self, handle: Handle<T>) -> &mut T {
        self.slots[handle.slot()].value.as_mut().expect("it is in use")
    }
}

// Derived implementations would require the same traits of `T`.

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Handle<T> {}

impl<T> PartialOrd for Handle<T> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Handle<T> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> Hash for Handle<T> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
