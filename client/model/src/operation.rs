//! Every operation: what is asked and what is answered, one file each.
//!
//! A request names its queue by address; the doors have turned URLs, ARNs and sealed handles into these types. What a
//! request needs of chance (message ids, task ids) comes with it.

pub mod batch;
pub mod change_message_visibility;
pub mod create_queue;
pub mod delete_message;
pub mod get_queue_attributes;
pub mod list_queues;
pub mod message_move_task;
pub mod permission;
pub mod queue;
pub mod receive_message;
pub mod send_message;
pub mod set_queue_attributes;
pub mod tags;

pub use batch::{BatchEntryId, BatchFailure, BatchReply};
pub use change_message_visibility::{ChangeMessageVisibility, ChangeMessageVisibilityBatch, VisibilityEntry};
pub use create_queue::CreateQueue;
pub use delete_message::{DeleteEntry, DeleteMessage, DeleteMessageBatch};
pub use get_queue_attributes::GetQueueAttributes;
pub use list_queues::{ListDeadLetterSourceQueues, ListQueues, QueuePage};
pub use message_move_task::{
    CancelMessageMoveTask, ListMessageMoveTasks, MoveTaskHandle, MoveTaskId, MoveTaskStatus, MoveTaskView,
    StartMessageMoveTask,
};
pub use permission::{AddPermission, RemovePermission};
pub use queue::{DeleteQueue, GetQueueUrl, PurgeQueue};
pub use receive_message::{ReceiveMessage, ReceivedMessage, SequenceNumber};
pub use send_message::{SendEntry, SendMessage, SendMessageBatch, Sent};
pub use set_queue_attributes::SetQueueAttributes;
pub use tags::{ListQueueTags, TagQueue, Tags, UntagQueue};

use core::fmt;
use core::str::FromStr;

use crate::attributes::QueueView;
use crate::name::QueueAddress;

macro_rules! actions {
    ($($name:ident,)*) => {
        /// The name of an operation, as the wire protocols, policies and metrics write it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $(#[doc = concat!("`", stringify!($name), "`")] $name,)* }

        impl Action {
            /// Every operation, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The operation's name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }

        impl FromStr for Action {
            type Err = UnknownAction;

            fn from_str(text: &str) -> Result<Self, UnknownAction> {
                match text { $(stringify!($name) => Ok(Self::$name),)* _ => Err(UnknownAction) }
            }
        }

        /// What a caller asks of the broker.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request { $(#[doc = concat!("`", stringify!($name), "`")] $name($name),)* }

        impl Request {
            /// The operation's name.
            #[must_use]
            pub const fn action(&self) -> Action {
                match self { $(Self::$name(_) => Action::$name,)* }
            }
        }
    };
}

actions! {
    AddPermission,
    CancelMessageMoveTask,
    ChangeMessageVisibility,
    ChangeMessageVisibilityBatch,
    CreateQueue,
    DeleteMessage,
    DeleteMessageBatch,
    DeleteQueue,
    GetQueueAttributes,
    GetQueueUrl,
    ListDeadLetterSourceQueues,
    ListMessageMoveTasks,
    ListQueueTags,
    ListQueues,
    PurgeQueue,
    ReceiveMessage,
    RemovePermission,
    SendMessage,
    SendMessageBatch,
    SetQueueAttributes,
    StartMessageMoveTask,
    TagQueue,
    UntagQueue,
}

/// A name that no operation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAction;

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the broker answers to a request that it carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Done, and nothing more to say: `AddPermission`, `ChangeMessageVisibility`, `DeleteMessage`, `DeleteQueue`,
    /// `PurgeQueue`, `RemovePermission`, `SetQueueAttributes`, `TagQueue`, `UntagQueue`.
    Done,
    /// `CancelMessageMoveTask`: how many messages the task had moved.
    CancelMessageMoveTask(u64),
    /// `ChangeMessageVisibilityBatch` and `DeleteMessageBatch`
    Batch(BatchReply<()>),
    /// `CreateQueue` and `GetQueueUrl`: the queue, whose URL the door forms.
    Queue(QueueAddress),
    /// `GetQueueAttributes`
    Attributes(QueueView),
    /// `ListQueues` and `ListDeadLetterSourceQueues`
    Queues(QueuePage),
    /// `ListMessageMoveTasks`: the latest first.
    MoveTasks(Vec<MoveTaskView>),
    /// `ListQueueTags`
    Tags(Tags),
    /// `ReceiveMessage`
    ReceiveMessage(Vec<ReceivedMessage>),
    /// `SendMessage`
    SendMessage(Sent),
    /// `SendMessageBatch`
    SendMessageBatch(BatchReply<Sent>),
    /// `StartMessageMoveTask`
    StartMessageMoveTask(MoveTaskHandle),
}
