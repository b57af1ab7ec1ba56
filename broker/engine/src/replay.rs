//! Replay: from the events of a journal to an [`Engine`].
//!
//! [`Replay`] applies events and decides nothing. [`Replay::finish`] consumes it, so that no event can be replayed into
//! an engine that has begun to decide.

use bytes::Bytes;
use posthouse_model::Timestamp;

use crate::engine::Engine;
use crate::event::{Event, InvalidEvent, kind};
use crate::journal::{Journal, Position};
use crate::options::Options;
use crate::state::State;
use crate::state::pages::PageRequest;

/// An engine that is being restored from its journal.
#[derive(Debug)]
pub struct Replay {
    state: State,
    latest: Timestamp,
}

/// What became of an event in replay.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It was applied.
    Applied,
    /// It was not applied, because a page of waiting messages is needed first. The caller reads the record, takes it to
    /// [`Replay::page_read`], and replays the event again.
    PageWanted(PageRequest),
}

impl Replay {
    /// A replay that has seen no event yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { state: State::new(options), latest: Timestamp::EPOCH }
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
    ) -> Result<Replayed, InvalidEvent> {
        let event = Event::decode(kind, payload)?;
        if let Some(request) = self.state.page_wanted(&event) {
            return Ok(Replayed::PageWanted(request));
        }
        match &event {
            Event::ClockSet(event) => self.latest = event.0.to,
            event => self.latest = event.time().map_or(self.latest, |time| time.max(self.latest)),
        }
        self.state.apply(position, &event, journal).map_err(|reason| InvalidEvent { kind, reason })?;
        self.state.changed_queues.clear();
        self.state.changed_targets.clear();
        self.state.release_some(usize::MAX, journal);
        self.state.discarded.clear();
        self.state.evict_pages(journal);
        Ok(Replayed::Applied)
    }

    /// Takes in the payload of the record of a page that an event wanted.
    ///
    /// # Errors
    /// [`InvalidEvent`] if it is not that page. The replay cannot go on then.
    pub fn page_read(
        &mut self,
        request: PageRequest,
        payload: &Bytes,
        journal: &mut impl Journal,
    ) -> Result<(), InvalidEvent> {
        let loaded = self.state.load_page(request, payload, journal);
        loaded.map_err(|reason| InvalidEvent { kind: kind::PageStored, reason })
    }

    /// Whether the state is that of the events so far: false while the checkpoint that replay began with is being read.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.state.restoring.is_none()
    }

    /// The time of the latest event; the epoch before the first. It is later than now if the clock was wrong when the
    /// event was written, or is wrong now.
    #[must_use]
    pub const fn latest(&self) -> Timestamp {
        self.latest
    }

    /// The engine in the state after the last event. A checkpoint that was not read to its end counts as it is.
    ///
    /// If `now` is well before [`Replay::latest`], the engine is to go on at the latter, and its clock is then to be set
    /// ([`Engine::set_clock`]).
    #[must_use]
    pub fn finish(self, now: Timestamp) -> Engine {
        Engine::resume(self.state, self.latest, now)
    }
}
