//! Joins the parts of payloads that are longer than a frame.
//!
//! A link has at most one such payload under way. Frames of other links, and frames of the same link whose kind is never
//! cut, may lie between its parts.

use bytes::BytesMut;

use crate::error::DecodeError;
use crate::frame::Frame;
use crate::header::{Header, Part};

/// Joins the parts of payloads.
#[derive(Debug)]
pub struct Assembler {
    open: Vec<(Header, BytesMut)>,
    length: usize,
    bytes_max: usize,
}

impl Assembler {
    /// Parts that wait for their last one may have `bytes_max` together.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { open: Vec::new(), length: 0, bytes_max }
    }

    /// Bytes of the parts that wait for their last one.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        self.length
    }

    /// Takes a frame. Returns one with a whole payload: the frame itself, or all parts joined; `None` where more parts
    /// follow.
    ///
    /// # Errors
    /// [`DecodeError::PayloadTooLong`], and [`DecodeError::PartOutOfPlace`] for a frame that is no part of the payload
    /// that its link has under way. The connection cannot go on behind either.
    pub fn push(&mut self, frame: Frame) -> Result<Option<Frame>, DecodeError> {
        let header = frame.header;
        if !header.kind.may_be_cut() {
            return Ok(Some(frame));
        }
        let place = self.open.iter().position(|(open, _)| open.address.link == header.address.link);
        let Some(place) = place else {
            if header.part == Part::Last {
                return Ok(Some(frame));
            }
            self.grow(frame.payload.len())?;
            self.open.push((header, BytesMut::from(frame.payload)));
            return Ok(None);
        };
        let open = self.open[place].0;
        if (open.kind, open.address) != (header.kind, header.address) {
            return Err(DecodeError::PartOutOfPlace { header });
        }
        self.grow(frame.payload.len())?;
        self.open[place].1.extend_from_slice(&frame.payload);
        if header.part == Part::More {
            return Ok(None);
        }
        let (_, payload) = self.open.swap_remove(place);
        self.length -= payload.len();
        Ok(Some(Frame { header, payload: payload.freeze() }))
    }

    /// The link has ended: what was under way on it is dropped.
    pub fn forget(&mut self, link: crate::number::Link) {
        let length = &mut self.length;
        self.open.retain(|(header, payload)| {
            let stays = header.address.link != link;
            *length -= if stays { 0 } else { payload.len() };
            stays
        });
    }

    fn grow(&mut self, bytes: usize) -> Result<(), DecodeError> {
        if bytes > self.bytes_max - self.length {
            return Err(DecodeError::PayloadTooLong { max: self.bytes_max });
        }
        self.length += bytes;
        Ok(())
    }
}
