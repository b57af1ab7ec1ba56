//! Producers whose methods block.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::blocking::driver::{Driver, check_outside};
use crate::error::Result;
use crate::message::{Message, Notification, Sendable};
use crate::producer::{Sent, TryEnqueueError};
use crate::window::Window;

/// Sends notifications to a topic; see [`Producer`].
pub type Publisher = Producer<Notification>;

/// Opens a [`Producer`]: made by [`Client::producer`](super::Client::producer) and
/// [`Client::publisher`](super::Client::publisher).
#[derive(Debug)]
#[must_use = "a builder does nothing until `open`"]
pub struct ProducerBuilder<M = Message> {
    inner: crate::ProducerBuilder<M>,
    driver: Arc<Driver>,
}

impl<M: Sendable> ProducerBuilder<M> {
    pub(super) fn new(inner: crate::ProducerBuilder<M>, driver: &Arc<Driver>) -> Self {
        Self { inner, driver: Arc::clone(driver) }
    }

    /// The most that may be under way. The default is [`Window::default`].
    pub fn window(self, window: Window) -> Self {
        Self { inner: self.inner.window(window), driver: self.driver }
    }

    /// Opens the producer. If there is no connection, waits until there is one.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::ProducerBuilder::open`](crate::ProducerBuilder::open), and
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio runtime.
    pub fn open(self) -> Result<Producer<M>> {
        let inner = self.driver.wait(self.inner.open())?;
        Ok(Producer { inner, driver: self.driver })
    }
}

/// Sends messages to a queue (`Producer<Message>`, or `Producer` for short) or notifications to a topic
/// ([`Publisher`]): [`posthouse_client::Producer`](crate::Producer), whose methods block. It is cheap to clone.
///
/// Each method fails as there, and with [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio runtime if
/// it may block.
pub struct Producer<M = Message> {
    inner: crate::Producer<M>,
    driver: Arc<Driver>,
}

impl<M: Sendable> Producer<M> {
    /// Sends a message, and waits until the broker has stored it durably.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::Producer::send`](crate::Producer::send).
    pub fn send(&self, message: impl Into<M>) -> Result<Sent> {
        self.driver.wait(self.inner.send(message))
    }

    /// Waits for room in the window, and enqueues a message.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::Producer::enqueue`](crate::Producer::enqueue).
    pub fn enqueue(&self, message: impl Into<M>) -> Result<Confirmation> {
        let inner = self.driver.wait(self.inner.enqueue(message))?;
        Ok(Confirmation { inner, driver: Arc::clone(&self.driver) })
    }

    /// Enqueues a message if there is room now. Otherwise the message comes back. It does not block.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::Producer::try_enqueue`](crate::Producer::try_enqueue).
    pub fn try_enqueue(&self, message: impl Into<M>) -> std::result::Result<Confirmation, TryEnqueueError<M>> {
        let inner = self.inner.try_enqueue(message)?;
        Ok(Confirmation { inner, driver: Arc::clone(&self.driver) })
    }

    /// Waits for room at most this long, and enqueues a message. Otherwise the message comes back.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::Producer::enqueue_within`](crate::Producer::enqueue_within).
    pub fn enqueue_within(
        &self,
        message: impl Into<M>,
        limit: Duration,
    ) -> std::result::Result<Confirmation, TryEnqueueError<M>> {
        let message = message.into();
        if let Err(error) = check_outside() {
            return Err(TryEnqueueError::Failed { message, error });
        }
        let inner = self.driver.block_on(self.inner.enqueue_within(message, limit))?;
        Ok(Confirmation { inner, driver: Arc::clone(&self.driver) })
    }

    /// Sends messages in order, in as many frames as it takes, and waits until all are stored.
    ///
    /// # Errors
    ///
    /// The first failure. The messages behind it are sent all the same.
    pub fn send_all<T: Into<M>>(&self, messages: impl IntoIterator<Item = T>) -> Result<()> {
        self.driver.wait(self.inner.send_all(messages))
    }

    /// Waits until every message that was enqueued before is confirmed or refused.
    ///
    /// # Errors
    ///
    /// The first failure since the last `flush` of a message whose confirmation was dropped.
    pub fn flush(&self) -> Result<()> {
        self.driver.wait(self.inner.flush())
    }

    /// Takes no more messages, of clones neither, waits until those that were enqueued are confirmed, and closes the link.
    ///
    /// # Errors
    ///
    /// Those of [`flush`](Self::flush).
    pub fn close(self) -> Result<()> {
        self.driver.wait(self.inner.close())
    }

    /// The ARN of the queue or topic.
    #[must_use]
    pub fn arn(&self) -> &str {
        self.inner.arn()
    }

    /// Whether the queue or topic is FIFO: every message needs a group then.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.inner.is_fifo()
    }
}

impl Producer<Notification> {
    /// Publishes a notification, and waits until it is durable: [`send`](Producer::send) in the word of topics.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Producer::send).
    pub fn publish(&self, notification: impl Into<Notification>) -> Result<Sent> {
        self.send(notification)
    }
}

impl<M> Clone for Producer<M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), driver: Arc::clone(&self.driver) }
    }
}

impl<M> fmt::Debug for Producer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// The confirmation of one message that was enqueued.
///
/// The message is sent whether or not the confirmation is waited for. If it is dropped, the next
/// [`flush`](Producer::flush) reports a failure of the message.
#[derive(Debug)]
pub struct Confirmation {
    inner: crate::Confirmation,
    driver: Arc<Driver>,
}

impl Confirmation {
    /// Waits until the broker has stored the message durably, or has refused it.
    ///
    /// # Errors
    ///
    /// Those of [`posthouse_client::Confirmation`](crate::Confirmation).
    pub fn wait(self) -> Result<Sent> {
        self.driver.wait(self.inner)
    }
}
