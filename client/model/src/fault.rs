//! The closed list of what a caller can be told instead of a reply.
//!
//! The words are SQS's own, since clients match on them; each door maps a fault to its code and status in one
//! exhaustive table.

mod sns;

use core::fmt;

pub use sns::SnsFault;

/// Characters that a message repeats of what a caller sent.
const EXCERPT_CHARS_MAX: usize = 256;

/// The beginning of a caller's text, for a message that repeats it.
pub(crate) fn excerpt(text: &str) -> &str {
    text.char_indices().nth(EXCERPT_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

/// Why a request was refused. `Display` is the message that the caller reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No signature, or one that the broker cannot accept; the text says which.
    AccessDenied(Box<str>),
    /// The queue that the request names does not exist, or the caller may not know that it does.
    QueueDoesNotExist,
    /// `CreateQueue` with another value for this attribute than the queue has.
    QueueNameExists(Box<str>),
    /// A queue of this name was deleted less than this many seconds ago.
    QueueDeletedRecently(u32),
    /// This queue was purged less than this many seconds ago.
    PurgeQueueInProgress(Box<str>, u32),
    /// No attribute has this name.
    InvalidAttributeName(Box<str>),
    /// An attribute's value is out of its range or malformed: the attribute, and why where there is more to say.
    InvalidAttributeValue(Box<str>, Option<Box<str>>),
    /// A parameter's value is out of its range or malformed.
    InvalidParameterValue(Box<str>),
    /// A required parameter is missing.
    MissingParameter(Box<str>),
    /// Parameters that are valid alone but not together.
    InvalidParameterCombination(Box<str>),
    /// A message contains characters that SQS does not allow.
    InvalidMessageContents,
    /// A batch without entries.
    EmptyBatchRequest,
    /// A batch with more than ten entries: how many.
    TooManyEntriesInBatchRequest(usize),
    /// Two entries of a batch have this id.
    BatchEntryIdsNotDistinct(Box<str>),
    /// A batch entry's id breaks its rule.
    InvalidBatchEntryId,
    /// The entries of a batch are too large together: their bytes.
    BatchRequestTooLong(u64),
    /// The receipt handle is not one of this broker's, which is then said, or not of this queue.
    ReceiptHandleIsInvalid(Option<Box<str>>),
    /// The receipt handle's message is not in flight any more.
    MessageNotInflight,
    /// A FIFO queue's receipt handle is no longer valid for deleting.
    ReceiptHandleExpired,
    /// Too many messages in flight, statements in a policy, tags and so on: which.
    OverLimit(Box<str>),
    /// The operation is known but not for this queue or in this state.
    UnsupportedOperation(Box<str>),
    /// A named resource (a message move task, its queue) does not exist.
    ResourceNotFound(Box<str>),
    /// The broker has more to do than it may hold: try again.
    Throttled,
    /// The disk is full: what would add data is refused.
    StorageFull,
    /// The broker is stopping or its log has failed: it takes nothing more.
    Unavailable(Box<str>),
    /// The broker cannot read what it stored; the log names the place.
    Internal,
    /// What only SNS says.
    Sns(SnsFault),
}

impl Fault {
    /// A parameter that breaks a rule, in the given words.
    #[must_use]
    pub fn invalid_parameter(message: &str) -> Self {
        Self::InvalidParameterValue(message.into())
    }

    /// `Value V for parameter P is invalid. Reason: R`, SQS's most common sentence.
    #[must_use]
    pub fn invalid_value(value: impl fmt::Display, parameter: &str, reason: &str) -> Self {
        Self::InvalidParameterValue(
            format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}").into(),
        )
    }

    /// A required parameter that is missing.
    #[must_use]
    pub fn missing(parameter: &str) -> Self {
        Self::MissingParameter(parameter.into())
    }

    /// An attribute whose value is refused without a further reason.
    #[must_use]
    pub fn invalid_attribute(attribute: &str) -> Self {
        Self::InvalidAttributeValue(attribute.into(), None)
    }

    /// Whether the caller is at fault, as SQS's `SenderFault` and error types say.
    #[must_use]
    pub const fn is_senders(&self) -> bool {
        !matches!(self, Self::Throttled | Self::StorageFull | Self::Unavailable(_) | Self::Internal)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueDoesNotExist => f.write_str("The specified queue does not exist."),
            Self::QueueNameExists(attribute) => write!(
                f,
                "A queue already exists with the same name and a different value for attribute {attribute}"
            ),
            Self::QueueDeletedRecently(seconds) => write!(
                f,
                "You must wait {seconds} seconds after deleting a queue before you can create another with the same name."
            ),
            Self::PurgeQueueInProgress(queue, seconds) => {
                write!(f, "Only one PurgeQueue operation on {queue} is allowed every {seconds} seconds.")
            }
            Self::InvalidAttributeName(name) => write!(f, "Unknown Attribute {name}."),
            Self::InvalidAttributeValue(attribute, None) => write!(f, "Invalid value for the parameter {attribute}."),
            Self::InvalidAttributeValue(attribute, Some(reason)) => {
                write!(f, "Invalid value for the parameter {attribute}. Reason: {reason}")
            }
            Self::MissingParameter(parameter) => write!(f, "The request must contain the parameter {parameter}."),
            Self::InvalidMessageContents => f.write_str("Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"),
            Self::EmptyBatchRequest => f.write_str("There should be at least one entry in the request."),
            Self::TooManyEntriesInBatchRequest(entries) => {
                write!(f, "Maximum number of entries per request are 10. You have sent {entries}.")
            }
            Self::BatchEntryIdsNotDistinct(id) => write!(f, "Id {id} repeated."),
            Self::InvalidBatchEntryId => f.write_str(
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ),
            Self::BatchRequestTooLong(bytes) => write!(
                f,
                "Batch requests cannot be longer than {} bytes. You have sent {bytes} bytes.",
                crate::limits::BATCH_SIZE_MAX_BYTES
            ),
            Self::ReceiptHandleIsInvalid(Some(handle)) => {
                write!(f, "The input receipt handle \"{handle}\" is not a valid receipt handle.")
            }
            Self::ReceiptHandleIsInvalid(None) => f.write_str("The input receipt handle is invalid."),
            Self::MessageNotInflight => f.write_str("The message referred to isn't in flight."),
            Self::ReceiptHandleExpired => {
                f.write_str("Value for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")
            }
            Self::Throttled => f.write_str("The broker is at its configured limits; try again."),
            Self::StorageFull => f.write_str("The disk is full; receiving and deleting messages still works."),
            Self::Sns(fault) => fault.fmt(f),
            Self::Internal => f.write_str("The broker could not read what it stored; its log says where."),
            Self::AccessDenied(message)
            | Self::InvalidParameterValue(message)
            | Self::InvalidParameterCombination(message)
            | Self::OverLimit(message)
            | Self::UnsupportedOperation(message)
            | Self::ResourceNotFound(message)
            | Self::Unavailable(message) => f.write_str(message),
        }
    }
}

impl core::error::Error for Fault {}
