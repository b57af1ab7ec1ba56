//! The closed list of faults: every way in which the broker refuses a request.
//!
//! A fault holds facts: which parameter, which value, which limit. The sentence that a client reads is written by the
//! table of its codec, which knows the protocol. `Display` is for logs.

mod denied;
mod filter;
mod limit;
mod mobile;
mod native;
mod parameter;
mod policy;
mod sns;
mod value;

use core::fmt;

use crate::name::QueueName;
use crate::time::Seconds;

pub use denied::{Denial, Denied, Grant, PolicyType};
pub use filter::{FilterLimit, FilterPlace, FilterProblem, FilterRule, NetworkRule};
pub use limit::{Limit, MissingResource, PolicyPart, Quota, Unavailable, Unsupported};
pub use mobile::{ApplicationNameRule, PlatformRule, SmsRule};
pub use native::NativeFault;
pub use parameter::{
    BatchEntryIdRule, Constraint, DeliveryPolicyRule, EndpointRule, InvalidMessageAttribute, InvalidParameter,
    JsonKind, MessageAttributeRule, Origin, Rule, SubscriptionRule, TopicType, Violation,
};
pub use policy::{ActionRule, PolicyLevel, PolicyProblem};
pub use sns::{FilterPolicyLimit, SnsFault, SnsMissing, SnsResource, SubscriptionLimit, TopicLimit, UserError};
pub use value::{AttributeNameRule, AttributeRule, InvalidValue, RangedParameter, RedriveAllowRule, RedriveRule};

/// Characters that a message repeats of what a caller sent: more than the handles and ARNs of AWS have.
const EXCERPT_CHARS_MAX: usize = 1024;

/// The beginning of a caller's text, at most 1,024 characters, for a message that repeats it.
#[must_use]
pub fn excerpt(text: &str) -> &str {
    text.char_indices().nth(EXCERPT_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller may not do this.
    AccessDenied(Denied),
    /// The queue that the request names does not exist, or the caller may not know that it does.
    QueueDoesNotExist,
    /// `CreateQueue` with another value for an attribute than the queue has.
    QueueNameExists {
        /// The first attribute that differs.
        attribute: &'static str,
    },
    /// A queue of this name was deleted less than `interval` ago.
    QueueDeletedRecently {
        /// How long a name cannot be used again.
        interval: Seconds,
    },
    /// The queue was purged less than `interval` ago.
    PurgeQueueInProgress {
        /// The queue's name.
        queue: QueueName,
        /// The least time between two purges.
        interval: Seconds,
    },
    /// An attribute cannot be set, or asked for, by this name.
    InvalidAttributeName {
        /// The name.
        name: Box<str>,
        /// Why not.
        rule: AttributeNameRule,
    },
    /// An attribute's value is out of its range or malformed.
    InvalidAttributeValue {
        /// The attribute.
        attribute: &'static str,
        /// The rule, where there is more to say.
        rule: Option<AttributeRule>,
    },
    /// A parameter's value is out of its range or malformed.
    InvalidParameterValue(Box<InvalidValue>),
    /// A required parameter is missing.
    MissingParameter(&'static str),
    /// A message contains characters that SQS does not allow.
    InvalidMessageContents,
    /// A batch without entries.
    EmptyBatchRequest {
        /// The name of the batch action.
        action: &'static str,
    },
    /// A batch with more than ten entries: how many.
    TooManyEntriesInBatchRequest(usize),
    /// Two entries of a batch have this id.
    BatchEntryIdsNotDistinct(Box<str>),
    /// A batch entry's id breaks a rule.
    InvalidBatchEntryId {
        /// The id, cut by the excerpt rule.
        id: Box<str>,
        /// The rule.
        rule: BatchEntryIdRule,
    },
    /// The entries of a batch are too large together: their bytes.
    BatchRequestTooLong(u64),
    /// A text is no receipt handle of this broker's: its beginning.
    ReceiptHandleIsInvalid(Box<str>),
    /// A receipt handle is of another queue: its text.
    ReceiptHandleOfOtherQueue(Box<str>),
    /// A receipt handle is no longer valid: its text.
    ReceiptHandleExpired(Box<str>),
    /// Something has as many parts as it may have.
    OverLimit(Limit),
    /// The operation is known but not for this queue or in this state.
    UnsupportedOperation(Unsupported),
    /// A resource that a message move task names does not exist.
    ResourceNotFound(MissingResource),
    /// The broker has more to do than it may hold: try again.
    Throttled,
    /// The disk is full: what would add data is refused.
    StorageFull,
    /// The broker takes no more requests.
    Unavailable(Unavailable),
    /// The broker cannot read what it stored; the log names the place.
    Internal,
    /// What only SNS says.
    Sns(SnsFault),
    /// What only the native protocol says.
    Native(NativeFault),
}

impl Fault {
    /// A value that breaks a rule.
    #[must_use]
    pub fn invalid(value: InvalidValue) -> Self {
        Self::InvalidParameterValue(Box::new(value))
    }

    /// A required parameter that is missing.
    #[must_use]
    pub const fn missing(parameter: &'static str) -> Self {
        Self::MissingParameter(parameter)
    }

    /// An attribute that there is not, or not for this queue.
    #[must_use]
    pub fn unknown_attribute(name: &str) -> Self {
        Self::InvalidAttributeName { name: name.into(), rule: AttributeNameRule::Unknown }
    }

    /// An attribute whose value is refused without a further reason.
    #[must_use]
    pub const fn invalid_attribute(attribute: &'static str) -> Self {
        Self::InvalidAttributeValue { attribute, rule: None }
    }

    /// The fault's name, for logs and metrics: that of its variant, the same in every protocol.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AccessDenied(_) => "AccessDenied",
            Self::QueueDoesNotExist => "QueueDoesNotExist",
            Self::QueueNameExists { .. } => "QueueNameExists",
            Self::QueueDeletedRecently { .. } => "QueueDeletedRecently",
            Self::PurgeQueueInProgress { .. } => "PurgeQueueInProgress",
            Self::InvalidAttributeName { .. } => "InvalidAttributeName",
            Self::InvalidAttributeValue { .. } => "InvalidAttributeValue",
            Self::InvalidParameterValue(_) => "InvalidParameterValue",
            Self::MissingParameter(_) => "MissingParameter",
            Self::InvalidMessageContents => "InvalidMessageContents",
            Self::EmptyBatchRequest { .. } => "EmptyBatchRequest",
            Self::TooManyEntriesInBatchRequest(_) => "TooManyEntriesInBatchRequest",
            Self::BatchEntryIdsNotDistinct(_) => "BatchEntryIdsNotDistinct",
            Self::InvalidBatchEntryId { .. } => "InvalidBatchEntryId",
            Self::BatchRequestTooLong(_) => "BatchRequestTooLong",
            Self::ReceiptHandleIsInvalid(_) => "ReceiptHandleIsInvalid",
            Self::ReceiptHandleOfOtherQueue(_) => "ReceiptHandleOfOtherQueue",
            Self::ReceiptHandleExpired(_) => "ReceiptHandleExpired",
            Self::OverLimit(_) => "OverLimit",
            Self::UnsupportedOperation(_) => "UnsupportedOperation",
            Self::ResourceNotFound(_) => "ResourceNotFound",
            Self::Throttled => "Throttled",
            Self::StorageFull => "StorageFull",
            Self::Unavailable(_) => "Unavailable",
            Self::Internal => "Internal",
            Self::Sns(fault) => fault.name(),
            Self::Native(fault) => fault.name(),
        }
    }
}

/// The name and the facts.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sns(fault) => fmt::Debug::fmt(fault, f),
            Self::Native(fault) => fmt::Debug::fmt(fault, f),
            fault => fmt::Debug::fmt(fault, f),
        }
    }
}

impl core::error::Error for Fault {}
