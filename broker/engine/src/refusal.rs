//! Why a single message is not taken: what the engine itself decides, whichever protocol brought the message.
//!
//! A refusal is small and closed, so that it can be remembered with the number of a native producer's message. The fault
//! that answers it is that of the message's queue or topic.

use posthouse_model::fault::{InvalidValue, Limit, Quota, Rule};
use posthouse_model::{Fault, SnsFault, message, notification};

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It breaks a rule of its own, as its sealer found out.
    Invalid,
    /// It has more bytes than its queue or topic takes.
    TooLong {
        bytes_max: u32,
    },
    /// It has a delay of its own, and the queue is FIFO.
    Delayed {
        seconds: u32,
    },
    GroupMissing,
    DeduplicationIdMissing,
    /// A quota on messages or bytes of the account is reached.
    Quota {
        of: LoadQuota,
        max: u64,
    },
    /// There is room again later.
    Throttled,
    /// Its values cannot be matched within the limits of filtering.
    TooManyFilterValues,
}

/// What of messages a quota limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoadQuota {
    Messages,
    Bytes,
}

impl Refusal {
    /// The fault of a message that was sent to a queue in a batch.
    pub(crate) fn of_queue(self) -> Fault {
        match self {
            Self::Invalid => Fault::InvalidMessageContents,
            Self::TooLong { bytes_max } => message::too_long(bytes_max),
            Self::Delayed { seconds } => Fault::invalid(InvalidValue::DelayOfFifoQueue { seconds }),
            Self::GroupMissing => Fault::invalid(InvalidValue::GroupIdMissing),
            Self::DeduplicationIdMissing => Fault::invalid(InvalidValue::DeduplicationIdMissing),
            Self::Quota { of, max } => of.fault(max),
            Self::Throttled | Self::TooManyFilterValues => Fault::Throttled,
        }
    }

    /// The fault of a message that was published to a topic.
    pub(crate) fn of_topic(self) -> Fault {
        match self {
            Self::Invalid | Self::Delayed { .. } => SnsFault::invalid("Message", Rule::Characters),
            Self::TooLong { .. } => notification::too_long(),
            Self::GroupMissing => SnsFault::invalid("MessageGroupId", Rule::GroupMissing),
            Self::DeduplicationIdMissing => SnsFault::invalid("MessageDeduplicationId", Rule::DeduplicationIdMissing),
            Self::Quota { of, max } => of.fault(max),
            Self::Throttled => Fault::Throttled,
            Self::TooManyFilterValues => SnsFault::invalid("Message", Rule::TooManyFilterValues),
        }
    }
}

impl LoadQuota {
    fn fault(self, max: u64) -> Fault {
        let of = match self {
            Self::Messages => Quota::Messages,
            Self::Bytes => Quota::Bytes,
        };
        Fault::OverLimit(Limit::Quota { of, max })
    }
}
