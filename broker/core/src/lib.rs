//! The core loop: engine and log joined on one thread.
//!
//! Requests come in through a bounded [`Inbox`]. The loop hands each to the engine, and appends the engine's events to
//! the log. One durable write commits all events that gathered during the write before. A reply goes to its
//! [`Responder`] once the log is durable up to the event that it depends on. Only the loop's thread touches queues and
//! log, so that neither needs a lock.
//!
//! Responders put what they respond into the loop's [`Outbox`], which the loop flushes twice an iteration: the
//! responses that a commit has made possible at its start, and all others at its end. A thread that waits for many
//! answers can therefore be woken once for all answers of a commit.
//!
//! Invariants:
//! * no reply that depends on an event leaves before that event is durable (unless the operator chose
//!   [`Durability::Async`]);
//! * every request gets exactly one response, also when the log fails or the broker stops;
//! * an iteration ends with nothing in the outbox, before the loop can sleep;
//! * the loop blocks only in the disk's `wait`;
//! * what waits for the disk is bounded by [`Options`], what waits for messages by the engine's options, and both by
//!   the number of requests that the listeners admit at once;
//! * a message is received only if its answer has room for it ([`Responder::reserve`]).
//!
//! Sockets, HTTP and tokio are elsewhere. The clock and the disk are parameters ([`Environment`]), so that a simulator
//! can drive the same loop.
#![forbid(unsafe_code)]

mod assembly;
mod backlog;
mod checkpoint;
mod compaction;
mod damage;
mod inbox;
mod incident;
mod iteration;
mod journal;
mod lanes;
mod matching;
mod options;
mod pages;
mod peeks;
mod replies;
mod restore;
mod running;
mod scrub;
mod statistics;
mod status;
mod surveys;
mod verify;

pub use compaction::CompactionStatistics;
pub use inbox::{Inbox, Inspect, Pulse, Refused, TakeSnapshot};
pub use incident::{Incident, Incidents};
pub use iteration::Core;
pub use options::{CompactionOptions, Durability, Options, ScrubOptions};
pub use restore::{CutAt, CutError, CutLog, Earliest, cut};
pub use running::{EndError, Running, StartError, Started, start};
pub use scrub::ScrubStatistics;
pub use statistics::{CoreStatistics, Histogram, Inspection, LastCheckpoint, StartCost};
pub use status::{Conditions, Status};
pub use verify::{FoundState, LOST_LISTED_MAX, LostMessage, Place, SegmentVerdict, Totals, Verdict, verify};

use core::time::Duration;

use posthouse_disk::Disk;
use posthouse_model::{Fault, Reply, Timestamp};

pub use posthouse_engine::{PreparedCall, RequestToken};

/// The loop's surroundings, bundled so that its types take one parameter.
pub trait Environment: 'static {
    /// The disk that the log lies on.
    type Disk: Disk;
    /// The clock that requests are stamped with.
    type Clock: Clock;
    /// Where answers go.
    type Responder: Responder;
}

/// The clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStep {
    /// The time that it showed.
    pub from: Timestamp,
    /// The time that it shows from now on, later or earlier.
    pub to: Timestamp,
}

/// Where the loop reads the time.
pub trait Clock {
    /// The time that requests are handled at. It does not run backwards, but for a [`Clock::step`]; if it does, the loop
    /// stays at the latest time.
    fn now(&self) -> Timestamp;

    /// Sets the clock, if that is to be done now: [`Clock::now`] goes on from the new time. The loop asks once in an
    /// iteration, and moves all deadlines with the clock.
    fn step(&self) -> Option<ClockStep> {
        None
    }

    /// After which time the loop is to ask for the time again even if nothing is due. `None`: it need not.
    fn look_again(&self) -> Option<Duration> {
        None
    }
}

/// What the loop has for the caller of one request.
#[derive(Debug)]
pub enum Response {
    /// The answer.
    Answer(Result<Reply, Fault>),
    /// The request found messages, and [`Responder::reserve`] had no room for the first of them, of this length in bytes.
    /// Nothing was received. The caller submits the request again once there is room.
    NoRoom {
        /// The length of the message's record.
        bytes: u64,
    },
    /// The request found messages, and none of them could be read. They have been set aside or given back, so that the
    /// request has received nothing. The caller may submit it again, or answer that there are no messages.
    Unreadable,
}

/// Where the response to one request goes.
pub trait Responder: Send + 'static {
    /// Where the responses of one iteration gather.
    type Outbox: Outbox;

    /// Delivers the response, at once or by way of the outbox. Must not block: it runs on the core loop.
    fn respond(self, response: Response, outbox: &mut Self::Outbox);

    /// Reserves room in the answer for messages whose records have these lengths, in bytes and in the order of delivery.
    /// Returns how many of them there is room for; the rest is not received. The room belongs to the answer from then
    /// on, and is free again when the responder or its answer is dropped. Called at most once, on the core loop. Without
    /// an implementation there is room for all.
    fn reserve(&mut self, lengths: &[u32]) -> usize {
        lengths.len()
    }

    /// The request waits in the engine from now on. A room that was reserved before it was submitted must be free for
    /// others meanwhile.
    fn waits(&mut self) {}

    /// Whether the caller no longer waits for the answer. A request that may wait is then skipped, so that a receive
    /// takes no messages.
    fn is_abandoned(&self) -> bool;
}

/// Where the responses of one iteration gather: one for a loop, which owns it.
///
/// A responder that is dropped has not responded: its request was cancelled, or the loop has ended or panicked. In the
/// latter case the outbox is dropped after the last responder and after the inbox has closed, so that its `Drop` can
/// tell all callers that are left.
pub trait Outbox: Send + 'static {
    /// Passes on everything that has gathered since the last call. The loop calls it at the start and at the end of
    /// each iteration. Must not block.
    fn flush(&mut self);
}

/// The outbox of responders that deliver at once.
impl Outbox for () {
    fn flush(&mut self) {}
}
