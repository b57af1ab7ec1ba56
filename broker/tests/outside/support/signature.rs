//! Signature version 4, written from its published description and from nothing of the broker's.

use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

use super::door::Service;
use super::form::{encode, form};
use super::http::Request;

/// Whom a request is signed for, and for which region and service.
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

    fn scope(&self, day: &str) -> String {
        format!("{day}/{}/{}/aws4_request", self.region, self.service.scope())
    }

    fn signature(&self, date: &str, canonical_request: &str) -> String {
        let day = &date[..8];
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{date}\n{}\n{}", self.scope(day), hex(&Sha256::digest(canonical_request)));
        let key = [day, self.region.as_str(), self.service.scope(), "aws4_request"]
            .iter()
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| keyed(&key, part));
        hex(&keyed(&key, &to_sign))
    }
}

/// Signs `request` as of `at`, with all its headers, and puts the signature into its `Authorization` header.
pub(crate) fn sign(request: &mut Request, credentials: &Credentials, at: SystemTime) {
    let date = stamp(at);
    request.set("X-Amz-Date", &date);
    let mut headers: Vec<(String, String)> =
        request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let payload = hex(&Sha256::digest(&request.body));
    let canonical = canonical(&request.method, path, &sorted(query), &headers, &names, &payload);
    let signature = credentials.signature(&date, &canonical);
    let (key, scope) = (&credentials.access_key_id, credentials.scope(&date[..8]));
    request.set(
        "Authorization",
        &format!("AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"),
    );
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
    let date = stamp(at);
    let credential = format!("{}/{}", credentials.access_key_id, credentials.scope(&date[..8]));
    let expires = expires_seconds.to_string();
    let mut all = parameters.to_vec();
    all.extend([
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &date),
        ("X-Amz-Expires", &expires),
        ("X-Amz-SignedHeaders", "host"),
    ]);
    let query = sorted(&form(&all));
    let headers = [("host".to_owned(), host.to_owned())];
    let signature =
        credentials.signature(&date, &canonical("GET", path, &query, &headers, "host", &hex(&Sha256::digest(""))));
    format!("{path}?{query}&X-Amz-Signature={signature}")
}

fn canonical(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(String, String)],
    names: &str,
    payload: &str,
) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    // A path is encoded once more than it is on the wire, for every service but S3.
    let path: Vec<String> = path.split('/').map(encode).collect();
    format!("{method}\n{}\n{query}\n{headers}\n{names}\n{payload}", path.join("/"))
}

fn sorted(query: &str) -> String {
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    pairs.join("&")
}

fn stamp(at: SystemTime) -> String {
    OffsetDateTime::from(at)
        .format(format_description!("[year][month][day]T[hour][minute][second]Z"))
        .expect("every part of the format is there")
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
