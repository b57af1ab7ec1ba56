//! The consumer as an endpoint: credit and settlements out, deliveries in, and what a new connection changes.
//!
//! When a connection is lost, the broker gives back what was not settled. Deliveries that the program has not taken are
//! dropped, and those that it holds have ended. The next connection starts with number 1 and no credit.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use posthouse_wire::{
    AtEnd, Close, Deliver, DeliveryNumber, Ends, FaultCode, Frame, FromBroker, GetHandle, Malformed, OpenConsumer,
    Remedy, Request, Settle, Text, Verb, Visibility,
};
use tokio::time::Instant;

use super::{Buffered, Core, Credit, Handles, OnDisconnect, Options, Phase, Place, State, Terms, delivery_ended};
use crate::connection::{Attachment, Endpoint, Line, Pace, Progress, Reaction, refusal, refusal_of_code};
use crate::consumer::content::Content;
use crate::consumer::settlements::{NotSettled, Settling};
use crate::error::{Error, Result};

impl Endpoint for Core {
    fn attach(&self, attachment: Attachment) {
        let mut state = self.lock();
        state.phase = Phase::Unopened;
        state.signal = Some(attachment.signal);
        state.is_raised = true;
        state.epoch += 1;
        state.next = DeliveryNumber::FIRST;
        state.ended = Credit::default();
        state.granted = Credit::default();
    }

    fn write(&self, line: &mut Line<'_>, pace: Pace) -> Progress {
        let mut state = self.lock();
        match state.phase {
            // A connection that the broker is about to end opens nothing; the next one does.
            Phase::Unopened if pace == Pace::Full => {
                state.phase = Phase::Opening(line.ask(&open(&self.options)));
                Progress::Wrote
            }
            Phase::Open => {
                let has_written = state.write(line, pace, &self.options);
                if has_written {
                    return Progress::Wrote;
                }
                if state.is_finishing && state.unsettled == 0 && state.settlements.is_idle() {
                    line.ask(&Close);
                    state.phase = Phase::Closing;
                    return Progress::Wrote;
                }
                state.is_raised = false;
                Progress::Idle
            }
            Phase::Detached | Phase::Unopened | Phase::Opening(_) | Phase::Closing | Phase::Ended => {
                state.is_raised = false;
                Progress::Idle
            }
        }
    }

    fn read(&self, frame: &Frame, content: FromBroker<'_>) -> Result<Reaction> {
        let request = frame.address().request;
        let mut state = self.lock();
        match (content, &state.phase) {
            (FromBroker::Deliver(deliver), Phase::Open | Phase::Closing) => {
                let reader = self.deliver(&mut state, frame, &deliver)?;
                let reaction = state.write_next(&self.options);
                drop(state);
                if let Some(reader) = reader {
                    reader.wake();
                }
                Ok(reaction)
            }
            (FromBroker::Settled(settled), Phase::Open) => {
                let exceptions = settled.exceptions.iter().map(|exception| NotSettled {
                    first: exception.first(),
                    count: exception.count(),
                    error: refusal_of_code(exception.number()),
                });
                self.settlement_answered(&mut state, request, Ok(exceptions.collect()))
            }
            (FromBroker::Handle(handle), Phase::Open) => {
                state.handles.answer(request, Ok(handle.handle.as_str().to_owned()));
                Ok(Reaction::Continue)
            }
            (FromBroker::ConsumerOpened(opened), Phase::Opening(asked)) if request == *asked => {
                state.phase = Phase::Open;
                state.visibility = Duration::from_secs(opened.visibility_seconds.into());
                let terms = Terms {
                    is_fifo: opened.is_fifo,
                    visibility: state.visibility,
                    arn: opened.arn.as_str().to_owned(),
                };
                // The future that opens the consumer may have been dropped.
                if state.opened.take().is_some_and(|sender| sender.send(Ok(terms)).is_err()) {
                    state.is_finishing = true;
                }
                Ok(state.write_next(&self.options))
            }
            (FromBroker::Closed(_), Phase::Closing) => {
                self.end_with(&mut state, None);
                Ok(Reaction::Ended)
            }
            (FromBroker::Fault(fault), _) => self.refused(&mut state, request, &fault),
            _ => Err(Error::protocol(format!("a {} on the link of a consumer", frame.header.kind))),
        }
    }

    fn detach(&self, why: &Error) {
        let mut state = self.lock();
        state.phase = match state.phase {
            Phase::Ended => Phase::Ended,
            _ => Phase::Detached,
        };
        state.signal = None;
        state.is_raised = false;
        let abandoned = state.abandon();
        drop(state);
        tracing::debug!(queue = self.options.queue, %why, "the deliveries of the consumer have ended");
        fail(abandoned);
        self.progress.notify_waiters();
    }

    fn end(&self, why: &Error) {
        self.end_with(&mut self.lock(), Some(why));
    }

    fn is_idle(&self) -> bool {
        let state = self.lock();
        match state.phase {
            Phase::Opening(_) | Phase::Closing => false,
            Phase::Detached | Phase::Unopened | Phase::Ended => true,
            Phase::Open => state.unsettled == 0 && state.settlements.is_idle() && state.handles.is_idle(),
        }
    }

    fn needs_connection(&self) -> bool {
        true
    }

    fn finish(&self) {
        self.stop();
    }
}

impl Core {
    /// Takes deliveries. Returns the task to wake.
    ///
    /// # Errors
    ///
    /// More was delivered than was granted, or it is not what it should be.
    fn deliver(&self, state: &mut State, frame: &Frame, deliver: &Deliver<'_>) -> Result<Option<Waker>> {
        let count = deliver.count();
        let last = deliver.first().get() + u64::from(count) - 1;
        if deliver.first() != state.next || last > state.granted.messages {
            return Err(Error::protocol(format!("delivery {} was not granted, or is out of order", deliver.first())));
        }
        let now = Instant::now();
        let mut number = deliver.first();
        let is_wanted = !state.is_finishing;
        let epoch = state.epoch;
        // Credit counts the bytes of entries. Each delivery stands for an equal share of its frame's, the last one for the
        // rest, so that the sum is exact.
        let mut bytes_left = deliver.credit_bytes();
        let mut count_left = usize::from(count);
        for entry in deliver.entries() {
            let entry = entry.map_err(not_understood)?;
            let content = Content::read(frame, &entry).map_err(not_understood)?;
            let bytes = bytes_left / count_left.max(1);
            bytes_left -= bytes;
            count_left = count_left.saturating_sub(1);
            if is_wanted {
                state.buffered.push_back(Buffered { number, bytes, arrived: now, content });
            }
            state.unsettled += 1;
            if !is_wanted {
                state.settle(Place { epoch, number, bytes }, Verb::Release { seconds: 0 });
            }
            number = number.checked_add(1).ok_or_else(|| Error::protocol("delivery numbers are used up"))?;
        }
        if number.get() != last + 1 {
            return Err(Error::protocol("a DELIVER has fewer messages than it says"));
        }
        state.next = number;
        if let (Some(alive), true) = (&mut state.alive, is_wanted) {
            alive.insert(deliver.first(), count, now);
        }
        Ok(state.reader.take())
    }

    fn settlement_answered(
        &self,
        state: &mut State,
        request: Request,
        answer: Result<Vec<NotSettled>>,
    ) -> Result<Reaction> {
        let Some(watched) = state.settlements.answered(request) else { return Ok(Reaction::Continue) };
        match (&answer, watched) {
            (_, Some(settling)) => settling.answer(answer),
            (Ok(exceptions), None) => {
                for NotSettled { first, count, error } in exceptions {
                    tracing::warn!(queue = self.options.queue, %first, count, %error, "deliveries were not settled");
                }
            }
            (Err(error), None) => tracing::warn!(queue = self.options.queue, %error, "deliveries were not settled"),
        }
        self.progress.notify_waiters();
        Ok(state.write_next(&self.options))
    }

    fn refused(&self, state: &mut State, request: Request, fault: &posthouse_wire::Fault<'_>) -> Result<Reaction> {
        let is_opening = matches!(state.phase, Phase::Opening(asked) if asked == request);
        if is_opening && fault.code() == Some(FaultCode::GoingAway) {
            // The next connection opens it.
            state.phase = Phase::Detached;
            return Ok(Reaction::Continue);
        }
        if fault.ends() == Ends::Link || is_opening {
            let error = refusal(fault);
            // A link that was open once is opened again on another connection, after a while.
            if fault.remedy() == Remedy::Retry && state.opened.is_none() {
                return Err(error);
            }
            self.end_with(state, Some(&error));
            return Ok(Reaction::Ended);
        }
        state.handles.answer(request, Err(refusal(fault)));
        let error = match fault.code() {
            // The connection ends before it has settled them.
            Some(FaultCode::GoingAway) => delivery_ended(),
            _ => refusal(fault),
        };
        self.settlement_answered(state, request, Err(error))
    }

    /// Ends the consumer for good.
    fn end_with(&self, state: &mut State, why: Option<&Error>) {
        if matches!(state.phase, Phase::Ended) {
            return;
        }
        state.phase = Phase::Ended;
        state.signal = None;
        match (state.opened.take(), why) {
            (Some(sender), Some(why)) => {
                let _ = sender.send(Err(why.clone()));
            }
            // Closing is no failure of a consumer that was asked to close.
            (None, Some(why)) if !state.is_finishing => state.failure = Some(why.clone()),
            (_, _) => {}
        }
        let abandoned = state.abandon();
        fail(abandoned);
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        self.progress.notify_waiters();
    }
}

impl State {
    /// Writes what is due. Returns whether there was anything.
    fn write(&mut self, line: &mut Line<'_>, pace: Pace, options: &Options) -> bool {
        let mut has_written = false;
        if self.are_settlements_due() {
            let ranges = self.settlements.take();
            if let Some(settle) = Settle::new(&ranges) {
                self.settlements.written(line.ask(&settle));
            }
            has_written = true;
        }
        if let (Pace::Full, Some(credit)) = (pace, self.due_credit(options)) {
            self.granted = credit;
            line.send(&posthouse_wire::Credit { messages: credit.messages, bytes: credit.bytes });
            has_written = true;
        }
        if let Some((delivery, sender)) = self.handles.waiting.pop_front() {
            let request = line.ask(&GetHandle { delivery });
            self.handles.unanswered.push((request, sender));
            has_written = true;
        }
        has_written
    }

    /// Asks the pipe to call `write`, if there is something to write and it does not do so already.
    fn write_next(&mut self, options: &Options) -> Reaction {
        let has_more = self.is_writable(options) || (matches!(self.phase, Phase::Open) && self.is_finishing);
        if has_more && !self.is_raised {
            self.is_raised = true;
            return Reaction::Write;
        }
        Reaction::Continue
    }

    /// Forgets all deliveries: their connection has ended. The settlements that are watched are to be failed.
    fn abandon(&mut self) -> Vec<Arc<Settling>> {
        self.buffered.clear();
        self.unsettled = 0;
        if let Some(alive) = &mut self.alive {
            alive.clear();
        }
        self.handles.abandon();
        self.settlements.abandon()
    }
}

impl Handles {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.unanswered.is_empty()
    }

    fn answer(&mut self, request: Request, answer: Result<String>) {
        if let Some(at) = self.unanswered.iter().position(|(asked, _)| *asked == request) {
            let _ = self.unanswered.swap_remove(at).1.send(answer);
        }
    }

    fn abandon(&mut self) {
        let waiting = self.waiting.drain(..).map(|(_, sender)| sender);
        for sender in waiting.chain(self.unanswered.drain(..).map(|(_, sender)| sender)) {
            let _ = sender.send(Err(delivery_ended()));
        }
    }
}

fn open(options: &Options) -> OpenConsumer<'_> {
    OpenConsumer {
        // `ConsumerBuilder::open` has checked the length of the name.
        queue: Text::clipped(&options.queue),
        visibility: options.visibility_s.map_or(Visibility::OfQueue, Visibility::Seconds),
        rate: options.rate_limit,
        at_end: match options.on_disconnect {
            OnDisconnect::Release => AtEnd::GiveBack,
            OnDisconnect::KeepInFlight => AtEnd::KeepInFlight,
        },
        batch_max: 0,
    }
}

fn not_understood(error: Malformed) -> Error {
    Error::protocol(format!("a delivery is not understood: {error}"))
}

fn fail(abandoned: Vec<Arc<Settling>>) {
    for settling in abandoned {
        settling.answer(Err(delivery_ended()));
    }
}
