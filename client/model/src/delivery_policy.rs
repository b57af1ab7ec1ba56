//! `DeliveryPolicy` documents of topics and subscriptions, what they come to together (`EffectiveDeliveryPolicy`), and
//! when a delivery that failed is tried again.
//!
//! Retries go through four phases, as SNS documents them: at once; after the minimum delay; after delays that grow
//! from the minimum to the maximum; after the maximum delay. Only HTTP(S) lets callers choose, within limits; every
//! other protocol has a schedule of its own. Push counts the attempts, and a retry waits as a visibility timeout.

mod schedule;

use core::fmt::Write as _;

use serde_json::{Map, Value};

pub use schedule::{BackoffFunction, RetrySchedule};

use crate::fault::{DeliveryPolicyRule as Invalid, excerpt};
use crate::limits::{RETRIES_MAX, RETRY_DELAY_MAX_SECONDS, RETRY_DELAYS_TOTAL_MAX_SECONDS};
use crate::time::Seconds;

/// `headerContentType` where neither the topic nor the subscription sets it.
pub const CONTENT_TYPE_DEFAULT: &str = "text/plain; charset=UTF-8";

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

/// A delivery policy: what a topic or a subscription sets, or what the two come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryPolicy {
    retries: Option<RetrySchedule>,
    max_receives_per_second: Option<u32>,
    content_type: Option<Box<str>>,
    disable_subscription_overrides: bool,
}

/// Where a document's members stand and what they are called.
struct Names {
    /// What the path of each member begins with, in messages.
    path: &'static str,
    retries: &'static str,
    sickly: &'static str,
    throttle: &'static str,
    request: &'static str,
    /// Members that change nothing, but are in the documents that SNS shows.
    others: &'static [&'static str],
}

const TOPIC: Names = Names {
    path: "http.",
    retries: "defaultHealthyRetryPolicy",
    sickly: "defaultSicklyRetryPolicy",
    throttle: "defaultThrottlePolicy",
    request: "defaultRequestPolicy",
    others: &["disableSubscriptionOverrides"],
};

const SUBSCRIPTION: Names = Names {
    path: "",
    retries: "healthyRetryPolicy",
    sickly: "sicklyRetryPolicy",
    throttle: "throttlePolicy",
    request: "requestPolicy",
    others: &["guaranteed"],
};

impl DeliveryPolicy {
    /// Parses the attribute of a topic: `{"http":{"defaultHealthyRetryPolicy":…}}`.
    ///
    /// # Errors
    /// The first rule that the document breaks.
    pub fn parse_topic(text: &str) -> Result<Self, Invalid> {
        let mut document = object(text)?;
        let http = take_object(&mut document, "", "http")?;
        refuse_others(&document, "", &[])?;
        let Some(http) = http else { return Ok(Self::default()) };
        let disabled = match http.get("disableSubscriptionOverrides") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(disabled)) => *disabled,
            Some(_) => return Err(Invalid::NotABoolean { member: "http.disableSubscriptionOverrides".into() }),
        };
        Ok(Self { disable_subscription_overrides: disabled, ..Self::read(http, &TOPIC)? })
    }

    /// Parses the attribute of a subscription: `{"healthyRetryPolicy":…}`. What [`DeliveryPolicy::to_json`] gives is
    /// such a document, too.
    ///
    /// # Errors
    /// The first rule that the document breaks.
    pub fn parse_subscription(text: &str) -> Result<Self, Invalid> {
        Self::read(object(text)?, &SUBSCRIPTION)
    }

    /// What a topic's policy and a subscription's come to: each part is the subscription's, where it has one and the
    /// topic lets it, else the topic's. The texts were parsed when they were set.
    #[must_use]
    pub fn effective(topic: Option<&str>, subscription: Option<&str>) -> Self {
        let topic = topic.and_then(|text| Self::parse_topic(text).ok()).unwrap_or_default();
        let own = subscription.filter(|_| !topic.disable_subscription_overrides);
        let own = own.and_then(|text| Self::parse_subscription(text).ok()).unwrap_or_default();
        Self {
            retries: own.retries.or(topic.retries),
            max_receives_per_second: own.max_receives_per_second.or(topic.max_receives_per_second),
            content_type: own.content_type.or(topic.content_type),
            disable_subscription_overrides: topic.disable_subscription_overrides,
        }
    }

    /// The document as SNS shows it for a subscription, with every default written out.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::from(r#"{"healthyRetryPolicy":"#);
        self.write_retries(&mut json);
        json.push_str(r#","sicklyRetryPolicy":null,"throttlePolicy":"#);
        self.write_throttle(&mut json);
        json.push_str(r#","requestPolicy":"#);
        self.write_request(&mut json);
        json.push_str(r#","guaranteed":false}"#);
        json
    }

    /// The document as SNS shows it for a topic, with every default written out.
    #[must_use]
    pub fn to_topic_json(&self) -> String {
        let mut json = String::from(r#"{"http":{"defaultHealthyRetryPolicy":"#);
        self.write_retries(&mut json);
        write(&mut json, format_args!(r#","disableSubscriptionOverrides":{}"#, self.disable_subscription_overrides));
        if self.max_receives_per_second.is_some() {
            json.push_str(r#","defaultThrottlePolicy":"#);
            self.write_throttle(&mut json);
        }
        json.push_str(r#","defaultRequestPolicy":"#);
        self.write_request(&mut json);
        json.push_str("}}");
        json
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
    pub fn retries(&self) -> &RetrySchedule {
        self.retries.as_ref().unwrap_or(&RetrySchedule::HTTP_DEFAULT)
    }

    /// The delay before `retry` of a delivery to an HTTP(S) endpoint, counted from 1; `None` where there are fewer
    /// retries.
    #[must_use]
    pub fn delay_before_retry(&self, retry: u32) -> Option<Seconds> {
        self.retries().delay_before_retry(retry)
    }

    fn read(mut document: Map<String, Value>, names: &Names) -> Result<Self, Invalid> {
        let path = names.path;
        let retries = take_object(&mut document, path, names.retries)?;
        let retries = retries.map(|policy| retry_schedule(policy, &format!("{path}{}", names.retries))).transpose()?;
        // SNS ignores the schedule for sickly endpoints, but still checks it.
        if let Some(sickly) = take_object(&mut document, path, names.sickly)? {
            retry_schedule(sickly, &format!("{path}{}", names.sickly))?;
        }
        let throttle = take_object(&mut document, path, names.throttle)?;
        let throttle = throttle.map(|policy| receives_per_second(policy, &format!("{path}{}", names.throttle)));
        let request = take_object(&mut document, path, names.request)?;
        let request = request.map(|policy| content_type(policy, &format!("{path}{}", names.request)));
        refuse_others(&document, path, names.others)?;
        Ok(Self {
            retries,
            max_receives_per_second: throttle.transpose()?.flatten(),
            content_type: request.transpose()?.flatten(),
            disable_subscription_overrides: false,
        })
    }

    fn write_retries(&self, json: &mut String) {
        let retries = self.retries();
        write(
            json,
            format_args!(
                r#"{{"minDelayTarget":{},"maxDelayTarget":{},"numRetries":{},"numMaxDelayRetries":{},"numNoDelayRetries":{},"numMinDelayRetries":{},"backoffFunction":"{}"}}"#,
                retries.delay_min,
                retries.delay_max,
                retries.retries(),
                retries.post_backoff,
                retries.immediate,
                retries.pre_backoff,
                retries.function.as_str(),
            ),
        );
    }

    fn write_throttle(&self, json: &mut String) {
        match self.max_receives_per_second {
            Some(receives) => write(json, format_args!(r#"{{"maxReceivesPerSecond":{receives}}}"#)),
            None => json.push_str("null"),
        }
    }

    fn write_request(&self, json: &mut String) {
        let content_type = Value::from(self.content_type().unwrap_or(CONTENT_TYPE_DEFAULT));
        write(json, format_args!(r#"{{"headerContentType":{content_type}}}"#));
    }
}

fn write(json: &mut String, part: core::fmt::Arguments<'_>) {
    json.write_fmt(part).expect("writing to a String does not fail");
}

fn object(text: &str) -> Result<Map<String, Value>, Invalid> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Invalid::NotAnObject),
        Err(_) => Err(Invalid::NotJson),
    }
}

/// Takes a member that is an object, or null, which is as good as nothing.
fn take_object(from: &mut Map<String, Value>, path: &str, name: &str) -> Result<Option<Map<String, Value>>, Invalid> {
    match from.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(Invalid::MemberNotAnObject { member: format!("{path}{name}").into() }),
    }
}

/// Takes a member that is a whole number of at least `least` and at most `most`.
fn take_number(
    from: &mut Map<String, Value>,
    path: &str,
    name: &str,
    least: u32,
    most: u32,
) -> Result<Option<u32>, Invalid> {
    let number = match from.remove(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    match number.filter(|number| (least..=most).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => {
            let max = Some(most).filter(|most| *most < u32::MAX);
            Err(Invalid::OutOfRange { member: format!("{path}.{name}").into(), min: least, max })
        }
    }
}

fn refuse_others(left: &Map<String, Value>, path: &str, known: &[&str]) -> Result<(), Invalid> {
    match left.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Invalid::UnknownMember { member: format!("{path}{}", excerpt(key)).into() }),
        None => Ok(()),
    }
}

fn retry_schedule(mut policy: Map<String, Value>, path: &str) -> Result<RetrySchedule, Invalid> {
    let default = RetrySchedule::HTTP_DEFAULT;
    let mut number = |name, least, most| take_number(&mut policy, path, name, least, most);
    let delay_min = number("minDelayTarget", 1, RETRY_DELAY_MAX_SECONDS)?;
    let delay_max = number("maxDelayTarget", 1, RETRY_DELAY_MAX_SECONDS)?;
    let retries = number("numRetries", 0, RETRIES_MAX)?.unwrap_or(default.retries());
    let immediate = number("numNoDelayRetries", 0, RETRIES_MAX)?.unwrap_or(0);
    let pre_backoff = number("numMinDelayRetries", 0, RETRIES_MAX)?.unwrap_or(0);
    let post_backoff = number("numMaxDelayRetries", 0, RETRIES_MAX)?.unwrap_or(0);
    let function = match policy.remove("backoffFunction") {
        None | Some(Value::Null) => default.function,
        Some(name) => name
            .as_str()
            .and_then(BackoffFunction::find)
            .ok_or_else(|| Invalid::BackoffFunction { member: format!("{path}.backoffFunction").into() })?,
    };
    refuse_others(&policy, &format!("{path}."), &[])?;
    let delay_min = delay_min.map_or(default.delay_min, Seconds::new);
    let delay_max = delay_max.map_or(default.delay_max, Seconds::new);
    if delay_max < delay_min {
        return Err(Invalid::DelaysReversed { policy: path.into() });
    }
    let Some(backoff) = retries.checked_sub(immediate + pre_backoff + post_backoff) else {
        return Err(Invalid::RetriesTooFew { policy: path.into() });
    };
    let schedule = RetrySchedule { immediate, pre_backoff, backoff, post_backoff, delay_min, delay_max, function };
    if schedule.total_seconds() > u64::from(RETRY_DELAYS_TOTAL_MAX_SECONDS) {
        return Err(Invalid::DelaysTooLong { policy: path.into(), seconds_max: RETRY_DELAYS_TOTAL_MAX_SECONDS });
    }
    Ok(schedule)
}

fn receives_per_second(mut policy: Map<String, Value>, path: &str) -> Result<Option<u32>, Invalid> {
    let receives = take_number(&mut policy, path, "maxReceivesPerSecond", 1, u32::MAX)?;
    refuse_others(&policy, &format!("{path}."), &[])?;
    Ok(receives)
}

fn content_type(mut policy: Map<String, Value>, path: &str) -> Result<Option<Box<str>>, Invalid> {
    let text = match policy.remove("headerContentType") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if is_content_type(&text) => Some(text.into()),
        Some(_) => return Err(Invalid::ContentType { member: format!("{path}.headerContentType").into() }),
    };
    refuse_others(&policy, &format!("{path}."), &[])?;
    Ok(text)
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

#[cfg(test)]
mod tests;
