//! The working memory of searches. It is kept from one event to the next, so that a search does not allocate.

use core::hash::BuildHasher;

use hashbrown::HashTable;

use super::graph::{Graph, Step};
use super::interner::Handle;
use crate::event::Event;

/// Working memory for [`super::Index::find`]. One serves any number of indices of either scope, one search after
/// another.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The number of the search. Notes of other searches do not count.
    round: u32,
    /// The values of the event at paths of the index, without equal ones at the same path.
    pub(super) leaves: Vec<Leaf>,
    /// By path: its last leaf.
    pub(super) last: Marks<u32>,
    /// The leaves of paths that have more than one, by path and value.
    many: HashTable<u32>,
    /// By path: whether an object was seen there.
    pub(super) opened: Marks<()>,
    /// By clause: whether it is met, once that is known.
    pub(super) verdicts: Marks<bool>,
    /// By condition: whether an earlier value of the same path has met it.
    pub(super) met: Marks<()>,
    /// By conjunction: whether it was examined.
    pub(super) seen: Marks<()>,
    /// A folded text, for a lookup.
    pub(super) text: String,
    /// The bytes of a text in reverse, for a lookup.
    pub(super) bytes: Vec<u8>,
}

/// A value of the event at a path of the index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) path: Handle<Step>,
    /// Its place in the event.
    pub(super) place: usize,
    /// The leaf before it at the same path.
    pub(super) before: Option<u32>,
}

/// Notes by slot. Only those of the present search count.
#[derive(Debug)]
pub(super) struct Marks<T> {
    notes: Vec<(u32, T)>,
    round: u32,
}

impl<T> Default for Marks<T> {
    fn default() -> Self {
        Self { notes: Vec::new(), round: 0 }
    }
}

impl<T: Copy + Default> Marks<T> {
    /// Starts a search: no note counts, and there is room for `slots` of them.
    fn begin(&mut self, round: u32, slots: usize) {
        if round == 1 {
            self.notes.clear();
        }
        if self.notes.len() < slots {
            self.notes.resize(slots, (0, T::default()));
        }
        self.round = round;
    }

    /// The note of this search.
    pub(super) fn get(&self, slot: usize) -> Option<T> {
        let (round, value) = self.notes[slot];
        (round == self.round).then_some(value)
    }

    /// Notes a value. Returns the one noted before in this search.
    pub(super) fn set(&mut self, slot: usize, value: T) -> Option<T> {
        let before = self.get(slot);
        self.notes[slot] = (self.round, value);
        before
    }
}

impl Scratch {
    /// Empty working memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a search in an index.
    pub(super) fn begin(&mut self, graph: &Graph) {
        self.round = self.round.checked_add(1).unwrap_or(1);
        self.leaves.clear();
        self.many.clear();
        self.last.begin(self.round, graph.paths.slots());
        self.opened.begin(self.round, graph.paths.slots());
        self.met.begin(self.round, graph.conditions.slots());
        self.verdicts.begin(self.round, graph.clauses.slots());
        self.seen.begin(self.round, graph.joints.slots());
    }

    /// Adds a leaf, unless its path has an equal value already.
    pub(super) fn push(&mut self, path: Handle<Step>, place: usize, event: &Event, hasher: &impl BuildHasher) {
        let number = u32::try_from(self.leaves.len()).expect("an event has fewer values");
        let before = self.last.get(path.slot());
        if let Some(last) = before {
            let Self { leaves, many, .. } = self;
            let leaf = Leaf { path, place, before };
            let hash = |leaf: Leaf| hasher.hash_one((leaf.path, event.datum(leaf.place)));
            let own = hash(leaf);
            // The first leaf of a path enters the table with the second one.
            let first = leaves[last as usize];
            if first.before.is_none() {
                let first = hash(first);
                let is_there = many.find(first, |number| *number == last).is_some();
                if !is_there {
                    many.insert_unique(first, last, |number| hash(leaves[*number as usize]));
                }
            }
            let is_equal = |number: &u32| {
                let other = leaves[*number as usize];
                other.path == path && event.datum(other.place) == event.datum(place)
            };
            if many.find(own, is_equal).is_some() {
                return;
            }
            many.insert_unique(own, number, |number| hash(leaves[*number as usize]));
        }
        self.last.set(path.slot(), number);
        self.leaves.push(Leaf { path, place, before });
    }

    /// Whether the path of a leaf has other leaves.
    pub(super) fn has_others(&self, number: usize) -> bool {
        let leaf = self.leaves[number];
        leaf.before.is_some() || self.last.get(leaf.path.slot()).is_some_and(|last| last as usize != number)
    }

    /// The places of a path's values, the last one first.
    pub(super) fn values(&self, path: Handle<Step>) -> impl Iterator<Item = usize> {
        let mut next = self.last.get(path.slot());
        core::iter::from_fn(move || {
            let leaf = self.leaves[next? as usize];
            next = leaf.before;
            Some(leaf.place)
        })
    }
}
