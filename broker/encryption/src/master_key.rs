//! A master key and the identifier that names it in headers, logs and errors.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{Aad, LessSafeKey, Nonce},
    digest::{SHA256, digest},
};

use crate::cipher::{KEY_BYTES, NONCE_BYTES, TAG_BYTES, cipher, seal};

/// Names a master key without revealing it: the first eight bytes of the key's SHA-256. The text form is sixteen
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The identifier with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes, as headers and sealed files have them.
    #[must_use]
    pub const fn bytes(self) -> [u8; 8] {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A master key. It encrypts data keys and small files, each under a random nonce. Clones share it.
///
/// With random nonces of 96 bits, 2^32 values can be sealed before the chance that two share a nonce reaches 2^-32 (NIST
/// SP 800-38D, 8.3). That many segments of 64 MiB hold 2^58 bytes.
#[derive(Clone)]
pub(crate) struct MasterKey {
    id: KeyId,
    cipher: Arc<LessSafeKey>,
}

impl MasterKey {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        let hash = digest(&SHA256, key);
        let id = KeyId(hash.as_ref()[..8].try_into().expect("SHA-256 has 32 bytes"));
        Self { id, cipher: Arc::new(cipher(key)) }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Encrypts `content` in place and returns the tag. The nonce must be random.
    pub(crate) fn seal(&self, nonce: [u8; NONCE_BYTES], context: &[u8], content: &mut [u8]) -> [u8; TAG_BYTES] {
        seal(&self.cipher, nonce, context, content)
    }

    /// Decrypts `content` in place. Returns `None`, with unspecified `content`, if it was not sealed by this key with
    /// this nonce and context.
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE_BYTES],
        context: &[u8],
        content: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Option<()> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.cipher.open_in_place_separate_tag(nonce, Aad::from(context), tag, content).ok().map(drop)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("MasterKey").field(&self.id).finish()
    }
}
