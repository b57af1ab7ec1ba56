//! The canonical form of a request that a signature is made over.
//!
//! Source: "Create a signed AWS API request" in the AWS Identity and Access Management user guide. For every service
//! but S3 the path is normalised and its segments are encoded once more than they came.

use http::header::{HOST, HeaderName};
use http::request::Parts;
use sha2::{Digest, Sha256};

use super::date::AmzDate;
use super::presented::SignaturePlace;
use super::{ALGORITHM, AuthFault};
use crate::protocol::text::{form_decode, hex};

/// Names in `SignedHeaders`: as many as a request of HTTP/1.1 may have headers. SDKs sign some ten.
const SIGNED_HEADERS_MAX: usize = 100;

/// Checks that the headers which must be signed are: `host`, and every `x-amz-*` header of the request. None is named
/// twice, and there are [`SIGNED_HEADERS_MAX`] at most: the canonical request is then no longer than the headers are.
pub(super) fn check_signed_headers(parts: &Parts, signed: &str) -> Result<(), AuthFault> {
    let names = || signed.split(';');
    if names().nth(SIGNED_HEADERS_MAX).is_some() {
        return Err(AuthFault::mismatch(format!(
            "SignedHeaders must not name more than {SIGNED_HEADERS_MAX} headers."
        )));
    }
    // AWS wants the names in lower case and in order. Such a list repeats none.
    let is_in_order = || {
        names().zip(names().skip(1)).all(|(name, next)| name < next) && !signed.bytes().any(|b| b.is_ascii_uppercase())
    };
    let repeats =
        || names().enumerate().any(|(at, name)| names().take(at).any(|other| other.eq_ignore_ascii_case(name)));
    if !is_in_order() && repeats() {
        return Err(AuthFault::mismatch("SignedHeaders must not name a header twice."));
    }
    let is_signed = |name: &str| names().any(|signed| signed.eq_ignore_ascii_case(name));
    if !is_signed("host") {
        return Err(AuthFault::mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let amazon = parts.headers.keys().map(HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    match amazon.into_iter().find(|name| !is_signed(name)) {
        Some(name) => Err(AuthFault::mismatch(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."))),
        None => Ok(()),
    }
}

/// The canonical request. A signature in the URL is left out of the query.
pub(super) fn request(parts: &Parts, signed_headers: &str, body_hash: &[u8; 64], place: SignaturePlace) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(parts.method.as_str().as_bytes());
    out.push(b'\n');
    path(&mut out, parts.uri.path());
    out.push(b'\n');
    query(&mut out, parts.uri.query().unwrap_or_default(), place);
    out.push(b'\n');
    for name in signed_headers.split(';') {
        header(&mut out, parts, &name.to_ascii_lowercase());
    }
    out.push(b'\n');
    out.extend(signed_headers.bytes().map(|byte| byte.to_ascii_lowercase()));
    out.push(b'\n');
    out.extend_from_slice(body_hash);
    out
}

/// What is signed: the algorithm, the date, the scope and the hash of the canonical request.
pub(super) fn string_to_sign(date: AmzDate, scope: &str, request: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    for part in [ALGORITHM, "\n", date.as_str(), "\n", scope, "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    let mut hash = [0; 64];
    hex(&Sha256::digest(request), &mut hash);
    out.extend_from_slice(&hash);
    out
}

/// The path without `.`, `..` and empty segments, each segment encoded as if it were not.
fn path(out: &mut Vec<u8>, path: &str) {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    for segment in &segments {
        out.push(b'/');
        encode(out, segment.as_bytes());
    }
    if segments.is_empty() || path.ends_with('/') {
        out.push(b'/');
    }
}

/// The parameters, decoded and encoded anew, in the order of their names and then values.
fn query(out: &mut Vec<u8>, query: &str, place: SignaturePlace) {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recode(name), recode(value)))
        .filter(|(name, _)| !(place == SignaturePlace::Url && name == b"X-Amz-Signature"))
        .collect();
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// `name:value` with a lower-case name; values of one name are joined by commas, runs of white space become one space.
fn header(out: &mut Vec<u8>, parts: &Parts, name: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut values = parts.headers.get_all(name).iter().peekable();
    if name == HOST && values.peek().is_none() {
        // HTTP/2 has the host in its request line.
        let authority = parts.uri.authority().map_or("", http::uri::Authority::as_str);
        out.extend_from_slice(authority.as_bytes());
    }
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let words = value.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(word);
        }
    }
    out.push(b'\n');
}

/// What the form decoder reads, encoded as the specification wants it; what it cannot read is taken literally.
fn recode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    match form_decode(text.as_bytes()) {
        Ok(decoded) => encode(&mut out, decoded.as_bytes()),
        Err(_) => encode(&mut out, text.as_bytes()),
    }
    out
}

fn encode(out: &mut Vec<u8>, text: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("ASCII")
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
