//! `DeliveryPolicy` documents of topics and subscriptions: what each sets, and how SNS shows it.
//!
//! A document holds the members that were given and no default. [`super::DeliveryPolicy`] fills in the defaults.

mod parse;
mod write;

use super::schedule::{BackoffFunction, RetrySchedule};
use crate::fault::DeliveryPolicyRule as Invalid;
use crate::time::Seconds;
use parse::Missing;
pub(super) use write::{Absent, Document};

/// The `DeliveryPolicy` of a topic: `{"http":{"defaultHealthyRetryPolicy":…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicDeliveryPolicy {
    parts: Parts,
    disable_subscription_overrides: bool,
}

/// The `DeliveryPolicy` of a subscription: `{"healthyRetryPolicy":…}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionDeliveryPolicy {
    parts: Parts,
    /// Has no effect, and is shown.
    guaranteed: bool,
}

/// What both documents have. A member that is `null` is as good as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    healthy: Option<RetryPolicy>,
    /// SNS ignores the schedule for sickly endpoints, but checks it and shows it.
    sickly: Option<RetryPolicy>,
    throttle: Option<ThrottlePolicy>,
    request: Option<RequestPolicy>,
}

/// When a delivery that failed is tried again. With the defaults, the delays are in order, and the retries and delays
/// are within their limits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RetryPolicy {
    delay_min: Option<Seconds>,
    delay_max: Option<Seconds>,
    retries: Option<u32>,
    post_backoff: Option<u32>,
    immediate: Option<u32>,
    pre_backoff: Option<u32>,
    function: Option<BackoffFunction>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ThrottlePolicy {
    max_receives_per_second: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct RequestPolicy {
    content_type: Option<Box<str>>,
}

impl TopicDeliveryPolicy {
    /// Parses the attribute of a topic. What [`super::DeliveryPolicy::to_topic_json`] gives is such a document, too.
    ///
    /// # Errors
    /// The first rule that the document breaks.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse::topic(text, Missing::Refused)
    }

    /// Parses a stored document. An earlier version took retry policies without delays.
    ///
    /// # Errors
    /// The first rule that the document breaks, which no version took.
    pub fn restore(text: &str) -> Result<Self, Invalid> {
        parse::topic(text, Missing::Defaulted)
    }

    /// The document as SNS shows it: the members that were given, and `disableSubscriptionOverrides`.
    #[must_use]
    pub fn to_json(&self) -> String {
        Document::write(Absent::Omitted, |document| {
            document.object("http", Some(self), |http, policy| {
                http.object("defaultHealthyRetryPolicy", policy.parts.healthy.as_ref(), write::retries);
                http.object("defaultSicklyRetryPolicy", policy.parts.sickly.as_ref(), write::retries);
                http.boolean("disableSubscriptionOverrides", policy.disable_subscription_overrides);
                http.object("defaultThrottlePolicy", policy.parts.throttle.as_ref(), write::throttle);
                http.object("defaultRequestPolicy", policy.parts.request.as_ref(), write::request);
            });
        })
    }

    /// Whether the subscriptions' own policies are without effect.
    pub(super) const fn disables_subscription_overrides(&self) -> bool {
        self.disable_subscription_overrides
    }

    pub(super) const fn parts(&self) -> &Parts {
        &self.parts
    }
}

impl SubscriptionDeliveryPolicy {
    /// Parses the attribute of a subscription. What [`super::DeliveryPolicy::to_json`] gives is such a document, too.
    ///
    /// # Errors
    /// The first rule that the document breaks.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse::subscription(text, Missing::Refused)
    }

    /// Parses a stored document. An earlier version took retry policies without delays.
    ///
    /// # Errors
    /// The first rule that the document breaks, which no version took.
    pub fn restore(text: &str) -> Result<Self, Invalid> {
        parse::subscription(text, Missing::Defaulted)
    }

    /// The document as SNS shows it: the members that were given, and `null` for those that were not.
    #[must_use]
    pub fn to_json(&self) -> String {
        Document::write(Absent::Null, |document| {
            document.object("healthyRetryPolicy", self.parts.healthy.as_ref(), write::retries);
            document.object("sicklyRetryPolicy", self.parts.sickly.as_ref(), write::retries);
            document.object("throttlePolicy", self.parts.throttle.as_ref(), write::throttle);
            document.object("requestPolicy", self.parts.request.as_ref(), write::request);
            document.boolean("guaranteed", self.guaranteed);
        })
    }

    pub(super) const fn parts(&self) -> &Parts {
        &self.parts
    }
}

impl Parts {
    /// The schedule of the retries, where there is a retry policy.
    pub(super) fn schedule(&self) -> Option<RetrySchedule> {
        self.healthy.as_ref().map(RetryPolicy::schedule)
    }

    /// `maxReceivesPerSecond`, where it is set.
    pub(super) fn max_receives_per_second(&self) -> Option<u32> {
        self.throttle.as_ref().and_then(|policy| policy.max_receives_per_second)
    }

    /// `headerContentType`, where it is set.
    pub(super) fn content_type(&self) -> Option<&str> {
        self.request.as_ref().and_then(|policy| policy.content_type.as_deref())
    }
}

impl RetryPolicy {
    /// The schedule, with the defaults of HTTP(S) for members that were not given.
    fn schedule(&self) -> RetrySchedule {
        let default = RetrySchedule::HTTP_DEFAULT;
        let (immediate, pre_backoff, post_backoff) = self.phases();
        let retries = self.retries.unwrap_or(default.retries());
        RetrySchedule {
            immediate,
            pre_backoff,
            backoff: retries - (immediate + pre_backoff + post_backoff),
            post_backoff,
            delay_min: self.delay_min.unwrap_or(default.delay_min),
            delay_max: self.delay_max.unwrap_or(default.delay_max),
            function: self.function.unwrap_or(default.function),
        }
    }

    /// The retries before the delays grow, at once and after the minimum delay, and those after.
    fn phases(&self) -> (u32, u32, u32) {
        let count = Option::unwrap_or_default;
        (count(self.immediate), count(self.pre_backoff), count(self.post_backoff))
    }
}
