//! Signatures of notifications: RSA as PKCS #1 v1.5 has it, over SHA-1 (version 1) or SHA-256 (version 2).
//!
//! Version 1 is what topics have unless they say otherwise. SHA-1 is broken for texts that an attacker chooses; a topic
//! whose `SignatureVersion` is 2 is signed over SHA-256. Both take the same time.
//!
//! A signature depends on the key and the text alone, and the text names no subscription. A publication is therefore
//! signed once, for all that receive it, as long as its signature is remembered (`remembered`): threads that need one
//! signature at the same time make it once, and a signature that is needed again outlives one that is not.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use posthouse_model::topic_attributes::SignatureVersion;
pub use posthouse_rsa::InvalidKey;
use posthouse_rsa::{Digest, PrivateKey};

use crate::protocol::public_url::PublicUrl;
use remembered::Remembered;

mod remembered;

/// The memory of signatures unless [`Signer::within`] names another bound: 100,000 of them.
const SIGNATURES_BYTES: usize = 64 << 20;

/// A private key, ready to sign, and where its certificate is found.
pub struct SigningKey {
    key: PrivateKey,
    certificate_path: Box<str>,
    certificate_base: Option<PublicUrl>,
}

impl SigningKey {
    /// From a key in DER, wrapped as PKCS #8 has it, and the path that the broker serves its certificate under.
    ///
    /// # Errors
    /// [`InvalidKey`]
    pub fn from_pkcs8(der: &[u8], certificate_path: &str) -> Result<Self, InvalidKey> {
        let key = PrivateKey::from_pkcs8(der)?;
        Ok(Self { key, certificate_path: certificate_path.into(), certificate_base: None })
    }

    /// The same key, whose certificate is found at another place than the broker.
    #[must_use]
    pub fn certified_at(self, base: PublicUrl) -> Self {
        Self { certificate_base: Some(base), ..self }
    }

    /// The length of a signature in base64.
    fn signature_chars(&self) -> usize {
        self.key.signature_bytes().div_ceil(3) * 4
    }

    /// Signs; `sha256` is the digest of `text`.
    fn sign(&self, version: SignatureVersion, text: &str, sha256: [u8; 32]) -> Arc<str> {
        let digest = match version {
            SignatureVersion::V1 => {
                let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
                Digest::Sha1(sha1.as_ref().try_into().expect("20 bytes"))
            }
            SignatureVersion::V2 => Digest::Sha256(sha256),
        };
        STANDARD.encode(self.key.sign(digest)).into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("certificate_path", &self.certificate_path).finish_non_exhaustive()
    }
}

/// Signs notifications, from any thread. Clones share the key and what is remembered.
#[derive(Clone, Debug)]
pub struct Signer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    key: OnceLock<SigningKey>,
    remembered: Mutex<Remembered>,
    made: AtomicU64,
}

impl Signer {
    /// A signer that signs with `key`.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let signer = Self::awaiting();
        signer.provide(key);
        signer
    }

    /// A signer whose key is still being made. A caller that asks it for something waits, blocking, until the key is
    /// [provided](Self::provide).
    #[must_use]
    pub fn awaiting() -> Self {
        Self::within(SIGNATURES_BYTES)
    }

    /// The same, which remembers at most `bytes` bytes of signatures.
    #[must_use]
    pub fn within(bytes: usize) -> Self {
        let remembered = Mutex::new(Remembered::within(bytes));
        Self(Arc::new(Shared { key: OnceLock::new(), remembered, made: AtomicU64::new(0) }))
    }

    /// Gives the signer its key. A signer that has one keeps it.
    pub fn provide(&self, key: SigningKey) {
        // What was signed with the first key has to stay verifiable.
        let _ = self.0.key.set(key);
    }

    /// The path at which the broker serves the certificate.
    #[must_use]
    pub fn certificate_path(&self) -> &str {
        &self.0.key.wait().certificate_path
    }

    /// The URL of the certificate. `base_url` is where the broker is reached, without a slash at its end; the key may
    /// name another place ([`SigningKey::certified_at`]).
    #[must_use]
    pub fn certificate_url(&self, base_url: &str) -> String {
        let key = self.0.key.wait();
        let base = key.certificate_base.as_ref().map_or(base_url, PublicUrl::as_str);
        format!("{base}{}", key.certificate_path)
    }

    /// The signature of a text, in base64. Threads that ask for the same one at once get the same one: one of them makes
    /// it, the others wait.
    #[must_use]
    pub fn sign(&self, version: SignatureVersion, text: &str) -> Arc<str> {
        let key = self.0.key.wait();
        let sha256 = digest(&SHA256, text.as_bytes()).as_ref().try_into().expect("32 bytes");
        let slot = self.remembered().slot((version.as_str(), sha256), key.signature_chars());
        // Not under the lock: other texts are signed meanwhile.
        let signature = slot.get_or_init(|| {
            self.0.made.fetch_add(1, Ordering::Relaxed);
            key.sign(version, text, sha256)
        });
        Arc::clone(signature)
    }

    /// How many signatures were made so far. Those that were remembered are not counted again.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.0.made.load(Ordering::Relaxed)
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
