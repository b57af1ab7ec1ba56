//! The tasks of `Consumer::for_each_concurrent`: each handles one message and settles it by the result.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use posthouse_wire::Verb;
use tokio::task::JoinError;

use crate::consumer::delivery::Delivery;
use crate::message::whole_seconds;

/// A message whose handler has not returned. When it is dropped it gives the message back: at once if its task was
/// aborted, after the program's time if its handler panicked, because such a message is likely to fail again.
pub(super) struct Attempt {
    delivery: Arc<Delivery>,
    retry_after_s: u32,
}

impl Attempt {
    pub(super) fn new(delivery: Delivery, retry_after: Duration) -> Self {
        Self { delivery: Arc::new(delivery), retry_after_s: whole_seconds(retry_after) }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let seconds = if std::thread::panicking() { self.retry_after_s } else { 0 };
        self.delivery.settle(Verb::Release { seconds });
    }
}

/// Handles a message, and settles it.
pub(super) async fn handle<F, Handling, E>(handler: Arc<F>, attempt: Attempt)
where
    F: Fn(Arc<Delivery>) -> Handling,
    Handling: Future<Output = Result<(), E>>,
    E: fmt::Display,
{
    let delivery = &attempt.delivery;
    match handler(Arc::clone(delivery)).await {
        Ok(()) => delivery.settle(Verb::Delete),
        Err(error) => {
            tracing::debug!(id = %delivery.message_id(), %error, "a message is given back");
            delivery.settle(Verb::Release { seconds: attempt.retry_after_s });
        }
    }
}

/// Logs a panic of a handler.
pub(super) fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended.map_err(|error| error.to_string()) {
        tracing::error!(error, "the handler of a message panicked; the message is given back");
    }
}
