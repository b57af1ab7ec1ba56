//! What is filed under the conditions of one path, arranged so that a value finds the conditions it meets.
//!
//! Conditions that name one value need no arrangement: they are looked up among all conditions by what they are. Here
//! it is only counted whether there are any, to spare the lookup.

use core::net::IpAddr;
use std::collections::BTreeMap;

use ipnet::IpNet;

use super::affixes::Affixes;
use super::intervals::Intervals;
use crate::condition::{Condition, Literal};

/// The conditions of one path under which something is filed.
#[derive(Debug)]
pub(super) struct Field<T> {
    /// How often conjunctions ask here for one of few values: the measure of how likely each is.
    pub(super) asked: u32,
    /// `Equals`, of strings.
    pub(super) strings: u32,
    /// `Equals`, of anything else.
    pub(super) others: u32,
    /// `EqualsIgnoreCase`
    pub(super) folded: u32,
    /// `Cidr`: the lengths of networks, by version.
    networks: BTreeMap<(bool, u8), u32>,
    /// `Prefix`, and `Wildcard` by what must come first.
    pub(super) prefixes: Affixes<T>,
    /// `Suffix`
    pub(super) suffixes: Affixes<T>,
    /// `Numeric`
    pub(super) ranges: Intervals<T>,
    /// `Exists` and `AnythingBut`: each is asked.
    pub(super) scanned: Vec<T>,
}

impl<T: Copy + PartialEq> Field<T> {
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

    /// Arranges a condition under which something is filed from now on. The priority is a keyed hash.
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
            Condition::Exists | Condition::AnythingBut(_) => self.scanned.push(placed),
            // It is found by what the event lacks.
            Condition::Absent => {}
        }
    }

    /// Forgets a condition under which nothing is filed any more.
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
            Condition::Exists | Condition::AnythingBut(_) => {
                let place = self.scanned.iter().position(|own| *own == placed).expect("it is filed");
                self.scanned.swap_remove(place);
            }
            Condition::Absent => {}
        }
    }

    pub(super) fn has_networks(&self) -> bool {
        !self.networks.is_empty()
    }

    /// The networks of an address that may be filed.
    pub(super) fn networks_of(&self, address: IpAddr) -> impl Iterator<Item = IpNet> {
        let lengths = self.networks.range((address.is_ipv6(), 0)..=(address.is_ipv6(), u8::MAX));
        lengths.filter_map(move |((_, length), _)| Some(IpNet::new(address, *length).ok()?.trunc()))
    }
}

fn count_down(count: &mut u32) {
    *count = count.checked_sub(1).expect("a condition is taken out once");
}

fn length(network: &IpNet) -> (bool, u8) {
    (network.addr().is_ipv6(), network.prefix_len())
}
