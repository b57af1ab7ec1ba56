//! AES-256-GCM, for master keys and data keys alike.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};

/// The length of a master key and of a data key in bytes.
pub const KEY_BYTES: usize = 32;
/// The length of a nonce in bytes.
pub(crate) const NONCE_BYTES: usize = NONCE_LEN;
/// The length of the tag behind what was sealed in bytes.
pub const TAG_BYTES: usize = MAX_TAG_LEN;

/// AES-256-GCM with this key.
pub(crate) fn cipher(key: &[u8; KEY_BYTES]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes is one of AES-256"))
}

/// Encrypts `content` in place and returns the tag.
pub(crate) fn seal(
    cipher: &LessSafeKey,
    nonce: [u8; NONCE_BYTES],
    context: &[u8],
    content: &mut [u8],
) -> [u8; TAG_BYTES] {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = cipher.seal_in_place_separate_tag(nonce, Aad::from(context), content);
    // AES-GCM refuses only more than 64 GiB at once.
    tag.expect("what is sealed is short").as_ref().try_into().expect("a tag of AES-GCM has 16 bytes")
}
