//! A fake core loop with tables of queues and devices. A message that is settled as a retry can be received again at
//! once, with its count of receives raised by one.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use posthouse_model::fault::SnsResource;
use posthouse_model::operation::{ReceiveMessage, Settlement};
use posthouse_model::{
    Call, EndpointAddress, EndpointAttributes, Identity, ReceiveWait, Reply, Request, Seconds, SnsFault,
};
use tokio::sync::Notify;

use super::*;
use crate::core_client::PendingAnswer;

/// How a delivery was settled, without the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    Delivered,
    Retry(Seconds),
    Failed,
}

impl Settled {
    const fn of(settlement: &Settlement) -> Self {
        match settlement {
            Settlement::Delivered => Self::Delivered,
            Settlement::Retry(after) => Self::Retry(*after),
            Settlement::Failed(_) => Self::Failed,
        }
    }
}

/// The core loop of the tests.
pub(super) struct FakeCore {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    version: u64,
    changes: Vec<(u64, QueueAddress, Option<Arc<PushTarget>>)>,
    queues: BTreeMap<QueueAddress, VecDeque<ReceivedMessage>>,
    in_flight: BTreeMap<u64, ReceivedMessage>,
    last_key: u64,
    settled: Vec<(u64, Settled)>,
    devices: BTreeMap<EndpointAddress, EndpointAttributes>,
    /// The requests that opted numbers out or disabled devices.
    reports: Vec<Request>,
    /// The number of next settlements and reports that find a full inbox.
    refusals: u32,
    receiving: u64,
    /// The number of next receives that panic.
    broken: u32,
}

impl FakeCore {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics under the lock")
    }

    /// Adds, changes or removes the target of a queue.
    pub(super) fn target(&self, queue: QueueAddress, target: Option<PushTarget>) {
        let mut state = self.lock();
        state.version += 1;
        let version = state.version;
        state.changes.push((version, queue, target.map(Arc::new)));
        drop(state);
        self.changed.notify_waiters();
    }

    /// Puts a message into a queue. Returns its key.
    pub(super) fn send(&self, queue: &QueueAddress, mut message: ReceivedMessage) -> u64 {
        let mut state = self.lock();
        state.last_key += 1;
        message.handle.message = MessageKey::new(state.last_key);
        let key = state.last_key;
        state.queues.entry(queue.clone()).or_default().push_back(message);
        drop(state);
        self.changed.notify_waiters();
        key
    }

    /// Registers a device.
    pub(super) fn device(&self, endpoint: &str, attributes: EndpointAttributes) {
        self.lock().devices.insert(endpoint.parse().expect("an endpoint"), attributes);
    }

    /// The requests that opted numbers out or disabled devices.
    pub(super) fn reports(&self) -> Vec<Request> {
        self.lock().reports.clone()
    }

    /// The next settlements and reports find a full inbox.
    pub(super) fn refuse(&self, count: u32) {
        self.lock().refusals = count;
    }

    /// The next receives panic in the worker that calls them.
    pub(super) fn break_receives(&self, count: u32) {
        self.lock().broken = count;
    }

    /// Whether receives are still to panic.
    pub(super) fn breaks_receives(&self) -> bool {
        self.lock().broken > 0
    }

    /// Waits until so many deliveries have been settled. Returns all settlements of the message.
    pub(super) async fn settled(&self, count: usize) -> Vec<(u64, Settled)> {
        soon(self.when(|state| (state.settled.len() >= count).then(|| state.settled.clone()))).await
    }

    /// Waits until a delivery of each of these messages was settled for good.
    pub(super) async fn done(&self, keys: &[u64]) {
        let done = |state: &mut State| {
            let is_done = |key: &u64| {
                state.settled.iter().any(|(settled, how)| settled == key && !matches!(how, Settled::Retry(_)))
            };
            keys.iter().all(is_done).then_some(())
        };
        soon(self.when(done)).await;
    }

    /// Waits until so many queues have a waiting receive.
    pub(super) async fn receiving(&self, count: u64) {
        soon(self.when(|state| (state.receiving >= count).then_some(()))).await;
    }

    /// Messages received and not settled.
    pub(super) fn in_flight(&self) -> usize {
        self.lock().in_flight.len()
    }

    /// Messages that were not received.
    pub(super) fn waiting(&self, queue: &QueueAddress) -> usize {
        self.lock().queues.get(queue).map_or(0, VecDeque::len)
    }

    async fn when<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.lock()) {
                return found;
            }
            changed.await;
        }
    }

    async fn answer(&self, call: Call) -> Result<Reply, Fault> {
        assert_eq!(call.caller.identity, Identity::Broker);
        match call.request {
            Request::GetEndpointAttributes(get) => {
                let mut state = self.lock();
                state.make_room()?;
                let found = state.devices.get(&get.endpoint).cloned();
                found.map(Reply::EndpointAttributes).ok_or_else(|| SnsFault::not_found(SnsResource::Endpoint))
            }
            request @ (Request::SetEndpointAttributes(_) | Request::SmsOptOut(_)) => {
                let mut state = self.lock();
                state.make_room()?;
                state.reports.push(request);
                Ok(Reply::Done)
            }
            Request::WatchPushTargets(watch) => {
                let changes = self.when(|state| (state.version > watch.seen).then(|| state.since(watch.seen))).await;
                Ok(Reply::PushChanges(changes))
            }
            Request::ReceiveMessage(receive) => Ok(Reply::ReceiveMessage(self.receive(receive).await)),
            Request::SettlePushes(settle) => {
                assert!((1..=10).contains(&settle.deliveries.len()), "a batch");
                let settled = self.lock().settle(&settle.queue, &settle.deliveries);
                self.changed.notify_waiters();
                settled.map(|()| Reply::Done)
            }
            other => panic!("push delivery asks no {other:?}"),
        }
    }

    async fn receive(&self, receive: ReceiveMessage) -> Vec<ReceivedMessage> {
        /// Counts waiting receives.
        struct Receiving<'a>(&'a FakeCore);

        impl Drop for Receiving<'_> {
            fn drop(&mut self) {
                self.0.lock().receiving -= 1;
            }
        }

        assert_eq!(receive.wait, Some(ReceiveWait::Forever));
        assert!(receive.visibility_timeout.is_some());
        let breaks = {
            let mut state = self.lock();
            let breaks = state.broken > 0;
            state.broken = state.broken.saturating_sub(1);
            breaks
        };
        assert!(!breaks, "a test wants it to break");
        self.lock().receiving += 1;
        let _receiving = Receiving(self);
        self.changed.notify_waiters();
        self.when(|state| state.receive(&receive.queue, receive.messages_max.get() as usize)).await
    }
}

impl State {
    fn since(&self, seen: u64) -> PushChanges {
        let changes = self.changes.iter().filter(|(version, ..)| *version > seen);
        let changes = changes.map(|(_, queue, target)| (queue.clone(), target.clone()));
        PushChanges { version: self.version, changes: changes.collect() }
    }

    fn receive(&mut self, queue: &QueueAddress, messages_max: usize) -> Option<Vec<ReceivedMessage>> {
        let waiting = self.queues.get_mut(queue).filter(|waiting| !waiting.is_empty())?;
        let count = messages_max.min(waiting.len());
        let messages: Vec<_> = waiting.drain(..count).collect();
        for message in &messages {
            self.in_flight.insert(message.handle.message.get(), message.clone());
        }
        Some(messages)
    }

    fn make_room(&mut self) -> Result<(), Fault> {
        match self.refusals.checked_sub(1) {
            Some(left) => {
                self.refusals = left;
                Err(Fault::Throttled)
            }
            None => Ok(()),
        }
    }

    fn settle(&mut self, queue: &QueueAddress, deliveries: &[(ReceiptHandle, Settlement)]) -> Result<(), Fault> {
        self.make_room()?;
        for (handle, settlement) in deliveries {
            let key = handle.message.get();
            let mut message = self.in_flight.remove(&key).expect("what is settled is in flight");
            self.settled.push((key, Settled::of(settlement)));
            if let Settlement::Retry(_) = settlement {
                message.receive_count += 1;
                self.queues.entry(queue.clone()).or_default().push_back(message);
            }
        }
        Ok(())
    }
}

/// The fake core as a worker's client of the core loop.
pub(super) struct Asked(pub(super) Arc<FakeCore>);

impl CoreClient for Asked {
    fn call(&self, call: Call) -> PendingAnswer {
        let core = Arc::clone(&self.0);
        Box::pin(async move { core.answer(call).await })
    }
}
