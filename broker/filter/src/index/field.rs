//! The conditions at one path under which conjunctions are filed, arranged so that a value finds the conditions that it
//! meets.
//!
//! A condition that names one value is looked up in the table of all conditions, and is only counted here, which saves
//! the lookup if there is none. Conditions with a range or a part of a text are kept in a structure of their own.

use core::net::IpAddr;
use std::collections::BTreeMap;

use ipnet::IpNet;

use super::affixes::Affixes;
use super::intervals::Intervals;
use crate::condition::{Condition, Literal};

/// The conditions at one path under which conjunctions are filed.
#[derive(Debug)]
pub(super) struct Field<T> {
    /// How many conditions the conjunctions have here, each condition counted once for each conjunction. The share of a
    /// condition in it is an estimate of how likely events meet the condition.
    pub(super) asked: u32,
    /// How many `Equals` name a string.
    pub(super) strings: u32,
    /// How many `Equals` name another value.
    pub(super) others: u32,
    /// How many `EqualsIgnoreCase` there are.
    pub(super) folded: u32,
    /// The prefix lengths of all `Cidr`, by IP version (true for 6), with their numbers.
    networks: BTreeMap<(bool, u8), u32>,
    /// `Prefix`, and `Wildcard` by the text that every match starts with.
    pub(super) prefixes: Affixes<T>,
    /// `Suffix`, reversed.
    pub(super) suffixes: Affixes<T>,
    /// `Numeric`.
    pub(super) ranges: Intervals<T>,
    /// `Exists`, `AnythingBut`, and prefixes and suffixes in any case, which are evaluated one by one.
    pub(super) scanned: Vec<T>,
}

impl<T: Copy + PartialEq> Field<T> {
    /// A path without conditions.
    pub(super) fn new() -> Self {
        Self {
            asked: 0,
            strings: 0,
            others: 0,
            folded: 0,
            networks: BTreeMap::new(),
            prefixes: Affixes::new(),
            suffixes: Affixes::new(),
            ranges: Intervals::new(),
            scanned: Vec::new(),
        }
    }

    /// Adds a condition. `placed` is what a value that meets it finds. The priority is a keyed hash.
    pub(super) fn file(&mut self, condition: &Condition, placed: T, priority: u64) {
        match condition {
            Condition::Equals(Literal::String(_)) => self.strings += 1,
            Condition::Equals(_) => self.others += 1,
            Condition::EqualsIgnoreCase(_) => self.folded += 1,
            Condition::Cidr(network) => *self.networks.entry(length(network)).or_default() += 1,
            Condition::Prefix(prefix) => self.prefixes.insert(prefix.as_bytes().into(), placed),
            Condition::Wildcard(pattern) => self.prefixes.insert(pattern.prefix().as_bytes().into(), placed),
            Condition::Suffix(suffix) => self.suffixes.insert(suffix.bytes().rev().collect(), placed),
            Condition::Numeric(interval) => self.ranges.insert(*interval, placed, priority),
            Condition::Exists
            | Condition::AnythingBut(_)
            | Condition::PrefixIgnoreCase(_)
            | Condition::SuffixIgnoreCase(_) => self.scanned.push(placed),
            // `exists: false` is found by the absence of values.
            Condition::Absent => {}
        }
    }

    /// Removes a condition that [`Field::file`] has added.
    ///
    /// # Panics
    ///
    /// If it was not added.
    pub(super) fn unfile(&mut self, condition: &Condition, placed: T) {
        match condition {
            Condition::Equals(Literal::String(_)) => count_down(&mut self.strings),
            Condition::Equals(_) => count_down(&mut self.others),
            Condition::EqualsIgnoreCase(_) => count_down(&mut self.folded),
            Condition::Cidr(network) => {
                let count = self.networks.get_mut(&length(network)).expect("it is filed");
                count_down(count);
                if *count == 0 {
                    self.networks.remove(&length(network));
                }
            }
            Condition::Prefix(prefix) => self.prefixes.remove(prefix.as_bytes(), placed),
            Condition::Wildcard(pattern) => self.prefixes.remove(pattern.prefix().as_bytes(), placed),
            Condition::Suffix(suffix) => self.suffixes.remove(&suffix.bytes().rev().collect::<Vec<_>>(), placed),
            Condition::Numeric(interval) => self.ranges.remove(*interval),
            Condition::Exists
            | Condition::AnythingBut(_)
            | Condition::PrefixIgnoreCase(_)
            | Condition::SuffixIgnoreCase(_) => {
                let place = self.scanned.iter().position(|own| *own == placed).expect("it is filed");
                self.scanned.swap_remove(place);
            }
            Condition::Absent => {}
        }
    }

    /// Whether there is any `Cidr`.
    pub(super) fn has_networks(&self) -> bool {
        !self.networks.is_empty()
    }

    /// The networks that an address lies in, of all prefix lengths that conditions have.
    pub(super) fn networks_of(&self, address: IpAddr) -> impl Iterator<Item = IpNet> {
        let lengths = self.networks.range((address.is_ipv6(), 0)..=(address.is_ipv6(), u8::MAX));
        lengths.filter_map(move |((_, length), _)| Some(IpNet::new(address, *length).ok()?.trunc()))
    }
}

/// Counts down.
///
/// # Panics
///
/// If the count is zero: a condition was removed twice.
fn count_down(count: &mut u32) {
    *count = count.checked_sub(1).expect("a condition is taken out once");
}

/// The IP version (true for 6) and the prefix length.
fn length(network: &IpNet) -> (bool, u8) {
    (network.addr().is_ipv6(), network.prefix_len())
}
