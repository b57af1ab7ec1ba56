//! What became of the messages of one SEND frame, and the [`Confirmation`] of each.
//!
//! A frame has one [`Outcomes`], which the confirmations of its messages share. The answer to a frame is kept only while
//! one of its confirmations is. A failure is reported once: by the confirmation, or by `flush` if the confirmation was
//! dropped.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use posthouse_wire::limits::SEND_MESSAGES_MAX;
use posthouse_wire::{MessageNumber, ProducerId, SequenceRange};

use crate::error::{Error, Result};
use crate::message::MessageId;

/// The broker's confirmation of a message: it is stored durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub(crate) message_id: MessageId,
    pub(crate) sequence_number: Option<u128>,
    pub(crate) is_duplicate: bool,
}

impl Sent {
    /// The id of the message, as its receivers see it. Of a [duplicate](Self::is_duplicate) it is the id of the message
    /// that was stored.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        self.message_id
    }

    /// The sequence number that a FIFO queue or topic gave the message. `None` on standard ones.
    #[must_use]
    pub fn sequence_number(&self) -> Option<u128> {
        self.sequence_number
    }

    /// Whether a FIFO queue or topic had stored a message with the same deduplication id before, and did not store this
    /// one.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.is_duplicate
    }
}

/// The confirmation of one message that was enqueued: a future of [`Sent`].
///
/// The message is sent whether or not the confirmation is awaited. If it is dropped, the next
/// [`flush`](crate::Producer::flush) reports a failure of the message.
///
/// # Errors
///
/// [`Refused`](crate::ErrorKind::Refused), [`AccessDenied`](crate::ErrorKind::AccessDenied) or
/// [`NotFound`](crate::ErrorKind::NotFound) if the broker does not take the message.
/// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection was lost for so long that the broker no longer
/// knows the producer. [`Closed`](crate::ErrorKind::Closed) if the client was closed before.
///
/// # Cancellation
///
/// A confirmation that is awaited by reference, as in `tokio::select!`, loses nothing when the wait is cancelled. It
/// panics if it is polled again after it has returned, as other futures do.
#[derive(Debug)]
pub struct Confirmation {
    outcomes: Arc<Outcomes>,
    index: usize,
    /// Where its waker is in [`State::waiting`].
    slot: Option<usize>,
    is_reported: bool,
}

/// The failure with the lowest number of the messages that no confirmation reports.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Option<(u64, Error)>>);

impl Failures {
    fn note(&self, number: u64, error: &Error) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|(known, _)| number < *known) {
            *first = Some((number, error.clone()));
        }
    }

    /// The failure, which is not reported again.
    pub(crate) fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map(|(_, error)| error)
    }
}

/// The answer to a frame, or what stands for it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The broker has answered.
    Stored(Stored),
    /// None of the messages is known to be stored.
    Failed(Error),
}

/// The broker's answer to a frame.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The id of the message with an index.
    pub(crate) ids: MessageIds,
    /// Empty on standard queues and topics.
    pub(crate) sequence_numbers: Vec<SequenceRange>,
    /// The messages that were not simply stored, by index, ascending.
    pub(crate) exceptions: Vec<(usize, Exception)>,
}

/// What ids of messages are computed from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageIds {
    pub(crate) producer: ProducerId,
    /// The number of the frame's first message.
    pub(crate) first: MessageNumber,
}

impl MessageIds {
    /// The id of the message with an index.
    fn of(self, index: usize) -> MessageId {
        // A frame is only sent if all of its messages have numbers.
        let number = self.first.checked_add(index as u64).unwrap_or(self.first);
        MessageId::from_bytes(posthouse_wire::message_id(self.producer, number))
    }
}

/// The fate of a message that was not simply stored.
#[derive(Clone, Debug)]
pub(crate) enum Exception {
    Refused(Error),
    /// A message with the same deduplication id had been stored.
    Duplicate(MessageId),
}

/// What became of the messages of a frame.
#[derive(Debug)]
pub(crate) struct Outcomes {
    /// How many messages were enqueued before the first one, which orders failures.
    first: u64,
    failures: Arc<Failures>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answer: Option<Answer>,
    waiting: Vec<Waker>,
    /// The messages whose confirmation was dropped before the answer, a bit each.
    dropped: [u64; SEND_MESSAGES_MAX as usize / 64],
}

impl Outcomes {
    pub(crate) fn new(first: u64, failures: Arc<Failures>) -> Arc<Self> {
        Arc::new(Self { first, failures, state: Mutex::default() })
    }

    /// The confirmation of a message of the frame. Each index is asked for once.
    pub(crate) fn confirmation(self: &Arc<Self>, index: usize) -> Confirmation {
        Confirmation { outcomes: Arc::clone(self), index, slot: None, is_reported: false }
    }

    /// Gives the answer to the confirmations of `count` messages, and to `flush` for those that were dropped.
    pub(crate) fn answer(&self, answer: Answer, count: usize) {
        let mut state = self.lock();
        if state.answer.is_some() {
            return;
        }
        match &answer {
            Answer::Stored(stored) => {
                for (index, exception) in &stored.exceptions {
                    match exception {
                        Exception::Refused(error) if state.is_dropped(*index) => self.note(*index, error),
                        Exception::Refused(_) | Exception::Duplicate(_) => {}
                    }
                }
            }
            Answer::Failed(error) => {
                if let Some(index) = (0..count).find(|index| state.is_dropped(*index)) {
                    self.note(index, error);
                }
            }
        }
        state.answer = Some(answer);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn note(&self, index: usize, error: &Error) {
        self.failures.note(self.first + index as u64, error);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_dropped(&self, index: usize) -> bool {
        self.dropped.get(index / 64).is_some_and(|bits| bits >> (index % 64) & 1 == 1)
    }
}

impl Answer {
    fn of(&self, index: usize) -> Result<Sent> {
        match self {
            Self::Failed(error) => Err(error.clone()),
            Self::Stored(stored) => stored.of(index),
        }
    }
}

impl Stored {
    fn of(&self, index: usize) -> Result<Sent> {
        let exception = self.exceptions.binary_search_by_key(&index, |(index, _)| *index).ok();
        let (message_id, is_duplicate) = match exception.map(|at| &self.exceptions[at].1) {
            Some(Exception::Refused(error)) => return Err(error.clone()),
            Some(Exception::Duplicate(message_id)) => (*message_id, true),
            None => (self.ids.of(index), false),
        };
        Ok(Sent { message_id, sequence_number: self.sequence_number(index), is_duplicate })
    }

    fn sequence_number(&self, index: usize) -> Option<u128> {
        self.sequence_numbers.iter().find_map(|range| {
            let offset = index.checked_sub(range.index.into())?;
            (offset < range.count.into()).then(|| range.first + offset as u128)
        })
    }
}

impl Confirmation {
    /// The outcome, if there is one. The confirmation is not polled again then.
    pub(super) fn try_outcome(&mut self) -> Option<Result<Sent>> {
        let outcome = self.outcomes.lock().answer.as_ref().map(|answer| answer.of(self.index));
        self.is_reported |= outcome.is_some();
        outcome
    }
}

impl Future for Confirmation {
    type Output = Result<Sent>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Sent>> {
        assert!(!self.is_reported, "a confirmation is polled after it has returned");
        let this = &mut *self;
        let mut state = this.outcomes.lock();
        if let Some(answer) = &state.answer {
            this.is_reported = true;
            return Poll::Ready(answer.of(this.index));
        }
        match this.slot.and_then(|slot| state.waiting.get_mut(slot)) {
            Some(waker) => waker.clone_from(context.waker()),
            None => {
                this.slot = Some(state.waiting.len());
                state.waiting.push(context.waker().clone());
            }
        }
        Poll::Pending
    }
}

impl Drop for Confirmation {
    fn drop(&mut self) {
        if self.is_reported {
            return;
        }
        let mut state = self.outcomes.lock();
        match &state.answer {
            Some(answer) => {
                if let Err(error) = answer.of(self.index) {
                    self.outcomes.note(self.index, &error);
                }
            }
            None => {
                if let Some(bits) = state.dropped.get_mut(self.index / 64) {
                    *bits |= 1 << (self.index % 64);
                }
            }
        }
    }
}
