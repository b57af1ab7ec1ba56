//! A worker that receives: messages that the broker pushes, and their deletion.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use posthouse_client::{Consumer as Incoming, Delivery as Arrived};
use tokio::time::timeout;

use super::lines::Line;
use crate::target::{Consumer, Delivery, Failure, SettleKey};

/// How long a `receive` with a wait of zero waits for messages that the broker has pushed.
const ON_THE_WAY: Duration = Duration::from_millis(1);

pub(super) struct Receiver {
    line: Arc<Line>,
    incoming: Incoming,
    /// What the last `receive` returned, by the numbers of its deliveries.
    held: Vec<Option<Arrived>>,
}

impl Receiver {
    pub(super) async fn open(line: Arc<Line>, queue: &str, prefetch: u32) -> Result<Self, Failure> {
        let opened = line.client().consumer(queue).prefetch(prefetch).open().await;
        let incoming = opened.map_err(|error| line.failure(&error))?;
        Ok(Self { line, incoming, held: Vec::new() })
    }

    fn hold(&mut self, arrived: Arrived, into: &mut Vec<Delivery>) {
        let settle_key = SettleKey::Number(self.held.len() as u64);
        into.push(Delivery { body: arrived.body_bytes(), settle_key });
        self.held.push(Some(arrived));
    }
}

#[async_trait]
impl Consumer for Receiver {
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        self.held.clear();
        let ended = || Failure::Disconnected("the consumer has ended".to_owned());
        let Ok(first) = timeout(wait.max(ON_THE_WAY), self.incoming.try_next()).await else { return Ok(()) };
        let first = first.map_err(|error| self.line.failure(&error))?.ok_or_else(ended)?;
        self.hold(first, into);
        while self.held.len() < max
            && let Some(next) = self.incoming.try_next().now_or_never()
        {
            let next = next.map_err(|error| self.line.failure(&error))?.ok_or_else(ended)?;
            self.hold(next, into);
        }
        Ok(())
    }

    async fn settle(&mut self, deliveries: &[Delivery]) -> Result<(), Failure> {
        let held = deliveries.iter().filter_map(|delivery| self.held.get_mut(index(delivery)).and_then(Option::take));
        let settled = join_all(held.map(Arrived::ack_durable)).await;
        settled.into_iter().collect::<Result<(), _>>().map_err(|error| self.line.failure(&error))
    }
}

fn index(delivery: &Delivery) -> usize {
    match delivery.settle_key {
        SettleKey::Number(index) => usize::try_from(index).expect("an index of `held`"),
        SettleKey::Text(_) => unreachable!("deliveries are numbered"),
    }
}
