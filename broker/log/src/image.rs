//! The newest records in the encrypted form in which they are written to the disk.
//!
//! While new data is encrypted, the log keeps each record twice until it is durable: in [`Tail`] for its readers, and here
//! for the commits. A record is encrypted once, when it is appended, so that a commit that writes a block again writes
//! the same bytes. Both have the same chunks: a record stands at the same place in either.

use std::sync::Arc;

use bytes::Bytes;
use posthouse_encryption::{DataKey, RecordPlace, TAG_BYTES};

use crate::{
    Position,
    record::{ALIGNMENT_BYTES, Framing, HEADER_BYTES},
    tail::Tail,
};

/// Records of up to this many bytes are encrypted in memory that is kept for the next one.
const SCRATCH_BYTES_KEPT: usize = 1024 * 1024;
const ZEROS: [u8; ALIGNMENT_BYTES] = [0; ALIGNMENT_BYTES];

/// The encrypted image of the newest records.
#[derive(Debug)]
pub(crate) struct Image {
    tail: Tail,
    identity: [u8; 16],
    /// The key of the segment in which the end lies. `None` in a segment that takes no records.
    key: Option<Arc<DataKey>>,
    /// The payload that is being encrypted.
    scratch: Vec<u8>,
}

impl Image {
    /// An image that begins with the bytes of `tail`, which are those of the disk.
    pub(crate) fn new(tail: Tail, identity: [u8; 16]) -> Self {
        Self { tail, identity, key: None, scratch: Vec::new() }
    }

    /// Goes on in a segment with this key.
    pub(crate) fn enter(&mut self, key: Option<Arc<DataKey>>) {
        self.key = key;
    }

    /// Opens a chunk where the tail opens one.
    pub(crate) fn open_chunk(&mut self, start: Position, size: usize) {
        self.tail.open_chunk(start, size);
    }

    /// Drops what is durable.
    pub(crate) fn forget(&mut self, durable: Position) {
        self.tail.forget(durable, 0);
    }

    /// Encrypts a record and appends it. Returns its header.
    ///
    /// # Panics
    ///
    /// If the segment takes no records.
    pub(crate) fn seal(
        &mut self,
        framing: Framing,
        position: Position,
        kind: u8,
        parts: &[&[u8]],
    ) -> [u8; HEADER_BYTES] {
        let key = self.key.as_ref().expect("records are appended to a segment of this run");
        self.scratch.clear();
        for part in parts {
            self.scratch.extend_from_slice(part);
        }
        let place = RecordPlace { identity: self.identity, position: position.get(), kind };
        let tag = key.seal(&place, &mut self.scratch);
        let stored = self.scratch.len() + TAG_BYTES;
        let header = framing.header(position, kind, stored, &[&self.scratch, &tag]);
        let padding = stored.next_multiple_of(ALIGNMENT_BYTES) - stored;
        self.tail.append(&[&header, &self.scratch, &tag, &ZEROS[..padding]]);
        if self.scratch.capacity() > SCRATCH_BYTES_KEPT {
            self.scratch = Vec::new();
        }
        header
    }

    /// Appends a record of the log itself as it is.
    pub(crate) fn copy(&mut self, header: &[u8; HEADER_BYTES], parts: &[&[u8]]) {
        self.tail.append(&[header]);
        self.tail.append(parts);
    }

    /// As [`Tail::gather`].
    pub(crate) fn gather(&mut self, from: Position, to: Position, slices: &mut Vec<Bytes>) {
        self.tail.gather(from, to, slices);
    }
}
