//! How an attempt ended, and the settlement that follows.

use std::borrow::Cow;
use std::sync::Arc;

use posthouse_model::Seconds;
use posthouse_model::delivery_policy::RetrySchedule;
use posthouse_model::notification::PushFailure;
use posthouse_model::operation::Settlement;

use crate::metrics::Counted;

/// How long a message waits in its queue whose attempt could not be made.
pub(super) const UNMADE_PAUSE: Seconds = Seconds::new(1);

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) result: AttemptResult,
    /// The status of the response, if there was one.
    pub(super) status: Option<u16>,
    /// The reason, for the log and the dead letter.
    pub(super) reason: Cow<'static, str>,
}

/// Whether the message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttemptResult {
    /// It did.
    Delivered,
    /// It did not, but may yet.
    Later,
    /// It will not.
    Never,
    /// The attempt was not made, because the broker had no file for a connection.
    Unmade,
}

impl Outcome {
    /// It arrived.
    pub(super) const fn delivered() -> Self {
        Self { result: AttemptResult::Delivered, status: None, reason: Cow::Borrowed("") }
    }

    /// It may arrive another time.
    pub(super) fn later(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { result: AttemptResult::Later, status: None, reason: reason.into() }
    }

    /// It was not tried, for want of a file.
    pub(super) fn unmade(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { result: AttemptResult::Unmade, status: None, reason: reason.into() }
    }

    /// It cannot arrive.
    pub(super) fn never(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { result: AttemptResult::Never, status: None, reason: reason.into() }
    }

    /// What a status means, as SNS documents it: after 100 to 199, 429 and 500 to 599 the message is tried again; after
    /// any other but 200 to 299 it is not. A redirect is a failure, because it is not followed.
    pub(super) const fn of_status(status: u16) -> Self {
        let (result, reason) = match status {
            200..=299 => (AttemptResult::Delivered, ""),
            100..=199 | 429 | 500.. => (AttemptResult::Later, "the endpoint refused it for now"),
            300..=399 => (AttemptResult::Never, "redirects are not followed"),
            _ => (AttemptResult::Never, "the endpoint refused it"),
        };
        Self { result, status: Some(status), reason: Cow::Borrowed(reason) }
    }

    /// How an attempt counts that ended like this and is settled so.
    pub(super) const fn counted(&self, settlement: &Settlement) -> Counted {
        match (self.result, settlement) {
            (AttemptResult::Delivered, _) => Counted::Delivered,
            (AttemptResult::Later | AttemptResult::Never | AttemptResult::Unmade, Settlement::Retry(_)) => {
                Counted::Retried
            }
            (
                AttemptResult::Later | AttemptResult::Never | AttemptResult::Unmade,
                Settlement::Delivered | Settlement::Failed(_),
            ) => Counted::Failed,
        }
    }

    /// The settlement of a delivery after its attempt number `attempt`, counted from 1.
    pub(super) fn settlement(&self, schedule: &RetrySchedule, attempt: u32) -> Settlement {
        match self.result {
            AttemptResult::Delivered => Settlement::Delivered,
            AttemptResult::Never => self.failed(),
            AttemptResult::Unmade => Settlement::Retry(UNMADE_PAUSE),
            AttemptResult::Later => {
                schedule.delay_before_retry(attempt).map_or_else(|| self.failed(), Settlement::Retry)
            }
        }
    }

    fn failed(&self) -> Settlement {
        Settlement::Failed(Arc::new(PushFailure::new(self.status, &self.reason)))
    }
}

#[cfg(test)]
mod tests {
    use posthouse_model::SubscriptionProtocol;

    use super::*;

    #[test]
    fn statuses() {
        for (status, result) in [
            (101, AttemptResult::Later),
            (200, AttemptResult::Delivered),
            (204, AttemptResult::Delivered),
            (299, AttemptResult::Delivered),
            (300, AttemptResult::Never),
            (301, AttemptResult::Never),
            (304, AttemptResult::Never),
            (307, AttemptResult::Never),
            (400, AttemptResult::Never),
            (401, AttemptResult::Never),
            (404, AttemptResult::Never),
            (408, AttemptResult::Never),
            (410, AttemptResult::Never),
            (428, AttemptResult::Never),
            (429, AttemptResult::Later),
            (430, AttemptResult::Never),
            (500, AttemptResult::Later),
            (503, AttemptResult::Later),
            (599, AttemptResult::Later),
        ] {
            assert_eq!(Outcome::of_status(status).result, result, "{status}");
        }
    }

    #[test]
    fn the_count_of_attempts_decides() {
        let http = RetrySchedule::of(SubscriptionProtocol::Http);
        let retry = Settlement::Retry(Seconds::new(20));
        let failed = |status, reason| Settlement::Failed(Arc::new(PushFailure::new(status, reason)));
        for (outcome, attempt, settlement) in [
            (Outcome::delivered(), 1, Settlement::Delivered),
            (Outcome::delivered(), 100, Settlement::Delivered),
            (Outcome::never("no route"), 1, failed(None, "no route")),
            (Outcome::of_status(404), 1, failed(Some(404), "the endpoint refused it")),
            (Outcome::later(""), 1, retry.clone()),
            (Outcome::later(""), 3, retry),
            (Outcome::later("no connection"), 4, failed(None, "no connection")),
            (Outcome::unmade("no file"), 1000, Settlement::Retry(UNMADE_PAUSE)),
        ] {
            assert_eq!(outcome.settlement(http, attempt), settlement, "{outcome:?} {attempt}");
        }
    }
}
