//! The deadlines of a session: heartbeats both ways, frames that do not end, clients that do not read.
//!
//! One timer looks at all of them twice a heartbeat, so that a message costs no timer. A client that is late is
//! disconnected up to half a heartbeat later, and never early.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use posthouse_wire::{Address, FaultCode, Ping};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Duration, Instant, Sleep, sleep_until};

use super::{End, Scope, Session};
use crate::configuration::{Limits, Native};
use crate::listener::native::Shared;
use crate::listener::native::fault::Refusal;
use crate::listener::native::output::Output;

/// How soon a frame that found the inbox full is tried again, or a receive for which there was no room.
const RETRY_MIN: Duration = Duration::from_millis(1);
/// The same after several attempts, so that many connections that wait for the core loop leave it time for its work.
const RETRY_MAX: Duration = Duration::from_millis(32);

/// What is timed of a session.
pub(super) struct Deadlines {
    /// When the session is looked at next.
    timer: Pin<Box<Sleep>>,
    /// When the deadlines are looked at next.
    look: Instant,
    period: Duration,
    /// How long a client may be silent, and how long a frame may take.
    silence_max: Duration,
    /// Whether the stream has a heartbeat of its own.
    beats: bool,
    /// When a stream that is for a link must have opened it.
    opens_until: Option<Instant>,
    /// How soon is soon.
    retry: Duration,
    /// Bytes that had been written at the last look.
    written: u64,
    reading: Reading,
}

impl Deadlines {
    pub(super) fn new(shared: &Shared, scope: Scope) -> Self {
        let Native { heartbeat_seconds, silence_seconds_max, .. } = &shared.settings;
        let period = heartbeat_seconds.seconds() / 2;
        let now = Instant::now();
        let look = now + period;
        let silence_max = silence_seconds_max.seconds();
        Self {
            timer: Box::pin(sleep_until(look)),
            look,
            period,
            silence_max,
            beats: scope != Scope::Link,
            opens_until: (scope == Scope::Link).then(|| now + silence_max),
            retry: RETRY_MIN,
            written: 0,
            reading: Reading::default(),
        }
    }

    /// Has the session looked at at this time, if not before.
    pub(super) fn wake_at(&mut self, at: Instant) {
        if at < self.timer.deadline() {
            self.timer.as_mut().reset(at);
        }
    }

    /// Has the session looked at soon, to try something again: later with each time, until [`Deadlines::succeeded`].
    pub(super) fn wake_soon(&mut self) {
        self.wake_at(Instant::now() + self.retry);
        self.retry = (2 * self.retry).min(RETRY_MAX);
    }

    /// Notes that what was tried again has succeeded.
    pub(super) const fn succeeded(&mut self) {
        self.retry = RETRY_MIN;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Looks at the deadlines if it is time. Links with a rate limit are touched, too.
    pub(super) fn poll_deadlines(&mut self, cx: &mut TaskContext<'_>) -> Option<End> {
        while let Poll::Ready(()) = self.deadlines.timer.as_mut().poll(cx) {
            let now = Instant::now();
            if now >= self.deadlines.look {
                self.deadlines.look = now + self.deadlines.period;
                if let Some(end) = self.look(now) {
                    return Some(end);
                }
            }
            let look = self.deadlines.look;
            self.deadlines.timer.as_mut().reset(look);
            self.touch_all();
            // What the touched links lead to comes in another turn.
            cx.waker().wake_by_ref();
        }
        None
    }

    fn look(&mut self, now: Instant) -> Option<End> {
        let limits = &self.context.shared.limits;
        if self.input.waited(now) >= self.deadlines.silence_max {
            return Some(Refusal::new(FaultCode::Timeout, "A frame did not arrive in time.").into());
        }
        if !self.has_opened && self.deadlines.opens_until.is_some_and(|until| until <= now) {
            return Some(Refusal::new(FaultCode::Timeout, "A stream did not open its link in time.").into());
        }
        if self.deadlines.reading.judge(&self.output, limits, now) {
            return Some(End::NotReading);
        }
        if self.deadlines.beats {
            let received = self.input.received().max(self.context.heard());
            if now.saturating_duration_since(received) >= self.deadlines.silence_max {
                return Some(Refusal::new(FaultCode::Timeout, "The client was silent for too long.").into());
            }
            if self.output.written() == self.deadlines.written && self.output.is_empty() {
                self.output.frame(Address::CONNECTION, &Ping);
            }
            self.deadlines.written = self.output.written();
        }
        self.input.rest();
        None
    }
}

/// The rate at which a client reads, measured while it has something to read: `limits.write_bytes_per_second_min` on average
/// over `limits.write_seconds_max`.
#[derive(Default)]
struct Reading {
    measured: Option<Measured>,
}

struct Measured {
    since: Instant,
    written: u64,
    times_empty: u64,
}

impl Reading {
    /// Whether the client has had something to read for too long and has read too little.
    fn judge(&mut self, output: &Output, limits: &Limits, now: Instant) -> bool {
        let (written, times_empty) = (output.written(), output.times_empty());
        if output.is_empty() {
            self.measured = None;
            return false;
        }
        if let Some(measured) = self.measured.as_ref().filter(|measured| measured.times_empty == times_empty) {
            let elapsed = now.saturating_duration_since(measured.since);
            if elapsed < limits.write_seconds_max.seconds() {
                return false;
            }
            let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            let least = (limits.write_bytes_per_second_min.get().saturating_mul(elapsed_ms) / 1000).max(1);
            if written - measured.written < least {
                return true;
            }
        }
        self.measured = Some(Measured { since: now, written, times_empty });
        false
    }
}
