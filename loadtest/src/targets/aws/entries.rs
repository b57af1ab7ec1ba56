//! Checks that the response to a batch has exactly one result for each entry.

use crate::target::Failure;

/// One bit for each entry of a batch, set once its result was read. The `Id` of an entry is its index, from 0.
pub(super) struct Answered {
    entries: usize,
    bits: u64,
}

impl Answered {
    /// A batch of `entries` entries without results.
    pub(super) fn none_of(entries: usize) -> Self {
        assert!(entries <= 64, "AWS's batches have at most 10 entries");
        Self { entries, bits: 0 }
    }

    /// Records the result of an entry. Returns its index.
    ///
    /// # Errors
    ///
    /// [`Failure::Malformed`] if the batch has no such entry, or this is its second result.
    pub(super) fn enter(&mut self, id: &str) -> Result<usize, Failure> {
        let index = id.parse().ok().filter(|index| *index < self.entries);
        let index: usize =
            index.ok_or_else(|| Failure::Malformed(format!("an answer for entry `{id}`, which was not sent")))?;
        if self.bits & 1 << index != 0 {
            return Err(Failure::Malformed(format!("two answers for entry `{id}` of a batch")));
        }
        self.bits |= 1 << index;
        Ok(index)
    }

    /// Checks that each entry has a result.
    ///
    /// # Errors
    ///
    /// [`Failure::Malformed`] if one has none.
    pub(super) fn check_all(&self) -> Result<(), Failure> {
        let (answered, entries) = (self.bits.count_ones() as usize, self.entries);
        if answered == entries {
            return Ok(());
        }
        Err(Failure::Malformed(format!("an answer for {answered} of the {entries} entries of a batch")))
    }
}

/// The text of a refusal: the code, and the message if there is one.
pub(super) fn reason(code: &str, message: &str) -> String {
    if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_answered_for_exactly_once() {
        for (ids, entries, expected) in [
            (&[][..], 0, "all"),
            (&["1", "0"], 2, "all"),
            (&["0", "0"], 2, "answered what cannot be read: two answers for entry `0` of a batch"),
            (&["0"], 2, "answered what cannot be read: an answer for 1 of the 2 entries of a batch"),
            (&["0", "2"], 2, "answered what cannot be read: an answer for entry `2`, which was not sent"),
            (&["x"], 1, "answered what cannot be read: an answer for entry `x`, which was not sent"),
            (&["63"], 64, "answered what cannot be read: an answer for 1 of the 64 entries of a batch"),
        ] {
            let mut answered = Answered::none_of(entries);
            let entered = ids.iter().try_for_each(|id| answered.enter(id).map(drop));
            let checked = entered.and_then(|()| answered.check_all());
            assert_eq!(checked.map_or_else(|failure| failure.to_string(), |()| "all".to_owned()), expected, "{ids:?}");
        }
    }
}
