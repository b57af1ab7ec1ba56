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
mod steps;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use posthouse_filter::Allowance;
use posthouse_model::fault::SnsResource;
use posthouse_model::operation::{BatchEntryId, BatchReply, Published, Reply};
use posthouse_model::{Fault, Publication, SnsFault, TopicAddress};

use super::Decision;
use super::numbering::Numbers;
use crate::answer::{Outcome, RequestToken};
use crate::discarded::Discarded;
use crate::journal::Position;
use crate::refusal::Refusal;
use crate::state::State;
use crate::state::removals::Removals;
use crate::topic::Topic;
use crate::topic::fan_out::{Found, Search};
use crate::topic::message_events::MessageEvents;
use batch::messages_sent;
use recipients::Recipients;
pub(crate) use steps::deduplication_key;
use steps::refusal;

/// Messages of one request that one turn publishes at most.
const ENTRIES_PER_TURN: usize = 64;

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

    /// Adds a search that has changes to make, and no message to match.
    pub(crate) fn add_search(&mut self, search: Search) {
        self.searches.push_back(search);
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
