//! When a delivery that failed is tried again: the schedules of SNS's protocols.

use crate::endpoint::SubscriptionProtocol;
use crate::time::Seconds;

/// How delays grow from the minimum to the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackoffFunction {
    /// `linear`: each delay is longer than the last by the same time.
    Linear,
    /// `arithmetic`: what is added grows evenly: one part, two parts, three.
    Arithmetic,
    /// `geometric`: each delay is the same multiple of the last.
    Geometric,
    /// `exponential`: what is added doubles every time.
    Exponential,
}

impl BackoffFunction {
    const ALL: [Self; 4] = [Self::Linear, Self::Arithmetic, Self::Geometric, Self::Exponential];

    /// The function as SNS writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Arithmetic => "arithmetic",
            Self::Geometric => "geometric",
            Self::Exponential => "exponential",
        }
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.as_str() == name)
    }

    /// The delay of `step` of `steps` (the first is 0): the first has the minimum, the last the maximum.
    ///
    /// SNS names the functions and shows their curves, but gives no formulas; these are the plain meaning of the names.
    fn delay(self, step: u32, steps: u32, min: Seconds, max: Seconds) -> Seconds {
        if step == 0 || steps < 2 {
            return min;
        }
        let (first, last) = (f64::from(min.get()), f64::from(max.get()));
        let (step, end) = (f64::from(step), f64::from(steps - 1));
        let seconds = match self {
            Self::Linear => first + (last - first) * step / end,
            Self::Arithmetic => first + (last - first) * (step * (step + 1.0)) / (end * (end + 1.0)),
            Self::Geometric => first * (last / first).powf(step / end),
            // 2^step / 2^end without the large numbers; where there are many steps all but the last few are short.
            Self::Exponential => first + (last - first) * ((step - end).exp2() - (-end).exp2()) / (1.0 - (-end).exp2()),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two spans of u32")]
        Seconds::new(seconds.round() as u32)
    }
}

/// When a delivery that failed is tried again: how many retries each phase has, and their delays. It is one of the
/// constants, or comes from a document within the limits of [`RETRIES_MAX`](crate::limits::RETRIES_MAX) and
/// [`RETRY_DELAYS_TOTAL_MAX_SECONDS`](crate::limits::RETRY_DELAYS_TOTAL_MAX_SECONDS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySchedule {
    /// Retries at once.
    pub(super) immediate: u32,
    /// Retries after the minimum delay.
    pub(super) pre_backoff: u32,
    /// Retries after delays that grow.
    pub(super) backoff: u32,
    /// Retries after the maximum delay.
    pub(super) post_backoff: u32,
    /// The minimum delay.
    pub(super) delay_min: Seconds,
    /// The maximum delay.
    pub(super) delay_max: Seconds,
    /// How delays grow.
    pub(super) function: BackoffFunction,
}

impl RetrySchedule {
    /// HTTP(S) without a delivery policy: three retries, 20 seconds apart.
    pub const HTTP_DEFAULT: Self = Self {
        immediate: 0,
        pre_backoff: 0,
        backoff: 3,
        post_backoff: 0,
        delay_min: Seconds::new(20),
        delay_max: Seconds::new(20),
        function: BackoffFunction::Linear,
    };
    /// Lambda and Firehose: 100,015 retries over 23 days.
    pub const MANAGED: Self = Self {
        immediate: 3,
        pre_backoff: 2,
        backoff: 10,
        post_backoff: 100_000,
        delay_min: Seconds::new(1),
        delay_max: Seconds::new(20),
        function: BackoffFunction::Exponential,
    };
    /// E-mail, SMS and mobile push: 50 retries over six hours.
    pub const PERSONAL: Self = Self {
        immediate: 0,
        pre_backoff: 2,
        backoff: 10,
        post_backoff: 38,
        delay_min: Seconds::new(10),
        delay_max: Seconds::new(600),
        function: BackoffFunction::Exponential,
    };

    /// The schedule of a protocol. HTTP(S)'s is what holds without a delivery policy.
    #[must_use]
    pub const fn of(protocol: SubscriptionProtocol) -> &'static Self {
        use SubscriptionProtocol as Protocol;
        match protocol {
            Protocol::Http | Protocol::Https => &Self::HTTP_DEFAULT,
            Protocol::Firehose | Protocol::Lambda | Protocol::Sqs => &Self::MANAGED,
            Protocol::Application | Protocol::Email | Protocol::EmailJson | Protocol::Sms => &Self::PERSONAL,
        }
    }

    /// How many retries there are.
    #[must_use]
    pub const fn retries(&self) -> u32 {
        self.immediate + self.pre_backoff + self.backoff + self.post_backoff
    }

    /// The delay before `retry`, counted from 1; `None` where the schedule has fewer retries.
    #[must_use]
    pub fn delay_before_retry(&self, retry: u32) -> Option<Seconds> {
        let mut index = retry.checked_sub(1)?;
        if index < self.immediate {
            return Some(Seconds::ZERO);
        }
        index -= self.immediate;
        if index < self.pre_backoff {
            return Some(self.delay_min);
        }
        index -= self.pre_backoff;
        if index < self.backoff {
            return Some(self.function.delay(index, self.backoff, self.delay_min, self.delay_max));
        }
        (index - self.backoff < self.post_backoff).then_some(self.delay_max)
    }

    /// All delays together.
    #[must_use]
    pub fn total_seconds(&self) -> u64 {
        let growing = (0..self.backoff).map(|step| {
            let delay = self.function.delay(step, self.backoff, self.delay_min, self.delay_max);
            u64::from(delay.get())
        });
        u64::from(self.pre_backoff) * u64::from(self.delay_min.get())
            + growing.sum::<u64>()
            + u64::from(self.post_backoff) * u64::from(self.delay_max.get())
    }
}

// Source: "Amazon SNS message delivery retries" in the SNS developer guide.
const _: () = assert!(RetrySchedule::HTTP_DEFAULT.retries() == 3);
const _: () = assert!(RetrySchedule::MANAGED.retries() == 100_015);
const _: () = assert!(RetrySchedule::PERSONAL.retries() == 50);

#[cfg(test)]
mod tests {
    use super::*;

    /// All delays in order; `a×n` where `n` are alike.
    fn written(schedule: &RetrySchedule) -> String {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for retry in 1.. {
            match (schedule.delay_before_retry(retry), runs.last_mut()) {
                (None, _) => break,
                (Some(delay), Some((last, count))) if *last == delay.get() => *count += 1,
                (Some(delay), _) => runs.push((delay.get(), 1)),
            }
        }
        let text = runs.iter().map(|(delay, count)| match count {
            1 => delay.to_string(),
            _ => format!("{delay}×{count}"),
        });
        text.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_function_grows_its_own_way() {
        for (function, min, max, steps, delays) in [
            ("linear", 10, 50, 5, "10 20 30 40 50"),
            ("arithmetic", 10, 50, 5, "10 14 22 34 50"),
            ("geometric", 1, 16, 5, "1 2 4 8 16"),
            ("exponential", 5, 35, 5, "5 7 11 19 35"),
            ("linear", 20, 20, 3, "20×3"),
            ("arithmetic", 20, 20, 3, "20×3"),
            ("geometric", 20, 20, 3, "20×3"),
            ("exponential", 20, 20, 3, "20×3"),
            ("linear", 1, 100, 2, "1 100"),
            ("arithmetic", 1, 100, 2, "1 100"),
            ("geometric", 1, 100, 2, "1 100"),
            ("exponential", 1, 100, 2, "1 100"),
            ("linear", 1, 3600, 1, "1"),
            ("exponential", 1, 3600, 1, "1"),
            ("exponential", 1, 20, 10, "1×4 2×2 3 6 10 20"),
            ("linear", 1, 20, 0, ""),
        ] {
            let schedule = RetrySchedule {
                immediate: 0,
                pre_backoff: 0,
                backoff: steps,
                post_backoff: 0,
                delay_min: Seconds::new(min),
                delay_max: Seconds::new(max),
                function: BackoffFunction::find(function).expect("known"),
            };
            assert_eq!(written(&schedule), delays, "{function} {min}..{max} in {steps}");
        }
    }

    #[test]
    fn phases_follow_each_other() {
        let schedule = RetrySchedule {
            immediate: 2,
            pre_backoff: 3,
            backoff: 4,
            post_backoff: 2,
            delay_min: Seconds::new(5),
            delay_max: Seconds::new(20),
            function: BackoffFunction::Linear,
        };
        assert_eq!(written(&schedule), "0×2 5×4 10 15 20×3");
        assert_eq!(schedule.total_seconds(), 3 * 5 + 50 + 2 * 20);
        assert_eq!(schedule.delay_before_retry(0), None, "the first attempt is no retry");
        assert_eq!(schedule.delay_before_retry(12), None);
        assert_eq!(schedule.delay_before_retry(u32::MAX), None);
    }

    #[test]
    fn each_protocol_has_the_schedule_that_sns_documents() {
        for (protocol, delays, retries, days) in [
            ("http", "20×3", 3, 0.0007),
            ("lambda", "0×3 1×6 2×2 3 6 10 20×100001", 100_015, 23.15),
            ("firehose", "0×3 1×6 2×2 3 6 10 20×100001", 100_015, 23.15),
            ("email", "10×3 11 13 18 27 46 83 157 304 600×39", 50, 0.27),
            ("sms", "10×3 11 13 18 27 46 83 157 304 600×39", 50, 0.27),
            ("application", "10×3 11 13 18 27 46 83 157 304 600×39", 50, 0.27),
        ] {
            let schedule = RetrySchedule::of(protocol.parse().expect("known"));
            assert_eq!(written(schedule), delays, "{protocol}");
            assert_eq!(schedule.retries(), retries, "{protocol}");
            let total = Seconds::new(u32::try_from(schedule.total_seconds()).expect("days")).duration().as_secs_f64();
            assert!((total / 86_400.0 - days).abs() < days * 0.1 + 0.001, "{protocol}: {total} seconds");
        }
    }
}
