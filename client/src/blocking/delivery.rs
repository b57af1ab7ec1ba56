//! Messages that were received, with settlements that block.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::blocking::driver::{Driver, check_outside};
use crate::error::Result;
use crate::message::{Attribute, MessageId};

/// A message that was received: [`posthouse_client::Delivery`](crate::Delivery), whose methods block. If it is dropped, it
/// is given back at once.
///
/// Each method that waits fails as there, and with [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio
/// runtime. A delivery that is not settled because of that is given back.
#[must_use = "a delivery that is dropped is given back"]
pub struct Delivery {
    inner: crate::Delivery,
    driver: Arc<Driver>,
}

impl Delivery {
    pub(super) fn new(inner: crate::Delivery, driver: &Arc<Driver>) -> Self {
        Self { inner, driver: Arc::clone(driver) }
    }

    /// The id of the message: the same in all of its deliveries.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        self.inner.message_id()
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.inner.body()
    }

    /// The body as bytes that are shared, not copied.
    #[must_use]
    pub fn body_bytes(&self) -> Bytes {
        self.inner.body_bytes()
    }

    /// The body as text: see [`posthouse_client::Delivery::text`](crate::Delivery::text).
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.inner.text()
    }

    /// How often the message was received, this time included.
    #[must_use]
    pub fn receive_count(&self) -> u32 {
        self.inner.receive_count()
    }

    /// When the broker stored the message.
    #[must_use]
    pub fn sent_at(&self) -> SystemTime {
        self.inner.sent_at()
    }

    /// When the message was received for the first time.
    #[must_use]
    pub fn first_received_at(&self) -> SystemTime {
        self.inner.first_received_at()
    }

    /// Who sent the message: SQS's `SenderId`.
    #[must_use]
    pub fn sender(&self) -> &str {
        self.inner.sender()
    }

    /// The sequence number in a FIFO queue. `None` in a standard queue.
    #[must_use]
    pub fn sequence_number(&self) -> Option<u128> {
        self.inner.sequence_number()
    }

    /// The message group, if the message has one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.inner.group()
    }

    /// The deduplication id, if the message has one.
    #[must_use]
    pub fn deduplication_id(&self) -> Option<&str> {
        self.inner.deduplication_id()
    }

    /// The AWS X-Ray trace header, if the message has one.
    #[must_use]
    pub fn trace_header(&self) -> Option<&str> {
        self.inner.trace_header()
    }

    /// The ARN of the queue whose dead letter this is, if it is one.
    #[must_use]
    pub fn dead_letter_source(&self) -> Option<&str> {
        self.inner.dead_letter_source()
    }

    /// The message attributes, with their names, in the order of the broker.
    #[must_use]
    pub fn attributes(&self) -> &[(String, Attribute)] {
        self.inner.attributes()
    }

    /// The message attribute with a name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.inner.attribute(name)
    }

    /// The message is done. It does not block: see [`posthouse_client::Delivery::ack`](crate::Delivery::ack).
    pub fn ack(self) {
        self.inner.ack();
    }

    /// The message is not done. It does not block: see [`posthouse_client::Delivery::nack`](crate::Delivery::nack).
    pub fn nack(self, visible_after: Duration) {
        self.inner.nack(visible_after);
    }

    /// The message cannot be done. It does not block: see
    /// [`posthouse_client::Delivery::dead_letter`](crate::Delivery::dead_letter).
    pub fn dead_letter(self) {
        self.inner.dead_letter();
    }

    /// Leaves the message in flight. It does not block: see [`posthouse_client::Delivery::keep`](crate::Delivery::keep).
    pub fn keep(self) {
        self.inner.keep();
    }

    /// The message is done: waits until the broker has deleted it.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::Delivery::ack_durable`](crate::Delivery::ack_durable).
    pub fn ack_durable(self) -> Result<()> {
        check_outside()?;
        self.driver.wait(self.inner.ack_durable())
    }

    /// The message is not done: waits until the broker has made it visible again, or has noted when.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::Delivery::nack_durable`](crate::Delivery::nack_durable).
    pub fn nack_durable(self, visible_after: Duration) -> Result<()> {
        check_outside()?;
        self.driver.wait(self.inner.nack_durable(visible_after))
    }

    /// The message cannot be done: waits until the broker has moved it to the dead-letter queue.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::Delivery::dead_letter_durable`](crate::Delivery::dead_letter_durable).
    pub fn dead_letter_durable(self) -> Result<()> {
        check_outside()?;
        self.driver.wait(self.inner.dead_letter_durable())
    }

    /// Lets the message stay in flight until this long from now, and waits for the broker's answer.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::Delivery::extend`](crate::Delivery::extend).
    pub fn extend(&self, visibility: Duration) -> Result<()> {
        check_outside()?;
        self.driver.wait(self.inner.extend(visibility))
    }

    /// The receipt handle, with which a client of SQS can settle the message instead.
    ///
    /// # Errors
    ///
    /// As of [`posthouse_client::Delivery::receipt_handle`](crate::Delivery::receipt_handle).
    pub fn receipt_handle(&self) -> Result<String> {
        self.driver.wait(self.inner.receipt_handle())
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
