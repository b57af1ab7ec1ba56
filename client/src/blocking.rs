//! The client for programs without an asynchronous runtime: the same verbs, each of which blocks its thread.
//!
//! A [`Client`] of this module owns one thread, with a tokio runtime on it, that drives its connection. Methods of the
//! facade wait on the thread that calls them. Everything can be shared and sent between threads.
//!
//! ```no_run
//! use std::time::Duration;
//! use posthouse_client::Message;
//! use posthouse_client::blocking::Client;
//!
//! # fn example() -> posthouse_client::Result<()> {
//! let client = Client::builder("posthouse://127.0.0.1:9326").credentials("AKIAORDERS", "secret").connect()?;
//! let orders = client.producer("orders").open()?;
//! orders.send("hello")?;
//!
//! // Without a wait for each message: `flush` reports the first failure.
//! for number in 0..1_000 {
//!     orders.enqueue(Message::new(format!("order {number}")))?;
//! }
//! orders.flush()?;
//!
//! let mut incoming = client.consumer("orders").prefetch(64).open()?;
//! while let Some(order) = incoming.try_next_within(Duration::from_secs(10))? {
//!     println!("{}", order.text());
//!     order.ack();
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What has no method here is waited for with [`Client::wait`], such as the [administration](crate::Admin):
//!
//! ```no_run
//! # fn example(client: posthouse_client::blocking::Client) -> posthouse_client::Result<()> {
//! let admin = client.admin();
//! client.wait(admin.create_queue("orders"))?;
//! client.wait(admin.purge_queue("orders"))?;
//! # Ok(())
//! # }
//! ```
//!
//! # Within a tokio runtime
//!
//! A method that would block fails with [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when it is called on a
//! thread of a tokio runtime, in a task as well as in `spawn_blocking`: the runtime could not run the task that would end
//! the wait. Such a program has no need of this module. It awaits [`posthouse_client::Client`](crate::Client), in
//! `spawn_blocking` with `Handle::block_on`. Methods that do not wait, such as [`Delivery::ack`], work anywhere.
//!
//! # Dropping
//!
//! When the client and everything that was made from it is dropped, what was enqueued is still sent, and the thread ends.
//! A process that exits before loses it: call [`Client::close`] or [`Producer::flush`].

mod consumer;
mod delivery;
mod driver;
mod producer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::driver::Driver;
use crate::error::Result;
use crate::message::{Message, Notification};

pub use consumer::{Consumer, ConsumerBuilder};
pub use delivery::Delivery;
pub use producer::{Confirmation, Producer, ProducerBuilder, Publisher};

/// A client of one broker, or of the members of one cluster: [`posthouse_client::Client`](crate::Client), whose methods
/// block.
#[derive(Clone)]
pub struct Client {
    inner: crate::Client,
    driver: Arc<Driver>,
}

impl Client {
    /// A builder of a client: see [`posthouse_client::Client::builder`](crate::Client::builder).
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder { inner: crate::Client::builder(url) }
    }

    /// A producer that sends to the queue with this name, ARN or URL.
    pub fn producer(&self, queue: impl Into<String>) -> ProducerBuilder<Message> {
        ProducerBuilder::new(self.inner.producer(queue), &self.driver)
    }

    /// A producer that publishes to the topic with this name or ARN.
    pub fn publisher(&self, topic: impl Into<String>) -> ProducerBuilder<Notification> {
        ProducerBuilder::new(self.inner.publisher(topic), &self.driver)
    }

    /// A consumer that receives from the queue with this name, ARN or URL.
    pub fn consumer(&self, queue: impl Into<String>) -> ConsumerBuilder {
        ConsumerBuilder::new(self.inner.consumer(queue), &self.driver)
    }

    /// The administration of queues, topics and subscriptions. Its methods return futures, for [`Client::wait`].
    #[must_use]
    pub fn admin(&self) -> crate::Admin {
        self.inner.admin()
    }

    /// Calls any operation of SQS or SNS: see [`posthouse_client::Client::call`](crate::Client::call).
    ///
    /// # Errors
    ///
    /// As there, and [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio runtime.
    pub fn call(&self, operation: &str, parameters: serde_json::Value) -> Result<serde_json::Value> {
        self.driver.wait(self.inner.call(operation, parameters))
    }

    /// Waits for a future of this crate.
    ///
    /// # Errors
    ///
    /// The future's, and [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio runtime.
    pub fn wait<T>(&self, future: impl IntoFuture<Output = Result<T>>) -> Result<T> {
        self.driver.wait(future.into_future())
    }

    /// Takes nothing new, waits until producers have had their answers and consumers have settled what the program holds,
    /// and closes the connection: see [`posthouse_client::Client::close`](crate::Client::close). A program that holds
    /// deliveries on the same thread settles them before.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio runtime. The client closes in the background
    /// then.
    pub fn close(self) -> Result<()> {
        let closing = self.inner.close();
        self.driver.wait(async {
            closing.await;
            Ok(())
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// Makes a [`Client`]: see [`Client::builder`], and [`posthouse_client::ClientBuilder`](crate::ClientBuilder) for the
/// options.
#[derive(Debug)]
#[must_use = "a builder does nothing until `connect`"]
pub struct ClientBuilder {
    inner: crate::ClientBuilder,
}

impl ClientBuilder {
    /// See [`posthouse_client::ClientBuilder::credentials`](crate::ClientBuilder::credentials).
    pub fn credentials(self, access_key_id: impl AsRef<str>, secret: impl AsRef<str>) -> Self {
        Self { inner: self.inner.credentials(access_key_id, secret) }
    }

    /// See [`posthouse_client::ClientBuilder::region`](crate::ClientBuilder::region).
    pub fn region(self, region: impl Into<String>) -> Self {
        Self { inner: self.inner.region(region) }
    }

    /// See [`posthouse_client::ClientBuilder::connect_timeout`](crate::ClientBuilder::connect_timeout).
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { inner: self.inner.connect_timeout(timeout) }
    }

    /// See [`posthouse_client::ClientBuilder::give_up_after`](crate::ClientBuilder::give_up_after).
    pub fn give_up_after(self, limit: Duration) -> Self {
        Self { inner: self.inner.give_up_after(limit) }
    }

    /// See [`posthouse_client::ClientBuilder::tls`](crate::ClientBuilder::tls).
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: crate::Tls) -> Self {
        Self { inner: self.inner.tls(tls) }
    }

    /// Connects: tries each address once, in order.
    ///
    /// # Errors
    ///
    /// Those of [`posthouse_client::ClientBuilder::connect`](crate::ClientBuilder::connect), and
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) within a tokio runtime or if the system gives no thread.
    pub fn connect(self) -> Result<Client> {
        let (inner, driver) = Driver::start(self.inner)?;
        Ok(Client { inner, driver })
    }
}
