//! The credential of a signature taken apart.

use std::borrow::Cow;

use posthouse_model::Region;

use super::{AuthFault, TERMINATOR};
use crate::protocol::text::excerpt;

/// `access key/date/region/service/aws4_request`, of which the region is valid and the others are as the request has
/// them.
pub(super) struct Scope<'a> {
    credential: Cow<'a, str>,
    /// Where the access key id, the date, the region and the service end: each at a slash.
    ends: [usize; 4],
    region: Region,
}

impl<'a> Scope<'a> {
    /// Takes a credential apart.
    ///
    /// # Errors
    /// [`AuthFault`] if it does not have five elements, the last is not [`TERMINATOR`], or the region cannot be one.
    pub(super) fn parse(credential: Cow<'a, str>) -> Result<Self, AuthFault> {
        let malformed = || {
            AuthFault::incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 '{}'",
                excerpt(&credential)
            ))
        };
        let mut slashes = memchr::memchr_iter(b'/', credential.as_bytes());
        let mut ends = [0; 4];
        for end in &mut ends {
            *end = slashes.next().ok_or_else(malformed)?;
        }
        if slashes.next().is_some() || ends[0] == 0 {
            return Err(malformed());
        }
        let terminator = &credential[ends[3] + 1..];
        if terminator != TERMINATOR {
            return Err(AuthFault::mismatch(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{}'.",
                excerpt(terminator)
            )));
        }
        let region = credential[ends[1] + 1..ends[2]]
            .parse()
            .map_err(|_| AuthFault::mismatch("Credential should be scoped to a valid region."))?;
        Ok(Self { credential, ends, region })
    }

    /// All of it.
    pub(super) fn credential(&self) -> &str {
        &self.credential
    }

    /// All of it but the access key id.
    pub(super) fn text(&self) -> &str {
        &self.credential[self.ends[0] + 1..]
    }

    pub(super) fn access_key_id(&self) -> &str {
        &self.credential[..self.ends[0]]
    }

    pub(super) fn date(&self) -> &str {
        &self.credential[self.ends[0] + 1..self.ends[1]]
    }

    pub(super) const fn region(&self) -> &Region {
        &self.region
    }

    pub(super) fn service(&self) -> &str {
        &self.credential[self.ends[2] + 1..self.ends[3]]
    }
}
