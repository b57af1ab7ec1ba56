//! The administration of queues, topics and subscriptions: typed methods over [`Client::call`](crate::Client::call).

mod create;
mod moves;
mod output;
mod queues;
mod subscribe;
mod topics;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::error::Result;
use crate::handle::Handle;

pub use create::{CreateQueue, CreateTopic};
pub use moves::{MessageMove, StartMessageMove};
pub use subscribe::{Subscribe, Subscription};

/// The future of a builder that is awaited.
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Administers queues, topics and subscriptions: made by [`Client::admin`](crate::Client::admin).
///
/// A queue is named by its name or its URL, and where a parameter says so by its ARN. A topic is named by its ARN, which
/// [`create_topic`](Self::create_topic) returns, for a topic that exists, too.
///
/// Operations that are not here are called by name, with [`Client::call`](crate::Client::call).
///
/// ```no_run
/// # async fn example(client: posthouse_client::Client) -> posthouse_client::Result<()> {
/// use std::time::Duration;
///
/// let admin = client.admin();
/// admin.create_queue("orders-failed").await?;
/// admin
///     .create_queue("orders")
///     .visibility_timeout(Duration::from_secs(30))
///     .dead_letters_to(&admin.queue_arn("orders-failed").await?, 5)
///     .await?;
/// let topic = admin.create_topic("events").await?;
/// admin.subscribe_queue(&topic, &admin.queue_arn("orders").await?).raw().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Each method fails with the broker's refusal ([`NotFound`](crate::ErrorKind::NotFound),
/// [`AccessDenied`](crate::ErrorKind::AccessDenied), [`Refused`](crate::ErrorKind::Refused)), and with
/// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection was lost after it was written.
///
/// # Cancellation
///
/// If a future is dropped, its operation is not done, or cancelled; it may have taken effect.
#[derive(Clone)]
pub struct Admin {
    handle: Arc<Handle>,
}

impl Admin {
    pub(crate) fn new(handle: Arc<Handle>) -> Self {
        Self { handle }
    }

    async fn call(&self, operation: &str, parameters: Value) -> Result<Value> {
        self.handle.call(operation, parameters).await
    }

    /// A call whose output says nothing.
    async fn run(&self, operation: &str, parameters: Value) -> Result<()> {
        self.call(operation, parameters).await.map(drop)
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}
