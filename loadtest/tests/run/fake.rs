//! A broker in memory. It is correct except for the faults that a test switches on.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use posthouse_loadtest::target::{
    Consumer, Delivery, Failure, Kind, Layout, Outgoing, Producer, Promise, Refusals, SettleKey, Target,
};

/// The faults. A number `n` means every n-th message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) loses: Option<u64>,
    pub(crate) duplicates: Option<u64>,
    pub(crate) corrupts: Option<u64>,
    pub(crate) refuses: Option<u64>,
    /// Delivers the latest message first.
    pub(crate) reverses: bool,
    /// Puts messages into the wrong queue.
    pub(crate) misroutes: bool,
    pub(crate) ignores_delays: bool,
    /// Stalls: how long after the first message, and for how long.
    pub(crate) stall: Option<(Duration, Duration)>,
    /// How long each send takes.
    pub(crate) slow: Duration,
    /// After this many messages connections break, and new ones are refused.
    pub(crate) dies_after: Option<u64>,
    pub(crate) denies_after: Option<u64>,
    /// Every n-th send breaks its connection after the message was taken.
    pub(crate) breaks_every: Option<u64>,
    /// Every n-th receive with messages breaks its connection. The messages stay invisible for the visibility timeout.
    pub(crate) swallows: Option<u64>,
    pub(crate) hangs_on_prepare: bool,
    /// Keeps no messages, and always delivers the same one.
    pub(crate) constant: bool,
}

pub(crate) struct Fake {
    promise: Promise,
    faults: Faults,
    state: Mutex<State>,
    /// The reference that producers and consumers clone.
    itself: std::sync::Weak<Self>,
}

#[derive(Default)]
struct State {
    layouts: usize,
    queues: Vec<VecDeque<Waiting>>,
    taken: u64,
    first: Option<Instant>,
    sizes: BTreeSet<usize>,
}

#[derive(Clone)]
struct Waiting {
    body: Bytes,
    visible: Instant,
}

impl Fake {
    pub(crate) fn new(promise: Promise, faults: Faults) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self { promise, faults, state: Mutex::default(), itself: itself.clone() })
    }

    pub(crate) fn body_sizes(&self) -> Vec<usize> {
        self.lock().sizes.iter().copied().collect()
    }

    /// Layouts that are prepared and not removed.
    pub(crate) fn layouts(&self) -> usize {
        self.lock().layouts
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no worker of the fake panics")
    }

    fn itself(&self) -> Arc<Self> {
        self.itself.upgrade().expect("it is in use")
    }

    fn is_dead(&self) -> bool {
        self.faults.dies_after.is_some_and(|after| self.lock().taken >= after)
    }

    /// Waits while the fake stalls.
    async fn answer(&self) -> Result<(), Failure> {
        if self.is_dead() {
            return Err(Failure::Disconnected("reset by the fake".into()));
        }
        if self.faults.denies_after.is_some_and(|after| self.lock().taken >= after) {
            return Err(Failure::Denied("the fake refuses all users".into()));
        }
        let first = self.lock().first;
        if let Some((after, length)) = self.faults.stall
            && let Some(first) = first
            && (first + after..first + after + length).contains(&Instant::now())
        {
            tokio::time::sleep_until((first + after + length).into()).await;
        }
        Ok(())
    }

    /// Takes a message. Returns whether it was refused.
    fn take(&self, layout: &Layout, message: &Outgoing) -> bool {
        let mut state = self.lock();
        state.first.get_or_insert_with(Instant::now);
        state.taken += 1;
        state.sizes.insert(message.body.len());
        let every = |fault: Option<u64>| fault.is_some_and(|every| state.taken.is_multiple_of(every));
        let (loses, again, corrupts) =
            (every(self.faults.loses), every(self.faults.duplicates), every(self.faults.corrupts));
        if every(self.faults.refuses) {
            return true;
        }
        let mut body = message.body.clone().into_bytes();
        if corrupts {
            body[20] ^= 1;
        }
        let delay = match layout.kind {
            Kind::Delay(delay) if !self.faults.ignores_delays => delay,
            _ => Duration::ZERO,
        };
        let waiting = Waiting { body: body.into(), visible: Instant::now() + delay };
        let copies = if loses { 0 } else { 1 + usize::from(again) };
        let lot = (message.lot + u32::from(self.faults.misroutes)) % layout.kind.destinations();
        let filtered = matches!(layout.kind, Kind::Fanout { filtered: true, .. });
        for (queue, messages) in (0_u32..).zip(&mut state.queues) {
            if !filtered || queue == lot {
                messages.extend(vec![waiting.clone(); copies]);
            }
        }
        false
    }
}

#[async_trait]
impl Target for Fake {
    fn promise(&self, _layout: &Layout) -> Result<Promise, Failure> {
        Ok(self.promise)
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        if self.faults.hangs_on_prepare {
            std::future::pending::<()>().await;
        }
        let mut state = self.lock();
        state.layouts += 1;
        state.queues = vec![VecDeque::new(); layout.kind.destinations() as usize];
        Ok(())
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        if self.is_dead() {
            return Err(Failure::Unreachable("connection refused by the fake".into()));
        }
        Ok(Box::new(FakeConnection { fake: self.itself(), layout: layout.clone(), destination: 0, calls: 0 }))
    }

    async fn consumer(&self, layout: &Layout, destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        if self.is_dead() {
            return Err(Failure::Unreachable("connection refused by the fake".into()));
        }
        Ok(Box::new(FakeConnection { fake: self.itself(), layout: layout.clone(), destination, calls: 0 }))
    }

    async fn remove(&self, _layout: &Layout) -> Result<(), Failure> {
        let mut state = self.lock();
        state.layouts = state.layouts.saturating_sub(1);
        Ok(())
    }
}

/// A worker's connection.
struct FakeConnection {
    fake: Arc<Fake>,
    layout: Layout,
    destination: u32,
    calls: u64,
}

#[async_trait]
impl Producer for FakeConnection {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        tokio::time::sleep(self.fake.faults.slow).await;
        self.fake.answer().await?;
        let refused = |place: usize| (place, "the fake has no room".to_owned());
        let refusals = batch
            .iter()
            .enumerate()
            .filter(|(_, message)| self.fake.take(&self.layout, message))
            .map(|(place, _)| refused(place));
        let refusals = refusals.collect();
        self.calls += 1;
        tokio::task::yield_now().await;
        if self.fake.faults.breaks_every.is_some_and(|every| self.calls.is_multiple_of(every)) {
            return Err(Failure::Disconnected("broken by the fake".into()));
        }
        Ok(refusals)
    }
}

#[async_trait]
impl Consumer for FakeConnection {
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        let end = Instant::now() + wait;
        loop {
            self.fake.answer().await?;
            if self.fake.faults.constant {
                into.push(Delivery { body: Bytes::from_static(b"constant"), settle_key: SettleKey::Number(0) });
                tokio::task::yield_now().await;
                return Ok(());
            }
            let now = Instant::now();
            {
                let mut state = self.fake.lock();
                let queue = &mut state.queues[self.destination as usize];
                while into.len() < max {
                    let visible = |message: &Waiting| message.visible <= now;
                    let next = if self.fake.faults.reverses {
                        queue.iter().rposition(visible)
                    } else {
                        queue.iter().position(visible)
                    };
                    let Some(body) = next.and_then(|place| queue.remove(place)).map(|message| message.body) else {
                        break;
                    };
                    into.push(Delivery { body, settle_key: SettleKey::Number(0) });
                }
                self.calls += u64::from(!into.is_empty());
                if !into.is_empty() && self.fake.faults.swallows.is_some_and(|every| self.calls.is_multiple_of(every)) {
                    let visible = now + self.layout.visibility_timeout;
                    queue.extend(into.drain(..).map(|delivery| Waiting { body: delivery.body, visible }));
                    return Err(Failure::Disconnected("broken by the fake".into()));
                }
            }
            if !into.is_empty() || now >= end {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn settle(&mut self, _deliveries: &[Delivery]) -> Result<(), Failure> {
        tokio::task::yield_now().await;
        Ok(())
    }
}
