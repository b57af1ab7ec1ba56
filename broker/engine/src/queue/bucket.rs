//! The token bucket of a queue with `MaxReceiveRate`: how many messages may be received now.
//!
//! A `Received` event sets the level ([`Bucket`]). Between two such events the level is computed from the last one, so
//! that reading it changes nothing and errors do not add up.

use core::time::Duration;

use posthouse_model::Timestamp;
use posthouse_model::ranges::ReceiveRate;

/// A token that lacks less than this counts as whole. Rounding errors of the level are far below it.
const EPSILON: f64 = 1e-6;
/// How late a timer may fire without loss: while a receive waits for a token, the level may exceed the burst by the
/// tokens of this time.
const LATENESS_SECONDS: f64 = 0.1;

/// What the receives lack that wait for a metered queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Messages, or nothing: no receive has been waiting since the bucket ran dry.
    #[default]
    Messages,
    /// Tokens: messages are available, and only the bucket holds them back.
    Tokens,
}

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

    /// The tokens at `now`. They are bounded by the burst. If a receive has been waiting for a token, the bound is higher
    /// by the tokens of [`LATENESS_SECONDS`].
    pub(crate) fn level(&self, rate: ReceiveRate, now: Timestamp, lack: Lack) -> f64 {
        let burst = f64::from(rate.burst().get());
        let bound = match lack {
            Lack::Messages => burst,
            Lack::Tokens => burst + rate.per_second() * LATENESS_SECONDS,
        };
        let flowed = self.tokens + now.since(self.at).as_secs_f64() * rate.per_second();
        // Keep tokens above the burst: they accrued while a receive was waiting.
        flowed.min(bound.max(self.tokens))
    }

    /// Whole tokens at `now`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a receive can take")]
    pub(crate) fn whole(&self, rate: ReceiveRate, now: Timestamp, lack: Lack) -> usize {
        (self.level(rate, now, lack) + EPSILON).clamp(0.0, 1000.0) as usize
    }

    /// When there will be one whole token.
    pub(crate) fn next_token(&self, rate: ReceiveRate) -> Timestamp {
        let missing = (1.0 - EPSILON - self.tokens).max(0.0);
        let wait = Duration::try_from_secs_f64(missing / rate.per_second()).unwrap_or(Duration::MAX);
        // Round up to a whole millisecond, the unit of `Timestamp`: a timer that fires early finds no token.
        self.at + wait.saturating_add(Duration::from_micros(999))
    }

    /// The bucket after its queue's rate was changed at `now`. Its tokens are bounded by the new burst.
    pub(crate) fn changed(&self, from: ReceiveRate, to: ReceiveRate, now: Timestamp) -> Self {
        Self { tokens: self.level(from, now, Lack::Messages).min(f64::from(to.burst().get())), at: now }
    }
}
