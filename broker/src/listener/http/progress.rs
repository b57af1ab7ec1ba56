//! The progress of a connection's client, and its deadlines.
//!
//! ```text
//! Head --(a request begins)--> Working --(its answer is written)--> Idle --(a byte arrives)--> Head
//! ```
//!
//! On an HTTP/2 connection frames of all kinds arrive at any time, so there is no head to time: only idleness, and
//! responses that do not move. The deadline of a body belongs to its request (`body`).
//!
//! A timer for each step would cost more than most requests take. Each step notes the time instead, and one timer per
//! connection compares the notes with the deadlines. A client that is too slow is disconnected up to the shortest of
//! the deadlines late, and never early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::Version;
use tokio::time::Instant;

use crate::configuration::Limits;

/// The notes. Times are milliseconds since the connection began, plus one; zero is "not now".
pub(super) struct Progress {
    began: Instant,
    /// Requests under way.
    working: AtomicUsize,
    /// Since when the head of a request is arriving.
    head: AtomicU64,
    /// Since when no request is under way.
    idle: AtomicU64,
    /// Since when the client has not read what is to be written.
    blocked: AtomicU64,
    /// Whether several requests share the connection: HTTP/2.
    multiplexed: AtomicBool,
    /// Whether the client takes interim responses: HTTP/1.1.
    interim: AtomicBool,
    /// Whether the body of the request under way has arrived; of HTTP/2 not known.
    whole: AtomicBool,
    /// Answers that are not handed over yet.
    answers: AtomicUsize,
    /// When a part of an answer was last handed over.
    moved: AtomicU64,
}

impl Progress {
    /// The progress of a connection that has just been accepted. The head of its first request is due.
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            working: AtomicUsize::new(0),
            head: AtomicU64::new(1),
            idle: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            multiplexed: AtomicBool::new(false),
            interim: AtomicBool::new(false),
            whole: AtomicBool::new(false),
            answers: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    /// Notes that a request has arrived. Dropping the result notes that it has ended.
    pub(super) fn request(self: &Arc<Self>, version: Version) -> Working {
        self.multiplexed.store(version == Version::HTTP_2, Ordering::Relaxed);
        self.interim.store(version == Version::HTTP_11, Ordering::Relaxed);
        self.whole.store(false, Ordering::Relaxed);
        self.working.fetch_add(1, Ordering::Relaxed);
        self.head.store(0, Ordering::Relaxed);
        self.idle.store(0, Ordering::Relaxed);
        Working { progress: Arc::clone(self), answers: 0 }
    }

    /// Notes that bytes have arrived.
    pub(super) fn received(&self) {
        if !self.multiplexed.load(Ordering::Relaxed) && self.idle.load(Ordering::Relaxed) != 0 {
            self.idle.store(0, Ordering::Relaxed);
            self.head.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Notes what a write to the socket led to.
    pub(super) fn written<T>(&self, result: &Poll<T>) {
        let noted = self.blocked.load(Ordering::Relaxed) != 0;
        match result {
            Poll::Pending if !noted => self.blocked.store(self.now(), Ordering::Relaxed),
            Poll::Ready(_) if noted => self.blocked.store(0, Ordering::Relaxed),
            Poll::Pending | Poll::Ready(_) => {}
        }
    }

    /// How far the request is that has the connection to itself. [`Stage::Idle`] in HTTP/2, where none has.
    pub(super) fn stage(&self) -> Stage {
        if self.multiplexed.load(Ordering::Relaxed) || self.working.load(Ordering::Relaxed) == 0 {
            Stage::Idle
        } else if self.answers.load(Ordering::Relaxed) > 0 || self.blocked.load(Ordering::Relaxed) != 0 {
            Stage::Answering
        } else if self.whole.load(Ordering::Relaxed) {
            Stage::Waiting
        } else {
            Stage::Arriving
        }
    }

    /// Whether the client of the request under way takes responses before the answer.
    pub(super) fn takes_interim_responses(&self) -> bool {
        self.interim.load(Ordering::Relaxed)
    }

    /// The deadline that the client has missed at `now`, in the connection's time; `None` if none.
    fn overdue(&self, limits: &Limits, now: u64) -> Option<&'static str> {
        let multiplexed = self.multiplexed.load(Ordering::Relaxed);
        let past = |since: &AtomicU64, limit: Duration| {
            let since = since.load(Ordering::Relaxed);
            since != 0 && u128::from(now.saturating_sub(since)) >= limit.as_millis()
        };
        let answers = self.answers.load(Ordering::Relaxed);
        let stands = multiplexed && answers > 0 && past(&self.moved, limits.write_seconds_max.seconds());
        if stands || past(&self.blocked, limits.write_seconds_max.seconds()) {
            Some("it does not read the answer")
        } else if self.working.load(Ordering::Relaxed) > 0 {
            None
        } else if !multiplexed && past(&self.head, limits.header_seconds_max.seconds()) {
            Some("the request's head does not end")
        } else if past(&self.idle, limits.idle_seconds_max.seconds()) {
            Some("it asks nothing")
        } else {
            None
        }
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// None is under way.
    Idle,
    /// Its body is arriving.
    Arriving,
    /// It is worked on.
    Waiting,
    /// Its answer is written, or that of the one before it still is.
    Answering,
}

/// A request under way.
pub(super) struct Working {
    progress: Arc<Progress>,
    /// Whether its answer is being handed over: one or none.
    answers: usize,
}

impl Working {
    /// The request has arrived, with its body.
    pub(super) fn arrived(&self) {
        self.progress.whole.store(true, Ordering::Relaxed);
    }

    /// The answer is there.
    pub(super) fn answered(&mut self) {
        self.answers = 1;
        self.progress.answers.fetch_add(1, Ordering::Relaxed);
        self.moved();
    }

    /// A part of the answer was handed over.
    pub(super) fn moved(&self) {
        // If requests do not share the connection, writes to the socket show whether the response moves.
        if self.progress.multiplexed.load(Ordering::Relaxed) {
            self.progress.moved.store(self.progress.now(), Ordering::Relaxed);
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.progress.answers.fetch_sub(self.answers, Ordering::Relaxed);
        // Noted before the count is lowered: a request that begins in between clears the note.
        self.progress.idle.store(self.progress.now(), Ordering::Relaxed);
        if self.progress.working.fetch_sub(1, Ordering::Relaxed) > 1 {
            self.progress.idle.store(0, Ordering::Relaxed);
        }
    }
}

/// Waits until the client misses a deadline, and returns which.
pub(super) async fn overdue(progress: &Progress, limits: &Limits) -> &'static str {
    let shortest =
        [limits.header_seconds_max.seconds(), limits.write_seconds_max.seconds(), limits.idle_seconds_max.seconds()]
            .into_iter()
            .min()
            .expect("three deadlines");
    loop {
        tokio::time::sleep(shortest).await;
        if let Some(reason) = progress.overdue(limits, progress.now()) {
            return reason;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::configuration::Configuration;

    /// Head 10 s, writing 30 s, idle 75 s: the defaults.
    fn limits() -> Limits {
        Configuration::from_parts(None, "", &BTreeMap::new(), &|_| None).expect("the defaults").settings.limits
    }

    const SECOND: u64 = 1000;

    fn at(progress: &Progress, seconds: u64) -> Option<&'static str> {
        progress.overdue(&limits(), progress.now() + seconds * SECOND)
    }

    #[test]
    fn a_head_has_its_deadline_from_the_connection_on_and_from_its_first_byte_on() {
        let progress = Arc::new(Progress::new());
        assert_eq!((at(&progress, 9), at(&progress, 10)), (None, Some("the request's head does not end")));
        let working = progress.request(Version::HTTP_11);
        assert_eq!(at(&progress, 10_000), None, "a request that is worked on, such as a long poll, has no deadline");
        drop(working);
        assert_eq!((at(&progress, 74), at(&progress, 75)), (None, Some("it asks nothing")));
        progress.received();
        assert_eq!((at(&progress, 9), at(&progress, 10)), (None, Some("the request's head does not end")));
    }

    #[test]
    fn an_answer_that_is_not_read_has_its_deadline() {
        let progress = Arc::new(Progress::new());
        let _working = progress.request(Version::HTTP_11);
        progress.written::<()>(&Poll::Pending);
        assert_eq!((at(&progress, 29), at(&progress, 30)), (None, Some("it does not read the answer")));
        progress.written(&Poll::Ready(()));
        assert_eq!(at(&progress, 10_000), None);
    }

    #[test]
    fn http_2_is_idle_whatever_frames_come_and_its_answers_must_move() {
        let progress = Arc::new(Progress::new());
        let mut first = progress.request(Version::HTTP_2);
        let second = progress.request(Version::HTTP_2);
        first.answered();
        assert_eq!((at(&progress, 29), at(&progress, 30)), (None, Some("it does not read the answer")));
        drop(first);
        assert_eq!(at(&progress, 10_000), None, "the second is worked on");
        drop(second);
        progress.received();
        assert_eq!((at(&progress, 74), at(&progress, 75)), (None, Some("it asks nothing")));
    }
}
