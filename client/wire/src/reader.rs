//! Reads payloads. A payload, and each entry of it, begins with a head that says its own length. A field that a head
//! no longer has takes its default; bytes of a head behind the last field that is known are skipped.

use crate::error::{Malformed, Problem};
use crate::text::Text;

/// What is left of a payload or of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(|| Malformed::new(field, Problem::Short))?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next head.
    pub(crate) fn head(&mut self) -> Result<Head<'a>, Malformed> {
        let length = u16::from_le_bytes(self.array("head length")?);
        self.take(length.into(), "head").map(Head)
    }

    /// The next entry: its length, then its head, then whatever its head says.
    pub(crate) fn entry(&mut self) -> Result<Self, Malformed> {
        let length = u32::from_le_bytes(self.array("entry length")?);
        let length = usize::try_from(length).map_err(|_| Malformed::new("entry length", Problem::TooLong))?;
        self.take(length, "entry").map(Self)
    }

    /// Everything that is left.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(|| Malformed::new(field, Problem::Short))?;
        self.0 = rest;
        Ok(*array)
    }
}

/// What is left of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a>(&'a [u8]);

macro_rules! integers {
    ($($required:ident $optional:ident $type:ty,)+) => {$(
        /// A field that every version has.
        pub(crate) fn $required(&mut self, field: &'static str) -> Result<$type, Malformed> {
            self.array(field).map(<$type>::from_le_bytes)
        }

        /// A field that a head may lack.
        pub(crate) fn $optional(&mut self, field: &'static str, default: $type) -> Result<$type, Malformed> {
            if self.0.is_empty() { Ok(default) } else { self.$required(field) }
        }
    )+};
}

impl<'a> Head<'a> {
    integers! {
        u8 u8_or u8,
        u16 u16_or u16,
        u32 u32_or u32,
        u64 u64_or u64,
        u128 u128_or u128,
    }

    /// Bytes that every version has.
    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(|| Malformed::new(field, Problem::Short))?;
        self.0 = rest;
        Ok(*array)
    }

    /// A text that every version has: its length in two bytes, then its bytes.
    pub(crate) fn text(&mut self, field: &'static str) -> Result<Text<'a>, Malformed> {
        let length = usize::from(self.u16(field)?);
        if length == 0 {
            // Most texts of most messages are.
            return Ok(Text::EMPTY);
        }
        let (text, rest) = self.0.split_at_checked(length).ok_or_else(|| Malformed::new(field, Problem::Short))?;
        self.0 = rest;
        let text = core::str::from_utf8(text).map_err(|_| Malformed::new(field, Problem::NotUtf8))?;
        Text::new(text).map_err(|_| Malformed::new(field, Problem::TooLong))
    }

    /// A text that a head may lack; it is empty then.
    pub(crate) fn text_or_empty(&mut self, field: &'static str) -> Result<Text<'a>, Malformed> {
        if self.0.is_empty() { Ok(Text::EMPTY) } else { self.text(field) }
    }
}
