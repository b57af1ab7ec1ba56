//! The body of a response: one buffer, or several where a large message body is not copied into it.
//!
//! A large text that needs no escaping is passed on as the slice that it is. A large text that needs escaping stays a
//! slice until it is sent: it is escaped a piece at a time, when the listener takes the piece. A response therefore holds
//! little more memory than its messages, whatever their escapes make of them, and no thread is busy with all of them at
//! once.

use bytes::Bytes;

use super::text::Escaped;

/// A response body in the order in which it goes out.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    head: Option<Bytes>,
    tail: std::vec::IntoIter<Part>,
    /// The text that is being escaped.
    open: Option<Escaped>,
    remaining_bytes: u64,
    held_bytes: u64,
}

/// A part of a body.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Bytes as they go out.
    Ready(Bytes),
    /// A text that is escaped when it goes out.
    Text(Escaped),
}

impl Segments {
    /// From the parts of a body; empty ones are dropped.
    pub(crate) fn new(parts: Vec<Part>) -> Self {
        let (mut remaining_bytes, mut held_bytes) = (0, 0);
        for part in &parts {
            let (bytes, held) = match part {
                Part::Ready(bytes) => (bytes.len() as u64, bytes.len() as u64),
                Part::Text(text) => (text.remaining_bytes(), text.held_bytes()),
            };
            remaining_bytes += bytes;
            held_bytes += held;
        }
        Self { head: None, tail: parts.into_iter(), open: None, remaining_bytes, held_bytes }
    }

    /// How many bytes the segments that are left have together: before the first, the response's `Content-Length`.
    #[must_use]
    pub const fn remaining_bytes(&self) -> u64 {
        self.remaining_bytes
    }

    /// How many bytes of memory the segments that are left hold.
    #[must_use]
    pub const fn held_bytes(&self) -> u64 {
        self.held_bytes
    }
}

impl Iterator for Segments {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(text) = &mut self.open {
                let piece = text.next();
                if text.remaining_bytes() == 0 {
                    self.held_bytes -= text.held_bytes();
                    self.open = None;
                }
                if let Some(piece) = piece {
                    self.remaining_bytes -= piece.len() as u64;
                    return Some(piece);
                }
            }
            let next = self.head.take().map(Part::Ready).or_else(|| self.tail.next())?;
            match next {
                Part::Ready(bytes) => {
                    let length = bytes.len() as u64;
                    self.held_bytes -= length;
                    self.remaining_bytes -= length;
                    if length > 0 {
                        return Some(bytes);
                    }
                }
                Part::Text(text) => self.open = Some(text),
            }
        }
    }
}

impl From<Bytes> for Segments {
    fn from(body: Bytes) -> Self {
        let bytes = body.len() as u64;
        Self { head: Some(body), remaining_bytes: bytes, held_bytes: bytes, ..Self::default() }
    }
}

impl From<Vec<u8>> for Segments {
    fn from(body: Vec<u8>) -> Self {
        Self::from(Bytes::from(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::text::Escaping;

    #[test]
    fn segments_come_in_order_and_count_down() {
        let parts = ["ab", "", "cde", ""].map(|text| Part::Ready(Bytes::from(text)));
        let mut segments = Segments::new(parts.into());
        let mut seen = Vec::new();
        assert_eq!((segments.remaining_bytes(), segments.held_bytes()), (5, 5));
        while let Some(segment) = segments.next() {
            seen.push((segment, segments.remaining_bytes(), segments.held_bytes()));
        }
        assert_eq!(seen, [(Bytes::from("ab"), 3, 3), (Bytes::from("cde"), 0, 0)]);
        assert_eq!(Segments::default().next(), None);
        assert_eq!(Segments::from(Vec::new()).next(), None);
    }

    #[test]
    fn a_text_is_escaped_as_it_goes_out_and_held_until_its_last_piece() {
        let text = Bytes::from("\"".repeat(100_000));
        let parts = vec![
            Part::Ready(Bytes::from("<")),
            Part::Text(Escaped::new(text.clone(), Escaping::Json)),
            Part::Ready(Bytes::from(">")),
        ];
        let mut segments = Segments::new(parts);
        assert_eq!((segments.remaining_bytes(), segments.held_bytes()), (200_002, 100_002));
        let mut whole = Vec::new();
        while let Some(segment) = segments.next() {
            assert!(segment.len() <= 16 * 1024, "no piece is large");
            whole.extend_from_slice(&segment);
            let held = match whole.len() {
                0..200_001 => 100_001,
                200_001 => 1,
                _ => 0,
            };
            assert_eq!(segments.held_bytes(), held, "after {} bytes", whole.len());
            assert_eq!(segments.remaining_bytes(), 200_002 - whole.len() as u64);
        }
        assert_eq!(String::from_utf8(whole).expect("UTF-8"), format!("<{}>", "\\\"".repeat(100_000)));
    }
}
