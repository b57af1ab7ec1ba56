//! What only the native protocol refuses.

use crate::message_number::MessageNumber;

/// Why a batch of a native producer or consumer, or one of its messages, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeFault {
    /// The first number of a batch does not follow the last one that was decided. Nothing of the batch is stored.
    OutOfSequence {
        /// The producer's last number that was decided; [`MessageNumber::NONE`] if the producer is not known.
        last: MessageNumber,
    },
    /// A message was sent again, and the broker does not remember any more what it answered the first time. The message
    /// is not stored now; whether it was, is not known.
    OutcomeUnknown,
    /// A number is zero, or there are none left for the messages of the batch.
    NumberOutOfRange,
    /// A batch without messages, or with too many.
    MessageCount {
        /// How many it has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// The messages of a batch are too large together.
    BatchTooLong {
        /// Their bytes.
        bytes: u64,
        /// The most bytes.
        max: u64,
    },
}

impl NativeFault {
    /// Its name, for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutOfSequence { .. } => "OutOfSequence",
            Self::OutcomeUnknown => "OutcomeUnknown",
            Self::NumberOutOfRange => "NumberOutOfRange",
            Self::MessageCount { .. } => "MessageCount",
            Self::BatchTooLong { .. } => "BatchTooLong",
        }
    }
}
