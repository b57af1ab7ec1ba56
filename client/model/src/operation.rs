//! Every operation: its request and its reply, one file each.
//!
//! A request names its queue by address; the codec has converted URLs, ARNs and sealed handles to these types. Random
//! bytes that a request needs (message ids, task ids) come with it.
//!
//! The table of operations below has one row for each. A new operation is a row, a file here, a decision in the engine,
//! and an encoder and decoder in each codec that knows its service.

pub mod batch;
pub mod change_message_visibility;
pub mod create_queue;
pub mod damaged;
pub mod delete_message;
pub mod get_queue_attributes;
pub mod list_queues;
pub mod message_move_task;
pub mod message_name;
pub mod native;
pub mod peek_messages;
pub mod permission;
pub mod platform;
pub mod publish;
pub mod push;
pub mod queue;
pub mod receive_message;
pub mod selected_messages;
pub mod send_message;
pub mod set_queue_attributes;
pub mod sms;
pub mod subscription;
pub mod tags;
pub mod topic;

pub use crate::confirmation_token::ConfirmationToken;
pub use batch::{Batch, BatchEntryId, BatchFailure, BatchIds, BatchReply};
pub use change_message_visibility::{ChangeMessageVisibility, ChangeMessageVisibilityBatch};
pub use create_queue::CreateQueue;
pub use damaged::{
    DamageCause, DamagedId, DamagedMessage, DropDamagedMessages, ListDamagedMessages, RecordPlace, TooManyIds,
};
pub use delete_message::{DeleteMessage, DeleteMessageBatch};
pub use get_queue_attributes::GetQueueAttributes;
pub use list_queues::{ListDeadLetterSourceQueues, ListQueues, QueuePage};
pub use message_move_task::{
    CancelMessageMoveTask, ListMessageMoveTasks, MoveTaskHandle, MoveTaskId, MoveTaskStatus, MoveTaskView,
    StartMessageMoveTask,
};
pub use message_name::{InvalidMessageName, MessageName};
pub use native::{
    ConsumerOpened, DeliverySettlement, MessageNumber, MessagesSent, MessagesSettled, Numbering, OpenConsumer,
    OpenProducer, ProducerId, ProducerOpened, ProducerTarget, PublishMessages, SendException, SendMessages,
    SettleMessages, Unsettled,
};
pub use peek_messages::{PeekMessages, Peeked, PeekedState, ShownStates};
pub use permission::{AddPermission, PermissionLabel, RemovePermission};
pub use platform::{
    CreatePlatformApplication, CreatePlatformEndpoint, DeleteEndpoint, DeletePlatformApplication, EndpointView,
    GetEndpointAttributes, GetPlatformApplicationAttributes, ListEndpointsByPlatformApplication,
    ListPlatformApplications, PlatformApplicationView, SetEndpointAttributes, SetPlatformApplicationAttributes,
};
pub use publish::{Publish, PublishBatch, PublishEntry, PublishTarget, Published};
pub use push::{PushChanges, PushSource, PushTarget, SettlePushes, Settlement, WatchPushTargets};
pub use queue::{DeleteQueue, GetQueueUrl, PurgeQueue};
pub use receive_message::{ReceiveMessage, ReceivedMessage};
pub use selected_messages::{
    CopySelectedMessages, DeleteSelectedMessages, InFlightRule, MoveSelectedMessages, Selected, SelectedOutcome,
    TooManySelected,
};
pub use send_message::{GivenIds, SendEntry, SendMessage, SendMessageBatch, Sent};
pub use set_queue_attributes::SetQueueAttributes;
pub use sms::{
    CheckIfPhoneNumberIsOptedOut, CreateSMSSandboxPhoneNumber, DeleteSMSSandboxPhoneNumber, GetSMSAttributes,
    GetSMSSandboxAccountStatus, ListOriginationNumbers, ListPhoneNumbersOptedOut, ListSMSSandboxPhoneNumbers,
    OptInPhoneNumber, SandboxNumber, SetSMSAttributes, SmsOptOut, VerifySMSSandboxPhoneNumber,
};
pub use subscription::{
    ConfirmSubscription, GetSubscriptionAttributes, ListSubscriptions, ListSubscriptionsByTopic,
    SetSubscriptionAttributes, Subscribe, Subscribed, SubscriptionSummary, SubscriptionView, Unsubscribe,
};
pub use tags::{ListQueueTags, TagKeys, TagQueue, Tags, UntagQueue};
pub use topic::{
    AddTopicPermission, CreateTopic, DeleteTopic, GetDataProtectionPolicy, GetTopicAttributes, ListTagsForResource,
    ListTopics, PutDataProtectionPolicy, RemoveTopicPermission, SetTopicAttributes, TagResource, TopicView,
    UntagResource,
};

use core::fmt;

use crate::attributes::QueueView;
use crate::endpoint::PhoneNumber;
use crate::name::QueueAddress;
use crate::platform_attributes::{EndpointAttributes, ShownAttributes};
use crate::sms_attributes::SmsAttributes;
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
    /// The broker's own: what its admin listener asks of the engine. Policies know those about messages of a queue by the
    /// actions of SQS that do as much.
    Admin,
    /// The broker's own: what the native protocol asks of the engine besides the operations of SQS and SNS. Policies
    /// know these by the actions of SQS and SNS that do the same.
    Native,
}

impl Service {
    /// The service as policies and signatures write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Sns => "sns",
            Self::Push => "push",
            Self::Admin => "admin",
            Self::Native => "native",
        }
    }
}

/// What an operation does to the storage, which decides whether a full disk refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageEffect {
    /// It writes nothing. It is never refused.
    Reads,
    /// It writes small events that end or move what is stored. A full disk's reserve is kept for these.
    Frees,
    /// It writes data that stays. A full disk refuses it.
    Adds,
}

/// An operation, named by the type of its request.
pub trait Operation: Into<Request> {
    /// Its name.
    const ACTION: Action;

    /// What a caller gets if it is carried out.
    type Reply;

    /// Takes this operation's reply out of [`Reply`].
    ///
    /// # Errors
    /// The reply as it was, if it is that of another operation.
    fn read_reply(reply: Reply) -> Result<Self::Reply, Reply>;
}

/// Takes one variant's content out of a [`Reply`].
macro_rules! read_reply {
    ($from:expr, $variant:ident) => {
        match $from {
            Reply::$variant => Ok(()),
            other => Err(other),
        }
    };
    ($from:expr, $variant:ident $content:ty) => {
        match $from {
            Reply::$variant(content) => Ok(content),
            other => Err(other),
        }
    };
}

/// The table of operations: for each its name, its text on the wire, its [`StorageEffect`], and the variant of
/// [`Reply`] that answers it. `waits` marks those whose request may wait in the engine.
macro_rules! actions {
    ($($service:ident $actions:ident {
        $($name:ident $text:literal $effect:ident $($waits:ident)? -> $reply:ident $(($content:ty))?;)*
    })*) => {
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

            /// What it does to the storage.
            #[must_use]
            pub const fn storage_effect(self) -> StorageEffect {
                match self { $($(Self::$name => StorageEffect::$effect,)*)* }
            }

            /// Whether a request of it may wait in the engine for its reply.
            #[must_use]
            pub const fn may_wait(self) -> bool {
                match self { $($(Self::$name => actions!(@waits $($waits)?),)*)* }
            }

            /// The operation of a service by its name.
            ///
            /// # Errors
            /// [`UnknownAction`] where the service has none of this name.
            pub fn find(service: Service, name: &str) -> Result<Self, UnknownAction> {
                match service { $(Service::$service => $actions::find(name).map($actions::action),)* }
            }
        }

        $(
            #[doc = concat!("The name of an operation of [`Service::", stringify!($service), "`].")]
            ///
            /// The codec of a service matches on this type, so that a new operation does not compile before it has its
            /// decoder there.
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub enum $actions { $(#[doc = concat!("`", $text, "`")] $name,)* }

            impl $actions {
                /// The operation as one of all services.
                #[must_use]
                pub const fn action(self) -> Action {
                    match self { $(Self::$name => Action::$name,)* }
                }

                /// The operation by its name.
                ///
                /// # Errors
                /// [`UnknownAction`] where the service has none of this name.
                pub fn find(name: &str) -> Result<Self, UnknownAction> {
                    match name {
                        $($text => Ok(Self::$name),)*
                        _ => Err(UnknownAction),
                    }
                }
            }
        )*

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

        $($(
            impl From<$name> for Request {
                fn from(request: $name) -> Self {
                    Self::$name(request)
                }
            }

            impl Operation for $name {
                const ACTION: Action = Action::$name;
                type Reply = actions!(@content $($content)?);

                fn read_reply(reply: Reply) -> Result<Self::Reply, Reply> {
                    read_reply!(reply, $reply $($content)?)
                }
            }
        )*)*
    };
    (@waits) => { false };
    (@waits waits) => { true };
    (@content) => { () };
    (@content $content:ty) => { $content };
}

actions! {
    Sqs SqsAction {
        AddPermission "AddPermission" Adds -> Done;
        CancelMessageMoveTask "CancelMessageMoveTask" Frees -> CancelMessageMoveTask(u64);
        ChangeMessageVisibility "ChangeMessageVisibility" Frees -> Done;
        ChangeMessageVisibilityBatch "ChangeMessageVisibilityBatch" Frees -> Batch(BatchReply<()>);
        CreateQueue "CreateQueue" Adds -> Queue(QueueAddress);
        DeleteMessage "DeleteMessage" Frees -> Done;
        DeleteMessageBatch "DeleteMessageBatch" Frees -> Batch(BatchReply<()>);
        DeleteQueue "DeleteQueue" Frees -> Done;
        GetQueueAttributes "GetQueueAttributes" Reads -> Attributes(QueueView);
        GetQueueUrl "GetQueueUrl" Reads -> Queue(QueueAddress);
        ListDeadLetterSourceQueues "ListDeadLetterSourceQueues" Reads -> Queues(QueuePage);
        ListMessageMoveTasks "ListMessageMoveTasks" Reads -> MoveTasks(Vec<MoveTaskView>);
        ListQueueTags "ListQueueTags" Reads -> Tags(Tags);
        ListQueues "ListQueues" Reads -> Queues(QueuePage);
        PurgeQueue "PurgeQueue" Frees -> Done;
        ReceiveMessage "ReceiveMessage" Frees waits -> ReceiveMessage(Vec<ReceivedMessage>);
        RemovePermission "RemovePermission" Frees -> Done;
        SendMessage "SendMessage" Adds -> SendMessage(Sent);
        SendMessageBatch "SendMessageBatch" Adds -> SendMessageBatch(BatchReply<Sent>);
        SetQueueAttributes "SetQueueAttributes" Adds -> Done;
        StartMessageMoveTask "StartMessageMoveTask" Adds -> StartMessageMoveTask(MoveTaskHandle);
        TagQueue "TagQueue" Adds -> Done;
        UntagQueue "UntagQueue" Frees -> Done;
    }
    Sns SnsAction {
        AddTopicPermission "AddPermission" Adds -> Done;
        CheckIfPhoneNumberIsOptedOut "CheckIfPhoneNumberIsOptedOut" Reads -> Flag(bool);
        ConfirmSubscription "ConfirmSubscription" Frees -> Subscription(SubscriptionAddress);
        CreatePlatformApplication "CreatePlatformApplication" Adds -> PlatformApplication(ApplicationAddress);
        CreatePlatformEndpoint "CreatePlatformEndpoint" Adds -> Endpoint(EndpointAddress);
        CreateSMSSandboxPhoneNumber "CreateSMSSandboxPhoneNumber" Adds -> Done;
        CreateTopic "CreateTopic" Adds -> Topic(TopicAddress);
        DeleteEndpoint "DeleteEndpoint" Frees -> Done;
        DeletePlatformApplication "DeletePlatformApplication" Frees -> Done;
        DeleteSMSSandboxPhoneNumber "DeleteSMSSandboxPhoneNumber" Frees -> Done;
        DeleteTopic "DeleteTopic" Frees -> Done;
        GetDataProtectionPolicy "GetDataProtectionPolicy" Reads -> DataProtectionPolicy(Option<crate::data_protection::DataProtectionPolicy>);
        GetEndpointAttributes "GetEndpointAttributes" Reads -> EndpointAttributes(EndpointAttributes);
        GetPlatformApplicationAttributes "GetPlatformApplicationAttributes" Reads -> PlatformAttributes(ShownAttributes);
        GetSMSAttributes "GetSMSAttributes" Reads -> SmsAttributes(SmsAttributes);
        GetSMSSandboxAccountStatus "GetSMSSandboxAccountStatus" Reads -> Flag(bool);
        GetSubscriptionAttributes "GetSubscriptionAttributes" Reads -> SubscriptionAttributes(Box<SubscriptionView>);
        GetTopicAttributes "GetTopicAttributes" Reads -> TopicAttributes(Box<TopicView>);
        ListEndpointsByPlatformApplication "ListEndpointsByPlatformApplication" Reads -> Endpoints(Page<EndpointView, EndpointAddress>);
        ListOriginationNumbers "ListOriginationNumbers" Reads -> OriginationNumbers;
        ListPhoneNumbersOptedOut "ListPhoneNumbersOptedOut" Reads -> PhoneNumbers(Page<PhoneNumber>);
        ListPlatformApplications "ListPlatformApplications" Reads -> PlatformApplications(Page<PlatformApplicationView, ApplicationAddress>);
        ListSMSSandboxPhoneNumbers "ListSMSSandboxPhoneNumbers" Reads -> SandboxNumbers(Page<SandboxNumber, PhoneNumber>);
        ListSubscriptions "ListSubscriptions" Reads -> Subscriptions(Page<SubscriptionSummary, SubscriptionAddress>);
        ListSubscriptionsByTopic "ListSubscriptionsByTopic" Reads -> Subscriptions(Page<SubscriptionSummary, SubscriptionAddress>);
        ListTagsForResource "ListTagsForResource" Reads -> Tags(Tags);
        ListTopics "ListTopics" Reads -> Topics(Page<TopicAddress>);
        OptInPhoneNumber "OptInPhoneNumber" Frees -> Done;
        Publish "Publish" Adds -> Published(Published);
        PublishBatch "PublishBatch" Adds -> PublishedBatch(BatchReply<Published>);
        PutDataProtectionPolicy "PutDataProtectionPolicy" Adds -> Done;
        RemoveTopicPermission "RemovePermission" Frees -> Done;
        SetEndpointAttributes "SetEndpointAttributes" Adds -> Done;
        SetPlatformApplicationAttributes "SetPlatformApplicationAttributes" Adds -> Done;
        SetSMSAttributes "SetSMSAttributes" Adds -> Done;
        SetSubscriptionAttributes "SetSubscriptionAttributes" Adds -> Done;
        SetTopicAttributes "SetTopicAttributes" Adds -> Done;
        Subscribe "Subscribe" Adds -> Subscribed(Subscribed);
        TagResource "TagResource" Adds -> Done;
        Unsubscribe "Unsubscribe" Frees -> Done;
        UntagResource "UntagResource" Frees -> Done;
        VerifySMSSandboxPhoneNumber "VerifySMSSandboxPhoneNumber" Frees -> Done;
    }
    Push PushAction {
        SettlePushes "SettlePushes" Frees -> Done;
        SmsOptOut "SmsOptOut" Frees -> Done;
        WatchPushTargets "WatchPushTargets" Reads waits -> PushChanges(PushChanges);
    }
    Admin AdminAction {
        CopySelectedMessages "CopySelectedMessages" Adds -> Selected(Vec<SelectedOutcome>);
        DeleteSelectedMessages "DeleteSelectedMessages" Frees -> Selected(Vec<SelectedOutcome>);
        DropDamagedMessages "DropDamagedMessages" Frees -> DroppedMessages(Vec<DamagedId>);
        ListDamagedMessages "ListDamagedMessages" Reads -> DamagedMessages(Page<DamagedMessage, DamagedId>);
        MoveSelectedMessages "MoveSelectedMessages" Frees -> Selected(Vec<SelectedOutcome>);
        PeekMessages "PeekMessages" Reads -> Peeked(Page<Peeked, crate::MessageKey>);
    }
    Native NativeAction {
        OpenConsumer "OpenConsumer" Reads -> ConsumerOpened(ConsumerOpened);
        OpenProducer "OpenProducer" Reads -> ProducerOpened(ProducerOpened);
        PublishMessages "PublishMessages" Adds -> MessagesSent(MessagesSent);
        SendMessages "SendMessages" Adds -> MessagesSent(MessagesSent);
        SettleMessages "SettleMessages" Frees -> MessagesSettled(MessagesSettled);
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

/// The reply to a request that was carried out.
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
    PlatformAttributes(ShownAttributes),
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
    DataProtectionPolicy(Option<crate::data_protection::DataProtectionPolicy>),
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
    /// `ListDamagedMessages`
    DamagedMessages(Page<DamagedMessage, DamagedId>),
    /// `DropDamagedMessages`: those that were dropped.
    DroppedMessages(Vec<DamagedId>),
    /// `PeekMessages`: `next` is the `after` of the next look; `None` behind the last message.
    Peeked(Page<Peeked, crate::MessageKey>),
    /// `CopySelectedMessages`, `DeleteSelectedMessages` and `MoveSelectedMessages`: what became of each message, in the
    /// order of the request.
    Selected(Vec<SelectedOutcome>),
    /// `OpenConsumer`
    ConsumerOpened(ConsumerOpened),
    /// `OpenProducer`
    ProducerOpened(ProducerOpened),
    /// `SendMessages` and `PublishMessages`
    MessagesSent(MessagesSent),
    /// `SettleMessages`
    MessagesSettled(MessagesSettled),
}

/// One page of a listing of SNS's: items of type `T`, each named by a `K`.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T, K = T> {
    /// The items of the page, in order.
    pub items: Vec<T>,
    /// The `after` of the request for the next page, which the codec seals as `NextToken`; `None` on the last page.
    pub next: Option<K>,
}

impl Request {
    /// Bytes of the messages that it brings, as they are stored; 0 for any other request.
    #[must_use]
    pub fn message_bytes(&self) -> u64 {
        if let Self::SendMessage(request) = self {
            request.message.as_bytes().len() as u64
        } else if let Self::SendMessageBatch(request) = self {
            request.entries().iter().map(|(_, entry)| entry.size_bytes()).sum()
        } else if let Self::Publish(request) = self {
            request.publication.as_ref().map_or(0, |publication| publication.size_bytes().into())
        } else if let Self::PublishBatch(request) = self {
            let entries = request.entries.iter().flat_map(Batch::iter);
            entries.map(|(_, entry)| u64::from(entry.publication.size_bytes())).sum()
        } else if let Self::SendMessages(request) = self {
            request.entries().iter().map(SendEntry::size_bytes).sum()
        } else if let Self::PublishMessages(request) = self {
            let publications = request.publications().iter().flatten();
            publications.map(|publication| u64::from(publication.size_bytes())).sum()
        } else {
            0
        }
    }
}
