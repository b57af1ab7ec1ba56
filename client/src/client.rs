//! The client: made by a builder, connected once, then connected again whenever that is needed.

mod builder;

use std::fmt;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::admin::Admin;
use crate::consumer::ConsumerBuilder;
use crate::error::Result;
use crate::handle::Handle;
use crate::message::{Message, Notification};
use crate::producer::ProducerBuilder;

pub use builder::ClientBuilder;

/// A client of one broker, or of the members of one cluster. It has one connection at a time, which all of its producers,
/// consumers and calls share. It is cheap to clone.
///
/// If the connection is lost, the client connects again: it tries the addresses in turn, with a wait between 50 ms and
/// 2 s that grows and is random in part. Producers send again what was not confirmed, consumers go on receiving. Calls
/// that had been written fail with [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown); the others wait.
///
/// # Dropping
///
/// When the client and everything that was made from it is dropped, what was enqueued is still sent, as long as the
/// tokio runtime runs, and the connection is closed.
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
    task: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

impl Client {
    /// A builder of a client. `url` has one or more addresses, with commas between them, and the way that frames travel:
    ///
    /// - `posthouse://host:port,host:port`: TCP, without encryption;
    /// - `posthouse+tls://…`: TLS over TCP;
    /// - `posthouse+quic://…`: QUIC, which is encrypted, too.
    ///
    /// The port is 9326 if it is left out.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(url.into())
    }

    /// A producer that sends to the queue with this name, ARN or URL.
    pub fn producer(&self, queue: impl Into<String>) -> ProducerBuilder<Message> {
        ProducerBuilder::new(Arc::clone(&self.handle), queue.into())
    }

    /// A producer that publishes to the topic with this name or ARN.
    pub fn publisher(&self, topic: impl Into<String>) -> ProducerBuilder<Notification> {
        ProducerBuilder::new(Arc::clone(&self.handle), topic.into())
    }

    /// A consumer that receives from the queue with this name, ARN or URL.
    pub fn consumer(&self, queue: impl Into<String>) -> ConsumerBuilder {
        ConsumerBuilder::new(Arc::clone(&self.handle), queue.into())
    }

    /// The administration of queues, topics and subscriptions.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::new(Arc::clone(&self.handle))
    }

    /// Calls any operation of SQS or SNS: `sqs.CreateQueue` with the parameters of its input, under the names of AWS's
    /// service models. Returns its output in the same form. [`admin`](Self::admin) has most of them as methods.
    ///
    /// A `QueueUrl` may be the name of a queue.
    ///
    /// ```no_run
    /// # async fn example(client: posthouse_client::Client) -> posthouse_client::Result<()> {
    /// use serde_json::json;
    ///
    /// let output = client.call("sqs.GetQueueAttributes", json!({"QueueUrl": "orders", "AttributeNames": ["All"]})).await?;
    /// println!("{}", output["Attributes"]["ApproximateNumberOfMessages"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The broker's refusal. [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection was lost after the call was written.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the call is not made, or cancelled. It may have taken effect.
    pub async fn call(&self, operation: &str, parameters: serde_json::Value) -> Result<serde_json::Value> {
        self.handle.call(operation, parameters).await
    }

    /// Takes nothing new, waits until producers have had their answers and consumers have settled what the program holds,
    /// and closes the connection. Clones of this client, its producers and its consumers are closed, too.
    ///
    /// It waits as long as the program holds deliveries, and as long as no broker can be reached and messages are
    /// enqueued.
    ///
    /// # Cancellation
    ///
    /// The client begins to close when the method is called. If the future is dropped, it closes in the background.
    pub fn close(self) -> impl Future<Output = ()> + Send + use<> {
        self.handle.registry().close();
        self.ended()
    }

    /// Waits until the client's task has ended. The future does not keep the client alive.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let task = Arc::clone(&self.task);
        async move {
            let mut task = task.lock().await;
            if let Some(running) = task.as_mut() {
                // The task does not panic, and is cancelled only with its runtime.
                let _ = running.await;
                *task = None;
            }
        }
    }
}

/// Without credentials.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
