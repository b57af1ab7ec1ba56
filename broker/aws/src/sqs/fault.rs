//! What each fault of the engine is called in both protocols: one row each, so that a new fault does not compile
//! until it has its own.
//!
//! Types, codes and statuses are those of the published service model; those that it does not list (parameters,
//! access, availability) are what AWS's services share.

use std::borrow::Cow;

use http::StatusCode;
use posthouse_model::Fault;

use crate::protocol::Protocol;
use crate::protocol::fault::Row;

/// What the caller reads.
pub(crate) fn message(fault: &Fault, protocol: Protocol) -> Cow<'static, str> {
    match fault {
        // The one message that differs between AWS's protocols, and that old clients look for.
        Fault::QueueDoesNotExist if !protocol.is_json() => {
            "The specified queue does not exist for this wsdl version.".into()
        }
        fault => fault.to_string().into(),
    }
}

/// The table.
pub(crate) const fn row(fault: &Fault) -> Row {
    const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
    const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
    const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
    const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
    match fault {
        Fault::AccessDenied(_) => {
            Row::sender("com.amazon.coral.service#AccessDeniedException", "AccessDenied", FORBIDDEN)
        }
        Fault::QueueDoesNotExist => {
            Row::sender("com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", BAD_REQUEST)
        }
        Fault::QueueNameExists(_) => {
            Row::sender("com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists", BAD_REQUEST)
        }
        Fault::QueueDeletedRecently(_) => Row::sender(
            "com.amazonaws.sqs#QueueDeletedRecently",
            "AWS.SimpleQueueService.QueueDeletedRecently",
            BAD_REQUEST,
        ),
        Fault::PurgeQueueInProgress(..) => Row::sender(
            "com.amazonaws.sqs#PurgeQueueInProgress",
            "AWS.SimpleQueueService.PurgeQueueInProgress",
            FORBIDDEN,
        ),
        Fault::InvalidAttributeName(_) => {
            Row::sender("com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", BAD_REQUEST)
        }
        Fault::InvalidAttributeValue(..) => {
            Row::sender("com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue", BAD_REQUEST)
        }
        // No action of SQS is told what only SNS says.
        Fault::InvalidParameterValue(_) | Fault::ReceiptHandleExpired | Fault::Sns(_) => {
            Row::sender("com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", BAD_REQUEST)
        }
        Fault::MissingParameter(_) => {
            Row::sender("com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter", BAD_REQUEST)
        }
        Fault::InvalidParameterCombination(_) => Row::sender(
            "com.amazon.coral.service#InvalidParameterCombinationException",
            "InvalidParameterCombination",
            BAD_REQUEST,
        ),
        Fault::InvalidMessageContents => {
            Row::sender("com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents", BAD_REQUEST)
        }
        Fault::EmptyBatchRequest => {
            Row::sender("com.amazonaws.sqs#EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", BAD_REQUEST)
        }
        Fault::TooManyEntriesInBatchRequest(_) => Row::sender(
            "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            BAD_REQUEST,
        ),
        Fault::BatchEntryIdsNotDistinct(_) => Row::sender(
            "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            BAD_REQUEST,
        ),
        Fault::InvalidBatchEntryId => Row::sender(
            "com.amazonaws.sqs#InvalidBatchEntryId",
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            BAD_REQUEST,
        ),
        Fault::BatchRequestTooLong(_) => Row::sender(
            "com.amazonaws.sqs#BatchRequestTooLong",
            "AWS.SimpleQueueService.BatchRequestTooLong",
            BAD_REQUEST,
        ),
        Fault::ReceiptHandleIsInvalid(_) => {
            Row::sender("com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", NOT_FOUND)
        }
        Fault::MessageNotInflight => Row::sender(
            "com.amazonaws.sqs#MessageNotInflight",
            "AWS.SimpleQueueService.MessageNotInflight",
            BAD_REQUEST,
        ),
        Fault::OverLimit(_) => Row::sender("com.amazonaws.sqs#OverLimit", "OverLimit", FORBIDDEN),
        Fault::UnsupportedOperation(_) => Row::sender(
            "com.amazonaws.sqs#UnsupportedOperation",
            "AWS.SimpleQueueService.UnsupportedOperation",
            BAD_REQUEST,
        ),
        Fault::ResourceNotFound(_) => {
            Row::sender("com.amazonaws.sqs#ResourceNotFoundException", "ResourceNotFoundException", NOT_FOUND)
        }
        // AWS throttles with 403; 503 with `Retry-After` says the same to what is not an SDK too.
        Fault::Throttled => Row::receiver("com.amazonaws.sqs#RequestThrottled", "RequestThrottled", UNAVAILABLE),
        Fault::StorageFull | Fault::Unavailable(_) => {
            Row::receiver("com.amazon.coral.service#ServiceUnavailableException", "ServiceUnavailable", UNAVAILABLE)
        }
        Fault::Internal => Row::receiver(
            "com.amazon.coral.service#InternalFailure",
            "InternalFailure",
            StatusCode::INTERNAL_SERVER_ERROR,
        ),
    }
}
