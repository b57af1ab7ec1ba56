//! Which messages of a native producer's batch are new, and what is written down of their numbers.
//!
//! A batch begins with a number that follows the producer's last one, or with one that was decided before. Messages that
//! were decided before are answered as then. Each new one is taken by a numbered event, or becomes a part of the next
//! `ProducerNoted`. That is written before a numbered event if the journal would otherwise not say whose message it
//! brings, and at the end of the batch for what is left.

use posthouse_model::fault::NativeFault;
use posthouse_model::operation::Numbering;
use posthouse_model::{Fault, Identity, MessageNumber};

use super::Decision;
use crate::event::Event;
use crate::event::producer::{ProducerForgotten, ProducerNoted};
use crate::journal::Position;
use crate::producer::{Exception, NumberedTarget, PRODUCER_BYTES_MAX, ProducerKey, Recalled, Run};
use crate::refusal::Refusal;

/// The numbers of a batch while its messages are decided.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    target: NumberedTarget,
    key: ProducerKey,
    first: MessageNumber,
    answered: MessageNumber,
    /// The last number that is decided; `None` before the batch has begun.
    last: Option<MessageNumber>,
    /// What came of the latest messages, which no event says yet.
    unwritten: Vec<Run>,
}

impl Numbers {
    pub(crate) fn new(target: NumberedTarget, numbering: Numbering, caller: &Identity) -> Self {
        let Numbering { producer, first, answered } = numbering;
        let key = ProducerKey::new(&producer, caller);
        Self { target, key, first, answered, last: None, unwritten: Vec::new() }
    }

    /// Whether its first message is decided or about to be.
    pub(crate) const fn has_begun(&self) -> bool {
        self.last.is_some()
    }

    /// Notes what came of the next message.
    pub(crate) fn except(&mut self, exception: Exception) {
        let run = Run { first: self.next(), messages: 1, exception };
        self.last = Some(run.first);
        if !self.unwritten.last_mut().is_some_and(|last| last.extend(&run)) {
            self.unwritten.push(run);
        }
    }

    /// Notes why the next message was not taken.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.except(Exception::Refused(refusal));
    }

    /// Drops what is not written: the target of the batch was deleted.
    pub(crate) fn drop_unwritten(&mut self) {
        self.unwritten.clear();
    }

    /// The number of the next message that is decided.
    fn next(&self) -> MessageNumber {
        self.last.expect("the batch has begun").plus(1)
    }
}

impl Decision<'_> {
    /// Begins to decide the messages of a batch.
    ///
    /// # Errors
    /// [`NativeFault::OutOfSequence`] if messages are missing before its first.
    pub(crate) fn begin_numbers(&self, numbers: &mut Numbers) -> Result<(), Fault> {
        let known = self.state().producers.find(&numbers.target, numbers.key, self.now);
        let last = known.map_or(numbers.answered, |producer| producer.last);
        if numbers.first > last.plus(1) {
            let last = known.map_or(MessageNumber::NONE, |producer| producer.last);
            return Err(Fault::Native(NativeFault::OutOfSequence { last }));
        }
        numbers.last = Some(last);
        Ok(())
    }

    /// What came of the message at an index of the batch when it was sent before. `None` if it is new.
    pub(crate) fn recall(&self, numbers: &Numbers, index: usize) -> Option<Recalled> {
        let number = numbers.first.plus(index as u64);
        if numbers.last.is_some_and(|last| number > last) {
            return None;
        }
        let known = self.state().producers.find(&numbers.target, numbers.key, self.now);
        Some(known.map_or(Recalled::Forgotten, |producer| producer.recall(number)))
    }

    /// Decides the next publication of a batch with `work`, whose events then bring its number.
    ///
    /// # Errors
    /// Those of `work`: the message then counts as refused.
    pub(crate) fn with_numbers<R>(
        &mut self,
        numbers: &mut Numbers,
        work: impl FnOnce(&mut Self) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        self.numbers = Some(numbers.clone());
        let result = work(self);
        *numbers = self.numbers.take().expect("`work` gives the numbers back");
        if let Err(refusal) = &result {
            numbers.refuse(*refusal);
        }
        result
    }

    /// Emits the event that brings the next message of the batch. Returns its position.
    pub(crate) fn emit_numbered(&mut self, numbers: &mut Numbers, event: &Event<'_>) -> Position {
        self.note_next(numbers);
        let position = self.emit(event);
        numbers.last = Some(numbers.next());
        position
    }

    /// Has the next numbered event bring the next message of the batch.
    pub(crate) fn note_next(&mut self, numbers: &mut Numbers) {
        let next = (numbers.next(), self.now);
        let is_open = self.state().producers.is_open(&numbers.target, numbers.key, next);
        if !is_open || !numbers.unwritten.is_empty() {
            self.note_producer(numbers);
        }
    }

    /// Writes down what came of the messages of a batch that no event says yet.
    pub(crate) fn end_numbers(&mut self, numbers: &mut Numbers) {
        if !numbers.unwritten.is_empty() {
            self.note_producer(numbers);
        }
    }

    fn note_producer(&mut self, numbers: &mut Numbers) {
        self.make_room(numbers);
        let runs = core::mem::take(&mut numbers.unwritten);
        let next = runs.first().map_or_else(|| numbers.next(), |run| run.first);
        let (target, key) = (numbers.target.clone(), numbers.key);
        self.emit(&Event::ProducerNoted(ProducerNoted { time: self.now, key, next, target, runs }));
    }

    /// Forgets the producers that were silent longest, if there is no room for all that this one may take.
    fn make_room(&mut self, numbers: &Numbers) {
        let Numbers { target, key, .. } = numbers;
        let producers = &mut self.state.producers;
        if producers.count(target) >= self.state.options.producers_max
            && producers.find(target, *key, self.now).is_none()
            && let Some(oldest) = producers.oldest_of(target)
        {
            self.forget_producer(oldest);
        }
        while self.state.producers.bytes() + PRODUCER_BYTES_MAX > self.state.options.producers_bytes_max
            && let Some(oldest) = self.state.producers.oldest_but(target, *key)
        {
            self.forget_producer(oldest);
        }
    }

    /// Whether a producer of this queue or topic that is not known has sent nothing in the last five minutes: none was
    /// forgotten for want of room whose time is not over.
    pub(crate) fn remembers_all_producers(&self, target: &NumberedTarget) -> bool {
        !self.state.producers.may_miss(target, self.now)
    }

    fn forget_producer(&mut self, (target, key): (NumberedTarget, ProducerKey)) {
        self.emit(&Event::ProducerForgotten(ProducerForgotten { target, key }));
    }
}
