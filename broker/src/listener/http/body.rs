//! The body of a response: the codec's segments, with their room in the memory of all answers. Bodies of requests are in
//! `intake`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use posthouse_aws::Segments;

use super::progress::Working;
use crate::answer_budget::AnswerRoom;

/// Bytes that a task hands over before it lets other tasks run: 100 microseconds where they have to be escaped. One
/// hundred clients that begin to read large answers then hold up each other request of their shard for 10 ms.
const BYTES_AT_ONCE: usize = 32 * 1024;

/// A response's body. Its request counts as under way, and its room as taken, until the socket has taken the last piece.
pub(super) struct ResponseBody {
    segments: Segments,
    /// Bytes since other tasks could run last.
    bytes: usize,
    /// `None` once the last piece was handed over.
    unread: Option<(AnswerRoom, Working)>,
}

impl ResponseBody {
    /// The body of a response with its room, of which it keeps what it needs.
    pub(super) fn new(segments: Segments, mut room: AnswerRoom, mut working: Working) -> Self {
        working.answered();
        room.keep(u32::try_from(segments.held_bytes()).unwrap_or(u32::MAX));
        Self { segments, bytes: 0, unread: Some((room, working)) }
    }
}

impl Body for ResponseBody {
    type Data = Piece;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        if self.bytes >= BYTES_AT_ONCE {
            self.bytes = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(bytes) = self.segments.next() else { return Poll::Ready(None) };
        self.bytes += bytes.len();
        let held_bytes = u32::try_from(self.segments.held_bytes()).unwrap_or(u32::MAX);
        let is_last = self.is_end_stream();
        let piece = match self.unread.take() {
            Some((mut room, working)) if !is_last => {
                let own = room.split(room.bytes().saturating_sub(held_bytes));
                self.unread = Some((room, working));
                Piece { bytes, room: Some(own), _working: None }
            }
            Some((room, working)) => Piece { bytes, room: Some(room), _working: Some(working) },
            None => Piece { bytes, room: None, _working: None },
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.segments.remaining_bytes() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.segments.remaining_bytes())
    }
}

/// A piece of a response. hyper drops it when the socket has taken all of it, or the connection has ended.
pub(super) struct Piece {
    bytes: Bytes,
    /// What it holds in memory, and what no later piece does.
    room: Option<AnswerRoom>,
    /// With the last piece, the request.
    _working: Option<Working>,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if let Some(room) = &self.room {
            room.account().note_sent(count);
        }
    }
}
