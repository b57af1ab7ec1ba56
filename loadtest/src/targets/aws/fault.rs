//! Error responses of an endpoint, and the [`Failure`] of each.

use bytes::Bytes;

use super::connection::Answer;
use super::{Protocol, json, xml};
use crate::target::Failure;

/// The longest excerpt, in a failure's message, of a response that is not in the form of AWS's errors.
const EXCERPT_CHARS: usize = 200;

/// An error response.
pub(super) struct Fault {
    status: u16,
    code: String,
    message: String,
}

impl Fault {
    /// Separates successful responses (`Ok`) from error responses (`Err`).
    ///
    /// # Errors
    ///
    /// [`Failure::Malformed`] for a status that AWS's protocols do not use.
    pub(super) fn sift(answer: Answer, protocol: Protocol) -> Result<Result<Bytes, Self>, Failure> {
        match answer.status {
            200..=299 => Ok(Ok(answer.body)),
            400..=599 => Ok(Err(Self::read(&answer, protocol))),
            status => Err(Failure::Malformed(format!("HTTP status {status}"))),
        }
    }

    fn read(answer: &Answer, protocol: Protocol) -> Self {
        let fields = match protocol {
            Protocol::Json => json::error(&answer.body),
            Protocol::Query => xml::error(&answer.body),
        };
        let (code, message) = fields.unwrap_or_else(|| {
            let excerpt = String::from_utf8_lossy(&answer.body).trim().chars().take(EXCERPT_CHARS).collect();
            (String::new(), excerpt)
        });
        Self { status: answer.status, code, message }
    }

    /// Whether the queue, topic or subscription does not exist.
    pub(super) fn is_absence(&self) -> bool {
        ["NonExistentQueue", "QueueDoesNotExist", "NotFound", "NotFoundException"]
            .iter()
            .any(|code| self.code.ends_with(code))
    }

    /// Whether the credentials were refused, by the codes of SQS, of SNS and of AWS's "Common Error Types", or by
    /// status.
    fn is_denial(&self) -> bool {
        const CODES: [&str; 14] = [
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "AuthorizationErrorException",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSecurity",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "OptInRequired",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ];
        // SQS answers 403 to `OverLimit`, SNS to `TopicLimitExceeded` and the like.
        let is_forbidden = matches!(self.status, 401 | 403) && !self.code.contains("Limit");
        is_forbidden || CODES.contains(&self.code.as_str())
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let Fault { status, code, message } = &fault;
        let text = match (code.as_str(), message.as_str()) {
            ("", "") => format!("HTTP status {status}"),
            ("", message) => format!("HTTP status {status}: {message}"),
            (code, "") => format!("{code} (HTTP status {status})"),
            (code, message) => format!("{code}: {message}"),
        };
        if fault.is_denial() { Self::Denied(text) } else { Self::Refused(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(protocol: Protocol, status: u16, body: &'static str) -> Failure {
        match Fault::sift(Answer { status, body: Bytes::from_static(body.as_bytes()) }, protocol) {
            Ok(Ok(_)) => panic!("a success"),
            Ok(Err(fault)) => fault.into(),
            Err(failure) => failure,
        }
    }

    #[test]
    fn each_error_is_one_kind_of_failure() {
        let denied = |text: &str| Failure::Denied(text.to_owned());
        let refused = |text: &str| Failure::Refused(text.to_owned());
        let throttled = r#"{"__type":"com.amazonaws.sqs#ThrottlingException","message":"slow down"}"#;
        let unsigned = r#"{"__type":"InvalidSignatureException","Message":"not yours"}"#;
        let stale = "<ErrorResponse><Error><Type>Sender</Type><Code>RequestExpired</Code><Message>a &lt; b</Message>\
                     </Error><RequestId>1</RequestId></ErrorResponse>";
        for (protocol, status, body, expected) in [
            (Protocol::Json, 400, throttled, refused("ThrottlingException: slow down")),
            (Protocol::Json, 400, unsigned, denied("InvalidSignatureException: not yours")),
            (Protocol::Json, 403, r#"{"__type":"Whatever"}"#, denied("Whatever (HTTP status 403)")),
            (Protocol::Json, 500, "<html>oops</html>", refused("HTTP status 500: <html>oops</html>")),
            (Protocol::Json, 503, "", refused("HTTP status 503")),
            (Protocol::Query, 400, stale, denied("RequestExpired: a < b")),
            (Protocol::Query, 403, "<E><Code>OverLimit</Code></E>", refused("OverLimit (HTTP status 403)")),
            (Protocol::Query, 404, "<Error>", refused("HTTP status 404: <Error>")),
            (Protocol::Query, 301, "", Failure::Malformed("HTTP status 301".to_owned())),
        ] {
            assert_eq!(failure(protocol, status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_apart() {
        for (code, absent) in [
            ("AWS.SimpleQueueService.NonExistentQueue", true),
            ("QueueDoesNotExist", true),
            ("NotFound", true),
            ("QueueDeletedRecently", false),
            ("", false),
        ] {
            let fault = Fault { status: 400, code: code.to_owned(), message: String::new() };
            assert_eq!(fault.is_absence(), absent, "{code}");
        }
    }
}
