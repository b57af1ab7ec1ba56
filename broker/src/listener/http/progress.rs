//! The progress of a connection's client, and its deadlines.
//!
//! ```text
//! Head --(a request begins)--> Working --(its answer is written)--> Idle --(a byte arrives)--> Head
//! ```
//!
//! On an HTTP/2 connection frames of all kinds arrive at any time, so there is no head to time: only idleness, and
//! answers. The deadline of a body belongs to its request (`body`).
//!
//! A client that reads its answers is judged by its rate, not by its last byte. While it has answers to read, it must
//! read `write_bytes_per_second_min` on average over `write_seconds_max`. Only bytes of answers count, once the socket has
//! taken them.
//!
//! A timer for each step would cost more than most requests take. Each step notes the time instead, and one timer per
//! connection compares the notes with the deadlines. A client that is too slow is disconnected up to the shortest of
//! the deadlines late, and never early.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use http::Version;
use tokio::time::Instant;

use crate::answer_budget::AnswerAccount;
use crate::configuration::Limits;
use crate::listener::seats::UnderWay;

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
    /// Answers that the client has not read yet, and how often there were none: [`Unread`].
    unread: AtomicU64,
    /// What those answers hold.
    account: Arc<AnswerAccount>,
    /// Whether the connection is to be reset when it is closed.
    reset: AtomicBool,
}

/// The answers of a connection that its client has not read yet: their number in the lower half of a word. The upper half
/// counts how often there were none any more, so that two looks can tell whether there were some all the time between.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Unread(u64);

impl Unread {
    const HALF: u32 = 32;

    const fn answers(self) -> u64 {
        self.0 & ((1 << Self::HALF) - 1)
    }

    const fn times_none(self) -> u64 {
        self.0 >> Self::HALF
    }

    /// One answer less.
    const fn read(self) -> Self {
        let none = if self.answers() == 1 { 1 << Self::HALF } else { 0 };
        Self((self.0 - 1).wrapping_add(none))
    }
}

impl Progress {
    /// The progress of a connection that has just been accepted. The head of its first request is due.
    pub(super) fn new(account: Arc<AnswerAccount>) -> Self {
        Self {
            began: Instant::now(),
            working: AtomicUsize::new(0),
            head: AtomicU64::new(1),
            idle: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            multiplexed: AtomicBool::new(false),
            interim: AtomicBool::new(false),
            whole: AtomicBool::new(false),
            unread: AtomicU64::new(0),
            account,
            reset: AtomicBool::new(false),
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
        Working { progress: Arc::clone(self), answered: false, under_way: OnceLock::new() }
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
        } else if self.unread().answers() > 0 || self.blocked.load(Ordering::Relaxed) != 0 {
            Stage::Answering
        } else if self.whole.load(Ordering::Relaxed) {
            Stage::Waiting
        } else {
            Stage::Arriving
        }
    }

    /// Has the connection reset when it is closed. The system would keep what was written and go on sending it, for as
    /// long as the client reads a byte now and then.
    pub(super) fn reset(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    /// Whether the connection is to be reset when it is closed.
    pub(super) fn is_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }

    fn unread(&self) -> Unread {
        Unread(self.unread.load(Ordering::Relaxed))
    }

    /// Whether the client of the request under way takes responses before the answer.
    pub(super) fn takes_interim_responses(&self) -> bool {
        self.interim.load(Ordering::Relaxed)
    }

    /// The deadline that the client has missed at `now`, in the connection's time; `None` if none.
    fn overdue(&self, limits: &Limits, now: u64) -> Option<Overdue> {
        let multiplexed = self.multiplexed.load(Ordering::Relaxed);
        let past = |since: &AtomicU64, limit: Duration| {
            let since = since.load(Ordering::Relaxed);
            since != 0 && u128::from(now.saturating_sub(since)) >= limit.as_millis()
        };
        if past(&self.blocked, limits.write_seconds_max.seconds()) {
            Some(Overdue::Reading)
        } else if self.working.load(Ordering::Relaxed) > 0 {
            None
        } else if !multiplexed && past(&self.head, limits.header_seconds_max.seconds()) {
            Some(Overdue::Head)
        } else if past(&self.idle, limits.idle_seconds_max.seconds()) {
            Some(Overdue::Request)
        } else {
            None
        }
    }
}

/// What a client is too slow at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The head of a request does not end.
    Head,
    /// No request comes.
    Request,
    /// Answers are not read, or too slowly.
    Reading,
}

/// The rate at which a client reads, measured while it has answers to read.
#[derive(Default)]
struct Rate {
    measured: Option<Measured>,
}

/// The beginning of a measurement.
struct Measured {
    since: u64,
    sent_bytes: u64,
    times_none: u64,
}

impl Rate {
    /// Looks at the progress at `now`, in the connection's time. The client is overdue if it has had answers to read for
    /// `write_seconds_max` and has read too little.
    fn judge(&mut self, progress: &Progress, limits: &Limits, now: u64) -> Option<Overdue> {
        let (unread, sent_bytes) = (progress.unread(), progress.account.sent_bytes());
        let times_none = unread.times_none();
        if unread.answers() == 0 {
            self.measured = None;
            return None;
        }
        match &self.measured {
            Some(measured) if measured.times_none == times_none => {
                let elapsed = now.saturating_sub(measured.since);
                if u128::from(elapsed) < limits.write_seconds_max.seconds().as_millis() {
                    return None;
                }
                let least = (limits.write_bytes_per_second_min.get().saturating_mul(elapsed) / 1000).max(1);
                if sent_bytes - measured.sent_bytes < least {
                    return Some(Overdue::Reading);
                }
            }
            Some(_) | None => {}
        }
        self.measured = Some(Measured { since: now, sent_bytes, times_none });
        None
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
    /// Whether there is an answer, which the client has not read yet.
    answered: bool,
    /// What keeps its connection open until it has ended.
    under_way: OnceLock<UnderWay>,
}

impl Working {
    /// Keeps the connection open until the request has ended.
    pub(super) fn keep(&self, under_way: UnderWay) {
        let _ = self.under_way.set(under_way);
    }

    /// The request has arrived, with its body.
    pub(super) fn arrived(&self) {
        self.progress.whole.store(true, Ordering::Relaxed);
    }

    /// The answer is there. It is read when this is dropped.
    pub(super) fn answered(&mut self) {
        self.answered = true;
        self.progress.unread.fetch_add(1, Ordering::Relaxed);
    }

    /// What the answers of the connection hold.
    pub(super) fn account(&self) -> &Arc<AnswerAccount> {
        &self.progress.account
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if self.answered {
            let read = |unread| Some(Unread(unread).read().0);
            let _ = self.progress.unread.fetch_update(Ordering::Relaxed, Ordering::Relaxed, read);
        }
        // Noted before the count is lowered: a request that begins in between clears the note.
        self.progress.idle.store(self.progress.now(), Ordering::Relaxed);
        if self.progress.working.fetch_sub(1, Ordering::Relaxed) > 1 {
            self.progress.idle.store(0, Ordering::Relaxed);
        }
    }
}

/// Waits until the client misses a deadline, and returns which.
pub(super) async fn overdue(progress: &Progress, limits: &Limits) -> Overdue {
    let shortest =
        [limits.header_seconds_max.seconds(), limits.write_seconds_max.seconds(), limits.idle_seconds_max.seconds()]
            .into_iter()
            .min()
            .expect("three deadlines");
    let mut rate = Rate::default();
    loop {
        tokio::time::sleep(shortest).await;
        let now = progress.now();
        if let Some(reason) = progress.overdue(limits, now).or_else(|| rate.judge(progress, limits, now)) {
            return reason;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::answer_budget::AnswerBudget;
    use crate::configuration::Configuration;

    /// Head 10 s, writing 30 s, idle 75 s: the defaults.
    fn limits() -> Limits {
        Configuration::from_parts(None, "", &BTreeMap::new(), &|_| None).expect("the defaults").settings.limits
    }

    const SECOND: u64 = 1000;

    fn fresh() -> Arc<Progress> {
        Arc::new(Progress::new(AnswerBudget::new(1 << 30, 1 << 30).account()))
    }

    fn at(progress: &Progress, seconds: u64) -> Option<Overdue> {
        progress.overdue(&limits(), progress.now() + seconds * SECOND)
    }

    #[test]
    fn a_head_has_its_deadline_from_the_connection_on_and_from_its_first_byte_on() {
        let progress = fresh();
        assert_eq!((at(&progress, 9), at(&progress, 10)), (None, Some(Overdue::Head)));
        let working = progress.request(Version::HTTP_11);
        assert_eq!(at(&progress, 10_000), None, "a request that is worked on, such as a long poll, has no deadline");
        drop(working);
        assert_eq!((at(&progress, 74), at(&progress, 75)), (None, Some(Overdue::Request)));
        progress.received();
        assert_eq!((at(&progress, 9), at(&progress, 10)), (None, Some(Overdue::Head)));
    }

    #[test]
    fn an_answer_that_is_not_read_has_its_deadline() {
        let progress = fresh();
        let _working = progress.request(Version::HTTP_11);
        progress.written::<()>(&Poll::Pending);
        assert_eq!((at(&progress, 29), at(&progress, 30)), (None, Some(Overdue::Reading)));
        progress.written(&Poll::Ready(()));
        assert_eq!(at(&progress, 10_000), None);
    }

    #[test]
    fn http_2_is_idle_whatever_frames_come() {
        let progress = fresh();
        let first = progress.request(Version::HTTP_2);
        let second = progress.request(Version::HTTP_2);
        drop(first);
        assert_eq!(at(&progress, 10_000), None, "the second is worked on");
        drop(second);
        progress.received();
        assert_eq!((at(&progress, 74), at(&progress, 75)), (None, Some(Overdue::Request)));
    }

    /// Looks every ten seconds, up to `seconds`, and lets the client read so many bytes before each look.
    fn read(progress: &Progress, bytes: usize, seconds: u64) -> Option<u64> {
        let (mut rate, limits, now) = (Rate::default(), limits(), progress.now());
        (0..=seconds / 10).map(|look| look * 10).find(|at| {
            progress.account.note_sent(bytes);
            rate.judge(progress, &limits, now + at * SECOND).is_some()
        })
    }

    #[test]
    fn a_client_that_has_answers_to_read_must_read_at_the_least_rate() {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let progress = fresh();
            let mut working = progress.request(version);
            assert_eq!(read(&progress, 0, 1000), None, "nothing to read yet");
            working.answered();
            assert_eq!(read(&progress, 655_359, 1000), Some(30), "a little less than 64 KiB a second");
            assert_eq!(read(&progress, 655_360, 1000), None);
            drop(working);
            assert_eq!(read(&progress, 0, 1000), None, "nothing left to read");
        }
    }

    #[test]
    fn a_client_that_has_read_everything_in_between_is_measured_anew() {
        let progress = fresh();
        let mut rate = Rate::default();
        for look in 0..100 {
            let mut working = progress.request(Version::HTTP_2);
            working.answered();
            assert_eq!(rate.judge(&progress, &limits(), (look + 1) * 10 * SECOND), None, "an answer of its own");
            let mut other = progress.request(Version::HTTP_2);
            other.answered();
            drop(working);
            assert_eq!(progress.unread().answers(), 1);
        }
        assert_eq!((progress.unread().answers(), progress.unread().times_none()), (0, 100));
    }
}
