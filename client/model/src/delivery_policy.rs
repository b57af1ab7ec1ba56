//! The delivery policy that is in force for a subscription: what a topic's `DeliveryPolicy` and a subscription's come
//! to together (`EffectiveDeliveryPolicy`), and when a delivery that failed is tried again.
//!
//! Retries go through four phases, as SNS documents them: at once; after the minimum delay; after delays that grow
//! from the minimum to the maximum; after the maximum delay. Only HTTP(S) lets callers choose, within limits; every
//! other protocol has a schedule of its own. Push counts the attempts, and a retry waits as a visibility timeout.

mod document;
mod schedule;

pub use document::{SubscriptionDeliveryPolicy, TopicDeliveryPolicy};
pub use schedule::{BackoffFunction, RetrySchedule};

use crate::time::Seconds;
use document::{Absent, Document, Parts};

/// `headerContentType` where neither the topic nor the subscription sets it.
pub const CONTENT_TYPE_DEFAULT: &str = "text/plain; charset=UTF-8";

/// The delivery policy that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPolicy {
    retries: RetrySchedule,
    max_receives_per_second: Option<u32>,
    content_type: Option<Box<str>>,
    disable_subscription_overrides: bool,
}

/// What is in force where neither the topic nor the subscription sets a policy.
impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self::effective(None, None)
    }
}

impl DeliveryPolicy {
    /// What a topic's policy and a subscription's come to: each part is the subscription's, where it has one and the
    /// topic lets it, else the topic's.
    #[must_use]
    pub fn effective(topic: Option<&TopicDeliveryPolicy>, subscription: Option<&SubscriptionDeliveryPolicy>) -> Self {
        let disabled = topic.is_some_and(TopicDeliveryPolicy::disables_subscription_overrides);
        let own = subscription.filter(|_| !disabled).map(SubscriptionDeliveryPolicy::parts);
        let parts = || own.into_iter().chain(topic.map(TopicDeliveryPolicy::parts));
        Self {
            retries: parts().find_map(Parts::schedule).unwrap_or(RetrySchedule::HTTP_DEFAULT),
            max_receives_per_second: parts().find_map(Parts::max_receives_per_second),
            content_type: parts().find_map(|parts| parts.content_type()).map(Into::into),
            disable_subscription_overrides: disabled,
        }
    }

    /// The document as SNS shows it for a subscription, with every default written out.
    #[must_use]
    pub fn to_json(&self) -> String {
        Document::write(Absent::Null, |document| {
            document.object("healthyRetryPolicy", Some(()), |policy, ()| policy.schedule(&self.retries));
            document.null("sicklyRetryPolicy");
            document.object("throttlePolicy", self.max_receives_per_second, |policy, receives| {
                policy.number("maxReceivesPerSecond", Some(receives));
            });
            document.object("requestPolicy", Some(()), |policy, ()| {
                policy.text("headerContentType", Some(self.content_type().unwrap_or(CONTENT_TYPE_DEFAULT)));
            });
            document.boolean("guaranteed", false);
        })
    }

    /// The document as SNS shows it for a topic, with every default written out.
    #[must_use]
    pub fn to_topic_json(&self) -> String {
        Document::write(Absent::Omitted, |document| {
            document.object("http", Some(()), |http, ()| {
                http.object("defaultHealthyRetryPolicy", Some(()), |policy, ()| policy.schedule(&self.retries));
                http.boolean("disableSubscriptionOverrides", self.disable_subscription_overrides);
                http.object("defaultThrottlePolicy", self.max_receives_per_second, |policy, receives| {
                    policy.number("maxReceivesPerSecond", Some(receives));
                });
                http.object("defaultRequestPolicy", Some(()), |policy, ()| {
                    policy.text("headerContentType", Some(self.content_type().unwrap_or(CONTENT_TYPE_DEFAULT)));
                });
            });
        })
    }

    /// `maxReceivesPerSecond`: how many deliveries a second an endpoint gets at most.
    #[must_use]
    pub const fn max_receives_per_second(&self) -> Option<u32> {
        self.max_receives_per_second
    }

    /// `headerContentType`, where it is set.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The retries of an HTTP(S) endpoint.
    #[must_use]
    pub const fn retries(&self) -> &RetrySchedule {
        &self.retries
    }

    /// The delay before `retry` of a delivery to an HTTP(S) endpoint, counted from 1; `None` where there are fewer
    /// retries.
    #[must_use]
    pub fn delay_before_retry(&self, retry: u32) -> Option<Seconds> {
        self.retries().delay_before_retry(retry)
    }
}

#[cfg(test)]
mod tests;
