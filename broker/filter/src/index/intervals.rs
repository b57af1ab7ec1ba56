//! Finds the intervals that contain a number: a treap in the order of the intervals, in which each node records the
//! highest upper end of its subtree (Aragon and Seidel, "Randomized search trees", 1989; an augmented tree as in Cormen
//! et al., "Introduction to Algorithms", interval trees).
//!
//! A search takes time in the number of intervals found times the depth. The expected depth is logarithmic. Priorities
//! are keyed hashes, so that a choice of intervals cannot make the tree deep.

use crate::number::{Interval, Number};

/// The index that no node has.
const NONE: u32 = u32::MAX;

/// A map from intervals to values.
#[derive(Debug)]
pub(super) struct Intervals<T> {
    nodes: Vec<Node<T>>,
    free: Vec<u32>,
    root: u32,
}

#[derive(Debug)]
struct Node<T> {
    interval: Interval,
    value: T,
    priority: u64,
    /// The highest upper end in this subtree.
    high: Number,
    left: u32,
    right: u32,
}

impl<T: Copy> Intervals<T> {
    /// What an interval takes.
    pub(super) const NODE_BYTES: usize = size_of::<Node<T>>();

    /// An empty map.
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), root: NONE }
    }

    /// Adds an interval, which must not be in the map.
    pub(super) fn insert(&mut self, interval: Interval, value: T, priority: u64) {
        let node = Node { interval, value, priority, high: interval.high, left: NONE, right: NONE };
        let number = match self.free.pop() {
            Some(number) => {
                self.nodes[number as usize] = node;
                number
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).expect("fewer intervals than memory holds")
            }
        };
        let (below, above) = self.split(self.root, interval);
        let below = self.merge(below, number);
        self.root = self.merge(below, above);
    }

    /// Removes an interval.
    ///
    /// # Panics
    ///
    /// If it is not in the map.
    pub(super) fn remove(&mut self, interval: Interval) {
        self.root = self.removed(self.root, interval);
    }

    /// Calls `found` with the value of each interval that contains the number, in ascending order of the intervals, until
    /// it returns false.
    pub(super) fn containing(&self, number: Number, mut found: impl FnMut(T) -> bool) {
        self.visit(self.root, number, &mut found);
    }

    /// As [`Intervals::containing`], for a subtree. Returns whether to go on.
    fn visit(&self, mut at: u32, number: Number, found: &mut impl FnMut(T) -> bool) -> bool {
        while let Some(node) = self.nodes.get(at as usize) {
            if node.high < number {
                return true;
            }
            if !self.visit(node.left, number, found) {
                return false;
            }
            if number < node.interval.low {
                return true;
            }
            if number <= node.interval.high && !found(node.value) {
                return false;
            }
            at = node.right;
        }
        true
    }

    /// Splits a subtree in two: the intervals below `interval`, and the others.
    fn split(&mut self, at: u32, interval: Interval) -> (u32, u32) {
        let Some(node) = self.nodes.get(at as usize) else { return (NONE, NONE) };
        let (left, right) = (node.left, node.right);
        if node.interval < interval {
            let (below, above) = self.split(right, interval);
            self.nodes[at as usize].right = below;
            self.update(at);
            (at, above)
        } else {
            let (below, above) = self.split(left, interval);
            self.nodes[at as usize].left = above;
            self.update(at);
            (below, at)
        }
    }

    /// Joins two subtrees. Every interval of the first is below every one of the second.
    fn merge(&mut self, below: u32, above: u32) -> u32 {
        if below == NONE || above == NONE {
            return below.min(above);
        }
        let (lower, upper) = (&self.nodes[below as usize], &self.nodes[above as usize]);
        if lower.priority > upper.priority {
            let right = self.merge(lower.right, above);
            self.nodes[below as usize].right = right;
            self.update(below);
            below
        } else {
            let left = self.merge(below, upper.left);
            self.nodes[above as usize].left = left;
            self.update(above);
            above
        }
    }

    /// Removes an interval from a subtree. Returns the root of the rest.
    fn removed(&mut self, at: u32, interval: Interval) -> u32 {
        let node = self.nodes.get(at as usize).expect("the interval is there");
        let (left, right) = (node.left, node.right);
        match interval.cmp(&node.interval) {
            core::cmp::Ordering::Equal => {
                self.free.push(at);
                return self.merge(left, right);
            }
            core::cmp::Ordering::Less => self.nodes[at as usize].left = self.removed(left, interval),
            core::cmp::Ordering::Greater => self.nodes[at as usize].right = self.removed(right, interval),
        }
        self.update(at);
        at
    }

    /// Computes the highest upper end of a subtree from those of its children.
    fn update(&mut self, at: u32) {
        let high = |child: u32| self.nodes.get(child as usize).map(|node| node.high);
        let node = &self.nodes[at as usize];
        let highest = Some(node.interval.high).max(high(node.left)).max(high(node.right));
        self.nodes[at as usize].high = highest.expect("its own end at least");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    impl<T> Intervals<T> {
        /// Checks a subtree: ascending intervals, falling priorities, highest upper ends. Returns its intervals.
        fn check(&self, at: u32) -> Vec<Interval> {
            let Some(node) = self.nodes.get(at as usize) else { return Vec::new() };
            let (left, right) = (self.check(node.left), self.check(node.right));
            for child in [node.left, node.right] {
                assert!(self.nodes.get(child as usize).is_none_or(|child| child.priority <= node.priority));
            }
            let intervals = [left, vec![node.interval], right].concat();
            assert!(intervals.is_sorted_by(|one, other| one < other));
            assert_eq!(intervals.iter().map(|interval| interval.high).max(), Some(node.high));
            intervals
        }
    }

    fn number(value: u8) -> Number {
        Number::of_millionths(value.into())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_intervals_that_contain_a_number_are_found(
            steps in prop::collection::vec((0..12_u8, 0..12_u8, any::<u64>()), 1..60),
        ) {
            let mut intervals = Intervals::new();
            let mut model = BTreeMap::new();
            for (value, (low, high, priority)) in steps.into_iter().enumerate() {
                let interval = Interval { low: number(low), high: number(high) };
                if model.remove(&interval).is_some() {
                    intervals.remove(interval);
                } else {
                    model.insert(interval, value);
                    intervals.insert(interval, value, priority);
                }
                prop_assert!(intervals.check(intervals.root).iter().eq(model.keys()));
                for asked in 0..12 {
                    let mut found = Vec::new();
                    intervals.containing(number(asked), |value| {
                        found.push(value);
                        true
                    });
                    let holding = model.iter().filter(|(interval, _)| interval.contains(number(asked)));
                    prop_assert_eq!(found, holding.map(|(_, value)| *value).collect::<Vec<_>>());
                }
            }
        }
    }
}
