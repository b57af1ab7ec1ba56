//! Receive request attempts of a FIFO queue: the messages of each attempt of the last five minutes. A consumer that
//! lost the answer to a receive repeats it with the same `ReceiveRequestAttemptId` and gets the same messages (SQS API
//! reference, `ReceiveMessage`).
//!
//! Invariant: both indices hold the same attempts.

use std::collections::{BTreeMap, BTreeSet};

use posthouse_model::limits::RECEIVE_ATTEMPT_SECONDS;
use posthouse_model::{MessageKey, Seconds, Timestamp};

use crate::journal::Position;
use crate::shift::Shift;

/// How long an attempt is remembered.
const WINDOW: Seconds = Seconds::new(RECEIVE_ATTEMPT_SECONDS);

/// How much longer an attempt may stay in memory: attempts are removed in bulk. It is not found any more.
const SLACK: Seconds = Seconds::new(1);

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Where its receive lies in the journal: the order of attempts.
    pub(crate) position: Position,
    /// When its messages were received.
    pub(crate) began: Timestamp,
    /// When the visibility timeout of its messages ends, unless it was changed since.
    pub(crate) until: Timestamp,
    pub(crate) messages: Box<[MessageKey]>,
}

/// The attempts of one queue.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    by_id: BTreeMap<Box<str>, Attempt>,
    by_position: BTreeSet<(Position, Box<str>)>,
}

impl Attempts {
    /// The attempt with an id. `None` if there was none in the last five minutes.
    pub(crate) fn find(&self, id: &str, now: Timestamp) -> Option<&Attempt> {
        self.by_id.get(id).filter(|attempt| !attempt.is_over(now))
    }

    /// How many attempts are remembered.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Remembers an attempt. It replaces an older one with the same id.
    pub(crate) fn insert(&mut self, id: &str, attempt: Attempt) {
        self.by_position.insert((attempt.position, id.into()));
        if let Some(old) = self.by_id.insert(id.into(), attempt) {
            self.by_position.remove(&(old.position, id.into()));
        }
    }

    /// Notes that an attempt was repeated and that its messages come back at `until`.
    pub(crate) fn repeat(&mut self, id: &str, until: Timestamp) {
        if let Some(attempt) = self.by_id.get_mut(id) {
            attempt.until = until;
        }
    }

    /// Takes a message out of the attempts that name it. A consumer that repeats one of them gets the others.
    pub(crate) fn forget(&mut self, message: MessageKey) {
        for attempt in self.by_id.values_mut().filter(|attempt| attempt.messages.contains(&message)) {
            attempt.messages = attempt.messages.iter().copied().filter(|key| *key != message).collect();
        }
    }

    /// Removes attempts that are older than five minutes.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        while let Some((position, id)) = self.by_position.pop_first() {
            if self.by_id.get(&id).is_some_and(|attempt| !attempt.is_over(now)) {
                self.by_position.insert((position, id));
                break;
            }
            self.by_id.remove(&id);
        }
    }

    /// Keeps the age of every attempt, and what is left of its visibility timeout, when the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        for attempt in self.by_id.values_mut() {
            attempt.began = shift.moved(attempt.began);
            attempt.until = shift.moved(attempt.until);
        }
    }

    /// When [`Attempts::advance`] is to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let (_, id) = self.by_position.first()?;
        self.by_id.get(id).map(|attempt| attempt.began + WINDOW + SLACK)
    }

    /// Panics unless both indices hold the same attempts.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        let by_position: BTreeSet<_> = self.by_id.iter().map(|(id, attempt)| (attempt.position, id.clone())).collect();
        assert_eq!(self.by_position, by_position, "attempts by position and by id");
    }

    /// The attempts before `bound`, the latest first.
    pub(crate) fn before(&self, bound: Position) -> impl Iterator<Item = (&str, &Attempt)> {
        let ids = self.by_position.range(..(bound, Box::default())).rev();
        ids.filter_map(|(_, id)| self.by_id.get(id).map(|attempt| (&**id, attempt)))
    }
}

impl Attempt {
    /// Whether it is five minutes old.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.began + WINDOW <= now
    }
}
