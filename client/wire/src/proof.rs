//! The proofs of the hello: HMAC-SHA256 under the secret access key, over everything that the two sides said before.
//!
//! The secret never crosses. Both nonces are in what is hashed, so a proof is of use on one connection only; under TLS
//! the exporter of RFC 9266 is hashed too, so a proof is of no use to a peer in the middle that ends the TLS session.

use core::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The label of the TLS exporter that [`Transcript::exporter`] is taken with; its context is empty and its length is 32.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

const CLIENT: &[u8] = b"posthouse-1 client";
const SERVER: &[u8] = b"posthouse-1 server";

/// A proof that its sender knows the secret. Two are compared in constant time.
#[derive(Clone, Copy)]
pub struct Proof([u8; 32]);

impl Proof {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Proof {}

/// Without its bytes, so that it does not reach a log.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}

/// What both sides said before the proofs.
#[derive(Clone, Copy, Debug)]
pub struct Transcript<'a> {
    /// The payload of HELLO, as it crossed.
    pub hello: &'a [u8],
    /// The payload of CHALLENGE, as it crossed.
    pub challenge: &'a [u8],
    /// The 32 bytes of the TLS exporter [`EXPORTER_LABEL`]; `None` over plain TCP.
    pub exporter: Option<&'a [u8; 32]>,
}

impl Transcript<'_> {
    /// The client's proof under a secret access key.
    #[must_use]
    pub fn client_proof(&self, secret: &[u8]) -> Proof {
        self.proof(CLIENT, secret)
    }

    /// The broker's proof under the same secret.
    #[must_use]
    pub fn server_proof(&self, secret: &[u8]) -> Proof {
        self.proof(SERVER, secret)
    }

    /// Each payload comes behind its length, so that no two transcripts are hashed alike.
    fn proof(&self, label: &[u8], secret: &[u8]) -> Proof {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
        mac.update(label);
        for payload in [self.hello, self.challenge] {
            mac.update(&(payload.len() as u64).to_le_bytes());
            mac.update(payload);
        }
        mac.update(self.exporter.map_or(&[], |exporter| exporter.as_slice()));
        Proof(mac.finalize().into_bytes().into())
    }
}
