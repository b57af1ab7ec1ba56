//! What each fault of the engine is called in both protocols: one row each, so that a new fault does not compile
//! until it has its own.
//!
//! Types, codes and statuses are those of the published service model; those that it does not list (parameters,
//! access, availability) are what AWS's services share.

use http::StatusCode;
use posthouse_model::Fault;

use crate::protocol::fault::{ProtocolFault, Row};
use crate::protocol::{Protocol, RequestId, Response};

/// Why a request cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It breaks a rule of SQS.
    Fault(Fault),
    /// It breaks a rule of the protocol.
    Protocol(ProtocolFault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<ProtocolFault> for Refusal {
    fn from(fault: ProtocolFault) -> Self {
        Self::Protocol(fault)
    }
}

impl Refusal {
    /// The Query code.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Fault(fault) => row(fault).query_code,
            Self::Protocol(fault) => fault.row().query_code,
        }
    }

    /// The error response.
    pub(super) fn respond(&self, protocol: Protocol, namespace: &str, id: RequestId) -> Response {
        match self {
            Self::Fault(fault) => row(fault).respond(protocol, namespace, &message(fault, protocol), id),
            Self::Protocol(fault) => fault.respond(protocol, namespace, id),
        }
    }
}

/// The error response of a fault.
pub(super) fn respond(fault: &Fault, protocol: Protocol, namespace: &str, id: RequestId) -> Response {
    row(fault).respond(protocol, namespace, &message(fault, protocol), id)
}

fn message(fault: &Fault, protocol: Protocol) -> String {
    match fault {
        // The one message that differs between AWS's protocols, and that old clients look for.
        Fault::QueueDoesNotExist if !protocol.is_json() => {
            "The specified queue does not exist for this wsdl version.".into()
        }
        fault => fault.to_string(),
    }
}

/// The table.
pub(super) const fn row(fault: &Fault) -> Row {
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
        Fault::InvalidParameterValue(_) | Fault::ReceiptHandleExpired => {
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
