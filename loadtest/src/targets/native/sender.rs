//! A worker that sends: a message or a batch of them, whose confirmations it awaits.

use std::sync::Arc;

use async_trait::async_trait;
use posthouse_client::{Confirmation, Error, Message, Notification, Producer as Queue, Publisher as Topic};

use super::lines::Line;
use super::setup;
use crate::target::{Failure, Kind, Layout, Outgoing, Producer, Refusals};

pub(super) struct Sender {
    line: Arc<Line>,
    route: Route,
    kind: Kind,
    pending: Vec<Confirmation>,
}

/// Where messages go.
enum Route {
    Queue(Queue),
    Topic(Topic),
}

impl Sender {
    pub(super) async fn open(line: Arc<Line>, layout: &Layout) -> Result<Self, Failure> {
        let opened = match layout.kind {
            Kind::Queue | Kind::Fifo | Kind::Delay(_) => {
                line.client().producer(setup::queue_name(layout, 0)).open().await.map(Route::Queue)
            }
            Kind::Fanout { .. } => line.client().publisher(setup::topic_name(layout)).open().await.map(Route::Topic),
        };
        let route = opened.map_err(|error| line.failure(&error))?;
        Ok(Self { line, route, kind: layout.kind, pending: Vec::new() })
    }

    async fn enqueue(&self, message: &Outgoing) -> Result<Confirmation, Error> {
        match &self.route {
            Route::Queue(queue) => queue.enqueue(self.message(message)).await,
            Route::Topic(topic) => topic.enqueue(self.notification(message)).await,
        }
    }

    fn message(&self, outgoing: &Outgoing) -> Message {
        let message = Message::new(outgoing.body.as_str());
        match self.kind {
            Kind::Delay(delay) => message.delay(delay),
            Kind::Fifo => message
                .group(outgoing.stream.to_string())
                .deduplication_id(format!("{}-{}", outgoing.stream, outgoing.sequence)),
            Kind::Queue | Kind::Fanout { .. } => message,
        }
    }

    fn notification(&self, outgoing: &Outgoing) -> Notification {
        let notification = Notification::new(outgoing.body.as_str());
        match self.kind {
            Kind::Fanout { filtered: true, .. } => notification.attribute("lot", outgoing.lot.to_string()),
            Kind::Queue | Kind::Fifo | Kind::Delay(_) | Kind::Fanout { .. } => notification,
        }
    }
}

#[async_trait]
impl Producer for Sender {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        self.pending.clear();
        for message in batch {
            let confirmation = self.enqueue(message).await.map_err(|error| self.line.failure(&error))?;
            self.pending.push(confirmation);
        }
        let mut refusals = Refusals::new();
        for (index, confirmation) in self.pending.drain(..).enumerate() {
            if let Err(error) = confirmation.await {
                match self.line.failure(&error) {
                    Failure::Refused(why) => refusals.push((index, why)),
                    failure => return Err(failure),
                }
            }
        }
        Ok(refusals)
    }
}
