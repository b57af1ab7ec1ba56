//! The producer: a worker that waits until its next call is due, sends a batch and records the result.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

use super::pace::{Schedule, Timer};
use super::recorder::Span;
use super::shared::{Shared, goes_on, stopped};
use crate::message::{Moment, Stamp};
use crate::plan::{Metric, Plan, Work};
use crate::target::{Failure, Kind, Outgoing, Producer};

/// The pause before a connection is opened again, or after a call was refused.
pub(super) const RETRY: Duration = Duration::from_millis(100);
/// A call that is due and not made at the end counts as waiting if it is at least this late.
const PUNCTUAL: Duration = Duration::from_millis(10);
/// The most waiting calls that are recorded one by one.
const SAMPLES_MAX: u64 = 10_000;

pub(super) struct ProducerWorker {
    shared: Arc<Shared>,
    number: usize,
    connection: Box<dyn Producer>,
    working: watch::Receiver<bool>,
    /// With a fixed rate: the timer, and the schedule once the worker has started.
    timer: Option<Timer>,
    schedule: Option<Schedule>,
    /// The streams that this worker numbers, and the index of the next.
    streams: Vec<u32>,
    next_stream: usize,
    random: StdRng,
    batch: Vec<Outgoing>,
    /// The call under way.
    call: Option<DueCall>,
    /// Whether the quota of messages is used up.
    finished: bool,
}

/// A call to make: when it is due, and its number of messages.
#[derive(Clone, Copy)]
struct DueCall {
    due: Moment,
    messages: usize,
}

impl ProducerWorker {
    /// Producer number `number`. It counts as active until it is dropped.
    pub(super) fn new(shared: &Arc<Shared>, number: usize, connection: Box<dyn Producer>) -> Result<Self, Failure> {
        let plan = &shared.plan;
        let timer = plan.rate.map(|_| Timer::new()).transpose();
        let timer = timer.map_err(|error| Failure::Unsupported(format!("no timer: {error}")))?;
        let own = u32::try_from(number).expect("checked by the plan");
        let streams = match plan.work {
            Work::Fifo => (own..plan.groups).step_by(plan.producers).collect(),
            _ => vec![own],
        };
        shared.active_producers.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            shared: Arc::clone(shared),
            number,
            connection,
            working: shared.producers(),
            timer,
            schedule: None,
            streams,
            next_stream: 0,
            random: StdRng::seed_from_u64(number as u64),
            batch: Vec::new(),
            call: None,
            finished: false,
        })
    }

    /// Sends until the quota is used up or the producers are stopped. With a fixed rate the schedule begins at `start`.
    pub(super) async fn work(mut self, start: Moment) {
        let Plan { rate, batch, producers, .. } = self.shared.plan;
        self.schedule = rate.map(|rate| Schedule::new(start, rate, batch, self.number, producers));
        while let Some(call) = self.next_call().await {
            self.write_batch(call);
            self.call = Some(call);
            let result = self.connection.send(&self.batch).await;
            self.call = None;
            self.take_down(call, result).await;
        }
    }

    /// Waits until the next call is due and has room. `None` if the quota is used up or the producers are stopped.
    async fn next_call(&mut self) -> Option<DueCall> {
        if !goes_on(&self.working) {
            return None;
        }
        let messages = self.shared.take_quota(self.shared.sending.batch);
        if messages == 0 {
            self.finished = true;
            return None;
        }
        if let (Some(schedule), Some(timer)) = (&mut self.schedule, &mut self.timer) {
            let due = schedule.due();
            tokio::select! {
                biased;
                () = stopped(&mut self.working) => return None,
                waited = timer.until(due, self.shared.clock) => {
                    if let Err(error) = waited {
                        self.shared.troubles.note(Failure::Unsupported(format!("the timer failed: {error}")));
                        return None;
                    }
                }
            }
            schedule.advance();
            return Some(DueCall { due, messages });
        }
        if let Some(room) = &self.shared.flow.room {
            let deliveries = u32::try_from(messages * self.shared.ledger.copies()).unwrap_or(u32::MAX);
            tokio::select! {
                biased;
                () = stopped(&mut self.working) => return None,
                // The semaphore is never closed.
                permit = room.acquire_many(deliveries) => permit.ok()?.forget(),
            }
        }
        Some(DueCall { due: self.shared.clock.now(), messages })
    }

    fn write_batch(&mut self, call: DueCall) {
        let Shared { ledger, plan, .. } = &*self.shared;
        self.batch.resize_with(call.messages, Outgoing::default);
        for message in &mut self.batch {
            message.stream = self.streams[self.next_stream];
            self.next_stream = (self.next_stream + 1) % self.streams.len();
            message.sequence = ledger.attempt(message.stream);
            message.lot = ledger.lot(message.sequence);
            let bytes = plan.body.pick(self.random.random());
            let stamp = Stamp { run: ledger.run(), stream: message.stream, sequence: message.sequence, due: call.due };
            stamp.write(bytes, &mut message.body);
        }
    }

    async fn take_down(&mut self, call: DueCall, result: Result<Vec<(usize, String)>, Failure>) {
        let shared = Arc::clone(&self.shared);
        let now = shared.clock.now();
        let copies = shared.ledger.copies();
        match result {
            Ok(refusals) => {
                for (place, message) in self.batch.iter().enumerate() {
                    if refusals.iter().any(|(refused, _)| *refused == place) {
                        shared.ledger.refuse(message.stream);
                    } else {
                        shared.ledger.acknowledge(message.stream, message.sequence);
                    }
                }
                shared.succeeded(now);
                let taken = call.messages - refusals.len();
                if taken > 0 {
                    shared.progressed(now);
                    shared.recorder.record(self.number, Metric::Send, Span { from: call.due, to: now }, taken);
                }
                if let Some(arrived) = &shared.flow.arrived {
                    arrived.add_permits(taken);
                }
                shared.flow.release(refusals.len() * copies);
                if !refusals.is_empty() {
                    refusals.into_iter().for_each(|(_, why)| shared.troubles.note(Failure::Refused(why)));
                    self.pause().await;
                }
            }
            Err(failure) => {
                if failure.needs_new_connection() {
                    // The time that the target took to fail counts, too.
                    shared.recorder.record(self.number, Metric::Send, Span { from: call.due, to: now }, 0);
                }
                self.batch.iter().for_each(|message| shared.ledger.doubt(message.stream, message.sequence));
                shared.flow.release(call.messages * copies);
                self.recover(failure).await;
            }
        }
    }

    /// Records a failure. Opens another connection if the failure needs one, and retries until that succeeds.
    async fn recover(&mut self, failure: Failure) {
        let mut needs_new_connection = failure.needs_new_connection();
        self.shared.troubles.note(failure);
        self.pause().await;
        while needs_new_connection && goes_on(&self.working) {
            match self.shared.target.producer(&self.shared.sending).await {
                Ok(connection) => {
                    self.connection = connection;
                    needs_new_connection = false;
                }
                Err(failure) => {
                    self.shared.troubles.note(failure);
                    self.pause().await;
                }
            }
        }
    }

    async fn pause(&mut self) {
        tokio::select! {
            () = stopped(&mut self.working) => {}
            () = tokio::time::sleep(RETRY) => {}
        }
    }

    /// Records how long the call under way, and the calls that were due and not made, have waited until now.
    fn count_waiting(&mut self) {
        let now = self.shared.clock.now();
        if let Some(call) = self.call.filter(|call| self.shared.recorder.covers(call.due)) {
            self.waits(Span { from: call.due, to: now }, 1);
        }
        let Some(schedule) = self.schedule.filter(|_| !self.finished) else { return };
        // A call that is less than `PUNCTUAL` late was about to be made.
        let waiting = schedule.waiting(now);
        if now.since(schedule.due()) < PUNCTUAL || waiting == 0 {
            return;
        }
        // Of more than `SAMPLES_MAX` calls, one stands for its neighbours: their times differ by less than a thousandth
        // of the longest.
        let step = waiting.div_ceil(SAMPLES_MAX);
        for first in (0..waiting).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let due = schedule.due_after(first);
            if !self.shared.recorder.covers(due) {
                continue;
            }
            let calls = usize::try_from(step.min(waiting - first)).unwrap_or(usize::MAX);
            let messages = self.shared.take_quota(calls.saturating_mul(self.shared.plan.batch));
            if messages > 0 {
                self.shared.overdue.fetch_add(messages as u64, Ordering::Relaxed);
                self.waits(Span { from: due, to: now }, messages.div_ceil(self.shared.plan.batch) as u64);
            }
        }
    }

    /// Records calls that have waited for all of `wait`, and the deliveries of their messages.
    fn waits(&self, wait: Span, calls: u64) {
        let Shared { recorder, plan, ledger, layout, .. } = &*self.shared;
        recorder.record_waiting(self.number, Metric::Send, wait, calls);
        let deliveries = calls * (plan.batch * ledger.copies()) as u64;
        match (plan.work.latency(), layout.kind) {
            (Metric::EndToEnd, _) => recorder.record_waiting(self.number, Metric::EndToEnd, wait, deliveries),
            (Metric::Late, Kind::Delay(delay)) if wait.from.plus(delay) < wait.to => {
                let late = Span { from: wait.from.plus(delay), ..wait };
                recorder.record_waiting(self.number, Metric::Late, late, deliveries);
            }
            _ => {}
        }
    }
}

/// Counts the waiting calls here, because the worker may be dropped during a call.
impl Drop for ProducerWorker {
    fn drop(&mut self) {
        self.count_waiting();
        self.shared.active_producers.fetch_sub(1, Ordering::Relaxed);
    }
}
