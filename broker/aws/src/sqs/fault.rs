//! What each fault of the engine is called in both protocols, and its sentence: one row each, so that a new fault does
//! not compile until it has its own.
//!
//! Types, codes and statuses are those of the published service model; those that it does not list (parameters,
//! access, availability) are what AWS's services share.

mod value;

use std::borrow::Cow;

use http::StatusCode;
use posthouse_model::Fault;
use posthouse_model::fault::{
    Denied, InvalidValue, Limit, MissingResource, PolicyPart, Quota, Unavailable, Unsupported,
};
use posthouse_model::limits::{BATCH_ENTRIES_MAX, BATCH_SIZE_MAX_BYTES};

use crate::protocol::Protocol;
use crate::protocol::fault::{Row, not_granted};

const INVALID_CHARACTERS: &str = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to \
                                  #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";

const HANDLE_IS_INVALID: Row =
    Row::sender("com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", StatusCode::NOT_FOUND);

/// The row and the sentence of a fault that fails one entry of a batch. SQS has words of its own there for some.
pub(crate) fn entry(fault: &Fault, protocol: Protocol) -> (Row, Cow<'static, str>) {
    if let Fault::ReceiptHandleExpired(_) = fault {
        return (HANDLE_IS_INVALID, "The receipt handle has expired".into());
    }
    if let Fault::ReceiptHandleOfOtherQueue(handle) = fault {
        let sentence = format!("The receipt handle \"{handle}\" is not valid for this queue.");
        return (HANDLE_IS_INVALID, sentence.into());
    }
    if let Fault::InvalidParameterValue(invalid) = fault
        && let InvalidValue::MessageTooLong { bytes_max } = **invalid
    {
        let reason = format!("Message must be shorter than {bytes_max} bytes.");
        return (row(fault), format!("One or more parameters cannot be validated. Reason: {reason}").into());
    }
    (row(fault), message(fault, protocol))
}

/// The sentence that the client reads. Clients match on some of them, so they are AWS's own where AWS's are known.
pub(crate) fn message(fault: &Fault, protocol: Protocol) -> Cow<'static, str> {
    match fault {
        Fault::AccessDenied(denied) => self::denied(denied).into(),
        // The one message that differs between AWS's protocols, and that old clients look for.
        Fault::QueueDoesNotExist if !protocol.is_json() => {
            "The specified queue does not exist for this wsdl version.".into()
        }
        Fault::QueueDoesNotExist => "The specified queue does not exist.".into(),
        Fault::QueueNameExists { attribute } => {
            format!("A queue already exists with the same name and a different value for attribute {attribute}").into()
        }
        Fault::QueueDeletedRecently { interval } => format!(
            "You must wait {interval} seconds after deleting a queue before you can create another with the same name."
        )
        .into(),
        Fault::PurgeQueueInProgress { queue, interval } => {
            format!("Only one PurgeQueue operation on {queue} is allowed every {interval} seconds.").into()
        }
        Fault::InvalidAttributeName { name, rule } => value::invalid_attribute_name(name, *rule),
        Fault::InvalidAttributeValue { attribute, rule } => value::invalid_attribute(attribute, rule.as_ref()).into(),
        Fault::InvalidParameterValue(invalid) => value::invalid_value(invalid),
        Fault::MissingParameter(parameter) => format!("The request must contain the parameter {parameter}.").into(),
        Fault::InvalidMessageContents => INVALID_CHARACTERS.into(),
        Fault::EmptyBatchRequest { action } => {
            format!("There should be at least one {action}RequestEntry in the request.").into()
        }
        Fault::TooManyEntriesInBatchRequest(entries) => {
            format!("Maximum number of entries per request are {BATCH_ENTRIES_MAX}. You have sent {entries}.").into()
        }
        Fault::BatchEntryIdsNotDistinct(id) => format!("Id {id} repeated.").into(),
        Fault::InvalidBatchEntryId { .. } => {
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 \
             letters long."
                .into()
        }
        Fault::BatchRequestTooLong(bytes) => {
            format!("Batch requests cannot be longer than {BATCH_SIZE_MAX_BYTES} bytes. You have sent {bytes} bytes.")
                .into()
        }
        Fault::ReceiptHandleIsInvalid(handle) => {
            format!("The input receipt handle \"{handle}\" is not a valid receipt handle.").into()
        }
        Fault::ReceiptHandleOfOtherQueue(_) => "The input receipt handle is invalid.".into(),
        Fault::ReceiptHandleExpired(handle) => value::value(handle, "ReceiptHandle", "The receipt handle has expired."),
        Fault::OverLimit(limit) => over_limit(*limit),
        Fault::UnsupportedOperation(Unsupported::MoveTaskHasEnded) => "Only active tasks can be cancelled.".into(),
        Fault::ResourceNotFound(MissingResource::Queue { parameter }) => {
            format!("The resource that you specified for the {parameter} parameter doesn't exist.").into()
        }
        Fault::ResourceNotFound(MissingResource::MoveTask) => "Task does not exist.".into(),
        Fault::Throttled => "The broker is at its configured limits; try again.".into(),
        Fault::StorageFull => "The disk is full; receiving and deleting messages still works.".into(),
        Fault::Unavailable(Unavailable::ShuttingDown) => "The broker is shutting down.".into(),
        Fault::Unavailable(Unavailable::LogFailed(error)) => {
            format!("The broker takes nothing more, because its log has failed: {error}").into()
        }
        Fault::Unavailable(Unavailable::NoLogFile(error)) => format!(
            "The broker takes no more data, because its log gets no further file: {error}; receiving and deleting \
             messages still works."
        )
        .into(),
        Fault::Internal => "The broker could not read what it stored; its log says where.".into(),
        // No action of SQS is refused with one of these.
        Fault::Sns(fault) => fault.name().into(),
        Fault::Native(fault) => fault.name().into(),
    }
}

fn denied(denied: &Denied) -> String {
    match denied {
        Denied::NoAccount => "Access to the resource is denied.".into(),
        Denied::NotBroker { action } => format!("Only the broker may call {action}."),
        // SQS writes the action in small letters.
        Denied::NotGranted(denial) => not_granted(denial, &format!("sqs:{}", denial.action.to_ascii_lowercase())),
    }
}

fn over_limit(limit: Limit) -> Cow<'static, str> {
    match limit {
        Limit::MessagesInFlight => "The maximum number of in flight messages is reached.".into(),
        Limit::Quota { of, max } => {
            let of = match of {
                Quota::Queues => "queues",
                Quota::Messages => "messages",
                Quota::Bytes => "bytes of messages",
                Quota::Endpoints => "platform applications, endpoints and phone numbers",
            };
            format!("The account may hold at most {max} {of}.").into()
        }
        Limit::Queues => "No more queues can be created in this data directory.".into(),
        Limit::Policy { part, found, max } => {
            let part = match part {
                PolicyPart::Statements => "Statements",
                PolicyPart::Principals => "Principals",
                PolicyPart::Actions => "Actions",
                PolicyPart::Bytes => "Bytes",
                PolicyPart::Characters => "Characters",
            };
            format!("{found} {part} were found, maximum allowed is {max}.").into()
        }
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
        Fault::QueueNameExists { .. } => {
            Row::sender("com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists", BAD_REQUEST)
        }
        Fault::QueueDeletedRecently { .. } => Row::sender(
            "com.amazonaws.sqs#QueueDeletedRecently",
            "AWS.SimpleQueueService.QueueDeletedRecently",
            BAD_REQUEST,
        ),
        Fault::PurgeQueueInProgress { .. } => Row::sender(
            "com.amazonaws.sqs#PurgeQueueInProgress",
            "AWS.SimpleQueueService.PurgeQueueInProgress",
            FORBIDDEN,
        ),
        Fault::InvalidAttributeName { .. } => {
            Row::sender("com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", BAD_REQUEST)
        }
        Fault::InvalidAttributeValue { .. } => {
            Row::sender("com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue", BAD_REQUEST)
        }
        // No action of SQS returns a fault of SNS.
        Fault::InvalidParameterValue(_) | Fault::ReceiptHandleExpired(_) | Fault::Sns(_) | Fault::Native(_) => {
            Row::sender("com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", BAD_REQUEST)
        }
        Fault::MissingParameter(_) => {
            Row::sender("com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter", BAD_REQUEST)
        }
        Fault::InvalidMessageContents => {
            Row::sender("com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents", BAD_REQUEST)
        }
        Fault::EmptyBatchRequest { .. } => {
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
        Fault::InvalidBatchEntryId { .. } => Row::sender(
            "com.amazonaws.sqs#InvalidBatchEntryId",
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            BAD_REQUEST,
        ),
        Fault::BatchRequestTooLong(_) => Row::sender(
            "com.amazonaws.sqs#BatchRequestTooLong",
            "AWS.SimpleQueueService.BatchRequestTooLong",
            BAD_REQUEST,
        ),
        Fault::ReceiptHandleIsInvalid(_) | Fault::ReceiptHandleOfOtherQueue(_) => HANDLE_IS_INVALID,
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
