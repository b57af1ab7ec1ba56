//! One call of the engine while it is worked on: what the decisions need at hand.

use posthouse_model::{AccountId, Action, Caller, Endpoint, Fault, QueueAddress, QueueId, Timestamp, TopicAddress};

use super::Engine;
use crate::access::{self, Access, Resource};
use crate::answer::{Answer, Outcome, RequestToken};
use crate::event::Event;
use crate::journal::{Journal, Position};
use crate::queue::Queue;
use crate::state::State;
use crate::topic::Topic;

/// The engine, the journal to write to, and where answers go.
pub(crate) struct Decision<'a> {
    pub(crate) engine: &'a mut Engine,
    pub(crate) journal: &'a mut dyn Journal,
    pub(crate) answers: &'a mut Vec<Answer>,
    pub(crate) now: Timestamp,
}

impl<'a> Decision<'a> {
    /// What one call of the engine works with, at `now` or at the latest time that the engine knows of.
    pub(crate) fn begin(
        engine: &'a mut Engine,
        now: Timestamp,
        journal: &'a mut dyn Journal,
        answers: &'a mut Vec<Answer>,
    ) -> Self {
        let now = engine.begin(now);
        Self { engine, journal, answers, now }
    }
}

impl Decision<'_> {
    pub(crate) const fn state(&self) -> &State {
        &self.engine.state
    }

    /// Checks that the caller may call an action on a resource ([`access::check`]). A queue, topic or subscription
    /// exists then.
    pub(crate) fn authorize(&self, caller: &Caller, action: Action, resource: Resource<'_>) -> Result<(), Fault> {
        self.allow(&Access { caller, action, resource, endpoint: None, now: self.now })
    }

    /// The account that the caller acts for, if it may call an action that names no resource.
    pub(crate) fn authorize_account(&self, caller: &Caller, action: Action) -> Result<AccountId, Fault> {
        self.authorize(caller, action, Resource::Account)?;
        Ok(caller.account().expect("access is allowed only to a caller with an account"))
    }

    /// The queue at an address, advanced to now, if the caller may call an action on it.
    pub(crate) fn authorize_queue(
        &mut self,
        caller: &Caller,
        action: Action,
        address: &QueueAddress,
    ) -> Result<QueueId, Fault> {
        let found = self.state().find(address);
        self.authorize(caller, action, Resource::Queue(address, found))?;
        let queue = found.expect("access is allowed only to a queue that exists");
        self.advance(queue);
        Ok(queue)
    }

    /// Checks that the caller may call an action on a topic, which exists then.
    pub(crate) fn authorize_topic(&self, caller: &Caller, action: Action, address: &TopicAddress) -> Result<(), Fault> {
        self.authorize(caller, action, Resource::Topic(address, self.state().topics.find(address)))
    }

    /// Checks that the caller may subscribe an endpoint to a topic, which exists then.
    pub(crate) fn authorize_subscribe(
        &self,
        caller: &Caller,
        address: &TopicAddress,
        endpoint: &Endpoint,
    ) -> Result<(), Fault> {
        let resource = Resource::Topic(address, self.state().topics.find(address));
        let action = Action::Subscribe;
        self.allow(&Access { caller, action, resource, endpoint: Some(endpoint), now: self.now })
    }

    fn allow(&self, access: &Access<'_>) -> Result<(), Fault> {
        access::check(self.state(), access).map_err(|denied| access.fault(denied))
    }

    /// Lets a queue advance to now.
    pub(crate) fn advance(&mut self, queue: QueueId) {
        if let Some(queue) = self.engine.state.get_mut(queue) {
            queue.advance(self.now);
        }
    }

    /// A queue that is known to exist.
    pub(crate) fn queue(&self, queue: QueueId) -> &Queue {
        self.engine.state.get(queue).expect("the queue was found in this decision and not deleted since")
    }

    /// A topic that is known to exist.
    pub(crate) fn topic(&self, topic: &TopicAddress) -> &Topic {
        self.engine.state.topics.find(topic).expect("the topic was found in this decision and not deleted since")
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

    pub(crate) fn answer(&mut self, token: RequestToken, outcome: Outcome, after: Position) {
        self.answers.push(Answer { token, outcome, after });
    }

    /// Serves the queues that events have changed, and sets their timers.
    pub(crate) fn settle(&mut self) {
        while let Some(queue) = self.engine.state.changed_queues.pop() {
            self.serve(queue);
            self.engine.schedule(queue, self.now);
        }
        self.settle_targets();
    }
}
