//! The signal that the broker stops: raised once by `serve`, awaited by every task that runs until then.

use tokio::sync::watch;

/// Raises the signal. Dropping it raises the signal too.
pub struct Stop(watch::Sender<bool>);

/// Waits for the signal. Clones wait for the same one.
#[derive(Clone)]
pub struct Stopping(watch::Receiver<bool>);

/// A signal that has not been raised, and what waits for it.
#[must_use]
pub fn channel() -> (Stop, Stopping) {
    let (sender, receiver) = watch::channel(false);
    (Stop(sender), Stopping(receiver))
}

impl Stop {
    /// Raises the signal.
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Returns once the signal has been raised; at once if it already was.
    pub async fn requested(&mut self) {
        // The error says that `Stop` was dropped, which raises the signal as well.
        let _ = self.0.wait_for(|requested| *requested).await;
    }
}
