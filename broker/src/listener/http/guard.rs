//! A panic in a request is a bug of the broker, and concerns that request alone: it becomes an answer.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The future panicked. The panic itself has been reported by the panic hook.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Panicked;

/// Drives `future`, which is not touched again once it has panicked.
pub(super) async fn guarded<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_result() {
        assert_eq!(guarded(async { 1 }).await, Ok(1));
        let late = async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        };
        assert_eq!(guarded(late).await, Err::<(), _>(Panicked));
    }
}
