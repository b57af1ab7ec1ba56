//! Finds the prefixes of a text. Suffixes are kept reversed.
//!
//! The entries are ordered, so that the prefixes of a text are found from the longest to the shortest. The greatest
//! entry that is not above the text is either its longest prefix, or shares fewer bytes with it, which bounds the
//! length of every prefix. Each step finds a prefix or shortens the text.

use core::ops::Bound;
use std::collections::BTreeMap;

/// A map from prefixes to values. A prefix may have several values.
#[derive(Debug)]
pub(super) struct Affixes<T> {
    entries: BTreeMap<Box<[u8]>, Vec<T>>,
}

impl<T: Copy + PartialEq> Affixes<T> {
    /// An empty map.
    pub(super) fn new() -> Self {
        Self { entries: BTreeMap::new() }
    }

    /// Whether it has no entry.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a value to a prefix.
    pub(super) fn insert(&mut self, prefix: Box<[u8]>, value: T) {
        self.entries.entry(prefix).or_default().push(value);
    }

    /// Removes a value from a prefix.
    ///
    /// # Panics
    ///
    /// If the prefix has no values: the caller removes only what it has inserted.
    pub(super) fn remove(&mut self, prefix: &[u8], value: T) {
        let values = self.entries.get_mut(prefix).expect("it is filed");
        values.retain(|own| *own != value);
        if values.is_empty() {
            self.entries.remove(prefix);
        }
    }

    /// Calls `found` with each value of each entry that is a prefix of the text.
    pub(super) fn of(&self, text: &[u8], mut found: impl FnMut(T)) {
        let mut bound = Bound::Included(text);
        while let Some((entry, values)) = self.entries.range::<[u8], _>((Bound::Unbounded, bound)).next_back() {
            let common = entry.iter().zip(text).take_while(|(one, other)| one == other).count();
            if common == entry.len() {
                values.iter().copied().for_each(&mut found);
                bound = Bound::Excluded(&text[..common]);
            } else {
                bound = Bound::Included(&text[..common]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_prefix_of_a_text_is_found_once(
            prefixes in prop::collection::vec(("[ab]{0,4}", any::<bool>()), 0..20),
            text in "[ab]{0,6}",
        ) {
            let mut affixes = Affixes::new();
            for (number, (prefix, _)) in prefixes.iter().enumerate() {
                affixes.insert(prefix.as_bytes().into(), number);
            }
            for (number, (prefix, stays)) in prefixes.iter().enumerate() {
                if !stays {
                    affixes.remove(prefix.as_bytes(), number);
                }
            }
            let mut found = Vec::new();
            affixes.of(text.as_bytes(), |number| found.push(number));
            found.sort_unstable();
            let is_found = |(prefix, stays): &(String, bool)| *stays && text.starts_with(prefix);
            let expected: Vec<_> = (0..prefixes.len()).filter(|number| is_found(&prefixes[*number])).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(affixes.is_empty(), prefixes.iter().all(|(_, stays)| !stays));
        }
    }
}
