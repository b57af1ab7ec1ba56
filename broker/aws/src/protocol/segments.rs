//! The body of a response: one buffer, or several where a large message body is passed on without a copy.

use bytes::Bytes;

/// A response body in the order in which it goes out.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    head: Option<Bytes>,
    tail: std::vec::IntoIter<Bytes>,
    remaining_bytes: u64,
}

impl Segments {
    /// From the parts of a body; empty ones are dropped.
    pub(crate) fn new(head: Bytes, tail: Vec<Bytes>) -> Self {
        let remaining_bytes = core::iter::once(&head).chain(&tail).map(|segment| segment.len() as u64).sum();
        Self { head: Some(head).filter(|head| !head.is_empty()), tail: tail.into_iter(), remaining_bytes }
    }

    /// How many bytes the segments that are left have together: before the first, the response's `Content-Length`.
    #[must_use]
    pub const fn remaining_bytes(&self) -> u64 {
        self.remaining_bytes
    }
}

impl Iterator for Segments {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let next = self.head.take().or_else(|| self.tail.find(|segment| !segment.is_empty()))?;
        self.remaining_bytes -= next.len() as u64;
        Some(next)
    }
}

impl From<Bytes> for Segments {
    fn from(body: Bytes) -> Self {
        Self::new(body, Vec::new())
    }
}

impl From<Vec<u8>> for Segments {
    fn from(body: Vec<u8>) -> Self {
        Self::new(body.into(), Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_come_in_order_and_count_down() {
        let mut segments = Segments::new(Bytes::from("ab"), vec![Bytes::new(), Bytes::from("cde"), Bytes::new()]);
        let mut seen = Vec::new();
        assert_eq!(segments.remaining_bytes(), 5);
        while let Some(segment) = segments.next() {
            seen.push((segment, segments.remaining_bytes()));
        }
        assert_eq!(seen, [(Bytes::from("ab"), 3), (Bytes::from("cde"), 0)]);
        assert_eq!(Segments::default().next(), None);
    }
}
