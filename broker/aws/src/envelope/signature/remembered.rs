//! The signatures that are remembered, within a bound in bytes.
//!
//! A publication that goes to 500 queues has one signature, and is received 500 times, at any time. Which signature is
//! forgotten for a new one is decided by a hand that goes round in the order of the names, which are hashes: the choice is
//! as good as random. Queues that are emptied one after the other ask for the same signatures in the same order each
//! time, and forgetting the oldest would forget each shortly before it is asked for again. A signature that was asked for
//! again since the hand was there last is passed over once (the algorithm is CLOCK): those of wide topics are kept longest.

use core::ops::Bound::{Excluded, Unbounded};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// What a signature is the signature of: the version, and the SHA-256 of the text.
pub(super) type Name = (&'static str, [u8; 32]);

/// A signature in base64, which is made by the first thread that needs it. Others that need it meanwhile wait.
pub(super) type Slot = Arc<OnceLock<Arc<str>>>;

/// The memory of one signature beside its characters: 16 bytes of an `Arc<str>`, 48 of its slot, 64 of its place in the map,
/// as much again for room in its nodes, and the allocator's share.
const OVERHEAD_BYTES: usize = 256;

/// Signatures that are passed over before one is forgotten, so that forgetting takes a bounded time.
const CHANCES_MAX: usize = 8;

/// The signatures, and the hand.
#[derive(Debug)]
pub(super) struct Remembered {
    entries: BTreeMap<Name, Entry>,
    /// The last name that the hand was at.
    hand: Name,
    bytes_max: usize,
}

#[derive(Debug)]
struct Entry {
    slot: Slot,
    /// Whether it was asked for again since the hand was there last.
    used: bool,
}

impl Remembered {
    /// At most `bytes_max` bytes of signatures, and at least one signature.
    pub(super) const fn within(bytes_max: usize) -> Self {
        Self { entries: BTreeMap::new(), hand: ("", [0; 32]), bytes_max }
    }

    /// The place of a signature of `length` characters. It is empty where the signature is not known; the caller then
    /// makes it. All signatures have the same length.
    pub(super) fn slot(&mut self, name: Name, length: usize) -> Slot {
        if let Some(entry) = self.entries.get_mut(&name) {
            entry.used = true;
            return Arc::clone(&entry.slot);
        }
        if (self.entries.len() + 1) * (OVERHEAD_BYTES + length) > self.bytes_max {
            self.forget_one();
        }
        let slot = Slot::default();
        self.entries.insert(name, Entry { slot: Arc::clone(&slot), used: false });
        slot
    }

    fn forget_one(&mut self) {
        for chance in 0.. {
            let behind = self.entries.range((Excluded(self.hand), Unbounded)).next();
            let Some(name) = behind.or_else(|| self.entries.first_key_value()).map(|(name, _)| *name) else { return };
            self.hand = name;
            let entry = self.entries.get_mut(&name).expect("it was found above");
            if !entry.used || chance == CHANCES_MAX {
                self.entries.remove(&name);
                return;
            }
            entry.used = false;
        }
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of each signature.
    const LENGTH: usize = 344;

    /// The slot of one of the signatures.
    fn slot(remembered: &mut Remembered, number: u8) -> Slot {
        remembered.slot(("1", [number; 32]), LENGTH)
    }

    /// Room for so many.
    fn room(count: u8) -> Remembered {
        Remembered::within(usize::from(count) * (OVERHEAD_BYTES + LENGTH))
    }

    #[test]
    fn a_signature_asked_for_again_outlives_those_asked_for_once() {
        let mut remembered = room(4);
        let slots: Vec<_> = (0..4).map(|number| slot(&mut remembered, number)).collect();
        assert!(Arc::ptr_eq(&slots[0], &slot(&mut remembered, 0)), "0 is asked for again");
        // The hand passes over 0, and takes 1, 2 and 3.
        for number in 4..7 {
            slot(&mut remembered, number);
            assert_eq!(remembered.len(), 4);
        }
        assert!(Arc::ptr_eq(&slots[0], &slot(&mut remembered, 0)));
        assert!(!Arc::ptr_eq(&slots[1], &slot(&mut remembered, 1)));
    }

    /// Forgetting the oldest would find none of them.
    #[test]
    fn what_is_asked_for_in_rounds_is_found_in_part() {
        const ROUND: u8 = 200;
        let mut remembered = room(150);
        let mut found = 0;
        for number in (0..5).flat_map(|_| 0..ROUND) {
            // No order of time is one of names.
            let slot = slot(&mut remembered, number.wrapping_mul(151));
            found += usize::from(slot.set("signature".into()).is_err());
        }
        assert!(found > usize::from(ROUND), "{found} of four rounds");
    }

    #[test]
    fn one_is_forgotten_also_where_all_were_asked_for_again() {
        let count = 3 * u8::try_from(CHANCES_MAX).expect("small");
        let mut remembered = room(count);
        for number in (0..count).chain(0..count) {
            slot(&mut remembered, number);
        }
        slot(&mut remembered, count);
        assert_eq!(remembered.len(), usize::from(count));
    }

    #[test]
    fn there_is_room_for_one() {
        let mut remembered = Remembered::within(0);
        let first = slot(&mut remembered, 1);
        assert!(Arc::ptr_eq(&first, &slot(&mut remembered, 1)));
        slot(&mut remembered, 2);
        assert_eq!(remembered.len(), 1);
    }
}
