//! Replay: from the events of a journal to an [`Engine`].
//!
//! [`Replay`] applies events and decides nothing. [`Replay::finish`] consumes it, so that no event can be replayed into
//! an engine that has begun to decide.

use bytes::Bytes;
use posthouse_model::Timestamp;

use crate::engine::Engine;
use crate::event::{Event, InvalidEvent};
use crate::journal::{Journal, Position};
use crate::options::Options;
use crate::state::State;

/// An engine that is being restored from its journal.
#[derive(Debug)]
pub struct Replay {
    state: State,
}

impl Replay {
    /// A replay that has seen no event yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { state: State::new(options) }
    }

    /// Applies the next event of the journal. The events come in their order, from the first or from where
    /// [`CheckpointStep::Done`](crate::CheckpointStep::Done) says. Of the journal only the references to
    /// bodies change.
    ///
    /// `payload` is not copied, and nothing of it is kept once this returns: it may be a slice of a larger buffer.
    ///
    /// # Errors
    /// [`InvalidEvent`] if the event cannot be decoded or does not follow from those before it. The replay cannot go on
    /// then.
    pub fn event(
        &mut self,
        position: Position,
        kind: u8,
        payload: &Bytes,
        journal: &mut impl Journal,
    ) -> Result<(), InvalidEvent> {
        let event = Event::decode(kind, payload)?;
        self.state.apply(position, &event, journal).map_err(|reason| InvalidEvent { kind, reason })?;
        self.state.changed_queues.clear();
        self.state.changed_targets.clear();
        self.state.release_some(usize::MAX, journal);
        Ok(())
    }

    /// The engine in the state after the last event. A checkpoint that was not read to its end counts as it is.
    #[must_use]
    pub fn finish(self, now: Timestamp) -> Engine {
        Engine::resume(self.state, now)
    }
}
