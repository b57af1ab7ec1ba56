//! Answers that wait for the log to become durable up to what they depend on.
//!
//! They leave in the order in which they were made, so that nothing is searched. An answer that depends on an earlier
//! position than the one before it waits with that one, at most one commit longer than it needs to.

use std::collections::VecDeque;

use posthouse_engine::Position;
use posthouse_model::{Fault, Reply};

use crate::{Responder, Response};

/// The answers that wait, in the order in which they leave.
pub(crate) struct Replies<R> {
    waiting: VecDeque<Answered<R>>,
}

/// An answer on its way to its caller.
pub(crate) struct Answered<R> {
    pub(crate) responder: R,
    /// The record that must be durable before the answer leaves.
    pub(crate) after: Position,
    pub(crate) answer: Result<Reply, Fault>,
}

impl<R: Responder> Answered<R> {
    fn leave(self, outbox: &mut R::Outbox) {
        self.responder.respond(Response::Answer(self.answer), outbox);
    }
}

impl<R: Responder> Replies<R> {
    pub(crate) const fn new() -> Self {
        Self { waiting: VecDeque::new() }
    }

    /// Answers that wait.
    pub(crate) fn length(&self) -> usize {
        self.waiting.len()
    }

    /// Sends an answer once everything up to and with the record at its `after` is durable: at once where it already
    /// is.
    pub(crate) fn send(&mut self, durable: Position, answered: Answered<R>, outbox: &mut R::Outbox) {
        if answered.after < durable {
            answered.leave(outbox);
        } else {
            self.waiting.push_back(answered);
        }
    }

    /// Sends the answers that depend on records below `durable` only, up to the first that does not.
    pub(crate) fn release(&mut self, durable: Position, outbox: &mut R::Outbox) {
        while let Some(first) = self.waiting.pop_front_if(|first| first.after < durable) {
            first.leave(outbox);
        }
    }

    /// Answers everything that waits with the same fault.
    pub(crate) fn refuse_all(&mut self, fault: &Fault, outbox: &mut R::Outbox) {
        for waiting in self.waiting.drain(..) {
            Answered { answer: Err(fault.clone()), ..waiting }.leave(outbox);
        }
    }
}
