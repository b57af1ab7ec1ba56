//! The token bucket of a queue with `MaxReceiveRate`: how many messages may be received now.
//!
//! The level is only written down when messages are received ([`Bucket`] is then the level that the event says), and
//! computed from there at any other time: so there is no drift, and reading it changes nothing.

use core::time::Duration;

use posthouse_model::Timestamp;
use posthouse_model::ranges::ReceiveRate;

/// Rounding errors of the level are far below this; a token that is this close to whole is whole.
const EPSILON: f64 = 1e-6;
/// While a consumer waits for a token, what flows in because its timer fires late is not lost, up to this much.
const LATENESS_SECONDS: f64 = 0.1;

/// The level at some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) tokens: f64,
    pub(crate) at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full(rate: ReceiveRate, now: Timestamp) -> Self {
        Self { tokens: f64::from(rate.burst().get()), at: now }
    }

    /// The tokens at `now`. `starved` says that a consumer has been waiting since the bucket was dry: then it is not
    /// the burst that bounds them but [`LATENESS_SECONDS`].
    pub(crate) fn level(&self, rate: ReceiveRate, now: Timestamp, starved: bool) -> f64 {
        let burst = f64::from(rate.burst().get());
        let bound = if starved { burst + rate.per_second() * LATENESS_SECONDS } else { burst };
        let flowed = self.tokens + now.since(self.at).as_secs_f64() * rate.per_second();
        // What was above the burst already is kept: it was earned while somebody waited.
        flowed.min(bound.max(self.tokens))
    }

    /// Whole tokens at `now`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a receive can take")]
    pub(crate) fn whole(&self, rate: ReceiveRate, now: Timestamp, starved: bool) -> usize {
        (self.level(rate, now, starved) + EPSILON).clamp(0.0, 1000.0) as usize
    }

    /// When there will be one whole token.
    pub(crate) fn next_token(&self, rate: ReceiveRate) -> Timestamp {
        let missing = (1.0 - EPSILON - self.tokens).max(0.0);
        let wait = Duration::try_from_secs_f64(missing / rate.per_second()).unwrap_or(Duration::MAX);
        // `Timestamp` cuts parts of a millisecond, and a token that is nearly there is not there.
        self.at + wait.saturating_add(Duration::from_micros(999))
    }

    /// The bucket of another rate from now on, with no more in it than that one holds.
    pub(crate) fn changed(&self, from: ReceiveRate, to: ReceiveRate, now: Timestamp) -> Self {
        Self { tokens: self.level(from, now, false).min(f64::from(to.burst().get())), at: now }
    }
}
