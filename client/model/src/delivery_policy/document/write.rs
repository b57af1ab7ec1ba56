//! Writing of delivery policy documents.

use core::fmt::Write as _;

use serde_json::Value;

use super::{RequestPolicy, RetryPolicy, ThrottlePolicy};
use crate::delivery_policy::schedule::{BackoffFunction, RetrySchedule};
use crate::time::Seconds;

/// What stands for a member that has no value. SNS omits it in a topic's document and writes `null` in a
/// subscription's (recorded from AWS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Absent {
    Omitted,
    Null,
}

/// A JSON object that is being written.
pub(in super::super) struct Document<'a> {
    json: &'a mut String,
    absent: Absent,
    empty: bool,
}

impl Document<'_> {
    /// The text of the object whose members `members` writes.
    pub(in super::super) fn write(absent: Absent, members: impl FnOnce(&mut Document<'_>)) -> String {
        let mut json = String::new();
        Document::braces(&mut json, absent, members);
        json
    }

    fn braces(json: &mut String, absent: Absent, members: impl FnOnce(&mut Document<'_>)) {
        json.push('{');
        members(&mut Document { json, absent, empty: true });
        json.push('}');
    }

    fn name(&mut self, name: &str) {
        if !self.empty {
            self.json.push(',');
        }
        self.empty = false;
        self.json.push('"');
        self.json.push_str(name);
        self.json.push_str("\":");
    }

    fn value<T>(&mut self, name: &str, value: Option<T>, write: impl FnOnce(&mut String, T)) {
        match value {
            Some(value) => {
                self.name(name);
                write(self.json, value);
            }
            None if self.absent == Absent::Null => self.null(name),
            None => {}
        }
    }

    pub(in super::super) fn null(&mut self, name: &str) {
        self.name(name);
        self.json.push_str("null");
    }

    pub(in super::super) fn object<T>(
        &mut self,
        name: &str,
        value: Option<T>,
        members: impl FnOnce(&mut Document<'_>, T),
    ) {
        let absent = self.absent;
        self.value(name, value, |json, value| Self::braces(json, absent, |document| members(document, value)));
    }

    pub(in super::super) fn number(&mut self, name: &str, value: Option<u32>) {
        self.value(name, value, |json, value| {
            json.write_fmt(format_args!("{value}")).expect("writing to a String does not fail");
        });
    }

    pub(in super::super) fn boolean(&mut self, name: &str, value: bool) {
        self.value(name, Some(value), |json, value| json.push_str(if value { "true" } else { "false" }));
    }

    pub(in super::super) fn text(&mut self, name: &str, value: Option<&str>) {
        self.value(name, value, |json, value| json.push_str(&Value::from(value).to_string()));
    }

    /// A schedule as a retry policy with every member.
    pub(in super::super) fn schedule(&mut self, schedule: &RetrySchedule) {
        let policy = RetryPolicy {
            delay_min: Some(schedule.delay_min),
            delay_max: Some(schedule.delay_max),
            retries: Some(schedule.retries()),
            post_backoff: Some(schedule.post_backoff),
            immediate: Some(schedule.immediate),
            pre_backoff: Some(schedule.pre_backoff),
            function: Some(schedule.function),
        };
        retries(self, &policy);
    }
}

/// Writes the members of a retry policy, in the order in which SNS shows them.
pub(super) fn retries(document: &mut Document<'_>, policy: &RetryPolicy) {
    document.number("minDelayTarget", policy.delay_min.map(Seconds::get));
    document.number("maxDelayTarget", policy.delay_max.map(Seconds::get));
    document.number("numRetries", policy.retries);
    document.number("numMaxDelayRetries", policy.post_backoff);
    document.number("numNoDelayRetries", policy.immediate);
    document.number("numMinDelayRetries", policy.pre_backoff);
    document.text("backoffFunction", policy.function.map(BackoffFunction::as_str));
}

pub(super) fn throttle(document: &mut Document<'_>, policy: &ThrottlePolicy) {
    document.number("maxReceivesPerSecond", policy.max_receives_per_second);
}

pub(super) fn request(document: &mut Document<'_>, policy: &RequestPolicy) {
    document.text("headerContentType", policy.content_type.as_deref());
}
