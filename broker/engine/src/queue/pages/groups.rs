//! The groups of the messages of one stored page, as its record lists them: each once, numbered from one. Zero stands for no
//! group.

use crate::queue::lanes::GROUPLESS;

/// The groups, one behind the other in one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageGroups {
    text: String,
    /// Where each group ends in the text.
    ends: Vec<usize>,
}

impl PageGroups {
    /// How many groups there are.
    pub(crate) const fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds a group that is not listed yet, and returns its number.
    pub(crate) fn push(&mut self, group: &str) -> u32 {
        self.text.push_str(group);
        self.ends.push(self.text.len());
        u32::try_from(self.ends.len()).expect("a page has far fewer messages than 2^32")
    }

    /// The group of a number. `None` for zero, and for numbers that were not given.
    pub(crate) fn get(&self, number: u32) -> Option<&str> {
        if number == GROUPLESS {
            return None;
        }
        let index = number as usize - 1;
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    /// The groups in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (1..).map_while(|number| self.get(number))
    }
}
