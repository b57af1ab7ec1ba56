//! Clients that close their sending half while their request is under way.
//!
//! TCP announces the end of a client's sending in the same way whether the client still reads or has closed its socket.
//! The difference matters to a long poll: a client that reads gets its answer, and for one that does not, the poll has
//! to be cancelled before it takes a message.
//!
//! [`HalfClose`] distinguishes the two. It writes an interim response, `100 Continue`, which every client of HTTP/1.1 passes
//! over, and to which the system of a client that has closed its socket replies with a reset. Most requests are answered
//! before that: the interim response is written only after [`PROBE_AFTER`]. In HTTP/2, where a client ends a stream and not
//! the connection, all requests are cancelled at once. HTTP/1.0 has no interim responses, and its clients may end their
//! sending behind each request: one that is not answered within [`UNPROBED_AFTER`] is cancelled. So is one over TLS, whose
//! clients end their sending when they close.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::progress::{Progress, Stage};
use crate::listener::stream::Stream;

/// How long after the end of its sending a client gets an interim response.
const PROBE_AFTER: Duration = Duration::from_millis(10);
/// How long after the end of its client's sending a request of HTTP/1.0, or over TLS, may take: a busy broker has answered all but long
/// polls by then.
const UNPROBED_AFTER: Duration = Duration::from_secs(1);
/// When a reset is looked for first. Each further look comes after twice the time, up to [`LOOK_MAX`].
const LOOK_MIN: Duration = Duration::from_millis(1);
const LOOK_MAX: Duration = Duration::from_secs(1);

const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What is known of a client that has ended its sending.
#[derive(Default)]
pub(super) struct HalfClose {
    /// When the end was found.
    ended: Option<Instant>,
    /// When to look next.
    next: Option<Pin<Box<Sleep>>>,
    /// The time between the last two looks; `None` before the first.
    pause: Option<Duration>,
    /// Whether the client has got the interim response.
    probed: bool,
}

impl HalfClose {
    /// Resolves when the end of the stream is to be reported to the reader: no request is under way, or its client has
    /// closed the socket. Called whenever a read finds the end.
    pub(super) fn poll(&mut self, stream: &Stream, progress: &Progress, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if progress.stage() == Stage::Idle {
                return Poll::Ready(());
            }
            let next = self.next.get_or_insert_with(|| Box::pin(sleep(PROBE_AFTER)));
            let ended = *self.ended.get_or_insert_with(Instant::now);
            ready!(next.as_mut().poll(cx));
            let pause = self.pause.map_or(LOOK_MIN, |pause| (pause * 2).min(LOOK_MAX));
            self.pause = Some(pause);
            next.as_mut().reset(Instant::now() + pause);
            // The error is the reset.
            if !matches!(stream.socket().take_error(), Ok(None)) || !self.may_read(stream, progress, ended) {
                return Poll::Ready(());
            }
        }
    }

    /// Whether the client may still be reading; writes the interim response where that is not known.
    fn may_read(&mut self, stream: &Stream, progress: &Progress, ended: Instant) -> bool {
        match progress.stage() {
            // A request that broke off.
            Stage::Idle | Stage::Arriving => false,
            Stage::Waiting if self.probed => true,
            Stage::Waiting => match stream {
                Stream::Plain(stream) if progress.takes_interim_responses() => {
                    self.probed = true;
                    stream.try_write(INTERIM).is_ok_and(|written| written == INTERIM.len())
                }
                Stream::Plain(_) | Stream::Tls(_) => ended.elapsed() < UNPROBED_AFTER,
            },
            // Writing the answer finds out.
            Stage::Answering => true,
        }
    }
}
