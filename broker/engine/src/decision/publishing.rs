//! Publications to topics. Most are decided at once. One that has many recipients, or whose filter policies take much
//! work, takes several turns of the core loop, so that other requests are answered in between:
//!
//! ```text
//! Waiting --> Matching (on another thread) --> Collecting, in slices --> Collected --> its events
//!    |                                            ^
//!    +--------------------------------------------+   if matching is little work
//! ```
//!
//! The recipients of a publication are the subscriptions when its matching or collecting begins. Nothing of it is durable
//! before its events are written, all in one turn: a crash before that leaves nothing of it, and no answer was given.
//! `crate::state::deliveries` says how it gets into its queues after that.
//!
//! The requests to one topic form a line, and only the first goes on: publications keep their order. Topics take turns.

pub(crate) mod batch;
pub(crate) mod recipients;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use posthouse_filter::{Allowance, Unfinished};
use posthouse_model::fault::SnsResource;
use posthouse_model::message::DeduplicationKey;
use posthouse_model::operation::{BatchEntryId, BatchReply, PublishTarget, Published, Reply};
use posthouse_model::{
    Fault, Publication, QueueId, SequenceNumber, SnsFault, StoredMessage, SubscriptionId, TopicAddress,
};

use super::numbering::Numbers;
use super::{Decision, Scratch};
use crate::answer::{Outcome, RequestToken};
use crate::discarded::Discarded;
use crate::journal::Position;
use crate::producer::Exception;
use crate::refusal::Refusal;
use crate::state::State;
use crate::state::removals::Removals;
use crate::topic::Topic;
use crate::topic::fan_out::{Found, Matched, Matches, Occupant, Search, Target};
use crate::topic::message_events::MessageEvents;
use crate::topic::subscription::Subscription;
use batch::messages_sent;
use recipients::{Envelope, Recipients, Written};

/// Messages of one request that one turn publishes at most.
const ENTRIES_PER_TURN: usize = 64;

/// Subscriptions that one slice collects at most. Each takes some hundred nanoseconds.
const SLICE: usize = 1_000;

/// As many subscriptions as one that needs the policy of its queue to be evaluated.
const FOREIGN_COST: usize = 10;

/// The work of matching that one request may cause: up to some seconds on the thread that matches. The policies of a
/// topic are limited to what one message can be matched with in a fraction of that.
const REQUEST_WORK_MAX: u64 = 20_000_000;

/// Requests that may wait at once.
const REQUESTS_MAX: usize = 10_000;

/// Bytes of messages in requests that wait.
const WAITING_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What one request may do at once, in the turn in which it comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtOnce {
    recipients: usize,
}

impl AtOnce {
    /// Whether the next message is left to the next turn.
    const fn is_low(&self) -> bool {
        self.recipients == 0
    }
}

/// What came of the beginning of a publication.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It is published. The answer waits for the position.
    Published(Published, Position),
    /// It takes more turns.
    Later(Stage),
}

/// How far the publication is that a request is about.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Nothing is done.
    Waiting,
    /// Its filter policies are being matched elsewhere. These subscriptions have none.
    Matching(Vec<u32>),
    Collecting(Collecting),
    /// All recipients are known.
    Collected(Collecting),
}

/// Recipients that are being collected.
#[derive(Debug)]
pub(crate) struct Collecting {
    slots: Vec<u32>,
    next: usize,
    recipients: Recipients,
    /// How many deleted queues the state had noted when this began.
    removed: usize,
}

/// A request to publish to a topic.
#[derive(Debug)]
pub(crate) struct PublishRequest {
    pub(crate) token: RequestToken,
    pub(crate) entries: Vec<Entry>,
    /// The results of the first entries.
    pub(crate) results: Vec<Result<Published, Fault>>,
    /// What the answer waits for.
    pub(crate) after: Position,
    pub(crate) form: Form,
    pub(crate) stage: Stage,
}

/// One message of a request.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What is published, or why nothing is.
    pub(crate) publication: Result<Publication, Fault>,
    pub(crate) events: MessageEvents,
}

/// How a request is answered.
#[derive(Debug)]
pub(crate) enum Form {
    One,
    Batch(Vec<BatchEntryId>),
    /// The batch of a native producer.
    Messages(Numbers),
    /// The batch of a native producer, of which nothing is decided.
    Refused(Fault),
}

/// The requests to one topic.
#[derive(Debug)]
struct Line {
    address: Arc<TopicAddress>,
    /// The number of the topic's fan-out. Another topic of the same name has another one.
    table: u64,
    requests: VecDeque<PublishRequest>,
    allowance: Allowance,
    /// Whether it waits for the topic's indices.
    is_blocked: bool,
}

/// The publications that take several turns.
#[derive(Debug, Default)]
pub(crate) struct Publishing {
    lines: BTreeMap<Arc<TopicAddress>, Line>,
    /// The topics whose line is not blocked, in the order of their turns.
    ready: VecDeque<Arc<TopicAddress>>,
    /// Searches to be run elsewhere.
    searches: VecDeque<Search>,
    requests: usize,
    bytes: u64,
}

impl Publishing {
    /// Whether a publication can go on.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next search to run elsewhere.
    pub(crate) fn take_search(&mut self) -> Option<Search> {
        self.searches.pop_front()
    }

    /// Takes a search back that has run. The publication that it is for goes on.
    pub(crate) fn searched(&mut self, state: &mut State, mut search: Search) {
        let (address, table, found) = (Arc::clone(&search.topic), search.table, search.take_found());
        let topic = state.topics.get_mut(&address).filter(|topic| topic.fan_out().number() == table);
        // Of a topic that was deleted, the indices are dropped elsewhere.
        let Some(topic) = topic else {
            state.discarded.push(Discarded::from(search));
            return self.unblock(&address);
        };
        self.searches.extend(topic.fan_out_mut().take_back(search));
        let line = self.lines.get_mut(&address).filter(|line| line.table == table);
        if let (Some(found), Some(line)) = (found, line) {
            line.found(found, topic, &mut state.removals);
        }
        self.unblock(&address);
    }

    /// Has the line of a topic go on, if it waits for the topic's indices.
    fn unblock(&mut self, topic: &TopicAddress) {
        if let Some(line) = self.lines.get_mut(topic).filter(|line| line.is_blocked) {
            line.is_blocked = false;
            self.ready.push_back(Arc::clone(&line.address));
        }
    }
}

impl Line {
    /// Takes what the search for the first request has found.
    fn found(&mut self, found: Found, topic: &mut Topic, removals: &mut Removals) {
        let Some(request) = self.requests.front_mut() else { return };
        let Stage::Matching(unfiltered) = &mut request.stage else { return };
        self.allowance = found.allowance;
        match found.slots {
            Ok(mut slots) => {
                slots.append(unfiltered);
                request.stage = Stage::Collecting(Collecting::new(slots, removals.watch()));
            }
            Err(unfinished) => {
                request.refuse(refusal(unfinished));
                topic.fan_out_mut().unpin();
            }
        }
    }
}

impl PublishRequest {
    fn bytes(&self) -> u64 {
        self.entries.iter().flat_map(|entry| &entry.publication).map(|message| u64::from(message.size_bytes())).sum()
    }

    fn is_done(&self) -> bool {
        self.results.len() == self.entries.len() || matches!(self.form, Form::Refused(_))
    }
}

/// What a step of a line came to.
enum Step {
    /// The publication goes on.
    Goes(Stage),
    /// It waits for the indices of its topic.
    Blocked(Stage),
    /// It is published.
    Ended((Published, Position)),
}

impl Decision<'_> {
    /// What one request may do at once.
    pub(crate) fn at_once(&self) -> AtOnce {
        AtOnce { recipients: self.state().options.deliveries_at_once_max }
    }

    /// Publishes to a topic, if that is little work. The caller has been authorized.
    ///
    /// # Errors
    /// Why it cannot be published.
    pub(crate) fn publish_at_once(
        &mut self,
        address: &TopicAddress,
        publication: &Publication,
        events: &MessageEvents,
        at_once: &mut AtOnce,
    ) -> Result<Begun, Refusal> {
        if self.has_line(address) {
            return Ok(Begun::Later(Stage::Waiting));
        }
        self.begin_publication(address, publication, events, at_once)
    }

    /// Whether requests to a topic wait in a line, which others must join.
    pub(crate) fn has_line(&self, address: &TopicAddress) -> bool {
        let lines = &self.volatile.publishing.lines;
        !lines.is_empty() && lines.contains_key(address)
    }

    /// Has a request go on in later turns.
    ///
    /// # Errors
    /// The request if too many wait. The caller answers [`Fault::Throttled`] for what is left of it.
    pub(crate) fn publish_later(
        &mut self,
        address: &TopicAddress,
        request: Box<PublishRequest>,
    ) -> Result<(), Box<PublishRequest>> {
        let publishing = &mut self.volatile.publishing;
        let bytes = request.bytes();
        if publishing.requests >= REQUESTS_MAX
            || publishing.requests > 0 && publishing.bytes + bytes > WAITING_BYTES_MAX
        {
            self.abandon(address, &request.stage);
            return Err(request);
        }
        publishing.requests += 1;
        publishing.bytes += bytes;
        if let Some(line) = publishing.lines.get_mut(address) {
            line.requests.push_back(*request);
            return Ok(());
        }
        let table = self.topic(address).fan_out().number();
        let address = Arc::clone(&self.topic(address).definition.address);
        let (requests, allowance) = (VecDeque::from([*request]), Allowance::of(REQUEST_WORK_MAX));
        let line = Line { address: Arc::clone(&address), table, requests, allowance, is_blocked: false };
        self.volatile.publishing.lines.insert(Arc::clone(&address), line);
        self.volatile.publishing.ready.push_back(address);
        Ok(())
    }

    /// Does the next step of one publication. Settles.
    pub(crate) fn publish_some(&mut self) {
        let Some(address) = self.volatile.publishing.ready.pop_front() else { return };
        let line = self.volatile.publishing.lines.remove(&address).expect("a line that is ready exists");
        if let Some(line) = self.advance_line(line) {
            if !line.is_blocked {
                self.volatile.publishing.ready.push_back(Arc::clone(&address));
            }
            self.volatile.publishing.lines.insert(address, line);
        }
        self.settle();
    }

    /// Does the next steps of the first request of a line. `None` if the line has none left.
    fn advance_line(&mut self, mut line: Line) -> Option<Line> {
        let request = line.requests.front_mut().expect("a line has a request");
        let is_there =
            self.state().topics.find(&line.address).is_some_and(|topic| topic.fan_out().number() == line.table);
        if is_there {
            self.begin_batch(request);
        } else {
            self.end_without_topic(request);
        }
        let mut at_once = self.at_once();
        for _ in 0..ENTRIES_PER_TURN {
            if request.is_done() || at_once.is_low() {
                break;
            }
            match self.advance_request(&line.address, request, (line.allowance, &mut at_once)) {
                Ok(Step::Goes(stage)) => {
                    request.stage = stage;
                    break;
                }
                Ok(Step::Blocked(stage)) => {
                    request.stage = stage;
                    line.is_blocked = true;
                    break;
                }
                Ok(Step::Ended(published)) => request.end(Ok(published)),
                Err(result) => request.end(result.map(|published| (published, Position::ZERO))),
            }
        }
        if request.is_done() {
            let mut request = line.requests.pop_front().expect("it is the first");
            if let Form::Messages(numbers) = &mut request.form {
                self.end_numbers(numbers);
                request.after = self.end();
            }
            line.allowance = Allowance::of(REQUEST_WORK_MAX);
            self.volatile.publishing.requests -= 1;
            self.volatile.publishing.bytes -= request.bytes();
            self.answer_publication(&line.address, request);
        }
        (!line.requests.is_empty()).then_some(line)
    }

    /// Refuses what is left of a request whose topic was deleted.
    fn end_without_topic(&mut self, request: &mut PublishRequest) {
        if !request.is_done() {
            self.forget(&request.stage);
        }
        while !request.is_done() {
            request.end(Err(SnsFault::NotFound(SnsResource::Topic).into()));
        }
        if let Form::Messages(numbers) = &mut request.form {
            numbers.drop_unwritten();
        }
    }

    fn answer_publication(&mut self, address: &TopicAddress, request: PublishRequest) {
        let PublishRequest { token, entries, results, after, form, .. } = request;
        let reply = match form {
            Form::One => results.into_iter().next().expect("one entry has one result").map(Reply::Published),
            Form::Batch(ids) => Ok(Reply::PublishedBatch(BatchReply::collect(ids.into_iter().zip(results)))),
            Form::Messages(_) => {
                Ok(messages_sent(address, entries.iter().map(|entry| &entry.publication).zip(results)))
            }
            Form::Refused(fault) => Err(fault),
        };
        let after = if reply.is_ok() { after } else { Position::ZERO };
        self.answer(token, Outcome::Reply(reply), after);
    }

    /// Does the next step of a publication to a topic that exists.
    ///
    /// # Errors
    /// Why it is refused.
    fn advance_publication(
        &mut self,
        address: &Arc<TopicAddress>,
        (publication, events): (&Publication, &MessageEvents),
        (allowance, at_once): (Allowance, &mut AtOnce),
        stage: Stage,
    ) -> Result<Step, Refusal> {
        Ok(match stage {
            Stage::Waiting => match self.begin_publication(address, publication, events, at_once)? {
                Begun::Published(published, after) => Step::Ended((published, after)),
                Begun::Later(Stage::Waiting) => self.lend_indices(address, (publication, events), allowance),
                Begun::Later(stage) => Step::Goes(stage),
            },
            Stage::Matching(unfiltered) => Step::Blocked(Stage::Matching(unfiltered)),
            Stage::Collecting(collecting) => self.collect(address, publication, collecting),
            Stage::Collected(collecting) => {
                let deliveries = &self.state().deliveries;
                let may_write = if self.state().options.quotas.limit_messages() {
                    // Only what is in its queues is counted.
                    deliveries.is_empty()
                } else {
                    deliveries.has_room(collecting.recipients.len())
                };
                if !may_write {
                    return Ok(Step::Goes(Stage::Collected(collecting)));
                }
                let load = collecting.recipients.load(publication, address.account, 0);
                if let Err(refusal) = self.check_messages(address.account, load) {
                    self.abandon(address, &Stage::Collected(collecting));
                    return Err(refusal);
                }
                Step::Ended(self.write_collected(address, publication, collecting))
            }
        })
    }

    /// Sends the indices of a topic away to match a message.
    fn lend_indices(
        &mut self,
        address: &Arc<TopicAddress>,
        (publication, events): (&Publication, &MessageEvents),
        allowance: Allowance,
    ) -> Step {
        let matched = Matched { message: publication.default_message().clone(), events: events.clone(), allowance };
        let topic = self.state.topics.get_mut(address).expect("the topic was found in this decision");
        let fan_out = topic.fan_out_mut();
        match fan_out.lend(address, matched) {
            None => Step::Blocked(Stage::Waiting),
            Some(search) => {
                fan_out.pin();
                self.volatile.publishing.searches.push_back(search);
                Step::Blocked(Stage::Matching(self.topic(address).fan_out().unfiltered().to_vec()))
            }
        }
    }

    /// Checks a publication, and publishes it if it has few recipients that are quickly found. Otherwise says how it goes
    /// on: [`Stage::Waiting`] if its recipients take much work to find, or [`Stage::Collecting`].
    ///
    /// # Errors
    /// Why it cannot be published.
    fn begin_publication(
        &mut self,
        address: &TopicAddress,
        publication: &Publication,
        events: &MessageEvents,
        at_once: &mut AtOnce,
    ) -> Result<Begun, Refusal> {
        let topic = self.topic(address);
        let bytes_max = topic.definition.attributes.maximum_message_size_bytes();
        if publication.size_bytes() > bytes_max {
            return Err(Refusal::TooLong { bytes_max });
        }
        if let Some(queue) = topic.definition.deduplication_queue {
            self.advance(queue);
            let duplicate = find_duplicate(self, self.topic(address), queue, publication.default_message())?;
            if let Some((published, after)) = duplicate {
                if let Some(numbers) = &mut self.numbers {
                    numbers.except(Exception::Duplicate { message: after.message_key(), id: published.id });
                }
                return Ok(Begun::Published(published, after));
            }
            self.check_ids(queue)?;
        }
        self.with_scratch(|decision, scratch| {
            let Scratch { matching, recipients } = scratch;
            let topic = decision.state.topics.get_mut(address).expect("the topic was found in this decision");
            let fan_out = topic.fan_out_mut();
            let found = fan_out.find(publication.default_message(), events, matching).map_err(refusal)?;
            let Matches::Counted(count) = found else { return Ok(Begun::Later(Stage::Waiting)) };
            if count > at_once.recipients {
                fan_out.pin();
                let slots = fan_out.slots(matching).collect();
                let removed = decision.state.removals.watch();
                return Ok(Begun::Later(Stage::Collecting(Collecting::new(slots, removed))));
            }
            at_once.recipients -= count;
            recipients.clear();
            let fan_out = decision.topic(address).fan_out();
            for slot in fan_out.slots(matching) {
                recipients.add(decision, address, publication, &fan_out.target(slot));
            }
            decision.keep_found(address, recipients);
            decision.check_messages(address.account, recipients.load(publication, address.account, 0))?;
            recipients.sort();
            let (published, after) = decision.write_publication(address, publication, recipients, count);
            Ok(Begun::Published(published, after))
        })
    }

    /// Collects the next slice of recipients.
    fn collect(&mut self, address: &TopicAddress, publication: &Publication, mut collecting: Collecting) -> Step {
        let (mut left, fan_out) = (SLICE, self.topic(address).fan_out());
        while left > 0
            && let Some(slot) = collecting.slots.get(collecting.next)
        {
            collecting.next += 1;
            let target = match fan_out.occupant(*slot) {
                Occupant::Present(target) => Some(target),
                Occupant::Left(subscription) => self.topic(address).target_of(subscription),
            };
            if let Some(target) = target {
                left = left.saturating_sub(if target.foreign { FOREIGN_COST } else { 1 });
                collecting.recipients.add(self, address, publication, &target);
            }
        }
        self.keep_found(address, &mut collecting.recipients);
        if collecting.next < collecting.slots.len() {
            return Step::Goes(Stage::Collecting(collecting));
        }
        collecting.recipients.sort();
        Step::Goes(Stage::Collected(collecting))
    }

    /// Has the next publication find the queues at once that this one had to look for.
    fn keep_found(&mut self, address: &TopicAddress, recipients: &mut Recipients) {
        if !recipients.found.is_empty()
            && let Some(topic) = self.state.topics.get_mut(address)
        {
            recipients.found.drain(..).for_each(|(subscription, queue)| topic.set_queue(subscription, queue));
        }
    }

    /// Writes a publication whose recipients are collected.
    fn write_collected(
        &mut self,
        address: &TopicAddress,
        publication: &Publication,
        mut collecting: Collecting,
    ) -> (Published, Position) {
        let removed = self.state.removals.since(collecting.removed);
        if !removed.is_empty() {
            collecting.recipients.replace(self, address, removed);
            collecting.recipients.sort();
        }
        let (recipients, matched) = (&collecting.recipients, collecting.slots.len());
        let written = self.write_publication(address, publication, recipients, matched);
        self.state.removals.unwatch();
        if let Some(topic) = self.state.topics.get_mut(address) {
            topic.fan_out_mut().unpin();
        }
        written
    }

    /// Emits the events of a publication to `matched` subscriptions, and counts them.
    fn write_publication(
        &mut self,
        address: &TopicAddress,
        publication: &Publication,
        recipients: &Recipients,
        matched: usize,
    ) -> (Published, Position) {
        let definition = &self.topic(address).definition;
        let (deduplication_queue, signature_version) =
            (definition.deduplication_queue, definition.attributes.signature_version());
        let target = PublishTarget::Topic(address.clone());
        let envelope = Envelope { target: &target, signature_version, deduplication_queue };
        let Written { first, last } = recipients.write(self, publication, envelope);
        if let Some(topic) = self.state.topics.get_mut(address) {
            topic.counters.published += 1;
            topic.counters.matched += matched as u64;
            topic.counters.failed += recipients.failed;
        }
        let sequence_number = deduplication_queue.map(|_| SequenceNumber::in_topic(first.message_key()));
        (Published { id: publication.id(), sequence_number }, last)
    }

    /// Ends a publication that is not written, of a topic that exists.
    fn abandon(&mut self, address: &TopicAddress, stage: &Stage) {
        self.forget(stage);
        if let (Stage::Collecting(_) | Stage::Collected(_), Some(topic)) = (stage, self.state.topics.get_mut(address)) {
            topic.fan_out_mut().unpin();
        }
    }

    /// Ends the watch of a publication that is not written.
    fn forget(&mut self, stage: &Stage) {
        match stage {
            Stage::Waiting | Stage::Matching(_) => {}
            Stage::Collecting(_) | Stage::Collected(_) => self.state.removals.unwatch(),
        }
    }
}

impl PublishRequest {
    /// Notes that the message that is under way is refused.
    fn refuse(&mut self, refusal: Refusal) {
        if let Form::Messages(numbers) = &mut self.form {
            numbers.refuse(refusal);
        }
        self.end(Err(refusal.of_topic()));
    }

    /// Notes the result of the message that is under way.
    fn end(&mut self, result: Result<(Published, Position), Fault>) {
        self.stage = Stage::Waiting;
        self.results.push(result.map(|(published, after)| {
            self.after = self.after.max(after);
            published
        }));
    }
}

impl Collecting {
    fn new(slots: Vec<u32>, removed: usize) -> Self {
        let mut recipients = Recipients::default();
        recipients.clear();
        Self { slots, next: 0, recipients, removed }
    }
}

impl Topic {
    /// The row of a subscription in the fan-out, if it is confirmed.
    fn target_of(&self, id: SubscriptionId) -> Option<Target> {
        self.subscription(id).and_then(Subscription::slot).map(|slot| self.fan_out().target(slot))
    }
}

/// Why a message was not matched. It goes to no recipient. A message whose values cannot be matched within
/// the limits of filtering never can be. One of a request that has used up its work can be published by itself.
const fn refusal(unfinished: Unfinished) -> Refusal {
    match unfinished {
        Unfinished::TooManyValues => Refusal::TooManyFilterValues,
        Unfinished::TooMuchWork => Refusal::Throttled,
    }
}

/// Checks the deduplication id of a publication to a FIFO topic. Returns the answer of the original if the publication
/// is a duplicate of one in the last five minutes.
///
/// # Errors
/// If the publication has no deduplication id and the topic does not derive one from the body.
fn find_duplicate(
    decision: &Decision<'_>,
    topic: &Topic,
    deduplication_queue: QueueId,
    message: &StoredMessage,
) -> Result<Option<(Published, Position)>, Refusal> {
    let key = deduplication_key(topic, message)?;
    let queue = decision.queue(deduplication_queue);
    let original = queue.deduplication.find(key, message.group(), decision.now);
    Ok(original.map(|original| {
        let sequence_number = Some(SequenceNumber::in_topic(original.message));
        (Published { id: original.id, sequence_number }, Position::of(original.message))
    }))
}

/// The key that a FIFO topic remembers of a message.
///
/// # Errors
/// If the message has no deduplication id and the topic does not derive one from the body.
pub(crate) fn deduplication_key(topic: &Topic, message: &StoredMessage) -> Result<DeduplicationKey, Refusal> {
    let deduplicates = message.deduplication_is_explicit() || topic.definition.attributes.content_based_deduplication();
    let key = message.deduplication_key().filter(|_| deduplicates);
    key.ok_or(Refusal::DeduplicationIdMissing)
}
