//! Numbers with a range: spans, counts, rates and sizes that a caller chooses.
//!
//! Each type is valid by construction. A codec converts a number once, with `new` or `TryFrom<i64>`, and words the
//! error from the [`OutOfRange`] that it gets; the engine relies on the type and checks nothing. The bounds themselves
//! are in [`crate::limits`].
//!
//! ```
//! use posthouse_model::ranges::{OutOfRange, VisibilityTimeout};
//!
//! let timeout = VisibilityTimeout::new(30).expect("within twelve hours");
//! assert_eq!(timeout.seconds().get(), 30);
//! assert_eq!(VisibilityTimeout::new(43_201), Err(OutOfRange { value: 43_201, min: 0, max: 43_200 }));
//! ```

use core::fmt;

use crate::limits::*;
use crate::time::{Seconds, Timestamp};

/// A number outside of its range, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The number.
    pub value: i64,
    /// The smallest that is allowed.
    pub min: i64,
    /// The largest that is allowed.
    pub max: i64,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not between {} and {}", self.value, self.min, self.max)
    }
}

impl core::error::Error for OutOfRange {}

/// `value` as an unsigned number, if it is in the range.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two numbers of 32 bits")]
const fn checked(value: i64, min: u32, max: u32) -> Result<u32, OutOfRange> {
    let (min, max) = (min as i64, max as i64);
    if value < min || value > max { Err(OutOfRange { value, min, max }) } else { Ok(value as u32) }
}

macro_rules! range {
    ($(#[$doc:meta])* $name:ident, $min:expr, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        const _: () = assert!($min as i64 <= $max as i64, "the range is not empty");

        impl $name {
            /// The smallest value.
            pub const MIN: Self = Self($min);
            /// The largest value.
            pub const MAX: Self = Self($max);

            /// The value of a number.
            ///
            /// # Errors
            /// [`OutOfRange`] where the number is below [`Self::MIN`] or above [`Self::MAX`].
            pub const fn new(number: i64) -> Result<Self, OutOfRange> {
                match checked(number, $min, $max) {
                    Ok(number) => Ok(Self(number)),
                    Err(error) => Err(error),
                }
            }
        }

        impl TryFrom<i64> for $name {
            type Error = OutOfRange;

            fn try_from(number: i64) -> Result<Self, OutOfRange> {
                Self::new(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident, $min:expr, $max:expr;)*) => {$(
        range! { $(#[$doc])* $name, $min, $max }

        impl $name {
            /// The number.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }
        }
    )*};
}

macro_rules! spans {
    ($($(#[$doc:meta])* $name:ident, $min:expr, $max:expr;)*) => {$(
        range! { $(#[$doc])* $name, $min, $max }

        impl $name {
            /// The span.
            #[must_use]
            pub const fn seconds(self) -> Seconds {
                Seconds::new(self.0)
            }
        }
    )*};
}

numbers! {
    /// How many messages one receive returns at most, 1 to 1,024.
    MessageCount, 1, NATIVE_RECEIVE_MESSAGES_MAX;
    /// `MaxNumberOfMessages`: how many messages one receive of SQS returns at most, 1 to 10.
    SqsMessageCount, 1, RECEIVE_MESSAGES_MAX;
    /// `MaximumMessageSize` of a queue, in bytes: 1 KiB to 1 MiB.
    MessageSizeLimit, MAXIMUM_MESSAGE_SIZE_FLOOR_BYTES, MAXIMUM_MESSAGE_SIZE_BYTES;
    /// `MaximumMessageSize` of a topic, in bytes: 1 KiB to 1 MiB.
    TopicMessageSizeLimit, TOPIC_MESSAGE_SIZE_MIN_BYTES, TOPIC_MESSAGE_SIZE_MAX_BYTES;
    /// `maxReceiveCount` of a `RedrivePolicy`: receives of a message before it is moved, 1 to 1,000.
    MaxReceiveCount, MAX_RECEIVE_COUNT_MIN, MAX_RECEIVE_COUNT_MAX;
    /// `MaxNumberOfMessagesPerSecond` of a message move task, 1 to 500.
    MoveRate, 1, MOVE_TASK_RATE_MAX;
    /// `MaxReceiveBurst`: messages that may be received at once after a pause, 1 to 1,000,000.
    ReceiveBurst, 1, RECEIVE_BURST_MAX;
}

spans! {
    /// `DelaySeconds` of a queue or a message: how long a message that was sent stays invisible, 0 to 900 s.
    Delay, 0, DELAY_SECONDS_MAX;
    /// `VisibilityTimeout`: how long a message that was received stays invisible, 0 to 43,200 s.
    VisibilityTimeout, 0, VISIBILITY_TIMEOUT_SECONDS_MAX;
    /// `WaitTimeSeconds` and `ReceiveMessageWaitTimeSeconds`: how long a client's receive waits for a message, 0 to
    /// 20 s.
    WaitTime, 0, RECEIVE_WAIT_SECONDS_MAX;
    /// `MessageRetentionPeriod`: how long a message is kept, 60 to 1,209,600 s.
    RetentionPeriod, RETENTION_SECONDS_MIN, RETENTION_SECONDS_MAX;
    /// `KmsDataKeyReusePeriodSeconds`, 60 to 86,400 s. It is kept and shown, and has no other effect.
    KeyReusePeriod, KMS_REUSE_SECONDS_MIN, KMS_REUSE_SECONDS_MAX;
}

impl From<SqsMessageCount> for MessageCount {
    fn from(count: SqsMessageCount) -> Self {
        Self(count.0)
    }
}

impl Delay {
    /// No delay: what a queue has that does not set one.
    pub const ZERO: Self = Self::MIN;
}

impl VisibilityTimeout {
    /// What a queue has that does not set one: 30 s.
    pub const DEFAULT: Self = Self(VISIBILITY_TIMEOUT_SECONDS_DEFAULT);
}

impl WaitTime {
    /// No wait: what a queue has that does not set one.
    pub const ZERO: Self = Self::MIN;
}

impl RetentionPeriod {
    /// What a queue has that does not set one: four days.
    pub const DEFAULT: Self = Self(RETENTION_SECONDS_DEFAULT);
}

impl KeyReusePeriod {
    /// What a queue has that does not set one: 300 s.
    pub const DEFAULT: Self = Self(KMS_REUSE_SECONDS_DEFAULT);
}

/// How long a receive waits where there is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveWait {
    /// A client's: it is answered with no message when this time is over, at once where it is zero.
    AtMost(WaitTime),
    /// The broker's own: it waits until there is a message or the queue is deleted.
    Forever,
}

impl ReceiveWait {
    /// The receive does not wait.
    pub const ZERO: Self = Self::AtMost(WaitTime::ZERO);

    /// When a receive that begins at `now` is answered with no message.
    #[must_use]
    pub fn deadline(self, now: Timestamp) -> Timestamp {
        match self {
            Self::AtMost(wait) => now + wait.seconds(),
            Self::Forever => now + Seconds::FOREVER,
        }
    }
}

impl From<WaitTime> for ReceiveWait {
    fn from(wait: WaitTime) -> Self {
        Self::AtMost(wait)
    }
}

/// `MaxResults`: how many results one page of a listing has at most, 1 to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize<const MAX: u32>(u32);

impl<const MAX: u32> PageSize<MAX> {
    /// A page of one result.
    pub const ONE: Self = Self(1);
    /// The largest page.
    pub const MAX: Self = Self(MAX);

    /// The size of this number of results.
    ///
    /// # Errors
    /// [`OutOfRange`] where the number is below 1 or above `MAX`.
    pub const fn new(number: i64) -> Result<Self, OutOfRange> {
        const { assert!(MAX >= 1, "a page holds a result") }
        match checked(number, 1, MAX) {
            Ok(number) => Ok(Self(number)),
            Err(error) => Err(error),
        }
    }

    /// The number of results.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const MAX: u32> TryFrom<i64> for PageSize<MAX> {
    type Error = OutOfRange;

    fn try_from(number: i64) -> Result<Self, OutOfRange> {
        Self::new(number)
    }
}

/// `MaxReceiveRate` and `MaxReceiveBurst`, Posthouse's own attributes: how fast the consumers of a queue may receive.
/// It is a token bucket that holds `burst` messages and refills at `per_second`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReceiveRate {
    per_second: f64,
    burst: ReceiveBurst,
}

impl ReceiveRate {
    /// A rate of [`RECEIVE_RATE_MIN`] to [`RECEIVE_RATE_MAX`] messages a second, which may be fractional, with a burst
    /// of what one second refills, rounded up. `None` where the rate is outside of that range or not a number.
    #[must_use]
    pub fn new(per_second: f64) -> Option<Self> {
        let burst = one_second_of(per_second);
        (RECEIVE_RATE_MIN..=RECEIVE_RATE_MAX).contains(&per_second).then_some(Self { per_second, burst })
    }

    /// The same rate with this burst.
    #[must_use]
    pub const fn with_burst(self, burst: ReceiveBurst) -> Self {
        Self { burst, ..self }
    }

    /// At most this many messages a second and in one burst. A number outside of either range becomes its nearest end.
    #[must_use]
    pub fn at_most(per_second: u32) -> Self {
        let burst = ReceiveBurst(per_second.clamp(1, RECEIVE_BURST_MAX));
        Self { per_second: f64::from(per_second).clamp(RECEIVE_RATE_MIN, RECEIVE_RATE_MAX), burst }
    }

    /// Messages a second.
    #[must_use]
    pub const fn per_second(self) -> f64 {
        self.per_second
    }

    /// Messages that may be received at once after a pause.
    #[must_use]
    pub const fn burst(self) -> ReceiveBurst {
        self.burst
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of the burst")]
fn one_second_of(per_second: f64) -> ReceiveBurst {
    ReceiveBurst(per_second.ceil().clamp(1.0, f64::from(RECEIVE_BURST_MAX)) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_belong_to_a_range() {
        assert_eq!(SqsMessageCount::new(1), Ok(SqsMessageCount::MIN));
        assert_eq!(SqsMessageCount::new(10), Ok(SqsMessageCount::MAX));
        for value in [i64::MIN, -1, 0, 11, i64::from(u32::MAX) + 2, i64::MAX] {
            assert_eq!(SqsMessageCount::new(value), Err(OutOfRange { value, min: 1, max: 10 }));
        }
        assert_eq!(MessageCount::new(1024), Ok(MessageCount::MAX));
        assert_eq!(Delay::new(0), Ok(Delay::ZERO));
        assert_eq!(PageSize::<100>::new(100), Ok(PageSize::MAX));
        assert_eq!(PageSize::<100>::new(101), Err(OutOfRange { value: 101, min: 1, max: 100 }));
    }

    #[test]
    fn a_rate_has_a_burst() {
        let burst = |rate: f64| ReceiveRate::new(rate).map(|rate| rate.burst().get());
        assert_eq!(burst(2.5), Some(3));
        assert_eq!(burst(RECEIVE_RATE_MIN), Some(1));
        assert_eq!(burst(RECEIVE_RATE_MAX), Some(1_000_000));
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1_000_000.1] {
            assert_eq!(burst(rate), None, "{rate}");
        }
        let most = ReceiveRate::at_most(u32::MAX);
        assert_eq!((most.per_second(), most.burst()), (RECEIVE_RATE_MAX, ReceiveBurst::MAX));
    }
}
