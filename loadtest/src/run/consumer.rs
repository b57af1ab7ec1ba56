//! The consumer: a worker that receives messages, enters them into the ledger and settles them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::producer::RETRY;
use super::recorder::Span;
use super::shared::{Shared, goes_on, stopped};
use crate::ledger::Reception;
use crate::message::{Moment, Stamp};
use crate::plan::Metric;
use crate::target::{Consumer, Delivery, Failure, Kind};

/// How long a receive waits for messages. SQS takes whole seconds only.
pub(super) const WAIT: Duration = Duration::from_secs(1);
/// The pause of a consumer that serves several queues, after a round in which all were empty.
const ROUND: Duration = Duration::from_millis(5);
/// How much earlier than its delay a message may be received, because brokers keep time in whole milliseconds.
const EARLY_TOLERANCE: Duration = Duration::from_millis(2);

pub(super) struct ConsumerWorker {
    shared: Arc<Shared>,
    number: usize,
    places: Vec<ServedDestination>,
    working: watch::Receiver<bool>,
    deliveries: Vec<Delivery>,
}

/// A destination with a connection to it.
pub(super) struct ServedDestination {
    pub(super) destination: u32,
    pub(super) connection: Box<dyn Consumer>,
}

impl ConsumerWorker {
    pub(super) fn new(shared: &Arc<Shared>, number: usize, places: Vec<ServedDestination>) -> Self {
        let working = shared.consumers();
        Self { shared: Arc::clone(shared), number, places, working, deliveries: Vec::new() }
    }

    /// Receives until the consumers are stopped.
    pub(super) async fn work(mut self) {
        let wait = if self.places.len() > 1 { Duration::ZERO } else { WAIT };
        while goes_on(&self.working) {
            let mut came = 0;
            for place in 0..self.places.len() {
                let max = self.admit().await;
                if max == 0 {
                    return;
                }
                came += self.visit(place, max, wait).await;
            }
            if came == 0 && wait.is_zero() {
                self.pause(ROUND).await;
            }
        }
    }

    /// Waits until messages may be received, and returns how many. 0 if the consumers are stopped.
    async fn admit(&mut self) -> usize {
        let Some(arrived) = &self.shared.flow.arrived else { return self.shared.receiving.batch };
        tokio::select! {
            biased;
            () = stopped(&mut self.working) => 0,
            first = arrived.acquire() => {
                first.expect("the semaphore is never closed").forget();
                let more = arrived.available_permits().min(self.shared.receiving.batch - 1);
                1 + arrived.forget_permits(more)
            }
        }
    }

    /// Receives from a destination and settles. Returns the number of messages.
    async fn visit(&mut self, place: usize, max: usize, wait: Duration) -> usize {
        let shared = Arc::clone(&self.shared);
        self.deliveries.clear();
        let called = shared.clock.now();
        let result = self.places[place].connection.receive(max, wait, &mut self.deliveries).await;
        let now = shared.clock.now();
        let came = if result.is_ok() { self.deliveries.len() } else { 0 };
        if let Some(arrived) = &shared.flow.arrived {
            arrived.add_permits(max.saturating_sub(came));
        }
        if let Err(failure) = result {
            self.recover(place, failure).await;
            return 0;
        }
        shared.succeeded(now);
        if came == 0 {
            return 0;
        }
        shared.recorder.record(self.number, Metric::Receive, Span { from: called, to: now }, came);
        let visible = called.plus(shared.plan.visibility_timeout);
        let stamps = self.take_down(self.places[place].destination, now, visible);
        self.settle(place, visible, &stamps).await;
        came
    }

    async fn settle(&mut self, place: usize, visible: Moment, stamps: &[Stamp]) {
        let shared = Arc::clone(&self.shared);
        let ServedDestination { destination, connection } = &mut self.places[place];
        let called = shared.clock.now();
        let result = connection.settle(&self.deliveries).await;
        let now = shared.clock.now();
        for stamp in stamps {
            if result.is_err() {
                shared.ledger.release(*destination, stamp);
            } else if now < visible {
                shared.ledger.settle(*destination, stamp);
            }
        }
        match result {
            Ok(()) => {
                shared.succeeded(now);
                let call = Span { from: called, to: now };
                shared.recorder.record(self.number, Metric::Settle, call, self.deliveries.len());
            }
            Err(failure) => self.recover(place, failure).await,
        }
    }

    /// Enters the received messages into the ledger. Returns the stamps of those that are not corrupt.
    fn take_down(&mut self, destination: u32, now: Moment, visible: Moment) -> Vec<Stamp> {
        let Shared { promise, ledger, recorder, flow, layout, .. } = &*self.shared;
        if !promise.keeps {
            self.shared.progressed(now);
            flow.release(self.deliveries.len());
            return Vec::new();
        }
        let mut stamps = Vec::with_capacity(self.deliveries.len());
        for delivery in &self.deliveries {
            let message = Stamp::read(&delivery.body);
            let reception = ledger.receive(destination, &message, now, visible);
            let Ok(stamp) = message else { continue };
            stamps.push(stamp);
            if reception != Reception::First {
                continue;
            }
            self.shared.progressed(now);
            // If the call that sent the message failed, the producer has already released its room.
            if !ledger.is_doubted(&stamp) {
                flow.release(1);
            }
            recorder.record(self.number, Metric::EndToEnd, Span { from: stamp.due, to: now }, 1);
            if let Kind::Delay(delay) = layout.kind {
                let visible = stamp.due.plus(delay);
                if now.plus(EARLY_TOLERANCE) < visible {
                    ledger.early();
                }
                recorder.record_late(self.number, stamp.due, Span { from: visible, to: now });
            }
        }
        stamps
    }

    /// Records a failure. Opens another connection if the failure needs one, and retries until that succeeds.
    async fn recover(&mut self, place: usize, failure: Failure) {
        let mut needs_new_connection = failure.needs_new_connection();
        self.shared.troubles.note(failure);
        self.pause(RETRY).await;
        while needs_new_connection && goes_on(&self.working) {
            let destination = self.places[place].destination;
            match self.shared.target.consumer(&self.shared.receiving, destination).await {
                Ok(connection) => {
                    self.places[place].connection = connection;
                    needs_new_connection = false;
                }
                Err(failure) => {
                    self.shared.troubles.note(failure);
                    self.pause(RETRY).await;
                }
            }
        }
    }

    async fn pause(&mut self, time: Duration) {
        tokio::select! {
            () = stopped(&mut self.working) => {}
            () = tokio::time::sleep(time) => {}
        }
    }
}
