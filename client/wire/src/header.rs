//! The sixteen bytes before each payload, little-endian. `docs/protocol.md` draws the same table:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | length of the payload |
//! | 4 | 1 | kind |
//! | 5 | 1 | flags, see [`flag`] |
//! | 6 | 2 | link |
//! | 8 | 4 | request |
//! | 12 | 4 | check: the CRC-32C of this header with zeros here and of the payload, or zero |

use crate::kind::Kind;
use crate::limits::HEADER_BYTES;
use crate::number::{Address, Link, Request};

/// The bits of the flags byte.
pub(crate) mod flag {
    /// The frame has a check.
    pub(crate) const CHECK: u8 = 1;
    /// The payload goes on in the next frame of the same kind, link and request.
    pub(crate) const MORE: u8 = 1 << 1;
    /// Every flag of this version.
    pub(crate) const KNOWN: u8 = CHECK | MORE;
}

/// Whether the frames of a connection bear a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Each bears a CRC-32C: over plain TCP.
    Crc32c,
    /// None bears one, because TLS or QUIC protects the bytes. One that a peer sends all the same is verified.
    Absent,
}

/// Whether a frame is the last one of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The payload ends with this frame.
    Last,
    /// Another frame follows.
    More,
}

/// What a frame is and where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// Where it belongs.
    pub address: Address,
    /// Whether its payload ends with it.
    pub part: Part,
}

/// A header as it arrived, before its kind and its flags were judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawHeader {
    pub(crate) length: u32,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) link: u16,
    pub(crate) request: u32,
    pub(crate) check: u32,
}

impl RawHeader {
    pub(crate) fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        let &[l0, l1, l2, l3, kind, flags, k0, k1, r0, r1, r2, r3, c0, c1, c2, c3] = bytes;
        Self {
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            kind,
            flags,
            link: u16::from_le_bytes([k0, k1]),
            request: u32::from_le_bytes([r0, r1, r2, r3]),
            check: u32::from_le_bytes([c0, c1, c2, c3]),
        }
    }

    pub(crate) fn new(header: &Header, length: u32, check: Check) -> Self {
        let flags = match check {
            Check::Crc32c => flag::CHECK,
            Check::Absent => 0,
        } | match header.part {
            Part::More => flag::MORE,
            Part::Last => 0,
        };
        Self {
            length,
            kind: header.kind.number(),
            flags,
            link: header.address.link.get(),
            request: header.address.request.get(),
            check: 0,
        }
    }

    /// The bytes of the header, with the check that is given.
    pub(crate) fn bytes(&self, check: u32) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4] = self.kind;
        bytes[5] = self.flags;
        bytes[6..8].copy_from_slice(&self.link.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.request.to_le_bytes());
        bytes[12..16].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// The check of a frame with this header and a payload in these chunks.
    pub(crate) fn check_of<'a>(&self, payload: impl IntoIterator<Item = &'a [u8]>) -> u32 {
        payload.into_iter().fold(crc32c::crc32c(&self.bytes(0)), crc32c::crc32c_append)
    }

    pub(crate) const fn address(&self) -> Address {
        Address { link: Link::new(self.link), request: Request::new(self.request) }
    }
}
