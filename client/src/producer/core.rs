//! The state of a producer, over all connections: messages that are being gathered, frames that are not answered, and
//! what was answered.
//!
//! Invariants: the frames of `unanswered` have the numbers from the oldest unanswered message on without a gap, and
//! `gathering` goes on behind them. The first `written` of them are written on the present connection. A number is given
//! to one message under one producer id; a frame that is written again has the same numbers.

mod link;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use posthouse_wire::limits::SEND_MESSAGES_MAX;
use posthouse_wire::{
    AttributesBuffer, Encoded, Full, MessageNumber, ProducerId, Request, SendBuilder, SendHead, TargetKind,
};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::connection::Signal;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Draft;
use crate::producer::outcome::{Answer, Confirmation, Failures, Outcomes};
use crate::producer::room::Room;
use crate::window::Window;

/// While fewer frames than this are unanswered, a message is written at once. With more, messages gather until their
/// frame is full or an answer arrives: one commit of the broker confirms all frames that arrive while the one before it
/// is being written, so that more frames would cost work and save no time.
const FRAMES_EAGER: usize = 4;

/// What a producer sends to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) kind: TargetKind,
    /// A name, an ARN or a queue's URL.
    pub(crate) name: String,
}

/// What the broker said when it opened the link.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) is_fifo: bool,
    pub(crate) arn: String,
}

/// The producer's end of its link.
pub(crate) struct Core {
    target: Target,
    pub(super) room: Room,
    failures: Arc<Failures>,
    /// Notified when messages were answered, and when the producer has ended.
    progress: Notify,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    signal: Option<Signal>,
    is_raised: bool,
    producer: ProducerId,
    /// The identity of the log that the present connection is to.
    log: [u8; 16],
    /// That which frames of this producer id were written to; `None` if none was written.
    used_log: Option<[u8; 16]>,
    /// When a frame of this producer id was written last.
    last_written: Option<Instant>,
    /// The number of the next message under this producer id.
    next: MessageNumber,
    gathering: Option<Gathering>,
    unanswered: VecDeque<Unanswered>,
    /// How many of `unanswered` are written on the present connection.
    written: usize,
    /// Messages that were enqueued, and those that were answered, over all producer ids.
    enqueued: u64,
    answered: u64,
    /// What the broker allows to be unanswered.
    window: Window,
    in_flight: Load,
    attributes: AttributesBuffer,
    opened: Option<oneshot::Sender<Result<Terms>>>,
    /// Whether the broker wants no more numbers of this producer id.
    is_restart_due: bool,
    /// Producer ids that were given up since the last answer.
    restarts: u32,
    is_finishing: bool,
}

/// How far the link is on the present connection.
#[derive(Clone, Debug)]
enum Phase {
    /// There is no connection.
    Detached,
    /// The connection is new.
    Unopened,
    Opening(Request),
    Open,
    /// The link is being closed, to be opened again under another producer id.
    Restarting,
    Closing,
    Ended(Error),
}

/// Messages and bytes, as the window counts them.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    messages: usize,
    bytes: usize,
}

/// A frame that is being made.
struct Gathering {
    first: MessageNumber,
    builder: SendBuilder,
    outcomes: Arc<Outcomes>,
    load: Load,
}

/// A frame that was made and not answered.
struct Unanswered {
    first: MessageNumber,
    load: Load,
    payload: Encoded,
    outcomes: Arc<Outcomes>,
    /// On the present connection, unless the broker has refused to look at it.
    request: Option<Request>,
    /// When a connection has first carried it under this producer id.
    written_at: Option<Instant>,
}

impl Core {
    /// A producer that is not attached to a connection. `opened` is sent what the broker says when it opens the link.
    pub(crate) fn new(target: Target, window: Window, opened: oneshot::Sender<Result<Terms>>) -> Arc<Self> {
        let state = State {
            phase: Phase::Detached,
            signal: None,
            is_raised: false,
            producer: ProducerId::from_bytes(rand::random()),
            log: [0; 16],
            used_log: None,
            last_written: None,
            next: MessageNumber::FIRST,
            gathering: None,
            unanswered: VecDeque::new(),
            written: 0,
            enqueued: 0,
            answered: 0,
            window,
            in_flight: Load::default(),
            attributes: AttributesBuffer::new(),
            opened: Some(opened),
            is_restart_due: false,
            restarts: 0,
            is_finishing: false,
        };
        Arc::new(Self {
            target,
            room: Room::new(window),
            failures: Arc::default(),
            progress: Notify::new(),
            state: Mutex::new(state),
        })
    }

    /// Adds a message that has taken `cost` bytes of room.
    ///
    /// # Errors
    ///
    /// The producer has ended, or the message is too large for any frame. Its room is given back.
    pub(crate) fn push(&self, draft: &Draft<'_>, cost: u32) -> Result<Confirmation> {
        let mut state = self.lock();
        let pushed = match &state.phase {
            Phase::Ended(error) => Err(error.clone()),
            _ if state.is_finishing => Err(Error::closed("producer")),
            _ => state.push(draft, cost as usize, &self.failures),
        };
        match pushed {
            Ok(confirmation) => {
                state.raise_if_writable();
                Ok(confirmation)
            }
            Err(error) => {
                drop(state);
                self.room.give_back(1, cost as usize);
                Err(error)
            }
        }
    }

    /// Waits until everything that was enqueued before is answered.
    ///
    /// # Errors
    ///
    /// The first failure that no confirmation has reported or will report.
    pub(crate) async fn flush(&self) -> Result<()> {
        let enqueued = self.lock().enqueued;
        loop {
            let mut progress = std::pin::pin!(self.progress.notified());
            progress.as_mut().enable();
            if self.is_answered(enqueued) {
                return self.failures.take().map_or(Ok(()), Err);
            }
            progress.await;
        }
    }

    fn is_answered(&self, enqueued: u64) -> bool {
        let state = self.lock();
        state.answered >= enqueued || matches!(state.phase, Phase::Ended(_))
    }

    /// Why the producer has ended.
    pub(crate) fn ended(&self) -> Error {
        match &self.lock().phase {
            Phase::Ended(error) => error.clone(),
            _ => Error::closed("producer"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, draft: &Draft<'_>, cost: usize, failures: &Arc<Failures>) -> Result<Confirmation> {
        let after = self.next.checked_add(1).ok_or_else(|| Error::closed("producer"))?;
        draft.encode_attributes(&mut self.attributes);
        if self.gathering.as_ref().is_some_and(|gathering| !gathering.may_grow(cost, self.window)) {
            self.seal();
        }
        loop {
            let (first, ordinal) = (self.next, self.enqueued);
            let gathering = self.gathering.get_or_insert_with(|| Gathering {
                first,
                builder: SendBuilder::new(first),
                outcomes: Outcomes::new(ordinal, Arc::clone(failures)),
                load: Load::default(),
            });
            let index = usize::from(gathering.builder.count());
            let head = SendHead { attributes: self.attributes.attributes(), ..draft.head };
            match gathering.builder.push(&head, std::slice::from_ref(draft.body)) {
                Ok(()) => {
                    gathering.load.messages += 1;
                    gathering.load.bytes += cost;
                    let confirmation = gathering.outcomes.confirmation(index);
                    self.next = after;
                    self.enqueued += 1;
                    return Ok(confirmation);
                }
                Err(Full) if index == 0 => {
                    self.gathering = None;
                    let text = format!("a message of {} bytes is larger than a frame may be", draft.content_bytes());
                    return Err(Error::new(ErrorKind::InvalidArgument, text));
                }
                Err(Full) => self.seal(),
            }
        }
    }

    /// Ends the frame that is being made.
    fn seal(&mut self) {
        let Some(Gathering { first, builder, outcomes, load }) = self.gathering.take() else { return };
        if let Some(payload) = builder.finish() {
            self.unanswered.push_back(Unanswered { first, load, payload, outcomes, request: None, written_at: None });
        }
    }

    /// Whether `Endpoint::write` would write a frame of messages.
    fn is_writable(&self) -> bool {
        if !matches!(self.phase, Phase::Open) || self.is_restart_due {
            return false;
        }
        let load = match (self.unanswered.get(self.written), &self.gathering) {
            (Some(frame), _) => frame.load,
            (None, Some(gathering)) if self.written < FRAMES_EAGER => gathering.load,
            (None, _) => return false,
        };
        let is_within = self.in_flight.messages + load.messages <= self.window.messages_max() as usize
            && self.in_flight.bytes + load.bytes <= self.window.bytes_max() as usize;
        is_within || self.in_flight.messages == 0
    }

    fn raise_if_writable(&mut self) {
        if !self.is_raised && self.is_writable() {
            self.raise();
        }
    }

    fn raise(&mut self) {
        if let (Some(signal), false) = (&self.signal, self.is_raised) {
            self.is_raised = true;
            signal.raise();
        }
    }
}

impl Gathering {
    /// Whether another message may be part of this frame: the broker must allow the frame when nothing else is
    /// unanswered.
    fn may_grow(&self, cost: usize, window: Window) -> bool {
        self.load.messages < usize::from(SEND_MESSAGES_MAX).min(window.messages_max() as usize)
            && self.load.bytes + cost <= window.bytes_max() as usize
    }
}

impl Unanswered {
    /// Gives the answer to the confirmations.
    fn answer(self, answer: Answer) {
        self.outcomes.answer(answer, self.load.messages);
    }
}
