//! How long to wait before the next attempt to connect.

use std::time::Duration;

use rand::RngExt as _;

/// The wait after the first failed round over all addresses.
const WAIT_MIN: Duration = Duration::from_millis(50);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Waits that double from 50 ms to 2 s. Each is drawn between half of it and all of it, so that the clients of a broker
/// that restarts do not all come back in the same moment.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: WAIT_MIN }
    }

    /// How long to wait now.
    pub(crate) fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(WAIT_MAX);
        whole.mul_f64(rand::rng().random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_two_seconds_with_jitter_below() {
        let mut backoff = Backoff::new();
        for whole_ms in [50, 100, 200, 400, 800, 1_600, 2_000, 2_000] {
            let whole = Duration::from_millis(whole_ms);
            let wait = backoff.wait();
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
        }
    }
}
