//! One decision: what it works on, and what every step of it needs.
//!
//! A [`Decision`] lends the durable [`State`], the [`Volatile`] state, the journal and the list of answers to one call
//! of the engine. `operation` decides requests with it. The children of this module decide what follows from a request
//! or from time alone:
//!
//! | file | what it decides |
//! |---|---|
//! | [`serve`] | which messages a receive gets |
//! | [`waits`] | nothing; it holds the receives that wait |
//! | [`clock`] | what follows when the clock is set |
//! | [`due`] | what happens when time passes, and when it happens |
//! | [`moving`] | slices of message move tasks |
//! | [`numbering`] | which messages of a native producer were sent before |
//! | [`paging`] | which pages are read and stored, and which calls wait for one |
//! | [`peeking`] | what a look at messages shows |
//! | [`publishing`] | who gets a publication to a topic, over several calls if it takes long |
//! | [`push`] | push targets and the results of pushes |
//! | [`visits`] | what follows for subscriptions from the attributes of their topic |
//! | [`window`] | which messages of a queue with groups receives look at |
//! | [`damage`] | messages whose records cannot be read |
//!
//! Each file implements its part of `Decision`. A decision changes durable state only through [`Decision::emit`], and
//! ends with [`Decision::settle`].

pub(crate) mod clock;
pub(crate) mod damage;
pub(crate) mod due;
mod moving;
pub(crate) mod numbering;
pub(crate) mod paging;
pub(crate) mod peeking;
pub(crate) mod publishing;
pub(crate) mod push;
pub(crate) mod serve;
pub(crate) mod visits;
pub(crate) mod waits;
mod window;

use posthouse_filter::Policy as FilterPolicy;
use posthouse_model::fault::Grant;
use posthouse_model::topic_attributes::FilterPolicyText;
use posthouse_model::{AccountId, Action, Caller, Fault, QueueAddress, QueueId, Timestamp, TopicAddress};
use posthouse_policy::Detail;

use crate::access::{self, Access, Denied, Resource};
use crate::answer::{Answer, Answers, Outcome, RequestToken};
use crate::event::Event;
use crate::journal::{Journal, Position};
use crate::queue::Queue;
use crate::queue::select::Selection;
use crate::quota::Load;
use crate::refusal::Refusal;
use crate::state::State;
use crate::topic::Topic;
use crate::topic::fan_out::Matching;
use due::Timers;
use numbering::Numbers;
use paging::Paging;
use publishing::Publishing;
use publishing::recipients::Recipients;
use push::PushLog;
use waits::Waits;

/// What the engine knows besides its durable state. A restart begins with the default.
#[derive(Debug, Default)]
pub(crate) struct Volatile {
    pub(crate) waits: Waits,
    pub(crate) timers: Timers,
    pub(crate) push: PushLog,
    pub(crate) publishing: Publishing,
    pub(crate) paging: Paging,
    /// The time of the latest call.
    now: Timestamp,
    selection: Selection,
    scratch: Scratch,
    encoded: Vec<u8>,
}

impl Volatile {
    /// The time of the latest call.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The time of a call at `now`: time never runs backwards, unless the clock is set.
    pub(crate) fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }
}

impl Volatile {
    /// Panics unless the receives that wait and the timers are consistent.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self, state: &State) {
        self.waits.check();
        self.timers.check(state);
        self.paging.check();
    }
}

/// Buffers that one publication leaves to the next. What they hold between two publications has no meaning.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) matching: Matching,
    pub(crate) recipients: Recipients,
}

/// The engine during one call.
pub(crate) struct Decision<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) volatile: &'a mut Volatile,
    pub(crate) journal: &'a mut dyn Journal,
    pub(crate) answers: &'a mut dyn Answers,
    pub(crate) now: Timestamp,
    /// The batch whose next publication is being decided, if a native producer publishes it.
    pub(crate) numbers: Option<Numbers>,
}

impl<'a> Decision<'a> {
    /// Begins a decision at `now`, or at the time of the latest call if that is later. [`Decision::settle`] must end
    /// it.
    pub(crate) fn begin(
        state: &'a mut State,
        volatile: &'a mut Volatile,
        now: Timestamp,
        journal: &'a mut dyn Journal,
        answers: &'a mut dyn Answers,
    ) -> Self {
        let now = volatile.advance(now);
        Self { state, volatile, journal, answers, now, numbers: None }
    }
}

impl Decision<'_> {
    /// The durable state, to read.
    pub(crate) const fn state(&self) -> &State {
        self.state
    }

    /// Keeps a filter policy for the event that sets it.
    pub(crate) fn keep_parsed(&mut self, text: &FilterPolicyText, policy: FilterPolicy) {
        self.state.topics.keep_parsed(text.clone(), policy);
    }

    /// Checks that the caller may call an action on a resource ([`access::check`]). A queue, topic or subscription
    /// exists then.
    pub(crate) fn authorize(&self, caller: &Caller, action: Action, resource: Resource<'_>) -> Result<(), Fault> {
        self.allow(&self.access(caller, action, resource))
    }

    /// As [`Decision::authorize`], for a request that says more that conditions look at.
    pub(crate) fn authorize_with(
        &self,
        caller: &Caller,
        action: Action,
        resource: Resource<'_>,
        detail: Detail<'_>,
    ) -> Result<(), Fault> {
        self.allow(&Access { detail, ..self.access(caller, action, resource) })
    }

    /// The account that the caller acts for. What it may do is not looked at.
    pub(crate) fn account(&self, caller: &Caller, action: Action) -> Result<AccountId, Fault> {
        let fault = || self.access(caller, action, Resource::Account).fault(Denied::Ungranted(Grant::OwnersOnly));
        caller.account().ok_or_else(fault)
    }

    /// The account that the caller acts for, if it may call an action that names no resource.
    pub(crate) fn authorize_account(&self, caller: &Caller, action: Action) -> Result<AccountId, Fault> {
        self.authorize(caller, action, Resource::Account)?;
        self.account(caller, action)
    }

    /// The queue at an address, advanced to now, if the caller may call an action on it.
    pub(crate) fn authorize_queue(
        &mut self,
        caller: &Caller,
        action: Action,
        address: &QueueAddress,
    ) -> Result<QueueId, Fault> {
        self.authorize_queue_with(caller, action, address, Detail::None)
    }

    /// As [`Decision::authorize_queue`], for a request that says more that conditions look at.
    pub(crate) fn authorize_queue_with(
        &mut self,
        caller: &Caller,
        action: Action,
        address: &QueueAddress,
        detail: Detail<'_>,
    ) -> Result<QueueId, Fault> {
        let found = self.state().find(address);
        self.authorize_with(caller, action, Resource::Queue(address, found), detail)?;
        let queue = found.expect("access is allowed only to a queue that exists");
        self.advance(queue);
        Ok(queue)
    }

    /// Checks that the caller may call an action on a topic, which exists then.
    pub(crate) fn authorize_topic(&self, caller: &Caller, action: Action, address: &TopicAddress) -> Result<(), Fault> {
        self.authorize_topic_with(caller, action, address, Detail::None)
    }

    /// As [`Decision::authorize_topic`], for a request that says more that conditions look at.
    pub(crate) fn authorize_topic_with(
        &self,
        caller: &Caller,
        action: Action,
        address: &TopicAddress,
        detail: Detail<'_>,
    ) -> Result<(), Fault> {
        let resource = Resource::Topic(address, self.state().topics.find(address));
        self.authorize_with(caller, action, resource, detail)
    }

    /// Checks that the caller's user may call an action that any caller may call who has a token or a link
    /// ([`access::check_user`]).
    pub(crate) fn authorize_user(&self, caller: &Caller, action: Action, resource: Resource<'_>) -> Result<(), Fault> {
        let access = self.access(caller, action, resource);
        access::check_user(self.state(), &access).map_err(|denied| access.fault(denied))
    }

    /// Checks that a resource is in a region that the caller reaches: the part of [`Decision::authorize`] that binds
    /// callers without an account too.
    pub(crate) fn check_region(&self, caller: &Caller, action: Action, resource: Resource<'_>) -> Result<(), Fault> {
        let access = self.access(caller, action, resource);
        access::check_region(&access).map_err(|denied| access.fault(denied))
    }

    /// Checks that an account may hold so many more messages.
    ///
    /// # Errors
    /// The quota that is reached.
    pub(crate) fn check_messages(&self, account: AccountId, more: Load) -> Result<(), Refusal> {
        let quotas = &self.state.options.quotas;
        if !quotas.limit_messages() {
            return Ok(());
        }
        quotas.check_messages(self.state.holding(account), more)
    }

    const fn access<'b>(&self, caller: &'b Caller, action: Action, resource: Resource<'b>) -> Access<'b> {
        Access { caller, action, resource, detail: Detail::None, now: self.now }
    }

    /// Checks that a FIFO queue may remember one more deduplication id or receive attempt.
    ///
    /// # Errors
    /// [`Refusal::Throttled`]: there is room again when five minutes are over.
    pub(crate) fn check_ids(&self, queue: QueueId) -> Result<(), Refusal> {
        match self.state.options.quotas.fifo_ids {
            Some(max) if self.queue(queue).remembered() as u64 >= max => Err(Refusal::Throttled),
            Some(_) | None => Ok(()),
        }
    }

    /// Checks that an account may have one more entry in the registry.
    ///
    /// # Errors
    /// The quota that is reached.
    pub(crate) fn check_entry(&self, account: AccountId) -> Result<(), Fault> {
        let entries = self.state.registry.count(account);
        self.state.options.quotas.check_entry(entries).map_err(Fault::OverLimit)
    }

    fn allow(&self, access: &Access<'_>) -> Result<(), Fault> {
        access::check(self.state(), access).map_err(|denied| access.fault(denied))
    }

    /// Advances a queue to now: it has every message that was published to it, and what time does is done. Does nothing if
    /// the queue does not exist.
    pub(crate) fn advance(&mut self, queue: QueueId) {
        self.state.catch_up(queue, self.journal);
        if let Some(queue) = self.state.get_mut(queue) {
            queue.advance(self.now);
        }
    }

    /// A queue that this decision has looked up and not deleted.
    pub(crate) fn queue(&self, queue: QueueId) -> &Queue {
        self.state.get(queue).expect("the queue was found in this decision and not deleted since")
    }

    /// A topic that this decision has looked up and not deleted.
    pub(crate) fn topic(&self, topic: &TopicAddress) -> &Topic {
        self.state.topics.find(topic).expect("the topic was found in this decision and not deleted since")
    }

    /// Appends an event to the journal and applies it. Returns its position.
    pub(crate) fn emit(&mut self, event: &Event<'_>) -> Position {
        let encoded = &mut self.volatile.encoded;
        encoded.clear();
        event.encode(encoded);
        let position = match event.tail() {
            [] => self.journal.append(event.kind(), &[encoded]),
            tail => self.journal.append(event.kind(), &[encoded, tail]),
        };
        self.state.apply(position, event, self.journal).expect("what was just decided can be applied");
        position
    }

    /// The position of the last event. An answer that depends on anything that happened before waits for it.
    pub(crate) const fn end(&self) -> Position {
        self.state.end
    }

    /// Answers a request. The answer may leave once the journal is durable up to and including `after`.
    /// [`Position::ZERO`] does not wait. Each request is answered once.
    pub(crate) fn answer(&mut self, token: RequestToken, outcome: Outcome, after: Position) {
        self.answers.push(Answer { token, outcome, after });
    }

    /// Lends the buffers of publications to `work`, which clears them before use. They come back when `work` returns,
    /// with an error too.
    pub(crate) fn with_scratch<R>(&mut self, work: impl FnOnce(&mut Self, &mut Scratch) -> R) -> R {
        let mut scratch = core::mem::take(&mut self.volatile.scratch);
        let result = work(self, &mut scratch);
        self.volatile.scratch = scratch;
        result
    }

    /// Lends the buffer of selections to `work`. It comes back when `work` returns.
    fn with_selection<R>(&mut self, work: impl FnOnce(&mut Self, &mut Selection) -> R) -> R {
        let mut selection = core::mem::take(&mut self.volatile.selection);
        let result = work(self, &mut selection);
        self.volatile.selection = selection;
        result
    }

    /// Serves the queues that events have changed, sets their timers, and reports changed push targets. Ends every
    /// decision.
    pub(crate) fn settle(&mut self) {
        while let Some(queue) = self.state.changed_queues.pop() {
            self.serve(queue);
            self.schedule(queue);
        }
        while let Some(search) = self.state.topics.take_work() {
            self.volatile.publishing.add_search(search);
        }
        self.settle_targets();
    }
}
