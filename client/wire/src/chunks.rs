//! Bytes in several pieces: what is written by hand lies in one buffer, and large bodies are pieces of their own that
//! are not copied.

use bytes::{Buf, BufMut as _, Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::IoSlice;

use crate::limits::COPIED_BODY_BYTES_MAX;

/// Bytes in several pieces, in order. As a [`Buf`] it can be written with one vectored call.
#[derive(Clone, Debug, Default)]
pub struct Chunks {
    pieces: VecDeque<Bytes>,
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
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Bytes> + Clone {
        self.pieces.iter()
    }

    /// Appends a piece.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.length += piece.len();
            self.pieces.push_back(piece);
        }
    }
}

/// The pieces.
impl IntoIterator for Chunks {
    type Item = Bytes;
    type IntoIter = std::collections::vec_deque::IntoIter<Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.pieces.into_iter()
    }
}

impl Buf for Chunks {
    fn remaining(&self) -> usize {
        self.length
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.length, "cannot advance by {count} of {} bytes", self.length);
        self.length -= count;
        while let Some(piece) = self.pieces.front_mut() {
            if count < piece.len() {
                piece.advance(count);
                return;
            }
            count -= piece.len();
            self.pieces.pop_front();
        }
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
        let written = self.written.split().freeze();
        let mut chunks = Chunks::default();
        let mut start = 0;
        for (at, piece) in self.inserted.drain(..) {
            chunks.push(written.slice(start..at));
            chunks.push(piece);
            start = at;
        }
        chunks.push(written.slice(start..));
        self.inserted_length = 0;
        chunks
    }
}
