//! Payloads with bodies: in several pieces, so that a body is not copied.

use bytes::{Buf as _, Bytes, BytesMut};

use super::Payload;
use crate::chunks::Chunks;
use crate::kind::Kind;

/// The payload of a SEND, DELIVER, CALL or REPLY, or one that is used besides its frame, ready to be framed. A clone
/// shares the bytes, so that a SEND can be framed again after a connection broke.
#[derive(Clone, Debug)]
pub struct Encoded {
    kind: Kind,
    chunks: Chunks,
}

impl Encoded {
    pub(super) const fn new(kind: Kind, chunks: Chunks) -> Self {
        Self { kind, chunks }
    }

    /// The payload of a frame that needs no pieces. It is for a payload whose bytes are used elsewhere, too: a proof covers
    /// those of HELLO and CHALLENGE.
    #[must_use]
    pub fn of<P: Payload>(payload: &P) -> Self {
        let mut bytes = BytesMut::new();
        payload.write(&mut bytes);
        let mut chunks = Chunks::default();
        chunks.push(bytes.freeze());
        Self::new(P::KIND, chunks)
    }

    /// The kind of the frames that carry it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its bytes.
    #[must_use]
    pub const fn chunks(&self) -> &Chunks {
        &self.chunks
    }

    /// Its bytes as one piece. They are copied if there are several.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut chunks = self.chunks.clone();
        chunks.copy_to_bytes(chunks.len())
    }
}

/// A payload is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the payload has no room for another message")
    }
}

impl core::error::Error for Full {}
