//! Entries, each of which is a message of a SEND or a DELIVER, and their attributes.
//!
//! An entry is: its length in four bytes, a head, the attributes, the body. What follows the body within the entry's
//! length belongs to a newer version and is skipped.

use core::marker::PhantomData;

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::chunks::Pieces;
use crate::error::{Malformed, Problem};
use crate::reader::{Head, Reader};
use crate::text::Text;
use crate::writer;

/// A message attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// Its data type with the custom label, if any: `Number.float`.
    pub data_type: Text<'a>,
    /// Its value.
    pub value: AttributeValue<'a>,
}

/// The value of a message attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeValue<'a> {
    /// `StringValue`
    Text(&'a str),
    /// `BinaryValue`
    Binary(&'a [u8]),
}

const TEXT: u8 = 0;
const BINARY: u8 = 1;

/// The attributes of a message as they are encoded. They are checked while they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// No attributes.
    pub const NONE: Self = Self(&[]);

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of their encoding.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// The attributes in order.
    ///
    /// # Errors
    /// [`Malformed`] for the first one that is not whole; nothing follows it.
    pub fn iter(self) -> impl Iterator<Item = Result<Attribute<'a>, Malformed>> {
        let mut reader = Reader::new(self.0);
        core::iter::from_fn(move || {
            if reader.rest().is_empty() {
                return None;
            }
            let attribute = read_attribute(&mut reader);
            if attribute.is_err() {
                reader = Reader::new(&[]);
            }
            Some(attribute)
        })
    }
}

fn read_attribute<'a>(reader: &mut Reader<'a>) -> Result<Attribute<'a>, Malformed> {
    let mut entry = reader.entry()?;
    let mut head = entry.head()?;
    let kind = head.u8("attribute kind")?;
    let (name, data_type) = (head.text("attribute name")?, head.text("attribute type")?);
    let length = length(&mut head, "attribute value")?;
    let value = entry.take(length, "attribute value")?;
    let value = match kind {
        TEXT => AttributeValue::Text(
            core::str::from_utf8(value).map_err(|_| Malformed::new("attribute value", Problem::NotUtf8))?,
        ),
        BINARY => AttributeValue::Binary(value),
        _ => return Err(Malformed::new("attribute kind", Problem::Value)),
    };
    Ok(Attribute { name, data_type, value })
}

/// Encodes attributes. Cleared and filled again for each message, it does not allocate.
#[derive(Clone, Debug, Default)]
pub struct AttributesBuffer(BytesMut);

impl AttributesBuffer {
    /// Without attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes all attributes.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Appends an attribute.
    pub fn push(&mut self, attribute: &Attribute<'_>) {
        let (kind, value) = match attribute.value {
            AttributeValue::Text(text) => (TEXT, text.as_bytes()),
            AttributeValue::Binary(bytes) => (BINARY, bytes),
        };
        let start = self.0.len();
        self.0.put_u32_le(0);
        writer::head(&mut self.0, |out| {
            out.put_u8(kind);
            writer::text(out, attribute.name);
            writer::text(out, attribute.data_type);
            out.put_u32_le(saturated(value.len()));
        });
        self.0.put_slice(value);
        let length = saturated(self.0.len() - start - 4);
        self.0[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// The attributes.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes(&self.0)
    }
}

/// A length that does not fit into four bytes is beyond every limit of a frame, so what has it is refused before it is
/// sent.
fn saturated(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Something that entries are read as.
pub trait Entry<'a>: Sized {
    #[doc(hidden)]
    fn read(entry: &mut EntryReader<'a>) -> Result<Self, Malformed>;
}

/// The bytes of an entry, which only this crate can read.
#[doc(hidden)]
pub struct EntryReader<'a>(Reader<'a>);

impl<'a> EntryReader<'a> {
    pub(super) fn head(&mut self) -> Result<Head<'a>, Malformed> {
        self.0.head()
    }

    /// The attributes and the body, whose lengths are the next fields of the head.
    pub(super) fn lengths(head: &mut Head<'a>) -> Result<Lengths, Malformed> {
        Ok(Lengths { attributes: length(head, "attributes")?, body: length(head, "body")? })
    }

    pub(super) fn content(&mut self, lengths: &Lengths) -> Result<(Attributes<'a>, &'a [u8]), Malformed> {
        let attributes = Attributes(self.0.take(lengths.attributes, "attributes")?);
        Ok((attributes, self.0.take(lengths.body, "body")?))
    }
}

/// The lengths of what follows the head of an entry.
pub(super) struct Lengths {
    attributes: usize,
    body: usize,
}

fn length(head: &mut Head<'_>, field: &'static str) -> Result<usize, Malformed> {
    usize::try_from(head.u32(field)?).map_err(|_| Malformed::new(field, Problem::TooLong))
}

/// The entries of a payload, which are checked while they are read.
#[derive(Clone, Debug)]
pub struct Entries<'a, E> {
    reader: Reader<'a>,
    left: u16,
    entries: PhantomData<fn() -> E>,
}

impl<'a, E> Entries<'a, E> {
    pub(super) const fn new(bytes: &'a [u8], count: u16) -> Self {
        Self { reader: Reader::new(bytes), left: count, entries: PhantomData }
    }
}

/// An entry that is not whole is the last one that is returned.
impl<'a, E: Entry<'a>> Iterator for Entries<'a, E> {
    type Item = Result<E, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let entry = self.reader.entry().and_then(|reader| E::read(&mut EntryReader(reader)));
        if entry.is_err() {
            self.left = 0;
        }
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left.into()))
    }
}

/// The first bytes of an entry: its length, that of the head, those of the attributes and the body.
const LENGTHS_BYTES: usize = 4 + 2 + 4 + 4;

/// The bytes of a builder's first buffer: enough for a message of a few hundred bytes.
pub(super) const FIRST_BYTES: usize = 1 << 10;

/// An entry that is to be written.
pub(super) struct NewEntry<'a> {
    /// The fields of its head between the lengths and the texts.
    pub(super) fields: &'a [u8],
    /// The texts of its head.
    pub(super) texts: &'a [Text<'a>],
    pub(super) attributes: Attributes<'a>,
    pub(super) body: &'a [Bytes],
}

impl NewEntry<'_> {
    /// Bytes of the attributes and the body.
    pub(super) fn content_bytes(&self) -> usize {
        self.attributes.len() + self.body_bytes()
    }

    /// Bytes of all of it.
    pub(super) fn bytes(&self) -> usize {
        4 + 2 + self.head_bytes() + self.content_bytes()
    }

    fn head_bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| 2 + text.as_str().len()).sum();
        LENGTHS_BYTES - 4 - 2 + self.fields.len() + texts
    }

    fn body_bytes(&self) -> usize {
        self.body.iter().map(Bytes::len).sum()
    }

    pub(super) fn write(&self, out: &mut Pieces) {
        let head = u16::try_from(self.head_bytes()).expect("limits.rs proves that a head is below 64 KiB");
        let mut lengths = [0; LENGTHS_BYTES];
        lengths[0..4].copy_from_slice(&saturated(self.bytes() - 4).to_le_bytes());
        lengths[4..6].copy_from_slice(&head.to_le_bytes());
        lengths[6..10].copy_from_slice(&saturated(self.attributes.len()).to_le_bytes());
        lengths[10..14].copy_from_slice(&saturated(self.body_bytes()).to_le_bytes());
        let written = out.written();
        written.put_slice(&lengths);
        written.put_slice(self.fields);
        for text in self.texts {
            writer::text(written, *text);
        }
        written.put_slice(self.attributes.0);
        for piece in self.body {
            out.put_body(piece);
        }
    }
}
