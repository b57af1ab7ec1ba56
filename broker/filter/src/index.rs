//! Many policies in one structure that finds the matching ones without evaluating each.
//!
//! # Cost
//!
//! A search takes one or two lookups for each value at a path that a policy asks for. Then it visits the policies that
//! are filed under a condition that holds: those that match, and those that another of their keys rules out. A policy
//! is filed under the key that events are least likely to meet. Equal conditions, keys and policies are evaluated once,
//! and so are equal values at a path.
//!
//! Three cases stay linear in the number of policies. Conditions that hold for almost every value (`exists`,
//! `anything-but`) are each evaluated if their policies have no better key. A policy with only likely keys, such as two
//! ranges, is visited often. In an event with arrays of objects, each policy with several keys below the same array is
//! evaluated as a whole once its keys are met. All this is work that the [`Allowance`] of a search limits.

mod affixes;
mod field;
mod graph;
mod interner;
mod intervals;
mod scratch;
mod search;
mod sizes;
#[cfg(test)]
mod tests;

pub use scratch::Scratch;

use core::hash::Hash;

use hashbrown::HashMap;

use crate::budget::{Allowance, Unfinished};
use crate::event::Event;
use crate::policy::Policy;
use graph::{Graph, Joint};
use interner::{Handle, Seeded};

/// Policies of one scope, each under a key that the caller chooses.
///
/// # Examples
///
/// ```
/// use posthouse_filter::{Allowance, Dialect, Event, Index, Policy, Scope, Scratch};
///
/// let parse = |text| Policy::parse(text, Scope::MessageBody, Dialect::Sns).expect("a valid policy");
/// let mut index = Index::new([7; 16]);
/// index.insert("cheap", &parse(r#"{"price": [{"numeric": ["<", 100]}]}"#));
/// index.insert("red", &parse(r#"{"colour": ["red"]}"#));
///
/// let event = Event::body(r#"{"colour": "red", "price": 250}"#).expect("a JSON object");
/// let (mut scratch, mut found) = (Scratch::new(), Vec::new());
/// index.find(&event, &mut Allowance::of(1_000), &mut scratch, &mut found)?;
/// assert_eq!(found, ["red"]);
/// # Ok::<(), posthouse_filter::Unfinished>(())
/// ```
#[derive(Debug)]
pub struct Index<K> {
    graph: Graph,
    /// By conjunction: the keys of the policies that contain it, in ascending order.
    keys: Vec<Vec<K>>,
    /// The conjunctions of each key, none twice.
    held: HashMap<K, Box<[Handle<Joint>]>, Seeded>,
}

impl<K: Copy + Ord + Hash> Index<K> {
    /// An empty index. Hashes and priorities depend on the seed. If it is secret, no choice of names and values makes
    /// the index slow.
    #[must_use]
    pub fn new(seed: [u8; 16]) -> Self {
        Self { graph: Graph::new(Seeded(seed)), keys: Vec::new(), held: HashMap::with_hasher(Seeded(seed)) }
    }

    /// Adds a policy. If the key has a policy already, it is replaced.
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

    /// Replaces `found` by the keys of all matching policies, each once, in ascending order. Takes the work off the
    /// allowance.
    ///
    /// # Errors
    ///
    /// [`Unfinished::TooManyValues`] if the values of the event and the conditions to evaluate are too many. It takes an
    /// array, or wildcards and a long text: the number of policies alone does not matter.
    /// [`Unfinished::TooMuchWork`] if the allowance is used up. `found` is empty after either.
    pub fn find(
        &self,
        event: &Event,
        allowance: &mut Allowance,
        scratch: &mut Scratch,
        found: &mut Vec<K>,
    ) -> Result<(), Unfinished> {
        found.clear();
        let add = |joint: Handle<Joint>| found.extend_from_slice(&self.keys[joint.slot()]);
        let searched = search::search(&self.graph, event, allowance, scratch, add);
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

    /// Whether it holds no policy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}
