//! Bytes in several pieces: what is written by hand lies in one buffer, and large bodies are pieces of their own that
//! are not copied.

use core::iter::Chain;
use core::option;
use std::collections::{VecDeque, vec_deque};
use std::io::IoSlice;

use bytes::{Buf, BufMut as _, Bytes, BytesMut};

use crate::limits::COPIED_BODY_BYTES_MAX;

/// Bytes in several pieces, in order. As a [`Buf`] it can be written with one vectored call.
///
/// Invariants: no piece of `rest` is empty, and `first` is empty only where there are no bytes. A single piece, which is
/// all that small messages need, takes no allocation.
#[derive(Clone, Debug, Default)]
pub struct Chunks {
    first: Bytes,
    rest: VecDeque<Bytes>,
    length: usize,
}

impl Chunks {
    /// All bytes together.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The pieces, none of which is empty.
    pub fn iter(&self) -> impl Iterator<Item = &Bytes> + Clone {
        Some(&self.first).filter(|piece| !piece.is_empty()).into_iter().chain(&self.rest)
    }

    /// Appends a piece.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        if self.first.is_empty() {
            self.first = piece;
        } else if !piece.is_empty() {
            self.rest.push_back(piece);
        }
    }
}

/// The pieces.
impl IntoIterator for Chunks {
    type Item = Bytes;
    type IntoIter = Chain<option::IntoIter<Bytes>, vec_deque::IntoIter<Bytes>>;

    fn into_iter(self) -> Self::IntoIter {
        Some(self.first).filter(|piece| !piece.is_empty()).into_iter().chain(self.rest)
    }
}

impl Buf for Chunks {
    fn remaining(&self) -> usize {
        self.length
    }

    fn chunk(&self) -> &[u8] {
        &self.first
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(self.iter()) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    /// The first piece is shared if it has all of these bytes.
    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        assert!(length <= self.length, "cannot take {length} of {} bytes", self.length);
        if length <= self.first.len() {
            let taken = self.first.slice(..length);
            self.advance(length);
            return taken;
        }
        let mut taken = BytesMut::with_capacity(length);
        while taken.len() < length {
            let piece = self.first.slice(..self.first.len().min(length - taken.len()));
            taken.put_slice(&piece);
            self.advance(piece.len());
        }
        taken.freeze()
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.length, "cannot advance by {count} of {} bytes", self.length);
        self.length -= count;
        while count >= self.first.len() && !self.first.is_empty() {
            count -= self.first.len();
            self.first = self.rest.pop_front().unwrap_or_default();
        }
        self.first.advance(count);
    }
}

/// A buffer that is written by hand, into which pieces are inserted.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    written: BytesMut,
    /// Each piece, and where in `written` it belongs.
    inserted: Vec<(usize, Bytes)>,
    inserted_length: usize,
}

impl Pieces {
    /// With room for so many bytes that are written by hand.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { written: BytesMut::with_capacity(bytes), ..Self::default() }
    }

    /// All bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.written.len() + self.inserted_length
    }

    /// The buffer that is written by hand.
    pub(crate) const fn written(&mut self) -> &mut BytesMut {
        &mut self.written
    }

    /// Appends a body: a small one is copied.
    pub(crate) fn put_body(&mut self, body: &Bytes) {
        if body.len() < COPIED_BODY_BYTES_MAX {
            self.written.put_slice(body);
        } else {
            self.insert(body.clone());
        }
    }

    /// Appends a piece that is not copied.
    pub(crate) fn insert(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.inserted_length += piece.len();
            self.inserted.push((self.written.len(), piece));
        }
    }

    /// Takes everything. The rest of the buffer's capacity stays for what is written next.
    pub(crate) fn take(&mut self) -> Chunks {
        let mut written = self.written.split().freeze();
        let mut chunks = Chunks::default();
        let mut start = 0;
        for (at, piece) in self.inserted.drain(..) {
            chunks.push(written.split_to(at - start));
            chunks.push(piece);
            start = at;
        }
        chunks.push(written);
        self.inserted_length = 0;
        chunks
    }
}
