//! Signs requests of the tests with [`posthouse_aws_client::sigv4`], which shares no code with the broker.

use std::time::{SystemTime, UNIX_EPOCH};

use posthouse_aws_client::sigv4::{self, ALGORITHM, CanonicalRequest, Timestamp};

use super::form::form;
use super::http::Request;
use super::protocol::Service;

/// The key, the region and the service that a request is signed with.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub access_key_id: String,
    pub secret: String,
    pub region: String,
    pub service: Service,
}

impl Credentials {
    /// For SQS.
    pub(crate) fn new(access_key_id: &str, secret: &str, region: &str) -> Self {
        let service = Service::Sqs;
        Self { access_key_id: access_key_id.into(), secret: secret.into(), region: region.into(), service }
    }

    fn client(&self) -> sigv4::Credentials {
        sigv4::Credentials {
            access_key_id: self.access_key_id.clone(),
            secret: self.secret.clone(),
            region: self.region.clone(),
            service: self.service.scope(),
        }
    }
}

/// Signs `request` as of `at`, with all its headers, and puts the signature into its `Authorization` header.
pub(crate) fn sign(request: &mut Request, credentials: &Credentials, at: SystemTime) {
    let at = timestamp(at);
    request.set("X-Amz-Date", at.as_str());
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let canonical = CanonicalRequest::new(&request.method, &request.target).headers(headers).body(&request.body);
    let authorization = credentials.client().authorization(&canonical, &at);
    request.set("Authorization", &authorization);
}

/// The target of a presigned GET of `path` with `parameters`, that `host` alone is signed with.
pub(crate) fn presign(
    path: &str,
    parameters: &[(&str, &str)],
    host: &str,
    credentials: &Credentials,
    at: SystemTime,
    expires_seconds: u32,
) -> String {
    let (at, credentials) = (timestamp(at), credentials.client());
    let credential = format!("{}/{}", credentials.access_key_id, credentials.scope(&at));
    let expires = expires_seconds.to_string();
    let mut all = parameters.to_vec();
    all.extend([
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", at.as_str()),
        ("X-Amz-Expires", &expires),
        ("X-Amz-SignedHeaders", "host"),
    ]);
    let target = format!("{path}?{}", form(&all));
    let signature = credentials.signature(&CanonicalRequest::new("GET", &target).headers([("host", host)]), &at);
    format!("{target}&X-Amz-Signature={signature}")
}

fn timestamp(at: SystemTime) -> Timestamp {
    Timestamp::from_unix_seconds(at.duration_since(UNIX_EPOCH).expect("after 1970").as_secs())
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
