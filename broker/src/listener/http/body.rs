//! Bodies: that of a request, collected within its limits; that of a response, as the codec's segments, with their room
//! in the memory of all answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use posthouse_aws::{Segments, TransportFault};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::coop;

use super::progress::Working;
use crate::answer_budget::AnswerRoom;
use crate::configuration::Limits;

/// `Retry-After` of a request that found no room for its body.
const RETRY_AFTER_SECONDS: u32 = 1;

/// A request's body, and its place in the memory of all bodies. Dropping the place frees it.
pub(super) struct Collected {
    pub(super) bytes: Bytes,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// Collects a body.
///
/// # Errors
/// [`TransportFault`] if the body is too large, takes too long, breaks off, or finds no room.
pub(super) async fn collect(
    body: Incoming,
    limits: &Limits,
    room: &Arc<Semaphore>,
) -> Result<Collected, TransportFault> {
    let limit_bytes = limits.body_bytes_max.get();
    if body.is_end_stream() {
        return Ok(Collected { bytes: Bytes::new(), place: None });
    }
    if body.size_hint().lower() > limit_bytes {
        return Err(TransportFault::BodyTooLarge { limit_bytes });
    }
    let whole = tokio::time::timeout(limits.body_seconds_max.seconds(), gather(body, limit_bytes, room));
    whole.await.map_err(|_| TransportFault::TimedOut)?
}

/// Takes room for each part as it arrives, not for the announced length, which costs a client nothing to announce.
async fn gather(mut body: Incoming, limit_bytes: u64, room: &Arc<Semaphore>) -> Result<Collected, TransportFault> {
    let mut place: Option<OwnedSemaphorePermit> = None;
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| TransportFault::BadRequest("the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if (first.len() + all.len() + data.len()) as u64 > limit_bytes {
            return Err(TransportFault::BodyTooLarge { limit_bytes });
        }
        let more = take(room, data.len())?;
        match &mut place {
            Some(place) => place.merge(more),
            None => place = Some(more),
        }
        if first.is_empty() && all.is_empty() {
            // Most bodies arrive in one piece, which is passed on without a copy.
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&core::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(Collected { bytes: if all.is_empty() { first } else { all.freeze() }, place })
}

fn take(room: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, TransportFault> {
    let full = || TransportFault::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS };
    let bytes = u32::try_from(bytes).map_err(|_| full())?;
    Arc::clone(room).try_acquire_many_owned(bytes).map_err(|_| full())
}

/// A response's body. Its request counts as under way, and its room as taken, until the socket has taken the last piece.
pub(super) struct ResponseBody {
    segments: Segments,
    /// `None` once the last piece was handed over.
    unread: Option<(AnswerRoom, Working)>,
}

impl ResponseBody {
    /// The body of a response with its room, of which it keeps what it needs.
    pub(super) fn new(segments: Segments, mut room: AnswerRoom, mut working: Working) -> Self {
        working.answered();
        room.keep(u32::try_from(segments.held_bytes()).unwrap_or(u32::MAX));
        Self { segments, unread: Some((room, working)) }
    }
}

impl Body for ResponseBody {
    type Data = Piece;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        // A piece may have to be escaped: a task that has made many lets other tasks run before the next one.
        ready!(coop::poll_proceed(cx)).made_progress();
        let Some(bytes) = self.segments.next() else { return Poll::Ready(None) };
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
