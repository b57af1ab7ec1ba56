//! Signature Version 4, from "Create a signed AWS API request" of AWS's IAM user guide.
//!
//! A signature is computed in four steps: the [`CanonicalRequest`] as text, its hash, the text to sign (algorithm,
//! date, scope, hash), and the HMAC of that text with the [`SigningKey`] of the day. [`Credentials`] does all four for
//! one request. A client that signs many requests of one form keeps the parts that do not change and uses the steps.

use std::io::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::percent;

/// The name of the algorithm, in `Authorization` and in the text to sign.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Bytes of a SHA-256 or a signature in hexadecimal.
pub const HEX_BYTES: usize = 64;

/// The date and time of a signature: `YYYYMMDDTHHMMSSZ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp([u8; Self::BYTES]);

impl Timestamp {
    /// Bytes of the text.
    pub const BYTES: usize = 16;
    /// Bytes of the day, `YYYYMMDD`, with which the text begins.
    pub const DAY_BYTES: usize = 8;

    /// The time `seconds` after the start of 1970, in UTC.
    ///
    /// # Panics
    ///
    /// If the year is after 9999.
    #[must_use]
    pub fn from_unix_seconds(seconds: u64) -> Self {
        let time = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        let time = time.expect("the year has four digits");
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.to_hms();
        let mut text = [0; Self::BYTES];
        write!(text.as_mut_slice(), "{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month))
            .expect("sixteen bytes");
        Self(text)
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits, T and Z")
    }

    /// The day, `YYYYMMDD`.
    #[must_use]
    pub fn day(&self) -> &str {
        &self.as_str()[..Self::DAY_BYTES]
    }
}

/// The credentials of a client, and the region and service that its signatures are valid for.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// `sqs` or `sns`.
    pub service: &'static str,
}

impl Credentials {
    /// The scope of signatures of this day: `YYYYMMDD/REGION/SERVICE/aws4_request`.
    #[must_use]
    pub fn scope(&self, at: &Timestamp) -> String {
        format!("{}{}", at.day(), scope_after_day(&self.region, self.service))
    }

    /// The signature of a request, in hexadecimal.
    #[must_use]
    pub fn signature(&self, request: &CanonicalRequest<'_>, at: &Timestamp) -> String {
        let hash = hex(&Sha256::digest(request.to_text()));
        let to_sign = format!("{ALGORITHM}\n{}\n{}\n{}", at.as_str(), self.scope(at), text(&hash));
        let key = SigningKey::derive(&self.secret, at.day(), &self.region, self.service);
        text(&key.sign(to_sign.as_bytes())).to_owned()
    }

    /// The value of the header `Authorization` of a request.
    #[must_use]
    pub fn authorization(&self, request: &CanonicalRequest<'_>, at: &Timestamp) -> String {
        let (key, scope) = (&self.access_key_id, self.scope(at));
        let (names, signature) = (request.signed_headers(), self.signature(request, at));
        format!("{ALGORITHM} Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}")
    }
}

/// The parts of a request that its signature covers.
pub struct CanonicalRequest<'a> {
    method: &'a str,
    path: &'a str,
    query: String,
    /// Names in lower case, sorted.
    headers: Vec<(String, &'a str)>,
    payload: [u8; HEX_BYTES],
}

impl<'a> CanonicalRequest<'a> {
    /// A request without headers or body. `target` is path and query, as the request line has them.
    #[must_use]
    pub fn new(method: &'a str, target: &'a str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
        pairs.sort_unstable();
        let payload = hex(&Sha256::digest([]));
        Self { method, path, query: pairs.join("&"), headers: Vec::new(), payload }
    }

    /// Adds headers to sign. The case of names and white space around values do not matter.
    #[must_use]
    pub fn headers(mut self, headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.headers.extend(headers.into_iter().map(|(name, value)| (name.to_lowercase(), value.trim())));
        self.headers.sort();
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.payload = hex(&Sha256::digest(body));
        self
    }

    /// The names of the headers, joined by semicolons.
    #[must_use]
    pub fn signed_headers(&self) -> String {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.join(";")
    }

    fn to_text(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let (path, names) = (canonical_path(self.path), self.signed_headers());
        format!("{}\n{path}\n{}\n{headers}\n{names}\n{}", self.method, self.query, text(&self.payload))
    }
}

/// The key that signs for one secret, day, region and service.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Derives the key. `day` is `YYYYMMDD`.
    #[must_use]
    pub fn derive(secret: &str, day: &str, region: &str, service: &str) -> Self {
        let secret = format!("AWS4{secret}");
        Self([day, region, service, "aws4_request"].into_iter().fold(keyed(secret.as_bytes()), |mut mac, part| {
            mac.update(part.as_bytes());
            keyed(&mac.finalize().into_bytes())
        }))
    }

    /// The signature of a text to sign, in hexadecimal.
    #[must_use]
    pub fn sign(&self, to_sign: &[u8]) -> [u8; HEX_BYTES] {
        let mut mac = self.0.clone();
        mac.update(to_sign);
        hex(&mac.finalize().into_bytes())
    }
}

/// The part of a scope after the day: `/REGION/SERVICE/aws4_request`.
#[must_use]
pub fn scope_after_day(region: &str, service: &str) -> String {
    format!("/{region}/{service}/aws4_request")
}

/// The SHA-256 of `bytes`, in hexadecimal.
#[must_use]
pub fn hash(bytes: &[u8]) -> [u8; HEX_BYTES] {
    hex(&Sha256::digest(bytes))
}

/// The path of a canonical request: the path of the request line, percent-encoded once more. S3 does not do this.
#[must_use]
pub fn canonical_path(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(percent::encode).collect();
    parts.join("/")
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn hex(bytes: &[u8]) -> [u8; HEX_BYTES] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; HEX_BYTES];
    for (place, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        place[0] = DIGITS[usize::from(byte >> 4)];
        place[1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}

fn text(hex: &[u8; HEX_BYTES]) -> &str {
    std::str::from_utf8(hex).expect("digits")
}

#[cfg(test)]
mod tests;
