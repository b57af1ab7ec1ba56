//! What time alone brings about: visibility timeouts and delays that end, messages that expire, long polls that end,
//! tokens of rate limits, slices of move tasks, subscriptions that lapse, bodies that are still to be released,
//! publications that are still to be put into queues, subscriptions of deleted topics that are still to be forgotten, and
//! subscriptions of changed topics that are still to be visited.
//!
//! A queue has one timer, for the first of all that is due in it. It may fire early, never late: [`Timers::schedule`]
//! only ever moves it forward, and the queue sets it anew when it fires. While the clock is being set, timers wait until
//! the times of all queues are moved.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use posthouse_model::{QueueId, Timestamp};

use super::Decision;
use super::waits::Waits;
use crate::answer::{Answer, MessagesReply, Outcome, RequestToken};
use crate::event::Event;
use crate::event::removed::Removed;
use crate::event::topic::SubscriptionDeleted;
use crate::journal::Position;
use crate::queue::bucket::Lack;
use crate::shift::Shift;
use crate::state::State;

/// Messages that one tick makes visible or expires at most; what is left is due at once.
const TICK_MESSAGES: usize = 1000;
/// Bodies of deleted messages that one tick releases at most.
const TICK_RELEASES: usize = 10_000;
/// Unconfirmed subscriptions that one tick deletes at most.
const LAPSES_MAX: usize = 100;

/// When each queue is looked at next. `Queue::due` repeats the time of a queue's timer, or says never.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queues: BTreeSet<(Timestamp, QueueId)>,
    /// Nothing is deleted for its age before this time: the clock was set forward, and may be wrong.
    expiry_from: Timestamp,
}

impl Timers {
    /// When the first queue is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.queues.first().map(|(due, _)| *due)
    }

    fn pop_due(&mut self, now: Timestamp) -> Option<QueueId> {
        let (due, _) = self.queues.first()?;
        if *due > now {
            return None;
        }
        self.queues.pop_first().map(|(_, queue)| queue)
    }

    /// Panics unless each timer is that of its queue, and each queue that is due has one.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self, state: &State) {
        let queues = state.queues().filter(|queue| queue.due != Timestamp::NEVER).map(|queue| (queue.due, queue.id));
        let timers = self.queues.iter().filter(|(_, queue)| state.get(*queue).is_some()).copied();
        assert_eq!(timers.collect::<BTreeSet<_>>(), queues.collect(), "timers of queues that exist");
    }

    /// Sets a queue's timer if something in it is due before the timer would fire.
    pub(crate) fn schedule(&mut self, state: &mut State, waits: &Waits, id: QueueId, now: Timestamp) {
        let Some(due) = self.next_deadline(state, waits, id, now) else { return };
        let queue = state.get_mut(id).expect("it has a deadline");
        if due < queue.due {
            self.queues.remove(&(queue.due, id));
            self.queues.insert((due, id));
            queue.due = due;
        }
    }

    /// Holds expiry back until this time.
    pub(crate) fn hold_expiry(&mut self, until: Timestamp) {
        self.expiry_from = until;
    }

    /// Whether what is too old may be deleted at `now`.
    pub(crate) fn may_expire(&self, now: Timestamp) -> bool {
        self.expiry_from <= now
    }

    /// When something expires that is too old at `due`.
    pub(crate) fn expiry(&self, due: Timestamp) -> Timestamp {
        due.max(self.expiry_from)
    }

    /// Keeps how long expiry is still held back when the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        self.expiry_from = shift.moved(self.expiry_from);
    }

    /// When the next thing is due in a queue, for itself or for a receive that waits. `None` if there is nothing or no
    /// queue.
    fn next_deadline(&self, state: &State, waits: &Waits, id: QueueId, now: Timestamp) -> Option<Timestamp> {
        let queue = state.get(id)?;
        let overdue = waits.next_deadline(id);
        let served = overdue.and_then(|_| {
            let metered = queue.attributes.receive_rate.zip(queue.bucket).filter(|_| waits.lack(id) == Lack::Tokens);
            let room = queue.messages.in_flight() < state.options.in_flight_max;
            match metered {
                Some((rate, bucket)) => Some(bucket.next_token(rate)),
                // A receive is waiting and a message is available, so `serve` stopped at a limit. It goes on now.
                None => (room && queue.messages.has_available() && !queue.awaits_page).then_some(now),
            }
        });
        [queue.next_deadline(self.expiry_from), overdue, served].into_iter().flatten().min()
    }
}

impl Decision<'_> {
    /// Sets a queue's timer if something in it is due before the timer would fire.
    pub(crate) fn schedule(&mut self, queue: QueueId) {
        self.volatile.timers.schedule(self.state, &self.volatile.waits, queue, self.now);
    }

    /// Does what is due by now, up to the limits of one tick, and settles. What is left stays due.
    pub(crate) fn do_what_is_due(&mut self) {
        self.state.release_some(TICK_RELEASES, self.journal);
        self.state.deliver_some(self.state.options.deliveries_per_tick, self.journal);
        self.state.forget_some(self.state.options.forgotten_per_tick);
        self.visit_changed();
        self.state.producers.advance(self.now, TICK_MESSAGES);
        self.volatile.paging.retry(self.now);
        let mut budget = TICK_MESSAGES.saturating_sub(self.delete_lapsed());
        self.settle();
        // Timers were set by a clock that was set since, until its queues' times are moved. If it was set forward, most of
        // them are due, and nothing in their queues is.
        if self.state.deliveries.is_clock_under_way() {
            return;
        }
        while budget > 0
            && let Some(queue) = self.volatile.timers.pop_due(self.now)
        {
            budget = budget.saturating_sub(self.queue_is_due(queue, budget).max(1));
            self.settle();
        }
    }

    /// Does what is due in one queue, and marks the queue as changed so that its timer is set anew. Returns how many
    /// messages that concerned.
    fn queue_is_due(&mut self, id: QueueId, budget: usize) -> usize {
        let now = self.now;
        self.state.catch_up(id, self.journal);
        let Some(queue) = self.state.get_mut(id) else { return 0 };
        queue.due = Timestamp::NEVER;
        let mut done = queue.messages.advance(now, budget);
        queue.deduplication.advance(now);
        queue.attempts.advance(now);
        self.move_window(id);
        done += self.expire(id, budget);
        done += self.move_messages(id);
        self.serve(id);
        while let Some(token) = self.volatile.waits.pop_overdue(id, now) {
            self.answers.push(nothing(token));
        }
        self.state.changed_queues.push(id);
        done
    }

    /// Does what is due in a queue and has waited for a page. Does nothing if the queue does not exist.
    pub(crate) fn go_on(&mut self, id: QueueId) {
        self.advance(id);
        if self.state.get(id).is_some() {
            self.move_window(id);
            self.expire(id, TICK_MESSAGES);
            self.move_messages(id);
        }
    }

    /// Drops up to `budget` messages that are older than the queue's retention period, in any state. Returns how many.
    fn expire(&mut self, id: QueueId, budget: usize) -> usize {
        if !self.volatile.timers.may_expire(self.now) {
            return 0;
        }
        let retention = self.queue(id).attributes.message_retention.seconds().duration();
        let Some(bound) = self.now.since(Timestamp::EPOCH).checked_sub(retention) else { return 0 };
        let bound = Timestamp::EPOCH + bound;
        let Some(queue) = self.state.get_mut(id) else { return 0 };
        let expired = queue.messages.sent_by(bound, budget);
        if expired.len() < budget {
            self.want_aged(id, bound);
        }
        if !expired.is_empty() {
            let messages = Cow::Borrowed(expired.as_slice());
            self.emit(&Event::Expired(Removed { queue: id, time: self.now, messages }));
        }
        expired.len()
    }

    /// Deletes subscriptions that were not confirmed in time, or whose end can no longer be undone. Returns how many,
    /// at most [`LAPSES_MAX`].
    fn delete_lapsed(&mut self) -> usize {
        let mut done = 0;
        while done < LAPSES_MAX
            && self.volatile.timers.may_expire(self.now)
            && let Some((due, id)) = self.state.topics.next_lapse()
            && due <= self.now
        {
            let topic = self.state.topics.of_subscription(id).map(Arc::clone);
            let topic = (*topic.expect("the index of the unconfirmed holds subscriptions that exist")).clone();
            self.emit(&Event::SubscriptionDeleted(SubscriptionDeleted { time: self.now, id, topic }));
            done += 1;
        }
        done
    }
}

/// The answer to a receive that found nothing.
pub(crate) const fn nothing(token: RequestToken) -> Answer {
    let outcome = Outcome::Messages { messages: Vec::new(), reply: MessagesReply::Receive };
    Answer { token, outcome, after: Position::ZERO }
}
