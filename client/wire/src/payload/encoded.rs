//! Payloads with bodies: in several pieces, so that a body is not copied.

use crate::chunks::Chunks;
use crate::kind::Kind;

/// The payload of a SEND, DELIVER, CALL or REPLY, ready to be framed. A clone shares the bytes, so that a SEND can be
/// framed again after a connection broke.
#[derive(Clone, Debug)]
pub struct Encoded {
    kind: Kind,
    chunks: Chunks,
}

impl Encoded {
    pub(super) const fn new(kind: Kind, chunks: Chunks) -> Self {
        Self { kind, chunks }
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
