//! `PeekMessages`: looking at the messages of a queue without receiving them.
//!
//! A look changes nothing: no message is received, hidden, counted or dead-lettered. It needs the permission of
//! `ReceiveMessage`, because it shows as much.

use crate::limits::PEEKED_MAX;
use crate::name::QueueAddress;
use crate::operation::{DamageCause, MessageName, ReceivedMessage};
use crate::ranges::PageSize;
use crate::receipt::MessageKey;
use crate::time::Timestamp;

/// Looks at messages of a queue, in the order in which they were put into it. Answered with a [`super::Page`] of those
/// that are in one of the states to show, which may be none although there are more behind: one look is short.
#[derive(Clone, Debug, PartialEq)]
pub struct PeekMessages {
    /// The queue.
    pub queue: QueueAddress,
    /// Only messages behind this one; `None` for the first look.
    pub after: Option<MessageKey>,
    /// Which messages to show.
    pub states: ShownStates,
    /// Messages at most that are looked at, whether they are shown or not.
    pub messages_max: PageSize<PEEKED_MAX>,
}

/// The states whose messages a look shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownStates {
    /// Messages that can be received.
    pub visible: bool,
    /// Messages whose delay has not ended.
    pub delayed: bool,
    /// Messages that were received and neither deleted nor given back.
    pub in_flight: bool,
    /// Messages whose records cannot be read.
    pub damaged: bool,
}

impl ShownStates {
    /// All messages.
    pub const ALL: Self = Self { visible: true, delayed: true, in_flight: true, damaged: true };
    /// Messages that can be received.
    pub const VISIBLE: Self = Self { visible: true, delayed: false, in_flight: false, damaged: false };
}

/// Whether a message that a look shows can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeekedState {
    /// Now; in a FIFO queue when all before it in its group have left.
    Visible,
    /// When its delay is over.
    Delayed(Timestamp),
    /// When its visibility timeout is over.
    InFlight(Timestamp),
}

/// What a look shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Peeked {
    /// A message. The count of its receives and the generation of its handle are those before any next receive; the time
    /// of the first receive is the epoch if there was none.
    Message(Box<ReceivedMessage>, PeekedState),
    /// A message whose record cannot be read now, and that is not set aside: a look changes nothing.
    Unreadable {
        /// Its name.
        name: MessageName,
        /// Whether it can be received.
        state: PeekedState,
        /// Why its record cannot be read; `None` if the disk refused for a reason that says nothing of the record.
        cause: Option<DamageCause>,
        /// When it was sent.
        sent: Timestamp,
        /// How often consumers received it.
        receive_count: u32,
    },
    /// A message that was set aside, because its record cannot be read.
    Damaged {
        /// Its name.
        name: MessageName,
        /// Why its record cannot be read.
        cause: DamageCause,
        /// When it was sent.
        sent: Timestamp,
        /// How often consumers received it.
        receive_count: u32,
        /// Its `MessageGroupId`, if it is known; empty for none.
        group: Box<str>,
    },
    /// Messages that can be received, whose page of the queue's index cannot be read.
    Unlisted {
        /// The first of them.
        first: MessageName,
        /// The last of them.
        last: MessageName,
        /// How many.
        messages: u32,
    },
}

impl Peeked {
    /// The message, or the first of those that are not listed.
    #[must_use]
    pub const fn name(&self) -> MessageName {
        match self {
            Self::Message(message, _) => MessageName { queue: message.handle.queue, message: message.handle.message },
            Self::Unreadable { name, .. } | Self::Damaged { name, .. } => *name,
            Self::Unlisted { first, .. } => *first,
        }
    }
}
