//! Signatures of notifications: RSA as PKCS #1 v1.5 has it, over SHA-1 (version 1) or SHA-256 (version 2).
//!
//! Version 1 is what topics have unless they say otherwise. SHA-1 is broken for what attackers choose; who can, sets a
//! topic's `SignatureVersion` to 2, which is also signed about five times as fast: the library that is fast makes no
//! signatures over SHA-1.
//!
//! A signature depends on the key and the text alone. Both libraries blind the key with random bytes of their own, so
//! that the time which signing takes tells nothing of it; none of that randomness is in the result.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use posthouse_model::topic_attributes::SignatureVersion;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use sha1::Sha1;

use crate::protocol::public_url::PublicUrl;

/// Signatures that are remembered, some 500 bytes each. A message that goes to many subscriptions is signed once, as
/// long as no more than so many others are delivered in between.
const SIGNATURES_MAX: usize = 1024;

/// A private key, ready to sign, and where its certificate is found.
pub struct SigningKey {
    with_sha1: pkcs1v15::SigningKey<Sha1>,
    with_sha256: KeyPair,
    certificate_path: Box<str>,
    certificate_base: Option<PublicUrl>,
}

/// A private key that cannot be used: it is no RSA key of 2,048 bits or more, or its parts contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSigningKey;

impl fmt::Display for InvalidSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid RSA private key of 2048 bits or more")
    }
}

impl core::error::Error for InvalidSigningKey {}

impl SigningKey {
    /// From a key in DER, wrapped as PKCS #8 has it, and the path that the broker serves its certificate under.
    ///
    /// # Errors
    /// [`InvalidSigningKey`]
    pub fn from_pkcs8(der: &[u8], certificate_path: &str) -> Result<Self, InvalidSigningKey> {
        let with_sha256 = KeyPair::from_pkcs8(der).map_err(|_| InvalidSigningKey)?;
        let private = RsaPrivateKey::from_pkcs8_der(der).map_err(|_| InvalidSigningKey)?;
        Ok(Self {
            with_sha1: pkcs1v15::SigningKey::new(private),
            with_sha256,
            certificate_path: certificate_path.into(),
            certificate_base: None,
        })
    }

    /// The same key, whose certificate is found at another place than the broker.
    #[must_use]
    pub fn certified_at(self, base: PublicUrl) -> Self {
        Self { certificate_base: Some(base), ..self }
    }

    /// Signs; `sha256` is the digest of `text`.
    fn sign(&self, version: SignatureVersion, text: &str, sha256: &Digest) -> Arc<str> {
        let bytes = match version {
            SignatureVersion::V1 => {
                let signature = self.with_sha1.try_sign(text.as_bytes());
                signature.expect("a valid key signs every text").to_vec()
            }
            SignatureVersion::V2 => {
                let mut signature = vec![0; self.with_sha256.public_modulus_len()];
                let signed = self.with_sha256.sign_digest(&RSA_PKCS1_SHA256, sha256, &mut signature);
                signed.expect("a valid key signs every digest of its kind");
                signature
            }
        };
        STANDARD.encode(bytes).into()
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
}

impl Signer {
    /// A signer that signs with `key`.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let signer = Self::awaiting();
        signer.provide(key);
        signer
    }

    /// A signer whose key is still being made. Who asks it for something waits, blocking, until the key is
    /// [provided](Self::provide).
    #[must_use]
    pub fn awaiting() -> Self {
        Self(Arc::new(Shared { key: OnceLock::new(), remembered: Mutex::default() }))
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

    /// The signature of a text, in base64.
    #[must_use]
    pub fn sign(&self, version: SignatureVersion, text: &str) -> Arc<str> {
        let sha256 = digest(&SHA256, text.as_bytes());
        let name = (version.as_str(), sha256.as_ref().try_into().expect("32 bytes"));
        let known = self.remembered().signatures.get(&name).map(Arc::clone);
        known.unwrap_or_else(|| {
            // Not under the lock. Two threads that meet here do the same work twice, with the same result.
            let signature = self.0.key.wait().sign(version, text, &sha256);
            self.remembered().insert(name, Arc::clone(&signature));
            signature
        })
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a signature is the signature of: the version, and the SHA-256 of the text.
type Name = (&'static str, [u8; 32]);

/// The latest signatures.
#[derive(Debug, Default)]
struct Remembered {
    signatures: BTreeMap<Name, Arc<str>>,
    /// The oldest first.
    order: VecDeque<Name>,
}

impl Remembered {
    fn insert(&mut self, name: Name, signature: Arc<str>) {
        if self.signatures.insert(name, signature).is_some() {
            return;
        }
        self.order.push_back(name);
        if self.order.len() > SIGNATURES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.signatures.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
