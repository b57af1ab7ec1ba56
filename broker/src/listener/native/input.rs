//! What one stream of bytes brings: frames, within the memory that the connection may hold ([`Intake`]) and within the
//! time that a frame may take.
//!
//! The rest of a long frame is read only once there is room for all of it. A connection has a buffer of [`READ_BYTES`] of its
//! own. A further stream of a QUIC connection has one of [`IDLE_READ_BYTES`], and takes room for a larger one.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use posthouse_wire::{Assembler, Check, DecodeError, Frame, Header, Link, Part, Splitter};
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
    /// Since when the rest of a payload is waited for that is cut into frames.
    payload_since: Option<Instant>,
    /// When bytes came last.
    received: Instant,
    is_idle: bool,
    buffer: Buffer,
}

/// Whose memory the buffer is that bytes are read into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Buffer {
    /// The connection's own.
    Own,
    /// Of [`READ_BYTES`], taken of the intake.
    Taken,
    /// None has been taken: it is small.
    Small,
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
            payload_since: None,
            received: Instant::now(),
            is_idle: true,
            buffer: Buffer::Own,
        }
    }

    /// A further stream of a client that has proved that it knows its secret.
    pub(super) fn of_link(check: Check, intake: Intake, payload_bytes_max: usize) -> Self {
        let mut input = Self::new(check, intake, payload_bytes_max);
        input.allow_long_frames();
        input.buffer = Buffer::Small;
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

    /// How long the frame or the cut payload that is under way has been waited for; zero while none is. What is not read
    /// for want of room is not waited for.
    pub(super) fn waited(&self, now: Instant) -> Duration {
        let since = self.waiting_since.into_iter().chain(self.payload_since).min();
        since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Notes that the stream is not read for now: the frame that is under way is not late.
    pub(super) const fn pause(&mut self) {
        self.waiting_since = None;
    }

    /// Gives the buffer's memory back if nothing is under way.
    pub(super) fn rest(&mut self) {
        self.is_idle = true;
        self.splitter.release();
        if self.splitter.pending_bytes() == 0 {
            self.give_back_buffer();
        }
    }

    fn give_back_buffer(&mut self) {
        if self.buffer == Buffer::Taken {
            self.buffer = Buffer::Small;
            self.intake.release(READ_BYTES);
        }
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
                match self.joined(frame)? {
                    Some(frame) => return Poll::Ready(Ok(frame)),
                    None => continue,
                }
            }
            ready!(self.poll_read(stream, cx))?;
        }
    }

    /// The frame with its whole payload; `None` while a part of that is missing.
    fn joined(&mut self, frame: Frame) -> Result<Option<Frame>, InputEnd> {
        let Header { address, part, .. } = frame.header;
        if part == Part::More && address.link != Link::CONNECTION {
            // A client cuts CALLs alone. So no more than one payload is under way.
            return Err(InputEnd::Invalid(DecodeError::PartOutOfPlace { header: frame.header }));
        }
        let joined = self.assembler.push(frame).map_err(InputEnd::Invalid)?;
        if self.assembler.pending_bytes() == 0 {
            self.payload_since = None;
        } else if self.payload_since.is_none() {
            self.payload_since = Some(Instant::now());
        }
        Ok(joined)
    }

    /// Reads bytes of the frame that is under way, or of the next.
    fn poll_read<S: AsyncRead + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<Result<(), InputEnd>> {
        if self.splitter.pending_bytes() == 0 {
            // Of a frame that was skipped.
            self.intake.release(core::mem::take(&mut self.taken));
        }
        let unpaid = if self.buffer == Buffer::Small { IDLE_READ_BYTES } else { READ_BYTES };
        if let Some(bytes) = self.splitter.announced_bytes().filter(|bytes| *bytes > unpaid) {
            // The room of the frame is that of the buffer.
            self.give_back_buffer();
            ready!(self.poll_room(bytes, cx));
        }
        let room = self.read_bytes();
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

    /// The room for bytes that are read at once.
    fn read_bytes(&mut self) -> usize {
        if self.is_idle {
            return IDLE_READ_BYTES;
        }
        if self.buffer == Buffer::Small && self.taken == 0 && self.intake.try_take(READ_BYTES) {
            self.buffer = Buffer::Taken;
        }
        if self.buffer == Buffer::Small { IDLE_READ_BYTES } else { READ_BYTES }
    }

    /// Takes room for a payload of this length, of which some may be taken already.
    fn poll_room(&mut self, bytes: usize, cx: &mut Context<'_>) -> Poll<()> {
        if bytes > self.taken {
            if self.intake.poll_take(bytes - self.taken, cx).is_pending() {
                // The client is not late.
                (self.waiting_since, self.payload_since) = (None, None);
                return Poll::Pending;
            }
            self.taken = bytes;
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use posthouse_wire::{Address, Outgoing, Ping, Request};
    use tokio::io::AsyncWriteExt as _;

    use super::super::intake::ReceivedBytes;
    use super::*;

    const MIB: usize = 1024 * 1024;

    /// The next frame, if it can be read now.
    fn poll(input: &mut Input, stream: &mut tokio::io::DuplexStream) -> Option<Result<Frame, InputEnd>> {
        match input.poll_frame(stream, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(frame) => Some(frame),
            Poll::Pending => None,
        }
    }

    /// The header of a frame without a check.
    fn header(kind: u8, flags: u8, link: u8, length: usize) -> Vec<u8> {
        let length = u32::try_from(length).expect("short").to_le_bytes();
        [&length[..], &[kind, flags, link, 0, 1, 0, 0, 0], &[0; 4]].concat()
    }

    const CALL: u8 = 0x20;
    const MORE: u8 = 2;

    /// How long the input will have waited for what is under way in this time, if nothing comes.
    fn waited_in(input: &Input, time: Duration) -> Duration {
        input.waited(Instant::now() + time)
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_payload_whose_rest_does_not_come_is_waited_for_whatever_lies_between() {
        let received = ReceivedBytes::new(16 * MIB);
        let mut input = Input::new(Check::Absent, received.intake(), 8 * MIB);
        let (mut client, mut stream) = tokio::io::duplex(MIB);
        client.write_all(&[header(CALL, MORE, 0, 2), vec![0, 0]].concat()).await.expect("written");
        assert!(poll(&mut input, &mut stream).is_none());
        for _ in 0..10 {
            let mut frames = Outgoing::new(Check::Absent);
            frames.frame(Address::new(Link::CONNECTION, Request::new(7)), &Ping);
            let ping: Vec<u8> = frames.take().into_iter().flatten().collect();
            client.write_all(&ping).await.expect("written");
            assert!(matches!(poll(&mut input, &mut stream), Some(Ok(_))), "a PING lies between");
            input.pause();
        }
        assert!(waited_in(&input, MINUTE) >= MINUTE);
        client.write_all(&header(CALL, 0, 0, 0)).await.expect("written");
        assert!(matches!(poll(&mut input, &mut stream), Some(Ok(_))), "the payload is whole");
        assert_eq!(waited_in(&input, MINUTE), Duration::ZERO);
    }

    #[tokio::test]
    async fn no_link_has_parts_of_a_payload() {
        let received = ReceivedBytes::new(16 * MIB);
        let mut input = Input::of_link(Check::Absent, received.links().intake(), 8 * MIB);
        let (mut client, mut stream) = tokio::io::duplex(MIB);
        client.write_all(&header(CALL, MORE, 1, 0)).await.expect("written");
        assert!(matches!(poll(&mut input, &mut stream), Some(Err(InputEnd::Invalid(_)))));
    }

    #[tokio::test]
    async fn a_frame_that_waits_for_room_is_not_late() {
        let received = ReceivedBytes::new(16 * MIB);
        let mut input = Input::new(Check::Absent, received.intake(), 8 * MIB);
        input.allow_long_frames();
        let mut others: Vec<_> = (0..8).map(|_| received.intake()).collect();
        assert!(others.iter_mut().all(|other| other.try_take(3 * MIB)), "they have taken everything");
        let (mut client, mut stream) = tokio::io::duplex(MIB);
        let long = header(0x10, 0, 1, MIB);
        client.write_all(&long[..9]).await.expect("written");
        assert!(poll(&mut input, &mut stream).is_none());
        client.write_all(&long[9..]).await.expect("written");
        assert!(poll(&mut input, &mut stream).is_none());
        assert_eq!(waited_in(&input, MINUTE), Duration::ZERO);
        others.clear();
        assert!(poll(&mut input, &mut stream).is_none(), "it is read again");
        assert!(waited_in(&input, MINUTE) >= MINUTE);
    }

    /// A link over QUIC has a large buffer only while there is room for it, and its frames fit nevertheless.
    #[tokio::test]
    async fn a_links_buffer_is_of_the_connections_part() {
        let received = ReceivedBytes::new(16 * MIB);
        let links = received.links();
        let mut input = Input::of_link(Check::Absent, links.intake(), 8 * MIB);
        let (mut client, mut stream) = tokio::io::duplex(4 * MIB);
        // Many bytes at once make the stream a busy one.
        let small: Vec<u8> = [header(0xFF, 0, 1, 10), vec![0; 10]].concat().repeat(1_000);
        client.write_all(&small).await.expect("written");
        assert!(poll(&mut input, &mut stream).is_none(), "all of them are skipped");
        assert_eq!(input.buffer, Buffer::Taken);
        client.write_all(&[header(0x10, 0, 1, 2 * MIB), vec![0; 2 * MIB]].concat()).await.expect("written");
        let Some(Ok(frame)) = poll(&mut input, &mut stream) else { panic!("the frame has room") };
        assert_eq!(frame.payload.len(), 2 * MIB);
        assert_eq!((input.buffer, links.intake().try_take(1)), (Buffer::Small, false), "it has all of the part");
        input.release(2 * MIB);
        assert!(links.intake().try_take(1));
    }
}
