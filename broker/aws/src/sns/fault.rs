//! What each fault of the engine is called by SNS in both protocols: one row each, so that a new fault does not compile
//! until it has its own.
//!
//! Types, codes and statuses are those of the published service model; those that it does not list are what AWS's
//! services share. What only SQS says reaches no caller of SNS; a fault of the queue behind a topic is an invalid
//! parameter here.

use std::borrow::Cow;

use http::StatusCode;
use posthouse_model::{Fault, SnsFault};

use crate::protocol::Protocol;
use crate::protocol::fault::Row;

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// What the caller reads: SNS has words of its own for what both services refuse in a batch.
pub(crate) fn message(fault: &Fault, _: Protocol) -> Cow<'static, str> {
    match fault {
        Fault::EmptyBatchRequest => "The batch request doesn't contain any entries.".into(),
        Fault::TooManyEntriesInBatchRequest(_) => {
            "The batch request contains more entries than permissible (more than 10).".into()
        }
        Fault::BatchEntryIdsNotDistinct(_) => "Two or more batch entries in the request have the same Id.".into(),
        Fault::InvalidBatchEntryId => {
            "The Id of a batch entry in a batch request doesn't abide by the specification.".into()
        }
        Fault::BatchRequestTooLong(_) => {
            "The length of all the messages of the batch put together is more than the limit.".into()
        }
        fault => fault.to_string().into(),
    }
}

/// The table.
pub(crate) const fn row(fault: &Fault) -> Row {
    match fault {
        Fault::AccessDenied(_) => {
            Row::sender("com.amazonaws.sns#AuthorizationErrorException", "AuthorizationError", FORBIDDEN)
        }
        Fault::QueueDoesNotExist => Row::sender("com.amazonaws.sns#NotFoundException", "NotFound", NOT_FOUND),
        Fault::QueueNameExists(_)
        | Fault::QueueDeletedRecently(_)
        | Fault::PurgeQueueInProgress(..)
        | Fault::InvalidAttributeName(_)
        | Fault::InvalidAttributeValue(..)
        | Fault::InvalidParameterValue(_)
        | Fault::MissingParameter(_)
        | Fault::InvalidParameterCombination(_)
        | Fault::InvalidMessageContents
        | Fault::ReceiptHandleIsInvalid(_)
        | Fault::MessageNotInflight
        | Fault::ReceiptHandleExpired
        | Fault::OverLimit(_)
        | Fault::UnsupportedOperation(_) => {
            Row::sender("com.amazonaws.sns#InvalidParameterException", "InvalidParameter", BAD_REQUEST)
        }
        Fault::EmptyBatchRequest => {
            Row::sender("com.amazonaws.sns#EmptyBatchRequestException", "EmptyBatchRequest", BAD_REQUEST)
        }
        Fault::TooManyEntriesInBatchRequest(_) => Row::sender(
            "com.amazonaws.sns#TooManyEntriesInBatchRequestException",
            "TooManyEntriesInBatchRequest",
            BAD_REQUEST,
        ),
        Fault::BatchEntryIdsNotDistinct(_) => {
            Row::sender("com.amazonaws.sns#BatchEntryIdsNotDistinctException", "BatchEntryIdsNotDistinct", BAD_REQUEST)
        }
        Fault::InvalidBatchEntryId => {
            Row::sender("com.amazonaws.sns#InvalidBatchEntryIdException", "InvalidBatchEntryId", BAD_REQUEST)
        }
        Fault::BatchRequestTooLong(_) => {
            Row::sender("com.amazonaws.sns#BatchRequestTooLongException", "BatchRequestTooLong", BAD_REQUEST)
        }
        Fault::ResourceNotFound(_) => {
            Row::sender("com.amazonaws.sns#ResourceNotFoundException", "ResourceNotFound", NOT_FOUND)
        }
        // SNS throttles with 429, which not every SDK tries again after; 503 with `Retry-After` all understand.
        Fault::Throttled => Row::receiver("com.amazonaws.sns#ThrottledException", "Throttled", UNAVAILABLE),
        Fault::StorageFull | Fault::Unavailable(_) => {
            Row::receiver("com.amazon.coral.service#ServiceUnavailableException", "ServiceUnavailable", UNAVAILABLE)
        }
        Fault::Internal => Row::receiver(
            "com.amazonaws.sns#InternalErrorException",
            "InternalError",
            StatusCode::INTERNAL_SERVER_ERROR,
        ),
        Fault::Sns(fault) => own_row(fault),
    }
}

const fn own_row(fault: &SnsFault) -> Row {
    match fault {
        SnsFault::AuthorizationError(_) => {
            Row::sender("com.amazonaws.sns#AuthorizationErrorException", "AuthorizationError", FORBIDDEN)
        }
        SnsFault::EndpointDisabled(_) => {
            Row::sender("com.amazonaws.sns#EndpointDisabledException", "EndpointDisabled", BAD_REQUEST)
        }
        SnsFault::FilterPolicyLimitExceeded(_) => {
            Row::sender("com.amazonaws.sns#FilterPolicyLimitExceededException", "FilterPolicyLimitExceeded", FORBIDDEN)
        }
        SnsFault::InvalidParameter(_) => {
            Row::sender("com.amazonaws.sns#InvalidParameterException", "InvalidParameter", BAD_REQUEST)
        }
        SnsFault::ParameterValueInvalid(_) => {
            Row::sender("com.amazonaws.sns#InvalidParameterValueException", "ParameterValueInvalid", BAD_REQUEST)
        }
        SnsFault::NotFound(_) => Row::sender("com.amazonaws.sns#NotFoundException", "NotFound", NOT_FOUND),
        SnsFault::OptedOut(_) => Row::sender("com.amazonaws.sns#OptedOutException", "OptedOut", BAD_REQUEST),
        SnsFault::PlatformApplicationDisabled(_) => Row::sender(
            "com.amazonaws.sns#PlatformApplicationDisabledException",
            "PlatformApplicationDisabled",
            BAD_REQUEST,
        ),
        SnsFault::ResourceNotFound(_) => {
            Row::sender("com.amazonaws.sns#ResourceNotFoundException", "ResourceNotFound", NOT_FOUND)
        }
        SnsFault::SubscriptionLimitExceeded(_) => {
            Row::sender("com.amazonaws.sns#SubscriptionLimitExceededException", "SubscriptionLimitExceeded", FORBIDDEN)
        }
        SnsFault::TagLimitExceeded => {
            Row::sender("com.amazonaws.sns#TagLimitExceededException", "TagLimitExceeded", BAD_REQUEST)
        }
        SnsFault::TopicLimitExceeded(_) => {
            Row::sender("com.amazonaws.sns#TopicLimitExceededException", "TopicLimitExceeded", FORBIDDEN)
        }
        SnsFault::UserError(_) => Row::sender("com.amazonaws.sns#UserErrorException", "UserError", BAD_REQUEST),
        // What AWS's Query front says of a value outside of the model; the model's own exception is its JSON type.
        SnsFault::Validation(_) => Row::sender("com.amazonaws.sns#ValidationException", "ValidationError", BAD_REQUEST),
        SnsFault::Verification(_) => {
            Row::sender("com.amazonaws.sns#VerificationException", "VerificationException", BAD_REQUEST)
        }
    }
}
