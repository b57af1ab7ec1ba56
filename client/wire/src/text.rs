//! Texts of the protocol: UTF-8 of at most [`TEXT_BYTES_MAX`] bytes, so that a head with all its texts stays below the
//! 64 KiB that its length can say.

use core::fmt;

use crate::limits::TEXT_BYTES_MAX;

/// A text of at most [`TEXT_BYTES_MAX`] bytes. An empty one stands for none.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(&'a str);

/// A text that is longer than [`TEXT_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextTooLong {
    /// Its bytes.
    pub length: usize,
}

impl fmt::Display for TextTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text has {} bytes, and {TEXT_BYTES_MAX} are allowed", self.length)
    }
}

impl core::error::Error for TextTooLong {}

impl<'a> Text<'a> {
    /// The empty text.
    pub const EMPTY: Self = Self("");

    /// A text.
    ///
    /// # Errors
    /// [`TextTooLong`]
    pub const fn new(text: &'a str) -> Result<Self, TextTooLong> {
        if text.len() <= TEXT_BYTES_MAX { Ok(Self(text)) } else { Err(TextTooLong { length: text.len() }) }
    }

    /// The beginning of a text, at most [`TEXT_BYTES_MAX`] bytes: for names and sentences, which may be cut.
    #[must_use]
    pub fn clipped(text: &'a str) -> Self {
        Self::clipped_to(text, TEXT_BYTES_MAX)
    }

    /// The beginning of a text, at most `bytes_max` and at most [`TEXT_BYTES_MAX`] bytes.
    pub(crate) fn clipped_to(text: &'a str, bytes_max: usize) -> Self {
        Self(&text[..text.floor_char_boundary(bytes_max.min(TEXT_BYTES_MAX))])
    }

    /// The text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// `None` for the empty text.
    #[must_use]
    pub const fn non_empty(self) -> Option<&'a str> {
        if self.0.is_empty() { None } else { Some(self.0) }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl<'a> TryFrom<&'a str> for Text<'a> {
    type Error = TextTooLong;

    fn try_from(text: &'a str) -> Result<Self, TextTooLong> {
        Self::new(text)
    }
}
