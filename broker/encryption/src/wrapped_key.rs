//! A data key as a segment's header keeps it: encrypted by a master key, for one segment of one log.
//!
//! | offset | size | what |
//! |-------:|-----:|------|
//! | 0 | 8 | identifier of the master key |
//! | 8 | 12 | nonce, random |
//! | 20 | 32 | data key, encrypted with AES-256-GCM |
//! | 52 | 16 | tag |
//!
//! The additional data is `posthouse segment`, the log's identity and the segment's first position, so that a data key
//! opens for its own segment only.

use std::fmt;

use crate::{
    cipher::{KEY_BYTES, NONCE_BYTES, TAG_BYTES},
    data_key::DataKey,
    key_ring::KeyRing,
    master_key::{KeyId, MasterKey},
};

/// The length of a wrapped key in bytes.
pub const WRAPPED_KEY_BYTES: usize = 8 + NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/// Distinguishes data keys of segments from everything else that a master key encrypts.
const PURPOSE: &[u8; 17] = b"posthouse segment";

/// The segment that a data key belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentPlace {
    /// The identity of the log.
    pub identity: [u8; 16],
    /// The first position of the segment.
    pub first: u64,
}

impl SegmentPlace {
    /// The additional data of the encrypted data key.
    fn context(&self) -> [u8; PURPOSE.len() + 24] {
        let mut context = [0; PURPOSE.len() + 24];
        context[..17].copy_from_slice(PURPOSE);
        context[17..33].copy_from_slice(&self.identity);
        context[33..].copy_from_slice(&self.first.to_le_bytes());
        context
    }
}

/// A data key that a master key has encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrappedKey {
    master: KeyId,
    nonce: [u8; NONCE_BYTES],
    sealed: [u8; KEY_BYTES],
    tag: [u8; TAG_BYTES],
}

/// Why a wrapped key could not be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnwrapError {
    /// The key ring does not hold the master key.
    UnknownKey(KeyId),
    /// The master key did not wrap these bytes for this segment.
    Forged,
}

impl fmt::Display for UnwrapError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey(id) => write!(formatter, "the key file does not hold key {id}"),
            Self::Forged => formatter.write_str("the wrapped data key is not valid"),
        }
    }
}

impl std::error::Error for UnwrapError {}

impl WrappedKey {
    /// The master key that the data key is encrypted with.
    #[must_use]
    pub fn master(&self) -> KeyId {
        self.master
    }

    /// The bytes, as the header of a segment has them.
    #[must_use]
    pub fn encode(&self) -> [u8; WRAPPED_KEY_BYTES] {
        let mut bytes = [0; WRAPPED_KEY_BYTES];
        bytes[..8].copy_from_slice(&self.master.bytes());
        bytes[8..20].copy_from_slice(&self.nonce);
        bytes[20..52].copy_from_slice(&self.sealed);
        bytes[52..].copy_from_slice(&self.tag);
        bytes
    }

    /// Reads the bytes of [`WrappedKey::encode`]. Whether they hold a data key is known when it is unwrapped.
    #[must_use]
    pub fn decode(bytes: &[u8; WRAPPED_KEY_BYTES]) -> Self {
        let (master, rest) = bytes.split_first_chunk().expect("68 bytes");
        let (nonce, rest) = rest.split_first_chunk().expect("60 bytes");
        let (sealed, tag) = rest.split_first_chunk().expect("48 bytes");
        Self {
            master: KeyId::new(*master),
            nonce: *nonce,
            sealed: *sealed,
            tag: tag.try_into().expect("16 bytes are left"),
        }
    }

    /// Encrypts a data key for a segment. Key and nonce must be random.
    pub(crate) fn wrap(
        master: &MasterKey,
        nonce: [u8; NONCE_BYTES],
        mut key: [u8; KEY_BYTES],
        place: &SegmentPlace,
    ) -> Self {
        let tag = master.seal(nonce, &place.context(), &mut key);
        Self { master: master.id(), nonce, sealed: key, tag }
    }

    /// The data key.
    ///
    /// # Errors
    ///
    /// [`UnwrapError`].
    pub(crate) fn unwrap(&self, ring: &KeyRing, place: &SegmentPlace) -> Result<DataKey, UnwrapError> {
        let master = ring.find(self.master).ok_or(UnwrapError::UnknownKey(self.master))?;
        let mut key = self.sealed;
        master.open(self.nonce, &place.context(), &mut key, &self.tag).ok_or(UnwrapError::Forged)?;
        Ok(DataKey::new(&key))
    }
}
