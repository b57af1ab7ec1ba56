//! Cuts a stream of bytes into frames.
//!
//! A frame is judged by its header as soon as that has arrived: one that is too long is refused before its payload is
//! buffered.

use bytes::{Buf as _, BytesMut};

use crate::error::DecodeError;
use crate::frame::Frame;
use crate::header::{Check, Header, Part, RawHeader, flag};
use crate::kind::{Kind, SKIPPABLE};
use crate::limits::{FRAME_BYTES_MAX, HEADER_BYTES, HELLO_BYTES_MAX};

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub struct Splitter {
    buffer: BytesMut,
    check: Check,
    payload_bytes_max: u32,
}

impl Splitter {
    /// For the beginning of a connection: a payload may have [`HELLO_BYTES_MAX`].
    #[must_use]
    pub fn new(check: Check) -> Self {
        Self { buffer: BytesMut::new(), check, payload_bytes_max: HELLO_BYTES_MAX }
    }

    /// From now on a payload may have [`FRAME_BYTES_MAX`]: the peer has proved that it knows the secret.
    pub const fn allow_long_frames(&mut self) {
        self.payload_bytes_max = FRAME_BYTES_MAX;
    }

    /// The buffer that bytes of the peer are appended to, with room for the rest of the frame that is under way and for
    /// at least `room` bytes.
    pub fn buffer(&mut self, room: usize) -> &mut BytesMut {
        let missing = match self.buffer.first_chunk() {
            // A length that is not allowed is refused by `next_frame`.
            Some(header) => {
                let length = RawHeader::read(header).length.min(self.payload_bytes_max);
                (HEADER_BYTES + length as usize).saturating_sub(self.buffer.len())
            }
            None => 0,
        };
        self.buffer.reserve(room.max(missing));
        &mut self.buffer
    }

    /// Bytes that have arrived and belong to no frame that was returned: above zero while a frame is under way.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The length of the payload whose header has arrived. `None` while there is no such header. It is within what is
    /// allowed once [`Splitter::next_frame`] has returned without an error.
    #[must_use]
    pub fn announced_bytes(&self) -> Option<usize> {
        self.buffer.first_chunk().map(|header| RawHeader::read(header).length as usize)
    }

    /// Gives the memory of an empty buffer back, for a connection that is idle.
    pub fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// The next frame; `None` until all of it has arrived. Frames of unknown kinds that may be skipped are skipped.
    ///
    /// # Errors
    /// A header or a check that is not valid. The connection cannot go on behind it.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        loop {
            let Some(bytes) = self.buffer.first_chunk() else { return Ok(None) };
            let raw = RawHeader::read(bytes);
            let header = self.judge(&raw)?;
            let length = raw.length as usize;
            if self.buffer.len() - HEADER_BYTES < length {
                return Ok(None);
            }
            self.buffer.advance(HEADER_BYTES);
            let payload = self.buffer.split_to(length).freeze();
            if raw.flags & flag::CHECK != 0 {
                let computed = raw.check_of([&payload[..]]);
                if computed != raw.check {
                    return Err(DecodeError::Checksum { found: raw.check, computed });
                }
            }
            if let Some(header) = header {
                return Ok(Some(Frame { header, payload }));
            }
        }
    }

    /// Everything that a header says; `None` for a frame that is to be skipped.
    fn judge(&self, raw: &RawHeader) -> Result<Option<Header>, DecodeError> {
        if raw.length > self.payload_bytes_max {
            return Err(DecodeError::FrameTooLong { length: raw.length, max: self.payload_bytes_max });
        }
        if raw.flags & !flag::KNOWN != 0 {
            return Err(DecodeError::UnknownFlags { flags: raw.flags });
        }
        if raw.flags & flag::CHECK == 0 && self.check == Check::Crc32c {
            return Err(DecodeError::ChecksumMissing);
        }
        let Some(kind) = Kind::from_number(raw.kind) else {
            if raw.kind & SKIPPABLE != 0 {
                return Ok(None);
            }
            return Err(DecodeError::UnknownKind { kind: raw.kind, link: raw.link, request: raw.request });
        };
        let part = if raw.flags & flag::MORE != 0 { Part::More } else { Part::Last };
        if part == Part::More && !kind.may_be_cut() {
            return Err(DecodeError::UnknownFlags { flags: raw.flags });
        }
        Ok(Some(Header { kind, address: raw.address(), part }))
    }
}
