//! Panics of requests. A panic is a bug of the broker, and must end its own request only: it becomes a result.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// The future panicked. The panic itself has been reported by the panic hook.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Panicked;

/// Polls `future` to its end. A future that has panicked is not polled again. It is pinned by the caller, because a future
/// that is moved is copied, and that of a request has some thousand bytes.
///
/// # Errors
/// [`Panicked`] if it panicked.
pub(super) async fn guarded<F: Future>(mut future: Pin<&mut F>) -> Result<F::Output, Panicked> {
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_result() {
        assert_eq!(guarded(pin!(async { 1 })).await, Ok(1));
        let late = async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        };
        assert_eq!(guarded(pin!(late)).await, Err::<(), _>(Panicked));
    }
}
