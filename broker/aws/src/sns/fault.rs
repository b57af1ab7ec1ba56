//! What each fault of the engine is called by SNS in both protocols, and its sentence: one row each, so that a new fault
//! does not compile until it has its own.
//!
//! Types, codes and statuses are those of the published service model; those that it does not list are what AWS's
//! services share. What only SQS says reaches no caller of SNS; a fault of the queue behind a topic is an invalid
//! parameter here.

mod filter_policy;
mod json;
mod parameter;

use std::borrow::Cow;

use http::StatusCode;
use posthouse_model::fault::{
    BatchEntryIdRule, Denied, FilterPolicyLimit, Limit, SnsMissing, SnsResource, SubscriptionLimit, TopicLimit,
    UserError,
};
use posthouse_model::{Fault, SnsFault};

use crate::protocol::Protocol;
use crate::protocol::fault::{Row, not_granted};
use crate::sqs::SQS;

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// The sentence that the client reads.
pub(crate) fn message(fault: &Fault, _: Protocol) -> Cow<'static, str> {
    match fault {
        Fault::EmptyBatchRequest { .. } => "The batch request doesn't contain any entries.".into(),
        Fault::TooManyEntriesInBatchRequest(_) => "The batch request contains more entries than permissible.".into(),
        Fault::BatchEntryIdsNotDistinct(_) => "Two or more batch entries in the request have the same Id.".into(),
        Fault::InvalidBatchEntryId { id, rule } => batch_entry_id(id, *rule),
        Fault::BatchRequestTooLong(_) => "The length of all the messages put together is more than the limit.".into(),
        Fault::Sns(fault) => own_message(fault),
        // What only a queue refuses has SQS's words, as has what the broker refuses on its own account.
        Fault::AccessDenied(_)
        | Fault::QueueDoesNotExist
        | Fault::QueueNameExists { .. }
        | Fault::QueueDeletedRecently { .. }
        | Fault::PurgeQueueInProgress { .. }
        | Fault::InvalidAttributeName { .. }
        | Fault::InvalidAttributeValue { .. }
        | Fault::InvalidParameterValue(_)
        | Fault::MissingParameter(_)
        | Fault::InvalidMessageContents
        | Fault::ReceiptHandleIsInvalid(_)
        | Fault::ReceiptHandleOfOtherQueue(_)
        | Fault::ReceiptHandleExpired(_)
        | Fault::OverLimit(_)
        | Fault::UnsupportedOperation(_)
        | Fault::ResourceNotFound(_)
        | Fault::Throttled
        | Fault::StorageFull
        | Fault::Unavailable(_)
        | Fault::Internal
        | Fault::Native(_) => (SQS.message)(fault, Protocol::Json10),
    }
}

fn batch_entry_id(id: &str, rule: BatchEntryIdRule) -> Cow<'static, str> {
    match rule {
        BatchEntryIdRule::Empty => {
            "The Id of a batch entry in a batch request doesn't abide by the specification.".into()
        }
        BatchEntryIdRule::TooLong => format!("The Id of a batch entry in the batch request is too long: {id}").into(),
        BatchEntryIdRule::Character => {
            format!("The Id of a batch entry in the batch request contains an impermissible character: {id}").into()
        }
    }
}

fn own_message(fault: &SnsFault) -> Cow<'static, str> {
    match fault {
        SnsFault::AuthorizationError(denied) => self::denied(denied).into(),
        SnsFault::EndpointDisabled => "Endpoint is disabled".into(),
        SnsFault::FilterPolicyLimitExceeded(FilterPolicyLimit::Policies { max }) => {
            format!("A topic can have at most {max} filter policies.").into()
        }
        SnsFault::FilterPolicyLimitExceeded(FilterPolicyLimit::TopicBytes { max }) => {
            format!("The filter policies of a topic can take at most {max} bytes of memory.").into()
        }
        SnsFault::FilterPolicyLimitExceeded(FilterPolicyLimit::AccountBytes { max }) => {
            format!("The filter policies of an account can take at most {max} bytes of memory.").into()
        }
        SnsFault::NotFound(resource) => {
            let resource = match resource {
                SnsResource::Topic => "Topic",
                SnsResource::Subscription => "Subscription",
                SnsResource::PlatformApplication => "PlatformApplication",
                SnsResource::Endpoint => "Endpoint",
            };
            format!("{resource} does not exist").into()
        }
        SnsFault::OptedOut => "The phone number is opted out".into(),
        SnsFault::PlatformApplicationDisabled => "Platform application is disabled".into(),
        SnsFault::ResourceNotFound(SnsMissing::Tagged) => "Resource does not exist".into(),
        SnsFault::ResourceNotFound(SnsMissing::SandboxNumber) => "The phone number is not in the SMS sandbox".into(),
        SnsFault::SubscriptionLimitExceeded(SubscriptionLimit::Topic { max }) => {
            format!("A topic can have at most {max} subscriptions.").into()
        }
        SnsFault::SubscriptionLimitExceeded(SubscriptionLimit::Account { max }) => {
            format!("An account can own at most {max} subscriptions.").into()
        }
        SnsFault::SubscriptionLimitExceeded(SubscriptionLimit::Queues) => {
            "No more subscriptions or FIFO topics can be made in this data directory.".into()
        }
        SnsFault::TagLimitExceeded => "Could not complete request: tag quota of per resource exceeded".into(),
        SnsFault::TopicLimitExceeded(TopicLimit::Region { max }) => {
            format!("An account can have at most {max} topics in a region.").into()
        }
        SnsFault::TopicLimitExceeded(TopicLimit::Account { max }) => {
            format!("An account can have at most {max} topics.").into()
        }
        SnsFault::UserError(UserError::AlreadyVerified) => "The phone number is already verified".into(),
        SnsFault::UserError(UserError::SandboxFull { max }) => {
            format!("An SMS sandbox has at most {max} phone numbers").into()
        }
        SnsFault::Verification => "The one-time password is not the one that was sent".into(),
        SnsFault::InvalidParameter(invalid) => parameter::invalid_parameter(invalid).into(),
        SnsFault::ParameterValueInvalid(invalid) => parameter::message_attribute(invalid).into(),
        SnsFault::Validation(violation) => parameter::violation(violation).into(),
    }
}

fn denied(denied: &Denied) -> String {
    match denied {
        Denied::NoAccount => "An unsigned request may not call this action.".into(),
        Denied::NotBroker { action } => format!("Only the broker may call {action}."),
        Denied::NotGranted(denial) => not_granted(denial, &format!("SNS:{}", denial.action)),
    }
}

/// The table.
pub(crate) const fn row(fault: &Fault) -> Row {
    match fault {
        Fault::AccessDenied(_) => {
            Row::sender("com.amazonaws.sns#AuthorizationErrorException", "AuthorizationError", FORBIDDEN)
        }
        Fault::QueueDoesNotExist => Row::sender("com.amazonaws.sns#NotFoundException", "NotFound", NOT_FOUND),
        Fault::QueueNameExists { .. }
        | Fault::QueueDeletedRecently { .. }
        | Fault::PurgeQueueInProgress { .. }
        | Fault::InvalidAttributeName { .. }
        | Fault::InvalidAttributeValue { .. }
        | Fault::InvalidParameterValue(_)
        | Fault::MissingParameter(_)
        | Fault::InvalidMessageContents
        | Fault::ReceiptHandleIsInvalid(_)
        | Fault::ReceiptHandleOfOtherQueue(_)
        | Fault::ReceiptHandleExpired(_)
        | Fault::OverLimit(Limit::MessagesInFlight | Limit::Queues | Limit::Policy { .. })
        | Fault::UnsupportedOperation(_)
        | Fault::Native(_) => {
            Row::sender("com.amazonaws.sns#InvalidParameterException", "InvalidParameter", BAD_REQUEST)
        }
        Fault::EmptyBatchRequest { .. } => {
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
        Fault::InvalidBatchEntryId { .. } => {
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
        // The rate or the amount that an account may have: SNS has no other word for it.
        Fault::OverLimit(Limit::Quota { .. }) => {
            Row::sender("com.amazonaws.sns#ThrottledException", "Throttled", StatusCode::TOO_MANY_REQUESTS)
        }
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
        SnsFault::EndpointDisabled => {
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
        SnsFault::OptedOut => Row::sender("com.amazonaws.sns#OptedOutException", "OptedOut", BAD_REQUEST),
        SnsFault::PlatformApplicationDisabled => Row::sender(
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
        SnsFault::Verification => {
            Row::sender("com.amazonaws.sns#VerificationException", "VerificationException", BAD_REQUEST)
        }
    }
}
