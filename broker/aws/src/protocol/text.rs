//! How texts are quoted, decoded and escaped: shared by the rest of [`protocol`](super) and by both services.
//!
//! Nothing here knows a request or a response.

use core::ops::Range;
use std::borrow::Cow;

use bytes::Bytes;
pub(crate) use posthouse_model::fault::excerpt;

/// Why a text cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecodable {
    /// A `%` is not followed by two hexadecimal digits.
    Escape,
    /// The decoded bytes are not UTF-8.
    Utf8,
}

/// The parts of a text between the bytes `separator`, which is ASCII: one more than there are such bytes. Faster than
/// [`str::split`] for the short texts of a request's head.
pub(crate) fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    debug_assert!(separator.is_ascii(), "a part begins and ends at a character");
    let ends = memchr::memchr_iter(separator, text.as_bytes()).chain([text.len()]);
    let mut start = 0;
    ends.map(move |end| {
        let part = &text[start..end];
        start = end + 1;
        part
    })
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

/// What each byte becomes; an empty text where it stays.
type Escapes = [&'static str; 256];

/// In a JSON string.
static JSON_ESCAPES: Escapes = {
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

/// In XML text. XML 1.0 has no way to write other control characters: what a client puts into an error message becomes
/// the replacement character.
static XML_ESCAPES: Escapes = {
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

/// In a JSON string that is part of a JSON text in a JSON string: [`JSON_ESCAPES`] twice.
static JSON_IN_JSON_ESCAPES: Escapes = {
    let mut table = [""; 256];
    let controls = [
        "\\\\u0000",
        "\\\\u0001",
        "\\\\u0002",
        "\\\\u0003",
        "\\\\u0004",
        "\\\\u0005",
        "\\\\u0006",
        "\\\\u0007",
        "\\\\b",
        "\\\\t",
        "\\\\n",
        "\\\\u000b",
        "\\\\f",
        "\\\\r",
        "\\\\u000e",
        "\\\\u000f",
        "\\\\u0010",
        "\\\\u0011",
        "\\\\u0012",
        "\\\\u0013",
        "\\\\u0014",
        "\\\\u0015",
        "\\\\u0016",
        "\\\\u0017",
        "\\\\u0018",
        "\\\\u0019",
        "\\\\u001a",
        "\\\\u001b",
        "\\\\u001c",
        "\\\\u001d",
        "\\\\u001e",
        "\\\\u001f",
    ];
    let mut byte = 0;
    while byte < controls.len() {
        table[byte] = controls[byte];
        byte += 1;
    }
    table[b'"' as usize] = "\\\\\\\"";
    table[b'\\' as usize] = "\\\\\\\\";
    table
};

/// In a JSON string that is part of a JSON text in XML: [`JSON_ESCAPES`], then [`XML_ESCAPES`].
static JSON_IN_XML_ESCAPES: Escapes = {
    let mut table = JSON_ESCAPES;
    table[b'&' as usize] = "&amp;";
    table[b'<' as usize] = "&lt;";
    table[b'>' as usize] = "&gt;";
    table[b'"' as usize] = "\\&quot;";
    table
};

/// The lengths of the bytes that a table makes of each byte.
const fn lengths(escapes: &Escapes) -> [u8; 256] {
    let mut lengths = [1; 256];
    let mut byte = 0;
    while byte < escapes.len() {
        if !escapes[byte].is_empty() {
            assert!(escapes[byte].len() <= ESCAPE_BYTES_MAX, "no escape is longer");
            #[expect(clippy::cast_possible_truncation, reason = "the assertion")]
            let length = escapes[byte].len() as u8;
            lengths[byte] = length;
        }
        byte += 1;
    }
    lengths
}

/// The longest escape: `\\u001f`.
const ESCAPE_BYTES_MAX: usize = 7;

static JSON_LENGTHS: [u8; 256] = lengths(&JSON_ESCAPES);
static XML_LENGTHS: [u8; 256] = lengths(&XML_ESCAPES);
static JSON_IN_JSON_LENGTHS: [u8; 256] = lengths(&JSON_IN_JSON_ESCAPES);
static JSON_IN_XML_LENGTHS: [u8; 256] = lengths(&JSON_IN_XML_ESCAPES);

/// Where an escaped text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escaping {
    /// Inside a JSON string.
    Json,
    /// Inside an XML element.
    Xml,
    /// Inside a string of a JSON text that stands inside a JSON string.
    JsonInJson,
    /// Inside a string of a JSON text that stands inside an XML element.
    JsonInXml,
}

impl Escaping {
    const fn escapes(self) -> &'static Escapes {
        match self {
            Self::Json => &JSON_ESCAPES,
            Self::Xml => &XML_ESCAPES,
            Self::JsonInJson => &JSON_IN_JSON_ESCAPES,
            Self::JsonInXml => &JSON_IN_XML_ESCAPES,
        }
    }

    const fn lengths(self) -> &'static [u8; 256] {
        match self {
            Self::Json => &JSON_LENGTHS,
            Self::Xml => &XML_LENGTHS,
            Self::JsonInJson => &JSON_IN_JSON_LENGTHS,
            Self::JsonInXml => &JSON_IN_XML_LENGTHS,
        }
    }
}

/// Bytes of one piece of an escaped text at most: a frame of HTTP/2.
const PIECE_BYTES: usize = 16 * 1024;

/// A text that is escaped a piece at a time. The pieces are UTF-8 together, not each alone.
#[derive(Clone, Debug)]
pub(crate) struct Escaped {
    text: Bytes,
    escaping: Escaping,
    /// Bytes of the text that are escaped.
    done: usize,
    remaining_bytes: u64,
}

impl Escaped {
    /// The text as it is inside of what `escaping` names. Looks at each byte once, to know the length.
    pub(crate) fn new(text: Bytes, escaping: Escaping) -> Self {
        let lengths = escaping.lengths();
        let remaining_bytes = text.iter().map(|byte| u64::from(lengths[usize::from(*byte)])).sum();
        Self { text, escaping, done: 0, remaining_bytes }
    }

    /// How many bytes the pieces that are left have together.
    pub(crate) const fn remaining_bytes(&self) -> u64 {
        self.remaining_bytes
    }

    /// How many bytes of memory the text holds.
    pub(crate) const fn held_bytes(&self) -> u64 {
        self.text.len() as u64
    }
}

impl Iterator for Escaped {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let rest = &self.text[self.done..];
        if rest.is_empty() {
            return None;
        }
        let lengths = self.escaping.lengths();
        let mut piece_bytes = 0;
        let fits = |byte: &&u8| {
            piece_bytes += usize::from(lengths[usize::from(**byte)]);
            piece_bytes <= PIECE_BYTES
        };
        let count = rest.iter().take_while(fits).count();
        let mut piece = Vec::with_capacity(PIECE_BYTES.min(rest.len() * ESCAPE_BYTES_MAX));
        escape(&mut piece, &rest[..count], self.escaping.escapes());
        self.done += count;
        self.remaining_bytes -= piece.len() as u64;
        Some(piece.into())
    }
}

/// Writes the inside of a JSON string.
pub(crate) fn escape_json(out: &mut Vec<u8>, text: &str) {
    escape(out, text.as_bytes(), &JSON_ESCAPES);
}

/// Writes the inside of an XML element.
pub(crate) fn escape_xml(out: &mut Vec<u8>, text: &str) {
    escape(out, text.as_bytes(), &XML_ESCAPES);
}

/// Whether some table may have an escape for a byte: every byte of which one has, and a few more in each.
pub(crate) const fn may_be_escaped(byte: u8) -> bool {
    // Without branches, so that the compiler compares many bytes at once.
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == b'&') | (byte == b'<') | (byte == b'>')
}

const _: () = {
    let mut byte = u8::MAX;
    loop {
        let at = byte as usize;
        let stays = JSON_ESCAPES[at].is_empty()
            && XML_ESCAPES[at].is_empty()
            && JSON_IN_JSON_ESCAPES[at].is_empty()
            && JSON_IN_XML_ESCAPES[at].is_empty();
        assert!(stays || may_be_escaped(byte), "the bytes of all tables are known");
        if byte == 0 {
            break;
        }
        byte -= 1;
    }
};

/// Bytes that [`escape`] looks at together.
const CHUNK_BYTES: usize = 16;

fn escape(out: &mut Vec<u8>, bytes: &[u8], escapes: &Escapes) {
    let mut start = 0;
    let mut escape_each = |range: Range<usize>| {
        for at in range {
            let replacement = escapes[usize::from(bytes[at])];
            if !replacement.is_empty() {
                out.extend_from_slice(&bytes[start..at]);
                out.extend_from_slice(replacement.as_bytes());
                start = at + 1;
            }
        }
    };
    let (chunks, rest) = bytes.as_chunks::<CHUNK_BYTES>();
    for (index, chunk) in chunks.iter().enumerate() {
        if chunk.iter().fold(false, |found, byte| found | may_be_escaped(*byte)) {
            escape_each(index * CHUNK_BYTES..(index + 1) * CHUNK_BYTES);
        }
    }
    escape_each(bytes.len() - rest.len()..bytes.len());
    out.extend_from_slice(&bytes[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pieces(text: &str, escaping: Escaping) -> String {
        let escaped = Escaped::new(Bytes::copy_from_slice(text.as_bytes()), escaping);
        let length = escaped.remaining_bytes();
        let pieces: Vec<Bytes> = escaped.collect();
        assert!(pieces.iter().all(|piece| (1..=PIECE_BYTES).contains(&piece.len())), "{escaping:?}");
        let whole: Vec<u8> = pieces.into_iter().flatten().collect();
        assert_eq!(whole.len() as u64, length, "{escaping:?}");
        String::from_utf8(whole).expect("UTF-8")
    }

    #[test]
    fn pieces_are_what_escaping_at_once_makes() {
        let each: String = (0..0x250).filter_map(char::from_u32).chain(['\u{FFFF}', '\u{10000}']).collect();
        for text in ["", "a", &each, &each.repeat(100), &"\u{1}".repeat(50_000), &"ü".repeat(50_000)] {
            let escape = |text: &str, escape: fn(&mut Vec<u8>, &str)| {
                let mut out = Vec::new();
                escape(&mut out, text);
                String::from_utf8(out).expect("UTF-8")
            };
            let (json, xml) = (escape(text, escape_json), escape(text, escape_xml));
            assert_eq!(in_pieces(text, Escaping::JsonInJson), escape(&json, escape_json));
            assert_eq!(in_pieces(text, Escaping::JsonInXml), escape(&json, escape_xml));
            assert_eq!(in_pieces(text, Escaping::Json), json);
            assert_eq!(in_pieces(text, Escaping::Xml), xml);
        }
    }
}
