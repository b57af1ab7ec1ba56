//! Consumers: they receive from one queue.

mod alive;
mod concurrent;
mod content;
mod core;
mod delivery;
mod settlements;
mod stopper;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use posthouse_wire::{RateLimit, Text};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::task::coop::poll_proceed;

use self::concurrent::{Attempt, handle, report};
use self::core::{Core, Options, Terms, extend_automatically};
use crate::error::{Error, ErrorKind, Result};
use crate::handle::Handle;
use crate::message::whole_seconds;

pub use core::OnDisconnect;
pub use delivery::Delivery;
pub use stopper::Stopper;

/// Deliveries that are unsettled at once unless a program says otherwise: a few frames of the size that is good for the
/// broker, and few enough that a program that takes 50 ms for each is done within the visibility timeout of 30 seconds.
const PREFETCH: u32 = 256;
/// The largest prefetch.
const PREFETCH_MAX: u32 = 65_536;

/// Opens a [`Consumer`]: made by [`Client::consumer`](crate::Client::consumer).
#[derive(Debug)]
#[must_use = "a builder does nothing until `open`"]
pub struct ConsumerBuilder {
    handle: Arc<Handle>,
    options: Options,
    /// Not checked yet.
    rate_limit: Option<f64>,
}

impl ConsumerBuilder {
    pub(crate) fn new(handle: Arc<Handle>, queue: String) -> Self {
        let options = Options {
            queue,
            prefetch: PREFETCH,
            visibility_s: None,
            extend_up_to: None,
            rate_limit: None,
            on_disconnect: OnDisconnect::default(),
        };
        Self { handle, options, rate_limit: None }
    }

    /// The most deliveries that are unsettled at once: those that the client holds ready, and those that the program
    /// works on. The broker sends more as these are settled. From 1 to 65,536; the default is 256.
    ///
    /// Whatever the number, the broker sends no more than about 4 MiB ahead.
    pub fn prefetch(mut self, deliveries: u32) -> Self {
        self.options.prefetch = deliveries.clamp(1, PREFETCH_MAX);
        self
    }

    /// How long a delivery stays invisible to other consumers, in whole seconds; a fraction counts as one. It begins when
    /// the broker sends the delivery, and so runs while the client holds it ready. The default is the queue's
    /// visibility timeout.
    pub fn visibility(mut self, visibility: Duration) -> Self {
        self.options.visibility_s = Some(whole_seconds(visibility));
        self
    }

    /// Extends the visibility timeout of every delivery that is not settled, again and again, until it is this old. So a
    /// short visibility timeout, after which the messages of a program that crashed are delivered again, goes with work
    /// that takes long.
    pub fn extend_automatically_up_to(mut self, age: Duration) -> Self {
        self.options.extend_up_to = Some(age);
        self
    }

    /// The most messages a second that this consumer receives. It holds beside the queue's own `MaxReceiveRate`.
    pub fn rate_limit(mut self, per_second: f64) -> Self {
        self.rate_limit = Some(per_second);
        self
    }

    /// What becomes of deliveries that are not settled when the connection breaks. The default is
    /// [`OnDisconnect::Release`].
    pub fn on_disconnect(mut self, on_disconnect: OnDisconnect) -> Self {
        self.options.on_disconnect = on_disconnect;
        self
    }

    /// Opens the consumer. If there is no connection, waits until there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] for a rate limit that is not above zero and finite. [`ErrorKind::NotFound`],
    /// [`ErrorKind::AccessDenied`] or [`ErrorKind::Refused`] by the broker. [`ErrorKind::Closed`] or why the client has
    /// given up.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the consumer is closed, and what it was sent is given back.
    pub async fn open(mut self) -> Result<Consumer> {
        let invalid = |text: &str| Error::new(ErrorKind::InvalidArgument, text);
        Text::new(&self.options.queue).map_err(|_| invalid("the name of the queue is too long"))?;
        if let Some(rate) = self.rate_limit {
            let limit = RateLimit::per_second(rate);
            self.options.rate_limit = Some(limit.ok_or_else(|| invalid("a rate limit is above zero and finite"))?);
        }
        let (sender, receiver) = oneshot::channel();
        let extend_up_to = self.options.extend_up_to;
        let core = Core::new(self.options, sender);
        self.handle.registry().add(core.clone())?;
        let terms = receiver.await.unwrap_or_else(|_| Err(Error::closed("consumer")))?;
        if let Some(up_to) = extend_up_to.filter(|_| !terms.visibility.is_zero()) {
            tokio::spawn(extend_automatically(Arc::downgrade(&core), up_to));
        }
        Ok(Consumer { core, terms, _handle: self.handle })
    }
}

/// Receives the messages of a queue: a [`Stream`] of [`Delivery`].
///
/// After a failure, such as that the queue was deleted, the stream ends. A connection that is lost is no failure: the
/// consumer goes on with the next one.
///
/// A queue delivers at least once: after a lost connection, or a visibility timeout that has passed, a message comes
/// again.
///
/// # Dropping
///
/// What was not taken is given back. Deliveries that the program holds can still be settled.
#[must_use = "a consumer that is dropped receives nothing"]
pub struct Consumer {
    core: Arc<Core>,
    terms: Terms,
    /// Keeps the client alive.
    _handle: Arc<Handle>,
}

impl Consumer {
    /// Waits for the next message. `None` when the consumer has ended: it failed before, or the client was closed.
    ///
    /// # Errors
    ///
    /// Why the consumer has ended; once.
    ///
    /// # Cancellation
    ///
    /// No message is lost if the future is dropped.
    pub async fn try_next(&mut self) -> Result<Option<Delivery>> {
        poll_fn(|context| self.poll_delivery(context)).await.transpose()
    }

    /// Handles messages, up to `limit` at once, until the consumer ends: acknowledges those whose handler returns `Ok`,
    /// and gives back those whose handler returns `Err`, to be visible after `retry_after`. A `limit` of 0 counts as 1.
    ///
    /// Each handler runs in a task of its own, so that handlers use all threads of the runtime. A handler gets the
    /// delivery in an [`Arc`], because this method settles it afterwards: a clone that a handler keeps can be read, and
    /// no longer extended.
    ///
    /// ```no_run
    /// # async fn example(orders: posthouse_client::Consumer) -> posthouse_client::Result<()> {
    /// use std::time::Duration;
    ///
    /// let stopper = orders.stopper();
    /// tokio::spawn(async move {
    ///     // A service would wait for SIGTERM.
    ///     tokio::time::sleep(Duration::from_secs(60)).await;
    ///     stopper.stop();
    /// });
    /// orders.for_each_concurrent(64, Duration::from_secs(5), async |order| {
    ///     println!("{}", order.text());
    ///     Ok::<(), std::io::Error>(())
    /// }).await
    /// # }
    /// ```
    ///
    /// # Stopping
    ///
    /// After [`Stopper::stop`], and when the client is [closed](crate::Client::close), no handler is begun any more.
    /// Messages that no handler has got are given back at once. The future returns when the handlers that run have
    /// ended and the broker has answered their settlements.
    ///
    /// # Panics
    ///
    /// A panic of a handler ends its own task: the message is given back, to be visible after `retry_after`, and the
    /// others are handled as before. The panic is logged as an error. A message that makes its handler panic again and
    /// again goes to the dead-letter queue, if the queue has one.
    ///
    /// # Errors
    ///
    /// Why the consumer has ended. The messages at work are handled to the end before. Errors of handlers are logged,
    /// and do not end the consumer.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the handlers are aborted at their next `await`, and their messages are given back at
    /// once.
    pub async fn for_each_concurrent<F, Handling, E>(
        mut self,
        limit: usize,
        retry_after: Duration,
        handler: F,
    ) -> Result<()>
    where
        F: Fn(Arc<Delivery>) -> Handling + Send + Sync + 'static,
        Handling: Future<Output = std::result::Result<(), E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        let handler = Arc::new(handler);
        let mut at_work = JoinSet::new();
        let mut is_over = false;
        let mut all = Ok(());
        while !is_over || !at_work.is_empty() {
            tokio::select! {
                Some(ended) = at_work.join_next(), if !at_work.is_empty() => report(ended),
                next = self.try_next(), if !is_over && at_work.len() < limit.max(1) => match next {
                    Ok(Some(delivery)) => {
                        at_work.spawn(handle(Arc::clone(&handler), Attempt::new(delivery, retry_after)));
                    }
                    Ok(None) => is_over = true,
                    Err(error) => {
                        is_over = true;
                        all = Err(error);
                    }
                },
            }
        }
        self.settled().await;
        all
    }

    /// A handle that ends this consumer from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper::new(&self.core)
    }

    /// Waits until the broker has answered every settlement that was made before, or their connection is lost.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn settled(&self) {
        self.core.settled().await;
    }

    /// Gives back what was not taken, waits until the program has settled what it holds and the broker has answered, and
    /// closes the link.
    ///
    /// # Cancellation
    ///
    /// The consumer stops when the method is called. If the future is dropped, it closes in the background.
    pub fn close(self) -> impl Future<Output = ()> + Send + use<> {
        self.core.stop();
        async move { self.core.closed().await }
    }

    /// The ARN of the queue.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.terms.arn
    }

    /// Whether the queue is FIFO.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.terms.is_fifo
    }

    /// How long a delivery stays invisible to other consumers.
    #[must_use]
    pub fn visibility(&self) -> Duration {
        self.terms.visibility
    }

    fn poll_delivery(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Delivery>>> {
        // The tasks of connections get their turn even if there is always a delivery.
        let budget = ready!(poll_proceed(context));
        let next = self.core.poll_next(context);
        if next.is_ready() {
            budget.made_progress();
        }
        next.map_ok(|(place, content)| Delivery::new(content, place, Arc::clone(&self.core)))
    }
}

impl Stream for Consumer {
    type Item = Result<Delivery>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Delivery>>> {
        self.poll_delivery(context)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.core.stop();
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("arn", &self.terms.arn).finish_non_exhaustive()
    }
}
