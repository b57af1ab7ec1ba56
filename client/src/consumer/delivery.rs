//! A message as a consumer receives it, and what a program does with it.

use std::borrow::Cow;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use posthouse_wire::Verb;

use crate::consumer::content::{Content, Extras};
use crate::consumer::core::{Core, Place};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Attribute, MessageId, whole_seconds};

/// A message that was received. It is in flight: invisible to other consumers until its visibility timeout passes or it is
/// settled.
///
/// A delivery is settled once, by [`ack`](Self::ack), [`nack`](Self::nack) or [`dead_letter`](Self::dead_letter). If it is
/// dropped, it is given back at once, as by `nack(Duration::ZERO)`. Settlements are written together with others, without
/// a wait; [`ack_durable`](Self::ack_durable) waits for the broker's answer.
///
/// A delivery ends with its connection. What is settled after that has no effect, and the message is delivered again.
///
/// The bytes of a delivery share the buffer of the frame that it came in, up to 2 MiB with its neighbours. A program that
/// keeps parts of a few deliveries for long copies them.
#[must_use = "a delivery that is dropped is given back"]
pub struct Delivery {
    content: Content,
    place: Place,
    core: Arc<Core>,
    /// A flag that a shared delivery can set, because a handler may still hold the delivery when it is settled.
    is_settled: AtomicBool,
}

impl Delivery {
    pub(crate) fn new(content: Content, place: Place, core: Arc<Core>) -> Self {
        Self { content, place, core, is_settled: AtomicBool::new(false) }
    }

    /// The id of the message: the same in all of its deliveries.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        self.content.id
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.content.payload[self.content.body.clone()]
    }

    /// The body as bytes that are shared, not copied.
    #[must_use]
    pub fn body_bytes(&self) -> Bytes {
        self.content.payload.slice(self.content.body.clone())
    }

    /// The body as text. Queues hold nothing but text; bytes that are none are replaced, as by
    /// [`String::from_utf8_lossy`].
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.body())
    }

    /// How often the message was received, this time included.
    #[must_use]
    pub fn receive_count(&self) -> u32 {
        self.content.receive_count
    }

    /// When the broker stored the message.
    #[must_use]
    pub fn sent_at(&self) -> SystemTime {
        time(self.content.sent_ms)
    }

    /// When the message was received for the first time.
    #[must_use]
    pub fn first_received_at(&self) -> SystemTime {
        time(self.content.first_received_ms)
    }

    /// Who sent the message: SQS's `SenderId`.
    #[must_use]
    pub fn sender(&self) -> &str {
        std::str::from_utf8(&self.content.payload[self.content.sender.clone()]).unwrap_or_default()
    }

    /// The sequence number in a FIFO queue. `None` in a standard queue.
    #[must_use]
    pub fn sequence_number(&self) -> Option<u128> {
        Some(self.content.sequence_number).filter(|number| *number != 0)
    }

    /// The message group, if the message has one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.extra(|extras| &extras.group)
    }

    /// The deduplication id, if the message has one.
    #[must_use]
    pub fn deduplication_id(&self) -> Option<&str> {
        self.extra(|extras| &extras.deduplication_id)
    }

    /// The AWS X-Ray trace header, if the message has one.
    #[must_use]
    pub fn trace_header(&self) -> Option<&str> {
        self.extra(|extras| &extras.trace_header)
    }

    /// The ARN of the queue whose dead letter this is, if it is one.
    #[must_use]
    pub fn dead_letter_source(&self) -> Option<&str> {
        self.extra(|extras| &extras.dead_letter_source)
    }

    /// The message attributes, with their names, in the order of the broker.
    #[must_use]
    pub fn attributes(&self) -> &[(String, Attribute)] {
        self.content.extras.as_ref().map_or(&[], |extras| &extras.attributes)
    }

    /// The message attribute with a name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes().iter().find(|(known, _)| known == name).map(|(_, attribute)| attribute)
    }

    /// The message is done: the broker deletes it. The settlement is written with others, and not waited for; if the
    /// connection breaks before, the message is delivered again.
    pub fn ack(self) {
        self.settle(Verb::Delete);
    }

    /// The message is not done: it is visible again after a while, in whole seconds, a fraction counts as one. It counts
    /// as received, so that a queue with a dead-letter queue moves it there after its last receive.
    pub fn nack(self, visible_after: Duration) {
        self.settle(Verb::Release { seconds: whole_seconds(visible_after) });
    }

    /// The message cannot be done: the broker moves it to the dead-letter queue of its queue now. If there is none, the
    /// message stays in flight until its visibility timeout passes; use
    /// [`dead_letter_durable`](Self::dead_letter_durable) to know.
    pub fn dead_letter(self) {
        self.settle(Verb::DeadLetter);
    }

    /// The message is done: waits until the broker has deleted it durably.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::DeliveryEnded`](crate::ErrorKind::DeliveryEnded) if the visibility timeout had passed, or the
    /// connection was lost: the message may be delivered again.
    ///
    /// # Cancellation
    ///
    /// The settlement is made when the method is called, and is not undone.
    pub fn ack_durable(self) -> impl Future<Output = Result<()>> + Send + use<> {
        self.settle_durable(Verb::Delete)
    }

    /// The message is not done: waits until the broker has given it back. See [`nack`](Self::nack).
    ///
    /// # Errors
    ///
    /// As of [`ack_durable`](Self::ack_durable).
    ///
    /// # Cancellation
    ///
    /// As of [`ack_durable`](Self::ack_durable).
    pub fn nack_durable(self, visible_after: Duration) -> impl Future<Output = Result<()>> + Send + use<> {
        self.settle_durable(Verb::Release { seconds: whole_seconds(visible_after) })
    }

    /// The message cannot be done: waits until the broker has moved it to the dead-letter queue.
    ///
    /// # Errors
    ///
    /// As of [`ack_durable`](Self::ack_durable), and `NoDeadLetterQueue` ([`Error::fault_name`]) if the queue has none.
    ///
    /// # Cancellation
    ///
    /// As of [`ack_durable`](Self::ack_durable).
    pub fn dead_letter_durable(self) -> impl Future<Output = Result<()>> + Send + use<> {
        self.settle_durable(Verb::DeadLetter)
    }

    /// Lets the message stay in flight until this long from now, in whole seconds, and waits for the broker's answer.
    ///
    /// # Errors
    ///
    /// As of [`ack_durable`](Self::ack_durable).
    ///
    /// # Cancellation
    ///
    /// As of [`ack_durable`](Self::ack_durable).
    pub fn extend(&self, visibility: Duration) -> impl Future<Output = Result<()>> + Send + use<> {
        let place = self.place;
        let settling = self.check_unsettled().and_then(|()| self.core.extend(place, whole_seconds(visibility)));
        async move {
            let settling = settling?;
            poll_fn(|context| settling.poll(place.number, context)).await
        }
    }

    /// The receipt handle, with which a client of SQS can settle the message instead.
    ///
    /// A delivery whose handle was given away is [kept](Self::keep), so that dropping it does not give it back.
    ///
    /// # Errors
    ///
    /// As of [`ack_durable`](Self::ack_durable).
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn receipt_handle(&self) -> Result<String> {
        self.check_unsettled()?;
        self.core.ask_handle(self.place)?.await.unwrap_or_else(|_| Err(Error::closed("consumer")))
    }

    /// Leaves the message in flight until its visibility timeout passes, or a client of SQS settles it with its
    /// [receipt handle](Self::receipt_handle). It is no longer extended automatically.
    ///
    /// When the connection ends, the broker gives the message back all the same, unless the consumer
    /// [keeps](crate::OnDisconnect::KeepInFlight) its deliveries in flight.
    pub fn keep(self) {
        if self.end() {
            self.core.keep(self.place);
        }
    }

    /// Settles the delivery, unless it was settled before.
    pub(super) fn settle(&self, verb: Verb) {
        if self.end() {
            self.core.settle(self.place, verb);
        }
    }

    fn settle_durable(self, verb: Verb) -> impl Future<Output = Result<()>> + Send + use<> {
        let place = self.place;
        let settling = if self.end() { self.core.settle_watched(place, verb) } else { Err(settled_before()) };
        async move {
            let settling = settling?;
            poll_fn(|context| settling.poll(place.number, context)).await
        }
    }

    /// Notes that the delivery is settled. Returns whether this call is the first one.
    fn end(&self) -> bool {
        !self.is_settled.swap(true, Ordering::Relaxed)
    }

    fn check_unsettled(&self) -> Result<()> {
        if self.is_settled.load(Ordering::Relaxed) { Err(settled_before()) } else { Ok(()) }
    }

    fn extra(&self, field: impl FnOnce(&Extras) -> &String) -> Option<&str> {
        self.content.extras.as_ref().map(|extras| field(extras).as_str()).filter(|text| !text.is_empty())
    }
}

/// Gives the message back, if it was not settled.
impl Drop for Delivery {
    fn drop(&mut self) {
        self.settle(Verb::Release { seconds: 0 });
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("message_id", &self.content.id)
            .field("body_bytes", &self.content.body.len())
            .field("receive_count", &self.content.receive_count)
            .finish_non_exhaustive()
    }
}

fn settled_before() -> Error {
    Error::new(ErrorKind::DeliveryEnded, "the delivery was settled before")
}

fn time(since_1970_ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since_1970_ms)).unwrap_or(SystemTime::UNIX_EPOCH)
}
