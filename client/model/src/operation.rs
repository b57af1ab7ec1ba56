//! Every operation: its request and its reply, one file each.
//!
//! A request names its queue by address; the codec has converted URLs, ARNs and sealed handles to these types. Random
//! bytes that a request needs (message ids, task ids) come with it.

pub mod batch;
pub mod change_message_visibility;
pub mod create_queue;
pub mod delete_message;
pub mod get_queue_attributes;
pub mod list_queues;
pub mod message_move_task;
pub mod permission;
pub mod platform;
pub mod publish;
pub mod push;
pub mod queue;
pub mod receive_message;
pub mod send_message;
pub mod set_queue_attributes;
pub mod sms;
pub mod subscription;
pub mod tags;
pub mod topic;

pub use batch::{Batch, BatchEntryId, BatchFailure, BatchIds, BatchReply};
pub use change_message_visibility::{ChangeMessageVisibility, ChangeMessageVisibilityBatch};
pub use create_queue::CreateQueue;
pub use delete_message::{DeleteMessage, DeleteMessageBatch};
pub use get_queue_attributes::GetQueueAttributes;
pub use list_queues::{ListDeadLetterSourceQueues, ListQueues, QueuePage};
pub use message_move_task::{
    CancelMessageMoveTask, ListMessageMoveTasks, MoveTaskHandle, MoveTaskId, MoveTaskStatus, MoveTaskView,
    StartMessageMoveTask,
};
pub use permission::{AddPermission, RemovePermission};
pub use platform::{
    CreatePlatformApplication, CreatePlatformEndpoint, DeleteEndpoint, DeletePlatformApplication, EndpointAttributes,
    EndpointView, GetEndpointAttributes, GetPlatformApplicationAttributes, ListEndpointsByPlatformApplication,
    ListPlatformApplications, PlatformApplicationView, PlatformAttributes, SetEndpointAttributes,
    SetPlatformApplicationAttributes,
};
pub use publish::{Publish, PublishBatch, PublishTarget, Published};
pub use push::{PushChanges, PushSource, PushTarget, SettlePushes, Settlement, WatchPushTargets};
pub use queue::{DeleteQueue, GetQueueUrl, PurgeQueue};
pub use receive_message::{ReceiveMessage, ReceivedMessage};
pub use send_message::{SendEntry, SendMessage, SendMessageBatch, Sent};
pub use set_queue_attributes::SetQueueAttributes;
pub use sms::{
    CheckIfPhoneNumberIsOptedOut, CreateSMSSandboxPhoneNumber, DeleteSMSSandboxPhoneNumber, GetSMSAttributes,
    GetSMSSandboxAccountStatus, ListOriginationNumbers, ListPhoneNumbersOptedOut, ListSMSSandboxPhoneNumbers,
    OptInPhoneNumber, SandboxNumber, SetSMSAttributes, SmsAttributes, SmsOptOut, VerifySMSSandboxPhoneNumber,
};
pub use subscription::{
    ConfirmSubscription, ConfirmationToken, GetSubscriptionAttributes, ListSubscriptions, ListSubscriptionsByTopic,
    SetSubscriptionAttributes, Subscribe, Subscribed, SubscriptionSummary, SubscriptionView, Unsubscribe,
};
pub use tags::{ListQueueTags, TagQueue, Tags, UntagQueue};
pub use topic::{
    AddTopicPermission, CreateTopic, DeleteTopic, GetDataProtectionPolicy, GetTopicAttributes, ListTagsForResource,
    ListTopics, PutDataProtectionPolicy, RemoveTopicPermission, SetTopicAttributes, TagResource, TopicView,
    UntagResource,
};

use core::fmt;

use crate::attributes::QueueView;
use crate::endpoint::PhoneNumber;
use crate::name::QueueAddress;
use crate::topic_name::{ApplicationAddress, EndpointAddress, SubscriptionAddress, TopicAddress};

/// Whose operation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Amazon SQS
    Sqs,
    /// Amazon SNS
    Sns,
    /// The broker's own: what push asks of the engine. No codec decodes these.
    Push,
}

impl Service {
    /// The service as policies and signatures write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Sns => "sns",
            Self::Push => "push",
        }
    }
}

macro_rules! actions {
    ($($service:ident { $($name:ident $text:literal,)* })*) => {
        /// The name of an operation, as the wire protocols, policies and metrics write it. The two operations that both
        /// services have are distinguished by `Topic` in the names of SNS's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($(#[doc = concat!("`", $text, "`")] $name,)*)* }

        impl Action {
            /// Every operation, by service and then in alphabetical order.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)*)*];

            /// The operation's name; only within its service it is unique.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$name => $text,)*)* }
            }

            /// Whose operation it is.
            #[must_use]
            pub const fn service(self) -> Service {
                match self { $($(Self::$name)|* => Service::$service,)* }
            }

            /// The operation of a service by its name.
            ///
            /// # Errors
            /// [`UnknownAction`] where the service has none of this name.
            pub fn find(service: Service, name: &str) -> Result<Self, UnknownAction> {
                match (service, name) {
                    $($((Service::$service, $text) => Ok(Self::$name),)*)*
                    _ => Err(UnknownAction),
                }
            }
        }

        /// A request of any operation.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request { $($(#[doc = concat!("`", $text, "`")] $name($name),)*)* }

        impl Request {
            /// The operation's name.
            #[must_use]
            pub const fn action(&self) -> Action {
                match self { $($(Self::$name(_) => Action::$name,)*)* }
            }
        }
    };
}

actions! {
    Sqs {
        AddPermission "AddPermission",
        CancelMessageMoveTask "CancelMessageMoveTask",
        ChangeMessageVisibility "ChangeMessageVisibility",
        ChangeMessageVisibilityBatch "ChangeMessageVisibilityBatch",
        CreateQueue "CreateQueue",
        DeleteMessage "DeleteMessage",
        DeleteMessageBatch "DeleteMessageBatch",
        DeleteQueue "DeleteQueue",
        GetQueueAttributes "GetQueueAttributes",
        GetQueueUrl "GetQueueUrl",
        ListDeadLetterSourceQueues "ListDeadLetterSourceQueues",
        ListMessageMoveTasks "ListMessageMoveTasks",
        ListQueueTags "ListQueueTags",
        ListQueues "ListQueues",
        PurgeQueue "PurgeQueue",
        ReceiveMessage "ReceiveMessage",
        RemovePermission "RemovePermission",
        SendMessage "SendMessage",
        SendMessageBatch "SendMessageBatch",
        SetQueueAttributes "SetQueueAttributes",
        StartMessageMoveTask "StartMessageMoveTask",
        TagQueue "TagQueue",
        UntagQueue "UntagQueue",
    }
    Sns {
        AddTopicPermission "AddPermission",
        CheckIfPhoneNumberIsOptedOut "CheckIfPhoneNumberIsOptedOut",
        ConfirmSubscription "ConfirmSubscription",
        CreatePlatformApplication "CreatePlatformApplication",
        CreatePlatformEndpoint "CreatePlatformEndpoint",
        CreateSMSSandboxPhoneNumber "CreateSMSSandboxPhoneNumber",
        CreateTopic "CreateTopic",
        DeleteEndpoint "DeleteEndpoint",
        DeletePlatformApplication "DeletePlatformApplication",
        DeleteSMSSandboxPhoneNumber "DeleteSMSSandboxPhoneNumber",
        DeleteTopic "DeleteTopic",
        GetDataProtectionPolicy "GetDataProtectionPolicy",
        GetEndpointAttributes "GetEndpointAttributes",
        GetPlatformApplicationAttributes "GetPlatformApplicationAttributes",
        GetSMSAttributes "GetSMSAttributes",
        GetSMSSandboxAccountStatus "GetSMSSandboxAccountStatus",
        GetSubscriptionAttributes "GetSubscriptionAttributes",
        GetTopicAttributes "GetTopicAttributes",
        ListEndpointsByPlatformApplication "ListEndpointsByPlatformApplication",
        ListOriginationNumbers "ListOriginationNumbers",
        ListPhoneNumbersOptedOut "ListPhoneNumbersOptedOut",
        ListPlatformApplications "ListPlatformApplications",
        ListSMSSandboxPhoneNumbers "ListSMSSandboxPhoneNumbers",
        ListSubscriptions "ListSubscriptions",
        ListSubscriptionsByTopic "ListSubscriptionsByTopic",
        ListTagsForResource "ListTagsForResource",
        ListTopics "ListTopics",
        OptInPhoneNumber "OptInPhoneNumber",
        Publish "Publish",
        PublishBatch "PublishBatch",
        PutDataProtectionPolicy "PutDataProtectionPolicy",
        RemoveTopicPermission "RemovePermission",
        SetEndpointAttributes "SetEndpointAttributes",
        SetPlatformApplicationAttributes "SetPlatformApplicationAttributes",
        SetSMSAttributes "SetSMSAttributes",
        SetSubscriptionAttributes "SetSubscriptionAttributes",
        SetTopicAttributes "SetTopicAttributes",
        Subscribe "Subscribe",
        TagResource "TagResource",
        Unsubscribe "Unsubscribe",
        UntagResource "UntagResource",
        VerifySMSSandboxPhoneNumber "VerifySMSSandboxPhoneNumber",
    }
    Push {
        SettlePushes "SettlePushes",
        SmsOptOut "SmsOptOut",
        WatchPushTargets "WatchPushTargets",
    }
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
    /// `PurgeQueue`, `RemovePermission`, `SetQueueAttributes`, `TagQueue`, `UntagQueue`; of SNS all that sets or
    /// deletes, and `OptInPhoneNumber`, `VerifySMSSandboxPhoneNumber`.
    Done,
    /// `CancelMessageMoveTask`: how many messages the task had moved.
    CancelMessageMoveTask(u64),
    /// `ChangeMessageVisibilityBatch` and `DeleteMessageBatch`
    Batch(BatchReply<()>),
    /// `CreateQueue` and `GetQueueUrl`: the queue, whose URL the codec forms.
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
    /// `CheckIfPhoneNumberIsOptedOut` and `GetSMSSandboxAccountStatus`
    Flag(bool),
    /// `CreatePlatformApplication`
    PlatformApplication(ApplicationAddress),
    /// `ListPlatformApplications`
    PlatformApplications(Page<PlatformApplicationView, ApplicationAddress>),
    /// `GetPlatformApplicationAttributes`
    PlatformAttributes(PlatformAttributes),
    /// `GetEndpointAttributes`
    EndpointAttributes(EndpointAttributes),
    /// `CreatePlatformEndpoint`
    Endpoint(EndpointAddress),
    /// `ListEndpointsByPlatformApplication`
    Endpoints(Page<EndpointView, EndpointAddress>),
    /// `ListPhoneNumbersOptedOut`
    PhoneNumbers(Page<PhoneNumber>),
    /// `ListSMSSandboxPhoneNumbers`
    SandboxNumbers(Page<SandboxNumber, PhoneNumber>),
    /// `GetSMSAttributes`: all that were set; the codec shows those that were asked for.
    SmsAttributes(SmsAttributes),
    /// `ListOriginationNumbers`: a broker has none.
    OriginationNumbers,
    /// `GetDataProtectionPolicy`
    DataProtectionPolicy(Option<Box<str>>),
    /// `Publish`
    Published(Published),
    /// `PublishBatch`
    PublishedBatch(BatchReply<Published>),
    /// `Subscribe`
    Subscribed(Subscribed),
    /// `ConfirmSubscription`
    Subscription(SubscriptionAddress),
    /// `GetSubscriptionAttributes`
    SubscriptionAttributes(Box<SubscriptionView>),
    /// `ListSubscriptions` and `ListSubscriptionsByTopic`
    Subscriptions(Page<SubscriptionSummary, SubscriptionAddress>),
    /// `CreateTopic`
    Topic(TopicAddress),
    /// `GetTopicAttributes`
    TopicAttributes(Box<TopicView>),
    /// `ListTopics`
    Topics(Page<TopicAddress>),
    /// `WatchPushTargets`
    PushChanges(PushChanges),
}

/// One page of a listing of SNS's: items of type `T`, each named by a `K`.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T, K = T> {
    /// The items of the page, in order.
    pub items: Vec<T>,
    /// The `after` of the request for the next page, which the codec seals as `NextToken`; `None` on the last page.
    pub next: Option<K>,
}
