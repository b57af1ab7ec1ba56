//! Looking at all queues and topics, in slices between requests.
//!
//! An [`Overview`] of 50,000 queues takes tens of milliseconds, because each queue lies elsewhere in memory. No request
//! waits for all of it: [`Engine::survey`](crate::Engine::survey) looks at a bounded number of queues and topics in one
//! call. Other calls may lie between any two, so the figures of two queues may be from different moments. Those of one
//! queue are from one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use posthouse_model::{QueueId, Timestamp, TopicAddress};

use crate::decision::waits::Waits;
use crate::overview::{Overview, QueueOverview, TopicOverview};
use crate::queue::Queue;
use crate::state::State;
use crate::topic::Topic;

/// An [`Overview`] that is being made.
#[derive(Debug)]
pub struct Survey {
    overview: Overview,
    listed_max: usize,
    part: Part,
    /// Messages that wait to be pushed, by topic: the sums over the internal queues that were seen.
    undelivered: BTreeMap<Arc<TopicAddress>, u64>,
}

/// How far a survey has come.
#[derive(Debug)]
pub enum SurveyStep {
    /// There is more to look at: call [`Engine::survey`](crate::Engine::survey) again.
    More(Survey),
    /// All queues and topics were seen.
    Done(Overview),
}

/// What is looked at next.
#[derive(Debug)]
enum Part {
    /// The first queue whose number is at least this.
    Queue(QueueId),
    /// The topic after this one. Topics come after queues, which hold what waits to be pushed.
    Topic(Option<Arc<TopicAddress>>),
}

impl Survey {
    /// A survey that has seen nothing yet, and lists `listed_max` queues and as many topics at most. Its sums are over
    /// all.
    #[must_use]
    pub fn new(listed_max: usize) -> Self {
        let part = Part::Queue(QueueId::new(0));
        Self { overview: Overview::default(), listed_max, part, undelivered: BTreeMap::new() }
    }

    /// Looks at up to `budget` queues and topics.
    pub(crate) fn advance(mut self, state: &State, waits: &Waits, now: Timestamp, budget: usize) -> SurveyStep {
        for _ in 0..budget {
            match &self.part {
                Part::Queue(from) => match state.first_from(*from) {
                    Some(id) => {
                        self.part = id.next().map_or(Part::Topic(None), Part::Queue);
                        if let Some(queue) = state.get(id) {
                            self.see_queue(state, (queue, waits.line_length(id)), now);
                        }
                    }
                    None => self.part = Part::Topic(None),
                },
                Part::Topic(after) => match state.topics.after(after.as_deref()) {
                    Some(topic) => self.see_topic(topic),
                    None => {
                        self.overview.all_queues.counters += state.counters_of_deleted;
                        self.overview.all_topics.counters += state.topics.counters_of_deleted;
                        return SurveyStep::Done(self.overview);
                    }
                },
            }
        }
        SurveyStep::More(self)
    }

    fn see_queue(&mut self, state: &State, (queue, waiting): (&Queue, usize), now: Timestamp) {
        let damaged = queue.damaged.len() as u64;
        self.overview.damaged += damaged;
        if queue.address.name.is_internal() {
            let messages = queue.messages.len() as u64;
            if messages > 0
                && let Some((topic, _)) = state.topics.queue_of_subscription(queue.id)
            {
                *self.undelivered.entry(Arc::clone(topic)).or_default() += messages;
            }
            return;
        }
        let (visible, in_flight, delayed) =
            (queue.messages.visible() as u64, queue.messages.in_flight() as u64, queue.messages.delayed() as u64);
        let all = &mut self.overview.all_queues;
        all.count += 1;
        all.visible += visible;
        all.in_flight += in_flight;
        all.delayed += delayed;
        all.counters += queue.counters;
        if self.overview.queues.len() < self.listed_max {
            let oldest_sent = queue.messages.oldest();
            self.overview.queues.push(QueueOverview {
                id: queue.id,
                address: Arc::clone(&queue.address),
                visible,
                in_flight,
                delayed,
                damaged,
                waiting: waiting as u64,
                oldest_sent,
                oldest_age: oldest_sent.map(|sent| now.since(sent)),
                counters: queue.counters,
            });
        }
    }

    fn see_topic(&mut self, topic: &Topic) {
        let address = Arc::clone(&topic.definition.address);
        let undelivered = self.undelivered.remove(&address).unwrap_or_default();
        let (confirmed, pending) = (topic.confirmed() as u64, topic.pending() as u64);
        let all = &mut self.overview.all_topics;
        all.count += 1;
        all.confirmed += confirmed;
        all.pending += pending;
        all.undelivered += undelivered;
        all.counters += topic.counters;
        if self.overview.topics.len() < self.listed_max {
            let (address, counters) = (Arc::clone(&address), topic.counters);
            self.overview.topics.push(TopicOverview { address, confirmed, pending, undelivered, counters });
        }
        self.part = Part::Topic(Some(address));
    }
}
