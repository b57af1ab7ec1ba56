//! The bounded way into the core loop, shared by all listeners.
//!
//! A request that finds the inbox full is refused at once, so that memory depends on the inbox's length and not on the
//! load. The room of a request is taken when it comes, so that an empty inbox holds no memory. Notes (a cancellation, an inspection, the end) take an unbounded channel of their own, so that sending one
//! neither blocks nor fails. A request has at most one cancellation, so there are never more of these than requests.
//!
//! Requests that bring large messages have a lane of their own, so that a small request does not wait for all large ones
//! that came before it (`lanes`).
//!
//! Waking the loop costs a system call. It is woken only if it sleeps for want of requests; after a commit it looks
//! into the inbox by itself.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use core::task::Waker;
use std::sync::Arc;

use crossbeam_channel::{Receiver, SendError, Sender, unbounded};
use posthouse_engine::{FilterHints, IdentityPolicies, PreparedCall, RequestToken, Search};
use posthouse_log::{Position, Snapshot};
use posthouse_model::{Call, Request};

use crate::lanes::{Lane, Lanes, Turns};
use crate::statistics::Inspection;

/// The callback of [`Inbox::inspect`]. Runs on the core loop and must not block.
pub type Inspect = Box<dyn FnOnce(Arc<Inspection>) + Send>;

/// The callback of [`Inbox::snapshot`]. Runs on the core loop and must not block.
pub type TakeSnapshot = Box<dyn FnOnce(Snapshot) + Send>;

/// The callback of [`Inbox::pulse`]. Runs on the core loop and must not block.
pub type Pulse = Box<dyn FnOnce() + Send>;

/// A request on its way to the loop.
pub(crate) struct Submission<R> {
    pub(crate) token: RequestToken,
    pub(crate) call: PreparedCall,
    pub(crate) responder: R,
    /// Bytes of the messages that it brings.
    bytes: u64,
}

/// A message to the loop that is no request.
pub(crate) enum Note {
    Cancel(RequestToken),
    EndWait(RequestToken),
    Inspect(Inspect),
    Look(usize, Inspect),
    Pulse(Pulse),
    Snapshot(TakeSnapshot),
    Copied(Position),
    Searched(Box<Search>),
    Identities(Arc<IdentityPolicies>),
    EndWaits,
    ShutDown,
}

/// A request that was not taken, with its responder.
#[derive(Debug)]
pub enum Refused<R> {
    /// The inbox is full.
    Full(R),
    /// The loop has ended.
    Stopped(R),
}

/// The sending side of the inbox. Clones are cheap and share one queue.
pub struct Inbox<R> {
    lanes: Lanes<Sender<Submission<R>>>,
    notes: Sender<Note>,
    shared: Arc<Shared>,
}

struct Shared {
    /// The most requests in a lane. Threads that submit at the same time may exceed it by one each.
    length: usize,
    tokens: Tokens,
    /// Set by the loop before it sleeps for want of requests. The sender that clears it must wake the loop.
    idle: AtomicBool,
    waker: Waker,
    /// Which topics' messages are prepared before they are submitted.
    hints: Arc<FilterHints>,
}

/// The next token. All threads that submit write it, so it has lines of the processor's caches for itself: what they only
/// read stays in theirs.
#[repr(align(128))]
struct Tokens(AtomicU64);

/// The loop's side of the inbox.
pub(crate) struct Outlet<R> {
    lanes: Lanes<Receiver<Submission<R>>>,
    turns: Turns,
    notes: Receiver<Note>,
    shared: Arc<Shared>,
}

/// An inbox of the given length for the loop that `waker` wakes. `hints` are those of the loop's engine.
pub(crate) fn inbox<R>(length: usize, waker: Waker, hints: Arc<FilterHints>) -> (Inbox<R>, Outlet<R>) {
    let (small, small_out) = unbounded();
    let (large, large_out) = unbounded();
    let (notes, notes_out) = unbounded();
    let tokens = Tokens(AtomicU64::new(1));
    let shared = Arc::new(Shared { length, tokens, idle: AtomicBool::new(false), waker, hints });
    let outlet = Outlet {
        lanes: Lanes { small: small_out, large: large_out },
        turns: Turns::default(),
        notes: notes_out,
        shared: Arc::clone(&shared),
    };
    (Inbox { lanes: Lanes { small, large }, notes, shared }, outlet)
}

impl<R> Inbox<R> {
    /// Hands a request to the loop, which answers through `responder`. Never blocks.
    ///
    /// The messages of a publication to a topic with filter policies are prepared for matching here, on the caller's
    /// thread ([`Inbox::prepare`]).
    ///
    /// # Errors
    /// [`Refused`] with the responder where the inbox is full or the loop has ended.
    pub fn submit(&self, call: impl Into<Box<Call>>, responder: R) -> Result<RequestToken, Refused<R>> {
        self.submit_prepared(self.prepare(call), responder)
    }

    /// Prepares a call, whatever thread submits it then. It takes milliseconds where filter policies look at the body of a
    /// publication of a MiB, and next to nothing otherwise ([`PreparedCall::new`]).
    #[must_use]
    pub fn prepare(&self, call: impl Into<Box<Call>>) -> PreparedCall {
        PreparedCall::new(call, &self.shared.hints)
    }

    /// Whether it takes more than about a millisecond to prepare a request: the caller may do that on another thread.
    #[must_use]
    pub fn is_laborious(&self, request: &Request) -> bool {
        PreparedCall::is_laborious(request, &self.shared.hints)
    }

    /// Hands a prepared request to the loop, as [`Inbox::submit`] does.
    ///
    /// # Errors
    /// Those of [`Inbox::submit`].
    pub fn submit_prepared(&self, call: PreparedCall, responder: R) -> Result<RequestToken, Refused<R>> {
        let token = RequestToken(self.shared.tokens.0.fetch_add(1, Ordering::Relaxed));
        let request = &call.call().request;
        let bytes = request.message_bytes();
        let lane = Lane::of(request.action(), bytes);
        if self.is_full(lane) {
            return Err(Refused::Full(responder));
        }
        match self.lanes.of(lane).send(Submission { token, call, responder, bytes }) {
            Ok(()) => {
                self.wake();
                Ok(token)
            }
            Err(SendError(submission)) => Err(Refused::Stopped(submission.responder)),
        }
    }

    fn is_full(&self, lane: Lane) -> bool {
        self.lanes.of(lane).len() >= self.shared.length
    }

    /// Cancels a request whose caller no longer waits, so that a long poll takes no messages. Its responder must report
    /// [`is_abandoned`](crate::Responder::is_abandoned) before this is called, because the loop may read this note
    /// before the request.
    pub fn cancel(&self, token: RequestToken) {
        self.note(Note::Cancel(token));
    }

    /// Answers a long poll as if its time were up. If messages were received for it before, these are its answer. A request
    /// that the loop has not read yet is not ended.
    pub fn end_wait(&self, token: RequestToken) {
        self.note(Note::EndWait(token));
    }

    /// Whether a batch of a producer would find the inbox full now. Another thread may be faster.
    #[must_use]
    pub fn is_full_for_batches(&self) -> bool {
        self.is_full(Lane::OF_BATCHES)
    }

    /// Asks for a view of all queues and of the loop, which the loop makes in slices between requests. All who ask while
    /// one is being made share the next. If the loop ends before it is made, the callback is dropped uncalled.
    pub fn inspect(&self, inspect: Inspect) {
        self.note(Note::Inspect(inspect));
    }

    /// Asks for a view as [`Inbox::inspect`] does, that lists `listed_max` queues and as many topics. All who ask for one
    /// while another is being made share the next, whose list is as long as the longest that is asked for.
    pub fn look(&self, listed_max: usize, inspect: Inspect) {
        self.note(Note::Look(listed_max, inspect));
    }

    /// Asks for a sign of life: the loop calls `pulse` in its next iteration. If the loop has ended, the callback is
    /// dropped uncalled.
    pub fn pulse(&self, pulse: Pulse) {
        self.note(Note::Pulse(pulse));
    }

    /// Asks for a snapshot of the log as of its durable end: everything acknowledged before is in it, unless durability is
    /// [`Async`](crate::Durability::Async). The caller calls [`Inbox::copied`] once for each of its segments: until then the
    /// log keeps the segment. If the loop has ended, the callback is dropped uncalled.
    pub fn snapshot(&self, snapshot: TakeSnapshot) {
        self.note(Note::Snapshot(snapshot));
    }

    /// Says that a segment of a snapshot is copied, or that its copy is given up.
    pub fn copied(&self, first: Position) {
        self.note(Note::Copied(first));
    }

    /// Has the loop decide by other identity policies what users may do. It applies to every request that is submitted after
    /// a later [`Inbox::pulse`] was called back, and may apply to those before it.
    pub fn set_identities(&self, identities: Arc<IdentityPolicies>) {
        self.note(Note::Identities(identities));
    }

    /// Answers every long poll as if its time were up, and every later one at once. The first step of a shutdown.
    pub fn end_waits(&self) {
        self.note(Note::EndWaits);
    }

    /// Ends the loop. It answers every request that it has, commits, and closes the log.
    pub fn shut_down(&self) {
        self.note(Note::ShutDown);
    }

    /// Returns a search that has run.
    pub(crate) fn searched(&self, search: Search) {
        self.note(Note::Searched(Box::new(search)));
    }

    fn note(&self, note: Note) {
        // `send` fails only after the loop has ended. Every request has been answered by then, so the note can be
        // dropped.
        if self.notes.send(note).is_ok() {
            self.wake();
        }
    }

    fn wake(&self) {
        // Pairs with the fence in `Outlet::may_sleep`: either the loop sees the message or this sees the flag.
        fence(Ordering::SeqCst);
        if self.shared.idle.load(Ordering::Relaxed) && self.shared.idle.swap(false, Ordering::Relaxed) {
            self.shared.waker.wake_by_ref();
        }
    }
}

impl<R> Clone for Inbox<R> {
    fn clone(&self) -> Self {
        Self {
            lanes: Lanes { small: self.lanes.small.clone(), large: self.lanes.large.clone() },
            notes: self.notes.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<R> Outlet<R> {
    /// Counts the requests that wait now. [`Outlet::submission`] takes these, and none that comes later.
    pub(crate) fn count_arrivals(&mut self) {
        self.turns.arrived = Lanes { small: self.lanes.small.len(), large: self.lanes.large.len() };
    }

    /// The next of the requests that were counted; `None` if all are taken.
    pub(crate) fn submission(&mut self) -> Option<Submission<R>> {
        let lane = self.turns.next()?;
        let submission = self.lanes.of(lane).try_recv().expect("it was counted, and only the loop takes requests");
        self.turns.took(lane, submission.bytes);
        Some(submission)
    }

    /// The next note; `None` while there is none.
    pub(crate) fn note(&self) -> Option<Note> {
        self.notes.try_recv().ok()
    }

    /// Requests that wait.
    pub(crate) fn length(&self) -> usize {
        self.lanes.small.len() + self.lanes.large.len()
    }

    /// Asks to be woken by the next message. False where there already is one.
    pub(crate) fn may_sleep(&self) -> bool {
        self.shared.idle.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let empty = self.length() == 0 && self.notes.is_empty();
        if !empty {
            self.awake();
        }
        empty
    }

    /// Needs no wake-up any more.
    pub(crate) fn awake(&self) {
        // Written only where it changes: the threads that submit requests read it each time.
        if self.shared.idle.load(Ordering::Relaxed) {
            self.shared.idle.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr};
    use core::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use posthouse_model::message::MessageDraft;
    use posthouse_model::operation::{ListQueues, SendMessage};
    use posthouse_model::{Caller, Identity, MessageId, PageSize, RegionSource, Request, Transport};

    use super::*;

    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn call() -> Call {
        let region = "us-east-1".parse().expect("valid");
        let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Call {
            caller: Caller {
                identity: Identity::Anonymous,
                region,
                region_source: RegionSource::Surroundings,
                source,
                transport: Transport::Plain,
            },
            request: Request::ListQueues(ListQueues { prefix: "".into(), results_max: PageSize::ONE, after: None }),
        }
    }

    #[test]
    fn a_full_inbox_gives_the_responder_back_and_still_takes_notes() {
        let (inbox, mut outlet) = inbox(1, Waker::noop().clone(), Arc::default());
        assert_eq!(inbox.submit(call(), "first").expect("room"), RequestToken(1));
        assert!(matches!(inbox.submit(call(), "second"), Err(Refused::Full("second"))));
        inbox.shut_down();
        assert!(matches!(outlet.note(), Some(Note::ShutDown)));
        outlet.count_arrivals();
        assert_eq!(outlet.submission().expect("sent").responder, "first");
        assert!(inbox.submit(call(), "third").is_ok());
        drop(outlet);
        assert!(matches!(inbox.submit(call(), "fourth"), Err(Refused::Stopped("fourth"))));
    }

    #[test]
    fn a_sleeping_loop_is_woken_once_and_a_busy_one_never() {
        let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
        let (inbox, mut outlet) = inbox(8, Waker::from(Arc::clone(&wakes)), Arc::default());
        inbox.submit(call(), ()).expect("room");
        assert!(!outlet.may_sleep(), "a request waits");
        outlet.count_arrivals();
        assert!(outlet.submission().is_some());
        assert!(outlet.may_sleep());
        inbox.submit(call(), ()).expect("room");
        inbox.submit(call(), ()).expect("room");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        outlet.awake();
        inbox.submit(call(), ()).expect("room");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_small_request_passes_large_ones() {
        let send = |bytes: usize| {
            let body = "x".repeat(bytes);
            let message = MessageDraft::new(MessageId::from_random([1; 16]), &body, "000000000000");
            let message = message.seal().expect("valid");
            let queue = "arn:aws:sqs:us-east-1:000000000000:q".parse().expect("an ARN");
            Call { request: Request::SendMessage(SendMessage { queue, delay: None, message }), ..call() }
        };
        let (inbox, mut outlet) = inbox(8, Waker::noop().clone(), Arc::default());
        for (bytes, name) in [(1_000_000, "large"), (1_000_000, "larger"), (10, "small"), (10, "smaller")] {
            inbox.submit(send(bytes), name).expect("room");
        }
        outlet.count_arrivals();
        inbox.submit(send(10), "late").expect("room");
        let order: Vec<_> = core::iter::from_fn(|| outlet.submission()).map(|taken| taken.responder).collect();
        assert_eq!(order, ["small", "large", "smaller", "larger"], "each lane keeps its order");
        outlet.count_arrivals();
        assert_eq!(outlet.submission().expect("it is counted now").responder, "late");
    }
}
