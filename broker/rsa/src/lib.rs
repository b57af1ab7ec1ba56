//! RSA signatures as PKCS #1 v1.5 has them, over SHA-1 or SHA-256, made by AWS-LC.
//!
//! SNS signs notifications over SHA-1 unless a topic's `SignatureVersion` is 2. AWS-LC makes such signatures. Its safe
//! bindings, `aws-lc-rs`, only verify them, and implementations in Rust take three times as long. This crate therefore
//! calls AWS-LC itself, for both digests: it reads a key and signs a digest, and does nothing else.
//!
//! It holds no policy: which digest is signed, and what it is a digest of, its caller decides.
//!
//! # Invariants
//!
//! * A [`PrivateKey`] is complete and consistent, of 2,048 to 8,192 bits. AWS-LC checked it when it was read.
//! * A key does not change after it was read. Any number of threads sign with it at once.
//! * A signature depends on the key and the digest alone. AWS-LC blinds the key with random bytes, so that the time that
//!   signing takes tells nothing of it; none of that randomness is in the result.

use core::ffi::c_uint;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use aws_lc_sys::{
    CBS, CBS_init, CBS_len, ERR_clear_error, EVP_PKEY, EVP_PKEY_RSA, EVP_PKEY_free, EVP_PKEY_get1_RSA, EVP_PKEY_id,
    EVP_parse_private_key, NID_sha1, NID_sha256, RSA, RSA_bits, RSA_free, RSA_sign, RSA_size,
};

/// Bits of a key's modulus. Shorter keys are no longer safe; AWS-LC signs with longer ones slowly enough to be a fault.
const MODULUS_BITS: core::ops::RangeInclusive<c_uint> = 2_048..=8_192;

/// What a signature is made over: the digest of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// Of SHA-1.
    Sha1([u8; 20]),
    /// Of SHA-256.
    Sha256([u8; 32]),
}

impl Digest {
    /// The number that AWS-LC has for the digest's algorithm, and its bytes.
    const fn parts(&self) -> (i32, &[u8]) {
        match self {
            Self::Sha1(bytes) => (NID_sha1, bytes),
            Self::Sha256(bytes) => (NID_sha256, bytes),
        }
    }
}

/// Bytes that hold no usable key: no RSA key of 2,048 to 8,192 bits, or one whose parts contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKey;

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid RSA private key of 2048 bits or more")
    }
}

impl core::error::Error for InvalidKey {}

/// An RSA private key, ready to sign. Its `Debug` output shows nothing of the key.
pub struct PrivateKey {
    /// Owned: one reference of AWS-LC's count, given back by `drop`.
    rsa: NonNull<RSA>,
}

// SAFETY: `rsa` is a reference that this value alone owns, and AWS-LC binds no key to a thread: the counts of its
// references are atomic.
unsafe impl Send for PrivateKey {}

// SAFETY: `&PrivateKey` gives access to `RSA_bits` and `RSA_size`, which take a `const` pointer, and to `RSA_sign`. For
// thread safety AWS-LC counts all of them as functions that do not change the key, which "may be used concurrently"
// (openssl/rsa.h, "Allocation and destruction", "Signing / Verification"). Nothing changes a key after it was read.
unsafe impl Sync for PrivateKey {}

impl PrivateKey {
    /// Reads a key in DER, wrapped as PKCS #8 has it, without encryption.
    ///
    /// # Errors
    /// [`InvalidKey`] if `der` holds anything else, or more.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, InvalidKey> {
        let key = AnyKey::parse(der).and_then(|key| key.rsa());
        // AWS-LC notes the reasons of a refusal in a queue of the calling thread, where a later caller would find them.
        // SAFETY: the function has no preconditions. It changes nothing but that queue.
        unsafe { ERR_clear_error() };
        key.filter(|key| MODULUS_BITS.contains(&key.modulus_bits())).ok_or(InvalidKey)
    }

    /// The length of a signature, in bytes: that of the modulus.
    #[must_use]
    pub fn signature_bytes(&self) -> usize {
        // SAFETY: `rsa` points to a key that lives as long as `self`.
        let bytes = unsafe { RSA_size(self.rsa.as_ptr()) };
        usize::try_from(bytes).expect("at most 1,024 bytes")
    }

    /// Signs a digest.
    #[must_use]
    pub fn sign(&self, digest: Digest) -> Box<[u8]> {
        let (algorithm, digest) = digest.parts();
        let mut signature = vec![0; self.signature_bytes()];
        let mut written: c_uint = 0;
        // SAFETY: `digest` is valid for reads of its length, `written` for a write, and `signature` for writes of
        // `RSA_size` bytes, which is the most that the function writes. `rsa` points to a key that lives as long as
        // `self`; see `Sync` for calls from several threads.
        let signed = unsafe {
            RSA_sign(
                algorithm,
                digest.as_ptr(),
                digest.len(),
                signature.as_mut_ptr(),
                &raw mut written,
                self.rsa.as_ptr(),
            )
        };
        assert!(signed == 1 && written as usize == signature.len(), "a valid key signs every digest");
        signature.into()
    }

    fn modulus_bits(&self) -> c_uint {
        // SAFETY: `rsa` points to a key that lives as long as `self`.
        unsafe { RSA_bits(self.rsa.as_ptr()) }
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        // SAFETY: `rsa` is a reference that this value owns. It is given back once, and not used after.
        unsafe { RSA_free(self.rsa.as_ptr()) };
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").finish_non_exhaustive()
    }
}

/// A key of any algorithm, as PKCS #8 wraps it.
struct AnyKey {
    /// Owned, like `PrivateKey::rsa`.
    key: NonNull<EVP_PKEY>,
}

impl AnyKey {
    /// The key that `der` holds, if it holds one and no more. AWS-LC checks that the parts of an RSA key agree.
    fn parse(der: &[u8]) -> Option<Self> {
        let mut input = MaybeUninit::<CBS>::uninit();
        // SAFETY: `CBS_init` sets every field of `input`, which then refers to `der`. `der` outlives it.
        let mut input = unsafe {
            CBS_init(input.as_mut_ptr(), der.as_ptr(), der.len());
            input.assume_init()
        };
        // SAFETY: `input` is a valid CBS over `der`, which the function only reads. It returns null, or a reference
        // that its caller owns.
        let key = NonNull::new(unsafe { EVP_parse_private_key(&raw mut input) }).map(|key| Self { key })?;
        // SAFETY: `input` is a valid CBS; the function reads its length.
        let rest = unsafe { CBS_len(&raw const input) };
        (rest == 0).then_some(key)
    }

    /// The RSA key in it, if it is one for every way to sign: not one of RSASSA-PSS.
    fn rsa(&self) -> Option<PrivateKey> {
        // SAFETY: `key` points to a key that lives as long as `self`.
        let algorithm = unsafe { EVP_PKEY_id(self.key.as_ptr()) };
        if algorithm != EVP_PKEY_RSA {
            return None;
        }
        // SAFETY: `key` points to a key that lives as long as `self`. The function returns null for a key of another
        // algorithm, else a reference of its own, which outlives `self` and which its caller owns.
        NonNull::new(unsafe { EVP_PKEY_get1_RSA(self.key.as_ptr()) }).map(|rsa| PrivateKey { rsa })
    }
}

impl Drop for AnyKey {
    fn drop(&mut self) {
        // SAFETY: `key` is a reference that this value owns. It is given back once, and not used after.
        unsafe { EVP_PKEY_free(self.key.as_ptr()) };
    }
}

#[cfg(test)]
mod tests;
