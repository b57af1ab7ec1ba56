//! What one stream of bytes brings: frames, within the memory that the connection may hold ([`Intake`]) and within the
//! time that a frame may take.
//!
//! The rest of a long frame is read only once there is room for all of it.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use posthouse_wire::{Assembler, Check, DecodeError, Frame, Link, Splitter};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::{Duration, Instant};

use super::intake::Intake;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;
/// The same on a connection that was idle, whose buffer is that small.
const IDLE_READ_BYTES: usize = 2 * 1024;

/// Why a stream brings no more frames.
#[derive(Debug)]
pub(super) enum InputEnd {
    /// The client has ended it, between two frames or within one.
    Closed,
    /// The socket has failed.
    Failed,
    /// The bytes are no frames.
    Invalid(DecodeError),
}

/// Frames on their way from the socket.
pub(super) struct Input {
    splitter: Splitter,
    assembler: Assembler,
    intake: Intake,
    /// Bytes that were taken of the intake for the frame that is under way.
    taken: usize,
    /// A frame that waits for room.
    stalled: Option<Frame>,
    /// Since when the frame that is under way is waited for.
    waiting_since: Option<Instant>,
    /// When bytes came last.
    received: Instant,
    is_idle: bool,
}

impl Input {
    /// `payload_bytes_max` bounds payloads that are cut into several frames.
    pub(super) fn new(check: Check, intake: Intake, payload_bytes_max: usize) -> Self {
        Self {
            splitter: Splitter::new(check),
            assembler: Assembler::new(payload_bytes_max),
            intake,
            taken: 0,
            stalled: None,
            waiting_since: None,
            received: Instant::now(),
            is_idle: true,
        }
    }

    /// A further stream of a client that has proved that it knows its secret.
    pub(super) fn opened(check: Check, intake: Intake, payload_bytes_max: usize) -> Self {
        let mut input = Self::new(check, intake, payload_bytes_max);
        input.allow_long_frames();
        input
    }

    /// The client has proved that it knows its secret: its frames may be long.
    pub(super) const fn allow_long_frames(&mut self) {
        self.splitter.allow_long_frames();
    }

    /// When bytes came last.
    pub(super) const fn received(&self) -> Instant {
        self.received
    }

    /// How long the frame that is under way has been waited for; zero while none is. What is not read for want of room is
    /// not waited for.
    pub(super) fn waited(&self, now: Instant) -> Duration {
        self.waiting_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Notes that the stream is not read for now: the frame that is under way is not late.
    pub(super) const fn pause(&mut self) {
        self.waiting_since = None;
    }

    /// Gives the buffer's memory back if nothing is under way.
    pub(super) fn rest(&mut self) {
        self.is_idle = true;
        self.splitter.release();
    }

    /// The request of a frame is done with. `bytes` is the length of its payload.
    pub(super) fn release(&mut self, bytes: usize) {
        self.intake.release(bytes);
    }

    /// A link has ended: parts of its payloads are dropped.
    pub(super) fn forget(&mut self, link: Link) {
        let before = self.assembler.pending_bytes();
        self.assembler.forget(link);
        self.intake.release(before - self.assembler.pending_bytes());
    }

    /// The next frame, with its whole payload. The caller gives its payload's length to [`Input::release`] once it has
    /// done with it.
    ///
    /// # Errors
    /// [`InputEnd`]; no frame comes after it.
    pub(super) fn poll_frame<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Frame, InputEnd>> {
        loop {
            let next = match self.stalled.take() {
                Some(frame) => Some(frame),
                None => self.splitter.next_frame().map_err(InputEnd::Invalid)?,
            };
            if let Some(frame) = next {
                self.waiting_since = None;
                if self.poll_room(frame.payload.len(), cx).is_pending() {
                    self.stalled = Some(frame);
                    return Poll::Pending;
                }
                self.taken -= frame.payload.len();
                match self.assembler.push(frame).map_err(InputEnd::Invalid)? {
                    Some(frame) => return Poll::Ready(Ok(frame)),
                    None => continue,
                }
            }
            ready!(self.poll_read(stream, cx))?;
        }
    }

    /// Reads bytes of the frame that is under way, or of the next.
    fn poll_read<S: AsyncRead + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<Result<(), InputEnd>> {
        if self.splitter.pending_bytes() == 0 {
            // Of a frame that was skipped.
            self.intake.release(core::mem::take(&mut self.taken));
        }
        if let Some(bytes) = self.splitter.announced_bytes().filter(|bytes| *bytes > READ_BYTES) {
            ready!(self.poll_room(bytes, cx));
        }
        let room = if self.is_idle { IDLE_READ_BYTES } else { READ_BYTES };
        let read = pin!(stream.read_buf(self.splitter.buffer(room))).poll(cx);
        if read.is_pending() && self.splitter.pending_bytes() > 0 && self.waiting_since.is_none() {
            self.waiting_since = Some(Instant::now());
        }
        match ready!(read) {
            Ok(0) => Poll::Ready(Err(InputEnd::Closed)),
            Ok(bytes) => {
                self.is_idle &= bytes < IDLE_READ_BYTES;
                self.received = Instant::now();
                Poll::Ready(Ok(()))
            }
            Err(_) => Poll::Ready(Err(InputEnd::Failed)),
        }
    }

    /// Takes room for a payload of this length, of which some may be taken already.
    fn poll_room(&mut self, bytes: usize, cx: &mut Context<'_>) -> Poll<()> {
        if bytes > self.taken {
            ready!(self.intake.poll_take(bytes - self.taken, cx));
            self.taken = bytes;
        }
        Poll::Ready(())
    }
}
