//! One call of the engine while it is worked on: what the decisions need at hand.

use posthouse_model::{Action, Caller, Fault, QueueAddress, QueueId, Timestamp, TopicAddress};

use super::Engine;
use crate::access;
use crate::answer::{Answer, Outcome, Token};
use crate::event::Event;
use crate::journal::{Journal, Position};
use crate::queue::Queue;
use crate::state::State;
use crate::topic::Topic;

/// The engine, the journal to write to, and where answers go.
pub(crate) struct Turn<'a> {
    pub(crate) engine: &'a mut Engine,
    pub(crate) journal: &'a mut dyn Journal,
    pub(crate) answers: &'a mut Vec<Answer>,
    pub(crate) now: Timestamp,
}

impl Turn<'_> {
    pub(crate) const fn state(&self) -> &State {
        &self.engine.state
    }

    /// The queue at an address, advanced to now, if the caller may do this with it.
    pub(crate) fn authorize(
        &mut self,
        caller: &Caller,
        action: Action,
        address: &QueueAddress,
    ) -> Result<QueueId, Fault> {
        let queue = access::authorize(&self.engine.state, caller, action, address, self.now)?;
        self.advance(queue);
        Ok(queue)
    }

    /// Whether the caller may do this with a topic, which exists then.
    pub(crate) fn authorize_topic(&self, caller: &Caller, action: Action, address: &TopicAddress) -> Result<(), Fault> {
        access::authorize_topic(&self.engine.state, caller, action, address, None, self.now)
    }

    /// Lets a queue advance to now.
    pub(crate) fn advance(&mut self, queue: QueueId) {
        if let Some(queue) = self.engine.state.get_mut(queue) {
            queue.advance(self.now);
        }
    }

    /// A queue that is known to exist.
    pub(crate) fn queue(&self, queue: QueueId) -> &Queue {
        self.engine.state.get(queue).expect("the queue was found in this turn and not deleted since")
    }

    /// A topic that is known to exist.
    pub(crate) fn topic(&self, topic: &TopicAddress) -> &Topic {
        self.engine.state.topics.find(topic).expect("the topic was found in this turn and not deleted since")
    }

    /// Writes an event down and applies it.
    pub(crate) fn emit(&mut self, event: &Event<'_>) -> Position {
        let position = self.engine.append(event, self.journal);
        self.engine.state.apply(position, event, self.journal).expect("what was just decided can be applied");
        position
    }

    /// Where the last event lies: what depends on anything that happened waits for it.
    pub(crate) const fn end(&self) -> Position {
        self.engine.state.end
    }

    pub(crate) fn answer(&mut self, token: Token, outcome: Outcome, after: Position) {
        self.answers.push(Answer { token, outcome, after });
    }

    /// Serves the queues that events have changed, and sets their timers.
    pub(crate) fn settle(&mut self) {
        while let Some(queue) = self.engine.state.stirred.pop() {
            self.serve(queue);
            self.engine.schedule(queue, self.now);
        }
        self.settle_targets();
    }
}
