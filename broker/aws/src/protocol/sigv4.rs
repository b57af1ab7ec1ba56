//! Who signed a request: AWS Signature Version 4 in its header form and its presigned form.
//!
//! Everything that the signature covers is recomputed from the request as it came, the body's hash included; nothing
//! that a client says of it is believed. What is checked, and in which order:
//!
//! 1. the signature's parts are there and well-formed;
//! 2. its scope is `access key/date/region/service/aws4_request`, of this service, and its date is the request's;
//! 3. the request's date is at most fifteen minutes off, or, presigned, its own expiry is not past;
//! 4. `host` and every `x-amz-*` header of the request are signed;
//! 5. the access key is known;
//! 6. `x-amz-content-sha256`, where it is sent, is the body's hash;
//! 7. the signature is the one that the key's secret gives, compared in constant time.
//!
//! A request without any signature is [`Identity::Anonymous`]: whether it may do something is for policies to say.

mod canonical;
mod date;
mod presented;
mod scope;
mod signing_keys;
mod verifier;

use core::fmt;

use compact_str::CompactString;
use http::HeaderName;
use http::request::Parts;
use posthouse_model::{AccountId, Credential, Identity, Keys, Region, Timestamp};
use sha2::{Digest, Sha256};

use super::text::hex;
use canonical::ToSign;
use date::AmzDate;
use presented::Presented;
use signing_keys::SigningKeys;
pub use verifier::{SignedHead, Verifier};

/// How far a request's date may lie from the broker's clock: fifteen minutes.
pub(crate) const SKEW_SECONDS_MAX: u64 = 15 * 60;
/// The longest life of a presigned request: seven days.
pub(crate) const EXPIRES_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
/// What a client says the body's hash is. SQS and SNS know no unsigned bodies, so there is nothing else that it may say.
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Who is let in.
pub enum Access {
    /// No users are configured: any credentials, or none, are taken, and nothing is verified. The account is the access
    /// key id where that is twelve digits, and `000000000000` otherwise.
    Open,
    /// Signatures are verified against these users' keys.
    Secured(Box<dyn Keys>),
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Secured(_) => "Secured",
        })
    }
}

/// Why a signature was refused. `Display` is what the caller reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthFault {
    /// Parts of the signature are missing or malformed.
    IncompleteSignature(Box<str>),
    /// No user has this access key id.
    UnknownAccessKey,
    /// The signature is wrong, or made for something else; the text says where that may be said.
    Mismatch(Box<str>),
    /// The request is too old or from the future.
    Expired(Box<str>),
}

impl AuthFault {
    fn incomplete(message: impl Into<Box<str>>) -> Self {
        Self::IncompleteSignature(message.into())
    }

    fn mismatch(message: impl Into<Box<str>>) -> Self {
        Self::Mismatch(message.into())
    }
}

impl fmt::Display for AuthFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IncompleteSignature(message) | Self::Mismatch(message) | Self::Expired(message) => {
                f.write_str(message)
            }
            Self::UnknownAccessKey => f.write_str("The security token included in the request is invalid."),
        }
    }
}

/// Who makes a request, and in which region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authenticated {
    pub(crate) identity: Identity,
    /// The region that the signature names; `None` of an unsigned request.
    pub(crate) region: Option<Region>,
}

/// How far a request is trusted before its body has arrived, and with it the last part of what its signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its head presents a signature in time, with the access key of a user; or there are no users.
    Keyed,
    /// Any other: it is anonymous, or will be refused.
    Unkeyed,
}

/// Who a request's head says has signed it. Its signature is not verified.
pub(crate) struct Claim<'a> {
    parts: &'a Parts,
    signer: Signer<'a>,
}

enum Signer<'a> {
    /// There are no users: it is not looked at.
    Any,
    /// The request is not signed.
    Anonymous,
    /// The signature as the request presents it, and the user whose access key it names, if there is one.
    Presented(Presented<'a>, Option<Credential<'a>>),
    /// The signature is not one.
    Malformed(AuthFault),
}

impl Claim<'_> {
    /// How far the claim is to be trusted at `now`, before it can be verified.
    pub(crate) fn standing(&self, now: Timestamp) -> Standing {
        match &self.signer {
            Signer::Any => Standing::Keyed,
            Signer::Presented(presented, Some(_))
                if check_time(presented.date, presented.expires_seconds, now).is_ok() =>
            {
                Standing::Keyed
            }
            Signer::Presented(..) | Signer::Anonymous | Signer::Malformed(_) => Standing::Unkeyed,
        }
    }
}

/// A signed request before its signature is verified.
struct Signed<'a> {
    /// The service that the request must be signed for.
    service: &'a str,
    parts: &'a Parts,
    body: &'a [u8],
    now: Timestamp,
    presented: &'a Presented<'a>,
    credential: Option<Credential<'a>>,
}

/// Finds out who makes requests.
pub(crate) struct Authenticator {
    access: Access,
    signing_keys: SigningKeys,
}

impl Authenticator {
    pub(crate) fn new(access: Access) -> Self {
        Self { access, signing_keys: SigningKeys::default() }
    }

    /// What a request's head says of its signer.
    pub(crate) fn claim<'a>(&'a self, parts: &'a Parts) -> Claim<'a> {
        let signer = match &self.access {
            Access::Open => Signer::Any,
            Access::Secured(keys) => match Presented::find(parts) {
                Ok(Some(presented)) => {
                    let credential = keys.find(presented.scope.access_key_id());
                    Signer::Presented(presented, credential)
                }
                Ok(None) => Signer::Anonymous,
                Err(fault) => Signer::Malformed(fault),
            },
        };
        Claim { parts, signer }
    }

    /// Who makes this request, at `now`, to a service as credential scopes name it: `sqs`.
    pub(crate) fn authenticate(
        &self,
        service: &str,
        claim: &Claim<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Authenticated, AuthFault> {
        let parts = claim.parts;
        match &claim.signer {
            Signer::Any => Ok(take_at_its_word(parts)),
            Signer::Presented(presented, credential) => {
                self.verify(&Signed { service, parts, body, now, presented, credential: *credential })
            }
            Signer::Malformed(fault) => Err(fault.clone()),
            Signer::Anonymous => Ok(Authenticated { identity: Identity::Anonymous, region: None }),
        }
    }

    fn verify(&self, signed: &Signed<'_>) -> Result<Authenticated, AuthFault> {
        let Signed { service, parts, body, now, presented, credential } = *signed;
        let Presented { scope, date, .. } = presented;
        if scope.service() != service {
            return Err(AuthFault::mismatch(format!("Credential should be scoped to correct service: '{service}'.")));
        }
        if scope.date() != date.day() {
            return Err(AuthFault::mismatch(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from '{date}'.",
                scope.date(),
                date.day()
            )));
        }
        check_time(*date, presented.expires_seconds, now)?;
        canonical::check_signed_headers(parts, &presented.signed_headers)?;
        let Credential { secret, account, user, permissions } = credential.ok_or(AuthFault::UnknownAccessKey)?;

        let mut body_hash = [0; 64];
        hex(&Sha256::digest(body), &mut body_hash);
        if parts.headers.get(CONTENT_SHA256).is_some_and(|declared| declared.as_bytes() != body_hash) {
            return Err(AuthFault::mismatch(
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ));
        }
        let request_hash = canonical::request_hash(parts, &presented.signed_headers, &body_hash, presented.place);
        let to_sign = ToSign { date: *date, scope: scope.text(), request_hash };
        if self.signing_keys.verify(scope, secret, &to_sign, &presented.signature) {
            let identity = Identity::User { account, name: user.into(), permissions };
            Ok(Authenticated { identity, region: Some(scope.region().clone()) })
        } else {
            Err(AuthFault::mismatch(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.",
            ))
        }
    }
}

/// Without users a signature only says which account and region are meant; what is malformed says nothing.
fn take_at_its_word(parts: &Parts) -> Authenticated {
    let credential = presented::credential(parts).unwrap_or_default();
    let mut scope = credential.split('/');
    let access_key_id = scope.next().unwrap_or_default();
    let account = access_key_id.parse().unwrap_or(AccountId::DEFAULT);
    let region = scope.nth(1).and_then(|region| region.parse().ok());
    Authenticated { identity: Identity::root(account), region }
}

/// The service that a request is signed for, as far as it says so; nothing of it is verified.
pub(crate) fn scoped_service(parts: &Parts) -> Option<CompactString> {
    presented::credential(parts)?.split('/').nth(3).map(CompactString::new)
}

fn check_time(date: AmzDate, expires_seconds: Option<u64>, now: Timestamp) -> Result<(), AuthFault> {
    let now = now.as_secs();
    let life = expires_seconds.unwrap_or(SKEW_SECONDS_MAX);
    if date.seconds().saturating_add(life) < now {
        return Err(AuthFault::Expired(
            format!(
                "Signature expired: {date} is now earlier than {} ({} - {} min.)",
                AmzDate::of(now.saturating_sub(life)),
                AmzDate::of(now),
                life / 60
            )
            .into(),
        ));
    }
    if date.seconds() > now.saturating_add(SKEW_SECONDS_MAX) {
        return Err(AuthFault::Expired(
            format!(
                "Signature not yet current: {date} is still later than {} ({} + {} min.)",
                AmzDate::of(now.saturating_add(SKEW_SECONDS_MAX)),
                AmzDate::of(now),
                SKEW_SECONDS_MAX / 60
            )
            .into(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
