//! Many policies, to find those that match an event without asking each.
//!
//! What it costs: a lookup or two for each value that any policy asks for, then time in the number of policies that
//! share the condition they are filed under with the event: the matches, and those that another of their keys rules
//! out. A policy is filed under its key that is least likely to be met. Equal conditions, keys and policies are asked
//! once, whoever has them; equal values at a path, too.
//!
//! What stays linear: conditions that hold for almost everything (`exists`, `anything-but`), each different one at the
//! same path, where policies have no better key; policies all of whose keys are likely, such as two ranges; and in an
//! event with arrays of objects, the policies with keys below the same array, once their keys are all met. All of these
//! are asked for each of the values at a path, which has its limit: see [`TooManyValues`].

mod affixes;
mod field;
mod graph;
mod interner;
mod intervals;
mod scratch;
mod search;
#[cfg(test)]
mod tests;

pub use scratch::Scratch;

use core::hash::Hash;

use hashbrown::HashMap;

use crate::budget::TooManyValues;
use crate::event::Event;
use crate::policy::Policy;
use graph::{Graph, Joint};
use interner::{Handle, Seeded};

/// Policies of one scope, each under a key of the caller's.
#[derive(Debug)]
pub struct Index<K> {
    graph: Graph,
    /// By conjunction: whose it is, in order.
    keys: Vec<Vec<K>>,
    /// The conjunctions of each key, none twice.
    held: HashMap<K, Box<[Handle<Joint>]>, Seeded>,
}

impl<K: Copy + Ord + Hash> Index<K> {
    /// An empty index. The seed keeps those who choose names and values from aiming at collisions.
    #[must_use]
    pub fn new(seed: [u8; 16]) -> Self {
        Self { graph: Graph::new(Seeded(seed)), keys: Vec::new(), held: HashMap::with_hasher(Seeded(seed)) }
    }

    /// Adds a policy, in place of the one that the key had.
    pub fn insert(&mut self, key: K, policy: &Policy) {
        self.remove(key);
        let mut joints: Vec<_> = policy.alternatives().iter().map(|conjunction| self.graph.add(conjunction)).collect();
        joints.sort();
        joints.dedup_by(|one, other| {
            let again = one == other;
            if again {
                self.graph.release(*one);
            }
            again
        });
        self.keys.resize_with(self.graph.joints.slots().max(self.keys.len()), Vec::new);
        for joint in &joints {
            let keys = &mut self.keys[joint.slot()];
            let place = keys.binary_search(&key).expect_err("no conjunction twice");
            keys.insert(place, key);
        }
        self.held.insert(key, joints.into());
    }

    /// Removes the policy of a key, if it has one.
    pub fn remove(&mut self, key: K) {
        for joint in self.held.remove(&key).into_iter().flatten() {
            let keys = &mut self.keys[joint.slot()];
            let place = keys.binary_search(&key).expect("it is held");
            keys.remove(place);
            self.graph.release(joint);
        }
    }

    /// Fills `found` with the keys whose policies match, each once, in ascending order.
    ///
    /// An error leaves it empty: the values of the event, times the conditions that they would have to be asked, are
    /// too many. That takes arrays, or wildcards and a long text: how many policies there are does not matter else.
    pub fn find(&self, event: &Event, scratch: &mut Scratch, found: &mut Vec<K>) -> Result<(), TooManyValues> {
        found.clear();
        let add = |joint: Handle<Joint>| found.extend_from_slice(&self.keys[joint.slot()]);
        let searched = search::search(&self.graph, event, scratch, add);
        if searched.is_err() {
            found.clear();
        }
        found.sort_unstable();
        found.dedup();
        searched
    }

    /// How many policies it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}
