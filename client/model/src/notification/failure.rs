//! Why a pushed notification was given up, and the message attributes that its dead letter bears for it.
//!
//! Names and data types are those of AWS Lambda's dead letters (Lambda developer guide, "Adding a dead-letter queue").

use std::borrow::Cow;
use std::sync::Arc;

use crate::limits::PUSH_ERROR_BYTES_MAX;
use crate::message::{AttributeValue, MessageAttribute, MessageId, is_allowed};

/// How the last attempt of a push failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PushFailure {
    status: Option<u16>,
    error: Box<str>,
}

impl PushFailure {
    /// A failure with the status of the last response, `None` without a response. Of `error` the first
    /// [`PUSH_ERROR_BYTES_MAX`] bytes are kept, rounded down to whole characters. A character that no message may have
    /// becomes a space.
    #[must_use]
    pub fn new(status: Option<u16>, error: &str) -> Self {
        let kept = &error[..error.floor_char_boundary(PUSH_ERROR_BYTES_MAX)];
        Self { status, error: kept.replace(|c| !is_allowed(c), " ").into() }
    }

    /// The status of the last response.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// What went wrong, in words. Empty where nothing is known.
    #[must_use]
    pub const fn error(&self) -> &str {
        &self.error
    }
}

/// A pushed notification that was given up, as its dead letter names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedPush {
    /// The id that the notification had in the queue of its subscription. The log names it with each attempt.
    pub id: MessageId,
    /// How the last attempt failed.
    pub failure: Arc<PushFailure>,
}

impl FailedPush {
    /// `attributes` with those of the failure, sorted by name. An attribute of the publisher's with the name of one of
    /// these is left out.
    ///
    /// There may be more than SQS's limit of ten, which is for those that send. No attribute of the publisher's is lost
    /// for the limit.
    #[must_use]
    pub fn add_to<'a>(&'a self, attributes: impl Iterator<Item = MessageAttribute<'a>>) -> Vec<MessageAttribute<'a>> {
        let attribute = |name, data_type, text| MessageAttribute {
            name: Cow::Borrowed(name),
            data_type: Cow::Borrowed(data_type),
            value: AttributeValue::Text(text),
        };
        let status = self.failure.status;
        let error = Some(self.failure.error()).filter(|error| !error.is_empty());
        let own = [
            status.map(|status| attribute("ErrorCode", "Number", Cow::Owned(status.to_string()))),
            error.map(|error| attribute("ErrorMessage", "String", Cow::Borrowed(error))),
            Some(attribute("RequestID", "String", Cow::Owned(self.id.to_string()))),
        ];
        let mut all: Vec<_> = own.into_iter().flatten().collect();
        let own = all.len();
        for attribute in attributes {
            if all[..own].iter().all(|other| other.name != attribute.name) {
                all.push(attribute);
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &'static str) -> MessageAttribute<'static> {
        let value = AttributeValue::Text(Cow::Borrowed("theirs"));
        MessageAttribute { name: Cow::Borrowed(name), data_type: Cow::Borrowed("String"), value }
    }

    #[test]
    fn an_error_is_cut_at_a_character_and_can_be_sent() {
        let long = format!("a{}", "ü".repeat(PUSH_ERROR_BYTES_MAX));
        let failure = PushFailure::new(None, &long);
        assert_eq!(failure.error().len(), PUSH_ERROR_BYTES_MAX - 1, "half a character does not count");
        assert_eq!(PushFailure::new(Some(404), "a\u{0}b\u{FFFF}\n").error(), "a b \n");
    }

    #[test]
    fn the_attributes_of_a_failure_are_added_in_their_order() {
        let failed = |status, error| FailedPush {
            id: MessageId::from_random([1; 16]),
            failure: Arc::new(PushFailure::new(status, error)),
        };
        let known = failed(Some(404), "refused");
        let names = |failed: &FailedPush, others: &[&'static str]| {
            let all = failed.add_to(others.iter().map(|name| named(name)));
            all.iter().map(|attribute| attribute.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(&known, &[]), ["ErrorCode", "ErrorMessage", "RequestID"]);
        assert_eq!(names(&known, &["A", "F", "s"]), ["A", "ErrorCode", "ErrorMessage", "F", "RequestID", "s"]);
        assert_eq!(names(&failed(None, "no connection"), &["A"]), ["A", "ErrorMessage", "RequestID"]);
        assert_eq!(names(&failed(None, ""), &["ErrorCode"]), ["ErrorCode", "RequestID"], "theirs");
        let all = known.add_to([named("ErrorCode")].into_iter());
        assert_eq!((all.len(), all[0].value.as_bytes()), (3, &b"404"[..]), "the failure's");
        let ten = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        assert_eq!(names(&known, &ten).len(), 13, "none is lost");
    }
}
