//! beanstalkd: a tube for each run; put, reserve and delete.
//!
//! The visibility timeout is the time to run of a job, and like every time of the protocol it is in whole seconds: it is
//! rounded up, and so is the wait of a receive. Delays would be wrong if they were rounded, so those that are not whole
//! seconds are refused.
//!
//! To receive several, the first job is waited for; the others are asked for together, without waiting, as far as there
//! are any. A job that the server drops because it is too big, or puts aside for want of memory, is a refusal of that
//! message. The protocol has neither users nor passwords. Whether a job outlives the server is the server's option
//! (`-b DIRECTORY -f 0`); whether it takes bodies of more than 65,535 bytes is another (`-z`). Version 1.12 does not
//! always take a job back when its time has run out, as long as the connection that holds it is open and silent.
//!
//! How commands and answers are read and written is in `connection`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Address;
use crate::target::{
    Consumer, Delivery, Failure, Kind, Layout, Outgoing, Producer, Promise, Receipt, Refusals, Target,
};
use connection::Connection;

mod connection;
#[cfg(test)]
mod tests;

/// The port that the protocol is known by.
const PORT: u16 = 11_300;
/// How many jobs are removed with one write: enough that round trips do not count, few enough to hold in memory.
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

    /// A tube is there as soon as somebody names it; this is to see whether a beanstalkd answers.
    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        delay(layout.kind)?;
        self.connect().await?.use_tube(&tube(layout)).await
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        let delay = delay(layout.kind)?;
        let mut connection = self.connect().await?;
        connection.use_tube(&tube(layout)).await?;
        // The server takes 0 for 1.
        let time_to_run = whole_seconds(layout.visibility_timeout).max(1);
        Ok(Box::new(Putting { connection, delay, time_to_run }))
    }

    async fn consumer(&self, layout: &Layout, _destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        let mut connection = self.connect().await?;
        connection.watch_only(&tube(layout)).await?;
        Ok(Box::new(Reserving { connection }))
    }

    /// The server forgets a tube once it is empty and nobody names it: this deletes what is left in it. Jobs that are
    /// delayed or were put aside are made ready first.
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

/// The number by which a job is deleted.
fn job(delivery: &Delivery) -> Result<u64, Failure> {
    match delivery.receipt {
        Receipt::Number(number) => Ok(number),
        Receipt::Text(_) => Err(Failure::Unsupported("the delivery is of another broker".to_owned())),
    }
}
