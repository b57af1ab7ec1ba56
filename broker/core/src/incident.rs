//! What the loop reports to the operator's log, without writing to it: a write to a terminal or a pipe may block.
//!
//! Incidents go through a bounded channel to a thread of the binary. If that thread is behind by [`INCIDENTS_MAX`], further
//! ones are dropped and counted: [`Status`](crate::Status), the metrics and the listing of damaged messages still show
//! what they say.

use core::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use posthouse_model::QueueAddress;
use posthouse_model::operation::{DamagedId, DamagedMessage, RecordPlace};

/// Incidents that may wait to be logged: some hundred kilobytes.
const INCIDENTS_MAX: usize = 1024;

/// Something that an operator must know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incident {
    /// The condition of the log has changed.
    Log(posthouse_log::Incident),
    /// A message was set aside, because its record cannot be read.
    SetAside(DamagedMessage),
    /// A message could not be read for now, for a reason that says nothing of its record. It comes back.
    Unavailable {
        /// The message.
        id: DamagedId,
        /// The queue that holds it.
        queue: QueueAddress,
        /// Why it cannot be read.
        reason: Box<str>,
        /// When it comes back.
        pause: Duration,
    },
    /// A message cannot be read and could not be set aside, because the log has no room for the event.
    NotSetAside {
        /// The message.
        id: DamagedId,
        /// Where its record lies.
        record: RecordPlace,
    },
    /// A page of waiting messages cannot be read for now. The messages are there, and cannot be received.
    PageUnreadable {
        /// Their queue.
        queue: QueueAddress,
        /// The file of the page's record and the offset of the record in it, in bytes. `None` if no file holds it.
        file: Option<(Box<str>, u64)>,
        /// Why, in words.
        reason: Box<str>,
        /// When it is read again.
        pause: Duration,
    },
    /// The scrubber has found a part of the log that holds a damaged record. Those of its messages that cannot be read
    /// have been set aside, each with an incident of its own.
    Suspect {
        /// The file, and the offset in it at which the damaged record begins, in bytes; `None` if the segment was
        /// reclaimed meanwhile.
        file: Option<(Box<str>, u64)>,
        /// The length of the part, in bytes.
        bytes: u64,
        /// Messages in it that were set aside.
        set_aside: usize,
    },
    /// The scrubber has read all cold segments.
    Scrubbed {
        /// Segments that it read to their ends.
        segments: u64,
        /// Bytes that it read.
        bytes: u64,
        /// How long that took.
        took: Duration,
    },
}

/// Where incidents come out. [`Incidents::next`] blocks, so it needs a thread of its own. Of clones, one gets each
/// incident.
#[derive(Clone, Debug)]
pub struct Incidents(Receiver<Incident>);

impl Incidents {
    /// The next incident. Waits for one. `None` once the loop has ended.
    #[must_use]
    pub fn next(&self) -> Option<Incident> {
        self.0.recv().ok()
    }
}

/// The loop's side.
pub(crate) struct Reports {
    incidents: Sender<Incident>,
    dropped: u64,
}

impl Reports {
    pub(crate) fn new() -> (Self, Incidents) {
        let (incidents, receiver) = bounded(INCIDENTS_MAX);
        (Self { incidents, dropped: 0 }, Incidents(receiver))
    }

    /// Reports an incident. Does not block.
    pub(crate) fn report(&mut self, incident: Incident) {
        // An error says that the channel is full, or that the other end was dropped because no log is kept.
        self.dropped += u64::from(self.incidents.try_send(incident).is_err());
    }

    /// Incidents that were dropped since the start.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}
