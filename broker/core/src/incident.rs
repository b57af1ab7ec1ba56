//! What the loop reports to the operator's log, without writing to it: a write to a terminal or a pipe may block.
//!
//! Incidents go through a bounded channel to a thread of the binary. If that thread is behind by [`INCIDENTS_MAX`], further
//! ones are dropped: [`Status`](crate::Status) and the metrics still show the condition.

use crossbeam_channel::{Receiver, Sender, bounded};

/// Incidents that may wait to be logged: some hundred kilobytes.
const INCIDENTS_MAX: usize = 1024;

/// Something that an operator must know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incident {
    /// The condition of the log has changed.
    Log(posthouse_log::Incident),
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
pub(crate) struct Reports(Sender<Incident>);

impl Reports {
    pub(crate) fn new() -> (Self, Incidents) {
        let (sender, receiver) = bounded(INCIDENTS_MAX);
        (Self(sender), Incidents(receiver))
    }

    /// Reports an incident. Does not block.
    pub(crate) fn report(&self, incident: Incident) {
        // An error says that the channel is full, or that the other end was dropped because no log is kept.
        let _ = self.0.try_send(incident);
    }
}
