//! Settlements that wait to be written, and those that the broker has not answered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use posthouse_wire::limits::{SETTLE_DELIVERIES_MAX, SETTLE_RANGES_MAX};
use posthouse_wire::{DeliveryNumber, Request, SettleRange, Verb};

use crate::error::{Error, Result};

/// Settlements in the order in which they were made. Those of neighbours with the same verb are one range.
#[derive(Debug, Default)]
pub(crate) struct Settlements {
    waiting: Vec<SettleRange>,
    waiting_count: usize,
    /// What [`Settlements::watch`] was given since the last frame.
    watched: Option<Arc<Settling>>,
    unanswered: VecDeque<Unanswered>,
}

#[derive(Debug)]
struct Unanswered {
    request: Request,
    watched: Option<Arc<Settling>>,
}

/// The fate of settlements that are written together. They are one frame, or a few where there are many ranges.
#[derive(Debug, Default)]
pub(crate) struct Settling(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Frames that are written and not answered.
    unanswered: usize,
    /// Whether the last frame is written.
    is_written: bool,
    exceptions: Vec<NotSettled>,
    failure: Option<Error>,
    waiting: Vec<Waker>,
}

/// Deliveries that a frame did not settle.
#[derive(Clone, Debug)]
pub(crate) struct NotSettled {
    pub(crate) first: DeliveryNumber,
    pub(crate) count: u32,
    pub(crate) error: Error,
}

impl Settlements {
    /// Adds the settlement of `count` deliveries, in ranges that fit into a frame.
    pub(crate) fn push(&mut self, verb: Verb, first: DeliveryNumber, count: u32) {
        self.waiting_count += count as usize;
        let (mut next, mut left) = (Some(first), count);
        while let Some(first) = next.filter(|_| left > 0) {
            let added = SettleRange { verb, first, count: left.min(SETTLE_DELIVERIES_MAX) };
            if !self.waiting.last_mut().is_some_and(|last| join(last, &added)) {
                self.waiting.push(added);
            }
            next = first.checked_add(added.count.into());
            left -= added.count;
        }
    }

    /// The fate of what is waiting now and of what is added before the next frame.
    pub(crate) fn watch(&mut self) -> Arc<Settling> {
        Arc::clone(self.watched.get_or_insert_default())
    }

    /// How many deliveries' settlements are waiting to be written.
    pub(crate) fn waiting_count(&self) -> usize {
        self.waiting_count
    }

    /// How many frames are not answered.
    pub(crate) fn unanswered_count(&self) -> usize {
        self.unanswered.len()
    }

    /// Whether everything is written and answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.unanswered.is_empty()
    }

    /// The ranges for the next frame, within the limits of one SETTLE, in as few ranges as there can be.
    /// [`Settlements::written`] follows.
    ///
    /// Extensions come first: an extension was asked for before the delivery was settled. Otherwise no delivery is in
    /// two ranges, so their order does not matter.
    pub(crate) fn take(&mut self) -> Vec<SettleRange> {
        let mut ranges = std::mem::take(&mut self.waiting);
        if ranges.len() > 1 {
            ranges.sort_by_key(|range| (rank(range.verb), range.first));
            ranges.dedup_by(|range, before| join(before, range));
        }
        let mut deliveries = 0;
        let mut fits = |range: &SettleRange| {
            deliveries += u64::from(range.count);
            deliveries <= SETTLE_DELIVERIES_MAX.into()
        };
        let count = ranges.iter().take(SETTLE_RANGES_MAX.into()).take_while(|range| fits(range)).count();
        self.waiting = ranges.split_off(count);
        self.waiting_count = self.waiting.iter().map(|range| range.count as usize).sum();
        ranges
    }

    /// Notes the request of the frame that [`Settlements::take`] was for.
    pub(crate) fn written(&mut self, request: Request) {
        let watched = if self.waiting.is_empty() { self.watched.take() } else { self.watched.clone() };
        if let Some(settling) = &watched {
            let mut state = settling.lock();
            state.unanswered += 1;
            state.is_written = self.waiting.is_empty();
        }
        self.unanswered.push_back(Unanswered { request, watched });
    }

    /// Takes the frame that an answer is for; `None` if there is none.
    pub(crate) fn answered(&mut self, request: Request) -> Option<Option<Arc<Settling>>> {
        let at = self.unanswered.iter().position(|frame| frame.request == request)?;
        self.unanswered.remove(at).map(|frame| frame.watched)
    }

    /// Forgets everything, because the connection that it was for has ended. The outcomes that were watched are
    /// returned, to be failed without a lock.
    pub(crate) fn abandon(&mut self) -> Vec<Arc<Settling>> {
        self.waiting.clear();
        self.waiting_count = 0;
        let unanswered = std::mem::take(&mut self.unanswered);
        unanswered.into_iter().filter_map(|frame| frame.watched).chain(self.watched.take()).collect()
    }
}

/// Extensions first, then by verb, so that ranges of one verb are neighbours.
fn rank(verb: Verb) -> (u8, u32) {
    match verb {
        Verb::Extend { seconds } => (0, seconds),
        Verb::Delete => (1, 0),
        Verb::Release { seconds } => (2, seconds),
        Verb::DeadLetter => (3, 0),
    }
}

/// Extends a range by the one that follows it. Returns whether it does, and whether they fit into one frame together.
fn join(before: &mut SettleRange, range: &SettleRange) -> bool {
    let follows = before.verb == range.verb && before.first.checked_add(before.count.into()) == Some(range.first);
    let sum = before.count.checked_add(range.count).filter(|sum| follows && *sum <= SETTLE_DELIVERIES_MAX);
    before.count = sum.unwrap_or(before.count);
    sum.is_some()
}

impl Settling {
    /// Gives the answer to one frame.
    pub(crate) fn answer(&self, answer: Result<Vec<NotSettled>>) {
        let mut state = self.lock();
        state.unanswered = state.unanswered.saturating_sub(1);
        match answer {
            Ok(exceptions) => state.exceptions.extend(exceptions),
            Err(error) => state.failure = Some(error),
        }
        let waiting = if state.is_answered() { std::mem::take(&mut state.waiting) } else { Vec::new() };
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The fate of one delivery's settlement.
    pub(crate) fn poll(&self, number: DeliveryNumber, context: &Context<'_>) -> Poll<Result<()>> {
        let mut state = self.lock();
        if !state.is_answered() {
            if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                state.waiting.push(context.waker().clone());
            }
            return Poll::Pending;
        }
        if let Some(error) = &state.failure {
            return Poll::Ready(Err(error.clone()));
        }
        let exception = state.exceptions.iter().find(|range| range.contains(number));
        Poll::Ready(exception.map_or(Ok(()), |range| Err(range.error.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_answered(&self) -> bool {
        self.failure.is_some() || (self.is_written && self.unanswered == 0)
    }
}

impl NotSettled {
    fn contains(&self, number: DeliveryNumber) -> bool {
        number >= self.first && number.get() - self.first.get() < u64::from(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u64) -> DeliveryNumber {
        DeliveryNumber::new(number).expect("a number")
    }

    fn shown(ranges: &[SettleRange]) -> Vec<String> {
        let show = |range: &SettleRange| format!("{:?} {}+{}", range.verb, range.first, range.count);
        ranges.iter().map(show).collect()
    }

    #[test]
    fn neighbours_become_one_range_whatever_their_order() {
        let mut settlements = Settlements::default();
        for acked in [1, 2, 5, 4, 3, 9] {
            settlements.push(Verb::Delete, number(acked), 1);
        }
        settlements.push(Verb::Release { seconds: 5 }, number(6), 1);
        settlements.push(Verb::Release { seconds: 0 }, number(7), 2);
        settlements.push(Verb::Extend { seconds: 30 }, number(9), 1);
        assert_eq!(settlements.waiting_count(), 10);
        assert_eq!(
            shown(&settlements.take()),
            [
                "Extend { seconds: 30 } 9+1",
                "Delete 1+5",
                "Delete 9+1",
                "Release { seconds: 0 } 7+2",
                "Release { seconds: 5 } 6+1",
            ]
        );
        assert_eq!(settlements.waiting_count(), 0);
    }

    #[test]
    fn a_frame_takes_as_many_ranges_as_it_may() {
        let mut settlements = Settlements::default();
        let max = u64::from(SETTLE_RANGES_MAX);
        for index in 0..max + 10 {
            settlements.push(Verb::Delete, number(1 + 2 * index), 1);
        }
        assert_eq!(settlements.take().len(), usize::from(SETTLE_RANGES_MAX));
        settlements.written(Request::new(1));
        assert_eq!(settlements.waiting_count(), 10);
        assert_eq!(settlements.take().len(), 10);
        settlements.written(Request::new(2));
        assert!(!settlements.is_idle());
        assert!(settlements.answered(Request::new(3)).is_none());
        assert!(settlements.answered(Request::new(2)).is_some());
        assert!(settlements.answered(Request::new(1)).is_some());
        assert!(settlements.is_idle());
    }

    #[test]
    fn a_frame_takes_as_many_deliveries_as_it_may() {
        let mut settlements = Settlements::default();
        settlements.push(Verb::Delete, number(1), SETTLE_DELIVERIES_MAX - 1);
        settlements.push(Verb::Delete, number(SETTLE_DELIVERIES_MAX.into()), 2);
        settlements.push(Verb::Release { seconds: 0 }, number(100_000), 1);
        assert_eq!(shown(&settlements.take()), ["Delete 1+65534"]);
        assert_eq!(settlements.waiting_count(), 3);
        assert_eq!(shown(&settlements.take()), ["Delete 65535+2", "Release { seconds: 0 } 100000+1"]);
        assert_eq!(settlements.waiting_count(), 0);
    }
}
