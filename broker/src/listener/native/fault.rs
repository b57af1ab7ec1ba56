//! Refusals: the code of each fault of the broker, and the names and sentences that a client reads.
//!
//! SQS's and SNS's names and sentences come from the tables of the AWS codec, so that a client finds in a FAULT what an
//! SDK shows. The codes are those of `posthouse_wire::FaultCode`, whose numbers are never used for anything else.

use std::borrow::Cow;

use posthouse_aws::{CallFault, CallRefused};
use posthouse_model::fault::NativeFault;
use posthouse_model::operation::ProducerTarget;
use posthouse_model::{Fault, SnsFault};
use posthouse_wire::{DecodeError, Ends, Fault as Frame, FaultCode};

use crate::audit::Outcome;

/// Why something is refused, in the words that a client reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: FaultCode,
    /// The name that SQS or SNS has for it, or the protocol's.
    name: &'static str,
    text: Cow<'static, str>,
}

impl Refusal {
    /// A refusal of the protocol itself.
    pub(super) fn new(code: FaultCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, name: code.name(), text: text.into() }
    }

    /// What SQS says of a fault, or SNS where only it has the fault.
    pub(super) fn by_sqs(fault: Fault) -> Self {
        match fault {
            Fault::Native(fault) => Self::native(fault),
            fault => CallRefused::of(fault).into(),
        }
    }

    /// What SNS says of a fault.
    pub(super) fn by_sns(fault: Fault) -> Self {
        match fault {
            Fault::Native(fault) => Self::native(fault),
            fault => CallRefused::by_sns(fault).into(),
        }
    }

    /// What the service of a producer's target says of a fault.
    pub(super) fn by_target(target: &ProducerTarget, fault: Fault) -> Self {
        match target {
            ProducerTarget::Queue(_) => Self::by_sqs(fault),
            ProducerTarget::Topic(_) => Self::by_sns(fault),
        }
    }

    fn native(fault: NativeFault) -> Self {
        Self::new(native_code(fault), native_sentence(fault))
    }

    /// Its code, for metrics.
    pub(super) const fn code(&self) -> FaultCode {
        self.code
    }

    /// How the audit log has it.
    pub(super) fn outcome(&self) -> Outcome<'static> {
        match self.code {
            FaultCode::AccessDenied | FaultCode::AuthorizationError | FaultCode::NotAuthenticated => {
                Outcome::Refused(self.name)
            }
            _ => Outcome::Failed(self.name),
        }
    }

    /// The sentence.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The payload of FAULT.
    pub(super) fn frame(&self, ends: Ends) -> Frame<'_> {
        Frame::new(self.code, ends, &self.text).named(self.name)
    }

    /// Whether a link has no use any more: what it was opened for does not exist, or is no longer permitted.
    pub(super) const fn ends_links(&self) -> bool {
        matches!(
            self.code,
            FaultCode::AccessDenied
                | FaultCode::QueueDoesNotExist
                | FaultCode::AuthorizationError
                | FaultCode::NotFound
        )
    }
}

impl From<CallRefused> for Refusal {
    fn from(refused: CallRefused) -> Self {
        let code = match &refused.cause {
            CallFault::UnknownAction => FaultCode::UnknownOperation,
            CallFault::Malformed => FaultCode::MalformedCall,
            CallFault::Fault(fault) => code(fault),
        };
        Self { code, name: refused.code, text: refused.message }
    }
}

impl From<&DecodeError> for Refusal {
    fn from(error: &DecodeError) -> Self {
        Self::new(error.fault_code(), error.to_string())
    }
}

/// The code of a fault of the broker.
pub(super) const fn code(fault: &Fault) -> FaultCode {
    match fault {
        Fault::AccessDenied(_) => FaultCode::AccessDenied,
        Fault::QueueDoesNotExist => FaultCode::QueueDoesNotExist,
        Fault::QueueNameExists { .. } => FaultCode::QueueNameExists,
        Fault::QueueDeletedRecently { .. } => FaultCode::QueueDeletedRecently,
        Fault::PurgeQueueInProgress { .. } => FaultCode::PurgeQueueInProgress,
        Fault::InvalidAttributeName { .. } => FaultCode::InvalidAttributeName,
        Fault::InvalidAttributeValue { .. } => FaultCode::InvalidAttributeValue,
        Fault::InvalidParameterValue(_) => FaultCode::InvalidParameterValue,
        Fault::MissingParameter(_) => FaultCode::MissingParameter,
        Fault::InvalidMessageContents => FaultCode::InvalidMessageContents,
        Fault::EmptyBatchRequest { .. } => FaultCode::EmptyBatchRequest,
        Fault::TooManyEntriesInBatchRequest(_) => FaultCode::TooManyEntriesInBatchRequest,
        Fault::BatchEntryIdsNotDistinct(_) => FaultCode::BatchEntryIdsNotDistinct,
        Fault::InvalidBatchEntryId { .. } => FaultCode::InvalidBatchEntryId,
        Fault::BatchRequestTooLong(_) => FaultCode::BatchRequestTooLong,
        Fault::ReceiptHandleIsInvalid(_) => FaultCode::ReceiptHandleIsInvalid,
        Fault::ReceiptHandleOfOtherQueue(_) => FaultCode::ReceiptHandleOfOtherQueue,
        Fault::ReceiptHandleExpired(_) => FaultCode::ReceiptHandleExpired,
        Fault::OverLimit(_) => FaultCode::OverLimit,
        Fault::UnsupportedOperation(_) => FaultCode::UnsupportedOperation,
        Fault::ResourceNotFound(_) => FaultCode::ResourceNotFound,
        Fault::Throttled => FaultCode::Throttled,
        Fault::StorageFull => FaultCode::StorageFull,
        Fault::Unavailable(_) => FaultCode::Unavailable,
        Fault::Internal => FaultCode::Internal,
        Fault::Sns(fault) => sns_code(fault),
        Fault::Native(fault) => native_code(*fault),
    }
}

const fn sns_code(fault: &SnsFault) -> FaultCode {
    match fault {
        SnsFault::AuthorizationError(_) => FaultCode::AuthorizationError,
        SnsFault::EndpointDisabled => FaultCode::EndpointDisabled,
        SnsFault::FilterPolicyLimitExceeded { .. } => FaultCode::FilterPolicyLimitExceeded,
        SnsFault::InvalidParameter(_) => FaultCode::InvalidParameter,
        SnsFault::ParameterValueInvalid(_) => FaultCode::ParameterValueInvalid,
        SnsFault::NotFound(_) => FaultCode::NotFound,
        SnsFault::OptedOut => FaultCode::OptedOut,
        SnsFault::PlatformApplicationDisabled => FaultCode::PlatformApplicationDisabled,
        SnsFault::ResourceNotFound(_) => FaultCode::SnsResourceNotFound,
        SnsFault::SubscriptionLimitExceeded(_) => FaultCode::SubscriptionLimitExceeded,
        SnsFault::TagLimitExceeded => FaultCode::TagLimitExceeded,
        SnsFault::TopicLimitExceeded(_) => FaultCode::TopicLimitExceeded,
        SnsFault::UserError(_) => FaultCode::UserError,
        SnsFault::Validation(_) => FaultCode::Validation,
        SnsFault::Verification => FaultCode::Verification,
    }
}

const fn native_code(fault: NativeFault) -> FaultCode {
    match fault {
        NativeFault::OutOfSequence { .. } | NativeFault::NumberOutOfRange => FaultCode::OutOfSequence,
        NativeFault::OutcomeUnknown => FaultCode::OutcomeUnknown,
        NativeFault::MessageCount { .. } | NativeFault::BatchTooLong { .. } => FaultCode::TooManyMessages,
    }
}

fn native_sentence(fault: NativeFault) -> Cow<'static, str> {
    match fault {
        NativeFault::OutOfSequence { last } => {
            format!("The first message does not follow number {last}, the last one that the broker knows.").into()
        }
        NativeFault::OutcomeUnknown => {
            "The broker does not remember whether the message was stored. It was not stored now.".into()
        }
        NativeFault::NumberOutOfRange => "Each message needs a number between 1 and the largest.".into(),
        NativeFault::MessageCount { found, max } => {
            format!("A batch has 1 to {max} messages. This one has {found}.").into()
        }
        NativeFault::BatchTooLong { bytes, max } => {
            format!("The messages of a batch have at most {max} bytes. These have {bytes}.").into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use posthouse_model::fault::{Denied, SnsResource, Unavailable};
    use posthouse_model::operation::MessageNumber;

    use super::*;

    #[test]
    fn a_refusal_has_the_names_that_sdks_show() {
        for (refusal, code, name, text) in [
            (
                Refusal::by_sqs(Fault::QueueDoesNotExist),
                FaultCode::QueueDoesNotExist,
                "AWS.SimpleQueueService.NonExistentQueue",
                "The specified queue does not exist.",
            ),
            (
                Refusal::by_sns(SnsFault::NotFound(SnsResource::Topic).into()),
                FaultCode::NotFound,
                "NotFound",
                "Topic does not exist",
            ),
            (
                Refusal::by_sqs(Fault::Native(NativeFault::OutOfSequence { last: MessageNumber::new(7) })),
                FaultCode::OutOfSequence,
                "OutOfSequence",
                "The first message does not follow number 7, the last one that the broker knows.",
            ),
            (
                Refusal::new(FaultCode::UnknownLink, "No such link."),
                FaultCode::UnknownLink,
                "UnknownLink",
                "No such link.",
            ),
        ] {
            let frame = refusal.frame(Ends::Request);
            assert_eq!((frame.code(), frame.name(), frame.text()), (Some(code), name, text));
        }
    }

    #[test]
    fn faults_with_different_remedies_have_different_codes() {
        let faults = [
            Fault::AccessDenied(Denied::NoAccount),
            Fault::QueueDoesNotExist,
            Fault::Throttled,
            Fault::StorageFull,
            Fault::Unavailable(Unavailable::ShuttingDown),
            Fault::Internal,
            Fault::Native(NativeFault::OutcomeUnknown),
        ];
        let codes: BTreeSet<_> = faults.iter().map(code).collect();
        assert_eq!(codes.len(), faults.len());
    }
}
