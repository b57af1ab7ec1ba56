//! A data key, and the records that it seals.
//!
//! The nonce of a record is its position (8 bytes, little-endian) and four zero bytes. A data key seals the records of one
//! segment in one run of the broker, where each position is given once, so that no nonce repeats under a key. The
//! additional data is the log's identity, the position and the record's kind.

use std::fmt;

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};

use crate::cipher::{KEY_BYTES, NONCE_BYTES, TAG_BYTES, cipher, seal};

/// The record that a payload belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordPlace {
    /// The identity of the log.
    pub identity: [u8; 16],
    /// The position of the record.
    pub position: u64,
    /// The kind of the record.
    pub kind: u8,
}

impl RecordPlace {
    fn nonce(&self) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        nonce[..8].copy_from_slice(&self.position.to_le_bytes());
        nonce
    }

    fn context(&self) -> [u8; 25] {
        let mut context = [0; 25];
        context[..16].copy_from_slice(&self.identity);
        context[16..24].copy_from_slice(&self.position.to_le_bytes());
        context[24] = self.kind;
        context
    }
}

/// A sealed payload is not what the data key has sealed at this place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forged;

impl fmt::Display for Forged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the tag of the record is not valid")
    }
}

impl std::error::Error for Forged {}

/// The key of one segment.
pub struct DataKey {
    cipher: LessSafeKey,
}

impl DataKey {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { cipher: cipher(key) }
    }

    /// Encrypts the payload of a record in place and returns its tag. Each place must be sealed once: two payloads sealed
    /// with one nonce reveal each other.
    pub fn seal(&self, place: &RecordPlace, payload: &mut [u8]) -> [u8; TAG_BYTES] {
        seal(&self.cipher, place.nonce(), &place.context(), payload)
    }

    /// Decrypts a payload with the tag behind it.
    ///
    /// # Errors
    ///
    /// [`Forged`] if the bytes are not what [`DataKey::seal`] returned for this place.
    pub fn open(&self, place: &RecordPlace, sealed: &[u8]) -> Result<Vec<u8>, Forged> {
        let (payload, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(Forged)?;
        let mut opened = vec![0; payload.len()];
        let nonce = Nonce::assume_unique_for_key(place.nonce());
        let result = self.cipher.open_separate_gather(nonce, Aad::from(place.context()), payload, tag, &mut opened);
        result.map(|()| opened).map_err(|_| Forged)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DataKey")
    }
}
