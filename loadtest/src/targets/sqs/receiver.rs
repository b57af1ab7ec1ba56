//! A worker that receives: `ReceiveMessage`, and `DeleteMessage` for one delivery, `DeleteMessageBatch` for more.

use std::time::Duration;

use async_trait::async_trait;

use super::{BATCH_ENTRIES_MAX, Endpoint, find_queue, whole_seconds};
use crate::target::{Consumer, Delivery, Failure, SettleKey};
use crate::targets::aws::{Body, Caller, Head, List};

/// The longest that a receive waits.
const WAIT_SECONDS_MAX: u64 = 20;

const LIST: List = List { json: "Entries", query: "DeleteMessageBatchRequestEntry." };

/// A connection that receives from one queue.
pub(in crate::targets) struct Receiver {
    caller: Caller,
    receive: (Head, Body),
    delete_one: (Head, Body),
    delete_many: (Head, Body),
}

impl Receiver {
    /// Connects, and looks up the queue by its name.
    pub(in crate::targets) async fn connect(endpoint: &Endpoint, name: &str) -> Result<Self, Failure> {
        let mut caller = Caller::connect(endpoint).await?;
        let queue = find_queue(&mut caller, name).await?;
        let call =
            |action, list| (queue.head(endpoint, action), Body::new(endpoint, action, ("QueueUrl", &queue.url), list));
        let receive = call("ReceiveMessage", None);
        let delete_one = call("DeleteMessage", None);
        let delete_many = call("DeleteMessageBatch", Some(LIST));
        Ok(Self { caller, receive, delete_one, delete_many })
    }
}

#[async_trait]
impl Consumer for Receiver {
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        let (head, body) = &mut self.receive;
        body.restart().number("MaxNumberOfMessages", max.clamp(1, BATCH_ENTRIES_MAX) as u64);
        body.number("WaitTimeSeconds", whole_seconds(wait).min(WAIT_SECONDS_MAX));
        let answer = self.caller.call(head, body.finish()).await?;
        self.caller.deliveries(&answer, into)
    }

    async fn settle(&mut self, deliveries: &[Delivery]) -> Result<(), Failure> {
        if let [delivery] = deliveries {
            let (head, body) = &mut self.delete_one;
            let body = body.restart().string("ReceiptHandle", handle(delivery)).finish();
            self.caller.call(head, body).await?;
            return Ok(());
        }
        for part in deliveries.chunks(BATCH_ENTRIES_MAX) {
            let (head, body) = &mut self.delete_many;
            body.restart();
            for delivery in part {
                body.entry().string("ReceiptHandle", handle(delivery));
            }
            let answer = self.caller.call(head, body.finish()).await?;
            if let Some((_, why)) = self.caller.refusals(&answer, part.len())?.into_iter().next() {
                return Err(Failure::Refused(why));
            }
        }
        Ok(())
    }
}

fn handle(delivery: &Delivery) -> &[u8] {
    match &delivery.settle_key {
        SettleKey::Text(handle) => handle,
        SettleKey::Number(_) => unreachable!("SQS hands out receipt handles"),
    }
}
