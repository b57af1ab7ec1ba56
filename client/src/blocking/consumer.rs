//! Consumers whose methods block.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::blocking::delivery::Delivery;
use crate::blocking::driver::Driver;
use crate::consumer::{OnDisconnect, Stopper};
use crate::error::Result;

/// Opens a [`Consumer`]: made by [`Client::consumer`](super::Client::consumer). Its options are those of
/// [`posthouse_client::ConsumerBuilder`](crate::ConsumerBuilder).
#[derive(Debug)]
#[must_use = "a builder does nothing until `open`"]
pub struct ConsumerBuilder {
    inner: crate::ConsumerBuilder,
    driver: Arc<Driver>,
}

impl ConsumerBuilder {
    pub(super) fn new(inner: crate::ConsumerBuilder, driver: &Arc<Driver>) -> Self {
        Self { inner, driver: Arc::clone(driver) }
    }

    /// See [`posthouse_client::ConsumerBuilder::prefetch`](crate::ConsumerBuilder::prefetch).
    pub fn prefetch(self, deliveries: u32) -> Self {
        Self { inner: self.inner.prefetch(deliveries), ..self }
    }

    /// See [`posthouse_client::ConsumerBuilder::visibility`](crate::ConsumerBuilder::visibility).
    pub fn visibility(self, visibility: Duration) -> Self {
        Self { inner: self.inner.visibility(visibility), ..self }
    }

    /// See [`posthouse_client::ConsumerBuilder::extend_automatically_up_to`](crate::ConsumerBuilder::extend_automatically_up_to).
    pub fn extend_automatically_up_to(self, age: Duration) -> Self {
        Self { inner: self.inner.extend_automatically_up_to(age), ..self }
    }

    /// See [`posthouse_client::ConsumerBuilder::rate_limit`](crate::ConsumerBuilder::rate_limit).
    pub fn rate_limit(self, per_second: f64) -> Self {
        Self { inner: self.inner.rate_limit(per_second), ..self }
    }

    /// See [`posthouse_client::ConsumerBuilder::on_disconnect`](crate::ConsumerBuilder::on_disconnect).
    pub fn on_disconnect(self, on_disconnect: OnDisconnect) -> Self {
        Self { inner: self.inner.on_disconnect(on_disconnect), ..self }
    }

    /// Opens the consumer. If there is no connection, waits until there is one.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::ConsumerBuilder::open`](crate::ConsumerBuilder::open), and
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio runtime.
    pub fn open(self) -> Result<Consumer> {
        let inner = self.driver.wait(self.inner.open())?;
        Ok(Consumer { inner, driver: self.driver })
    }
}

/// Receives the messages of a queue: [`posthouse_client::Consumer`](crate::Consumer), whose methods block. It is an
/// [`Iterator`] of [`Delivery`].
///
/// Several messages are handled at once by several threads: a [`Delivery`] can be sent to another one.
#[must_use = "a consumer that is dropped receives nothing"]
pub struct Consumer {
    inner: crate::Consumer,
    driver: Arc<Driver>,
}

impl Consumer {
    /// Waits for the next message. `None` when the consumer has ended: it failed before, it was
    /// [stopped](Stopper::stop), or the client was closed.
    ///
    /// # Errors
    ///
    /// Why the consumer has ended, once. [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio runtime.
    pub fn try_next(&mut self) -> Result<Option<Delivery>> {
        let next = self.driver.wait(self.inner.try_next())?;
        Ok(next.map(|inner| Delivery::new(inner, &self.driver)))
    }

    /// Waits for the next message at most this long. `None` when there was none until then, or the consumer has ended.
    ///
    /// # Errors
    ///
    /// Those of [`try_next`](Self::try_next).
    pub fn try_next_within(&mut self, limit: Duration) -> Result<Option<Delivery>> {
        let next = async { timeout(limit, self.inner.try_next()).await.unwrap_or(Ok(None)) };
        let next = self.driver.wait(next)?;
        Ok(next.map(|inner| Delivery::new(inner, &self.driver)))
    }

    /// A handle that ends this consumer from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.inner.stopper()
    }

    /// Waits until the broker has answered every settlement that was made before, or their connection is lost.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio runtime.
    pub fn settled(&self) -> Result<()> {
        self.driver.wait(async {
            self.inner.settled().await;
            Ok(())
        })
    }

    /// Gives back what was not taken, waits until the program has settled what it holds and the broker has answered, and
    /// closes the link. A program that holds deliveries on the same thread settles them before.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio runtime. The consumer closes in the background then.
    pub fn close(self) -> Result<()> {
        let closing = self.inner.close();
        self.driver.wait(async {
            closing.await;
            Ok(())
        })
    }

    /// The ARN of the queue.
    #[must_use]
    pub fn arn(&self) -> &str {
        self.inner.arn()
    }

    /// Whether the queue is FIFO.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.inner.is_fifo()
    }

    /// How long a delivery stays invisible to other consumers.
    #[must_use]
    pub fn visibility(&self) -> Duration {
        self.inner.visibility()
    }
}

/// Waits for the next message, as [`Consumer::try_next`].
impl Iterator for Consumer {
    type Item = Result<Delivery>;

    fn next(&mut self) -> Option<Self::Item> {
        self.try_next().transpose()
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
