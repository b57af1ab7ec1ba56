//! What a log encrypts with: a key ring and a source of random bytes.

use std::{fmt, sync::Arc};

use crate::{
    cipher::{KEY_BYTES, NONCE_BYTES},
    data_key::DataKey,
    key_ring::KeyRing,
    master_key::KeyId,
    sealed_file::{self, OpenFileError},
    wrapped_key::{SegmentPlace, UnwrapError, WrappedKey},
};

/// Fills a slice with random bytes.
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// A source of random bytes, from outside. Clones share it.
///
/// The security of everything that is encrypted rests on it: a broker passes the generator of its cryptographic library,
/// and only a simulation passes one whose bytes can be foreseen.
#[derive(Clone)]
pub struct Random(Arc<Fill>);

impl Random {
    /// The source that fills its argument by calling `fill`.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    fn bytes<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        (self.0)(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Random")
    }
}

/// The master keys of a broker and its source of random bytes. Clones share both.
#[derive(Clone, Debug)]
pub struct Encryption {
    ring: KeyRing,
    random: Random,
}

impl Encryption {
    /// Encryption with the keys of `ring`.
    #[must_use]
    pub fn new(ring: KeyRing, random: Random) -> Self {
        Self { ring, random }
    }

    /// No keys: new data is not encrypted, and nothing encrypted can be read.
    #[must_use]
    pub fn off() -> Self {
        Self::new(KeyRing::default(), Random::new(|_| unreachable!("without a key nothing is encrypted")))
    }

    /// The master key that new data is encrypted with. `None` if new data is not encrypted.
    #[must_use]
    pub fn first(&self) -> Option<KeyId> {
        self.ring.first()
    }

    /// The master keys.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// A fresh data key for a segment, and the same key as the segment's header keeps it. `None` if new data is not
    /// encrypted.
    #[must_use]
    pub fn fresh_key(&self, place: &SegmentPlace) -> Option<(DataKey, WrappedKey)> {
        let master = self.ring.writing()?;
        let key: [u8; KEY_BYTES] = self.random.bytes();
        let nonce: [u8; NONCE_BYTES] = self.random.bytes();
        Some((DataKey::new(&key), WrappedKey::wrap(master, nonce, key, place)))
    }

    /// The data key of a segment.
    ///
    /// # Errors
    ///
    /// [`UnwrapError`] if its master key is not known, or the wrapped key was not made for this segment.
    pub fn unwrap(&self, wrapped: &WrappedKey, place: &SegmentPlace) -> Result<DataKey, UnwrapError> {
        wrapped.unwrap(&self.ring, place)
    }

    /// Seals the content of a small file as text. `purpose` distinguishes files from each other. `None` if new data is not
    /// encrypted.
    #[must_use]
    pub fn seal_file(&self, purpose: &str, content: &str) -> Option<String> {
        let nonce: [u8; NONCE_BYTES] = self.ring.writing().map(|_| self.random.bytes())?;
        self.ring.writing().map(|master| sealed_file::seal(master, nonce, purpose, content))
    }

    /// The content of a file that [`Encryption::seal_file`] sealed, and the key that it is sealed with.
    ///
    /// # Errors
    ///
    /// [`OpenFileError`].
    pub fn open_file(&self, purpose: &str, text: &str) -> Result<(KeyId, String), OpenFileError> {
        sealed_file::open(&self.ring, purpose, text)
    }
}

#[cfg(test)]
mod tests;
