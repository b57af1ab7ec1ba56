//! XML as Query responses use it: elements and text. Attributes, name spaces, comments and processing instructions
//! carry nothing in these responses and are passed over.
//!
//! [`Scanner`] walks a document tag by tag without building anything. [`Element`] is a document as a tree.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::{memchr, memmem};

pub use element::Element;

mod element;

/// Why a document is not well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// One part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// `<name>`.
    Open(&'a [u8]),
    /// `</name>`.
    Close(&'a [u8]),
    /// `<name/>`.
    Empty(&'a [u8]),
    /// Text between two tags; a CDATA section is a text of its own.
    Text(Text),
}

/// A text of a document, as its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    place: Range<usize>,
    /// Whether this is a CDATA section, in which entities mean nothing.
    literal: bool,
}

/// A position in a document.
pub struct Scanner<'a> {
    document: &'a [u8],
    at: usize,
}

const CDATA: &[u8] = b"<![CDATA[";
const CDATA_END: &[u8] = b"]]>";

impl<'a> Scanner<'a> {
    /// The beginning of a document.
    #[must_use]
    pub fn new(document: &'a [u8]) -> Self {
        Self { document, at: 0 }
    }

    /// The next tag, which is no [`Token::Text`]: text before it is passed over. `None` at the end of the document.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the document is cut or ends in text.
    #[expect(clippy::should_implement_trait, reason = "it fails")]
    pub fn next(&mut self) -> Result<Option<Token<'a>>, Malformed> {
        loop {
            match self.token()? {
                Some(Token::Text(_)) => {}
                tag => return Ok(tag),
            }
        }
    }

    /// The next tag or text, which is never empty. `None` at the end of the document.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the document is cut or ends in text.
    pub fn token(&mut self) -> Result<Option<Token<'a>>, Malformed> {
        let document = self.document;
        loop {
            let start = self.at;
            let Some(length) = memchr(b'<', &document[start..]) else { return self.end() };
            if length > 0 || document[start..].starts_with(CDATA) {
                return self.text().map(|text| Some(Token::Text(text)));
            }
            if document[start..].starts_with(b"<!--") {
                self.move_behind(start, b"-->")?;
                continue;
            }
            self.move_behind(start, b">")?;
            let tag = &document[start + 1..self.at - 1];
            if tag.starts_with(b"?") || tag.starts_with(b"!") {
                continue;
            }
            let (tag, kind): (_, fn(&'a [u8]) -> Token<'a>) = match (tag.strip_prefix(b"/"), tag.strip_suffix(b"/")) {
                (Some(tag), _) => (tag, Token::Close),
                (None, Some(tag)) => (tag, Token::Empty),
                (None, None) => (tag, Token::Open),
            };
            return Ok(Some(kind(tag.split(u8::is_ascii_whitespace).next().unwrap_or_default())));
        }
    }

    /// The text at the present position, up to the next tag; empty if a tag follows at once.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the document is cut.
    pub fn text(&mut self) -> Result<Text, Malformed> {
        let start = self.at;
        if self.document[start..].starts_with(CDATA) {
            self.move_behind(start, CDATA_END)?;
            let place = start + CDATA.len()..self.at - CDATA_END.len();
            return Ok(Text { place, literal: true });
        }
        let length = memchr(b'<', &self.document[start..]).ok_or_else(cut)?;
        self.at = start + length;
        Ok(Text { place: start..self.at, literal: false })
    }

    fn move_behind(&mut self, from: usize, end: &[u8]) -> Result<(), Malformed> {
        let rest = &self.document[from..];
        let found = if let [byte] = end { memchr(*byte, rest) } else { memmem::find(rest, end) };
        self.at = from + found.ok_or_else(cut)? + end.len();
        Ok(())
    }

    /// Only white space may follow the last tag, which is the document's own.
    fn end(&self) -> Result<Option<Token<'a>>, Malformed> {
        let is_whole = self.at > 0 && self.document[self.at..].trim_ascii().is_empty();
        if is_whole { Ok(None) } else { Err(cut()) }
    }
}

impl Text {
    /// The position of the text in the document, before entities are replaced.
    #[must_use]
    pub fn place(&self) -> Range<usize> {
        self.place.clone()
    }

    /// The text with its entities replaced. It is borrowed if it has none.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for an entity that XML does not define.
    pub fn unescape<'a>(&self, document: &'a [u8]) -> Result<Cow<'a, [u8]>, Malformed> {
        let text = &document[self.place()];
        if self.literal || memchr(b'&', text).is_none() {
            return Ok(Cow::Borrowed(text));
        }
        let mut plain = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = memchr(b'&', rest) {
            plain.extend_from_slice(&rest[..at]);
            let end = memchr(b';', &rest[at..]).ok_or_else(|| Malformed("an entity without end".to_owned()))?;
            let name = &rest[at + 1..at + end];
            let character = entity(name).ok_or_else(|| Malformed(format!("entity `{}`", name.escape_ascii())))?;
            plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[at + end + 1..];
        }
        plain.extend_from_slice(rest);
        Ok(Cow::Owned(plain))
    }

    /// Like [`Self::unescape`], as a string.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for an entity that XML does not define, and for text that is not UTF-8.
    pub fn to_string(&self, document: &[u8]) -> Result<String, Malformed> {
        String::from_utf8(self.unescape(document)?.into_owned())
            .map_err(|_| Malformed("text that is not UTF-8".to_owned()))
    }
}

fn cut() -> Malformed {
    Malformed("the text ends early".to_owned())
}

fn entity(name: &[u8]) -> Option<char> {
    Some(match name {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        _ => {
            let number = std::str::from_utf8(name).ok()?.strip_prefix('#')?;
            let hexadecimal = number.strip_prefix('x');
            let code = hexadecimal.map_or_else(|| number.parse(), |digits| u32::from_str_radix(digits, 16));
            char::from_u32(code.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests;
