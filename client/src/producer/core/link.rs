//! The producer as an endpoint: frames out, answers in, and what a new connection changes.
//!
//! What a lost connection left unanswered is written again, in order and with the same numbers, and the broker stores each
//! number once. It may no longer know the producer, because it forgets those that have been silent for some minutes.
//! What was written before then has an unknown outcome and fails; what was not is sent under a new producer id.

use std::time::Duration;

use posthouse_wire::{
    Close, Ends, FaultCode, Frame, FromBroker, MessageNumber, OpenProducer, ProducerId, ProducerOpened, Remedy,
    Request, Text,
};
use tokio::time::Instant;

use super::{Core, Load, Phase, State, Terms, Unanswered};
use crate::connection::{Attachment, Endpoint, Line, Pace, Progress, Reaction, refusal};
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageId;
use crate::producer::outcome::{Answer, Exception, MessageIds, Stored};
use crate::window::Window;

/// Producer ids that are given up without an answer in between, before the broker is thought to be wrong.
const RESTARTS_MAX: u32 = 3;
/// A broker remembers a producer for five minutes after its last message. One minute less, because the clocks of both
/// sides do not run alike, and the broker stores a message later than it is written.
const REMEMBERED: Duration = Duration::from_secs(4 * 60);
/// A producer that has written nothing for so long goes on under another id. The broker would forget the old one soon,
/// and if the connection broke then, it could not say whether it has stored the next message. Half of [`REMEMBERED`]
/// leaves the other half for the time without a connection.
const IDLE_MAX: Duration = REMEMBERED.checked_div(2).expect("2 is not 0");

impl Endpoint for Core {
    fn attach(&self, attachment: Attachment) {
        let mut state = self.lock();
        state.phase = Phase::Unopened;
        state.signal = Some(attachment.signal);
        state.is_raised = true;
        state.log = attachment.log_identity;
    }

    fn write(&self, line: &mut Line<'_>, pace: Pace) -> Progress {
        let mut state = self.lock();
        match state.phase {
            // A connection that the broker is about to end opens nothing; the next one does.
            Phase::Unopened if pace == Pace::Full => {
                // `Producer::open` has checked the length of the name.
                let target = Text::clipped(&self.target.name);
                let open = OpenProducer { producer: state.producer, target_kind: self.target.kind, target };
                state.phase = Phase::Opening(line.ask(&open));
                Progress::Wrote
            }
            Phase::Open if state.is_restart_due => {
                line.ask(&Close);
                state.phase = Phase::Restarting;
                Progress::Wrote
            }
            Phase::Open => {
                if pace == Pace::Full && state.is_writable() {
                    return state.write_frame(line, Instant::now());
                }
                if state.is_finishing && state.unanswered.is_empty() && state.gathering.is_none() {
                    line.ask(&Close);
                    state.phase = Phase::Closing;
                    return Progress::Wrote;
                }
                state.is_raised = false;
                Progress::Idle
            }
            Phase::Detached
            | Phase::Unopened
            | Phase::Opening(_)
            | Phase::Restarting
            | Phase::Closing
            | Phase::Ended(_) => {
                state.is_raised = false;
                Progress::Idle
            }
        }
    }

    fn read(&self, frame: &Frame, content: FromBroker<'_>) -> Result<Reaction> {
        let request = frame.address().request;
        let mut state = self.lock();
        match (content, &state.phase) {
            (FromBroker::Sent(sent), Phase::Open) => {
                let (frame, answer) = state.answered(request, &sent)?;
                Ok(self.answer(&mut state, frame, answer))
            }
            (FromBroker::ProducerOpened(opened), Phase::Opening(asked)) if request == *asked => {
                self.opened(&mut state, &opened)
            }
            (FromBroker::Closed(_), Phase::Closing) => {
                self.end_with(&mut state, &Error::closed("producer"));
                Ok(Reaction::Ended)
            }
            (FromBroker::Closed(_), Phase::Restarting) => {
                state.restart()?;
                Ok(Reaction::Reopen)
            }
            (FromBroker::Fault(fault), _) => self.refused(&mut state, request, &fault),
            _ => Err(Error::protocol(format!("a {} on the link of a producer", frame.header.kind))),
        }
    }

    fn detach(&self, _: &Error) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Ended(_)) {
            state.phase = Phase::Detached;
        }
        state.signal = None;
        state.is_raised = false;
        state.forget_written();
    }

    fn end(&self, why: &Error) {
        self.end_with(&mut self.lock(), why);
    }

    fn is_idle(&self) -> bool {
        let state = self.lock();
        match state.phase {
            Phase::Opening(_) | Phase::Restarting | Phase::Closing => false,
            Phase::Detached | Phase::Unopened | Phase::Ended(_) => true,
            Phase::Open => state.unanswered.iter().all(|frame| frame.request.is_none()),
        }
    }

    fn needs_connection(&self) -> bool {
        true
    }

    fn finish(&self) {
        let mut state = self.lock();
        state.is_finishing = true;
        state.raise();
    }
}

impl Core {
    /// The messages of a frame were answered: they leave room for others.
    fn answer(&self, state: &mut State, frame: Unanswered, answer: Answer) -> Reaction {
        // Room first: a program that sees a confirmation of the last message finds an empty window.
        self.room.give_back(frame.load.messages, frame.load.bytes);
        state.answered += frame.load.messages as u64;
        frame.answer(answer);
        self.progress.notify_waiters();
        state.write_next()
    }

    fn opened(&self, state: &mut State, opened: &ProducerOpened<'_>) -> Result<Reaction> {
        let (bytes, messages) = (opened.window_bytes as usize, opened.window_messages as usize);
        state.window = Window::bytes(bytes).and_messages(messages);
        let stored = opened.last.map_or(0, MessageNumber::get);
        let confirmed = state.unanswered.front().map_or(state.next, |frame| frame.first).get() - 1;
        let log = state.log;
        // A broker that remembers nothing of a producer has stored nothing of it lately. It has forgotten what is older.
        let is_old = |frame: &Unanswered| frame.written_at.is_some_and(|at| at.elapsed() > REMEMBERED);
        let is_forgotten =
            !opened.is_known || stored < confirmed || (stored == 0 && state.unanswered.front().is_some_and(is_old));
        if state.used_log.is_some_and(|used| is_forgotten || used != log) {
            tracing::warn!(target = self.target.name, "the broker no longer knows this producer");
            let text =
                "the message was sent before the connection was lost, and the broker no longer knows the producer";
            let error = Error::new(ErrorKind::OutcomeUnknown, text);
            while let Some(frame) = state.take_carried() {
                let reaction = self.answer(state, frame, Answer::Failed(error.clone()));
                debug_assert_eq!(reaction, Reaction::Continue, "the link is not open");
            }
            state.is_restart_due = true;
        }
        state.phase = Phase::Open;
        if let Some(sender) = state.opened.take() {
            let terms = Terms { is_fifo: opened.is_fifo, arn: opened.arn.as_str().to_owned() };
            // The future that opens the producer may have been dropped.
            if sender.send(Ok(terms)).is_err() {
                state.is_finishing = true;
            }
        }
        Ok(state.write_next())
    }

    fn refused(&self, state: &mut State, request: Request, fault: &posthouse_wire::Fault<'_>) -> Result<Reaction> {
        let is_opening = matches!(state.phase, Phase::Opening(asked) if asked == request);
        if is_opening && fault.code() == Some(FaultCode::GoingAway) {
            // The next connection opens it.
            state.phase = Phase::Detached;
            return Ok(Reaction::Continue);
        }
        let is_sequence = fault.code() == Some(FaultCode::OutOfSequence);
        if fault.ends() == Ends::Link || is_opening {
            if is_sequence {
                state.restart()?;
                return Ok(Reaction::Reopen);
            }
            let error = refusal(fault);
            // A link that was open once is opened again on another connection, after a while.
            if fault.remedy() == Remedy::Retry && state.opened.is_none() {
                return Err(error);
            }
            self.end_with(state, &error);
            return Ok(Reaction::Ended);
        }
        if is_sequence {
            state.is_restart_due = true;
            return Ok(state.write_next());
        }
        let Some(at) = state.unanswered.iter().position(|frame| frame.request == Some(request)) else {
            return Ok(Reaction::Continue);
        };
        if fault.code() == Some(FaultCode::GoingAway) {
            // The broker has not looked at it: the next connection carries it.
            state.unanswered[at].request = None;
            return Ok(Reaction::Continue);
        }
        Ok(match state.remove(at) {
            Some(frame) => self.answer(state, frame, Answer::Failed(refusal(fault))),
            None => Reaction::Continue,
        })
    }

    /// Ends the producer for good.
    fn end_with(&self, state: &mut State, why: &Error) {
        if matches!(state.phase, Phase::Ended(_)) {
            return;
        }
        state.phase = Phase::Ended(why.clone());
        state.signal = None;
        if let Some(sender) = state.opened.take() {
            let _ = sender.send(Err(why.clone()));
        }
        state.seal();
        let unknown = Error::with_source(
            ErrorKind::OutcomeUnknown,
            format!("the message was sent, and not confirmed before the producer ended: {why}"),
            why.clone(),
        );
        for frame in std::mem::take(&mut state.unanswered) {
            let error = if frame.written_at.is_some() { &unknown } else { why };
            state.answered += frame.load.messages as u64;
            frame.answer(Answer::Failed(error.clone()));
        }
        self.room.close();
        self.progress.notify_waiters();
    }
}

impl State {
    fn write_frame(&mut self, line: &mut Line<'_>, now: Instant) -> Progress {
        let is_idle = self.written == 0 && self.unanswered.front().is_none_or(|frame| frame.written_at.is_none());
        if is_idle && self.last_written.is_some_and(|last| now.duration_since(last) > IDLE_MAX) {
            line.ask(&Close);
            self.phase = Phase::Restarting;
            return Progress::Wrote;
        }
        if self.written == self.unanswered.len() {
            self.seal();
        }
        let Some(frame) = self.unanswered.get_mut(self.written) else {
            self.is_raised = false;
            return Progress::Idle;
        };
        frame.request = Some(line.ask_encoded(&frame.payload));
        frame.written_at.get_or_insert(now);
        self.last_written = Some(now);
        self.used_log = Some(self.log);
        self.written += 1;
        self.in_flight.messages += frame.load.messages;
        self.in_flight.bytes += frame.load.bytes;
        Progress::Wrote
    }

    /// Takes out a frame that is answered.
    ///
    /// # Errors
    ///
    /// The answer is for another frame than it says.
    fn answered(&mut self, request: Request, sent: &posthouse_wire::Sent<'_>) -> Result<(Unanswered, Answer)> {
        let at = self.unanswered.iter().position(|frame| frame.request == Some(request));
        let frame = at.and_then(|at| self.unanswered.get(at));
        let is_right = frame.is_some_and(|frame| {
            frame.first == sent.first && frame.load.messages == usize::from(sent.count) && is_within(sent)
        });
        let Some(frame) = at.filter(|_| is_right).and_then(|at| self.remove(at)) else {
            return Err(Error::protocol(format!("a SENT for message {}, which it does not answer", sent.first)));
        };
        self.restarts = 0;
        let answer = stored(MessageIds { producer: self.producer, first: frame.first }, sent);
        Ok((frame, Answer::Stored(answer)))
    }

    /// Takes a written frame out.
    fn remove(&mut self, at: usize) -> Option<Unanswered> {
        let frame = self.unanswered.remove(at)?;
        if at < self.written {
            self.written -= 1;
            self.in_flight.messages -= frame.load.messages;
            self.in_flight.bytes -= frame.load.bytes;
        }
        Some(frame)
    }

    /// The present connection has ended: nothing is written on the next one.
    fn forget_written(&mut self) {
        self.written = 0;
        self.in_flight = Load::default();
        self.unanswered.iter_mut().for_each(|frame| frame.request = None);
    }

    /// Takes out the oldest frame, if any connection has carried it.
    fn take_carried(&mut self) -> Option<Unanswered> {
        let is_carried = self.unanswered.front().is_some_and(|frame| frame.written_at.is_some());
        if is_carried { self.remove(0) } else { None }
    }

    /// Goes on under a new producer id, on another link. No message of the old one that is unanswered was stored.
    ///
    /// # Errors
    ///
    /// The broker has refused too many.
    fn restart(&mut self) -> Result<()> {
        self.restarts += 1;
        if self.restarts > RESTARTS_MAX {
            return Err(Error::protocol("the broker takes no number of a new producer"));
        }
        self.seal();
        self.forget_written();
        self.producer = ProducerId::from_bytes(rand::random());
        self.used_log = None;
        self.last_written = None;
        self.is_restart_due = false;
        self.next = MessageNumber::FIRST;
        for frame in &mut self.unanswered {
            frame.payload = frame.payload.renumbered(self.next);
            frame.first = self.next;
            frame.written_at = None;
            self.next = self.next.checked_add(frame.load.messages as u64).ok_or_else(|| Error::closed("producer"))?;
        }
        self.phase = Phase::Detached;
        self.signal = None;
        self.is_raised = false;
        Ok(())
    }

    /// Asks the pipe to call `write`, if there is something to write and it does not do so already.
    fn write_next(&mut self) -> Reaction {
        let has_more = match self.phase {
            Phase::Unopened => true,
            Phase::Open => self.is_writable() || self.is_finishing || self.is_restart_due,
            Phase::Detached | Phase::Opening(_) | Phase::Restarting | Phase::Closing | Phase::Ended(_) => false,
        };
        if has_more && !self.is_raised {
            self.is_raised = true;
            return Reaction::Write;
        }
        Reaction::Continue
    }
}

/// Whether all indexes of an answer are those of messages.
fn is_within(sent: &posthouse_wire::Sent<'_>) -> bool {
    let count = sent.count;
    sent.failures.iter().all(|failure| failure.index < count)
        && sent.duplicates.iter().all(|duplicate| duplicate.index < count)
        && sent.sequence_numbers.iter().all(|range| range.index < count && range.count <= count - range.index)
}

fn stored(ids: MessageIds, sent: &posthouse_wire::Sent<'_>) -> Stored {
    let refused =
        sent.failures.iter().map(|failure| (failure.index.into(), Exception::Refused(refusal(&failure.fault))));
    let duplicates = sent
        .duplicates
        .iter()
        .map(|duplicate| (duplicate.index.into(), Exception::Duplicate(MessageId::from_bytes(duplicate.id))));
    let mut exceptions: Vec<_> = refused.chain(duplicates).collect();
    exceptions.sort_by_key(|(index, _): &(usize, Exception)| *index);
    exceptions.dedup_by_key(|(index, _)| *index);
    Stored { ids, sequence_numbers: sent.sequence_numbers.iter().collect(), exceptions }
}

#[cfg(test)]
mod tests;
