//! Dead-letter queues as attributes: `RedrivePolicy` on the source, `RedriveAllowPolicy` on the target.

use core::fmt::Write as _;

use serde_json::{Map, Value};

use crate::fault::{Fault, InvalidValue, RedriveAllowRule, RedriveRule};
use crate::limits::{MAX_RECEIVE_COUNT_MAX, MAX_RECEIVE_COUNT_MIN, REDRIVE_ALLOW_SOURCES_MAX};
use crate::name::QueueAddress;
use crate::ranges::MaxReceiveCount;

/// The members of a JSON object but those that are null: a null says no more than an absent member. `None` where the
/// text is no JSON object.
fn members(text: &str) -> Option<Map<String, Value>> {
    let Ok(Value::Object(mut members)) = serde_json::from_str(text) else { return None };
    members.retain(|_, value| !value.is_null());
    Some(members)
}

/// Where messages go that were received too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedrivePolicy {
    /// `deadLetterTargetArn`
    pub target: QueueAddress,
    /// `maxReceiveCount`: a message received this often goes to the target instead of to one more receiver.
    pub max_receive_count: MaxReceiveCount,
}

impl RedrivePolicy {
    /// Parses the attribute's JSON. `maxReceiveCount` may be a number or its decimal text, as SQS takes both.
    ///
    /// # Errors
    /// [`Fault::InvalidAttributeValue`] or [`Fault::InvalidParameterValue`] with SQS's reason.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let invalid = |rule| Fault::invalid(InvalidValue::RedrivePolicy { policy: text.into(), rule });
        let Some(members) = members(text) else {
            return Err(invalid(RedriveRule::NotAnObject));
        };
        if members.keys().any(|key| key != "deadLetterTargetArn" && key != "maxReceiveCount") {
            return Err(invalid(RedriveRule::UnknownMember));
        }
        let Some(target) = members.get("deadLetterTargetArn") else {
            return Err(invalid(RedriveRule::TargetMissing));
        };
        let Some(count) = members.get("maxReceiveCount") else {
            return Err(invalid(RedriveRule::CountMissing));
        };
        let number = match count {
            Value::Number(number) => number.as_u64(),
            Value::String(digits) => digits.parse().ok(),
            _ => None,
        };
        let max_receive_count =
            number.and_then(|count| MaxReceiveCount::new(i64::try_from(count).ok()?).ok()).ok_or_else(|| {
                let found = count.as_str().map_or_else(|| count.to_string().into(), Box::from);
                invalid(RedriveRule::Count { found, min: MAX_RECEIVE_COUNT_MIN, max: MAX_RECEIVE_COUNT_MAX })
            })?;
        let target = target.as_str().and_then(|arn| arn.parse().ok()).ok_or_else(|| invalid(RedriveRule::Target))?;
        Ok(Self { target, max_receive_count })
    }

    /// The attribute's JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":{}}}"#, self.target, self.max_receive_count)
    }
}

/// Which queues may name this one as their dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedriveAllowPolicy {
    /// `allowAll`: any queue of the same account and region, also what holds without the attribute.
    AllowAll,
    /// `denyAll`
    DenyAll,
    /// `byQueue`: only these.
    ByQueue(Vec<QueueAddress>),
}

impl RedriveAllowPolicy {
    /// Parses the attribute's JSON.
    ///
    /// # Errors
    /// [`Fault::InvalidParameterValue`] with SQS's reason.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let invalid = |rule| Fault::invalid(InvalidValue::RedriveAllowPolicy { policy: text.into(), rule });
        let Some(members) = members(text) else {
            return Err(invalid(RedriveAllowRule::NotAnObject));
        };
        if members.keys().any(|key| key != "redrivePermission" && key != "sourceQueueArns") {
            return Err(invalid(RedriveAllowRule::UnknownMember));
        }
        let sources = members.get("sourceQueueArns");
        match (members.get("redrivePermission").and_then(Value::as_str), sources) {
            (Some("allowAll"), None) => Ok(Self::AllowAll),
            (Some("denyAll"), None) => Ok(Self::DenyAll),
            (Some("allowAll" | "denyAll"), Some(_)) => Err(invalid(RedriveAllowRule::SourcesWithoutByQueue)),
            (Some("byQueue"), Some(Value::Array(arns))) if (1..=REDRIVE_ALLOW_SOURCES_MAX).contains(&arns.len()) => {
                arns.iter()
                    .map(|arn| arn.as_str().and_then(|arn| arn.parse().ok()))
                    .collect::<Option<_>>()
                    .map(Self::ByQueue)
                    .ok_or_else(|| invalid(RedriveAllowRule::SourceArn))
            }
            (Some("byQueue"), _) => Err(invalid(RedriveAllowRule::Sources { max: REDRIVE_ALLOW_SOURCES_MAX })),
            _ => Err(invalid(RedriveAllowRule::Permission)),
        }
    }

    /// The attribute's JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        match self {
            Self::AllowAll => r#"{"redrivePermission":"allowAll"}"#.into(),
            Self::DenyAll => r#"{"redrivePermission":"denyAll"}"#.into(),
            Self::ByQueue(sources) => {
                let mut json = String::from(r#"{"redrivePermission":"byQueue","sourceQueueArns":["#);
                for (index, source) in sources.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(json, r#"{comma}"{source}""#).expect("writing to a String does not fail");
                }
                json.push_str("]}");
                json
            }
        }
    }

    /// Whether `source` may name the queue that holds this policy as its dead-letter queue.
    #[must_use]
    pub fn allows(&self, source: &QueueAddress) -> bool {
        match self {
            Self::AllowAll => true,
            Self::DenyAll => false,
            Self::ByQueue(sources) => sources.contains(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redrive_policies() {
        let arn = "arn:aws:sqs:us-east-1:000000000000:dead";
        for text in [
            format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":3}}"#),
            format!(r#"{{"maxReceiveCount":"3", "deadLetterTargetArn":"{arn}"}}"#),
            format!(r#"{{"maxReceiveCount":3,"deadLetterTargetArn":"{arn}","redriveType":null}}"#),
        ] {
            let policy = RedrivePolicy::parse(&text).expect("valid");
            assert_eq!(policy.to_json(), format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":3}}"#));
        }
        for invalid in [
            "",
            "[]",
            "{}",
            r#"{"maxReceiveCount":3}"#,
            r#"{"maxReceiveCount":3,"deadLetterTargetArn":null}"#,
            "null",
            &format!(r#"{{"deadLetterTargetArn":"{arn}"}}"#),
            &format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":0}}"#),
            &format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1001}}"#),
            &format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":-1}}"#),
            &format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1.5}}"#),
            &format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":3,"more":1}}"#),
            r#"{"deadLetterTargetArn":"dead","maxReceiveCount":3}"#,
        ] {
            assert!(RedrivePolicy::parse(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn receive_counts() {
        for (count, found) in
            [("0", "0"), ("1001", "1001"), ("-1", "-1"), ("1.5", "1.5"), (r#""many""#, "many"), ("[3]", "[3]")]
        {
            let policy = format!(
                r#"{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":{count}}}"#
            );
            let rule = RedriveRule::Count { found: found.into(), min: 1, max: 1000 };
            let fault = Fault::invalid(InvalidValue::RedrivePolicy { policy: policy.as_str().into(), rule });
            assert_eq!(RedrivePolicy::parse(&policy), Err(fault));
        }
    }

    #[test]
    fn redrive_allow_policies() {
        let arn = "arn:aws:sqs:us-east-1:000000000000:source";
        let other: QueueAddress = "arn:aws:sqs:us-east-1:000000000000:other".parse().expect("valid");
        let source: QueueAddress = arn.parse().expect("valid");
        for (text, allows_source, allows_other) in [
            (r#"{"redrivePermission":"allowAll"}"#.to_string(), true, true),
            (r#"{"redrivePermission":"denyAll"}"#.to_string(), false, false),
            (format!(r#"{{"redrivePermission":"byQueue","sourceQueueArns":["{arn}"]}}"#), true, false),
        ] {
            let policy = RedriveAllowPolicy::parse(&text).expect("valid");
            assert_eq!(policy.to_json(), text);
            assert_eq!((policy.allows(&source), policy.allows(&other)), (allows_source, allows_other), "{text}");
        }
        for permission in ["allowAll", "denyAll"] {
            let text = format!(r#"{{"redrivePermission":"{permission}","sourceQueueArns":null}}"#);
            let policy = RedriveAllowPolicy::parse(&text).expect("a null is an absent member");
            assert_eq!(policy.to_json(), format!(r#"{{"redrivePermission":"{permission}"}}"#));
        }
        for invalid in [
            "",
            "{}",
            r#"{"redrivePermission":null}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":null}"#,
            r#"{"redrivePermission":"some"}"#,
            r#"{"redrivePermission":"byQueue"}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":[]}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":["x"]}"#,
            r#"{"redrivePermission":"denyAll","sourceQueueArns":[]}"#,
        ] {
            assert!(RedriveAllowPolicy::parse(invalid).is_err(), "{invalid}");
        }
    }
}
