//! Lists of small items in a payload. Each item is a head, so that fields can be appended to it.

use bytes::BytesMut;
use core::fmt;

use crate::error::Malformed;
use crate::reader::{Head, Reader};
use crate::writer;

/// An item of a list.
pub trait Item<'a>: Copy + Sized {
    #[doc(hidden)]
    fn read(head: &mut ItemHead<'a>) -> Result<Self, Malformed>;
    #[doc(hidden)]
    fn write(&self, out: &mut BytesMut);
}

/// The head of an item, which only this crate can read.
#[doc(hidden)]
pub struct ItemHead<'a>(pub(crate) Head<'a>);

/// Items of a payload: those of a slice, which are to be written, or those of a frame, which are read in place. They
/// were checked when the frame was decoded.
pub struct List<'a, T>(Source<'a, T>);

enum Source<'a, T> {
    Slice(&'a [T]),
    Encoded { bytes: &'a [u8], count: usize },
}

impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<T> Clone for Source<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Source<'_, T> {}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self(Source::Slice(&[]))
    }
}

impl<'a, T: Item<'a>> List<'a, T> {
    /// The items of a slice.
    ///
    /// # Panics
    /// With more than 65,535 items, which no payload has.
    #[must_use]
    pub const fn of(items: &'a [T]) -> Self {
        assert!(items.len() <= u16::MAX as usize, "a head counts in two bytes");
        Self(Source::Slice(items))
    }

    /// The next `count` items of a payload, all of which are checked.
    pub(crate) fn read(reader: &mut Reader<'a>, count: u16) -> Result<Self, Malformed> {
        let before = reader.rest();
        for _ in 0..count {
            T::read(&mut ItemHead(reader.head()?))?;
        }
        let bytes = &before[..before.len() - reader.rest().len()];
        Ok(Self(Source::Encoded { bytes, count: count.into() }))
    }

    pub(crate) fn write(&self, out: &mut BytesMut) {
        for item in self {
            writer::head(out, |out| item.write(out));
        }
    }

    /// How many there are, as a head says it.
    pub(crate) fn count(&self) -> u16 {
        u16::try_from(self.len()).expect("`List::of` and heads count in two bytes")
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self.0 {
            Source::Slice(items) => items.len(),
            Source::Encoded { count, .. } => count,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items in order.
    #[must_use]
    pub fn iter(&self) -> ListIter<'a, T> {
        match self.0 {
            Source::Slice(items) => ListIter(Items::Slice(items.iter())),
            Source::Encoded { bytes, count } => ListIter(Items::Encoded { reader: Reader::new(bytes), left: count }),
        }
    }
}

/// The items of a [`List`].
pub struct ListIter<'a, T>(Items<'a, T>);

enum Items<'a, T> {
    Slice(core::slice::Iter<'a, T>),
    Encoded { reader: Reader<'a>, left: usize },
}

impl<'a, T: Item<'a>> Iterator for ListIter<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match &mut self.0 {
            Items::Slice(items) => items.next().copied(),
            Items::Encoded { left: 0, .. } => None,
            Items::Encoded { reader, left } => {
                *left -= 1;
                let head = reader.head().expect("`List::read` has read these bytes");
                Some(T::read(&mut ItemHead(head)).expect("`List::read` has read these bytes"))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Items::Slice(items) => items.len(),
            Items::Encoded { left, .. } => *left,
        };
        (left, Some(left))
    }
}

impl<'a, T: Item<'a>> ExactSizeIterator for ListIter<'a, T> {}

impl<'a, T: Item<'a>> IntoIterator for &List<'a, T> {
    type Item = T;
    type IntoIter = ListIter<'a, T>;

    fn into_iter(self) -> ListIter<'a, T> {
        self.iter()
    }
}

impl<'a, T: Item<'a> + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// Two lists are equal where their items are, whatever bytes they were read from.
impl<'a, T: Item<'a> + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}
