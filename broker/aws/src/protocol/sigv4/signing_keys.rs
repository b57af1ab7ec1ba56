//! The keys that are derived from secrets, remembered: one look-up instead of four rounds of HMAC for each request.
//!
//! A key enters only once a signature made with it was right, so that a client without a secret cannot fill the memory; it
//! is bounded all the same, since one user may sign for many regions and every day has its own key.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::TERMINATOR;
use super::canonical::ToSign;
use super::scope::Scope;

type HmacSha256 = Hmac<Sha256>;

/// Locks, so that readers on many threads seldom meet at one.
const SHARDS: usize = 16;
/// Keys in one shard.
const SHARD_KEYS_MAX: usize = 64;

#[derive(Default)]
pub(super) struct SigningKeys {
    shards: [RwLock<Shard>; SHARDS],
}

/// Keys by credential, which is all that they are derived from but the secret.
#[derive(Default)]
struct Shard(BTreeMap<Box<str>, DayKey>);

struct DayKey {
    day: Box<str>,
    key: HmacSha256,
}

impl SigningKeys {
    /// Whether `signature` is the one of `to_sign` under the scope's key.
    pub(super) fn verify(&self, scope: &Scope<'_>, secret: &str, to_sign: &ToSign<'_>, signature: &[u8; 32]) -> bool {
        let credential = scope.credential();
        let shard = &self.shards[shard(credential)];
        let known = shard.read().unwrap_or_else(PoisonError::into_inner).0.get(credential).map(|k| k.key.clone());
        if let Some(key) = known {
            return is_right(key, to_sign, signature);
        }
        let key = derive(secret, scope);
        let right = is_right(key.clone(), to_sign, signature);
        if right {
            shard.write().unwrap_or_else(PoisonError::into_inner).remember(scope, key);
        }
        right
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().expect("no panic under the lock").0.len()).sum()
    }
}

impl Shard {
    fn remember(&mut self, scope: &Scope<'_>, key: HmacSha256) {
        if self.0.len() >= SHARD_KEYS_MAX {
            // Yesterday's keys are worth little; where all are of one day, starting over costs four HMACs each.
            self.0.retain(|_, key| *key.day >= *scope.date());
            if self.0.len() >= SHARD_KEYS_MAX {
                self.0.clear();
            }
        }
        self.0.insert(scope.credential().into(), DayKey { day: scope.date().into(), key });
    }
}

/// FNV-1a. Keys enter only with a right signature, so a client cannot aim collisions at another user's key.
fn shard(credential: &str) -> usize {
    let hash = credential
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    usize::try_from(hash % SHARDS as u64).expect("below the number of shards")
}

fn derive(secret: &str, scope: &Scope<'_>) -> HmacSha256 {
    let initial = format!("AWS4{secret}");
    [scope.date(), scope.region().as_str(), scope.service(), TERMINATOR]
        .iter()
        .fold(keyed(initial.as_bytes()), |key, part| keyed(&key.chain_update(part).finalize().into_bytes()))
}

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn is_right(mut key: HmacSha256, to_sign: &ToSign<'_>, signature: &[u8; 32]) -> bool {
    to_sign.write(&mut key);
    key.finalize().into_bytes().ct_eq(signature).into()
}

#[cfg(test)]
mod tests {
    use super::super::date::AmzDate;
    use super::*;

    fn scope(credential: &str) -> Scope<'_> {
        Scope::parse(credential.into()).expect("valid")
    }

    fn to_sign<'a>(scope: &'a Scope<'_>, request_hash: [u8; 64]) -> ToSign<'a> {
        ToSign { date: AmzDate::parse(b"20150830T123600Z").expect("valid"), scope: scope.text(), request_hash }
    }

    fn sign(credential: &str, secret: &str, request_hash: [u8; 64]) -> [u8; 32] {
        let scope = scope(credential);
        let mut key = derive(secret, &scope);
        to_sign(&scope, request_hash).write(&mut key);
        key.finalize().into_bytes().into()
    }

    /// Source: "Examples of how to derive a signing key" in the AWS General Reference.
    #[test]
    fn the_published_key() {
        let request_hash = *b"f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59";
        let credential = "AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request";
        let signature = sign(credential, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", request_hash);
        assert_eq!(signature[..8], [0x5d, 0x67, 0x2d, 0x79, 0xc1, 0x5b, 0x13, 0x16]);
    }

    #[test]
    fn only_right_signatures_are_remembered_and_not_too_many() {
        let keys = SigningKeys::default();
        let verify = |credential: &str, secret: &str, signature: &[u8; 32]| {
            let scope = scope(credential);
            keys.verify(&scope, secret, &to_sign(&scope, [0; 64]), signature)
        };
        let sign = |credential: &str, secret: &str| sign(credential, secret, [0; 64]);
        let credential = |n: usize, day: u32| format!("AKID{n}/{day}/us-east-1/sqs/aws4_request");
        assert!(!verify(&credential(0, 20_150_830), "secret", &[0; 32]));
        assert_eq!(keys.len(), 0, "a wrong signature leaves nothing behind");
        for n in 0..2 * SHARDS * SHARD_KEYS_MAX {
            let credential = credential(n, 20_150_830);
            let signature = sign(&credential, "secret");
            for _ in 0..2 {
                assert!(verify(&credential, "secret", &signature));
            }
            assert!(!verify(&credential, "secret", &sign(&credential, "other")), "also from memory");
            assert!(keys.len() <= SHARDS * SHARD_KEYS_MAX);
        }
        for n in 0..SHARDS * SHARD_KEYS_MAX {
            let credential = credential(n, 20_150_831);
            assert!(verify(&credential, "secret", &sign(&credential, "secret")));
            assert!(keys.len() <= SHARDS * SHARD_KEYS_MAX);
        }
    }
}
