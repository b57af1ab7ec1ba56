//! Events: what happened, as it is written down. One file each (or each small family) draws the bytes.
//!
//! All numbers are little-endian; times are milliseconds since the Unix epoch. Kinds are never given again: an event
//! that changes its shape gets a new one.

mod bytes;
pub(crate) mod checkpoint;
pub(crate) mod clock_set;
pub(crate) mod damaged_kept;
pub(crate) mod dead_lettered;
pub(crate) mod enqueued;
pub(crate) mod given_back;
pub(crate) mod move_task;
pub(crate) mod pages;
pub(crate) mod producer;
pub(crate) mod published;
pub(crate) mod queue;
pub(crate) mod received;
pub(crate) mod registry;
pub(crate) mod removed;
pub(crate) mod set_aside;
#[cfg(test)]
mod tests;
pub(crate) mod topic;
pub(crate) mod visibility_changed;
pub(crate) mod window_moved;

use core::fmt;

use ::bytes::Bytes;
use posthouse_model::{Notification, QueueId, StoredMessage, Timestamp};

use crate::journal::Position;
use crate::malformed::Malformed;
use bytes::{Reader, Writer};
use checkpoint::{
    AttemptsKept, CheckpointBegan, CheckpointEnded, GroupsKept, MessagesKept, NamesKept, OriginalsKept, QueueKept,
};
use clock_set::ClockSet;
use damaged_kept::DamagedKept;
use dead_lettered::DeadLettered;
use enqueued::Enqueued;
use given_back::GivenBack;
use move_task::{MoveTaskEnded, MoveTaskStarted, Moved};
use pages::{PageKept, PageStored};
use producer::{MissedKept, ProducerForgotten, ProducerNoted, ProducersKept};
use published::Published;
use queue::{AttributesChanged, Emptied, QueueCreated, TagsChanged};
use received::Received;
use registry::{RegistryDeleted, RegistrySet};
use removed::Removed;
use set_aside::SetAside;
use topic::{SubscriptionDeleted, SubscriptionSet, TopicDeleted, TopicSet};
use visibility_changed::VisibilityChanged;
use window_moved::WindowMoved;

macro_rules! events {
    (
        $($(#[$doc:meta])* $number:literal $name:ident($body:ty),)*
        earlier: $($(#[$earlier_doc:meta])* $earlier:literal $current:ident($decode:path),)*
    ) => {
        /// The kinds of events.
        pub(crate) mod kind {
            $($(#[$doc])* #[expect(non_upper_case_globals, reason = "kinds are named like their events")]
            pub(crate) const $name: u8 = $number;)*
        }

        /// Something that happened.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) enum Event<'a> { $($(#[$doc])* $name($body),)* }

        impl<'a> Event<'a> {
            /// Its kind, as the journal stores it.
            pub(crate) const fn kind(&self) -> u8 {
                match self { $(Self::$name(_) => kind::$name,)* }
            }

            /// Writes its payload, but for its [`Event::tail`].
            pub(crate) fn encode(&self, out: &mut Vec<u8>) {
                match self { $(Self::$name(event) => event.encode(&mut Writer(out)),)* }
            }

            fn decode_kind(kind: u8, bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
                match kind {
                    $($number => <$body>::decode(bytes).map(Self::$name),)*
                    $($(#[$earlier_doc])* $earlier => $decode(bytes).map(Self::$current),)*
                    _ => Err("its kind is unknown"),
                }
            }
        }
    };
}

// The journal keeps kinds below 16 for itself.
events! {
    /// A message was sent.
    16 Enqueued(Enqueued<'a>),
    /// Messages were handed to a consumer.
    17 Received(Received<'a>),
    /// A consumer or an operator deleted messages.
    18 Deleted(Removed<'a>),
    /// Messages became older than their queue keeps them.
    19 Expired(Removed<'a>),
    /// Messages in flight come back at another time.
    20 VisibilityChanged(VisibilityChanged<'a>),
    /// A message move task was started.
    22 MoveTaskStarted(MoveTaskStarted),
    /// A message move task ended.
    24 MoveTaskEnded(MoveTaskEnded<'a>),
    /// A queue was created.
    25 QueueCreated(QueueCreated),
    /// A queue was deleted with all its messages.
    26 QueueDeleted(Emptied),
    /// Attributes of a queue were set.
    27 AttributesChanged(AttributesChanged),
    /// Tags of a queue were set.
    28 TagsChanged(TagsChanged),
    /// All messages of a queue were deleted.
    29 Purged(Emptied),
    /// A checkpoint began: replay may start here.
    32 CheckpointBegan(CheckpointBegan),
    /// A queue without its messages.
    33 QueueKept(QueueKept),
    /// What a queue's deduplication remembers, in part.
    34 OriginalsKept(OriginalsKept),
    /// Receive request attempts of a queue, in part.
    35 AttemptsKept(AttemptsKept<'a>),
    /// Names of queues deleted lately, in part.
    37 NamesKept(NamesKept),
    /// A checkpoint is whole.
    38 CheckpointEnded(CheckpointEnded),
    /// A message was published to a topic or a target.
    39 Published(Published<'a>),
    /// A topic was created or changed: its whole definition.
    40 TopicSet(TopicSet),
    /// A topic was deleted with all its subscriptions.
    41 TopicDeleted(TopicDeleted),
    /// A subscription was deleted.
    43 SubscriptionDeleted(SubscriptionDeleted),
    /// An entry of the registry was set.
    44 RegistrySet(RegistrySet),
    /// An entry of the registry was deleted.
    45 RegistryDeleted(RegistryDeleted),
    /// Turns of the groups of a FIFO queue, in part.
    46 GroupsKept(GroupsKept<'a>),
    /// A subscription was made or changed: all that it is.
    47 SubscriptionSet(SubscriptionSet),
    /// Messages went to a dead-letter queue.
    48 DeadLettered(DeadLettered<'a>),
    /// A message move task or an operator moved messages.
    49 Moved(Moved<'a>),
    /// Messages of a queue, in part.
    50 MessagesKept(MessagesKept<'a>),
    /// The clock was set.
    51 ClockSet(ClockSet),
    /// Messages whose records cannot be read were set aside.
    56 SetAside(SetAside),
    /// Damaged messages of a queue, in part.
    57 DamagedKept(DamagedKept),
    /// The operator dropped damaged messages.
    58 DamagedDropped(Removed<'a>),
    /// Messages that cannot be read for now come back later, as if they had not been received.
    59 GivenBack(GivenBack<'a>),
    /// A native producer is about to send messages, or messages of it were not taken.
    61 ProducerNoted(ProducerNoted),
    /// A message of the producer that was noted last was sent.
    62 NumberedEnqueued(Enqueued<'a>),
    /// A message of the producer that was noted last was published: all of it, or its last part.
    63 NumberedPublished(Published<'a>),
    /// A native producer was forgotten for want of room.
    64 ProducerForgotten(ProducerForgotten),
    /// What is remembered of native producers, in part.
    65 ProducersKept(ProducersKept),
    /// Until when producers may be missing that were forgotten for want of room, in part.
    67 MissedKept(MissedKept),
    /// Waiting messages of a queue were stored as a page.
    71 PageStored(PageStored),
    /// A stored page of a queue.
    72 PageKept(PageKept),
    /// The window of a queue with groups was moved.
    73 WindowMoved(WindowMoved),
    /// An operator had copies made of messages.
    84 Copied(Moved<'a>),
    // Kinds that are read and no longer written.
    earlier:
    // Without the failures of pushes.
    21 DeadLettered(DeadLettered::decode_without_failures),
    23 Moved(Moved::decode_without_failures),
    36 MessagesKept(MessagesKept::decode_without_failures),
    // Without the name of the user that subscribed.
    42 SubscriptionSet(SubscriptionSet::decode_without_subscriber),
}

impl<'a> Event<'a> {
    /// Reads an event back.
    pub(crate) fn decode(kind: u8, payload: &'a Bytes) -> Result<Self, InvalidEvent> {
        let mut bytes = Reader::new(payload);
        Self::decode_kind(kind, &mut bytes)
            .and_then(|event| bytes.end().map(|()| event))
            .map_err(|reason| InvalidEvent { kind, reason })
    }

    /// Whether it is a part of the publication whose other part is the event before it.
    pub(crate) const fn follows(&self) -> bool {
        matches!(self, Self::Published(event) | Self::NumberedPublished(event) if event.part.follows())
    }

    /// The queues whose messages or attributes it changes, but for those that it deletes.
    pub(crate) fn queues(&self) -> Vec<QueueId> {
        match self {
            Self::Enqueued(event) | Self::NumberedEnqueued(event) => vec![event.queue],
            Self::Received(event) => vec![event.queue],
            Self::Deleted(event) | Self::Expired(event) => vec![event.queue],
            Self::VisibilityChanged(event) => vec![event.queue],
            Self::DeadLettered(event) => vec![event.source, event.target],
            Self::MoveTaskStarted(event) => vec![event.source],
            Self::Moved(event) => event.messages.iter().map(|moved| moved.destination).chain([event.source]).collect(),
            Self::Copied(event) => event.messages.iter().map(|copied| copied.destination).collect(),
            Self::MoveTaskEnded(event) => vec![event.source],
            Self::AttributesChanged(event) => vec![event.queue],
            Self::Purged(event) => vec![event.queue],
            Self::SetAside(event) => vec![event.queue],
            Self::DamagedDropped(event) => vec![event.queue],
            Self::GivenBack(event) => vec![event.queue],
            Self::PageStored(event) => vec![event.queue],
            Self::WindowMoved(event) => vec![event.queue],
            Self::Published(event) | Self::NumberedPublished(event) => {
                event.recipients.iter().map(|recipient| recipient.queue).chain(event.deduplication_queue).collect()
            }
            Self::QueueCreated(_)
            | Self::QueueDeleted(_)
            | Self::TagsChanged(_)
            | Self::TopicSet(_)
            | Self::TopicDeleted(_)
            | Self::SubscriptionSet(_)
            | Self::SubscriptionDeleted(_)
            | Self::RegistrySet(_)
            | Self::RegistryDeleted(_)
            | Self::CheckpointBegan(_)
            | Self::QueueKept(_)
            | Self::OriginalsKept(_)
            | Self::AttemptsKept(_)
            | Self::MessagesKept(_)
            | Self::DamagedKept(_)
            | Self::GroupsKept(_)
            | Self::NamesKept(_)
            | Self::ClockSet(_)
            | Self::ProducerNoted(_)
            | Self::ProducerForgotten(_)
            | Self::ProducersKept(_)
            | Self::MissedKept(_)
            | Self::PageKept(_)
            | Self::CheckpointEnded(_) => Vec::new(),
        }
    }

    /// When it happened, if it says so.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Enqueued(event) | Self::NumberedEnqueued(event) => Some(event.sent),
            Self::Received(event) => Some(event.time),
            Self::Deleted(event) | Self::Expired(event) => Some(event.time),
            Self::VisibilityChanged(event) => Some(event.time),
            Self::MoveTaskStarted(event) => Some(event.time),
            Self::MoveTaskEnded(event) => Some(event.time),
            Self::QueueCreated(event) => Some(event.time),
            Self::QueueDeleted(event) | Self::Purged(event) => Some(event.time),
            Self::AttributesChanged(event) => Some(event.time),
            Self::CheckpointBegan(event) => Some(event.time),
            Self::Published(event) | Self::NumberedPublished(event) => Some(event.time),
            Self::TopicDeleted(event) => Some(event.time),
            Self::SubscriptionDeleted(event) => Some(event.time),
            Self::DeadLettered(event) => Some(event.time),
            Self::Moved(event) | Self::Copied(event) => Some(event.time),
            Self::ClockSet(event) => Some(event.0.to),
            Self::SetAside(event) => Some(event.time),
            Self::DamagedDropped(event) => Some(event.time),
            Self::GivenBack(event) => Some(event.time),
            Self::ProducerNoted(event) => Some(event.time),
            Self::WindowMoved(event) => Some(event.time),
            Self::TagsChanged(_)
            | Self::QueueKept(_)
            | Self::OriginalsKept(_)
            | Self::AttemptsKept(_)
            | Self::MessagesKept(_)
            | Self::DamagedKept(_)
            | Self::GroupsKept(_)
            | Self::NamesKept(_)
            | Self::ProducerForgotten(_)
            | Self::ProducersKept(_)
            | Self::MissedKept(_)
            | Self::PageStored(_)
            | Self::PageKept(_)
            | Self::CheckpointEnded(_)
            | Self::TopicSet(_)
            | Self::SubscriptionSet(_)
            | Self::RegistrySet(_)
            | Self::RegistryDeleted(_) => None,
        }
    }

    /// The end of its payload, which is not copied for encoding.
    pub(crate) fn tail(&self) -> &[u8] {
        match self {
            Self::Enqueued(event) | Self::NumberedEnqueued(event) => event.message.as_bytes(),
            Self::Published(event) | Self::NumberedPublished(event) => event.message.as_bytes(),
            _ => &[],
        }
    }
}

/// An event that cannot be read, or that does not fit what happened before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEvent {
    /// Its kind.
    pub kind: u8,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for InvalidEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid event of kind {}: {}", self.kind, self.reason)
    }
}

impl core::error::Error for InvalidEvent {}

/// A message as it lies in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The message.
    pub message: StoredMessage,
    /// What its notification says, if it was published through SNS.
    pub notification: Option<Notification>,
}

/// Cuts a message out of the payload of the record that a [`BodyRef`](crate::BodyRef) names: the one that `queue` got,
/// as the `copy`th if it got more than one, counted from zero. Copies nothing.
///
/// # Errors
/// [`InvalidEvent`] where the payload holds no message of that queue's.
#[expect(clippy::needless_pass_by_value, reason = "the message shares the payload's memory")]
pub fn stored_message(payload: Bytes, position: Position, queue: QueueId, copy: u64) -> Result<Stored, InvalidEvent> {
    // An `Enqueued` has zeros where a `Published` with recipients counts them.
    if payload.get(4..8).is_some_and(|count| count != [0; 4]) {
        let found = published::message(&payload, position, queue, copy);
        found
            .map(|(message, notification)| Stored { message, notification: Some(notification) })
            .map_err(|reason| InvalidEvent { kind: kind::Published, reason })
    } else {
        enqueued::message(&payload)
            .map(|message| Stored { message, notification: None })
            .map_err(|reason| InvalidEvent { kind: kind::Enqueued, reason })
    }
}
