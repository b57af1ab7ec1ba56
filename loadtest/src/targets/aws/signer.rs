//! Signs requests that differ in their body alone, with the steps of [`posthouse_aws_client::sigv4`].
//!
//! The parts that stay the same are computed once. A [`Head`] holds a request's head and its canonical form with places
//! left open, a [`Signer`] the key of the day. Each request then costs two SHA-256 and one HMAC. The date is rendered
//! when the second changes, the key is derived when the day changes.
//!
//! `host`, `x-amz-date`, `x-amz-target` (JSON only) and the body are signed.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::Uri;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::http::uri::PathAndQuery;
use posthouse_aws_client::sigv4::{ALGORITHM, HEX_BYTES, SigningKey, Timestamp, canonical_path, hash, scope_after_day};
use rustix::time::{ClockId, clock_gettime};

use super::endpoint::{Endpoint, Protocol};

const DATE_BYTES: usize = Timestamp::BYTES;
const DAY_BYTES: usize = Timestamp::DAY_BYTES;
const DAY_SECONDS: u64 = 86_400;
const JSON: &str = "application/x-amz-json-1.0";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The head of requests of one kind, with places for date, day and signature.
pub(in crate::targets) struct Head {
    path: Uri,
    headers: HeaderMap,
    /// The value of `Authorization`, which ends with the signature.
    authorization: Vec<u8>,
    authorization_day: usize,
    authorization_signature: usize,
    /// The canonical request, which ends with the hash of the body.
    canonical: Vec<u8>,
    canonical_date: usize,
    canonical_hash: usize,
    /// The second whose date was written last.
    second: Option<u64>,
}

/// Signs for one user, region and service.
pub(super) struct Signer {
    secret: String,
    region: String,
    service: &'static str,
    key: SigningKey,
    day: Option<u64>,
    second: Option<u64>,
    date: Timestamp,
    /// The text to sign, which ends with the hash of the canonical request.
    to_sign: Vec<u8>,
    to_sign_day: usize,
    to_sign_hash: usize,
}

/// The position of the date in the text to sign: after the algorithm.
const TO_SIGN_DATE: usize = ALGORITHM.len() + 1;

impl Head {
    /// The head of requests for `action` that are sent to `path`.
    pub(in crate::targets) fn new(endpoint: &Endpoint, action: &str, path: &'static str) -> Self {
        Self::at(endpoint, action, &Uri::from_static(path))
    }

    /// The head of requests for `action` that are sent to a path of an endpoint's queue URL.
    pub(in crate::targets) fn at(endpoint: &Endpoint, action: &str, path: &Uri) -> Self {
        let host = endpoint.authority();
        let credential = format!("{}/", endpoint.access_key_id);
        let scope = scope_after_day(&endpoint.region, endpoint.service.signing_name());
        match endpoint.protocol {
            Protocol::Json => {
                let target = format!("{}.{action}", endpoint.service.json_target());
                Self::post(&host, path, JSON, Some(&target), [&credential, &scope])
            }
            Protocol::Query => Self::post(&host, path, FORM, None, [&credential, &scope]),
        }
    }

    /// The head of a POST. `credential` and `scope` are the parts of `Credential` before and after the day.
    fn post(
        host: &str,
        path: &Uri,
        content_type: &'static str,
        target: Option<&str>,
        [credential, scope]: [&str; 2],
    ) -> Self {
        let mut canonical = format!("POST\n{}\n\nhost:{host}\nx-amz-date:", canonical_path(path.path())).into_bytes();
        let canonical_date = open(&mut canonical, DATE_BYTES);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, value(host.as_bytes()));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let mut signed_headers = "host;x-amz-date";
        if let Some(target) = target {
            headers.insert("x-amz-target", value(target.as_bytes()));
            canonical.extend_from_slice(format!("\nx-amz-target:{target}").as_bytes());
            signed_headers = "host;x-amz-date;x-amz-target";
        }
        canonical.extend_from_slice(format!("\n\n{signed_headers}\n").as_bytes());
        let canonical_hash = open(&mut canonical, HEX_BYTES);

        let mut authorization = format!("{ALGORITHM} Credential={credential}").into_bytes();
        let authorization_day = open(&mut authorization, DAY_BYTES);
        authorization.extend_from_slice(format!("{scope}, SignedHeaders={signed_headers}, Signature=").as_bytes());
        let authorization_signature = open(&mut authorization, HEX_BYTES);
        Self {
            path: path.clone(),
            headers,
            authorization,
            authorization_day,
            authorization_signature,
            canonical,
            canonical_date,
            canonical_hash,
            second: None,
        }
    }

    /// The headers of the last signature.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Appends a request with the last signature. `body` must be the one that was signed.
    pub(super) fn write(&self, out: &mut Vec<u8>, body: &[u8]) {
        let path = self.path.path_and_query().map_or("/", PathAndQuery::as_str);
        for piece in ["POST ", path, " HTTP/1.1\r\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
        for (name, value) in &self.headers {
            for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                out.extend_from_slice(piece);
            }
        }
        let mut length = itoa::Buffer::new();
        let length = length.format(body.len()).as_bytes();
        for piece in [&b"content-length: "[..], length, b"\r\n\r\n", body] {
            out.extend_from_slice(piece);
        }
    }

    fn put_date(&mut self, date: &Timestamp) {
        self.headers.insert("x-amz-date", value(date.as_str().as_bytes()));
        self.authorization[place(self.authorization_day, DAY_BYTES)].copy_from_slice(date.day().as_bytes());
        self.canonical[place(self.canonical_date, DATE_BYTES)].copy_from_slice(date.as_str().as_bytes());
    }
}

impl Signer {
    /// The signer of an endpoint.
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self::with(&endpoint.secret, &endpoint.region, endpoint.service.signing_name())
    }

    fn with(secret: &str, region: &str, service: &'static str) -> Self {
        let date = Timestamp::from_unix_seconds(0);
        let mut to_sign = format!("{ALGORITHM}\n").into_bytes();
        open(&mut to_sign, DATE_BYTES);
        to_sign.push(b'\n');
        let to_sign_day = open(&mut to_sign, DAY_BYTES);
        to_sign.extend_from_slice(scope_after_day(region, service).as_bytes());
        to_sign.push(b'\n');
        let to_sign_hash = open(&mut to_sign, HEX_BYTES);
        Self {
            secret: secret.to_owned(),
            region: region.to_owned(),
            service,
            key: SigningKey::derive(secret, date.day(), region, service),
            day: None,
            second: None,
            date,
            to_sign,
            to_sign_day,
            to_sign_hash,
        }
    }

    /// Writes date and signature of a request with this body into a head.
    pub(super) fn sign(&mut self, head: &mut Head, body: &[u8]) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.sign_at(head, body, now.map_or(0, |since| since.as_secs()));
    }

    fn sign_at(&mut self, head: &mut Head, body: &[u8], second: u64) {
        if self.second != Some(second) {
            self.set_second(second);
        }
        if head.second != Some(second) {
            head.put_date(&self.date);
            head.second = Some(second);
        }
        head.canonical[place(head.canonical_hash, HEX_BYTES)].copy_from_slice(&hash(body));
        self.to_sign[place(self.to_sign_hash, HEX_BYTES)].copy_from_slice(&hash(&head.canonical));
        let signature = self.key.sign(&self.to_sign);
        head.authorization[place(head.authorization_signature, HEX_BYTES)].copy_from_slice(&signature);
        head.headers.insert(AUTHORIZATION, value(&head.authorization));
    }

    fn set_second(&mut self, second: u64) {
        self.second = Some(second);
        self.date = Timestamp::from_unix_seconds(second);
        self.to_sign[place(TO_SIGN_DATE, DATE_BYTES)].copy_from_slice(self.date.as_str().as_bytes());
        self.to_sign[place(self.to_sign_day, DAY_BYTES)].copy_from_slice(self.date.day().as_bytes());
        if self.day != Some(second / DAY_SECONDS) {
            self.day = Some(second / DAY_SECONDS);
            self.key = SigningKey::derive(&self.secret, self.date.day(), &self.region, self.service);
        }
    }
}

/// Seconds of CPU that signing one request of a small message takes. Measures it, which takes some milliseconds.
pub(in crate::targets) fn signature_seconds(endpoint: &Endpoint) -> f64 {
    const REQUESTS: u32 = 2000;
    let mut signer = Signer::new(endpoint);
    let mut head = Head::new(endpoint, "SendMessage", "/");
    let mut sign = || {
        let start = clock_gettime(ClockId::ThreadCPUTime);
        for _ in 0..REQUESTS {
            signer.sign(&mut head, std::hint::black_box(&[b'x'; 350]));
        }
        let end = clock_gettime(ClockId::ThreadCPUTime);
        // Both times are CPU times of this thread, so that the difference does not overflow.
        let nanos = (end.tv_sec - start.tv_sec) * 1_000_000_000 + (end.tv_nsec - start.tv_nsec);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)) / REQUESTS
    };
    // The first measurement warms caches up and is dropped.
    sign();
    sign().as_secs_f64()
}

fn value(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).expect("hosts, actions, keys and regions are printable")
}

/// Appends a place for `bytes` bytes. Returns its position.
fn open(text: &mut Vec<u8>, bytes: usize) -> usize {
    let at = text.len();
    text.resize(at + bytes, b'0');
    at
}

fn place(at: usize, bytes: usize) -> Range<usize> {
    at..at + bytes
}

#[cfg(test)]
mod tests;
