//! What the admin API shows of push targets, and how it makes one try at once.
//!
//! Each worker keeps one [`Entry`] while it runs. It writes there when an attempt has ended, which takes a lock that nothing
//! but a look of the admin API competes for.
//!
//! An entry remembers the deliveries that wait for their next attempt, up to [`WAITING_MAX`]. Their messages lie invisible in
//! the target's queue. To try now, the worker gives them back. Those that were to be tried again before the broker was
//! started are not remembered: they are tried when their time has come.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use posthouse_model::{MessageKey, QueueAddress, ReceiptHandle, Timestamp};
use tokio::sync::Notify;

/// Deliveries of one target that wait for their next attempt and are remembered. Of more, those of the oldest messages are.
const WAITING_MAX: usize = 1_024;

/// The targets that have workers, by their queues. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct PushBoard(Arc<Mutex<BTreeMap<QueueAddress, Arc<Entry>>>>);

/// One target.
#[derive(Debug)]
pub(crate) struct Entry {
    state: Mutex<State>,
    /// Asks the worker to try at once.
    pub(super) retry: Notify,
}

/// What is known of a target.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The subscription's ARN, or whose publications these are.
    pub(crate) name: String,
    /// `https`, or `direct` for what was published to phones and devices.
    pub(crate) protocol: &'static str,
    /// The endpoint; empty for `direct`.
    pub(crate) endpoint: String,
    /// Deliveries that may be under way at once.
    pub(crate) window: usize,
    pub(crate) under_way: usize,
    /// The attempt that ended last; `None` before.
    pub(crate) latest: Option<LatestAttempt>,
    /// Attempts that failed since one arrived.
    pub(crate) failures: u64,
    waiting: BTreeMap<MessageKey, (ReceiptHandle, Timestamp)>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub(crate) struct LatestAttempt {
    pub(crate) at: Timestamp,
    pub(crate) delivered: bool,
    /// The status of the response, if there was one.
    pub(crate) status: Option<u16>,
    /// Why it failed; empty if it did not.
    pub(crate) reason: String,
    pub(crate) took: Duration,
}

impl State {
    /// When the next delivery is tried again; `None` if none is known to wait.
    pub(crate) fn next_retry(&self) -> Option<Timestamp> {
        self.waiting.values().map(|(_, due)| *due).min()
    }

    /// Deliveries that are known to wait for their next attempt.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

impl PushBoard {
    /// Up to `max` targets after a queue that `selects` lets through, in the order of their queues. It looks at all of them:
    /// with very many targets, call it where the thread may block.
    pub(crate) fn after(
        &self,
        queue: Option<&QueueAddress>,
        max: usize,
        selects: impl Fn(&State) -> bool,
    ) -> Vec<(QueueAddress, State)> {
        let targets = self.targets();
        let from = queue.map_or(Bound::Unbounded, Bound::Excluded);
        let later = targets.range::<QueueAddress, _>((from, Bound::Unbounded));
        let selected = later.filter_map(|(address, entry)| {
            let state = entry.locked();
            selects(&state).then(|| (address.clone(), state.clone()))
        });
        selected.take(max).collect()
    }

    /// The target of a queue.
    pub(crate) fn find(&self, queue: &QueueAddress) -> Option<Arc<Entry>> {
        self.targets().get(queue).cloned()
    }

    /// Adds a target while its worker runs.
    pub(super) fn enter(&self, queue: &QueueAddress) -> Entered {
        let entry = Arc::new(Entry { state: Mutex::default(), retry: Notify::new() });
        self.targets().insert(queue.clone(), Arc::clone(&entry));
        Entered { board: self.clone(), queue: queue.clone(), entry }
    }

    fn targets(&self) -> MutexGuard<'_, BTreeMap<QueueAddress, Arc<Entry>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Asks the worker to try all deliveries that are known to wait. Returns how many they are.
    pub(crate) fn try_now(&self) -> usize {
        let waiting = self.locked().waiting.len();
        self.retry.notify_one();
        waiting
    }

    /// Changes what is known.
    pub(super) fn note(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.locked());
    }

    /// Notes that a delivery is tried again at `due`.
    pub(super) fn waits(&self, handle: ReceiptHandle, due: Timestamp) {
        let mut state = self.locked();
        state.waiting.insert(handle.message, (handle, due));
        if state.waiting.len() > WAITING_MAX {
            state.waiting.pop_last();
        }
    }

    /// Notes that a delivery does not wait any more.
    pub(super) fn waits_no_more(&self, message: MessageKey) {
        self.locked().waiting.remove(&message);
    }

    /// Takes all deliveries that wait.
    pub(super) fn take_waiting(&self) -> Vec<ReceiptHandle> {
        std::mem::take(&mut self.locked().waiting).into_values().map(|(handle, _)| handle).collect()
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A target's place on the board. Dropping it takes the target away, unless another worker has taken its place.
pub(super) struct Entered {
    board: PushBoard,
    queue: QueueAddress,
    pub(super) entry: Arc<Entry>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut targets = self.board.targets();
        if targets.get(&self.queue).is_some_and(|entry| Arc::ptr_eq(entry, &self.entry)) {
            targets.remove(&self.queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_there_while_its_worker_runs() {
        let queue: QueueAddress = "arn:aws:sqs:us-east-1:000000000000:q".parse().expect("an ARN");
        let board = PushBoard::default();
        let first = board.enter(&queue);
        let second = board.enter(&queue);
        drop(first);
        assert!(
            board.find(&queue).is_some_and(|entry| Arc::ptr_eq(&entry, &second.entry)),
            "the second took its place"
        );
        drop(second);
        assert!(board.find(&queue).is_none());
    }
}
