//! What the fuzz targets share: a codec, and a request pushed through it.

use std::net::Ipv4Addr;

use bytes::Bytes;
use http::request::Parts;
use posthouse_aws::{Access, Arrival, Credential, Keys, Options, RequestId, Sqs};
use posthouse_model::{AccountId, HandleKey, Timestamp};

/// One user, so that signatures are verified up to their last byte.
struct OneUser;

impl Keys for OneUser {
    fn find(&self, access_key_id: &str) -> Option<Credential<'_>> {
        (access_key_id == "AKIDEXAMPLE").then_some(Credential {
            secret: "secret",
            account: AccountId::DEFAULT,
            user: "alice",
        })
    }
}

/// Who is let in without users, and who with one.
pub fn open() -> Access {
    Access::Open
}

/// Verifies signatures of `AKIDEXAMPLE`.
pub fn secured() -> Access {
    Access::Secured(Box::new(OneUser))
}

/// Decodes a request; only a panic is a finding.
pub fn decode(access: Access, parts: &Parts, body: &[u8]) {
    let sqs = Sqs::new(Options {
        access,
        default_region: "us-east-1".parse().expect("valid"),
        public_url: None,
        handle_key: HandleKey::new([1; 16]),
    });
    let arrival = Arrival {
        now: Timestamp::from_millis(1_440_938_160_000),
        source: Ipv4Addr::LOCALHOST.into(),
        secure: false,
        request_id: RequestId::from_random([2; 16]),
    };
    let _ = sqs.decode(parts, &Bytes::copy_from_slice(body), &arrival, &mut || [3; 16]);
}
