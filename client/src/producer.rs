//! Producers: they send to one queue or topic.

mod core;
mod outcome;
mod room;

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use posthouse_wire::Text;
use tokio::sync::oneshot;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use self::core::{Core, Target, Terms};
use self::room::NoRoom;
use crate::connection::Endpoint as _;
use crate::error::{Error, ErrorKind, Result};
use crate::handle::Handle;
use crate::message::{Message, Notification, Sendable};
use crate::window::Window;

pub use outcome::{Confirmation, Sent};

/// `send_all` drops the oldest confirmations that are answered when it has so many.
const PENDING_LOOK: usize = 1_024;

/// Sends notifications to a topic; see [`Producer`].
pub type Publisher = Producer<Notification>;

/// Sends messages to a queue (`Producer<Message>`, or `Producer` for short) or notifications to a topic
/// ([`Publisher`]).
///
/// A producer is cheap to clone, and its clones share one window and one order. Messages that one task enqueues are
/// stored in the order in which they were enqueued.
///
/// # What is sent once
///
/// Each message has a number within its producer. If the connection breaks, the client connects again and sends what was
/// not confirmed, with the same numbers, and the broker stores each number once: on standard queues too. The broker
/// remembers a producer for five minutes after its last message. A connection that is away for two minutes therefore costs
/// nothing. If it is away for longer than that, messages that were sent and not confirmed may fail with
/// [`ErrorKind::OutcomeUnknown`]: at the latest when it is away for five minutes, or when the broker was set up anew or has
/// forgotten the producer because more producers than it remembers have sent since.
///
/// # How messages become frames
///
/// A message is written at once if little is under way. Under load messages gather, up to 512 or 1 MiB, until earlier ones
/// are confirmed. There is nothing to tune: [`send_all`](Self::send_all), or many tasks that
/// [`send`](Self::send), or [`enqueue`](Self::enqueue) in a loop reach the same rates.
///
/// # Dropping
///
/// When the last clone is dropped, messages that are enqueued are still sent, as long as the tokio runtime runs. Nothing
/// reports their failures. Call [`close`](Self::close) or [`flush`](Self::flush) to know.
pub struct Producer<M = Message> {
    shared: Arc<Shared>,
    messages: PhantomData<fn(M)>,
}

struct Shared {
    core: Arc<Core>,
    terms: Terms,
    /// Keeps the client alive.
    _handle: Arc<Handle>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.core.finish();
    }
}

/// Opens a [`Producer`]: made by [`Client::producer`](crate::Client::producer) and
/// [`Client::publisher`](crate::Client::publisher).
#[derive(Debug)]
#[must_use = "a builder does nothing until `open`"]
pub struct ProducerBuilder<M = Message> {
    handle: Arc<Handle>,
    name: String,
    window: Window,
    messages: PhantomData<fn(M)>,
}

impl<M: Sendable> ProducerBuilder<M> {
    pub(crate) fn new(handle: Arc<Handle>, name: String) -> Self {
        Self { handle, name, window: Window::default(), messages: PhantomData }
    }

    /// The most that may be under way. The default is [`Window::default`].
    pub fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// Opens the producer. If there is no connection, waits until there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::AccessDenied`] or [`ErrorKind::Refused`] by the broker,
    /// [`ErrorKind::Closed`] or why the client has given up.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the producer is closed.
    pub async fn open(self) -> Result<Producer<M>> {
        let too_long = |error| Error::with_source(ErrorKind::InvalidArgument, "the name is too long", error);
        Text::new(&self.name).map_err(too_long)?;
        let (sender, receiver) = oneshot::channel();
        let core = Core::new(Target { kind: M::TARGET, name: self.name }, self.window, sender);
        self.handle.registry().add(core.clone())?;
        let terms = receiver.await.unwrap_or_else(|_| Err(core.ended()))?;
        let shared = Shared { core, terms, _handle: self.handle };
        Ok(Producer { shared: Arc::new(shared), messages: PhantomData })
    }
}

impl<M: Sendable> Producer<M> {
    /// Sends a message, and waits until the broker has stored it durably.
    ///
    /// # Errors
    ///
    /// Those of [`enqueue`](Self::enqueue) and of [`Confirmation`].
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before there was room, the message is not sent. If it is dropped later, the message is
    /// sent, and [`flush`](Self::flush) reports its failure.
    pub async fn send(&self, message: impl Into<M>) -> Result<Sent> {
        self.enqueue(message).await?.await
    }

    /// Waits for room in the window, and enqueues a message. The [`Confirmation`] that is returned waits until it is
    /// stored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] for a message that no frame can carry, [`ErrorKind::Closed`] or why the producer
    /// has ended.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the message is not sent. Callers that wait for room get it in the order in which they
    /// came; a call that is made again is the last.
    pub async fn enqueue(&self, message: impl Into<M>) -> Result<Confirmation> {
        let message = message.into();
        let draft = message.draft()?;
        // The tasks of connections get their turn even if there is always room.
        consume_budget().await;
        let core = &self.shared.core;
        let cost = core.room.cost(draft.content_bytes());
        match core.room.try_take(cost) {
            Ok(()) => {}
            Err(NoRoom::Full) => core.room.take(cost).await.map_err(|_| core.ended())?,
            Err(NoRoom::Closed) => return Err(core.ended()),
        }
        core.push(&draft, cost)
    }

    /// Enqueues a message if there is room now. Otherwise the message comes back.
    ///
    /// # Errors
    ///
    /// [`TryEnqueueError::Full`] without room. [`TryEnqueueError::Failed`] for what [`enqueue`](Self::enqueue) fails with.
    pub fn try_enqueue(&self, message: impl Into<M>) -> std::result::Result<Confirmation, TryEnqueueError<M>> {
        let message = message.into();
        let core = &self.shared.core;
        let pushed = message.draft().and_then(|draft| {
            let cost = core.room.cost(draft.content_bytes());
            match core.room.try_take(cost) {
                Ok(()) => core.push(&draft, cost).map(Some),
                Err(NoRoom::Full) => Ok(None),
                Err(NoRoom::Closed) => Err(core.ended()),
            }
        });
        match pushed {
            Ok(Some(confirmation)) => Ok(confirmation),
            Ok(None) => Err(TryEnqueueError::Full(message)),
            Err(error) => Err(TryEnqueueError::Failed { message, error }),
        }
    }

    /// Waits for room at most this long, and enqueues a message. Otherwise the message comes back.
    ///
    /// # Errors
    ///
    /// Those of [`try_enqueue`](Self::try_enqueue).
    ///
    /// # Cancellation
    ///
    /// As of [`enqueue`](Self::enqueue).
    pub async fn enqueue_within(
        &self,
        message: impl Into<M>,
        limit: Duration,
    ) -> std::result::Result<Confirmation, TryEnqueueError<M>> {
        let message = message.into();
        let core = &self.shared.core;
        let taken = match message.draft() {
            Err(error) => Err(error),
            Ok(draft) => {
                consume_budget().await;
                let cost = core.room.cost(draft.content_bytes());
                match timeout(limit, core.room.take(cost)).await {
                    Ok(Ok(())) => core.push(&draft, cost).map(Some),
                    Ok(Err(_)) => Err(core.ended()),
                    Err(_) => Ok(None),
                }
            }
        };
        match taken {
            Ok(Some(confirmation)) => Ok(confirmation),
            Ok(None) => Err(TryEnqueueError::Full(message)),
            Err(error) => Err(TryEnqueueError::Failed { message, error }),
        }
    }

    /// Sends messages in order, in as many frames as it takes, and waits until all are stored.
    ///
    /// # Errors
    ///
    /// The first failure. The messages behind it are sent all the same.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, some of the first messages are sent. [`flush`](Self::flush) reports their failures.
    pub async fn send_all<T: Into<M>>(&self, messages: impl IntoIterator<Item = T>) -> Result<()> {
        let mut all = Ok(());
        let mut pending = VecDeque::new();
        for message in messages {
            match self.enqueue(message).await {
                Ok(confirmation) => pending.push_back(confirmation),
                Err(error) => all = all.and(Err(error)),
            }
            if pending.len() >= PENDING_LOOK {
                while let Some(outcome) = pending.front_mut().and_then(Confirmation::try_outcome) {
                    pending.pop_front();
                    all = all.and(outcome.map(drop));
                }
            }
        }
        for confirmation in pending {
            all = all.and(confirmation.await.map(drop));
        }
        all
    }

    /// Waits until every message that was enqueued before is confirmed or refused.
    ///
    /// # Errors
    ///
    /// The first failure since the last `flush` of a message whose confirmation was dropped.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing: the next call reports the failure.
    pub async fn flush(&self) -> Result<()> {
        self.shared.core.flush().await
    }

    /// Takes no more messages, of clones neither, waits until those that were enqueued are confirmed, and closes the link.
    ///
    /// # Errors
    ///
    /// Those of [`flush`](Self::flush).
    ///
    /// # Cancellation
    ///
    /// The producer is closed when the method is called, whether or not the future is awaited.
    pub fn close(self) -> impl Future<Output = Result<()>> + Send + use<M> {
        self.shared.core.finish();
        async move { self.flush().await }
    }

    /// The ARN of the queue or topic.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.shared.terms.arn
    }

    /// Whether the queue or topic is FIFO: every message needs a group then.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.shared.terms.is_fifo
    }
}

impl Producer<Notification> {
    /// Publishes a notification, and waits until it is durable: [`send`](Producer::send) in the word of topics.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Producer::send).
    ///
    /// # Cancellation
    ///
    /// As of [`send`](Producer::send).
    pub async fn publish(&self, notification: impl Into<Notification>) -> Result<Sent> {
        self.send(notification).await
    }
}

impl<M> Clone for Producer<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), messages: PhantomData }
    }
}

impl<M> fmt::Debug for Producer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("arn", &self.shared.terms.arn).finish_non_exhaustive()
    }
}

/// A message that was not enqueued.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TryEnqueueError<M> {
    /// The window is full.
    Full(M),
    /// The producer does not take the message.
    Failed {
        /// The message.
        message: M,
        /// Why.
        error: Error,
    },
}

impl<M> TryEnqueueError<M> {
    /// The message.
    #[must_use]
    pub fn into_message(self) -> M {
        match self {
            Self::Full(message) | Self::Failed { message, .. } => message,
        }
    }

    /// Whether there will be room later.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl<M> fmt::Display for TryEnqueueError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the window of the producer is full"),
            Self::Failed { error, .. } => error.fmt(f),
        }
    }
}

impl<M: fmt::Debug> std::error::Error for TryEnqueueError<M> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Full(_) => None,
            Self::Failed { error, .. } => Some(error),
        }
    }
}
