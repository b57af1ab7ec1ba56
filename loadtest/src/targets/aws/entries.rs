//! Which entries of a batch an answer has answered for: each exactly once, or it is no answer to that batch.

use crate::target::Failure;

/// A bit for each entry of a batch, set once there is an answer for it. The `Id` of an entry is its index, from 0.
pub(super) struct Answered {
    entries: usize,
    bits: u64,
}

impl Answered {
    /// None of so many yet.
    pub(super) fn none_of(entries: usize) -> Self {
        assert!(entries <= 64, "AWS's batches have at most 10 entries");
        Self { entries, bits: 0 }
    }

    /// Enters the answer for an entry; its index.
    ///
    /// # Errors
    ///
    /// [`Failure::Malformed`] if no such entry was sent, or there is an answer for it already.
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

    /// Whether there is an answer for each.
    ///
    /// # Errors
    ///
    /// [`Failure::Malformed`] if not.
    pub(super) fn check_all(&self) -> Result<(), Failure> {
        let (answered, entries) = (self.bits.count_ones() as usize, self.entries);
        if answered == entries {
            return Ok(());
        }
        Err(Failure::Malformed(format!("an answer for {answered} of the {entries} entries of a batch")))
    }
}

/// What a refusal says: the code, and the message if there is one.
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
