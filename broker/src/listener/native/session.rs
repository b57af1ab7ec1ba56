//! One stream of frames behind its hello: a TCP connection, or a stream of a QUIC connection.
//!
//! A session is one task of its shard and a state machine around it. Each time that it is polled it takes the answers of
//! the core loop, then frames, then what may be delivered, and writes all of what came of it at once:
//!
//! ```text
//! core loop -> answers -> frames -> requests -> core loop
//!                 \__________|____-> output -> socket
//! ```
//!
//! A stream is not read while what it has sent finds no room in the inbox or in memory, and while its client does not read
//! answers. Back-pressure is never an error; to exceed a window or a limit that a frame named is one.
//!
//! Invariants: every request is answered once; a link that has ended has nothing under way; what is unsettled when a
//! session ends is given back, unless the link said otherwise.

mod answers;
mod deadlines;
mod frames;
mod links;

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};

use futures_util::future::AbortHandle;
use futures_util::stream::FuturesUnordered;
use posthouse_wire::{Address, AttributesBuffer, Ends, FaultCode, Frame, GoAway, Reason, Text};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Duration, Instant, timeout};

use super::context::Context;
use super::ending::Ending;
use super::fault::Refusal;
use super::input::{Input, InputEnd};
use super::output::Output;
use crate::shard::AnswerQueue;
use crate::shutdown::Stopping;
use answers::{Event, Note};
use deadlines::Deadlines;
use links::Link;

/// Frames that are taken before other tasks of the shard run.
const FRAMES_AT_ONCE: usize = 64;
/// Bytes of answers on a connection that wait for the client to read. Beyond them no frame is taken.
const ANSWER_BYTES_MAX: usize = 32 * 1024;
/// The same on the stream of a link.
const LINK_ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Deliveries that SETTLEs name which are not answered. Beyond them no frame is taken. Four frames of 512 are half of a
/// busy consumer's round.
const SETTLING_MAX: usize = 2 * 1024;
/// How long a client may take to read the fault that ends its connection.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);
/// Bytes that are read and dropped meanwhile, so that the system does not reset the connection.
const DROPPED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long giving back what is unsettled may take.
const RELEASE_MAX: Duration = Duration::from_secs(10);

/// What a session carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A whole connection, over TCP.
    Connection,
    /// The first stream of a QUIC connection: everything but links.
    Control,
    /// A further stream of a QUIC connection: one link.
    Link,
}

/// Why a session ends.
#[derive(Debug)]
enum End {
    /// Everything is done.
    Done,
    /// The socket has failed.
    Failed,
    /// The client does not read, or too slowly.
    NotReading,
    /// The client is refused.
    Refused(Refusal),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    /// The broker stops or the seat is needed: nothing new is received, and the session ends when all is answered and
    /// settled, at this time at the latest.
    GoingAway(Instant),
    /// The client has ended its sending: what it asked for is answered.
    Draining,
}

/// What is signalled to all sessions of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// The broker stops.
    Stop,
    /// Another connection needs the seat.
    MakeRoom,
    /// What the client may do is decided anew when it connects again.
    ComeBack,
    /// The client has done on another stream what ends its connection.
    Fail(Refusal),
}

/// What became of the reading of a stream in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// More is awaited, which wakes the task.
    Awaited,
    /// Nothing wakes the task when more comes.
    Paused,
}

type Pending = Pin<Box<dyn Future<Output = Event>>>;

/// One stream of frames.
pub(super) struct Session<S> {
    stream: S,
    input: Input,
    output: Output,
    context: Rc<Context>,
    scope: Scope,
    stage: Stage,
    links: BTreeMap<u16, Link>,
    /// Whether a link was opened.
    has_opened: bool,
    /// Links at which something has changed.
    touched: Vec<u16>,
    /// What the core loop was asked for messages.
    queue: AnswerQueue<Note>,
    /// Everything else that is waited for.
    pending: FuturesUnordered<Pending>,
    /// Whether a future was added to `pending` that has not been polled.
    has_begun: bool,
    /// Of all these, what the session is not done without.
    works: usize,
    /// Calls, and links that are being opened.
    requests: usize,
    /// SETTLEs under way.
    settles: usize,
    /// The deliveries that they name.
    settling: usize,
    calls: BTreeMap<u32, AbortHandle>,
    /// A frame of messages that found the inbox full.
    stalled: Option<Frame>,
    attributes: AttributesBuffer,
    deadlines: Deadlines,
    /// What was signalled, until the next turn.
    signal: Option<Signal>,
    is_busy: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// A session behind its hello. `signal` is awaited once.
    pub(super) fn new(
        stream: S,
        (input, output): (Input, Output),
        context: Rc<Context>,
        scope: Scope,
        signal: impl Future<Output = Signal> + 'static,
    ) -> Self {
        let deadlines = Deadlines::new(&context.shared, scope);
        let mut session = Self {
            stream,
            input,
            output,
            queue: AnswerQueue::new(context.shard.clone()),
            context,
            scope,
            stage: Stage::Serving,
            links: BTreeMap::new(),
            has_opened: false,
            touched: Vec::new(),
            pending: FuturesUnordered::new(),
            has_begun: false,
            works: 0,
            requests: 0,
            settles: 0,
            settling: 0,
            calls: BTreeMap::new(),
            stalled: None,
            attributes: AttributesBuffer::new(),
            deadlines,
            signal: None,
            is_busy: false,
        };
        session.await_signal(signal);
        session
    }

    /// Serves the stream until it ends, then gives back what is unsettled. Returns why the whole connection is to end, if
    /// that has not been said on this stream.
    pub(super) async fn run(mut self) -> Option<Refusal> {
        let end = poll_fn(|cx| self.poll(cx)).await;
        self.finish(end).await
    }

    /// One turn: everything that can be done without waiting.
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<End> {
        let mut frames = 0;
        loop {
            self.poll_answers(cx);
            if let Some(signal) = self.signal.take()
                && let Some(end) = self.heed(&signal)
            {
                return Poll::Ready(end);
            }
            let input = match self.poll_frames(cx, &mut frames) {
                Ok(reading) => reading,
                Err(end) => return Poll::Ready(end),
            };
            self.tend_links();
            if let Poll::Ready(Err(_)) = self.output.poll_write(&mut self.stream, cx) {
                return Poll::Ready(End::Failed);
            }
            self.note_delivered();
            if self.is_done() {
                return Poll::Ready(End::Done);
            }
            self.note_presence();
            // What was written may have made room for more frames.
            let may_read_again = input == Reading::Paused && self.may_read();
            if frames < FRAMES_AT_ONCE && (may_read_again || self.has_answers() || !self.touched.is_empty()) {
                continue;
            }
            if let Some(end) = self.poll_deadlines(cx) {
                return Poll::Ready(end);
            }
            if frames >= FRAMES_AT_ONCE {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
    }

    /// Does what a signal asks for. Returns why the session ends, if it does at once.
    fn heed(&mut self, signal: &Signal) -> Option<End> {
        let now = Instant::now();
        let until = match signal {
            // The rest is for giving back what is unsettled.
            Signal::Stop | Signal::ComeBack => now + self.context.shared.patience * 4 / 5,
            Signal::MakeRoom => now,
            Signal::Fail(refusal) => return Some(End::Refused(refusal.clone())),
        };
        self.stage = Stage::GoingAway(until);
        self.deadlines.wake_at(until);
        if self.scope != Scope::Link {
            let context = Rc::clone(&self.context);
            let (reason, address) = match signal {
                Signal::Stop => context.shared.destination(),
                Signal::ComeBack => (Reason::Stopping, Text::EMPTY),
                Signal::MakeRoom | Signal::Fail(_) => (Reason::Overloaded, Text::EMPTY),
            };
            let grace_ms = u32::try_from(until.duration_since(now).as_millis()).unwrap_or(u32::MAX);
            self.output.frame(Address::CONNECTION, &GoAway { reason, grace_ms, address });
        }
        self.touch_all();
        None
    }

    /// Whether frames may be taken: what the client has asked for and not read is within bounds.
    fn may_read(&self) -> bool {
        self.stalled.is_none()
            && self.stage != Stage::Draining
            && self.settles < self.context.shared.settings.requests_max.count()
            && self.settling < SETTLING_MAX
            && self.output.answer_bytes() < self.answer_bytes_max()
    }

    const fn answer_bytes_max(&self) -> usize {
        match self.scope {
            Scope::Connection | Scope::Control => ANSWER_BYTES_MAX,
            Scope::Link => LINK_ANSWER_BYTES_MAX,
        }
    }

    /// Takes frames, until [`FRAMES_AT_ONCE`] were taken in this turn.
    fn poll_frames(&mut self, cx: &mut TaskContext<'_>, frames: &mut usize) -> Result<Reading, End> {
        self.retry_stalled()?;
        while *frames < FRAMES_AT_ONCE {
            if !self.may_read() {
                self.input.pause();
                break;
            }
            match self.input.poll_frame(&mut self.stream, cx) {
                Poll::Pending => return Ok(Reading::Awaited),
                Poll::Ready(Ok(frame)) => {
                    *frames += 1;
                    self.context.hear(frame.payload.len());
                    self.take(frame)?;
                }
                Poll::Ready(Err(InputEnd::Closed)) => {
                    self.stage = Stage::Draining;
                    self.touch_all();
                    break;
                }
                Poll::Ready(Err(InputEnd::Failed)) => return Err(End::Failed),
                Poll::Ready(Err(InputEnd::Invalid(error))) => return Err(Refusal::from(&error).into()),
            }
        }
        Ok(Reading::Paused)
    }

    /// Whether nothing is left to do for the client.
    fn is_done(&mut self) -> bool {
        if self.scope == Scope::Control && self.stage != Stage::Serving && self.context.links() > 0 {
            // The links have streams and tasks of their own.
            self.deadlines.wake_soon();
            return matches!(self.stage, Stage::GoingAway(until) if Instant::now() >= until);
        }
        let unsettled = || self.links.values().any(|link| link.unsettled() > 0);
        let has_answered = self.works == 0 && self.output.is_empty();
        match self.stage {
            Stage::Serving => self.scope == Scope::Link && self.has_opened && self.links.is_empty() && has_answered,
            Stage::GoingAway(until) => (has_answered && !unsettled()) || Instant::now() >= until,
            Stage::Draining => has_answered,
        }
    }

    /// Tells the connection's seat whether anything is under way.
    fn note_presence(&mut self) {
        let is_busy = !self.links.is_empty() || self.works > 0;
        if is_busy != self.is_busy {
            self.is_busy = is_busy;
            if is_busy { self.context.presence.begin() } else { self.context.presence.end() }
        }
    }

    fn touch_all(&mut self) {
        self.touched = self.links.keys().copied().collect();
    }

    /// Answers a request with a refusal.
    fn refuse(&mut self, address: Address, refusal: &Refusal) {
        self.fault(address, refusal, Ends::Request);
    }

    fn fault(&mut self, address: Address, refusal: &Refusal, ends: Ends) {
        self.context.refused(refusal.code());
        self.output.frame(address, &refusal.frame(ends));
    }

    /// Ends the stream, and gives back what is unsettled.
    async fn finish(mut self, end: End) -> Option<Refusal> {
        let Self { context, .. } = &self;
        match &end {
            End::Done | End::Failed => {}
            End::NotReading => {
                context.counters().not_reading();
                tracing::info!(peer = %context.peer, "disconnected: the client does not read, or too slowly");
            }
            End::Refused(refusal) => {
                tracing::debug!(peer = %context.peer, code = refusal.code().name(), "a connection is refused: {}", refusal.text());
            }
        }
        let mut unsaid = None;
        match &end {
            End::Refused(refusal) if self.scope == Scope::Link => unsaid = Some(refusal.clone()),
            End::Refused(refusal) => self.fault(Address::CONNECTION, refusal, Ends::Connection),
            End::Done | End::Failed | End::NotReading => {}
        }
        if matches!(end, End::Done | End::Refused(_)) {
            let Self { stream, output, .. } = &mut self;
            last_words(stream, output).await;
        }
        self.stage = Stage::Draining;
        for call in self.calls.values() {
            call.abort();
        }
        let releasing = self.release_all();
        // What is not given back in time becomes visible when its visibility timeout is over.
        let _ = timeout(RELEASE_MAX, releasing).await;
        // Links with messages or an opening under way, whose answers come too late.
        self.links.values().for_each(|_| self.context.close_link());
        if self.is_busy {
            self.context.presence.end();
        }
        unsaid
    }

    /// Ends all links.
    async fn release_all(&mut self) {
        self.links.values_mut().for_each(|link| link.end(Ending::Quiet));
        self.touch_all();
        poll_fn(|cx| {
            loop {
                let progressed = self.poll_answers(cx) | self.tend_links();
                if !self.links.values().any(Link::holds_messages) {
                    return Poll::Ready(());
                }
                if !progressed {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }

    /// The link that a frame names.
    fn number(address: Address) -> u16 {
        address.link.get()
    }
}

/// Writes what is left, ends the stream, and reads what the client still sends for a moment: bytes that are not read make
/// the system reset a connection, and what was written last might be lost.
pub(super) async fn last_words<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, output: &mut Output) {
    let ending = async {
        poll_fn(|cx| output.poll_write(stream, cx)).await?;
        stream.shutdown().await?;
        let (mut dropped, mut left) = ([0; 4096], DROPPED_BYTES_MAX);
        while left > 0 {
            match stream.read(&mut dropped).await? {
                0 => break,
                bytes => left = left.saturating_sub(bytes),
            }
        }
        Ok::<_, std::io::Error>(())
    };
    // The connection is closed whatever this leads to.
    let _ = timeout(LAST_WORDS_MAX, ending).await;
}

/// Resolves when the broker stops or the connection has to make room.
pub(super) async fn signal_of(mut stopping: Stopping, makes_room: impl Future<Output = ()>) -> Signal {
    tokio::select! {
        () = stopping.requested() => Signal::Stop,
        () = makes_room => Signal::MakeRoom,
    }
}

/// What is said of a link that is not open.
fn no_link() -> Refusal {
    Refusal::new(FaultCode::UnknownLink, "No such link is open.")
}
