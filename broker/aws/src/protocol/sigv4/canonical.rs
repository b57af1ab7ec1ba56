//! The canonical form of a request that a signature is made over.
//!
//! Source: "Create a signed AWS API request" in the AWS Identity and Access Management user guide. For every service
//! but S3 the path is normalised and its segments are encoded once more than they came.
//!
//! The canonical form is hashed as it is written and never in memory as a whole.

use std::borrow::Cow;

use http::header::{HOST, HeaderName};
use http::request::Parts;
use sha2::digest::Update;
use sha2::{Digest, Sha256};

use super::date::AmzDate;
use super::presented::SignaturePlace;
use super::{ALGORITHM, AuthFault};
use crate::protocol::text::{form_decode, hex, split};

/// Names in `SignedHeaders`: as many as a request of HTTP/1.1 may have headers. SDKs sign some ten.
const SIGNED_HEADERS_MAX: usize = 100;

/// The names of a `SignedHeaders` list, as it has them.
fn names(list: &str) -> impl Iterator<Item = &str> {
    split(list, b';')
}

/// A text in lower case. Borrowed if it is in lower case already, as clients write the names of headers.
fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Checks that the headers which must be signed are: `host`, and every `x-amz-*` header of the request. None is named
/// twice, and there are [`SIGNED_HEADERS_MAX`] at most: the canonical request is then no longer than the headers are.
pub(super) fn check_signed_headers(parts: &Parts, signed: &str) -> Result<(), AuthFault> {
    let (mut count, mut is_ascending, mut has_host, mut previous) = (0, true, false, "");
    for name in names(signed) {
        if count == SIGNED_HEADERS_MAX {
            return Err(AuthFault::mismatch(format!(
                "SignedHeaders must not name more than {SIGNED_HEADERS_MAX} headers."
            )));
        }
        count += 1;
        is_ascending &= previous < name;
        has_host |= name.eq_ignore_ascii_case("host");
        previous = name;
    }
    // AWS wants the names in lower case and in order. Such a list repeats none.
    let is_in_order = is_ascending && !signed.bytes().any(|byte| byte.is_ascii_uppercase());
    let repeats = || {
        names(signed).enumerate().any(|(at, name)| names(signed).take(at).any(|other| other.eq_ignore_ascii_case(name)))
    };
    if !is_in_order && repeats() {
        return Err(AuthFault::mismatch("SignedHeaders must not name a header twice."));
    }
    if !has_host {
        return Err(AuthFault::mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let is_signed = |name: &str| names(signed).any(|signed| signed.eq_ignore_ascii_case(name));
    let mut amazon = parts.headers.keys().map(HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    match amazon.find(|name| !is_signed(name)) {
        Some(name) => Err(AuthFault::mismatch(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."))),
        None => Ok(()),
    }
}

/// The hash of the canonical request, in hexadecimal. A signature in the URL is left out of the query.
pub(super) fn request_hash(
    parts: &Parts,
    signed_headers: &str,
    body_hash: &[u8; 64],
    place: SignaturePlace,
) -> [u8; 64] {
    let mut hasher = Sha256::new();
    request(&mut hasher, parts, signed_headers, body_hash, place);
    let mut hash = [0; 64];
    hex(&hasher.finalize(), &mut hash);
    hash
}

fn request(out: &mut impl Update, parts: &Parts, signed_headers: &str, body_hash: &[u8; 64], place: SignaturePlace) {
    out.update(parts.method.as_str().as_bytes());
    out.update(b"\n");
    path(out, parts.uri.path());
    out.update(b"\n");
    query(out, parts.uri.query().unwrap_or_default(), place);
    out.update(b"\n");
    let signed_headers = lower_case(signed_headers);
    for name in names(&signed_headers) {
        header(out, parts, name);
    }
    out.update(b"\n");
    out.update(signed_headers.as_bytes());
    out.update(b"\n");
    out.update(body_hash);
}

/// What is signed: the algorithm, the date, the scope and the hash of the canonical request.
#[derive(Clone, Copy)]
pub(super) struct ToSign<'a> {
    pub(super) date: AmzDate,
    /// The credential scope: the credential without the access key id.
    pub(super) scope: &'a str,
    pub(super) request_hash: [u8; 64],
}

impl ToSign<'_> {
    /// Writes it into a signature.
    pub(super) fn write(&self, out: &mut impl Update) {
        let Self { date, scope, request_hash } = self;
        for part in [ALGORITHM, "\n", date.as_str(), "\n", scope, "\n"] {
            out.update(part.as_bytes());
        }
        out.update(request_hash);
    }
}

/// The path without `.`, `..` and empty segments, each segment encoded as if it were not.
fn path(out: &mut impl Update, path: &str) {
    let mut segments: Vec<&str> = Vec::new();
    for segment in split(path, b'/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    for segment in &segments {
        out.update(b"/");
        encode(out, segment.as_bytes());
    }
    if segments.is_empty() || path.ends_with('/') {
        out.update(b"/");
    }
}

/// The parameters, decoded and encoded anew, in the order of their names and then values.
fn query(out: &mut impl Update, query: &str, place: SignaturePlace) {
    let mut pairs: Vec<(Encoded, Encoded)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recode(name), recode(value)))
        .filter(|(name, _)| !(place == SignaturePlace::Url && name.0 == b"X-Amz-Signature"))
        .collect();
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.update(b"&");
        }
        out.update(&name.0);
        out.update(b"=");
        out.update(&value.0);
    }
}

/// `name:value` with a lower-case name; values of one name are joined by commas, runs of white space become one space.
fn header(out: &mut impl Update, parts: &Parts, name: &str) {
    out.update(name.as_bytes());
    out.update(b":");
    let mut values = parts.headers.get_all(name).iter().peekable();
    if name == HOST && values.peek().is_none() {
        // HTTP/2 has the host in its request line.
        let authority = parts.uri.authority().map_or("", http::uri::Authority::as_str);
        out.update(authority.as_bytes());
    }
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.update(b",");
        }
        let words = value.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            if index > 0 {
                out.update(b" ");
            }
            out.update(word);
        }
    }
    out.update(b"\n");
}

/// What the form decoder reads, encoded as the specification wants it; what it cannot read is taken literally.
fn recode(text: &str) -> Encoded {
    let mut out = Encoded(Vec::with_capacity(text.len() + 8));
    match form_decode(text.as_bytes()) {
        Ok(decoded) => encode(&mut out, decoded.as_bytes()),
        Err(_) => encode(&mut out, text.as_bytes()),
    }
    out
}

/// Text that is encoded before it is hashed, because it is sorted in between.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Encoded(Vec<u8>);

impl Update for Encoded {
    fn update(&mut self, text: &[u8]) {
        self.0.extend_from_slice(text);
    }
}

/// Writes text with all but unreserved characters percent-encoded.
fn encode(out: &mut impl Update, text: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let is_unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let mut rest = text;
    while !rest.is_empty() {
        let plain_bytes = rest.iter().take_while(|byte| is_unreserved(byte)).count();
        out.update(&rest[..plain_bytes]);
        rest = &rest[plain_bytes..];
        if let Some((byte, after)) = rest.split_first() {
            out.update(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Encoded)) -> String {
        let mut out = Encoded(Vec::new());
        write(&mut out);
        String::from_utf8(out.0).expect("ASCII")
    }

    #[test]
    fn paths() {
        for (given, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/..", "/"),
            ("/a/b/..", "/a"),
            ("/a/../../b/", "/b/"),
            ("//a//b", "/a/b"),
            ("/a b", "/a%20b"),
            ("/a%20b", "/a%2520b"),
            ("/us-east-1/123456789012/q.fifo", "/us-east-1/123456789012/q.fifo"),
        ] {
            assert_eq!(text(|out| path(out, given)), canonical, "{given}");
        }
    }

    #[test]
    fn queries() {
        for (given, canonical) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&A=0", "A=0&a=1&a=2"),
            ("a", "a="),
            ("a=b=c&&", "a=b%3Dc"),
            ("a=%7e+%2b%e1%88%b4", "a=~%20%2B%E1%88%B4"),
            ("a=%zz", "a=%25zz"),
            ("X-Amz-Signature=x&Y=1", "Y=1"),
        ] {
            assert_eq!(text(|out| query(out, given, SignaturePlace::Url)), canonical, "{given}");
        }
        assert_eq!(text(|out| query(out, "X-Amz-Signature=x", SignaturePlace::Header)), "X-Amz-Signature=x");
    }

    #[test]
    fn headers() {
        let (parts, ()) = http::Request::get("http://authority:1/")
            .header("X-Two", "  a   b ")
            .header("x-two", "c\td")
            .body(())
            .expect("valid")
            .into_parts();
        assert_eq!(text(|out| header(out, &parts, "x-two")), "x-two:a b,c d\n");
        assert_eq!(text(|out| header(out, &parts, "x-none")), "x-none:\n");
        assert_eq!(text(|out| header(out, &parts, "host")), "host:authority:1\n");
    }
}
