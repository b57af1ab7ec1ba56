//! Hashing under a seed.
//!
//! Clients choose the names, group ids and deduplication ids that the engine keys its tables with. A table is hashed
//! with the [`Seed`] of its engine, so that a client who does not know the seed cannot aim at collisions.

use core::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// The key of all hashes of one engine: 16 random bytes, never written to the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seed([u8; 16]);

impl Seed {
    /// The seed with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for tables of other crates.
    pub(crate) const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The hash of some bytes, for tables that compute it themselves.
    pub(crate) fn hash(self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_key(&self.0).hash(bytes)
    }
}

impl BuildHasher for Seed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}
