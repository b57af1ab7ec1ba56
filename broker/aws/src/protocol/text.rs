//! How texts are quoted, decoded and escaped: shared by the rest of [`protocol`](super) and by both services.
//!
//! Nothing here knows a request or a response.

use std::borrow::Cow;

pub(crate) use posthouse_model::fault::excerpt;

/// Why a text cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecodable {
    /// A `%` is not followed by two hexadecimal digits.
    Escape,
    /// The decoded bytes are not UTF-8.
    Utf8,
}

/// Decodes `application/x-www-form-urlencoded` text.
///
/// # Errors
/// [`Undecodable`]
pub(crate) fn form_decode(text: &[u8]) -> Result<Cow<'_, str>, Undecodable> {
    if !text.iter().any(|b| matches!(b, b'%' | b'+')) {
        return core::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| Undecodable::Utf8);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => escaped(&mut bytes).ok_or(Undecodable::Escape)?,
            other => other,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Undecodable::Utf8)
}

/// The byte of the two digits behind a `%`.
fn escaped(digits: &mut core::slice::Iter<'_, u8>) -> Option<u8> {
    Some(hex_digit(*digits.next()?)? << 4 | hex_digit(*digits.next()?)?)
}

/// The value of a hexadecimal digit of either case; `None` for any other byte.
pub(crate) const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Writes bytes as lower-case hexadecimal digits; `text` is twice as long as `bytes`.
pub(crate) fn hex(bytes: &[u8], text: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    debug_assert_eq!(text.len(), bytes.len() * 2);
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// What each byte becomes in a JSON string; an empty text where it stays.
const JSON_ESCAPES: [&str; 256] = {
    let mut table = [""; 256];
    let controls = [
        "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007", "\\b", "\\t", "\\n",
        "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014",
        "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e",
        "\\u001f",
    ];
    let mut byte = 0;
    while byte < controls.len() {
        table[byte] = controls[byte];
        byte += 1;
    }
    table[b'"' as usize] = "\\\"";
    table[b'\\' as usize] = "\\\\";
    table
};

/// What each byte becomes in XML text; an empty text where it stays. XML 1.0 has no way to write other control
/// characters: what a client puts into an error message becomes the replacement character.
const XML_ESCAPES: [&str; 256] = {
    let mut table = [""; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = "\u{FFFD}";
        byte += 1;
    }
    table[b'\t' as usize] = "";
    table[b'\n' as usize] = "";
    table[b'\r' as usize] = "&#xD;";
    table[b'&' as usize] = "&amp;";
    table[b'<' as usize] = "&lt;";
    table[b'>' as usize] = "&gt;";
    table[b'"' as usize] = "&quot;";
    table
};

/// Writes the inside of a JSON string.
pub(crate) fn escape_json(out: &mut Vec<u8>, text: &str) {
    escape(out, text, &JSON_ESCAPES);
}

/// Writes the inside of an XML element.
pub(crate) fn escape_xml(out: &mut Vec<u8>, text: &str) {
    escape(out, text, &XML_ESCAPES);
}

fn escape(out: &mut Vec<u8>, text: &str, escapes: &[&str; 256]) {
    let bytes = text.as_bytes();
    let mut start = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let replacement = escapes[usize::from(byte)];
        if !replacement.is_empty() {
            out.extend_from_slice(&bytes[start..at]);
            out.extend_from_slice(replacement.as_bytes());
            start = at + 1;
        }
    }
    out.extend_from_slice(&bytes[start..]);
}
