//! Frames on their way out: headers and small payloads in one buffer, large bodies as pieces that are not copied.

use bytes::{BufMut as _, Bytes};

use crate::chunks::{Chunks, Pieces};
use crate::header::{Check, Header, Part, RawHeader};
use crate::kind::Kind;
use crate::limits::{FRAME_BYTES_MAX, HEADER_BYTES};
use crate::number::Address;
use crate::payload::{Encoded, Payload};

/// Frames that wait to be written.
#[derive(Debug)]
pub struct Outgoing {
    pieces: Pieces,
    check: Check,
}

impl Outgoing {
    /// Without frames.
    #[must_use]
    pub fn new(check: Check) -> Self {
        Self { pieces: Pieces::default(), check }
    }

    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all frames.
    #[must_use]
    pub fn take(&mut self) -> Chunks {
        self.pieces.take()
    }

    /// Appends a frame with a small payload.
    pub fn frame<P: Payload>(&mut self, address: Address, payload: &P) {
        let out = self.pieces.written();
        let start = out.len();
        out.put_bytes(0, HEADER_BYTES);
        payload.write(out);
        let length = out.len() - start - HEADER_BYTES;
        assert!(length <= FRAME_BYTES_MAX as usize, "the limits of lists and texts keep a {} below a frame", P::KIND);
        let header = Header { kind: P::KIND, address, part: Part::Last };
        let raw = RawHeader::new(&header, length_of(length), self.check);
        let check = match self.check {
            Check::Crc32c => raw.check_of([&out[start + HEADER_BYTES..]]),
            Check::Absent => 0,
        };
        out[start..start + HEADER_BYTES].copy_from_slice(&raw.bytes(check));
    }

    /// Appends a payload with bodies, in as many frames as it needs. The pieces of `encoded` are shared.
    pub fn encoded(&mut self, address: Address, encoded: &Encoded) {
        let max = FRAME_BYTES_MAX as usize;
        if encoded.chunks().len() <= max {
            return self.part(encoded.kind(), address, Part::Last, encoded.chunks().iter());
        }
        let mut parts: Vec<Vec<Bytes>> = vec![Vec::new()];
        let mut room = max;
        for piece in encoded.chunks().iter() {
            let mut rest = piece.clone();
            while !rest.is_empty() {
                if room == 0 {
                    parts.push(Vec::new());
                    room = max;
                }
                let piece = rest.split_to(rest.len().min(room));
                room -= piece.len();
                parts.last_mut().expect("there is always a part").push(piece);
            }
        }
        let last = parts.len() - 1;
        for (index, pieces) in parts.iter().enumerate() {
            let part = if index == last { Part::Last } else { Part::More };
            self.part(encoded.kind(), address, part, pieces.iter());
        }
    }

    /// Appends one frame with the payload in these pieces, which are not longer than a frame together.
    fn part<'a>(&mut self, kind: Kind, address: Address, part: Part, pieces: impl Iterator<Item = &'a Bytes> + Clone) {
        let length = length_of(pieces.clone().map(Bytes::len).sum());
        let raw = RawHeader::new(&Header { kind, address, part }, length, self.check);
        let check = match self.check {
            Check::Crc32c => raw.check_of(pieces.clone().map(|piece| &piece[..])),
            Check::Absent => 0,
        };
        self.pieces.written().put_slice(&raw.bytes(check));
        for piece in pieces {
            self.pieces.put_body(piece);
        }
    }
}

fn length_of(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a frame has at most `FRAME_BYTES_MAX`")
}
