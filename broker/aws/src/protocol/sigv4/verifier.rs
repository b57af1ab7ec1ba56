//! Signatures of a service that is not AWS's, such as the broker's admin API: there is no anonymous caller, and a request
//! without a signature may prove otherwise who sends it.

use core::fmt;

use http::request::Parts;
use posthouse_model::{Credential, Keys, Timestamp};

use super::presented::Presented;
use super::{Access, AuthFault, Authenticator, Signed, check_time};

/// Verifies requests that are signed for one service. Threads may share it.
pub struct Verifier {
    authenticator: Authenticator,
    service: &'static str,
}

/// The head of a request that presents a signature in time, with an access key that there is. The signature itself is not
/// verified yet: it covers the body, which has yet to arrive.
pub struct SignedHead<'a> {
    parts: &'a Parts,
    presented: Presented<'a>,
    credential: Credential<'a>,
}

impl SignedHead<'_> {
    /// The id of the access key that the signature names.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.presented.scope.access_key_id()
    }
}

impl Verifier {
    /// For requests to `service`, as scopes of signatures name it, with these users' keys.
    #[must_use]
    pub fn new(service: &'static str, keys: Box<dyn Keys>) -> Self {
        Self { authenticator: Authenticator::new(Access::Secured(keys)), service }
    }

    /// Judges a request by its head, so that the body of a request that is refused in any case need not be read. `None`: it
    /// is not signed.
    ///
    /// # Errors
    /// [`AuthFault`] if the signature is malformed, is not in time, or names an unknown access key.
    pub fn look<'a>(&'a self, parts: &'a Parts, now: Timestamp) -> Result<Option<SignedHead<'a>>, AuthFault> {
        let Some(presented) = Presented::find(parts)? else { return Ok(None) };
        let credential = match &self.authenticator.access {
            Access::Open => None,
            Access::Secured(keys) => keys.find(presented.scope.access_key_id()),
        };
        let credential = credential.ok_or(AuthFault::UnknownAccessKey)?;
        check_time(presented.date, presented.expires_seconds, now)?;
        Ok(Some(SignedHead { parts, presented, credential }))
    }

    /// Verifies the signature once the body is there.
    ///
    /// # Errors
    /// [`AuthFault`] if it is not that of the request, or is for another service.
    pub fn verify(&self, head: &SignedHead<'_>, body: &[u8], now: Timestamp) -> Result<(), AuthFault> {
        let SignedHead { parts, presented, credential } = head;
        let credential = Some(*credential);
        let signed = Signed { service: self.service, parts, body, now, presented, credential };
        self.authenticator.verify(&signed).map(drop)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("service", &self.service).finish_non_exhaustive()
    }
}
