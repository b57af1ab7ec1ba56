//! What became of an attempt, and what follows from it.

use std::borrow::Cow;

use posthouse_model::delivery_policy::RetrySchedule;
use posthouse_model::operation::Settlement;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) result: Result,
    /// The status of the answer, where there was one.
    pub(super) status: Option<u16>,
    /// What is logged.
    pub(super) reason: Cow<'static, str>,
}

/// Whether it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Result {
    /// It did.
    Delivered,
    /// It did not, but may yet.
    Later,
    /// It never will.
    Never,
}

impl Outcome {
    /// It arrived.
    pub(super) const fn delivered() -> Self {
        Self { result: Result::Delivered, status: None, reason: Cow::Borrowed("") }
    }

    /// It may arrive another time.
    pub(super) fn later(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { result: Result::Later, status: None, reason: reason.into() }
    }

    /// It cannot arrive.
    pub(super) fn never(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { result: Result::Never, status: None, reason: reason.into() }
    }

    /// What a status means, as SNS documents it: 100 to 199, 429 and 500 to 599 may change; whatever else is not a
    /// success will not. So a redirect is a failure: it is not followed.
    pub(super) const fn of_status(status: u16) -> Self {
        let (result, reason) = match status {
            200..=299 => (Result::Delivered, ""),
            100..=199 | 429 | 500.. => (Result::Later, "the endpoint refused it for now"),
            300..=399 => (Result::Never, "redirects are not followed"),
            _ => (Result::Never, "the endpoint refused it"),
        };
        Self { result, status: Some(status), reason: Cow::Borrowed(reason) }
    }

    /// What becomes of a delivery after its attempt number `attempt`, counted from 1.
    pub(super) fn settlement(&self, schedule: &RetrySchedule, attempt: u32) -> Settlement {
        match self.result {
            Result::Delivered => Settlement::Delivered,
            Result::Never => Settlement::Failed,
            Result::Later => schedule.delay_before_retry(attempt).map_or(Settlement::Failed, Settlement::Retry),
        }
    }
}

#[cfg(test)]
mod tests {
    use posthouse_model::{Seconds, SubscriptionProtocol};

    use super::*;

    #[test]
    fn statuses() {
        for (status, result) in [
            (101, Result::Later),
            (200, Result::Delivered),
            (204, Result::Delivered),
            (299, Result::Delivered),
            (300, Result::Never),
            (301, Result::Never),
            (304, Result::Never),
            (307, Result::Never),
            (400, Result::Never),
            (401, Result::Never),
            (404, Result::Never),
            (408, Result::Never),
            (410, Result::Never),
            (428, Result::Never),
            (429, Result::Later),
            (430, Result::Never),
            (500, Result::Later),
            (503, Result::Later),
            (599, Result::Later),
        ] {
            assert_eq!(Outcome::of_status(status).result, result, "{status}");
        }
    }

    #[test]
    fn the_count_of_attempts_decides() {
        let http = RetrySchedule::of(SubscriptionProtocol::Http);
        let retry = Settlement::Retry(Seconds(20));
        for (outcome, attempt, settlement) in [
            (Outcome::delivered(), 1, Settlement::Delivered),
            (Outcome::delivered(), 100, Settlement::Delivered),
            (Outcome::never(""), 1, Settlement::Failed),
            (Outcome::later(""), 1, retry),
            (Outcome::later(""), 3, retry),
            (Outcome::later(""), 4, Settlement::Failed),
        ] {
            assert_eq!(outcome.settlement(http, attempt), settlement, "{outcome:?} {attempt}");
        }
    }
}
