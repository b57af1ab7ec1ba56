//! Receives that wait for messages: their order and their deadlines. Nothing here is durable.
//!
//! Invariants, which `Waits::check` looks at: each token names a receive of one line; a line holds its receives by
//! arrival and by deadline; a line without receives is dropped.

use std::collections::{BTreeMap, BTreeSet};

use posthouse_model::message::ClientId;
use posthouse_model::{MessageCount, QueueId, Timestamp, VisibilityTimeout};

use crate::answer::RequestToken;
use crate::queue::bucket::Lack;
use crate::shift::Shift;

/// What a receive asks for.
#[derive(Clone, Debug)]
pub(crate) struct Receive {
    pub(crate) messages_max: MessageCount,
    pub(crate) visibility_timeout: Option<VisibilityTimeout>,
    pub(crate) attempt: Option<ClientId>,
    /// Whether it is a receive of push delivery. There are as many of these as push targets, so `Options::waiters_max`
    /// does not count them.
    pub(crate) is_internal: bool,
    /// Whether it is a receive of a client that waits without an end. It is answered when the rights to its queue may have
    /// changed, so that its caller asks again.
    pub(crate) is_standing: bool,
}

/// A receive that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) token: RequestToken,
    pub(crate) receive: Receive,
    deadline: Timestamp,
}

/// The receives that wait for one queue.
#[derive(Debug, Default)]
struct Line {
    waiters: BTreeMap<u64, Waiter>,
    deadlines: BTreeSet<(Timestamp, u64)>,
    lack: Lack,
}

/// All receives that wait.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    lines: BTreeMap<QueueId, Line>,
    tokens: BTreeMap<RequestToken, (QueueId, u64)>,
    arrivals: u64,
    internal: usize,
}

impl Waits {
    /// How many receives of clients wait. Those of push delivery are not counted.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len() - self.internal
    }

    /// How many receives wait for a queue, those of push delivery included.
    pub(crate) fn line_length(&self, queue: QueueId) -> usize {
        self.lines.get(&queue).map_or(0, |line| line.waiters.len())
    }

    /// Puts a receive at the end of its queue's line. `token` must not wait already.
    pub(crate) fn push(&mut self, queue: QueueId, token: RequestToken, receive: Receive, deadline: Timestamp) {
        self.arrivals += 1;
        self.internal += usize::from(receive.is_internal);
        let line = self.lines.entry(queue).or_default();
        line.waiters.insert(self.arrivals, Waiter { token, receive, deadline });
        line.deadlines.insert((deadline, self.arrivals));
        self.tokens.insert(token, (queue, self.arrivals));
    }

    /// The receive of a queue that has waited longest. `None` if none waits.
    pub(crate) fn first(&self, queue: QueueId) -> Option<&Waiter> {
        self.lines.get(&queue)?.waiters.first_key_value().map(|(_, waiter)| waiter)
    }

    /// Takes a receive out of its line. Returns `false` if it does not wait. The caller answers it, if it is to be.
    pub(crate) fn remove(&mut self, token: RequestToken) -> bool {
        let Some((queue, arrival)) = self.tokens.remove(&token) else { return false };
        if let Some(line) = self.lines.get_mut(&queue) {
            if let Some(waiter) = line.waiters.remove(&arrival) {
                line.deadlines.remove(&(waiter.deadline, arrival));
                self.internal -= usize::from(waiter.receive.is_internal);
            }
            if line.waiters.is_empty() {
                self.lines.remove(&queue);
            }
        }
        true
    }

    /// Takes out the receive of a queue with the earliest deadline, if that has come. The caller must answer it.
    pub(crate) fn pop_overdue(&mut self, queue: QueueId, now: Timestamp) -> Option<RequestToken> {
        let line = self.lines.get(&queue)?;
        let (_, arrival) = *line.deadlines.first().filter(|(deadline, _)| *deadline <= now)?;
        let token = line.waiters.get(&arrival)?.token;
        self.remove(token);
        Some(token)
    }

    /// Keeps how long every receive still waits when the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        for line in self.lines.values_mut() {
            line.waiters.values_mut().for_each(|waiter| waiter.deadline = shift.moved(waiter.deadline));
            line.deadlines = line.waiters.iter().map(|(arrival, waiter)| (waiter.deadline, *arrival)).collect();
        }
    }

    /// Takes out all receives of a queue, in the order of their arrival. The caller must answer them.
    pub(crate) fn take_line(&mut self, queue: QueueId) -> Vec<RequestToken> {
        let line = self.lines.remove(&queue).unwrap_or_default();
        self.internal -= line.waiters.values().filter(|waiter| waiter.receive.is_internal).count();
        let tokens: Vec<RequestToken> = line.waiters.into_values().map(|waiter| waiter.token).collect();
        for token in &tokens {
            self.tokens.remove(token);
        }
        tokens
    }

    /// Takes out the standing receives of a queue, in the order of their arrival. The caller must answer them.
    pub(crate) fn take_standing(&mut self, queue: QueueId) -> Vec<RequestToken> {
        let line = self.lines.get(&queue);
        let standing =
            line.into_iter().flat_map(|line| line.waiters.values()).filter(|waiter| waiter.receive.is_standing);
        let tokens: Vec<RequestToken> = standing.map(|waiter| waiter.token).collect();
        for token in &tokens {
            self.remove(*token);
        }
        tokens
    }

    /// Takes out all receives of all queues. The caller must answer them.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = RequestToken> + use<> {
        self.lines.clear();
        self.internal = 0;
        core::mem::take(&mut self.tokens).into_keys()
    }

    /// The earliest deadline of the receives of a queue. `None` if none waits.
    pub(crate) fn next_deadline(&self, queue: QueueId) -> Option<Timestamp> {
        self.lines.get(&queue)?.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Panics unless the indices agree: each token names a receive of its line, and each line is ordered by arrival and
    /// by deadline.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        let waiters =
            || self.lines.iter().flat_map(|(queue, line)| line.waiters.iter().map(move |waiter| (*queue, waiter)));
        let tokens: BTreeMap<_, _> =
            waiters().map(|(queue, (arrival, waiter))| (waiter.token, (queue, *arrival))).collect();
        assert_eq!(self.tokens, tokens, "tokens name the receives that wait");
        assert_eq!(self.internal, waiters().filter(|(_, (_, waiter))| waiter.receive.is_internal).count());
        for line in self.lines.values() {
            let deadlines = line.waiters.iter().map(|(arrival, waiter)| (waiter.deadline, *arrival)).collect();
            assert_eq!(line.deadlines, deadlines, "a line's deadlines are those of its receives");
            assert!(!line.waiters.is_empty(), "a line without receives is dropped");
        }
    }

    /// What the receives lack that wait for a queue. While that is tokens, they may exceed the burst by what flows in
    /// before the timer fires.
    pub(crate) fn lack(&self, queue: QueueId) -> Lack {
        self.lines.get(&queue).map(|line| line.lack).unwrap_or_default()
    }

    /// Notes what the receives lack that wait for a queue. Does nothing if none waits.
    pub(crate) fn set_lack(&mut self, queue: QueueId, lack: Lack) {
        if let Some(line) = self.lines.get_mut(&queue) {
            line.lack = lack;
        }
    }
}
