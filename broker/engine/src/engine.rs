//! The engine: requests and time in, events and answers out.
//!
//! [`Engine`] is the crate's interface and decides nothing. Each call lends its parts to a [`Decision`], has
//! `operation` or `decision::due` decide, and settles.

use std::sync::Arc;

use bytes::Bytes;
use posthouse_model::operation::{DamagedId, DamagedMessage, MessageName, PeekMessages};
use posthouse_model::{Fault, QueueAddress, QueueId, ReceiptHandle, Reply, Timestamp};
use posthouse_policy::IdentityPolicies;

use crate::answer::{Answer, Answers, Outcome, RequestToken};
use crate::budget::IndexOverview;
use crate::checkpoint::{Checkpoint, CheckpointStep};
use crate::decision::clock::EXPIRY_HELD;
use crate::decision::damage::{RecordRanges, SearchFrom, Unreadable};
use crate::decision::due::nothing;
use crate::decision::{Decision, Volatile, peeking};
use crate::digest;
use crate::discarded::Discarded;
use crate::event::pages::PageStored;
use crate::event::{InvalidEvent, kind};
use crate::journal::{BodyRef, Journal, Position};
use crate::operation;
use crate::overview::{Counters, TopicCounters};
use crate::prepared::PreparedCall;
use crate::state::State;
use crate::state::pages::PageRequest;
use crate::state::references::{ReferenceSearch, ReferenceStep};
use crate::survey::{Survey, SurveyStep};
use crate::topic::fan_out::Search;
use crate::topic::filter_hints::FilterHints;

/// All queues, topics and subscriptions, as one state machine. [`Replay::finish`](crate::Replay::finish) makes one.
#[derive(Debug)]
pub struct Engine {
    state: State,
    volatile: Volatile,
    checkpoint: Checkpoint,
}

impl Engine {
    /// The engine that continues from a replayed state, whose latest event is of the time `latest`. The counters start at
    /// zero. After a long pause nothing is deleted for its age for an hour: the machine may have started with a wrong
    /// clock.
    pub(crate) fn resume(mut state: State, latest: Timestamp, now: Timestamp) -> Self {
        state.restoring = None;
        state.deliveries.begin_slices(state.options.deliveries_at_once_max);
        state.topics.begin_slices();
        state.changed_queues.clear();
        state.queues_mut().for_each(|queue| queue.counters = Counters::default());
        state.counters_of_deleted = Counters::default();
        state.topics.counters_of_deleted = TopicCounters::default();
        let queues: Vec<QueueId> = state.queues().map(|queue| queue.id).collect();
        state.changed_targets = queues.iter().copied().collect();
        let mut volatile = Volatile::default();
        let now = volatile.advance(now);
        if latest != Timestamp::EPOCH && now.since(latest) >= EXPIRY_HELD.duration() {
            volatile.timers.hold_expiry(now + EXPIRY_HELD);
        }
        for queue in queues {
            volatile.timers.schedule(&mut state, &volatile.waits, queue, now);
        }
        Self { state, volatile, checkpoint: Checkpoint::default() }
    }

    /// Decides one request. Answers are added to `answers`: nearly always its own, and those of receives that were
    /// waiting for what it did. A receive that has to wait is answered by a later call, and so is a request that needs a page
    /// of waiting messages which is not in memory ([`Engine::next_page_request`]).
    pub fn handle(
        &mut self,
        now: Timestamp,
        token: RequestToken,
        call: impl Into<PreparedCall>,
        journal: &mut impl Journal,
        answers: &mut impl Answers,
    ) {
        let mut decision = Decision::begin(&mut self.state, &mut self.volatile, now, journal, answers);
        if let Some(call) = decision.park(token, call.into()) {
            operation::decide(&mut decision, token, call);
        }
        decision.settle();
    }

    /// Sets the clock to a time that no call has reached, or back: by an event, so that replay does the same.
    ///
    /// What has some time left keeps that much, and what happened some time ago stays that long ago: delays, visibility
    /// timeouts, deduplication, long polls. Dates that the clock, set back, has ahead of it are corrected. If it is set
    /// forward by some minutes or more, nothing is deleted for its age for an hour.
    ///
    /// The times of queues are moved in slices, which [`Engine::tick`] goes on with.
    pub fn set_clock(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        journal: &mut impl Journal,
        answers: &mut impl Answers,
    ) {
        Decision::begin(&mut self.state, &mut self.volatile, from, journal, answers).set_clock(to);
        self.checkpoint.clock_set(&mut self.state, journal);
    }

    /// Which topics have filter policies, for [`PreparedCall::new`] on the threads that submit calls. It follows the
    /// engine's state from now on.
    #[must_use]
    pub fn filter_hints(&self) -> Arc<FilterHints> {
        Arc::clone(self.state.topics.filter_hints())
    }

    /// Forgets a request whose caller has disconnected. If it waits, it receives nothing and is not answered.
    pub fn cancel(&mut self, token: RequestToken) {
        self.volatile.waits.remove(token);
        self.volatile.push.cancel(token);
        self.volatile.paging.cancel(token);
    }

    /// The next page of waiting messages that is to be read. The caller reads the record and returns it with
    /// [`Engine::page_read`], or says with [`Engine::page_unread`] that it could not.
    pub fn next_page_request(&mut self) -> Option<PageRequest> {
        self.volatile.paging.next_request()
    }

    /// Takes in the payload of the record of a page, and decides the requests that waited for it.
    ///
    /// # Errors
    /// [`InvalidEvent`] if the payload is not that of the page. Nothing has happened then, and the page counts as being
    /// read: the caller goes on with [`Engine::page_unread`].
    pub fn page_read(
        &mut self,
        now: Timestamp,
        request: PageRequest,
        payload: &Bytes,
        journal: &mut impl Journal,
        answers: &mut impl Answers,
    ) -> Result<(), InvalidEvent> {
        let loaded = self.state.load_page(request, payload, journal);
        loaded.map_err(|reason| InvalidEvent { kind: kind::PageStored, reason })?;
        let mut decision = Decision::begin(&mut self.state, &mut self.volatile, now, journal, answers);
        go_on(&mut decision, request);
        decision.settle();
        Ok(())
    }

    /// Notes that a page cannot be read for now. It is asked for again at `again`. Requests that waited for it are answered
    /// with [`Fault::Throttled`]; receives that wait in their queue go on waiting.
    pub fn page_unread(
        &mut self,
        now: Timestamp,
        request: PageRequest,
        again: Timestamp,
        journal: &mut impl Journal,
        answers: &mut impl Answers,
    ) {
        let mut decision = Decision::begin(&mut self.state, &mut self.volatile, now, journal, answers);
        decision.page_failed(request, again);
        decision.settle();
    }

    /// Decides the requests that waited for a page which is not wanted any more: [`Engine::wants_page`] said so.
    pub fn page_unwanted(
        &mut self,
        now: Timestamp,
        request: PageRequest,
        journal: &mut impl Journal,
        answers: &mut impl Answers,
    ) {
        let mut decision = Decision::begin(&mut self.state, &mut self.volatile, now, journal, answers);
        go_on(&mut decision, request);
        decision.settle();
    }

    /// Whether a page is still to be read: no page of that record is in memory, and messages are left in it.
    #[must_use]
    pub fn wants_page(&self, request: PageRequest) -> bool {
        self.state.is_spilled(request)
    }

    /// The pages of the waiting messages of all queues.
    #[must_use]
    pub fn index(&self) -> IndexOverview {
        self.state.budget.overview()
    }

    /// How many requests wait for pages.
    #[must_use]
    pub fn parked_requests(&self) -> usize {
        self.volatile.paging.parked()
    }

    /// Forgets all requests that wait for pages. None of them is answered.
    pub fn forget_parked(&mut self) {
        self.volatile.paging.cancel_all();
    }

    /// Whether [`Engine::spill`] is to be called: the lists of waiting messages take more memory than
    /// [`IndexOptions::bytes_max`](crate::IndexOptions::bytes_max).
    #[must_use]
    pub fn is_spill_due(&self) -> bool {
        self.volatile.paging.is_spill_due(&self.state.budget)
    }

    /// Stores some pages of the longest list in the journal and drops them from memory, at most one record of them.
    pub fn spill(&mut self, now: Timestamp, journal: &mut impl Journal, answers: &mut impl Answers) {
        let except = self.checkpoint.queue_under_way();
        let mut decision = Decision::begin(&mut self.state, &mut self.volatile, now, journal, answers);
        decision.spill(except);
        decision.settle();
    }

    /// Does what is due: visibility timeouts and delays, retention, ends of long polls, tokens of rate limits, move
    /// tasks, subscriptions that were not confirmed, publications that go to many queues, topics that had many subscriptions
    /// when they were deleted. The work of one call is bounded.
    /// While there is more, [`Engine::next_deadline`] stays in the past.
    pub fn tick(&mut self, now: Timestamp, journal: &mut impl Journal, answers: &mut impl Answers) {
        Decision::begin(&mut self.state, &mut self.volatile, now, journal, answers).do_what_is_due();
    }

    /// Whether a publication takes several turns and can go on: [`Engine::publish_some`] is to be called.
    #[must_use]
    pub fn has_publications(&self) -> bool {
        self.volatile.publishing.is_ready()
    }

    /// Does the next step of a publication that takes several turns. Its work is bounded, but for the events of the
    /// publication, which are written in one step.
    pub fn publish_some(&mut self, now: Timestamp, journal: &mut impl Journal, answers: &mut impl Answers) {
        Decision::begin(&mut self.state, &mut self.volatile, now, journal, answers).publish_some();
    }

    /// The next search for the recipients of a message that takes long. The caller calls [`Search::run`], on any thread,
    /// and returns the search with [`Engine::searched`].
    pub fn take_search(&mut self) -> Option<Search> {
        self.volatile.publishing.take_search()
    }

    /// The next value that is of no use any more, to be dropped on any thread. The caller asks until there is none.
    pub fn take_discarded(&mut self) -> Option<Discarded> {
        self.state.discarded.pop()
    }

    /// Takes back a search that has run.
    pub fn searched(&mut self, search: Search) {
        self.volatile.publishing.searched(&mut self.state, search);
    }

    /// Decides later requests by other identity policies. A replay does not depend on them, because access is decided
    /// before events are emitted.
    pub fn set_identities(&mut self, identities: Arc<IdentityPolicies>) {
        self.state.options.identities = identities;
    }

    /// When [`Engine::tick`] is to be called next. `None` if nothing will be due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.state.has_work() {
            return Some(Timestamp::EPOCH);
        }
        let lapse = self.state.topics.next_lapse().map(|(due, _)| self.volatile.timers.expiry(due));
        let producers = self.state.producers.next_deadline();
        let pages = self.volatile.paging.next_retry();
        self.volatile.timers.next().into_iter().chain(lapse).chain(producers).chain(pages).min()
    }

    /// Sets messages aside whose records cannot be read: no receive takes them any more, and they stay until they are
    /// dropped. Returns those that were set aside. A message that was deleted meanwhile, or that another receive has in
    /// flight, is left as it is.
    pub fn set_aside(
        &mut self,
        now: Timestamp,
        unreadable: &[Unreadable],
        journal: &mut impl Journal,
        answers: &mut dyn Answers,
    ) -> Vec<DamagedMessage> {
        let mut decision = Decision::begin(&mut self.state, &mut self.volatile, now, journal, answers);
        let done = decision.set_aside(unreadable);
        decision.settle();
        done
    }

    /// Undoes receives of messages whose records cannot be read for now, and that no consumer gets. They come back
    /// at `until`.
    pub fn give_back(
        &mut self,
        now: Timestamp,
        unread: (&[ReceiptHandle], Timestamp),
        journal: &mut impl Journal,
        answers: &mut dyn Answers,
    ) {
        let (handles, until) = unread;
        let mut decision = Decision::begin(&mut self.state, &mut self.volatile, now, journal, answers);
        decision.give_back(handles, until);
        decision.settle();
    }

    /// Looks for messages whose bodies lie in these records, at about `budget` messages of all queues from `from` on,
    /// and appends them to `found`. Returns where to go on; `None` when all have been looked at.
    pub fn search_bodies(
        &self,
        records: &RecordRanges,
        from: SearchFrom,
        budget: usize,
        found: &mut Vec<(DamagedId, BodyRef)>,
    ) -> Option<SearchFrom> {
        self.state.search_bodies(records, from, budget, found)
    }

    /// Does the next step of a search for references, in which it looks at about `budget` messages.
    pub fn search_references(&self, search: &mut ReferenceSearch, budget: usize) -> ReferenceStep {
        self.state.search_references(search, budget)
    }

    /// Whether references are still to be released that no search for references finds: those of messages that were purged, and
    /// of queues and topics that were deleted.
    #[must_use]
    pub fn has_releases(&self) -> bool {
        self.state.has_releases()
    }

    /// Has the lists of waiting messages leave this much of their memory to the table of moved records, in bytes.
    pub fn share_index(&mut self, bytes: u64) {
        self.state.budget.share(bytes);
    }

    /// The address of a queue. `None` if it does not exist.
    #[must_use]
    pub fn address_of(&self, queue: QueueId) -> Option<&QueueAddress> {
        self.state.get(queue).map(|queue| &*queue.address)
    }

    /// The bodies of the damaged messages of all queues, in the order of their ids.
    pub fn damaged_bodies(&self) -> impl Iterator<Item = BodyRef> {
        self.state
            .damaged_from(QueueId::new(0))
            .flat_map(|queue| queue.damaged.after(None))
            .map(|(_, damaged)| damaged.body)
    }

    /// The damaged messages of all queues, in the order of their ids.
    pub fn damaged(&self) -> impl Iterator<Item = DamagedMessage> {
        self.state.damaged_after(None)
    }

    /// Goes on with a look that needs a page ([`Outcome::PeekPage`]). `payload` is that of the page's record; `None` if it
    /// cannot be read: what it lists is then shown as such. The look may need another page. Returns with the outcome the
    /// record that must be durable before it leaves: more may have happened since the look began.
    #[must_use]
    pub fn peek(
        &mut self,
        now: Timestamp,
        (peek, page): (&PeekMessages, PageRequest),
        payload: Option<&Bytes>,
        journal: &mut impl Journal,
        answers: &mut impl Answers,
    ) -> (Outcome, Position) {
        let mut decision = Decision::begin(&mut self.state, &mut self.volatile, now, journal, answers);
        decision.advance(page.queue());
        let outcome = match decision.state().get(page.queue()) {
            None => Outcome::Reply(Err(Fault::QueueDoesNotExist)),
            Some(queue) => {
                let stored = payload.and_then(|payload| PageStored::of_record(payload).ok());
                let stored = stored.filter(|stored| stored.queue == queue.id);
                let brought = queue.messages.bring(page.page, stored.map(|stored| stored.messages));
                peeking::peek(queue, peek, brought.as_ref(), decision.now)
            }
        };
        let after = decision.end();
        decision.settle();
        (outcome, after)
    }

    /// Whether a queue holds a message, in memory, in a page or set aside.
    #[must_use]
    pub fn holds(&self, MessageName { queue, message }: MessageName) -> bool {
        self.state.get(queue).is_some_and(|queue| {
            queue.messages.get(message).is_some()
                || queue.messages.page_of(message).is_some()
                || queue.damaged.contains(message)
        })
    }

    /// Answers all receives that wait, as if their time were up.
    pub fn end_waits(&mut self, answers: &mut impl Answers) {
        self.volatile.waits.take_all().map(nothing).for_each(|answer| answers.push(answer));
        for (token, changes) in self.volatile.push.take_all() {
            let outcome = Outcome::Reply(Ok(Reply::PushChanges(changes)));
            answers.push(Answer { token, outcome, after: Position::ZERO });
        }
    }

    /// Writes the next slice of a checkpoint, of about `budget` messages. Begins a checkpoint if none is being written.
    /// Requests may be handled between any two slices.
    pub fn checkpoint(&mut self, now: Timestamp, journal: &mut impl Journal, budget: usize) -> CheckpointStep {
        let now = self.volatile.advance(now);
        self.checkpoint.write(&mut self.state, now, journal, budget)
    }

    /// A digest of the durable state at `now`. Two engines with equal digests are in the same state.
    ///
    /// `read` returns the payload of the record of a page that is not in memory.
    #[must_use]
    pub fn digest(&self, now: Timestamp, read: &dyn Fn(BodyRef) -> Bytes) -> [u8; 16] {
        digest::of(&self.state, now, read)
    }

    /// Panics unless all indices agree with what they index. For tests: it looks at everything.
    #[cfg(any(test, debug_assertions))]
    pub fn check(&self) {
        self.state.check();
        self.volatile.check(&self.state);
    }

    /// Looks at up to `budget` more queues and topics of a survey. Requests may be handled between any two calls.
    #[must_use]
    pub fn survey(&self, survey: Survey, now: Timestamp, budget: usize) -> SurveyStep {
        survey.advance(&self.state, &self.volatile.waits, now, budget)
    }

    /// The time of the latest call.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.volatile.now()
    }

    /// Receives of clients that wait for messages, in all queues.
    #[must_use]
    pub fn waiting_receives(&self) -> usize {
        self.volatile.waits.len()
    }

    /// How many queues there are, internal ones included.
    #[must_use]
    pub fn queue_count(&self) -> usize {
        self.state.queue_count()
    }

    /// How many messages there are in all queues.
    #[must_use]
    pub fn message_count(&self) -> u64 {
        self.state.queues().map(|queue| queue.messages.len() as u64).sum()
    }
}

/// Goes on with what waits for a page that was read, or that is not wanted any more.
fn go_on(decision: &mut Decision<'_>, request: PageRequest) {
    for (token, call) in decision.page_came(request) {
        if let Some(call) = decision.park(token, call) {
            operation::decide(decision, token, call);
        }
    }
    decision.go_on(request.queue());
}
