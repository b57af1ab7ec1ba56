//! The rate limit of a consumer: a token bucket that is counted when it is looked at.

use tokio::time::{Duration, Instant};

/// The most seconds that one wait is computed for: a slower rate looks again.
const WAIT_SECONDS_MAX: f64 = 3_600.0;

/// Tokens that accrue at a rate, one for each message. As many are kept as a second brings, and one at least.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: f64,
    tokens: f64,
    counted: Instant,
}

impl Pace {
    /// `per_second` is above zero and finite. The first message needs no wait.
    pub(super) fn new(per_second: f64, now: Instant) -> Self {
        Self { per_second, tokens: per_second.max(1.0), counted: now }
    }

    /// How many messages may be received at `now`.
    pub(super) fn permits(&mut self, now: Instant) -> u32 {
        let elapsed = now.saturating_duration_since(self.counted).as_secs_f64();
        self.counted = now;
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.per_second.max(1.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
        let whole = self.tokens.max(0.0) as u32;
        whole
    }

    /// Counts messages that were received.
    pub(super) fn took(&mut self, messages: u32) {
        self.tokens -= f64::from(messages);
    }

    /// When the next message may be received, if none may at `now`.
    pub(super) fn next(&self, now: Instant) -> Instant {
        let seconds = ((1.0 - self.tokens) / self.per_second).clamp(0.0, WAIT_SECONDS_MAX);
        now + Duration::from_secs_f64(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_brings_as_many_as_the_rate_says() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut pace = Pace::new(10.0, start);
        assert_eq!(pace.permits(at(0.0)), 10);
        pace.took(10);
        assert_eq!(pace.permits(at(0.0)), 0);
        assert_eq!(pace.next(at(0.0)), at(0.1));
        assert_eq!(pace.permits(at(0.55)), 5);
        assert_eq!(pace.permits(at(60.0)), 10, "no more than a second's are kept");
    }

    #[test]
    fn a_rate_below_one_lets_single_messages_pass() {
        let start = Instant::now();
        let mut pace = Pace::new(0.5, start);
        assert_eq!(pace.permits(start), 1);
        pace.took(1);
        assert_eq!(pace.permits(start + Duration::from_secs(1)), 0);
        assert_eq!(pace.next(start + Duration::from_secs(1)), start + Duration::from_secs(2));
        assert_eq!(pace.permits(start + Duration::from_secs(2)), 1);
        let slowest = Pace { per_second: f64::MIN_POSITIVE, tokens: 0.0, counted: start };
        assert_eq!(slowest.next(start), start + Duration::from_secs(3_600));
    }
}
