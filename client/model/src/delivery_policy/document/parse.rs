//! Parsing of delivery policy documents, and their rules.

use serde_json::{Map, Value};

use super::{
    Invalid, Parts, RequestPolicy, RetryPolicy, SubscriptionDeliveryPolicy, ThrottlePolicy, TopicDeliveryPolicy,
};
use crate::delivery_policy::schedule::{BackoffFunction, RetrySchedule};
use crate::fault::{JsonKind, excerpt};
use crate::limits::{RETRIES_MAX, RETRY_DELAY_MAX_SECONDS, RETRY_DELAYS_TOTAL_MAX_SECONDS};
use crate::time::Seconds;

/// The media types that a request policy may choose.
const CONTENT_TYPES: &[&str] = &[
    "application/atom+xml",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xhtml+xml",
    "application/xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
];

/// What is done about a member that is required and not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Refused,
    Defaulted,
}

/// A JSON object whose members are taken out one by one.
struct Members {
    left: Map<String, Value>,
    /// The path of the object from the top of the document, with a dot at its end unless it is the top.
    path: String,
    missing: Missing,
}

pub(super) fn topic(text: &str, missing: Missing) -> Result<TopicDeliveryPolicy, Invalid> {
    let mut document = Members::parse(text, missing)?;
    let http = document.object("http")?;
    document.end()?;
    let Some(mut http) = http else { return Ok(TopicDeliveryPolicy::default()) };
    let parts = Parts {
        healthy: http.object("defaultHealthyRetryPolicy")?.map(retries).transpose()?,
        sickly: http.object("defaultSicklyRetryPolicy")?.map(retries).transpose()?,
        throttle: http.object("defaultThrottlePolicy")?.map(throttle).transpose()?,
        request: http.object("defaultRequestPolicy")?.map(request).transpose()?,
    };
    let disable_subscription_overrides = http.boolean("disableSubscriptionOverrides")?;
    http.end()?;
    Ok(TopicDeliveryPolicy { parts, disable_subscription_overrides })
}

pub(super) fn subscription(text: &str, missing: Missing) -> Result<SubscriptionDeliveryPolicy, Invalid> {
    let mut document = Members::parse(text, missing)?;
    let parts = Parts {
        healthy: document.object("healthyRetryPolicy")?.map(retries).transpose()?,
        sickly: document.object("sicklyRetryPolicy")?.map(retries).transpose()?,
        throttle: document.object("throttlePolicy")?.map(throttle).transpose()?,
        request: document.object("requestPolicy")?.map(request).transpose()?,
    };
    let guaranteed = document.boolean("guaranteed")?;
    document.end()?;
    Ok(SubscriptionDeliveryPolicy { parts, guaranteed })
}

impl Members {
    fn parse(text: &str, missing: Missing) -> Result<Self, Invalid> {
        match serde_json::from_str(text) {
            Ok(Value::Object(left)) => Ok(Self { left, path: String::new(), missing }),
            Ok(_) => Err(Invalid::NotAnObject),
            Err(_) => Err(Invalid::NotJson),
        }
    }

    /// The path of a member.
    fn member(&self, name: &str) -> Box<str> {
        format!("{}{name}", self.path).into()
    }

    /// Takes a member; `None` also for one that is null.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    fn object(&mut self, name: &str) -> Result<Option<Self>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(left)) => {
                Ok(Some(Self { left, path: format!("{}{name}.", self.path), missing: self.missing }))
            }
            Some(_) => Err(Invalid::MemberNotAnObject { member: self.member(name) }),
        }
    }

    fn boolean(&mut self, name: &str) -> Result<bool, Invalid> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(value),
            Some(_) => Err(Invalid::NotABoolean { member: self.member(name) }),
        }
    }

    /// Takes a member that is a whole number of at least `min` and at most `max`.
    fn number(&mut self, name: &str, min: u32, max: u32) -> Result<Option<u32>, Invalid> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let whole = value.as_f64().filter(|number| number.fract() == 0.0);
        let Some(number) = whole else {
            return Err(Invalid::NotAnInteger { member: self.member(name), received: JsonKind::of(&value) });
        };
        if number < f64::from(min) {
            return Err(Invalid::BelowMin { member: self.member(name), min });
        }
        if number > f64::from(max) {
            return Err(Invalid::AboveMax { member: self.member(name), max });
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two numbers of 32 bits")]
        Ok(Some(number as u32))
    }

    /// Takes a delay, which a retry policy has to give.
    fn delay(&mut self, name: &str) -> Result<Option<Seconds>, Invalid> {
        match self.number(name, 1, RETRY_DELAY_MAX_SECONDS)? {
            None if self.missing == Missing::Refused => Err(Invalid::MissingMember { member: self.member(name) }),
            delay => Ok(delay.map(Seconds::new)),
        }
    }

    /// Refuses a member that was not taken.
    fn end(self) -> Result<(), Invalid> {
        match self.left.keys().next() {
            Some(name) => Err(Invalid::UnknownMember { member: self.member(excerpt(name)) }),
            None => Ok(()),
        }
    }

    /// The path of the object itself.
    fn own_path(&self) -> Box<str> {
        self.path.trim_end_matches('.').into()
    }
}

fn retries(mut members: Members) -> Result<RetryPolicy, Invalid> {
    let policy = RetryPolicy {
        delay_min: members.delay("minDelayTarget")?,
        delay_max: members.delay("maxDelayTarget")?,
        retries: members.number("numRetries", 0, RETRIES_MAX)?,
        immediate: members.number("numNoDelayRetries", 0, RETRIES_MAX)?,
        pre_backoff: members.number("numMinDelayRetries", 0, RETRIES_MAX)?,
        post_backoff: members.number("numMaxDelayRetries", 0, RETRIES_MAX)?,
        function: backoff_function(&mut members)?,
    };
    let path = members.own_path();
    members.end()?;
    check(&policy, path)?;
    Ok(policy)
}

fn backoff_function(members: &mut Members) -> Result<Option<BackoffFunction>, Invalid> {
    const NAME: &str = "backoffFunction";
    let Some(value) = members.take(NAME) else { return Ok(None) };
    let function = value.as_str().and_then(BackoffFunction::find);
    function.map(Some).ok_or_else(|| Invalid::BackoffFunction { member: members.member(NAME) })
}

/// Checks that the members fit each other, with the defaults of those that were not given.
fn check(policy: &RetryPolicy, path: Box<str>) -> Result<(), Invalid> {
    let default = RetrySchedule::HTTP_DEFAULT;
    let (delay_min, delay_max) = (policy.delay_min.unwrap_or(default.delay_min), policy.delay_max);
    if delay_max.unwrap_or(default.delay_max) < delay_min {
        return Err(Invalid::DelaysReversed { policy: path });
    }
    let (immediate, pre_backoff, post_backoff) = policy.phases();
    if policy.retries.unwrap_or(default.retries()) < immediate + pre_backoff + post_backoff {
        return Err(Invalid::RetriesTooFew { policy: path });
    }
    if policy.schedule().total_seconds() > u64::from(RETRY_DELAYS_TOTAL_MAX_SECONDS) {
        return Err(Invalid::DelaysTooLong { policy: path, seconds_max: RETRY_DELAYS_TOTAL_MAX_SECONDS });
    }
    Ok(())
}

fn throttle(mut members: Members) -> Result<ThrottlePolicy, Invalid> {
    let max_receives_per_second = members.number("maxReceivesPerSecond", 1, u32::MAX)?;
    members.end()?;
    Ok(ThrottlePolicy { max_receives_per_second })
}

fn request(mut members: Members) -> Result<RequestPolicy, Invalid> {
    const NAME: &str = "headerContentType";
    let content_type = match members.take(NAME) {
        None => None,
        Some(Value::String(text)) if is_content_type(&text) => Some(text.into()),
        Some(_) => return Err(Invalid::ContentType { member: members.member(NAME) }),
    };
    members.end()?;
    Ok(RequestPolicy { content_type })
}

/// One of the media types, alone or with a character set.
fn is_content_type(text: &str) -> bool {
    let (media_type, parameter) = text.split_once(';').map_or((text, None), |(media, rest)| (media, Some(rest.trim())));
    let known = CONTENT_TYPES.iter().any(|known| known.eq_ignore_ascii_case(media_type.trim_end()));
    let is_charset = |parameter: &str| {
        let charset = parameter.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
        charset.is_some_and(|(_, charset)| {
            (1..=40).contains(&charset.len())
                && charset.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        })
    };
    known && parameter.is_none_or(is_charset)
}
