//! beanstalkd: a tube for each run; put, reserve and delete.
//!
//! The visibility timeout is the time to run of a job. Times of the protocol are in whole seconds. The time to run and
//! the wait of a receive are rounded up. Delays that are not whole seconds are refused, because rounding would falsify
//! the result.
//!
//! A receive of several messages waits for the first job, and then reserves others that are ready, without waiting. If
//! the server drops a job because it is too big, or sets it aside for lack of memory, the message counts as refused.
//! The protocol has no users or passwords. Whether a job survives the server is an option of the server (`-b DIRECTORY
//! -f 0`), as is the size of bodies above 65,535 bytes (`-z`). Version 1.12 does not always release a job when its time
//! to run has ended, as long as the connection that holds it is open and silent.
//!
//! `connection` reads and writes commands and responses.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Address;
use crate::target::{
    Consumer, Delivery, Failure, Kind, Layout, Outgoing, Producer, Promise, Refusals, SettleKey, Target,
};
use connection::Connection;

mod connection;
#[cfg(test)]
mod tests;

/// The default port.
const PORT: u16 = 11_300;
/// How many jobs are removed with one write, to save round trips.
const REMOVED_AT_ONCE: usize = 100;

/// A server.
struct Beanstalk {
    host: String,
    port: u16,
}

/// A connection that puts into the tube.
struct Putting {
    connection: Connection,
    delay: u64,
    time_to_run: u64,
}

/// A connection that watches the tube, and no other.
struct Reserving {
    connection: Connection,
}

/// Opens the target of a `beanstalk://` URL.
pub(super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let [] = address.parameters([])?;
    if address.credentials().is_some() {
        return Err(Failure::Unsupported("beanstalkd knows neither users nor passwords".to_owned()));
    }
    let (host, port) = address.host_and_port(PORT)?;
    Ok(Arc::new(Beanstalk { host, port }))
}

impl Beanstalk {
    async fn connect(&self) -> Result<Connection, Failure> {
        Connection::open(&self.host, self.port).await
    }
}

#[async_trait]
impl Target for Beanstalk {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        delay(layout.kind)?;
        Ok(Promise::AT_LEAST_ONCE)
    }

    /// Checks that a beanstalkd responds. The server makes a tube when a client first names it.
    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        delay(layout.kind)?;
        self.connect().await?.use_tube(&tube(layout)).await
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        let delay = delay(layout.kind)?;
        let mut connection = self.connect().await?;
        connection.use_tube(&tube(layout)).await?;
        // The server treats 0 as 1.
        let time_to_run = whole_seconds(layout.visibility_timeout).max(1);
        Ok(Box::new(Putting { connection, delay, time_to_run }))
    }

    async fn consumer(&self, layout: &Layout, _destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        let mut connection = self.connect().await?;
        connection.watch_only(&tube(layout)).await?;
        Ok(Box::new(Reserving { connection }))
    }

    /// Deletes the jobs of the tube. The server removes a tube that is empty and that no client uses. Jobs that are
    /// delayed or were set aside are made ready first.
    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        let mut connection = self.connect().await?;
        let tube = tube(layout);
        connection.use_tube(&tube).await?;
        connection.watch_only(&tube).await?;
        loop {
            let mut jobs = Vec::new();
            connection.reserve(REMOVED_AT_ONCE, 0, &mut jobs).await?;
            if jobs.is_empty() && connection.kick().await? == 0 {
                return Ok(());
            }
            connection.delete(&jobs).await?;
        }
    }
}

#[async_trait]
impl Producer for Putting {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        self.connection.put(batch, self.delay, self.time_to_run).await
    }
}

#[async_trait]
impl Consumer for Reserving {
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        let before = into.len();
        let received = self.connection.reserve(max, whole_seconds(wait), into).await;
        if received.is_err() {
            into.truncate(before);
        }
        received
    }

    async fn settle(&mut self, deliveries: &[Delivery]) -> Result<(), Failure> {
        let gone = self.connection.delete(deliveries).await?;
        if gone == 0 {
            return Ok(());
        }
        let all = deliveries.len();
        Err(Failure::Refused(format!(
            "{gone} of {all} jobs had run out of their time, and are no longer this worker's"
        )))
    }
}

/// The tube of a run.
fn tube(layout: &Layout) -> String {
    format!("{}-tube", layout.prefix)
}

/// The seconds by which jobs are delayed.
fn delay(kind: Kind) -> Result<u64, Failure> {
    match kind {
        Kind::Queue => Ok(0),
        Kind::Delay(delay) if delay.subsec_nanos() == 0 => Ok(delay.as_secs()),
        Kind::Delay(_) => Err(Failure::Unsupported("beanstalkd delays by whole seconds".to_owned())),
        Kind::Fifo => Err(Failure::Unsupported("beanstalkd has no message groups".to_owned())),
        Kind::Fanout { .. } => Err(Failure::Unsupported("beanstalkd has no topics".to_owned())),
    }
}

/// Seconds, rounded up.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// The id of a delivery's job.
fn job(delivery: &Delivery) -> Result<u64, Failure> {
    match delivery.settle_key {
        SettleKey::Number(number) => Ok(number),
        SettleKey::Text(_) => Err(Failure::Unsupported("the delivery is of another broker".to_owned())),
    }
}
