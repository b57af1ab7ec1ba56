//! The engine: requests and time in, events and answers out.
//!
//! Each call makes a [`Decision`], decides (`operation`, `serve`, `moving`), and settles: whoever waits for what changed is
//! served, and timers are set. A queue has one timer, for the first of whatever is due in it; it may fire early, never
//! late.

pub(crate) mod decision;
mod moving;
pub(crate) mod push;
pub(crate) mod serve;
pub(crate) mod waits;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use posthouse_model::{QueueId, Reply, Timestamp};

use crate::answer::{Answer, MessagesReply, Outcome, RequestToken};
use crate::checkpoint::{CheckpointStep, Progress};
use crate::event::published::Recipient;
use crate::event::removed::Removed;
use crate::event::{Event, InvalidEvent};
use crate::journal::{Journal, Position};
use crate::operation;
use crate::options::Options;
use crate::overview::{Counters, Overview, QueueOverview, TopicOverview};
use crate::prepared::PreparedCall;
use crate::queue::select::Selection;
use crate::state::State;
use crate::topic::Topic;
use crate::topic::fan_out::{Matching, Target};
use crate::topic::filter_hints::FilterHints;
use decision::Decision;
use push::PushLog;
use waits::Waits;

/// Messages that one tick makes visible or expires at most; what is left is due at once.
const TICK_MESSAGES: usize = 1000;
/// Bodies of purged messages that one tick releases at most.
const TICK_RELEASES: usize = 10_000;

/// Memory that one publication leaves to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) matching: Matching,
    pub(crate) targets: Vec<Target>,
    pub(crate) recipients: Vec<Recipient>,
}

/// All queues, as one state machine.
#[derive(Debug)]
pub struct Engine {
    pub(crate) state: State,
    pub(crate) waits: Waits,
    timers: BTreeSet<(Timestamp, QueueId)>,
    now: Timestamp,
    /// Whether replay is over.
    live: bool,
    pub(crate) checkpoint: Option<Progress>,
    pub(crate) selection: Selection,
    pub(crate) push: PushLog,
    pub(crate) scratch: Scratch,
    encoded: Vec<u8>,
}

impl Engine {
    /// An engine without queues. What the journal holds is given to [`Engine::replay`] first.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            state: State::new(options),
            waits: Waits::default(),
            timers: BTreeSet::new(),
            now: Timestamp::EPOCH,
            live: false,
            checkpoint: None,
            selection: Selection::default(),
            push: PushLog::default(),
            scratch: Scratch::default(),
            encoded: Vec::new(),
        }
    }

    /// Decides one request. Answers are added to `answers`: nearly always its own, and those of receives that were
    /// waiting for what it did. A receive that has to wait is answered by a later call.
    pub fn handle(
        &mut self,
        now: Timestamp,
        token: RequestToken,
        call: impl Into<PreparedCall>,
        journal: &mut impl Journal,
        answers: &mut Vec<Answer>,
    ) {
        let mut decision = Decision::begin(self, now, journal, answers);
        operation::decide(&mut decision, token, call.into());
        decision.settle();
    }

    /// Which topics have filter policies, for [`PreparedCall::new`] on the threads that submit calls. It follows the
    /// engine's state from now on.
    #[must_use]
    pub fn filter_hints(&self) -> Arc<FilterHints> {
        Arc::clone(self.state.topics.filter_hints())
    }

    /// The caller of a request went away: if it still waits, nothing is received for it.
    pub fn cancel(&mut self, token: RequestToken) {
        self.waits.remove(token);
        self.push.cancel(token);
    }

    /// Does what is due: visibility timeouts and delays, retention, ends of long polls, tokens of rate limits, move
    /// tasks, subscriptions that nobody confirmed. The work of one call is bounded; [`Engine::next_deadline`] stays in the past while there is more.
    pub fn tick(&mut self, now: Timestamp, journal: &mut impl Journal, answers: &mut Vec<Answer>) {
        let mut decision = Decision::begin(self, now, journal, answers);
        decision.engine.state.release_some(TICK_RELEASES, decision.journal);
        let mut budget = TICK_MESSAGES.saturating_sub(decision.let_lapse());
        decision.settle();
        while budget > 0
            && let Some(&(due, queue)) = decision.engine.timers.first()
            && due <= decision.now
        {
            decision.engine.timers.pop_first();
            budget = budget.saturating_sub(decision.queue_is_due(queue, budget).max(1));
            decision.settle();
        }
    }

    /// When [`Engine::tick`] is to be called next; `None` while nothing will be due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.state.has_releases() || (!self.live && self.state.queue_count() > 0) {
            return Some(Timestamp::EPOCH);
        }
        let timer = self.timers.first().map(|(due, _)| *due);
        let lapse = self.state.topics.next_lapse().map(|(due, _)| due);
        timer.into_iter().chain(lapse).min()
    }

    /// Answers all receives that wait, as if their time were up.
    pub fn end_waits(&mut self, answers: &mut Vec<Answer>) {
        answers.extend(self.waits.take_all().map(nothing));
        answers.extend(self.push.take_all().map(|(token, changes)| Answer {
            token,
            outcome: Outcome::Reply(Ok(Reply::PushChanges(changes))),
            after: Position::ZERO,
        }));
    }

    /// Applies an event that was read back from the journal: all of them in order, from the first or from where a
    /// checkpoint says. The journal is told of references and nothing else.
    ///
    /// # Errors
    /// [`InvalidEvent`] where the event cannot be read or does not fit those before it. The engine is of no use then.
    pub fn replay(
        &mut self,
        position: Position,
        kind: u8,
        payload: &[u8],
        journal: &mut impl Journal,
    ) -> Result<(), InvalidEvent> {
        let event = Event::decode(kind, payload)?;
        self.state.apply(position, &event, journal).map_err(|reason| InvalidEvent { kind, reason })?;
        self.state.changed_queues.clear();
        self.state.changed_targets.clear();
        self.state.release_some(usize::MAX, journal);
        Ok(())
    }

    /// Writes the next slice of a checkpoint, of about `budget` messages; begins one where none is being written.
    /// Requests may be handled between any two slices.
    pub fn checkpoint(&mut self, now: Timestamp, journal: &mut impl Journal, budget: usize) -> CheckpointStep {
        let now = self.begin(now);
        self.write_checkpoint(now, journal, budget)
    }

    /// What there is in the queues.
    #[must_use]
    pub fn overview(&self, now: Timestamp) -> Overview {
        let mut queues: Vec<_> = self
            .state
            .queues()
            .filter(|queue| !queue.address.name.is_internal())
            .map(|queue| QueueOverview {
                address: queue.address.clone(),
                visible: queue.messages.visible() as u64,
                in_flight: queue.messages.in_flight() as u64,
                delayed: queue.messages.delayed() as u64,
                oldest_age: queue.messages.oldest().map(|sent| now.since(sent)),
                counters: queue.counters,
            })
            .collect();
        queues.sort_by(|a, b| a.address.cmp(&b.address));
        let topics = self.state.topics.from(None).map(|topic| self.topic_overview(topic)).collect();
        Overview { queues, topics, waiting_receives: self.waits.len() }
    }

    fn topic_overview(&self, topic: &Topic) -> TopicOverview {
        let pushed =
            topic.subscriptions_after(None).filter_map(|subscription| self.state.get(subscription.definition.queue?));
        TopicOverview {
            address: Arc::clone(&topic.address),
            confirmed: topic.confirmed(),
            pending: topic.pending(),
            undelivered: pushed.map(|queue| queue.messages.len() as u64).sum(),
            counters: topic.counters,
        }
    }

    /// How many queues there are.
    #[must_use]
    pub fn queue_count(&self) -> usize {
        self.state.queue_count()
    }

    /// How many messages there are in all queues.
    #[must_use]
    pub fn message_count(&self) -> u64 {
        self.state.queues().map(|queue| queue.messages.len() as u64).sum()
    }

    /// Time never runs backwards within one run. The first call ends replay.
    pub(crate) fn begin(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        if !self.live {
            self.live = true;
            self.state.restoring = None;
            self.state.changed_queues.clear();
            self.state.queues_mut().for_each(|queue| queue.counters = Counters::default());
            let queues: Vec<QueueId> = self.state.queues().map(|queue| queue.id).collect();
            self.state.changed_targets.clone_from(&queues);
            for queue in queues {
                self.schedule(queue, self.now);
            }
        }
        self.now
    }

    /// Writes an event down without applying it.
    pub(crate) fn append(&mut self, event: &Event<'_>, journal: &mut dyn Journal) -> Position {
        self.encoded.clear();
        event.encode(&mut self.encoded);
        match event.tail() {
            [] => journal.append(event.kind(), &[&self.encoded]),
            tail => journal.append(event.kind(), &[&self.encoded, tail]),
        }
    }

    /// Sets a queue's timer, if something is due earlier than it says.
    pub(crate) fn schedule(&mut self, id: QueueId, now: Timestamp) {
        let Some(queue) = self.state.get(id) else { return };
        let waits = self.waits.next_deadline(id);
        let served = waits.and_then(|_| {
            let rate = queue.attributes.receive_rate.zip(queue.bucket).filter(|_| self.waits.is_starved(id));
            let room = queue.messages.in_flight() < self.state.options.in_flight_max;
            match rate {
                Some((rate, bucket)) => Some(bucket.next_token(rate)),
                // Somebody waits and something is there: a receive has stopped half-way and goes on at once.
                None => (room && queue.messages.has_available()).then_some(now),
            }
        });
        let Some(due) = [queue.next_deadline(), waits, served].into_iter().flatten().min() else { return };
        let queue = self.state.get_mut(id).expect("looked up above");
        if due < queue.due {
            self.timers.remove(&(queue.due, id));
            self.timers.insert((due, id));
            queue.due = due;
        }
    }
}

impl Decision<'_> {
    /// Does what is due in one queue; says how many messages that concerned.
    fn queue_is_due(&mut self, id: QueueId, budget: usize) -> usize {
        let now = self.now;
        let Some(queue) = self.engine.state.get_mut(id) else { return 0 };
        queue.due = Timestamp::NEVER;
        let mut done = queue.messages.advance(now, budget);
        queue.deduplication.advance(now);
        queue.attempts.advance(now);
        done += self.expire(id, budget);
        done += self.move_messages(id);
        self.serve(id);
        while let Some(token) = self.engine.waits.pop_overdue(id, now) {
            self.answers.push(nothing(token));
        }
        self.engine.state.changed_queues.push(id);
        done
    }

    /// Drops messages that are older than their queue keeps them, in whatever state.
    fn expire(&mut self, id: QueueId, budget: usize) -> usize {
        let queue = self.queue(id);
        let retention = queue.attributes.message_retention.seconds().duration();
        let bound = self.now.since(Timestamp::EPOCH).checked_sub(retention);
        let expired = bound.map(|bound| queue.messages.sent_by(Timestamp::EPOCH + bound, budget)).unwrap_or_default();
        if !expired.is_empty() {
            let messages = Cow::Borrowed(expired.as_slice());
            self.emit(&Event::Expired(Removed { queue: id, time: self.now, messages }));
        }
        expired.len()
    }
}

/// The answer to a receive that found nothing.
pub(crate) const fn nothing(token: RequestToken) -> Answer {
    Answer {
        token,
        outcome: Outcome::Messages { messages: Vec::new(), reply: MessagesReply::Receive },
        after: Position::ZERO,
    }
}
