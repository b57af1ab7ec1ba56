//! A worker that sends: `SendMessage` for one message, `SendMessageBatch` for more.

use std::io::Write;

use async_trait::async_trait;

use super::{Endpoint, Queue, find_queue};
use crate::target::{Failure, Kind, Outgoing, Producer, Refusals};
use crate::targets::aws::{Body, Caller, Head, List};

const LIST: List = List { json: "Entries", query: "SendMessageBatchRequestEntry." };

pub(super) struct Sender {
    caller: Caller,
    members: Members,
    one: (Head, Body),
    many: (Head, Body),
}

/// The members of a message besides its body.
struct Members {
    delay_seconds: Option<u64>,
    is_fifo: bool,
    deduplication_id: Vec<u8>,
}

impl Sender {
    pub(super) async fn connect(endpoint: &Endpoint, name: &str, kind: Kind) -> Result<Self, Failure> {
        let mut caller = Caller::connect(endpoint).await?;
        let queue = find_queue(&mut caller, name).await?;
        let delay_seconds = if let Kind::Delay(delay) = kind { Some(delay.as_secs()) } else { None };
        let members = Members { delay_seconds, is_fifo: kind == Kind::Fifo, deduplication_id: Vec::new() };
        Ok(Self { caller, members, one: one(endpoint, &queue), many: many(endpoint, &queue) })
    }
}

fn one(endpoint: &Endpoint, queue: &Queue) -> (Head, Body) {
    (queue.head(endpoint, "SendMessage"), queue.body(endpoint, "SendMessage"))
}

fn many(endpoint: &Endpoint, queue: &Queue) -> (Head, Body) {
    let action = "SendMessageBatch";
    (queue.head(endpoint, action), Body::new(endpoint, action, ("QueueUrl", &queue.url), Some(LIST)))
}

impl Members {
    fn put(&mut self, body: &mut Body, message: &Outgoing) {
        body.string("MessageBody", message.body.as_bytes());
        if let Some(seconds) = self.delay_seconds {
            body.number("DelaySeconds", seconds);
        }
        if self.is_fifo {
            body.digits("MessageGroupId", message.stream.into());
            self.deduplication_id.clear();
            write!(self.deduplication_id, "{}-{}", message.stream, message.sequence).expect("vectors take everything");
            body.string("MessageDeduplicationId", &self.deduplication_id);
        }
    }
}

#[async_trait]
impl Producer for Sender {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        if let [message] = batch {
            let (head, body) = &mut self.one;
            self.members.put(body.restart(), message);
            self.caller.call(head, body.finish()).await?;
            return Ok(Refusals::new());
        }
        let (head, body) = &mut self.many;
        body.restart();
        for message in batch {
            self.members.put(body.entry(), message);
        }
        let answer = self.caller.call(head, body.finish()).await?;
        self.caller.refusals(&answer, batch.len())
    }
}
