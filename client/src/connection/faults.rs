//! Faults of the broker as errors.

use posthouse_wire::{FaultCode, Remedy};

use crate::error::{Error, ErrorKind, Fault};

/// The error that a fault is.
pub(crate) fn refusal(fault: &posthouse_wire::Fault<'_>) -> Error {
    let kind = fault.code().map_or(ErrorKind::Refused, kind);
    let facts = Fault {
        code: fault.number(),
        name: fault.name().to_owned(),
        text: fault.text().to_owned(),
        retriable: fault.remedy() == Remedy::Retry,
    };
    Error::refused(kind, facts)
}

/// The error of a code that comes without a sentence, as in SETTLED.
pub(crate) fn refusal_of_code(number: u16) -> Error {
    let code = FaultCode::from_number(number);
    let (name, retriable) = code.map_or(("Unknown", false), |code| (code.name(), code.remedy() == Remedy::Retry));
    let text = match code {
        Some(FaultCode::NotInFlight | FaultCode::UnknownDelivery) => "the delivery has ended",
        Some(FaultCode::NoDeadLetterQueue) => "the queue has no dead-letter queue",
        _ => "the settlement was refused",
    };
    let kind = code.map_or(ErrorKind::Refused, kind);
    Error::refused(kind, Fault { code: number, name: name.to_owned(), text: text.to_owned(), retriable })
}

/// What a program does about a fault.
fn kind(code: FaultCode) -> ErrorKind {
    match code {
        FaultCode::NotHello
        | FaultCode::BadMagic
        | FaultCode::Version
        | FaultCode::FrameTooLong
        | FaultCode::UnknownKind
        | FaultCode::Malformed
        | FaultCode::UnexpectedFrame
        | FaultCode::TooManyRequests
        | FaultCode::LinkInUse
        | FaultCode::UnknownLink
        | FaultCode::RequestInUse
        | FaultCode::OutOfSequence
        | FaultCode::CreditOverflow
        | FaultCode::WindowExceeded
        | FaultCode::TooManyMessages
        | FaultCode::PayloadTooLong => ErrorKind::Protocol,
        FaultCode::NotAuthenticated => ErrorKind::NotAuthenticated,
        FaultCode::Checksum | FaultCode::Timeout | FaultCode::GoingAway => ErrorKind::ConnectionLost,
        FaultCode::OutcomeUnknown => ErrorKind::OutcomeUnknown,
        FaultCode::UnknownDelivery
        | FaultCode::NotInFlight
        | FaultCode::ReceiptHandleExpired
        | FaultCode::ReceiptHandleIsInvalid => ErrorKind::DeliveryEnded,
        FaultCode::AccessDenied | FaultCode::AuthorizationError => ErrorKind::AccessDenied,
        FaultCode::QueueDoesNotExist
        | FaultCode::ResourceNotFound
        | FaultCode::NotFound
        | FaultCode::SnsResourceNotFound => ErrorKind::NotFound,
        FaultCode::TooManyConnections
        | FaultCode::TooManyLinks
        | FaultCode::TargetMismatch
        | FaultCode::NoDeadLetterQueue
        | FaultCode::UnknownOperation
        | FaultCode::MalformedCall
        | FaultCode::Cancelled
        | FaultCode::UnknownRegion
        | FaultCode::QueueNameExists
        | FaultCode::QueueDeletedRecently
        | FaultCode::PurgeQueueInProgress
        | FaultCode::InvalidAttributeName
        | FaultCode::InvalidAttributeValue
        | FaultCode::InvalidParameterValue
        | FaultCode::MissingParameter
        | FaultCode::InvalidMessageContents
        | FaultCode::EmptyBatchRequest
        | FaultCode::TooManyEntriesInBatchRequest
        | FaultCode::BatchEntryIdsNotDistinct
        | FaultCode::InvalidBatchEntryId
        | FaultCode::BatchRequestTooLong
        | FaultCode::ReceiptHandleOfOtherQueue
        | FaultCode::OverLimit
        | FaultCode::UnsupportedOperation
        | FaultCode::Throttled
        | FaultCode::StorageFull
        | FaultCode::Unavailable
        | FaultCode::Internal
        | FaultCode::EndpointDisabled
        | FaultCode::FilterPolicyLimitExceeded
        | FaultCode::InvalidParameter
        | FaultCode::ParameterValueInvalid
        | FaultCode::OptedOut
        | FaultCode::PlatformApplicationDisabled
        | FaultCode::SubscriptionLimitExceeded
        | FaultCode::TagLimitExceeded
        | FaultCode::TopicLimitExceeded
        | FaultCode::UserError
        | FaultCode::Validation
        | FaultCode::Verification => ErrorKind::Refused,
    }
}
