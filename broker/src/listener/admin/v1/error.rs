//! What a request is refused with: `{"error": CODE, "message": TEXT}` and a status. The codes are a closed list, which
//! programs may rely on. The texts are for people.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use posthouse_model::{Fault, SnsFault};
use serde::Serialize;

use super::answer::Json;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// A parameter or the body is malformed, or has a value that is not allowed.
    BadRequest,
    /// Nothing proves who sends the request, or the proof is wrong.
    Unauthorized,
    /// The sender may not do this.
    Forbidden,
    /// What the request names does not exist.
    NotFound,
    /// The route does not have this method.
    MethodNotAllowed,
    /// The state of what the request names does not allow it.
    Conflict,
    /// The body is too long.
    TooLarge,
    /// The body came too slowly.
    Timeout,
    /// The sender asks too often, or a limit of the broker's is reached.
    TooMany,
    /// The broker is starting, stopping, overloaded, or its log has failed.
    Unavailable,
    /// The disk is full: what adds data is refused.
    StorageFull,
    /// A bug of the broker, or a record that cannot be read.
    Internal,
}

impl Code {
    /// The status, and the code as the body has it.
    const fn row(self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::StorageFull => (StatusCode::SERVICE_UNAVAILABLE, "storage_full"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    code: Code,
    message: Cow<'static, str>,
}

/// Its body.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    error: &'a str,
    message: &'a str,
}

impl ApiError {
    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> Body<'_> {
        Body { error: self.code.row().1, message: &self.message }
    }

    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.code.row().0, Json(self.body())).into_response()
    }
}

/// The engine's refusals, with the sentence that SQS or SNS has for them.
impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        let message = posthouse_aws::fault_message(&fault).into_owned();
        Self::new(code(&fault), message)
    }
}

const fn code(fault: &Fault) -> Code {
    match fault {
        Fault::AccessDenied(_) => Code::Forbidden,
        Fault::QueueDoesNotExist | Fault::ResourceNotFound(_) => Code::NotFound,
        Fault::QueueNameExists { .. }
        | Fault::QueueDeletedRecently { .. }
        | Fault::PurgeQueueInProgress { .. }
        | Fault::UnsupportedOperation(_) => Code::Conflict,
        Fault::InvalidAttributeName { .. }
        | Fault::InvalidAttributeValue { .. }
        | Fault::InvalidParameterValue(_)
        | Fault::MissingParameter(_)
        | Fault::InvalidMessageContents
        | Fault::EmptyBatchRequest { .. }
        | Fault::TooManyEntriesInBatchRequest(_)
        | Fault::BatchEntryIdsNotDistinct(_)
        | Fault::InvalidBatchEntryId { .. }
        | Fault::BatchRequestTooLong(_)
        | Fault::ReceiptHandleIsInvalid(_)
        | Fault::ReceiptHandleOfOtherQueue(_)
        | Fault::ReceiptHandleExpired(_)
        | Fault::Native(_) => Code::BadRequest,
        Fault::OverLimit(_) => Code::TooMany,
        Fault::Throttled | Fault::Unavailable(_) => Code::Unavailable,
        Fault::StorageFull => Code::StorageFull,
        Fault::Internal => Code::Internal,
        Fault::Sns(fault) => sns_code(fault),
    }
}

const fn sns_code(fault: &SnsFault) -> Code {
    match fault {
        SnsFault::AuthorizationError(_) => Code::Forbidden,
        SnsFault::NotFound(_) | SnsFault::ResourceNotFound(_) => Code::NotFound,
        SnsFault::EndpointDisabled
        | SnsFault::OptedOut
        | SnsFault::PlatformApplicationDisabled
        | SnsFault::UserError(_) => Code::Conflict,
        SnsFault::FilterPolicyLimitExceeded(_)
        | SnsFault::SubscriptionLimitExceeded(_)
        | SnsFault::TagLimitExceeded
        | SnsFault::TopicLimitExceeded(_) => Code::TooMany,
        SnsFault::InvalidParameter(_)
        | SnsFault::ParameterValueInvalid(_)
        | SnsFault::Validation(_)
        | SnsFault::Verification => Code::BadRequest,
    }
}
