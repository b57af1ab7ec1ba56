//! Drives one stream of bytes: over TCP all links of a connection, over QUIC one.
//!
//! Invariants: what waits to be written is bounded, because endpoints are asked for frames only while fewer than
//! [`WRITE_BYTES`] wait. What was read and not handed on is less than one payload. An endpoint is attached to at most
//! one pipe.

use std::collections::{HashMap, VecDeque};
use std::future::Future as _;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf as _;
use posthouse_wire::{
    Address, Assembler, Chunks, ConnectionLimits, DecodeError, Ends, Frame, FromBroker, Kind, Link, Outgoing, Part,
    Ping, Pong, Reason, Splitter,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::endpoint::{Attachment, Endpoint, Line, LinkEnd, Pace, Progress, Reaction};
use crate::connection::faults::refusal;
use crate::connection::requests::Requests;
use crate::connection::signal::{Signal, Signals};
use crate::error::{Error, ErrorKind, Result};

/// Endpoints are asked for more while fewer bytes than this wait to be written: four times what a socket takes at once.
const WRITE_BYTES: usize = 256 << 10;
/// The room for reads that is allocated at once.
const READ_BYTES: usize = 64 << 10;
/// With less room than this, more is allocated before a read.
const READ_BYTES_MIN: usize = 8 << 10;
/// Pieces of one vectored write; Linux takes up to 1,024.
const WRITE_PIECES_MAX: usize = 64;
/// Rounds of reading and writing before other tasks of the thread get their turn.
const ROUNDS_MAX: usize = 32;
/// The timer of a stream without a heartbeat.
const UNTIMED: Duration = Duration::from_secs(3_600);
/// A peer that is silent for so many heartbeats is lost.
const HEARTBEATS_MISSED: u32 = 3;

/// A stream of bytes in both directions.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A stream after the hello, or another stream of the same connection.
pub(crate) struct Opened {
    pub(crate) stream: Box<dyn ByteStream>,
    /// With the bytes that arrived behind the hello.
    pub(crate) splitter: Splitter,
    pub(crate) out: Outgoing,
    pub(crate) terms: Terms,
}

/// What holds for all streams of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) limits: ConnectionLimits,
    pub(crate) log_identity: [u8; 16],
    /// A side that has written nothing for this time writes a PING. `None` on streams that leave it to another one.
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) requests: Arc<Requests>,
    /// What the broker announced, on any stream.
    pub(crate) departure: Arc<OnceLock<Departure>>,
}

/// How a pipe ended without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its last link has ended, or the client is closing.
    Done,
    /// The broker said where to go, and everything that was begun is finished or the time for it is over.
    Left(Departure),
}

/// The broker's announcement that it will end the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Departure {
    pub(crate) reason: Reason,
    /// Where to connect instead.
    pub(crate) address: Option<String>,
    pub(crate) deadline: Instant,
}

/// The driver of one stream.
pub(crate) struct Pipe {
    stream: Box<dyn ByteStream>,
    splitter: Splitter,
    assembler: Assembler,
    out: Outgoing,
    writing: Chunks,
    needs_flush: bool,
    terms: Terms,
    signals: Arc<Signals>,
    links: HashMap<Link, Arc<dyn Endpoint>>,
    /// Links that have something to write, each once.
    ready: VecDeque<Link>,
    last_link: Link,
    heard: Instant,
    wrote: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Pipe {
    pub(crate) fn new(opened: Opened) -> Self {
        Self::with_signals(opened, Arc::default())
    }

    /// A pipe whose task can be woken through `signals`, too.
    pub(crate) fn with_signals(opened: Opened, signals: Arc<Signals>) -> Self {
        let Opened { stream, splitter, out, terms } = opened;
        let now = Instant::now();
        let first_look = now + terms.heartbeat.unwrap_or(UNTIMED);
        let payload_bytes = usize::try_from(terms.limits.payload_bytes).unwrap_or(usize::MAX);
        Self {
            stream,
            splitter,
            assembler: Assembler::new(payload_bytes),
            out,
            writing: Chunks::default(),
            needs_flush: false,
            timer: Box::pin(sleep_until(first_look)),
            terms,
            signals,
            links: HashMap::new(),
            ready: VecDeque::new(),
            last_link: Link::CONNECTION,
            heard: now,
            wrote: now,
        }
    }

    /// Attaches an endpoint to a link.
    pub(crate) fn attach(&mut self, link: Link, endpoint: Arc<dyn Endpoint>) {
        let signal = Signal::new(&self.signals, link);
        endpoint.attach(Attachment { signal, log_identity: self.terms.log_identity });
        self.links.insert(link, endpoint);
        self.ready.push_back(link);
    }

    /// A number that no link of this pipe has, if the connection may have another link.
    pub(crate) fn free_link(&mut self) -> Option<Link> {
        let open = self.links.len() - usize::from(self.links.contains_key(&Link::CONNECTION));
        if open >= usize::from(self.terms.limits.links) {
            return None;
        }
        loop {
            // The newest number is used again as late as possible.
            self.last_link = Link::new(self.last_link.get().checked_add(1).unwrap_or(1));
            if !self.links.contains_key(&self.last_link) {
                return Some(self.last_link);
            }
        }
    }

    /// Whether every link but that of the connection has ended, and that one is idle, and everything is written.
    pub(crate) fn is_drained(&self) -> bool {
        let mut links = self.links.iter();
        links.all(|(link, endpoint)| *link == Link::CONNECTION && endpoint.is_idle()) && !self.has_bytes()
    }

    fn has_bytes(&self) -> bool {
        self.needs_flush || !self.out.is_empty() || !self.writing.is_empty()
    }

    /// Reads, writes and keeps time until the stream has nothing more to do. Links that have ended are appended to
    /// `ended`. A stream of QUIC ends with its link.
    ///
    /// # Errors
    ///
    /// The connection is lost.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, ended: &mut Vec<LinkEnd>) -> Poll<Result<Ended>> {
        for _ in 0..ROUNDS_MAX {
            self.signals.poll(context, &mut self.ready);
            let has_read = self.poll_read(context, ended)?;
            // What may be written later wakes the task: a signal, an answer, or the stream when it takes more.
            self.poll_write(context)?;
            if has_read {
                continue;
            }
            self.poll_timer(context)?;
            if self.links.is_empty() && !self.has_bytes() {
                return Poll::Ready(Ok(Ended::Done));
            }
            if let Some(departure) = self.terms.departure.get() {
                let is_over = Instant::now() >= departure.deadline;
                if is_over || (!self.has_bytes() && self.links.values().all(|endpoint| endpoint.is_idle())) {
                    return Poll::Ready(Ok(Ended::Left(departure.clone())));
                }
            }
            return Poll::Pending;
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether bytes were read.
    fn poll_read(&mut self, context: &mut Context<'_>, ended: &mut Vec<LinkEnd>) -> Result<bool> {
        let buffer = self.splitter.buffer(0);
        if buffer.capacity() - buffer.len() < READ_BYTES_MIN {
            buffer.reserve(READ_BYTES);
        }
        let read = pin!(self.stream.read_buf(buffer)).poll(context);
        match read {
            Poll::Pending => Ok(false),
            // The stream of a link ends when the link has.
            Poll::Ready(Ok(0)) if self.links.is_empty() => Ok(false),
            Poll::Ready(Ok(0)) => Err(lost("the broker has closed the connection", None)),
            Poll::Ready(Err(error)) => Err(lost("the connection broke", Some(error))),
            Poll::Ready(Ok(_)) => {
                self.heard = Instant::now();
                while let Some(frame) = self.splitter.next_frame().map_err(violation)? {
                    if let Some(frame) = self.assembler.push(frame).map_err(violation)? {
                        self.dispatch(&frame, ended)?;
                    }
                }
                Ok(true)
            }
        }
    }

    fn dispatch(&mut self, frame: &Frame, ended: &mut Vec<LinkEnd>) -> Result<()> {
        let content = FromBroker::decode(frame).map_err(violation)?;
        let Address { link, request } = frame.address();
        if is_answer(frame.header.kind) && request.get() != 0 && frame.header.part == Part::Last {
            self.terms.requests.end();
        }
        match &content {
            FromBroker::Ping(_) => {
                self.out.frame(frame.address(), &Pong);
                return Ok(());
            }
            FromBroker::Pong(_) => return Ok(()),
            FromBroker::GoAway(away) => {
                let address = away.address.non_empty().map(str::to_owned);
                let deadline = Instant::now() + Duration::from_millis(away.grace_ms.into());
                tracing::info!(reason = ?away.reason, address, "the broker will end the connection");
                // A second one changes nothing.
                let _ = self.terms.departure.set(Departure { reason: away.reason, address, deadline });
                let first = deadline.min(self.timer.deadline());
                self.timer.as_mut().reset(first);
                return Ok(());
            }
            FromBroker::Fault(fault) if fault.ends() == Ends::Connection => return Err(refusal(fault)),
            FromBroker::Fault(fault) if link == Link::CONNECTION && request.get() == 0 => return Err(refusal(fault)),
            FromBroker::Challenge(_) | FromBroker::Ready(_) => {
                return Err(Error::protocol(format!("a {} after the hello", frame.header.kind)));
            }
            FromBroker::ProducerOpened(_)
            | FromBroker::ConsumerOpened(_)
            | FromBroker::Closed(_)
            | FromBroker::Sent(_)
            | FromBroker::Deliver(_)
            | FromBroker::Settled(_)
            | FromBroker::Handle(_)
            | FromBroker::Reply(_)
            | FromBroker::Fault(_) => {}
        }
        let Some(endpoint) = self.links.get(&link) else {
            return match content {
                // The link has ended by a fault. Requests that were on their way are refused one by one.
                FromBroker::Fault(_) => Ok(()),
                _ => {
                    Err(Error::protocol(format!("a {} for link {}, which is not open", frame.header.kind, link.get())))
                }
            };
        };
        match endpoint.read(frame, content)? {
            Reaction::Continue => {}
            Reaction::Write => self.ready.push_back(link),
            Reaction::Ended => ended.extend(self.remove(link).map(LinkEnd::Ended)),
            Reaction::Reopen => ended.extend(self.remove(link).map(LinkEnd::Reopen)),
        }
        Ok(())
    }

    fn remove(&mut self, link: Link) -> Option<Arc<dyn Endpoint>> {
        self.assembler.forget(link);
        self.ready.retain(|ready| *ready != link);
        self.links.remove(&link)
    }

    /// Writes until nothing waits, or the stream takes no more.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Result<()> {
        let mut has_written = false;
        loop {
            if self.writing.is_empty() {
                self.gather(context);
                if self.out.is_empty() {
                    break;
                }
                self.writing = self.out.take();
            }
            let first = self.writing.chunk();
            let polled = if first.len() == self.writing.len() {
                // As with most small messages. send(2) takes 6% less time than writev(2) with one slice.
                Pin::new(&mut self.stream).poll_write(context, first)
            } else {
                let mut slices = [io::IoSlice::new(&[]); WRITE_PIECES_MAX];
                let count = self.writing.chunks_vectored(&mut slices);
                Pin::new(&mut self.stream).poll_write_vectored(context, &slices[..count])
            };
            match polled {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => return Err(lost("the connection takes no more bytes", None)),
                Poll::Ready(Err(error)) => return Err(lost("the connection broke", Some(error))),
                Poll::Ready(Ok(written)) => {
                    self.writing.advance(written);
                    self.needs_flush = true;
                    has_written = true;
                }
            }
        }
        if has_written {
            self.wrote = Instant::now();
        }
        if self.needs_flush {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.needs_flush = false,
                Poll::Ready(Err(error)) => return Err(lost("the connection broke", Some(error))),
            }
        }
        Ok(())
    }

    /// Asks the links in turn for a frame each, until enough waits or none has one.
    fn gather(&mut self, context: &Context<'_>) {
        let pace = if self.terms.departure.get().is_some() { Pace::Finishing } else { Pace::Full };
        while self.out.len() < WRITE_BYTES && !self.ready.is_empty() && self.terms.requests.poll_room(context) {
            let Some(link) = self.ready.pop_front() else { return };
            let Some(endpoint) = self.links.get(&link) else { continue };
            let mut line = Line::new(&mut self.out, link, &self.terms.requests);
            match endpoint.write(&mut line, pace) {
                Progress::Wrote => self.ready.push_back(link),
                Progress::Idle => {}
            }
        }
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Result<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let mut next = now + UNTIMED;
            if let Some(heartbeat) = self.terms.heartbeat {
                let silent_max = heartbeat * HEARTBEATS_MISSED;
                if now.duration_since(self.heard) >= silent_max {
                    return Err(lost("the broker has been silent for three heartbeats", None));
                }
                if now.duration_since(self.wrote) >= heartbeat {
                    self.out.frame(Address::CONNECTION, &Ping);
                    self.wrote = now;
                    context.waker().wake_by_ref();
                }
                next = (self.wrote + heartbeat).min(self.heard + silent_max);
            }
            if let Some(departure) = self.terms.departure.get() {
                next = next.min(departure.deadline);
            }
            // The caller of `poll` sees a deadline that has passed; the timer does not fire for it again and again.
            self.timer.as_mut().reset(next.max(now + Duration::from_millis(1)));
        }
        Ok(())
    }
}

/// Whether a frame of this kind answers a request.
fn is_answer(kind: Kind) -> bool {
    match kind {
        Kind::ProducerOpened
        | Kind::ConsumerOpened
        | Kind::Closed
        | Kind::Sent
        | Kind::Settled
        | Kind::Handle
        | Kind::Reply
        | Kind::Fault => true,
        Kind::Hello
        | Kind::Challenge
        | Kind::Prove
        | Kind::Ready
        | Kind::OpenProducer
        | Kind::OpenConsumer
        | Kind::Close
        | Kind::Send
        | Kind::Credit
        | Kind::Deliver
        | Kind::Settle
        | Kind::GetHandle
        | Kind::Call
        | Kind::Cancel
        | Kind::Ping
        | Kind::Pong
        | Kind::GoAway => false,
    }
}

fn lost(text: &str, source: Option<io::Error>) -> Error {
    match source {
        Some(source) => Error::with_source(ErrorKind::ConnectionLost, format!("{text}: {source}"), source),
        None => Error::new(ErrorKind::ConnectionLost, text),
    }
}

/// What arrived is no frame.
fn violation(error: DecodeError) -> Error {
    match error {
        DecodeError::Checksum { .. } => lost(&format!("bytes were changed on their way: {error}"), None),
        error => Error::protocol(format!("the broker's bytes are not understood: {error}")),
    }
}
